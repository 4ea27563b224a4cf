"""E1xx: mistakes in the text itself."""

from __future__ import annotations

from ppl.language.codes_entry import Entry

TEXT: dict[str, Entry] = {
    "E100": Entry(
        "something unexpected stands here",
        """The text does not continue in a way the language knows. The message says what stands there
        and what could stand there instead. One statement is one line; inside ( ) and [ ] a line may
        go on.""",
        "table rows(y: real)\ny[i] ~ ~ Normal(0, 1) for i in rows",
        "table rows(y: real)\ny[i] ~ Normal(0, 1) for i in rows",
    ),
    "E101": Entry(
        "a bracket or a text is never closed",
        "The message points at the opening bracket, not at the later place where the line ran out.",
        "table rows(y: real)\ny[i] ~ Normal(0, 1 for i in rows",
        "table rows(y: real)\ny[i] ~ Normal(0, 1) for i in rows",
    ),
    "E102": Entry(
        "a tab, or an uneven indent",
        """Blocks are marked by indentation with spaces, and every line of a block starts in the same
        column. Tabs are refused because editors show them at different widths.""",
        "table rows(y: real)\nfor i in rows:\n    y[i] ~ Normal(mu[i], 1)\n   mu[i] ~ Normal(0, 1)",
        "table rows(y: real)\nfor i in rows:\n    y[i] ~ Normal(mu[i], 1)\n    mu[i] ~ Normal(0, 1)",
    ),
    "E103": Entry(
        "a block without `:`",
        "`for i in rows:` opens a block. For a single statement the `for` goes to the end of its line.",
        "table rows(y: real)\nfor i in rows\n    y[i] ~ Normal(0, 1)",
        "table rows(y: real)\nfor i in rows:\n    y[i] ~ Normal(0, 1)",
    ),
    "E104": Entry(
        "this is how Stan or C says it",
        """`;` at the end of lines, `real<lower=0> x`, `data { }`, `target +=`: data are declared in a
        `table` or `given` with a type such as `positive`; there are no blocks; a term of the log
        density is a `factor`.""",
        "table rows(y: real);\ny[i] ~ Normal(0, 1) for i in rows",
        "table rows(y: real)\ny[i] ~ Normal(0, 1) for i in rows",
    ),
    "E105": Entry(
        "this is how BUGS says it",
        """`<-`, `dnorm(m, tau)` and `for (i in 1:N)` are BUGS or JAGS. The second argument of BUGS's
        dnorm is a precision: here it is `Normal(m, precision = tau)`.""",
        "table rows(y: real)\ny[i] ~ dnorm(0, 1) for i in rows",
        "table rows(y: real)\ny[i] ~ Normal(0, precision = 1) for i in rows",
    ),
    "E106": Entry(
        "a loop over a range of numbers",
        """Loops run over named sets, so that every subscript can be checked: declare the set once and
        loop over it.""",
        "given J: count\ngiven y[groups]: real\nindex groups = J\ny[j] ~ Normal(0, 1) for j in 1:J",
        "given J: count\ngiven y[groups]: real\nindex groups = J\ny[j] ~ Normal(0, 1) for j in groups",
    ),
    "E107": Entry(
        "a reserved word as a name",
        """`table index given param network def extern guide report factor for in if else and or not true
        false` start or join statements, so they cannot be names.""",
        "table rows(y: real)\nfactor ~ Normal(0, 1)\ny[i] ~ Normal(factor, 1) for i in rows",
        "table rows(y: real)\nload ~ Normal(0, 1)\ny[i] ~ Normal(load, 1) for i in rows",
    ),
    "E108": Entry(
        "an expression is nested too deeply",
        """There is a limit on how deeply brackets, calls and signs may be nested, also after every `def`
        is written out. Long sums and long models are no problem: they are wide, not deep. Give an inner
        part a name of its own.""",
    ),
    "E109": Entry(
        "a character that does not belong in a model",
        """NUL, zero-width and right-to-left characters, typographic quotes and minus signs, and letters
        that look like Latin ones but are not. The message names the code point.""",
        "table rows(y: real)\ny[i] ~ Normal(0, 1 \u2212 0.5) for i in rows",
        "table rows(y: real)\ny[i] ~ Normal(0, 1 - 0.5) for i in rows",
    ),
    "E110": Entry(
        "the text is empty",
        "A model says how its data arise; an empty file, or one of comments only, says nothing.",
        "# to do",
        "table rows(y: real)\ny[i] ~ Normal(0, 1) for i in rows",
    ),
}
