"""Where an expression stands: the index variables, facts and formals it may use."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ppl.errors import Note, Span
from ppl.language.check.problems import Problems
from ppl.language.check.world import World
from ppl.language.typed import Loop, Term

Fact = tuple[Term, bool]


@dataclass(frozen=True)
class Scope:
    """The surroundings of an expression.

    ``facts`` are conditions known to hold here, as (term, truth). ``formals`` are the arguments
    of the `def` being written out, which stands at ``call``. ``target`` is the name being defined,
    ``labels`` the set that an observed label is of.
    """

    world: World
    loops: dict[str, Loop] = field(default_factory=dict)
    facts: tuple[Fact, ...] = ()
    formals: dict[str, Term] = field(default_factory=dict)
    call: Span | None = None
    inlining: tuple[str, ...] = ()
    factor: bool = False
    report: bool = False
    guide: bool = False
    target: str = "name"
    labels: str | None = None

    @property
    def problems(self) -> Problems:
        return self.world.problems

    def with_loop(self, loop: Loop) -> Scope:
        """Inside a loop; its condition holds here."""
        facts = self.facts if loop.condition is None else (*self.facts, (loop.condition, True))
        return replace(self, loops={**self.loops, loop.name: loop}, facts=facts)

    def knowing(self, condition: Term, truth: bool) -> Scope:
        return replace(self, facts=(*self.facts, (condition, truth)))

    def place(self, span: Span) -> Span:
        """Where to point for a piece of text: inside a `def`, at the call."""
        return span if self.call is None else self.call

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        notes: tuple[Note, ...] = (),
        help: str = "",
        fix: tuple[Span, str] | None = None,
    ) -> None:
        """Record an error here; a mistake inside a `def` is shown at its call as well."""
        if self.call is not None:
            notes = (*notes, Note(span, f"in `{self.inlining[-1]}`, written out here"))
            fix = None
        self.problems.error(code, message, self.place(span), label, notes=notes, help=help, fix=fix)

    def loop_over(self, set: str) -> Loop | None:
        """The innermost index variable here whose labels fit an axis."""
        fitting = [loop for loop in self.loops.values() if self.world.labels_fit(loop.set, set)]
        return fitting[-1] if fitting else None
