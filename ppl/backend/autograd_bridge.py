"""HIPS autograd on top of the same operations: the only file that imports it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy as anp
import numpy as np
from autograd import grad, value_and_grad
from autograd.extend import defvjp, notrace_primitive, primitive

from ppl.backend.op import Array, Op, unbroadcast

__all__ = ["anp", "as_primitive", "grad", "value_and_grad"]


def as_primitive(op: Op) -> Callable[..., Array]:
    """Wrap an operation as an autograd primitive with its own reverse rules."""
    if not any(op.vjps):
        untraced: Callable[..., Array] = notrace_primitive(op.forward)
        return untraced
    function: Callable[..., Array] = primitive(op.forward)
    rules = []
    numbers = []
    for i, vjp in enumerate(op.vjps):
        if vjp is not None:
            numbers.append(i)
            rules.append(_rule(op, i))
    if rules:
        defvjp(function, *rules, argnums=numbers)
    return function


def _rule(op: Op, i: int) -> Callable[..., Any]:
    vjp = op.vjps[i]
    assert vjp is not None

    def rule(ans: Array, *args: Array, **attributes: Any) -> Callable[[Array], Array]:
        def pull(g: Array) -> Array:
            out = vjp(g, ans, *args, **attributes)
            return _unbroadcast(out, np.shape(args[i])) if op.broadcasts else out

        return pull

    return rule


def _unbroadcast(g: Array, shape: tuple[int, ...]) -> Array:
    if isinstance(g, np.ndarray):
        return unbroadcast(g, shape)
    while anp.ndim(g) > len(shape):
        g = anp.sum(g, axis=0)
    for axis, size in enumerate(shape):
        if size == 1 and anp.shape(g)[axis] != 1:
            g = anp.sum(g, axis=axis, keepdims=True)
    return g
