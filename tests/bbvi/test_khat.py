"""k-hat where latents are standardised, guides draw, or no latent is continuous; and a fit that has none.

The weights of an exact q are even whatever is drawn; those of others are judged far from the limits.
"""

from __future__ import annotations

import numpy as np
import pytest

import ppl
from ppl.posterior.factored_check import UNKNOWN, verdict_on
from ppl.posterior.record import FitWarning
from tests.bbvi.small import TEXT as TABLES
from tests.bbvi.test_drawn_guides import LADDER, ROWS

TEXT = """
index groups
table rows(y: real, group: groups)
m ~ Normal(300, 100)
t ~ Gamma(2, 100)
for g in groups:
    a[g] ~ Normal(m, precision = t)
y[i] ~ Normal(a[group[i]], 25) for i in rows
"""


def _fit(text: str, columns: dict[str, object]) -> ppl.Fit:
    return ppl.fit(text, columns, method="bbvi", options={"max_steps": 6000})


def test_far_groups_standardised_are_warned_of() -> None:
    rng = np.random.default_rng(1)
    level = 250 + 30 * rng.standard_normal(12)
    group = np.repeat(np.arange(12), 8)
    y = level[group] + 25 * rng.standard_normal(len(group))
    found = _fit(TEXT, {"y": y, "group": [f"g{k}" for k in group]})
    assert found.status != "ok"
    assert any(w.code in ("W706", "W701") for w in found.warnings)


def test_a_mean_that_follows_its_groups_is_told_of() -> None:
    """Standardised effects make the mean and them nearly one: with independent factors the sd is far too small."""
    rng = np.random.default_rng(3)
    level = 250 + 14 * rng.standard_normal(20)
    group = np.repeat(np.arange(20), 5)
    found = _fit(TEXT.replace("25)", "6)").replace("Gamma(2, 100)", "Gamma(0.1, 0.1)"), {
        "y": level[group] + 6 * rng.standard_normal(100), "group": [f"g{k}" for k in group],
    })  # fmt: skip
    assert found.draws["m"].std() < 0.5 * level.std() / 20**0.5
    assert found.status != "ok" and "W718" not in {w.code for w in found.warnings}


@pytest.mark.parametrize(("sd", "even"), [(repr(0.2**0.5), True), ("1", False)])
def test_weights_where_guides_draw(sd: str, even: bool) -> None:
    """Even where q is the posterior; a guide twice too wide in four places (the twin) has them uneven."""
    found = ppl.compile(LADDER.format(sd=sd)).fit(ROWS, method="bbvi", rate=0.2)
    assert (found.checks["importance_share"] > 0.95) == even
    assert (found.status == "ok") == even
    assert found.checks["khat"] < 0.3


def test_tables_alone_are_weighed_together() -> None:
    found = ppl.compile(TABLES).fit({"y": [0.3, 1.8]}, method="bbvi")
    assert abs(found.checks["collapsed_elbo"] - found.elbo) < 6 * found.checks["collapsed_elbo_se"] + 0.05
    assert found.checks["importance_share"] < 0.9  # the tables depend on each other in the posterior
    assert found.status == "ok"


def test_no_fit_without_khat_passes_every_check() -> None:
    unknown, other = FitWarning("W718", "k-hat is not computed"), FitWarning("W708", "off")
    assert verdict_on((unknown,)) == ("warn", UNKNOWN)
    assert verdict_on((other, unknown)) == ("warn", "Use with care: off (and 1 more).")
    assert verdict_on((FitWarning("W728", "of rows", (), "note"),))[0] == "ok"
