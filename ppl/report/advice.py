"""What nearby change of a model would make an update one in closed form."""

from __future__ import annotations

from ppl.energy.conditionals import Conditional
from ppl.energy.families import matching
from ppl.energy.terms import Latent, Residual
from ppl.errors import Source
from ppl.graph import nodes as g
from ppl.supports import POSITIVE

MIXTURES = {
    "StudentT": "`Normal(m, precision = tau * w[i])` with `w[i] ~ Gamma(nu / 2, nu / 2)` in place of `StudentT` is "
    "the same model for scale 1/sqrt(tau), and conjugate",
}


def advice(c: Conditional, source: Source) -> str:
    """A change that would give a block a conditional with a name; empty where none is near."""
    if c.conditional:
        return ""
    if c.kind == "drawn":
        return _augmented(c) or _unordered(c)
    if c.kind not in ("tabulated", "family") or len(c.latents) != 1:
        return ""
    latent = c.latents[0]
    return _other_prior(c, latent) or _as_precision(c, latent, source)


def _augmented(c: Conditional) -> str:
    """The same density with a latent more for each row, conjugate then."""
    return MIXTURES.get(distribution_of(c.blame), "")


def _unordered(c: Conditional) -> str:
    """Order ties the elements of a vector, whatever their prior."""
    ordered = [x.name for x in c.latents if distribution_of(x.statement) == "Ordered"]
    if not ordered:
        return ""
    return f"without `Ordered` the elements of `{ordered[0]}` are independent given the rest; labels may then swap"


def _others(c: Conditional, latent: Latent) -> dict[str, list[g.Statement]]:
    """The statistics that statements other than the latent's own ask for."""
    out: dict[str, list[g.Statement]] = {}
    for stat, statements in c.statistics[latent.name].items():
        rest = [s for s in statements if s.name != latent.name]
        if rest:
            out[stat] = rest
    return out


def _other_prior(c: Conditional, latent: Latent) -> str:
    """Another prior, where everything else is in one family already."""
    others = _others(c, latent)
    found = matching(others, latent.support) if others else None
    if found is None or latent.kind == "param":
        return ""
    own = distribution_of(latent.statement)
    return f"`{latent.name} ~ {found.name}(..)`{_instead(own, found.name)} would make it {found.name}"


def _instead(own: str, name: str) -> str:
    return f" in place of `{own}`" if own and own != name else ""


def _as_precision(c: Conditional, latent: Latent, source: Source) -> str:
    """Standard deviations have no conjugate prior; precisions have."""
    others = _others(c, latent)
    if latent.support != POSITIVE or set(others) - {"log", "power:-2"} or "power:-2" not in others:
        return ""
    lines = sorted({source.position(s.span.start)[0] for s in others["power:-2"]})
    where = f"line {lines[0]}" if len(lines) == 1 else f"lines {', '.join(map(str, lines))}"
    name = f"{latent.name.partition('[')[0]}_precision"
    return f"`{name} ~ Gamma(..)` with `precision = {name}` on {where} would make it Gamma"


def distribution_of(statement: g.Statement | None) -> str:
    """The name of the distribution of a statement, or nothing."""
    body = None if statement is None else statement.body
    return body.name if isinstance(body, g.Distribution) else ""


def site_advice(r: Residual) -> str:
    """What would make a factor that is no polynomial conjugate."""
    name = distribution_of(r.statement)
    if not name or r.predictor is None:
        return ""
    return f"`Normal` in place of `{name}` would make it exact; no prior on the predictor does"
