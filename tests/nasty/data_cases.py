# ruff: noqa: E501 - a model and its answer stay on one line
"""Models that meet the wrong data, the wrong size or the wrong method (exits 2, 3 and 5)."""

from tests.nasty.case import Case

PD = 'index d = 2\ntable rows(y[d]: real = "y_*")\nmu[d] ~ Normal(0, 1)\ny[i, d] ~ MultivariateNormal(mu, cov = {}) for i in rows\n'
PAIRS = {"data.csv": "y_1,y_2\n0,1\n1,0\n"}
COUPLED = "index sites = {n}\ntable rows(y: real)\n\nmu ~ Normal(0, 1)\n" + (
    "s[k] ~ Bernoulli(0.5) for k in sites\ny[i] ~ Normal(mu + exp(sum(0.1 * s[k] for k in sites)), 1) for i in rows\n"
)

CASES = [
    Case(
        "fractional_count",
        "table rows(y: count)\nrate ~ Gamma(1, 1)\ny[i] ~ Poisson(rate) for i in rows\n",
        3, "E403", says=("line 3", "2.5"), data={"data.csv": "y\n1\n2.5\n"},
    ),
    Case(
        "label_out_of_range",
        "index comps = 10\ntable rows(z: comps, y: real)\ntheta[k] ~ Normal(0, 1) for k in comps\n"
        "y[i] ~ Normal(theta[z[i]], 1) for i in rows\n",
        3, "E402", says=("11", "line 3"), data={"data.csv": "z,y\n1,0.5\n11,0.1\n"},
    ),
    Case(
        "shape_of_a_given",
        "index a = 3\ngiven m[a]: real\ntable rows(y: real)\nmu ~ Normal(0, 1)\ny[i] ~ Normal(mu * sum(m), 1) for i in rows\n",
        3, "E4..", says=("m",), data={"data.csv": "y\n1\n", "constants.json": '{"m": [1, 2]}'},
    ),
    Case("missing_column", "table rows(income: real)\nincome[i] ~ Normal(0, 1) for i in rows\n", 3, "E401",
         says=("Income",), data={"data.csv": "Income\n1\n"}),
    Case("blank_cell", "table rows(y: real)\nmu ~ Normal(0, 1)\ny[i] ~ Normal(mu, 1) for i in rows\n", 3, "E404",
         says=("line 3",), data={"data.csv": "y,x\n1,2\n,3\n"}),
    Case("off_support", "table rows(y: real)\nr ~ Gamma(1, 1)\ny[i] ~ Exponential(r) for i in rows\n", 3, "E405",
         says=("line 3",), data={"data.csv": "y\n1\n-2\n"}),
    Case("overflowing_cell", "table rows(y: real)\nmu ~ Normal(0, 1)\ny[i] ~ Normal(mu, 1) for i in rows\n", 3, "E4..",
         says=("1e400",), data={"data.csv": "y\n1\n1e400\n"}),
    Case("cov_not_positive_definite", PD.format("[[1, 2], [2, 1]]"), 2, "E304", 4, data=PAIRS),
    Case("cov_barely_not_positive_definite", PD.format("[[1, 1.000000000001], [1.000000000001, 1]]"), 2, "E304", 4, says=("eigenvalue",), data=PAIRS),
    Case("cov_not_symmetric", PD.format("[[1, 0.5], [0.2, 1]]"), 2, "E304", 4, data=PAIRS),
    Case("huge_plate", "index big = 1000000000\ntable rows(y: real)\nx[k] ~ Normal(0, 1) for k in big\n"
         "y[i] ~ Normal(mean(x), 1) for i in rows\n", 5, "E6..", within=3.0),
    Case("overflowing_product", "index a = 4000000000, b = 4000000000\ntable rows(y: real)\n"
         "x[j, k] ~ Normal(0, 1) for j in a, k in b\ny[i] ~ Normal(x[1, 1], 1) for i in rows\n", 5, "E6..", within=3.0),
    Case("coupled_states", COUPLED.format(n=40), 2, "E505", says=("s",), within=5.0),
    Case("unknown_method", "table rows(y: real)\nmu ~ Normal(0, 1)\ny[i] ~ Normal(mu, 1) for i in rows\n", 2,
         says=("advi",), options=("--method", "hmc")),
]  # fmt: skip
