"""A recorded computation: traced once on example values, replayed for any number of draws.

Constants are folded while tracing (an operation whose arguments are all constant is computed at
once), and equal operations are recorded once. Replaying costs one dictionary-free call per
operation; the reverse sweep uses the rules of `ppl.backend.op.Op`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from ppl.backend import ops as xp
from ppl.backend.distinct import Slices, on_slices
from ppl.backend.op import Array, Op, Traced, unbroadcast


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
        self.slices: Slices | None = None

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
    """The list of instructions between one input ``z`` (draws, size) and one output (draws,).

    ``kind``: the precision that float64 constants and answers are brought to, as `np.float32`.
    """

    def __init__(self, example: Array, kind: type | None = None) -> None:
        self.kind = None if kind is np.float64 else kind
        self._narrow: dict[int, tuple[Array, Array]] = {}
        self.instructions: list[Instruction] = []
        self.slots = 1
        self._known: dict[Any, Value] = {}
        self.examples: list[Array] = [example]
        self.input = Value(self, 0, example)
        self._more: list[Value] = []
        self.output: Value | None = None

    def record(self, op: Op, args: tuple[Any, ...], attributes: dict[str, Any]) -> Value:
        """Append one operation (or find it), computing its example value."""
        if self.kind is not None:
            args = tuple(self._constant(a) for a in args)
        slices = on_slices(op, args, attributes)
        if slices is not None:
            value = self._append(xp.take, (slices.distinct, slices.codes), {"axis": slices.axis})
            value.slices = slices
            return value
        return self._append(op, args, attributes)

    def _append(self, op: Op, args: tuple[Any, ...], attributes: dict[str, Any]) -> Value:
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
        example = self.narrowed(example)
        value = Value(self, self.slots, example)
        self.instructions.append(Instruction(op, slots, constants, attributes, self.slots))
        self.examples.append(example)
        self.slots += 1
        self._known[key] = value
        return value

    def narrowed(self, x: Array) -> Array:
        """An answer in the tape's precision: literals and counts are float64, and would spread."""
        if self.kind is None or getattr(x, "dtype", None) != np.float64:
            return x
        return x.astype(self.kind)

    def _constant(self, x: Any) -> Any:
        """An array of constants in the tape's precision, the same one each time."""
        if not isinstance(x, np.ndarray) or x.dtype != np.float64:
            return x
        if id(x) not in self._narrow:
            self._narrow[id(x)] = (x, self.narrowed(x))
        return self._narrow[id(x)][1]

    def another_input(self, example: Array) -> Value:
        """One more input: for `ppl.backend.eager.gradients`, as a `Program` has but one."""
        value = Value(self, self.slots, example)
        self.examples.append(example)
        self.slots += 1
        self._more.append(value)
        return value

    def release(self) -> None:
        """Let go of every array, once the slopes are known: a tape and its values refer to each other.

        They would stay until Python looks for cycles, which it does by their number and not by their size.
        """
        for value in (self.input, *self._more, *self._known.values()):
            value.example = np.zeros(0)
            value.slices = None
        for held in (self.instructions, self.examples, self._known, self._narrow, self._more):
            held.clear()

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

    @cached_property
    def _calls(self) -> tuple[tuple[int, Callable[[list[Any]], Array]], ...]:
        return tuple((i.out, _call(i)) for i in self.instructions)

    @cached_property
    def _pulls(self) -> tuple[_Pull, ...]:
        return tuple(_pull(i) for i in reversed(self.instructions))

    def _forward(self, z: Array) -> list[Any]:
        values: list[Any] = [None] * self.slots
        values[0] = z
        for out, call in self._calls:
            values[out] = call(values)
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
            return values[self.output], self._backward(values, np.ones_like(values[self.output]))

    def pulled(self, z: Array, cotangent: Array) -> Array:
        """The gradient in z (draws, size) of the output times a cotangent of its shape, summed."""
        if self.output is None:
            return np.zeros_like(z)
        with np.errstate(all="ignore"):
            return self._backward(self._forward(z), cotangent)

    def _backward(self, values: list[Any], cotangent: Array) -> Array:
        cotangents: list[Any] = [None] * self.slots
        assert self.output is not None
        cotangents[self.output] = cotangent
        for p in self._pulls:
            g = cotangents[p.out]
            if g is None:
                continue
            cotangents[p.out] = None
            args = [c if s is None else values[s] for s, c in p.arguments]
            for slot, vjp, broadcasts in p.rules:
                part = vjp(g, values[p.out], *args)
                if broadcasts:
                    shape = values[slot].shape
                    if part.shape != shape:
                        part = unbroadcast(part, shape)
                known = cotangents[slot]
                cotangents[slot] = part if known is None else known + part
        return np.zeros_like(values[0]) if cotangents[0] is None else cotangents[0]


@dataclass(frozen=True)
class _Pull:
    """One instruction's reverse step: where its arguments are, and (slot, rule, broadcasts) of each."""

    out: int
    arguments: tuple[tuple[int | None, Any], ...]
    rules: tuple[tuple[int, Callable[..., Array], bool], ...]


def _pull(i: Instruction) -> _Pull:
    rules = []
    for n, slot in enumerate(i.slots):
        vjp = i.op.vjps[n] if n < len(i.op.vjps) else i.op.vjps[-1]
        if slot is not None and vjp is not None:
            rules.append((slot, partial(vjp, **i.attributes) if i.attributes else vjp, i.op.broadcasts))
    return _Pull(i.out, tuple(zip(i.slots, i.constants, strict=True)), tuple(rules))


def _call(i: Instruction) -> Callable[[list[Any]], Array]:
    """One instruction's forward step as a function of all values, its arguments looked up once."""
    f = partial(i.op.forward, **i.attributes) if i.attributes else i.op.forward
    if len(i.slots) == 1:
        only = i.slots[0] or 0
        return lambda values: f(values[only])
    if len(i.slots) == 2:
        (a, b), (c, d) = i.slots, i.constants
        if a is None:
            second = b or 0
            return lambda values: f(c, values[second])
        if b is None:
            return lambda values: f(values[a], d)
        first, other = a, b
        return lambda values: f(values[first], values[other])
    both = tuple(zip(i.slots, i.constants, strict=True))
    return lambda values: f(*[c if s is None else values[s] for s, c in both])
