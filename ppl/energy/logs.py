"""Values that are no polynomials but whose logarithms are: products over sets, exponentials of predictors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ppl.energy import poly_functions as f
from ppl.energy.poly import NotPolynomial, Poly
from ppl.energy.states import states_along
from ppl.functions import find
from ppl.graph import nodes as g

if TYPE_CHECKING:
    from ppl.energy.symbolic import Symbolic


@dataclass(frozen=True, eq=False)
class ExpOf:
    """exp(log); only its logarithm, its powers and its elements may be asked for."""

    log: Poly
    why: NotPolynomial

    def _refuse(self, *_: Any) -> NoReturn:
        raise self.why

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = _refuse


def read_log(s: Symbolic, node: g.Node) -> Poly:
    """The logarithm of a node as a polynomial. Raises `NotPolynomial`, with the reason of the node itself."""
    try:
        return f.log(s.read(node))
    except NotPolynomial as error:
        found = _structural(s, node)
        if found is None:
            raise NotPolynomial(error.why, error.span or node.span) from None
        return found


def _structural(s: Symbolic, node: g.Node) -> Poly | None:
    """The logarithm through products, powers, choices, exponentials and subscripts."""
    match node:
        case g.Apply():
            return _of_function(s, node)
        case g.Choose():
            test = s.constant(node.test)
            if test is None:
                return None
            return s.algebra.where(test, read_log(s, node.then), read_log(s, node.other))
        case g.Reduce(function="prod"):
            body = read_log(s, node.body)
            return None if states_along(s.at, body, node.over) else s.algebra.bind(body, node.over)
        case g.Segment(function="prod"):
            return s.ragged_sum(node, read_log(s, node.body))
        case g.Variable() if node.name in s.log_values:
            axes = s.algebra.axes[node.name]
            return s.algebra.renamed(s.log_values[node.name], dict(zip(axes, node.event, strict=True)))
        case g.Gather():
            return s.picked(node, read_log(s, node.value))
    return None


def _of_function(s: Symbolic, node: g.Apply) -> Poly | None:
    function = find(node.function)
    if node.keywords or function is None:
        return None
    if function.check is not None and len(node.arguments) == 1:
        return read_log(s, node.arguments[0])
    if node.function == "exp":
        return s.read(node.arguments[0])
    if node.function in ("multiply", "divide"):
        parts = [s.matched(read_log(s, a), a.event, node.event) for a in node.arguments]
        return s.algebra.add(*parts) if node.function == "multiply" else parts[0] - parts[1]
    if node.function in ("inv", "square", "sqrt"):
        return {"inv": -1.0, "square": 2.0, "sqrt": 0.5}[node.function] * read_log(s, node.arguments[0])
    if node.function == "power":
        exponent = s.constant(node.arguments[1])
        if exponent is not None and not exponent.dims:
            return float(np.ravel(exponent.numpy)[0]) * read_log(s, node.arguments[0])
    return None
