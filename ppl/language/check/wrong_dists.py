"""Messages about distributions: E201, E305, E306, E308, E315, E316."""

from __future__ import annotations

from ppl import distributions, functions
from ppl.distributions.base import Parameter
from ppl.errors import Note
from ppl.language import tree
from ppl.language.check.habits import known_distribution
from ppl.language.check.operators import defined_at, listed
from ppl.language.check.scope import Scope
from ppl.language.check.suggest import quoted
from ppl.language.typed import Term
from ppl.types import Axis, Type

Axes = tuple[Axis, ...]
ALSO = ("Flat", "Truncated", "Censored", "Mixture", "Ordered", "ZeroInflated", "DiscreteUniform")


def not_a_distribution(scope: Scope, node: tree.Expr) -> None:
    """What stands right of `~` and is none: a misspelling (E201) or a value (E306)."""
    match node:
        case tree.Call(function=tree.Name(id=name)):
            if functions.find(name) is None and name not in scope.world.symbols:
                no_distribution(scope, node, name)
                return
        case tree.Name(id=name):
            known = name if distributions.find(name) else None
            if known and name not in scope.world.symbols:
                scope.error(
                    "E301",
                    f"`{name}` needs its parameters",
                    node.span,
                    "no arguments",
                    help=f"write `{name}(...)`",
                )
                return
    text = scope.problems.text(node.span)
    scope.error(
        "E306",
        f"a distribution belongs right of `~`; `{text}` is a value",
        node.span,
        "not a distribution",
        help="a value needs `=`; for an observation with noise write `~ Normal(" + text + ", sd)`",
    )


def no_distribution(scope: Scope, node: tree.Call, name: str) -> None:
    """E201 with the nearest name."""
    scope.world.undefined = True
    if not scope.problems.once(f"distribution {name}"):
        return
    known = known_distribution(name)
    near = (known,) if known else scope.world.nearest(name, [*distributions.names(), *ALSO])
    message = f"no distribution `{name}`"
    message += f"; did you mean {quoted(near)}?" if near else ""
    help = "" if near else "`ppl explain-error E201` lists the distributions"
    fix = (node.function.span, near[0]) if near else None
    scope.error("E201", message, node.function.span, "not a distribution", help=help, fix=fix)


def value_is_distribution(scope: Scope, node: tree.Expr, name: str) -> None:
    """E306: `x = Normal(0, 1)`."""
    scope.error(
        "E306",
        f"`{name}` is a distribution: it needs `~`, not `=`",
        node.span,
        "a distribution",
        help="`~` draws from a distribution, `=` gives a value",
    )


def unlike_branches(scope: Scope, node: tree.Conditional, a: Type, b: Type) -> None:
    scope.error(
        "E311",
        f"the two branches draw different things: {a} and {b}",
        node.span,
        "a choice of unlike distributions",
        help="both must draw numbers, or labels of one set",
    )


def support_by_latent(scope: Scope, node: tree.Conditional, a: Type, b: Type) -> None:
    scope.error(
        "E319",
        f"a discrete latent may choose between distributions of one support only; these draw {a} and {b}",
        node.test.span,
        "a random choice of supports",
        help="condition on data, or use `Mixture` of distributions on one support",
    )


def no_event_axis(scope: Scope, node: tree.Call, name: str, dims: int, event: Axes) -> None:
    """E315, with the target as it should be where an argument tells the set."""
    gives = "a vector" if dims == 1 else "a matrix"
    sets = [n for n, s in scope.world.sets.items() if s.kind in ("fixed", "range", "labelled")]
    like = sets[0] if len(sets) == 1 else "set"
    axes = like if dims == 1 else f"{like}, {like}'"
    plates = ", ".join(scope.loops)
    index = f"{plates}, {axes}" if plates else axes
    scope.error(
        "E315",
        f"`{name}` gives {gives}: say over what",
        node.span,
        f"draws {gives}",
        help=f"list the set on the left: `{scope.target}[{index}] ~ {name}(...)`",
    )


def not_square(scope: Scope, node: tree.Call, name: str, event: Axes) -> None:
    """E316 for a square matrix over two sets."""
    a, b = event[-2].set, event[-1].set
    scope.error(
        "E316",
        f"`{name}` draws a square matrix; the left is over [{a}, {b}]",
        node.span,
        "square",
        help=f"write `{scope.target}[{a}, {a}']`",
    )


def label_argument(scope: Scope, name: str, parameter: Parameter, term: Term) -> None:
    """E308."""
    text = scope.world.source_text(term)
    set = term.type.set
    scope.error(
        "E308",
        f"`{parameter.name}` of `{name}` is a number; `{text}` holds names" + (f" ({set})" if set else ""),
        term.span,
        "a label",
        notes=defined_at(scope, term),
        help="use it as a subscript, or declare it `real`",
    )


def other_axes(scope: Scope, name: str, parameter: Parameter, term: Term, event: Axes) -> None:
    """E316 between an argument and the axes of the draw."""
    text = scope.world.source_text(term)
    have = f"over {listed(term.type.axes)}" if term.type.axes else "one number"
    if parameter.event_dims == 2:
        need = f"a matrix over {listed(event[-1:])}" if event else "a matrix"
    else:
        need = f"over {listed(event)}" if event else "one number"
    scope.error(
        "E316",
        f"`{parameter.name}` of `{name}` should be {need}; `{text}` is {have}",
        term.span,
        have,
        notes=defined_at(scope, term),
        help="the axes of an argument are those of the draw on the left",
    )


def no_probabilities(scope: Scope, name: str, parameter: Parameter, term: Term) -> None:
    """E305 for one number where a vector is needed."""
    text = scope.world.source_text(term)
    what = "cutpoints over the gaps of a set" if parameter.length == "gaps" else "probabilities over one set"
    if parameter.name == "logit":
        what = "log odds over one set"
    scope.error(
        "E305",
        f"`{name}` needs {what}; `{text}` is one number",
        term.span,
        "one number",
        notes=defined_at(scope, term),
        help="for two outcomes use `Bernoulli`"
        if parameter.length == "states"
        else "define it over `gaps(set)`",
    )


def cutpoints_over(scope: Scope, name: str, term: Term, set: str) -> None:
    """E311: cutpoints lie between the labels of an ordered set."""
    declared = scope.world.sets.get(set)
    scope.error(
        "E311",
        f"the cutpoints of `{name}` lie between the labels of an ordered set; "
        f"`{scope.world.source_text(term)}` is over {set}",
        term.span,
        f"over {set}",
        notes=(Note(declared.span, "declared here"),) if declared else (),
        help="declare `index cuts = gaps(grades)` and define the cutpoints over `cuts`",
    )


def repeated_axis(scope: Scope, target: tree.Target, name: str) -> None:
    scope.error(
        "E315",
        f"`{target.name}` lists {name} twice: mark the second with a prime",
        target.span,
        "the same axis twice",
        help=f"write `{target.name}[{name}, {name}']`",
    )
