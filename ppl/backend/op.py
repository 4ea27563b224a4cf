"""One differentiable array operation, its derivative rules, and how a call is dispatched."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

import numpy as np

Array = Any
Vjp = Callable[..., Array]

REGISTRY: dict[str, Op] = {}


class Recorder(Protocol):
    """What a traced value offers: it records the operation instead of computing it."""

    def record(self, op: Op, args: tuple[Any, ...], attributes: dict[str, Any]) -> Any: ...


class Traced:
    """A value on a tape; see `ppl.backend.tape.Value`, the only subclass."""

    recorder: Recorder


class Op:
    """A forward function with one reverse rule per array argument.

    ``vjps[i](g, ans, *args, **attributes)`` is the cotangent of argument i given the cotangent
    ``g`` of the answer, or None where there is no derivative (an index, a condition). With
    ``broadcasts`` the rule may return the broadcast shape; it is summed back to the argument's.
    """

    def __init__(
        self, name: str, forward: Callable[..., Array], vjps: tuple[Vjp | None, ...], broadcasts: bool = False
    ) -> None:
        self.name = name
        self.forward = forward
        self.vjps = vjps
        self.broadcasts = broadcasts
        self.__doc__ = forward.__doc__
        REGISTRY[name] = self

    def __repr__(self) -> str:
        return f"Op({self.name})"

    def __call__(self, *args: Array, **attributes: Any) -> Array:
        foreign = False
        for argument in args:
            if isinstance(argument, Traced):
                return argument.recorder.record(self, args, attributes)
            if not isinstance(argument, _PLAIN):
                foreign = True
        if foreign:
            return self.primitive(*args, **attributes)
        return self.forward(*args, **attributes)

    def pull(
        self, i: int, g: Array, ans: Array, args: tuple[Array, ...], attributes: dict[str, Any]
    ) -> Array:
        """Cotangent of argument i, in that argument's own shape."""
        vjp = self.vjps[i] if i < len(self.vjps) else self.vjps[-1]
        assert vjp is not None
        out = vjp(g, ans, *args, **attributes)
        return unbroadcast(out, np.shape(args[i])) if self.broadcasts else out

    @cached_property
    def primitive(self) -> Callable[..., Array]:
        """The same operation as an autograd primitive with the same derivative rules."""
        from ppl.backend.autograd_bridge import as_primitive

        return as_primitive(self)


_PLAIN = (np.ndarray, np.generic, float, int, bool, type(None), tuple, list)


def unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    """Sum a cotangent back to the shape its argument had before broadcasting."""
    if g.shape == shape:
        return g
    extra = g.ndim - len(shape)
    if extra > 0:
        g = g.sum(axis=tuple(range(extra)))
    axes = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] != 1)
    if axes:
        g = g.sum(axis=axes, keepdims=True)
    return np.broadcast_to(g, shape) if g.shape != shape else g


def op(*vjps: Vjp | None, broadcasts: bool = False) -> Callable[[Callable[..., Array]], Op]:
    """Decorator: register a forward function under its own name with its reverse rules."""

    def register(forward: Callable[..., Array]) -> Op:
        return Op(forward.__name__.rstrip("_"), forward, vjps, broadcasts)

    return register
