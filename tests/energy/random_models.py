"""Random conjugate models: hierarchies, effects, counts, labels, mixtures and chains on one small table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

Array = np.ndarray
Rng = np.random.Generator
ROWS = 9
SETS = ("index G", "index H", "index K = 3")
KNOWN = (
    *SETS,
    "given known[K]: simplex = [0.2, 0.3, 0.5]",
    "given moves[K, K']: simplex = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0, 0.4, 0.6]]",
)


@dataclass(frozen=True)
class Text:
    """A model in parts: its declarations, its statements one a line, the columns it reads, and data."""

    columns: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    data: dict[str, Array] = field(default_factory=dict)
    header: tuple[str, ...] = SETS

    @property
    def model(self) -> str:
        return "\n".join([*self.header, f"table rows({', '.join(self.columns)})", *self.statements, ""])

    def plus(self, *statements: str, **columns: tuple[str, Array]) -> Text:
        """With more statements and columns (name: its type and values)."""
        more = tuple(f"{n}: {kind}" for n, (kind, _) in columns.items())
        data = self.data | {n: v for n, (_, v) in columns.items()}
        return replace(
            self, columns=(*self.columns, *more), statements=(*self.statements, *statements), data=data
        )

    def shuffled(self, rng: Rng) -> Text:
        """The statements in another order: a model is a set of them."""
        order = rng.permutation(len(self.statements))
        return replace(self, statements=tuple(self.statements[i] for i in order))

    def renamed(self, mark: str = "q_") -> Text:
        """Every latent under another name, so that alphabetical orders turn round."""
        names = sorted(latents(self))
        fresh = {n: f"{mark}{chr(122 - i % 26)}{i}" for i, n in enumerate(names)}
        pattern = re.compile(r"\b(" + "|".join(names) + r")\b")
        changed = tuple(pattern.sub(lambda m: fresh[m.group(1)], s) for s in self.statements)
        return replace(self, statements=changed)

    def split(self) -> Text:
        """Every observation plate of reals as two statements on complementary rows, others as two branches."""
        out: list[str] = []
        for s in self.statements:
            found = re.fullmatch(r"(\w+)\[i\] ~ (.*) for i in rows", s)
            if not found or found.group(1) not in self.data or found.group(1) == "o":
                out.append(s)
                continue
            name, law = found.groups()
            if "y" in name and not np.isnan(np.asarray(self.data[name], dtype=float)).any():
                out += [f"{name}[i] + 0 ~ {law} for i in rows if u[i] {c} 0" for c in (">", "<=")]
            else:
                out.append(f"{name}[i] ~ {law} if u[i] > 0 else {law} for i in rows")
        return replace(self, statements=tuple(out))


def latents(text: Text) -> set[str]:
    """Names that statements define."""
    found = {re.match(r"\w+", s).group() for s in text.statements if "~" in s}  # type: ignore[union-attr]
    return found - set(text.data)


def base(rng: Rng) -> Text:
    """The columns that every model may read."""
    g = np.array(["a", "b", "c"])[np.r_[0, 1, 2, rng.integers(3, size=ROWS - 3)]]
    h = np.array(["p", "q"])[np.r_[0, 1, rng.integers(2, size=ROWS - 2)]]
    out = Text().plus(
        o=("order", rng.permutation(ROWS)),
        g=("G", g),
        h=("H", h),
        u=("real", rng.normal(size=ROWS)),
        e=("positive", rng.gamma(3, 0.5, size=ROWS)),
    )
    return out.plus(w=("weight", rng.integers(0, 4, size=ROWS))) if rng.random() < 0.25 else out


def number(rng: Rng) -> str:
    """A positive constant."""
    return f"{rng.uniform(0.5, 3):.2f}"


def pick(rng: Rng, options: list[str]) -> str:
    return options[rng.integers(len(options))]


def effects(text: Text, rng: Rng, tag: str) -> Text:
    """A sum of effects: an intercept, groups with or without a mean of their own, slopes, products."""
    scale = f"s{tag}"
    parts: list[str] = []
    if rng.random() < 0.7:
        text = text.plus(f"m{tag} ~ Normal({number(rng)}, {number(rng)})")
        parts.append(f"m{tag}")
    if rng.random() < 0.8:
        mean = pick(rng, [f"m{tag}" if parts else "0", "0", "1.5"])
        width = pick(rng, [f"precision = {scale}", "0.8"])
        if scale in width:
            text = text.plus(f"{scale} ~ Gamma({number(rng)}, {number(rng)})")
        text = text.plus(f"a{tag}[j] ~ Normal({mean}, {width}) for j in G")
        parts.append(f"a{tag}[g[i]]")
    if rng.random() < 0.4:
        text = text.plus(f"b{tag}[k] ~ Normal(0, {number(rng)}) for k in H")
        parts.append(f"b{tag}[h[i]]")
    if rng.random() < 0.4:
        text = text.plus(f"c{tag} ~ Normal(0, {number(rng)})")
        parts.append(f"c{tag} * u[i]")
    if rng.random() < 0.25:
        text = text.plus(f"d{tag}[j, k] ~ Normal(0, {number(rng)}) for j in G, k in H")
        parts.append(pick(rng, [f"d{tag}[g[i], h[i]]", f"d{tag}[g[i], h[i]] * u[i]"]))
    if rng.random() < 0.25:
        text = text.plus(
            f"f{tag}[j] ~ Normal(0, {number(rng)}) for j in G", f"l{tag}[k] ~ Normal(1, 1) for k in H"
        )
        parts.append(f"f{tag}[g[i]] * l{tag}[h[i]]")
    noise, more = _noise(rng, tag)
    text = text.plus(*more)
    y = rng.normal(1, 1.5, size=ROWS)
    law = f"Normal({' + '.join(parts) or '0'}, {noise})"
    kind = "real"
    if "weight" not in " ".join(text.columns) and rng.random() < 0.2:
        y[rng.integers(ROWS)], kind = np.nan, "real?"
    return text.plus(f"y{tag}[i] ~ {law} for i in rows", **{f"y{tag}": (kind, y)})


def _noise(rng: Rng, tag: str) -> tuple[str, list[str]]:
    return [
        (f"precision = t{tag}", [f"t{tag} ~ Gamma(2, {number(rng)})"]),
        (f"var = t{tag}", [f"t{tag} ~ InverseGamma(3, {number(rng)})"]),
        (f"precision = t{tag}[h[i]]", [f"t{tag}[k] ~ Gamma(2, {number(rng)}) for k in H"]),
        (f"precision = t{tag} * e[i]", [f"t{tag} ~ Gamma(2, {number(rng)})"]),
        ("0.7", []),
    ][rng.integers(5)]


def counts(text: Text, rng: Rng, tag: str) -> Text:
    """Gamma rates, in a hierarchy or multiplied."""
    rate = pick(rng, [f"r{tag}", number(rng)])
    text = text.plus(f"v{tag}[j] ~ Gamma({number(rng)}, {rate}) for j in G")
    law = pick(rng, [f"v{tag}[g[i]] * e[i]", f"v{tag}[g[i]] * r{tag}", f"v{tag}[g[i]]"])
    if f"r{tag}" in rate + law:
        text = text.plus(f"r{tag} ~ Gamma(2, {number(rng)})")
    return text.plus(
        f"n{tag}[i] ~ Poisson({law}) for i in rows", **{f"n{tag}": ("count", rng.poisson(2, ROWS))}
    )


def bits(text: Text, rng: Rng, tag: str) -> Text:
    """Beta probabilities by group."""
    text = text.plus(f"p{tag}[j] ~ Beta({number(rng)}, {number(rng)}) for j in G")
    return text.plus(
        f"x{tag}[i] ~ Bernoulli(p{tag}[g[i]]) for i in rows",
        **{f"x{tag}": ("bool", rng.integers(2, size=ROWS))},
    )


def labels(text: Text, rng: Rng, tag: str) -> Text:
    """Dirichlet probabilities of a group's labels, as in topic models or not."""
    k = rng.integers(1, 4, size=ROWS)
    column = {f"k{tag}": ("K", k)}
    if rng.random() < 0.5:
        text = text.plus(f"q{tag}[j, K] ~ Dirichlet({number(rng)}) for j in G")
        return text.plus(f"k{tag}[i] ~ Categorical(q{tag}[g[i]]) for i in rows", **column)
    text = text.plus(
        f"q{tag}[j, H] ~ Dirichlet({number(rng)}) for j in G",
        f"w{tag}[h2, K] ~ Dirichlet({number(rng)}) for h2 in H",
        f"z{tag}[i] ~ Categorical(q{tag}[g[i]]) for i in rows",
    )
    return text.plus(f"k{tag}[i] ~ Categorical(w{tag}[z{tag}[i]]) for i in rows", **column)


