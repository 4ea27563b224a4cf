# ruff: noqa: E501 - a model and its answer stay on one line
"""Models whose text is wrong, and texts that only look dangerous (exit 2, or 0)."""

from tests.nasty.case import Case

REGRESSION = "table rows(y: real)\n\nmu ~ Normal(0, 1)\nsigma ~ HalfNormal(1)\nfor i in rows:\n    y[i] ~ Normal({}, {})\n"


def observing(body: str, head: str = "table rows(y: real)\n") -> str:
    """A model that observes y with the given statements before it."""
    return f"{head}{body}\n"


def ten_thousand_lines() -> str:
    """9,869 good statements below a two-line head, one mistake on line 9,871, and more good ones."""
    lines = ["table rows(y: real)", "m0 ~ Normal(0, 1)"]
    lines += [f"m{k} = m{k - 1} + 1" for k in range(1, 9869)]
    lines += ["bad = m9868 + mistake_here"]
    lines += [f"m{k} = m{k - 1} + 1" for k in range(9869, 9998)]
    lines += ["y[i] ~ Normal(m9997 + bad, 1) for i in rows"]
    return "\n".join(lines) + "\n"


SYNTAX = [
    Case("unclosed_paren", "table rows(y: real)\ny[i] ~ Normal(0, 1", 2, "E101", 2, 14, ("`(`",)),
    Case("deep_parens", "x = " + "(" * 100_000 + "1" + ")" * 100_000 + "\n", 2, "E108", 1, within=4.0),
    Case("deep_minus", "x = " + "-" * 100_000 + "1\n", 2, "E108", 1, within=4.0),
    Case("nul_byte", b"table rows(y: real)\nmu\x00 ~ Normal(0, 1)\n", 2, "E109", 2, 3, ("U+0000",)),
    Case("bom_in_the_middle", "table rows(y: real)\nmu\ufeff ~ Normal(0, 1)\n", 2, "E109", 2, 3, ("U+FEFF",)),
    Case("zero_width_name", "table rows(y: real)\nm\u200bu ~ Normal(0, 1)\n", 2, "E109", 2, 2, ("U+200B",)),
    Case("bidi_override", "table rows(y: real)\nm\u202eu ~ Normal(0, 1)\n", 2, "E109", 2, 2, ("U+202E",)),
    Case("not_utf8", b"table rows(y: real)\nmu ~ Normal(0, \xff1)\n", 2, "E1..", says=("UTF-8",)),
    Case("homoglyph", "table rows(y: real)\n\u0430 ~ Normal(0, 1)\n", 2, "E109|E202", 2, 1, ("U+0430",)),
    Case("reserved_for", "table rows(y: real)\nfor ~ Normal(0, 1)\n", 2, "E1..", 2),
    Case("reserved_index", "table rows(y: real)\nindex ~ Normal(0, 1)\n", 2, "E1..", 2),
    Case("include_parent", 'include "../../secret"\n', 2, "E1..", 1),
    Case("include_absolute", 'include "/etc/passwd"\n', 2, "E1..", 1),
    Case("backticks", "x = `ls`\n", 2, "E1..", 1),
    Case("format_braces", "x ~ {0.__class__}\n", 2, "E1..", 1),
    Case("empty", "", 2, "E1..|E2.."),
    Case("only_comments", "# nothing\n\n# here\n", 2, "E1..|E2.."),
    Case("only_declarations", "table rows(y: real)\n", 2, "E2.."),
    Case("tab", "table rows(y: real)\nfor i in rows:\n\ty[i] ~ Normal(0, 1)\n", 2, "E102", 3),
    Case("stan", "data {\n  real x;\n}\n", 2, "E104", 1),
    Case(
        "bugs", "table rows(y: real)\nmu ~ dnorm(0, 0.01)\ny[i] ~ Normal(mu, 1) for i in rows\n", 2, "E105", 2
    ),
]

