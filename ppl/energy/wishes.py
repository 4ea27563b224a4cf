"""What the user asks of q: points, blocks kept together or apart, families; and whether a plan obeys."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass, field

from ppl.energy.blocks.base import Block
from ppl.energy.blocks.discrete import DiscreteBlock
from ppl.energy.blocks.discrete_chain import DiscreteChain
from ppl.energy.blocks.family import FamilyBlock
from ppl.energy.blocks.fixed import FixedBlock, fitting
from ppl.energy.blocks.gaussian import GaussianMembers
from ppl.energy.blocks.gaussian_chain import GaussianChain
from ppl.energy.blocks.mirrored import MirroredBlock
from ppl.energy.blocks.point import PointBlock
from ppl.energy.blocks.sampled import SampledBlock
from ppl.energy.blocks.tabulated import TabulatedBlock
from ppl.energy.families._tilts import TILTS
from ppl.energy.terms import Energy
from ppl.errors import Span
from ppl.supports import Structured

LARGEST_ASKED = 4000  # elements of one dense Gaussian that a guide asks for
AND = " & "  # between the names in a joint latent's own name
DISCRETE = frozenset({"Categorical", "Bernoulli", "OrderedCategorical"})
ELEMENTWISE = frozenset({"MeanField", "Normal"}) | DISCRETE | frozenset(TILTS)


@dataclass(frozen=True)
class Wishes:
    """What is asked of each latent.

    points: latents fitted by points. merge: whether coefficients of one predictor are kept together.
    families: the family or strategy asked of a latent. joint: latents asked for as one block. cut: stored axes
    along which elements are to be apart, by latent (with ``families`` that are elementwise: all). spans: where
    each wish is written. chains: whether small chains that meet are kept together. local: latents of the elements
    that minibatches take, which are kept apart from others, and from one another along the ``torn`` sets.
    """

    points: Collection[str] = ()
    merge: bool = True
    families: Mapping[str, str] = field(default_factory=dict)
    joint: tuple[frozenset[str], ...] = ()
    cut: Mapping[str, frozenset[int]] = field(default_factory=dict)
    spans: Mapping[str, Span] = field(default_factory=dict)
    chains: bool = False
    local: frozenset[str] = frozenset()
    torn: frozenset[str] = frozenset()

    def apart(self, name: str) -> bool:
        """Whether every element is to be by itself."""
        return self.families.get(root(name)) in ELEMENTWISE

    def is_point(self, name: str) -> bool:
        """Whether a latent is to be a point."""
        return root(name) in self.points

    def label(self, name: str, kind: str) -> Hashable:
        """Latents may share a Gaussian block only where their labels are equal."""
        if kind == "param" or self.is_point(name):
            return "points"
        for k, names in enumerate(self.joint):
            if root(name) in names:
                return k
        if self.apart(name) or root(name) in self.families:
            return name
        return "local" if root(name) in self.local else None

    def dense(self, name: str) -> bool:
        """Whether a chain is to be one dense Gaussian."""
        return self.families.get(root(name)) == "MultivariateNormal"


def root(name: str) -> str:
    """The latent that a part was cut from.

    >>> root("z[2][1]"), root("t.x")
    ('z', 't.x')
    """
    return name.partition("[")[0]


def members(names: Collection[str]) -> tuple[str, ...]:
    """Latents by themselves, where some are joint.

    >>> members(("a & b", "c"))
    ('a', 'b', 'c')
    """
    return tuple(n for name in names for n in name.split(AND))


def disobeyed(blocks: Collection[Block], energy: Energy, wishes: Wishes) -> tuple[str, str] | None:
    """The first latent whose block is not what was asked for, and why; None where all are."""
    for name, asked in wishes.families.items():
        own = [b for b in blocks if any(root(n) == name for n in members(b.names))]
        for block in own:
            why = "" if _point_among(name, asked, block) else _why_not(asked, block)
            if why:
                return name, cannot(name, asked, why)
    for names in wishes.joint:
        own = [b for b in blocks if any(root(n) in names for n in members(b.names))]
        if len(own) > 1:
            first = next(n for n in wishes.families if n in names)
            shown = ", ".join(_short(n) for n in wishes.families if n in names)
            return first, f"`{shown}` cannot be one block: {_apart(own)}"
    return None


def cannot(name: str, asked: str, why: str) -> str:
    """The sentence that refuses a wish.

    >>> cannot("people.height", "Flow", "there is no such block")
    '`q(height) ~ Flow` cannot be: there is no such block'
    """
    return f"`q({_short(root(name))}) ~ {asked}` cannot be: {why}"


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _apart(blocks: list[Block]) -> str:
    for block in blocks:
        if not isinstance(block, GaussianMembers | DiscreteBlock | DiscreteChain):
            return f"the conditional of `{block.names[0]}` is {block.family}, which has no joint family with others"
    kinds = {isinstance(b, GaussianMembers) for b in blocks}
    if len(kinds) > 1:
        return "some are Gaussian given the rest and some have finitely many states"
    return "some factor holds three of their elements, or the block would be too large"


def _point_among(name: str, asked: str, block: Block) -> bool:
    """Whether a latent is a point in a block that is drawn."""
    if asked != "Point" or not isinstance(block, SampledBlock):
        return False
    c = block.component
    return all(point for n, point in zip(c.names, c.points, strict=True) if root(n) == name)


def _why_not(asked: str, block: Block) -> str:
    """Empty where a block is what was asked for."""
    return (CHECKS.get(asked) or _is_family)(asked, block)


def _is_point(asked: str, block: Block) -> str:
    if isinstance(block, PointBlock) or (isinstance(block, GaussianMembers) and block.point):
        return ""
    return "a latent of finitely many states has probabilities, and no mode to move to"


def _is_chain(asked: str, block: Block) -> str:
    if (isinstance(block, DiscreteChain) and not block.factorised) or (
        isinstance(block, GaussianMembers) and block.chain_axis is not None
    ):
        return ""
    return "no factor couples its elements with their neighbours along one axis only, so there is no chain"


def _is_dense(asked: str, block: Block) -> str:
    if isinstance(block, GaussianMembers) or _drawn(block):
        return ""
    return f"its conditional is {_conditional(block)}, not Gaussian"


def _drawn(block: Block) -> bool:
    """Whether a block is a Gaussian on the real line, fitted on draws."""
    return block.family == "Gaussian"


def _is_single(asked: str, block: Block) -> str:
    if isinstance(block, SampledBlock):
        return _is_apart(block)
    gaussian = isinstance(block, GaussianMembers)
    apart = isinstance(block, GaussianChain) and block.factorised and block.width == 1
    if gaussian and not apart and (block.chain_axis is not None or block.width > 1):  # type: ignore[attr-defined]
        return "its elements are coupled along an axis too long to keep them apart"
    if isinstance(block, DiscreteChain) and not block.factorised:
        return "its elements are coupled along an axis too long to keep them apart"
    if asked == "Normal" and not gaussian and not isinstance(block, FixedBlock):
        return f"its conditional is {_conditional(block)}, not Normal; {_instead(block)}"
    return ""


def _others(block: Block) -> str:
    return ", ".join(block.names[:4]) + (", ..." if len(block.names) > 4 else "")


def _is_exact(asked: str, block: Block) -> str:
    return "" if isinstance(block, DiscreteBlock | DiscreteChain) else "it is continuous"


def _is_states(asked: str, block: Block) -> str:
    own = isinstance(block, DiscreteBlock) or (isinstance(block, DiscreteChain) and block.factorised)
    if own and asked == "Bernoulli" and len(block.latent.states) != 2:  # type: ignore[attr-defined]
        return f"it has {len(block.latent.states)} states; {_instead(block)}"  # type: ignore[attr-defined]
    return "" if own else _is_single(asked, block) or "it is continuous"


def _is_apart(block: SampledBlock) -> str:
    """Each coordinate of its own is what a block is that has one, or whose latents are all asked to be apart."""
    if block.apart or block.eps.shape[1] <= 1:
        return ""
    return f"a factor that is no polynomial ties it to {_others(block)}; they are apart only if all are asked to be"


def _is_log_normal(asked: str, block: Block) -> str:
    """A Gaussian of log x where a latent is drawn: the language has seen to it that x is positive."""
    return _is_apart(block) if isinstance(block, SampledBlock) else _is_family(asked, block)


def _is_family(asked: str, block: Block) -> str:
    if isinstance(block, FamilyBlock | FixedBlock | MirroredBlock | DiscreteBlock) and block.family == asked:
        return ""
    if isinstance(block, FamilyBlock) and isinstance(block.latent.support, Structured):
        why = "no such family is fitted to matrices or simplexes"
        return f"its conditional is {block.family}, and {why}; {_instead(block)}"
    return f"its conditional is {_conditional(block)}; {_instead(block)}"


def _conditional(block: Block) -> str:
    return "in no named family" if block.family in ("Tabulated", "Delta", "Gaussian") else block.family


def _instead(block: Block) -> str:
    """What may be asked for in its place."""
    if isinstance(block, SampledBlock):
        own = "`LogNormal` (of a positive latent), `MeanField` and `Point`"
        return f"it is drawn on the real line, where q is Gaussian; {own} can be asked for"
    if isinstance(block, GaussianMembers):
        return "`Normal`, `MultivariateNormal`, `MeanField` and `Point` can be asked for"
    usual = "`MeanField` takes the conditional as it is"
    if not isinstance(block, FamilyBlock | FixedBlock | TabulatedBlock | DiscreteBlock):
        return usual
    fit = [n for n in fitting(block.latent.support) if (n in TILTS) is isinstance(block, DiscreteBlock)]
    names = ", ".join(f"`{n}`" for n in fit)
    return f"{usual}, and {names} can be asked for" if names else usual


CHECKS = {
    "Point": _is_point,
    "MarkovChain": _is_chain,
    "MultivariateNormal": _is_dense,
    "MeanField": _is_single,
    "Normal": _is_single,
    "LogNormal": _is_log_normal,
    "Exact": _is_exact,
    **dict.fromkeys(DISCRETE, _is_states),
    "LowRankNormal": lambda asked, block: "coordinate ascent has no such block",
    "Flow": lambda asked, block: "coordinate ascent has no such block",
}