def mixture(text: Text, rng: Rng, tag: str) -> Text:
    """Hidden labels of rows or of groups, with means and precisions of their own."""
    text = text.plus(
        f"weight{tag}[K] ~ Dirichlet({number(rng)})",
        f"mu{tag}[k] ~ Normal(0, {number(rng)}) for k in K",
    )
    if rng.random() < 0.3:
        text = text.plus(f"z{tag}[j] ~ Categorical(weight{tag}) for j in G")
        read = f"z{tag}[g[i]]"
    else:
        text = text.plus(f"z{tag}[i] ~ Categorical(weight{tag}) for i in rows")
        read = f"z{tag}[i]"
    mean = pick(rng, [f"mu{tag}[{read}]", f"mu{tag}[{read}] * u[i]", f"mu{tag}[{read}] + u[i]"])
    width = pick(rng, [f"precision = tau{tag}[{read}]", "0.9"])
    if "tau" in width:
        text = text.plus(f"tau{tag}[k] ~ Gamma(2, {number(rng)}) for k in K")
    y = rng.normal(0, 2, size=ROWS)
    return text.plus(f"y{tag}[i] ~ Normal({mean}, {width}) for i in rows", **{f"y{tag}": ("real", y)})


def chain(text: Text, rng: Rng, tag: str) -> Text:
    """A hidden Markov chain, with its tables known or not."""
    if rng.random() < 0.7:
        text = text.plus(
            f"start{tag}[K] ~ Dirichlet({number(rng)})",
            f"step{tag}[j, K] ~ Dirichlet({number(rng)}) for j in K",
        )
        law = f"start{tag} if first(i) else step{tag}[z{tag}[i-1]]"
    else:
        law = f"known if first(i) else moves[z{tag}[i-1]]"
        text = replace(text, header=KNOWN)
    text = text.plus(
        f"z{tag}[i] ~ Categorical({law}) for i in rows", f"lam{tag}[k] ~ Gamma(2, {number(rng)}) for k in K"
    )
    return text.plus(
        f"n{tag}[i] ~ Poisson(lam{tag}[z{tag}[i]]) for i in rows",
        **{f"n{tag}": ("count", rng.poisson(3, ROWS))},
    )