NAMES = [
    Case("undeclared", REGRESSION.format("mu", "sgima"), 2, "E202", 6, 23, ("`sigma`",)),
    Case("twice", observing("mu ~ Normal(0, 1)\nmu ~ Normal(0, 2)\ny[i] ~ Normal(mu, 1) for i in rows"), 2, "E204", 3, 1, ("2",)),
    Case(
        "cycle",
        observing("a ~ Normal(b, 1)\nb ~ Normal(a, 1)\ny[i] ~ Normal(a, 1) for i in rows"),
        2,
        "E501",
        says=("`a`", "`b`"),
    ),
    Case("self_reference", observing("for i in rows:\n    x[i] ~ Normal(x[i], 1)\n    y[i] ~ Normal(x[i], 1)"), 2, "E501", 3),
    Case("no_first_case", observing("for i in rows:\n    x[i] ~ Normal(x[i-1], 1)\n    y[i] ~ Normal(x[i], 1)"), 2, "E318", 3),
    Case("misspelt_distribution", REGRESSION.format("mu", "sigma").replace("HalfNormal", "HalfNromal"), 2, "E201", 4, 9, ("`HalfNormal`",)),
    Case("injected_import", observing('mu ~ Normal(__import__("os").getpid(), 1)\ny[i] ~ Normal(mu, 1) for i in rows'), 2, "E[123].."),
    Case("injected_globals", observing("mu ~ Normal(0, 1)\ny[i] ~ Normal(mu.__globals__, 1) for i in rows"), 2, "E[123].."),
    Case("injected_eval", observing('mu = eval("1")\ny[i] ~ Normal(mu, 1) for i in rows'), 2, "E208|E202", 2),
    Case("no_data_link", observing("lost ~ Normal(0, 1)\ny[i] ~ Normal(0, 1) for i in rows"), 2, "E207", 2, 1),
    Case("ten_thousand_lines", ten_thousand_lines(), 2, "E202", 9871, says=("mistake_here",), within=12.0),
    Case(
        "names_of_python",
        observing("lambda ~ Normal(0, 1)\nclass ~ Normal(0, 1)\n__class__ ~ Normal(0, 1)\ndata ~ Normal(0, 1)\n"
                  "y[i] ~ Normal(lambda + class + __class__ + data, 1) for i in rows"),
        0,
    ),
]  # fmt: skip

TYPES = [
    Case("too_few_arguments", REGRESSION.format("mu", "sigma").replace("HalfNormal(1)", "HalfNormal()"), 2, "E301", 4),
    Case("too_many_arguments", REGRESSION.format("mu", "sigma, 2"), 2, "E301", 6),
    Case("wrong_argument_name", REGRESSION.format("mu", "sdd = sigma"), 2, "E302", 6, says=("sdd",)),
    Case("two_parameterisations", REGRESSION.format("mu", "sd = sigma, precision = 1"), 2, "E303", 6),
    Case("real_as_scale", REGRESSION.format("0", "mu"), 2, "E304", 6, says=("`mu`",)),
    Case(
        "real_as_probability",
        observing("p ~ Normal(0, 1)\ny[i] ~ Bernoulli(p) for i in rows", "table rows(y: bool)\n"),
        2,
        "E304",
        3,
        says=("`p`",),
    ),
    Case("negative_scale", REGRESSION.format("mu", "-1"), 2, "E304", 6),
    Case("zero_shapes", REGRESSION.format("mu", "sigma").replace("HalfNormal(1)", "Beta(0, 0)"), 2, "E304", 4),
    Case("empty_concentration", observing("index k = 2\nw[k] ~ Dirichlet([])\ny[i] ~ Normal(w[1], 1) for i in rows"), 2, "E[13].."),
    Case("one_over_zero", REGRESSION.format("mu + 1/0", "sigma"), 2, "E304", 6),
    Case("log_of_minus_one", REGRESSION.format("mu + log(-1)", "sigma"), 2, "E304", 6),
    Case(
        "matrix_times_wrong_vector",
        observing("index a = 3, b = 4\nm[a, b] ~ Normal(0, 1)\nv[a] ~ Normal(0, 1)\nw[a] = m @ v\n"
                  "y[i] ~ Normal(sum(w), 1) for i in rows"),
        2, "E316", 5, says=("a", "b"),
    ),
    Case("wrong_axis", observing("index g = 3\nm[k] ~ Normal(0, 1) for k in g\ny[i] ~ Normal(m[i], 1) for i in rows"), 2, "E311", 4),
    Case("network", observing("index d = 2\nnetwork f(d -> out[d]) = MLP(activation = \"step\")\nz[i, d] ~ Normal(0, 1) for i in rows\n"
                              "y[i] ~ Normal(sum(f(z[i]).out), 1) for i in rows"), 2, "E...", says=("`f` has no activation `step`",)),
]  # fmt: skip

CASES = SYNTAX + NAMES + TYPES
