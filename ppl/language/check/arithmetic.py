"""Sums, products, powers and comparisons."""

from __future__ import annotations

from collections.abc import Sequence

from ppl.errors import Note
from ppl.language import tree
from ppl.language.check import operators
from ppl.language.check.context import wants_axes
from ppl.language.check.expressions import Axes, check_expr, constant, handles, nothing, too_deep
from ppl.language.check.scope import Scope
from ppl.language.check.world import boolean, is_unknown, label
from ppl.language.typed import Apply, Const, DataRef, Ref, Subscript, Term, Var

LONG_QUOTIENT = 20
"""Divisions in one product beyond which they are gathered."""

COMPARISONS = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}


@handles(tree.Negative)
def _negative(scope: Scope, node: tree.Negative, expect: Axes) -> Term:
    inner = check_expr(scope, node.operand, expect)
    return operators.apply(scope, "negative", numbers(scope, (inner,)), node)


@handles(tree.Sum)
def _sum(scope: Scope, node: tree.Sum, expect: Axes) -> Term:
    """``a + b - c``: one addition of many terms, or a single subtraction."""
    terms = numbers(scope, operands(scope, (node.first, *(e for _, e in node.rest)), expect))
    signs = ("+", *(s for s, _ in node.rest))
    if len(terms) == 2 and signs[1] == "-":
        return operators.apply(scope, "subtract", terms, node)
    signed = [
        t if s == "+" else operators.apply(scope, "negative", (t,), node)
        for s, t in zip(signs, terms, strict=True)
    ]
    return operators.apply(scope, "add", tuple(signed), node)


def operands(scope: Scope, nodes: Sequence[tree.Expr], expect: Axes) -> tuple[Term, ...]:
    """The operands; those that take their axis from context are checked after the others."""
    found: dict[int, Term] = {}
    later = []
    for i, node in enumerate(nodes):
        if wants_axes(node) and not expect:
            later.append(i)
        else:
            found[i] = check_expr(scope, node, expect)
    if later:
        expect = next((t.type.axes for t in found.values() if t.type.axes), expect)
    for i in later:
        found[i] = check_expr(scope, nodes[i], expect)
    return tuple(found[i] for i in range(len(nodes)))


@handles(tree.Product)
def _product(scope: Scope, node: tree.Product, expect: Axes) -> Term:
    """``a * b / c @ d`` from left to right; neighbouring ``*`` become one multiplication."""
    if any(op == "@" for op, _ in node.rest):
        expect = ()
    terms = numbers(scope, operands(scope, (node.first, *(e for _, e in node.rest)), expect))
    divisions = sum(op == "/" for op, _ in node.rest)
    if divisions > LONG_QUOTIENT and not any(op == "@" for op, _ in node.rest):
        return _long_quotient(scope, node, terms)
    if len(node.rest) - divisions > 10 * LONG_QUOTIENT and any(op == "@" for op, _ in node.rest):
        return too_deep(scope, node)
    left: list[Term] = [terms[0]]
    for (op, _), right in zip(node.rest, terms[1:], strict=True):
        if op == "*":
            left.append(right)
            continue
        name = "divide" if op == "/" else "matmul"
        left = [operators.apply(scope, name, (_multiplied(scope, left, node), right), node)]
    return _multiplied(scope, left, node)


def _long_quotient(scope: Scope, node: tree.Product, terms: tuple[Term, ...]) -> Term:
    """``a / b * c / d / ...`` of many factors as one quotient of products: wide, not deep."""
    above, below = [terms[0]], list[Term]()
    for (op, _), term in zip(node.rest, terms[1:], strict=True):
        (above if op == "*" else below).append(term)
    quotient = (_multiplied(scope, above, node), _multiplied(scope, below, node))
    return operators.apply(scope, "divide", quotient, node)


def _multiplied(scope: Scope, factors: list[Term], node: tree.Product) -> Term:
    if len(factors) == 1:
        return factors[0]
    matrices = [f for f in factors if len(f.type.axes) == 2]
    if len(factors) > 2 and len(matrices) == 1:
        scalars = [f for f in factors if f is not matrices[0]]
        factors = [operators.apply(scope, "multiply", tuple(scalars), node), matrices[0]]
    return operators.apply(scope, "multiply", tuple(factors), node)


@handles(tree.Power)
def _power(scope: Scope, node: tree.Power, expect: Axes) -> Term:
    base, exponent = numbers(scope, operands(scope, (node.base, node.exponent), expect))
    return operators.apply(scope, "power", (base, exponent), node)


def numbers(scope: Scope, terms: tuple[Term, ...]) -> tuple[Term, ...]:
    """The same terms, with E308 for every label among them."""
    return tuple(number(scope, t) if t.type.element == "label" else t for t in terms)


def number(scope: Scope, term: Term) -> Term:
    """Refuse a label where a number is needed."""
    if is_unknown(term.type):
        return term
    text = scope.world.source_text(term)
    name, notes = text, operators.defined_at(scope, term)
    if isinstance(term, Subscript) and isinstance(term.value, (DataRef, Ref)):
        name = term.value.name
    if isinstance(term, Var):
        message, help = (
            f"`{text}` is a label of {term.type.set}, not a number",
            f"write `position({text})` for its place",
        )
    elif term.type.set is None:
        message, help = (
            f'"{getattr(term, "value", "")}" is a text, not a number',
            "compare it with a label, or subscript with it",
        )
    else:
        message = f"`{name}` holds names ({term.type.set}), not numbers"
        help = "use it as a subscript"
        help += f", or declare `{name}: real`" if isinstance(term, Subscript) else ""
    scope.error("E308", message, term.span, "a label", notes=notes, help=help)
    return nothing(scope, tree.Node(span=term.span), term.type.axes)


