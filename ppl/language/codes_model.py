"""E2xx and E5xx: names, definitions, and the model as a whole."""

from __future__ import annotations

from ppl.language.codes_entry import Entry

_GOOD = "table rows(y: real)\nmu ~ Normal(0, 1)\ny[i] ~ Normal(mu, 1) for i in rows"

MODEL: dict[str, Entry] = {
    "E201": Entry(
        "no distribution has that name",
        """Names of distributions are exact, with capitals: `Normal`, `HalfCauchy`, `StudentT`. There is
        one name for each; links and other parameters are keywords (`Bernoulli(logit = x)`).""",
        _GOOD.replace("mu ~ Normal", "mu ~ Nromal"),
        _GOOD,
    ),
    "E202": Entry(
        "a name that nothing defines",
        """Every name is a column, a `given`, or has one `~` or `=` somewhere in the model (before or
        after: statements have no order). An index variable is known inside its own `for` only.""",
        _GOOD.replace("Normal(mu, 1)", "Normal(nu0, 1)"),
        _GOOD,
    ),
    "E203": Entry(
        "no index set has that name",
        "A set is declared with `index`, or is a table (its rows). `for` and axes name sets.",
        _GOOD.replace("in rows", "in row"),
        _GOOD,
    ),
    "E204": Entry(
        "a name is defined twice",
        """One name has one `~`, one `=` or one declaration; there is no assignment. The exception is a
        value made of data only, which may be observed with `~`.""",
        _GOOD + "\nmu ~ Normal(0, 2)",
        _GOOD,
    ),
    "E205": Entry(
        "an index variable hides another name",
        "A letter that already is a column, a set or another index variable cannot run in a `for`.",
        "table rows(y: real)\ny[y] ~ Normal(0, 1) for y in rows",
        "table rows(y: real)\ny[i] ~ Normal(0, 1) for i in rows",
    ),
    "E206": Entry(
        "two tables have a column of that name",
        "Say which is meant, with the table's name in front: `words.id`.",
        "table a(x: real)\ntable b(x: real, y: real)\ny[i] ~ Normal(x[i], 1) for i in b",
        "table a(x: real)\ntable b(x: real, y: real)\ny[i] ~ Normal(b.x[i], 1) for i in b",
    ),
    "E207": Entry(
        "a latent that reaches no observation",
        """What stands left of `~` and is no column becomes a latent quantity. One that nothing observed
        depends on is usually a misspelt column, or a leftover. Quantities of interest that follow from
        others belong in `report`; `--prior` allows idle latents.""",
        _GOOD.replace("y[i] ~", "yy[i] ~"),
        _GOOD,
    ),
    "E208": Entry(
        "no function, layer or part has that name",
        """Functions are called by their bare names (`exp(x)`), a network's parts by the names in its
        declaration (`decoder(z).logit`).""",
        _GOOD.replace("Normal(mu, 1)", "Normal(expp(mu), 1)"),
        _GOOD.replace("Normal(mu, 1)", "Normal(exp(mu), 1)"),
    ),
    "E209": Entry(
        "a model that observes nothing",
        """A fit needs at least one `~` with data on its left, or a `factor`. A model without data can be
        drawn from with `--prior`.""",
        "table rows(y: real)\nmu ~ Normal(0, 1)",
        _GOOD,
    ),
    "E501": Entry(
        "definitions that go round in a circle",
        """Each quantity is drawn or computed from others, so these must not come back to it at the same
        row. Earlier rows of an ordered set may be referred to: `x[i-1]`. A `def` may not call itself.""",
        "table rows(y: real)\na ~ Normal(b, 1)\nb ~ Normal(a, 1)\ny[i] ~ Normal(a, 1) for i in rows",
        "table rows(y: real)\na ~ Normal(b, 1)\nb ~ Normal(0, 1)\ny[i] ~ Normal(a, 1) for i in rows",
    ),
    "E502": Entry(
        "data cannot be assigned, and have no `q`",
        "Columns and `given`s come from the data. `=` defines new names; `q` is about latents.",
        "table rows(y: real)\ny[i] = 1 for i in rows\n0 ~ Normal(mean(y), 1)",
        "table rows(y: real)\nz[i] = y[i] + 1 for i in rows\n0 ~ Normal(mean(z), 1)",
    ),
    "E503": Entry(
        "a column that may be blank, with nothing to fill it",
        """`?` says that cells may be missing, `~` says how the column is distributed; together they impute
        the missing cells. Without a `~` nothing could fill them.""",
        "table rows(x: real?, y: real)\ny[i] ~ Normal(x[i], 1) for i in rows",
        "table rows(x: real?, y: real)\nx[i] ~ Normal(0, 1) for i in rows\ny[i] ~ Normal(x[i], 1) for i in rows",
    ),
    "E504": Entry(
        "a q that cannot stand for its latent",
        """The approximating distribution must live exactly where the latent does: a Normal leaves the
        positive numbers, a simplex and the like.""",
        "table rows(y: real)\ns ~ HalfNormal(1)\ny[i] ~ Normal(0, s) for i in rows\nguide:\n    q(s) ~ Normal",
        "table rows(y: real)\ns ~ HalfNormal(1)\ny[i] ~ Normal(0, s) for i in rows\nguide:\n    q(s) ~ LogNormal",
    ),
    "E505": Entry(
        "too many states to sum exactly",
        """`Exact` sums over every joint state of what it names. Forty binary factors have 10^12 of them.
        A chain is summed one link at a time by `MarkovChain`; `MeanField` treats the factors apart.""",
        """
        index factors = 40
        table rows(y: real)
        z[i, factors] ~ Bernoulli(0.5) for i in rows
        y[i] ~ Normal(sum(z[i]), 1) for i in rows
        guide:
            q(z[i]) ~ Exact for i in rows
        """,
        """
        index factors = 40
        table rows(y: real)
        z[i, factors] ~ Bernoulli(0.5) for i in rows
        y[i] ~ Normal(sum(z[i]), 1) for i in rows
        guide:
            q(z[i]) ~ MeanField for i in rows
        """,
    ),
}