def level(text: Text, rng: Rng, tag: str) -> Text:
    """A Gaussian chain with precisions of its own, its first case from a wide prior."""
    slope = pick(rng, ["", "0.8 * "])
    text = text.plus(
        f"move{tag} ~ Gamma(2, {number(rng)})",
        f"noise{tag} ~ Gamma(2, {number(rng)})",
        f"x{tag}[i] ~ Normal(0, 3) if first(i) else Normal({slope}x{tag}[i-1], precision = move{tag}) for i in rows",
    )
    y = np.cumsum(rng.normal(size=ROWS))
    return text.plus(
        f"y{tag}[i] ~ Normal(x{tag}[i], precision = noise{tag}) for i in rows", **{f"y{tag}": ("real", y)}
    )


def autoregression(text: Text, rng: Rng, tag: str) -> Text:
    """A regression on the row before, whose first case differs."""
    text = text.plus(f"phi{tag} ~ Normal(0, 1)", f"pr{tag} ~ Gamma(2, {number(rng)})")
    law = f"Normal(0, 2) if first(i) else Normal(phi{tag} * y{tag}[i-1] + 0.1, precision = pr{tag})"
    return text.plus(f"y{tag}[i] ~ {law} for i in rows", **{f"y{tag}": ("real", rng.normal(size=ROWS))})


Fragment = Callable[[Text, Rng, str], Text]
LOCAL: tuple[Fragment, ...] = (mixture, chain, level, labels)
FRAGMENTS: tuple[Fragment, ...] = (effects, effects, counts, bits, *LOCAL, autoregression)


def random_model(seed: int) -> Text:
    """One to three fragments on one table. Chains and lags need rows that count once."""
    rng = np.random.default_rng(seed)
    text = base(rng)
    weighted = "w: weight" in text.columns
    for tag in "123"[: rng.integers(1, 4)]:
        options = [f for f in FRAGMENTS if not weighted or f not in (chain, level, autoregression)]
        text = options[rng.integers(len(options))](text, rng, tag)
    return text
