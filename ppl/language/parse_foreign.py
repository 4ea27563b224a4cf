"""Whole programs in other languages, and BUGS distributions: translated rather than refused."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ppl.errors import Diagnostic, Source, Span
from ppl.language import tree as t

_STAN_BLOCK = re.compile(
    r"^[ \t]*(functions|data|parameters|model|transformed[ ]+(?:data|parameters)|generated[ ]+quantities)"
    r"[ \t\r\n]*\{",
    re.MULTILINE,
)
_STAN_BLOCK_MEANS = {
    "functions": "write a function as `def f(x) = ...`",
    "data": "declare rows as a `table(x: real, n: count)` and constants as `given N: count`",
    "transformed data": "write the definitions at the top level, `z[i] = zscore(x)[i] for i in rows`",
    "parameters": "leave them out: `sigma ~ HalfNormal(1)` declares sigma and its support",
    "transformed parameters": "write the definitions at the top level, `eta[i] = a + b * x[i] for i in rows`",
    "model": "write its statements at the top level, without a block",
    "generated quantities": "write them in a `report:` block",
}
_BUGS_LINE = re.compile(r"<-|\bfor\s*\(|~\s*(d[a-z.]+)\s*\(")

# BUGS name -> what to write, with its arguments by position.
BUGS = {
    "dnorm": "Normal({0}, precision = {1})",
    "dlnorm": "LogNormal({0}, 1 / sqrt({1}))",
    "dgamma": "Gamma({0}, {1})",
    "dbeta": "Beta({0}, {1})",
    "dunif": "Uniform({0}, {1})",
    "dbern": "Bernoulli({0})",
    "dbin": "Binomial({1}, {0})",
    "dpois": "Poisson({0})",
    "dcat": "Categorical({0})",
    "dexp": "Exponential({0})",
    "dt": "StudentT({2}, {0}, 1 / sqrt({1}))",
    "dmnorm": "MultivariateNormal({0}, precision = {1})",
    "dwish": "Wishart({1}, inverse({0}))",
    "ddirch": "Dirichlet({0})",
    "ddirich": "Dirichlet({0})",
    "dmulti": "Multinomial({1}, {0})",
    "dweib": "Weibull({0}, {1} ^ (-1 / {0}))",
    "ddexp": "Laplace({0}, 1 / {1})",
    "dlogis": "Logistic({0}, 1 / {1})",
    "dnegbin": "NegativeBinomial(n = {1}, p = {0})",
    "dpar": "Pareto({1}, {0})",
    "dchisqr": "Gamma({0} / 2, 0.5)",
    "dflat": "Flat()",
}
_SECOND = {
    "dnorm": "its second argument is a precision",
    "dmnorm": "its second argument is a precision matrix",
    "dt": "its second argument is a precision",
    "dlnorm": "its second argument is a precision",
    "dbin": "its size comes first here",
    "dmulti": "its size comes first here",
}


def foreign_program(source: Source) -> list[Diagnostic]:
    """One message a block of a Stan or BUGS program, none for a model of ours.

    >>> [d.code for d in foreign_program(Source("m", "data {\\n int N;\\n}\\nmodel {\\n}"))]
    ['E104', 'E104']
    """
    blocks = list(_STAN_BLOCK.finditer(source.text)) if "{" in source.text else []
    if not blocks:
        return []
    if any(re.search(rf"~\s*{name}\s*\(|<-", source.text) for name in ("dnorm", "dunif", "dgamma", "dbern")):
        return list(_bugs_program(source, blocks[0]))
    return [_stan_block(match) for match in blocks]


def _stan_block(match: re.Match[str]) -> Diagnostic:
    word = " ".join(match.group(1).split())
    return Diagnostic(
        "E104",
        f"a block `{word} {{` is Stan; this language has no such blocks",
        Span(match.start(1), match.end()),
        label="a block of Stan",
        help=_STAN_BLOCK_MEANS[word],
    )


def _bugs_program(source: Source, block: re.Match[str]) -> Iterator[Diagnostic]:
    yield Diagnostic(
        "E105",
        "a block `model {` is BUGS; here statements stand at the top level",
        Span(block.start(1), block.end()),
        label="a block of BUGS",
        help="leave the block out and declare the data as a `table` or `given`",
    )
    for match in _BUGS_LINE.finditer(source.text):
        span, word = Span(match.start(), match.end()), match.group()
        if word == "<-":
            yield Diagnostic("E105", "`<-` is BUGS; a value is defined with `=`", span, help="write `=`")
        elif word.startswith("for"):
            help = "declare the set, `index groups = J`, then write `for j in groups:`"
            yield Diagnostic("E105", "loops run over named index sets, without brackets", span, help=help)
        elif match.group(1) in BUGS:
            name_span = Span(match.start(1), match.end(1))
            help = f"write `{_pattern(match.group(1))}`"
            yield Diagnostic("E105", _message(match.group(1)), name_span, label="a name of BUGS", help=help)


def _message(name: str) -> str:
    extra = f"; {_SECOND[name]}" if name in _SECOND else ""
    return f"`{name}` is BUGS{extra}"


def _pattern(name: str) -> str:
    return BUGS[name].format("a", "b", "c")


def bugs_distribution(source: Source, distribution: t.Expr) -> Diagnostic | None:
    """E105 for ``~ dnorm(m, tau)``, with the same distribution in this language."""
    if not (isinstance(distribution, t.Call) and isinstance(distribution.function, t.Name)):
        return None
    name = distribution.function.id
    if name not in BUGS:
        return None
    written = [source.text[a.span.start : a.span.end] for a in distribution.arguments]
    try:
        meant = BUGS[name].format(*written)
    except IndexError:
        meant = _pattern(name)
    line = source.line(source.position(distribution.span.start)[0])
    call = source.text[distribution.span.start : distribution.span.end]
    return Diagnostic(
        "E105",
        _message(name),
        distribution.function.span,
        label="a name of BUGS",
        help=f"write `{meant}`",
        suggestion=line.replace(call, meant, 1) if call in line else "",
    )
