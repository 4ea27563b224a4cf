"""The log joint of a typed program by explicit loops: one cell, one row, one state at a time.

Nothing here knows of named axes, tapes, gathers or eliminations: a definition is evaluated in an
environment that gives each index variable a code; discrete latents are enumerated over all their
joint states. Slow on purpose, for tiny data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from ppl.distributions import find as find_distribution
from ppl.distributions.base import Applied
from ppl.functions import find as find_function
from ppl.graph.bind_types import BoundData, BoundSet
from ppl.language import typed as t

Env = dict[t.Loop, int]
COMPARE = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


class NoRowError(Exception):
    """A lag leads outside its group, or a label outside its set."""


@dataclass
class Oracle:
    """``values``: every continuous latent, param and imputed column (over its missing cells)."""

    program: t.Program
    data: BoundData
    values: Mapping[str, np.ndarray]
    states: dict[str, np.ndarray] = field(default_factory=dict)
    _memo: dict[Any, Any] = field(default_factory=dict)

    # ---------------------------------------------------------------- sets

    def set(self, name: str) -> BoundSet:
        if name == "bool":
            return BoundSet("bool", 2, ("false", "true"), low=0)
        return self.data.sets[name]

    def translate(self, code: int, source: str, target: str) -> int:
        """By parent where there is one, else by the text of the label."""
        if source == target:
            return code
        for a, b, up in ((source, target, True), (target, source, False)):
            chain, name = [], a
            while name != b and self.set(name).parent is not None:
                chain.append(self.set(name).positions)
                name = self.set(name).parent or ""
            if name == b and chain:
                whole = list(range(self.set(a).size))
                for positions in chain:
                    whole = [int(positions[i]) for i in whole]
                if up:
                    return whole[code]
                if code not in whole:
                    raise NoRowError
                return whole.index(code)
        parent = self.set(source).parent
        if parent is not None:
            return self.translate(self.translate(code, source, parent), parent, target)
        text = self.set(source).label(code)
        for i in range(self.set(target).size):
            if self.set(target).label(i) == text:
                return i
        raise NoRowError

    def shifted(self, code: int, amount: int, name: str) -> int:
        bound = self.set(name)
        out = code - amount
        if not 0 <= out < bound.size:
            raise NoRowError
        if bound.group is not None and bound.group[out] != bound.group[code]:
            raise NoRowError
        return out

    # ---------------------------------------------------------------- loops

    def cells(self, loops: tuple[t.Loop, ...], env: Env) -> Iterator[Env]:
        """Every environment that the loops make inside another."""
        if not loops:
            yield env
            return
        first, rest = loops[0], loops[1:]
        for code in range(self.set(first.set).size):
            inner = {**env, first: code}
            if first.of is not None and first.by is not None:
                parent = int(self.data.arrays[(first.set, first.by)][code])
                if inner.get(first.of) != parent:
                    continue
            if first.condition is not None and not bool(self.term(first.condition, inner)):
                continue
            yield from self.cells(rest, inner)

    # ---------------------------------------------------------------- terms

    def term(self, x: t.Term, env: Env) -> Any:
        """The value over the event axes of ``x`` (a scalar has shape ())."""
        key = (id(x), tuple(sorted((id(k), v) for k, v in env.items())))
        if key not in self._memo:
            self._memo[key] = (x, np.asarray(self._term(x, env)))
        return self._memo[key][1]

    def _term(self, x: t.Term, env: Env) -> Any:
        match x:
            case t.Const():
                if x.type.element == "label":
                    bound = self.set(x.type.set or "")
                    return next(i for i in range(bound.size) if bound.label(i) == str(x.value))
                return float(x.value)
            case t.Var():
                return env[x.loop]
            case t.DataRef():
                return self.column(x)
            case t.Ref():
                return self.quantity(x.name)
            case t.Subscript():
                return self.subscript(x, env)
            case t.Shift():
                return self.shift(x, env)
            case t.Apply():
                return self.apply(x, env)
            case t.Choose():
                return self.term(x.then if bool(self.term(x.test, env)) else x.other, env)
            case t.Reduce():
                parts = [self.term(x.body, e) for e in self.cells(x.loops, env)]
                return reduce(x.function, parts)
            case t.Stack():
                return np.stack([self.term(x.body, e) for e in self.cells((x.loop,), env)])
            case t.ListOf():
                return np.stack([self.term(i, env) for i in x.items])
        raise AssertionError(type(x).__name__)

    def column(self, x: t.DataRef) -> np.ndarray:
        name = f"{x.table}.{x.name}"
        array = np.asarray(self.data.arrays[(x.table, x.name)])
        if name in self.values or name in self.states:
            array = array.astype(float)
            mask = self.data.missing[(x.table, x.name)]
            array[mask] = np.ravel(self.values[name] if name in self.values else self.states[name])
        return array

    def shift(self, x: t.Shift, env: Env) -> int:
        base, amount = int(self.term(x.base, env)), int(self.term(x.amount, env))
        if x.amount.type.element == "label":
            amount += self.set(x.amount.type.set or "").low
        return self.shifted(base, amount, x.base.type.set or "")

    def subscript(self, x: t.Subscript, env: Env) -> Any:
        codes = []
        for index, axis in zip(x.indices, x.value.type.axes, strict=False):
            kind = index.base.type if isinstance(index, t.Shift) else index.type
            code = int(self.term(index, env))
            if kind.element == "label" and kind.set is not None:
                codes.append(self.translate(code, kind.set, axis.set))
            else:
                place = code - self.set(axis.set).low
                if not 0 <= place < self.set(axis.set).size:
                    raise NoRowError
                codes.append(place)
        if isinstance(x.value, t.Ref):
            return self.cell(x.value.name, tuple(codes))
        return self.term(x.value, env)[tuple(codes)]

    def apply(self, x: t.Apply, env: Env) -> Any:
        if x.function in ("first", "last", "position"):
            return self.place(x, env)
        if x.function in ("and", "or"):
            for a in x.arguments:
                if bool(self.term(a, env)) == (x.function == "or"):
                    return float(x.function == "or")
            return float(x.function == "and")
        if x.function == "logp":
            value = self.term(x.arguments[1], env)
            return self.log_density(x.arguments[0], value, env, x.arguments[1].type.axes)
        parts = [self.term(a, env) for a in x.arguments]
        if x.function in COMPARE:
            left, right = x.arguments
            if left.type.element == "label" and right.type.element == "label":
                parts[1] = self.translate(int(parts[1]), right.type.set or "", left.type.set or "")
            return np.asarray(COMPARE[x.function](parts[0], parts[1]), dtype=float)
        words = {k: self.term(v, env) for k, v in x.keywords}
        return function_value(x, parts, words)

    def place(self, x: t.Apply, env: Env) -> float:
        name = x.arguments[0].type.set or ""
        code = int(self.term(x.arguments[0], env))
        bound = self.set(name)
        mates = [i for i in range(bound.size) if bound.group is None or bound.group[i] == bound.group[code]]
        if x.function == "position":
            return mates.index(code) + 1
        return float(code == (mates[0] if x.function == "first" else mates[-1]))

    # ---------------------------------------------------------------- quantities

    def definition(self, name: str) -> t.Definition:
        every = (*self.program.definitions, *self.program.report)
        return next(d for d in every if d.name == name and d.kind in ("latent", "value", "param"))

    def shape(self, d: t.Definition) -> tuple[int, ...]:
        return tuple(self.set(s.set).size for s in d.subscripts)

    def quantity(self, name: str) -> np.ndarray:
        if name in self.values:
            return self.values[name]
        if name in self.states:
            return self.states[name]
        shape = self.shape(self.definition(name))
        return np.array([self.cell(name, c) for c in product(*map(range, shape))]).reshape(shape)

    def cell(self, name: str, codes: tuple[int, ...]) -> Any:
        """``name[codes]`` (leading axes; the rest as an array)."""
        if name in self.values:
            return self.values[name][codes]
        if name in self.states:
            return self.states[name][codes]
        key = (name, codes)
        if key not in self._memo:
            self._memo[key] = self._cell(name, codes)
        return self._memo[key]

    def _cell(self, name: str, codes: tuple[int, ...]) -> Any:
        d = self.definition(name)
        shape = self.shape(d)
        if len(codes) < len(shape):
            rest = product(*map(range, shape[len(codes) :]))
            whole = [self.cell(name, (*codes, *r)) for r in rest]
            return np.array(whole).reshape(shape[len(codes) :])
        fixed = dict(zip(d.subscripts, codes, strict=True))
        for env in self.cells(d.loops, {}):
            if all(env[s] == c for s, c in fixed.items() if isinstance(s, t.Loop)):
                value = self.term(d.body, env)
                events = [c for s, c in fixed.items() if not isinstance(s, t.Loop)]
                return value[tuple(events)] if value.ndim else value
        raise NoRowError

    # ---------------------------------------------------------------- densities

    def log_density(self, d: t.Term, value: Any, env: Env, axes: tuple[Any, ...]) -> float:
        """Summed over the iid event axes of the value."""
        if isinstance(d, t.Choose):
            branch = d.then if bool(self.term(d.test, env)) else d.other
            return self.log_density(branch, value, env, axes)
        assert isinstance(d, t.Dist)
        value = np.asarray(value, dtype=float)
        k = event_dims(d)
        batch = axes[: len(axes) - k]
        out = 0.0
        for where in product(*(range(n) for n in value.shape[: len(batch)])):
            applied = self.applied(d, env, dict(zip(batch, where, strict=True)), value.shape[len(batch) :])
            with np.errstate(all="ignore"):
                out += float(np.asarray(applied.log_density(value[where][None])).reshape(()))
        return out

    def applied(self, d: t.Dist, env: Env, where: dict[Any, int], event: tuple[int, ...]) -> Applied:
        kind = find_distribution(d.name)
        given: dict[str, Any] = {}
        for name, term in d.arguments:
            if isinstance(term, t.Dist):
                given[name] = self.applied(term, env, where, event)
            elif isinstance(term, t.Stack) and isinstance(term.body, t.Dist):
                inner = self.cells((term.loop,), env)
                given[name] = tuple(self.applied(term.body, e, where, event) for e in inner)
            elif isinstance(term, t.ListOf) and isinstance(term.items[0], t.Dist):
                given[name] = tuple(self.applied(i, env, where, event) for i in term.items)
            else:
                parameter = next((p for p in kind.parameters if p.name == name), None)
                given[name] = self.argument(term, env, where, event, parameter.event_dims if parameter else 0)
        if d.name == "Flat":
            given["on"] = d.type.support
        return Applied(kind, given)

    def argument(self, x: t.Term, env: Env, where: dict[Any, int], event: tuple[int, ...], k: int) -> Any:
        array = np.asarray(self.term(x, env), dtype=float)
        axes = list(x.type.axes)
        if k and not axes:
            return np.full((1, *event[len(event) - k :]), float(array))
        index: list[Any] = [slice(None)] * array.ndim
        free = dict(where)
        for i in range(len(axes) - k):
            hit = axes[i] if axes[i] in free else next((a for a in free if a.set == axes[i].set), None)
            if hit is not None:
                index[i] = free.pop(hit)
        return array[tuple(index)][None]

    # ---------------------------------------------------------------- the joint

    def log_joint(self) -> float:
        """One joint state of the discrete latents: the sum of all log densities."""
        return sum(self.terms().values())

    def terms(self, skip: tuple[t.Definition, Env] | None = None) -> dict[str, float]:
        """By definition; without one cell of one definition."""
        out: dict[str, float] = {}
        for i, d in enumerate(self.program.definitions):
            if d.kind in ("latent", "observed", "factor"):
                out[f"{d.name}#{i}"] = sum(
                    self.weight(e) * self.term_at(d, e) for e in self.cells(d.loops, {}) if (d, e) != skip
                )
        return out

    def weight(self, env: Env) -> float:
        """How often a row counts."""
        weights = (self.data.weights[s.set][code] for s, code in env.items() if s.set in self.data.weights)
        return float(np.prod([1.0, *weights]))

    def term_at(self, d: t.Definition, env: Env) -> float:
        if d.kind == "factor":
            return float(self.term(d.body, env))
        if d.kind == "observed":
            assert d.observed is not None
            return self.log_density(d.body, self.term(d.observed, env), env, d.observed.type.axes)
        codes = [env[s] if isinstance(s, t.Loop) else slice(None) for s in d.subscripts]
        axes = tuple(s for s in d.subscripts if not isinstance(s, t.Loop))
        return self.log_density(d.body, self.quantity(d.name)[tuple(codes)], env, axes)


def event_dims(d: t.Term) -> int:
    if isinstance(d, t.Choose):
        return event_dims(d.then)
    assert isinstance(d, t.Dist)
    kind = find_distribution(d.name)
    if not kind.wrapper or kind.event_dims:
        return kind.event_dims
    inner = dict(d.arguments).get("distribution") or dict(d.arguments)["components"]
    if isinstance(inner, t.Stack):
        inner = inner.body
    return event_dims(inner.items[0] if isinstance(inner, t.ListOf) else inner)


def reduce(function: str, parts: list[Any]) -> Any:
    if not parts:
        return {"sum": 0.0, "prod": 1.0, "min": np.inf, "max": -np.inf, "logsumexp": -np.inf}[function]
    if function == "logsumexp":
        return np.logaddexp.reduce(parts)
    table = {"sum": np.sum, "prod": np.prod, "mean": np.mean, "min": np.min, "max": np.max}
    if function in ("sd", "var"):
        return getattr(np, {"sd": "std", "var": "var"}[function])(parts, axis=0, ddof=1)
    return table[function](parts, axis=0)


def function_value(x: t.Apply, parts: list[Any], words: dict[str, Any]) -> Any:
    """Through the registry, one value at a time (the functions have tests of their own)."""
    function = find_function(x.function)
    assert function is not None
    assert function.evaluate is not None
    with np.errstate(all="ignore"):
        if function.kind == "elementwise":
            axes = list(x.type.axes)
            lined = [lined_up(p, a, axes) for p, a in zip(parts, x.arguments, strict=True)]
            return np.asarray(function.evaluate(*(np.asarray(p, dtype=float) for p in lined), **words))
        if function.kind == "reduction":
            words = {k: v for k, v in words.items()}
            return function.evaluate(
                np.asarray(parts[0], dtype=float)[None], axis=tuple(range(-np.ndim(parts[0]), 0)), **words
            )[0]
        dims = tuple(len(a.type.axes) for a in x.arguments)
        wide = {k: np.asarray(v, dtype=float)[None] for k, v in words.items()}
        return np.asarray(
            function.evaluate(*(np.asarray(p, dtype=float)[None] for p in parts), dims=dims, **wide)
        )[0]


def lined_up(part: Any, argument: t.Term, axes: list[Any]) -> Any:
    """A value over some of the result's axes, in the result's order."""
    own = list(argument.type.axes)
    if not own or len(own) == len(axes):
        return part
    order = sorted(range(len(own)), key=lambda i: axes.index(own[i]))
    moved = np.transpose(part, order)
    shape = iter(moved.shape)
    return moved.reshape([next(shape) if a in own else 1 for a in axes])


def enumerated(
    program: t.Program, data: BoundData, values: Mapping[str, np.ndarray], spaces: Mapping[str, Any]
) -> tuple[float, list[tuple[dict[str, np.ndarray], float]]]:
    """log sum over joint states of exp(log joint), and every state with its log joint.

    ``spaces``: for each discrete latent its shape and its states.
    """
    names = list(spaces)
    masks = {n: defined(program, data, n, spaces[n][0]) for n in names}
    grids = [product(spaces[n][1], repeat=int(masks[n].sum())) for n in names]
    found = []
    for combination in product(*(list(g) for g in grids)):
        states = {}
        for n, c in zip(names, combination, strict=True):
            states[n] = np.zeros(spaces[n][0])
            states[n][masks[n]] = c
        found.append((states, Oracle(program, data, values, states).log_joint()))
    return float(np.logaddexp.reduce([v for _, v in found])), found


def defined(program: t.Program, data: BoundData, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The cells of a discrete latent that its plates define (all of an imputed column's)."""
    if "." in name:
        return np.ones(shape, dtype=bool)
    oracle = Oracle(program, data, {})
    d = oracle.definition(name)
    mask = np.zeros(shape, dtype=bool)
    for env in oracle.cells(d.loops, {}):
        mask[tuple(env[s] if isinstance(s, t.Loop) else slice(None) for s in d.subscripts)] = True
    return mask
