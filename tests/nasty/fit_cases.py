# ruff: noqa: E501 - a model and its answer stay on one line
"""Models that fit, but whose posterior must not be trusted as it is; with `--strict` every check gates."""

from tests.nasty.case import Case

STRICT = ("--strict",)
ONE = {"data.csv": "y\n1.5\n"}
FEW = {"data.csv": "y\n" + "\n".join(str(v) for v in (0.3, -0.8, 1.1, 0.4, 1.9, -0.2, 0.7, 1.4)) + "\n"}
FOUR = {"data.csv": "y\n4.02\n3.95\n4.1\n3.99\n"}
TRIPLED = {"data.csv": "y\n0.1\n-0.4\n0.3\n7\n7\n7\n3.2\n2.9\n3.4\n"}


def long_sum(terms: int) -> str:
    """A mean written out as a sum of many terms."""
    parts = " + ".join(f"b * {k} / {terms}" for k in range(terms))
    return f"table rows(y: real)\nb ~ Normal(0, 1)\nfor i in rows:\n    y[i] ~ Normal({parts}, 1)\n"


CASES = [
    Case("long_sum", long_sum(10_000), 0, data=FEW, within=30.0),
    Case("scaled_beyond_reason", "table rows(y: real)\nmu ~ Normal(0, 1)\ny[i] ~ Normal(mu, 1) for i in rows\n", 4,
         options=STRICT, data={"data.csv": "y\n1e200\n2e200\n"}),
    Case("improper", "table rows(y: real)\nmu ~ Flat()\nsigma ~ Flat(positive)\ny[i] ~ Normal(mu, sigma) for i in rows\n",
         4, data=ONE),
    Case("not_identified", "table rows(y: real)\na ~ Flat()\nb ~ Flat()\ny[i] ~ Normal(a + b, 1) for i in rows\n", 4,
         says=("a", "b"), data=FEW),
    Case("singular_mixture", "index comps = 3\ntable rows(y: real)\nparam w[comps]: simplex\nparam m[comps]: real\n"
         "param s[comps]: positive\nfor i in rows:\n    c[i] ~ Categorical(w)\n    y[i] ~ Normal(m[c[i]], s[c[i]])\n",
         4, options=STRICT, data=TRIPLED),
    Case("bimodal", "table rows(y: real)\nmu ~ Normal(0, 3)\ny[i] ~ Normal(mu^2, 0.1) for i in rows\n", 4,
         says=("mu",), options=STRICT, data=FOUR),
    Case("prior_conflict", "table rows(y: real)\nmu ~ Normal(0, 0.1)\ny[i] ~ Normal(mu, 1) for i in rows\n", 4,
         says=("mu", "prior"), options=STRICT, data={"data.csv": "y\n100\n101\n99\n"}),
    Case("overflow", "table rows(y: real)\nx ~ Normal(100, 1)\ny[i] ~ Normal(exp(exp(x)), 1) for i in rows\n", 4,
         says=("y",), data=FEW),
    Case("rate_overflow", "table rows(y: count)\nx ~ Normal(800, 1)\ny[i] ~ Poisson(exp(exp(x))) for i in rows\n", 4,
         says=("y",), data={"data.csv": "y\n1\n2\n"}),
    Case("cauchy_mean", "table rows(y: real)\nmu ~ Cauchy(0, 1)\ny[i] ~ Normal(mu, 1000) for i in rows\n", 4,
         says=("mu",), options=STRICT, data=ONE),
]  # fmt: skip
