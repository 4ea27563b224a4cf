"""E3xx: arguments, supports, labels, axes, lags and conditions."""

from __future__ import annotations

from ppl.language.codes_entry import Entry

_ROWS = "table rows(x: real, y: real)\n"
_MU = _ROWS + "mu ~ Normal(0, 1)\n"
_GROUPS = "index groups\ntable rows(g: groups, y: real)\na[k] ~ Normal(0, 1) for k in groups\n"
_LAST = "y[i] ~ Normal(mu, 1) for i in rows"
_CHAIN = "table rows(t: order, y: real)\n"

VALUES: dict[str, Entry] = {
    "E301": Entry(
        "a wrong number of arguments",
        "The message lists what the distribution or function takes.",
        _MU + _LAST.replace("(mu, 1)", "(mu, 1, 2)"),
        _MU + _LAST,
    ),
    "E302": Entry(
        "no parameter has that name",
        "Parameters have one name each, listed in the message: `sd`, not `sigma`; `mean`, not `mu`.",
        _MU + _LAST.replace("(mu, 1)", "(mu, sigma = 1)"),
        _MU + _LAST.replace("(mu, 1)", "(mu, sd = 1)"),
    ),
    "E303": Entry(
        "two parameterisations at once",
        "`sd` and `precision` say the same thing twice: give one.",
        _MU + _LAST.replace("(mu, 1)", "(mu, sd = 1, precision = 1)"),
        _MU + _LAST.replace("(mu, 1)", "(mu, sd = 1)"),
    ),
    "E304": Entry(
        "a value that may lie outside what is allowed",
        """Supports are followed through the model: a prior gives its latent a support, `exp` gives
        positive numbers, and so on. A parameter that cannot be shown to be allowed is refused before the
        fit, not found as NaN during it. Mend the prior, transform the value, or claim what you know with
        the support's name as a function: `positive(e)` is e, checked when it is evaluated.""",
        _ROWS + "s ~ Normal(0, 1)\ny[i] ~ Normal(0, s) for i in rows",
        _ROWS + "s ~ HalfNormal(1)\ny[i] ~ Normal(0, s) for i in rows",
    ),
    "E305": Entry(
        "not a vector of probabilities",
        """`Categorical` and its like need numbers that sum to 1 over one set: a `Dirichlet` latent, a
        `softmax`, or `logit = x` for any vector x.""",
        "index k = 3\ntable rows(c: k)\nw[k] ~ Normal(0, 1)\nc[i] ~ Categorical(w) for i in rows",
        "index k = 3\ntable rows(c: k)\nw[k] ~ Normal(0, 1)\nc[i] ~ Categorical(logit = w) for i in rows",
    ),
    "E306": Entry(
        "`=` where `~` is meant, or the reverse",
        "`~` draws from a distribution, `=` gives a value.",
        _ROWS + "mu = Normal(0, 1)\n" + _LAST,
        _MU + _LAST,
    ),
    "E307": Entry(
        "a distribution used as a number",
        "A distribution stands right of `~` only. Draw from it under a name, and use the name.",
        _ROWS + "y[i] ~ Normal(Normal(0, 1), 1) for i in rows",
        _MU + _LAST,
    ),
    "E308": Entry(
        "a label used as a number",
        """A column typed by an index set holds names. Names subscript and compare; they do not add or
        multiply, whatever their spelling.""",
        _GROUPS + "y[i] ~ Normal(a[g[i]] + g[i], 1) for i in rows",
        _GROUPS + "y[i] ~ Normal(a[g[i]], 1) for i in rows",
    ),
    "E309": Entry(
        "something random where data are needed",
        """Sizes, filters, starting values, `zscore` and its like, and expressions left of `~` are worked
        out once from the data. There is no Jacobian for a random left side.""",
        _MU + _LAST + "\nexp(mu) ~ Exponential(1)",
        _MU + _LAST + "\nlog(x[i] ^ 2) ~ Normal(mu, 1) for i in rows",
    ),
    "E310": Entry(
        "a subscript is missing",
        """A name over a set is a vector until it is subscripted. Inside the `for` of that set write the
        index; elsewhere reduce the vector, as `mean(theta)` does.""",
        _ROWS + "y[i] ~ Normal(x, 1) for i in rows",
        _ROWS + "y[i] ~ Normal(x[i], 1) for i in rows",
    ),
    "E311": Entry(
        "an axis of another set",
        """Sets are told apart by name, even when they have the same size. To get from a row to the group
        it belongs to, go through the column that says so: `a[g[i]]`.""",
        _GROUPS + "y[i] ~ Normal(a[i], 1) for i in rows",
        _GROUPS + "y[i] ~ Normal(a[g[i]], 1) for i in rows",
    ),
    "E312": Entry(
        "subscripts in another order",
        "Subscripts follow the order of the definition's left side.",
        """
        index cols = 2
        table rows(y: real)
        m[i, k] ~ Normal(0, 1) for i in rows, k in cols
        y[i] ~ Normal(sum(m[k, i] for k in cols), 1) for i in rows
        """,
        """
        index cols = 2
        table rows(y: real)
        m[i, k] ~ Normal(0, 1) for i in rows, k in cols
        y[i] ~ Normal(sum(m[i, k] for k in cols), 1) for i in rows
        """,
    ),
    "E313": Entry(
        "a subscript that is no label",
        "A subscript is an index variable, a column of labels, a discrete latent, or a literal label.",
        _GROUPS + "y[i] ~ Normal(a[y[i]], 1) for i in rows",
        _GROUPS + "y[i] ~ Normal(a[g[i]], 1) for i in rows",
    ),
    "E314": Entry(
        "a definition inside a `for` without its index",
        """Each round of a `for` defines its own copy, so the left side must say which. A quantity that all
        rounds share is defined outside.""",
        _ROWS + "for i in rows:\n    mu ~ Normal(0, 1)\n    y[i] ~ Normal(mu, 1)",
        _ROWS + "for i in rows:\n    mu[i] ~ Normal(0, 1)\n    y[i] ~ Normal(mu[i], 1)",
    ),
    "E315": Entry(
        "a vector without its set",
        "`Dirichlet`, `MultivariateNormal` and their like draw vectors; the left side says over which set.",
        "index k = 3\ntable rows(c: k)\nw ~ Dirichlet(1)\nc[i] ~ Categorical(w) for i in rows",
        "index k = 3\ntable rows(c: k)\nw[k] ~ Dirichlet(1)\nc[i] ~ Categorical(w) for i in rows",
    ),
    "E316": Entry(
        "two values over different sets",
        """Elementwise arithmetic needs equal axes, or a single number on one side. Nothing is stretched
        from one set to another; `dot` and `@` contract the set that both sides share.""",
        "index a = 2, b = 3\ntable rows(y: real)\nu[a] ~ Normal(0, 1)\nv[b] ~ Normal(0, 1)\n"
        "y[i] ~ Normal(sum(u + v), 1) for i in rows",
        "index a = 2, b = 3\ntable rows(y: real)\nu[a] ~ Normal(0, 1)\nv[b] ~ Normal(0, 1)\n"
        "y[i] ~ Normal(sum(u) + sum(v), 1) for i in rows",
    ),
    "E317": Entry(
        "a set whose members nothing tells",
        """An `index` without a size takes its members from a column typed by it. Otherwise give a size
        (`= 20`), labels, or a condition on another set.""",
        "index k\ntable rows(y: real)\nw[k] ~ Normal(0, 1)\ny[i] ~ Normal(sum(w), 1) for i in rows",
        "index k = 3\ntable rows(y: real)\nw[k] ~ Normal(0, 1)\ny[i] ~ Normal(sum(w), 1) for i in rows",
    ),
    "E318": Entry(
        "a lag without an order, or without a first case",
        """`z[i-1]` needs to know which row comes before: a table without `key`, an `order` column, or a set
        with a size or listed labels. And the first row has none before it: say what happens there
        (`... if first(i) else ...`), or leave the first rows out with a filter.""",
        _CHAIN + "z[i] ~ Normal(z[i-1], 1) for i in rows\ny[i] ~ Normal(z[i], 1) for i in rows",
        _CHAIN + "z[i] ~ Normal(0 if first(i) else z[i-1], 1) for i in rows\n"
        "y[i] ~ Normal(z[i], 1) for i in rows",
    ),
    "E319": Entry(
        "a condition on a continuous latent",
        """The density would jump where the latent crosses the condition, and gradients would not see it.
        Conditions may use data and discrete latents; filters may use data only.""",
        _MU + "y[i] ~ Normal(1 if mu > 0 else 2, 1) for i in rows",
        _MU + "y[i] ~ Normal(mu if x[i] > 0 else 2, 1) for i in rows",
    ),
    "E320": Entry(
        "no way from the parent to the rows",
        "`for a in rows of n` runs over the rows whose foreign key points at n: some column must do so.",
        "index k = 2\ntable rows(y: real)\nu[j] = sum(1 for i in rows of j) for j in k\n"
        "y[i] ~ Normal(sum(u), 1) for i in rows",
        "index k = 2\ntable rows(g: k, y: real)\nu[j] = sum(1 for i in rows of j) for j in k\n"
        "y[i] ~ Normal(sum(u), 1) for i in rows",
    ),
    "E322": Entry(
        "truncation or censoring without a distribution function",
        """The mass between bounds is a difference of two values of the distribution function, so it must
        have one here. `Truncated(D, lower = 0, normalised = false)` goes without, and marks the model
        unnormalised.""",
    ),
}
