"""Runs the LALR(1) tables over tokens: shift, reduce, build; no recursion, no back-tracking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ppl.errors import Span
from ppl.language.build_tree import TreeBuilder
from ppl.language.lexer import Token
from ppl.language.tables import Production, Tables

DEPTH_LIMIT = 150
_OPENS = frozenset(("LPAR", "LSQB", "MINUS", "NOT", "CIRCUMFLEX", "ELSE", "_INDENT"))
_NESTING_RULES = (
    "conditional disjunction conjunction not_ compare sum product negative power subscript call reduction"
    " attribute list_literal list_comprehension for_block"
)
_DEEPENS = frozenset(_NESTING_RULES.split())


@dataclass(eq=False)
class Unexpected(Exception):
    """The token at ``position`` cannot follow; ``expected`` are the terminals that could."""

    position: int
    expected: frozenset[str]


@dataclass(eq=False)
class TooDeep(Exception):
    """The token at ``position`` opens one level more than allowed."""

    position: int


class Driver:
    """One parse of one token sequence after another, with the same builder.

    ``values``, ``begins``, ``ends`` and ``depths`` run parallel to the states above the first;
    ``levels[k]`` counts the openings below state k.
    """

    def __init__(self, text: str, tables: Tables, builder: TreeBuilder) -> None:
        self._text = text
        self._tables = tables
        self._actions = [
            builder.action(p.action) if p.action and not p.passes else None for p in tables.productions
        ]
        self._units = [p.is_unit for p in tables.productions]
        self._deepens = [p.action in _DEEPENS for p in tables.productions]

    def parse(self, tokens: Sequence[Token], start: str) -> Any:
        """The value of a token sequence that must end with ``$END``."""
        states, soft = self._tables.states, self._tables.soft
        stack = _Stack(self._tables.start[start])
        for position, token in enumerate(tokens):
            kind = token.kind
            while True:
                row = states[stack.states[-1]]
                step = row.get(kind)
                if step is None:
                    if kind != "NAME" and self._text[token.start : token.end] in soft and "NAME" in row:
                        kind = "NAME"
                        continue
                    raise Unexpected(position, self._expected(tokens[:position], start))
                if step >= 0:
                    break
                self._reduce(stack, -step - 1, position)
                if kind == "$END" and stack.states[-1] == self._tables.end[start]:
                    return stack.values[0]
            level = stack.levels[-1] + (kind in _OPENS)
            if level > DEPTH_LIMIT:
                raise TooDeep(position)
            stack.shift(step, self._text[token.start : token.end], token, level)
        raise AssertionError("the token sequence has no end")

    def _reduce(self, stack: _Stack, number: int, position: int) -> None:
        production = self._tables.productions[number]
        if self._units[number]:
            stack.states[-1] = self._tables.states[stack.states[-2]][production.origin]
            return
        children, begin, end, depth = stack.pop(production.size)
        kept = _kept(production, children)
        action = self._actions[number]
        if production.expand_single and len(kept) == 1:
            value: Any = kept[0]
        elif action is None:
            value = kept
        else:
            value = action(kept, Span(begin, end))
            depth += self._deepens[number]
            if depth > DEPTH_LIMIT:
                raise TooDeep(max(position - 1, 0))
        stack.push(self._tables.states[stack.states[-1]][production.origin], value, begin, end, depth)

    def _expected(self, before: Sequence[Token], start: str) -> frozenset[str]:
        """The terminals that could be shifted next.

        The states are found again from the tokens: by the time a token is refused, it may already
        have served as a lookahead that closed what could have gone on.
        """
        trial = [self._tables.start[start]]
        for token in before:
            kind = token.kind if token.kind in self._tables.states[trial[-1]] else "NAME"
            trial.append(self._settle(trial, kind))
        row = self._tables.states[trial[-1]]
        return frozenset(s for s in row if (s.isupper() or s == "$END") and self._settle(list(trial), s) >= 0)

    def _settle(self, states: list[int], kind: str) -> int:
        """Reduces in place until ``kind`` can be shifted; the state that follows, or -1."""
        while True:
            step = self._tables.states[states[-1]].get(kind)
            if step is None:
                return -1
            if step >= 0:
                return step
            production = self._tables.productions[-step - 1]
            del states[len(states) - production.size :]
            states.append(self._tables.states[states[-1]][production.origin])
            if kind == "$END" and states[-1] in self._tables.end.values():
                return states[-1]


class _Stack:
    """The parser's parallel stacks."""

    __slots__ = ("begins", "depths", "ends", "levels", "states", "values")

    def __init__(self, start: int) -> None:
        self.states = [start]
        self.levels = [0]
        self.values: list[Any] = []
        self.begins: list[int] = []
        self.ends: list[int] = []
        self.depths: list[int] = []

    def shift(self, state: int, text: str, token: Token, level: int) -> None:
        self.states.append(state)
        self.levels.append(level)
        self.values.append(text)
        self.begins.append(token.start)
        self.ends.append(token.end)
        self.depths.append(0)

    def push(self, state: int, value: Any, begin: int, end: int, depth: int) -> None:
        self.states.append(state)
        self.levels.append(self.levels[-1])
        self.values.append(value)
        self.begins.append(begin)
        self.ends.append(end)
        self.depths.append(depth)

    def pop(self, size: int) -> tuple[list[Any], int, int, int]:
        """The top ``size`` values with their common span and depth."""
        if size == 0:
            here = self.ends[-1] if self.ends else 0
            return [], here, here, 0
        children = self.values[-size:]
        begin, end, depth = self.begins[-size], self.ends[-1], max(self.depths[-size:])
        for column in (self.states, self.levels, self.values, self.begins, self.ends, self.depths):
            del column[-size:]
        return children, begin, end, depth


def _kept(production: Production, children: list[Any]) -> list[Any]:
    kept: list[Any] = []
    for position in production.keep:
        if position < 0:
            kept.append(None)
        elif position in production.splice:
            kept += children[position]
        else:
            kept.append(children[position])
    return kept
