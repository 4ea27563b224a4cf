"""From natural parameters to the family's own, in LaTeX: how an update ends."""

from __future__ import annotations

from ppl.energy.conditionals import Conditional
from ppl.report.latex import symbol

Lines = list[tuple[str, str]]


def closing(c: Conditional, x: str, state: str) -> Lines:
    """What q is, given the natural parameters of the statistics of ``x``."""
    q = rf"q({x})"
    if c.point:
        return [(rf"\hat{{{x}}}", rf"= \arg\max_{{{x}}} \sum_f \eta[f] \, f({x})")]
    if c.kind == "drawn":
        names = ", ".join(symbol(n) for n in c.names)
        return [(f"q({names})", r"= \text{a Gaussian on the real line, fitted on fixed draws}")]
    if c.kind in ("discrete", "chain, apart"):
        return [(rf"q({x} = {state})", rf"\propto \exp \eta\left[[{x} = {state}]\right]")]
    if c.kind == "chain":
        return [(rf"q({x}, \ldots)", r"\propto \exp \sum_f \eta[f] \, f \quad \text{by forward-backward}")]
    if c.kind in ("gaussian", "gaussian chain", "gaussian chain, apart"):
        return _gaussian(c, x, q)
    if c.kind == "fixed":
        density = rf"\exp \sum_f \eta[f] \, f({x})"
        body = rf"= \arg\min_{{r \in \mathrm{{{c.q}}}}} \mathrm{{KL}}\left(r \,\|\, {density}\right)"
        return [(q, body)]
    shown = FAMILIES.get(c.q)
    if shown is None:
        return [(q, rf"\propto \exp\left(\sum_f \eta[f] \, f({x})\right)")]
    return [(q, "= " + shown.replace("{x}", x))]


def _gaussian(c: Conditional, x: str, q: str) -> Lines:
    if c.q == "Normal":
        v = rf"-\frac{{1}}{{2 \eta[{x}^2]}}"
        return [(q, rf"= \mathrm{{Normal}}\left(v \, \eta[{x}],\ \mathrm{{var}} = v\right),\quad v = {v}")]
    how = r" \quad \text{by cyclic reduction}" if c.kind == "gaussian chain" else ""
    names = ", ".join(symbol(n) for n in c.names)
    return [
        (
            r"\Lambda",
            rf"= -\left(G + G^\top\right),\quad G = \eta \text{{ of the products of two of }} {names}",
        ),
        (
            f"q({names})",
            rf"= \mathrm{{MultivariateNormal}}\left(\Lambda^{{-1}} \eta,\ \Lambda^{{-1}}\right){how}",
        ),
    ]


FAMILIES = {
    "Gamma": r"\mathrm{Gamma}\left(\eta[\log {x}] + 1,\ -\eta[{x}]\right)",
    "InverseGamma": r"\mathrm{InverseGamma}\left(-\eta[\log {x}] - 1,\ -\eta[{x}^{-1}]\right)",
    "Beta": r"\mathrm{Beta}\left(\eta[\log {x}] + 1,\ \eta[\log(1 - {x})] + 1\right)",
    "Dirichlet": r"\mathrm{Dirichlet}\left(\eta[\log {x}] + 1\right)",
    "Wishart": r"\mathrm{Wishart}\left(2 \eta[\log |{x}|] + p + 1,\ (-2 \eta[{x}])^{-1}\right)",
    "InverseWishart": r"\mathrm{InverseWishart}\left(-2 \eta[\log |{x}|] - p - 1,\ -2 \eta[{x}^{-1}]\right)",
}