# ---------------------------------------------------------------- comparisons


@handles(tree.Compare)
def _compare(scope: Scope, node: tree.Compare, expect: Axes) -> Term:
    """``a <= t < b`` chains as in mathematics: every neighbouring pair holds."""
    terms = operands(scope, (node.first, *(e for _, e in node.rest)), expect)
    ops = [op for op, _ in node.rest]
    pairs = [_pair(scope, op, a, b, node) for op, a, b in zip(ops, terms, terms[1:], strict=False)]
    return pairs[0] if len(pairs) == 1 else operators.apply(scope, "and", tuple(pairs), node)


def _pair(scope: Scope, op: str, a: Term, b: Term, node: tree.Compare) -> Term:
    if is_unknown(a.type) or is_unknown(b.type):
        return nothing(scope, node)
    if "label" not in (a.type.element, b.type.element):
        return operators.apply(scope, COMPARISONS[op], (a, b), node)
    a, b = as_label(scope, a, b), as_label(scope, b, a)
    if {a.type.element, b.type.element} == {"bool", "label"} and "bool" in (a.type.set, b.type.set):
        return Apply(boolean(), scope.place(node.span), COMPARISONS[op], (a, b))
    if a.type.element != b.type.element:
        a, b = label_number(scope, a) or a, label_number(scope, b) or b
        if "label" not in (a.type.element, b.type.element):
            return operators.apply(scope, COMPARISONS[op], (a, b), node)
        labelled, other = (a, b) if a.type.element == "label" else (b, a)
        scope.error(
            "E308",
            f"`{scope.world.source_text(labelled)}` is a label of {labelled.type.set}; "
            f"`{scope.world.source_text(other)}` is a number",
            node.span,
            "a label against a number",
            help=f"compare its place: `position({scope.world.source_text(labelled)})`",
        )
        return nothing(scope, node)
    if not _comparable(scope, op, a, b, node):
        return nothing(scope, node)
    axes = operators.common_axes(scope, (a, b), node)
    return Apply(boolean(axes), scope.place(node.span), COMPARISONS[op], (a, b))


def label_number(scope: Scope, term: Term) -> Term | None:
    """The number that a label of a set of numbers stands for; None for other labels.

    Labels of a fixed-size set are 1, 2, ...; those of a range are its numbers.
    """
    found = scope.world.sets.get(term.type.set or "")
    if term.type.element != "label" or found is None or found.kind not in ("fixed", "range"):
        return None
    node = tree.Node(span=term.span)
    place = operators.apply(scope, "position", (term,), node)
    if found.kind == "fixed" or found.low is None:
        return place
    offset = operators.apply(scope, "subtract", (found.low, constant(scope, node, 1)), node)
    return operators.apply(scope, "add", (place, offset), node)


def as_label(scope: Scope, term: Term, like: Term) -> Term:
    """A literal beside a label stands for the label so written."""
    if not isinstance(term, Const) or like.type.element != "label" or is_unknown(term.type):
        return term
    return literal_label(scope, term, like.type.set)


def literal_label(scope: Scope, term: Const, set: str | None) -> Const:
    """A literal as a label of a set; E308 when the set's labels are known and it is not one."""
    if isinstance(term.value, bool):
        text = "true" if term.value else "false"
    else:
        text = term.value if isinstance(term.value, str) else f"{term.value:g}"
    known = None if set is None else known_labels(scope, set)
    if known is not None and text not in known:
        shown = ", ".join(known if len(known) <= 6 else (*known[:3], "...", known[-1]))
        span = scope.world.sets[set].span if set else term.span
        scope.error(
            "E308",
            f"`{text}` is not a label of {set}, whose labels are {shown}",
            term.span,
            "no such label",
            notes=(Note(span, "declared here"),),
        )
    return Const(label(set), term.span, text)


def known_labels(scope: Scope, set: str) -> tuple[str, ...] | None:
    """The labels of a set where the text of the model settles them."""
    found = scope.world.sets.get(set)
    size = scope.world.constant_size(set)
    if found is None or size is None or size > 10_000:
        return None
    if found.kind == "labelled":
        return found.labels
    low = found.low.value if isinstance(found.low, Const) else 1
    return tuple(str(int(low) + i) for i in range(size))


def _comparable(scope: Scope, op: str, a: Term, b: Term, node: tree.Compare) -> bool:
    left, right = a.type.set, b.type.set
    if left is not None and right is not None and not scope.world.labels_fit(left, right):
        scope.error(
            "E311",
            f"a label of {left} never equals a label of {right}",
            node.span,
            "labels of two sets",
            help="compare labels of one set",
        )
        return False
    of = left or right
    if op not in ("==", "!=") and of is not None and not scope.world.ordered(of):
        scope.error(
            "E318",
            f"`{of}` has no order, so its labels are not less or greater",
            node.span,
            "needs an ordered set",
            help=f'list its labels in order: `index {of} = ["low", "high"]`',
        )
        return False
    return True
