"""A recorded computation: traced once on example values, replayed for any number of draws.

Constants are folded while tracing (an operation whose arguments are all constant is computed at
once), and equal operations are recorded once. Replaying costs one dictionary-free call per
operation; the reverse sweep uses the rules of `ppl.backend.op.Op`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.op import Array, Op, Traced


@dataclass(frozen=True)
class Instruction:
    """``values[out] = op(*inputs, **attributes)``; an input is a slot number or a constant."""

    op: Op
    slots: tuple[int | None, ...]
    constants: tuple[Any, ...]
    attributes: dict[str, Any]
    out: int


class Value(Traced):
    """A traced array: a slot of the tape and the example value it had while tracing."""

    __array_ufunc__ = None  # numpy arrays on the left defer to the reflected operators below

    def __init__(self, recorder: Tape, slot: int, example: Array) -> None:
        self.recorder: Tape = recorder
        self.slot = slot
        self.example = example

    @property
    def shape(self) -> tuple[int, ...]:
        return np.shape(self.example)

    @property
    def ndim(self) -> int:
        return np.ndim(self.example)

    def __add__(self, other: Any) -> Any:
        return xp.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return xp.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return xp.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return xp.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return xp.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return xp.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return xp.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return xp.divide(other, self)

    def __pow__(self, other: Any) -> Any:
        return xp.power(self, other)

    def __neg__(self) -> Any:
        return xp.negative(self)


def _key(constant: Any) -> Any:
    """A hashable stand-in: arrays by identity (the tape keeps them alive), the rest by value."""
    return ("id", id(constant)) if isinstance(constant, np.ndarray) else (type(constant), constant)


class Tape:
    """The list of instructions between one input ``z`` (draws, size) and one output (draws,)."""

    def __init__(self, example: Array) -> None:
        self.instructions: list[Instruction] = []
        self.slots = 1
        self._known: dict[Any, Value] = {}
        self.input = Value(self, 0, example)
        self.output: Value | None = None

    def record(self, op: Op, args: tuple[Any, ...], attributes: dict[str, Any]) -> Value:
        """Append one operation (or find it), computing its example value."""
        slots = tuple(a.slot if isinstance(a, Value) else None for a in args)
        constants = tuple(None if isinstance(a, Value) else a for a in args)
        key = (
            op.name,
            slots,
            tuple(map(_key, constants)),
            tuple((k, _attribute(v)) for k, v in attributes.items()),
        )
        if key in self._known:
            return self._known[key]
        with np.errstate(all="ignore"):
            example = op.forward(*[a.example if isinstance(a, Value) else a for a in args], **attributes)
        value = Value(self, self.slots, example)
        self.instructions.append(Instruction(op, slots, constants, attributes, self.slots))
        self.slots += 1
        self._known[key] = value
        return value

    def finish(self, output: Any) -> Program:
        """Drop what the output does not need and freeze the rest."""
        if not isinstance(output, Value):
            return Program((), 1, None, np.asarray(output, dtype=float))
        needed = {output.slot}
        kept = []
        for instruction in reversed(self.instructions):
            if instruction.out in needed:
                kept.append(instruction)
                needed.update(s for s in instruction.slots if s is not None)
        sizes = [
            np.size(v.example) / max(np.shape(v.example)[0], 1)
            for v in self._known.values()
            if v.slot in needed
        ]
        return Program(
            tuple(reversed(kept)), self.slots, output.slot, None, max(sizes, default=1.0), sum(sizes)
        )


def _attribute(value: Any) -> Any:
    return ("id", id(value)) if isinstance(value, np.ndarray) else value


@dataclass(frozen=True)
class Program:
    """A finished tape: ``value`` and ``value_and_grad`` of a function of ``z`` (draws, size)."""

    instructions: tuple[Instruction, ...]
    slots: int
    output: int | None
    constant: Array | None
    widest: float = 1.0
    work: float = 1.0

    def _forward(self, z: Array) -> list[Any]:
        values: list[Any] = [None] * self.slots
        values[0] = z
        for i in self.instructions:
            args = [c if s is None else values[s] for s, c in zip(i.slots, i.constants, strict=True)]
            values[i.out] = i.op.forward(*args, **i.attributes)
        return values

    def value(self, z: Array) -> Array:
        """The output (draws,) at z."""
        if self.output is None:
            return np.broadcast_to(np.asarray(self.constant), (len(z),))
        with np.errstate(all="ignore"):
            return self._forward(z)[self.output]

    def value_and_grad(self, z: Array) -> tuple[Array, Array]:
        """The output (draws,) and the gradient of each draw's output in its own z (draws, size)."""
        if self.output is None:
            return np.broadcast_to(np.asarray(self.constant), (len(z),)), np.zeros_like(z)
        with np.errstate(all="ignore"):
            values = self._forward(z)
            return values[self.output], self._backward(values)

    def _backward(self, values: list[Any]) -> Array:
        cotangents: list[Any] = [None] * self.slots
        assert self.output is not None
        cotangents[self.output] = np.ones_like(values[self.output])
        for i in reversed(self.instructions):
            g = cotangents[i.out]
            if g is None:
                continue
            cotangents[i.out] = None
            args = tuple(c if s is None else values[s] for s, c in zip(i.slots, i.constants, strict=True))
            for n, slot in enumerate(i.slots):
                if slot is None or _no_rule(i.op, n):
                    continue
                part = i.op.pull(n, g, values[i.out], args, i.attributes)
                known = cotangents[slot]
                cotangents[slot] = part if known is None else known + part
        return np.zeros_like(values[0]) if cotangents[0] is None else cotangents[0]


def _no_rule(op: Op, n: int) -> bool:
    return (op.vjps[n] if n < len(op.vjps) else op.vjps[-1]) is None
