"""What vector and matrix functions ask of their arguments' axes."""

from __future__ import annotations

from ppl.functions.base import Mismatch
from ppl.types import Axis, Type


def need_axes(name: str, argument: int, t: Type, count: int) -> None:
    """Refuse an argument that is not a vector (1) or a matrix (2)."""
    if len(t.axes) != count:
        wanted = "a vector, with one axis" if count == 1 else "a matrix, with two axes"
        raise Mismatch("E316", f"`{name}` needs {wanted}; this is {t}", argument=argument)


def need_vector_like(name: str, t: Type) -> None:
    """Refuse a single number where elements along an axis are needed."""
    if not t.axes:
        raise Mismatch("E316", f"`{name}` needs a vector, and this is a single number", argument=0)


def need_square(name: str, argument: int, t: Type) -> None:
    """Refuse all but matrices with the same set on both axes."""
    need_axes(name, argument, t, 2)
    if t.axes[0].set != t.axes[1].set:
        raise Mismatch(
            "E316",
            f"`{name}` needs a square matrix; this one is over [{t.axes[0]}, {t.axes[1]}]",
            argument=argument,
        )


def need_same(name: str, left: Axis, right: Axis) -> None:
    """Refuse to contract axes over two different sets; primes do not matter."""
    if left.set != right.set:
        raise Mismatch(
            "E316",
            f"`{name}` sums over one set: the left ends in {left.set}, the right begins with {right.set}",
            argument=1,
        )
