"""Derivatives straight from the values seen while tracing: for computations that differ at every step.

A minibatch has other rows, other gathers and other constants each time, so there is nothing to
replay: tracing is the forward pass, and one reverse sweep over the instructions gives the slopes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ppl.backend.op import Array
from ppl.backend.tape import Tape, Value


def gradients(tape: Tape, output: Value, inputs: Sequence[Value]) -> tuple[Array, list[Array]]:
    """The output's value, and the derivative of its sum in each input.

    Cotangents keep the precision of their arguments, so that a float32 computation stays one.

    >>> from ppl.backend import ops as xp
    >>> tape = Tape(np.zeros(1))
    >>> x = tape.another_input(np.array([[2.0, 3.0]]))
    >>> value, (slope,) = gradients(tape, xp.sum(xp.square(x), axis=(-1,)), [x])
    >>> value.tolist(), slope.tolist()
    ([13.0], [[4.0, 6.0]])
    """
    values = tape.examples
    needed = _needed(tape, inputs)
    found: dict[int, Array] = {output.slot: np.ones_like(values[output.slot])}
    wanted = {v.slot for v in inputs}
    with np.errstate(all="ignore"):
        for i in reversed(tape.instructions):
            g = found.get(i.out) if i.out in wanted else found.pop(i.out, None)
            if g is None:
                continue
            arguments = [c if s is None else values[s] for s, c in zip(i.slots, i.constants, strict=True)]
            for n, slot in enumerate(i.slots):
                if slot not in needed or i.op.vjps[min(n, len(i.op.vjps) - 1)] is None:
                    continue
                part = i.op.pull(n, g, values[i.out], tuple(arguments), i.attributes)
                assert slot is not None
                _accumulate(found, slot, part, values[slot])
    return values[output.slot], [
        found[v.slot] if v.slot in found else np.zeros_like(values[v.slot]) for v in inputs
    ]


def _needed(tape: Tape, inputs: Sequence[Value]) -> set[int | None]:
    """The slots through which an input reaches anything."""
    found: set[int | None] = {v.slot for v in inputs}
    for i in tape.instructions:
        if not found.isdisjoint(i.slots):
            found.add(i.out)
    found.discard(None)
    return found


def replay(tape: Tape, inputs: Sequence[tuple[Value, Array]]) -> None:
    """Compute everything on the tape anew, some inputs changed.

    >>> from ppl.backend import ops as xp
    >>> tape = Tape(np.zeros(1))
    >>> x = tape.another_input(np.array([2.0]))
    >>> y = xp.square(x)
    >>> replay(tape, [(x, np.array([3.0]))])
    >>> tape.examples[y.slot].tolist()
    [9.0]
    """
    values = tape.examples
    for value, array in inputs:
        values[value.slot] = array
    with np.errstate(all="ignore"):
        for i in tape.instructions:
            arguments = [c if s is None else values[s] for s, c in zip(i.slots, i.constants, strict=True)]
            values[i.out] = tape.narrowed(i.op.forward(*arguments, **i.attributes))


def _accumulate(found: dict[int, Array], slot: int, part: Array, value: Array) -> None:
    kind = np.asarray(value).dtype
    if part.dtype != kind:
        part = part.astype(kind)
    known = found.get(slot)
    found[slot] = part if known is None else known + part
