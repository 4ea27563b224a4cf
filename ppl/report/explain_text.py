"""The plan of coordinate ascent or EM as text."""

from __future__ import annotations

from collections.abc import Iterator

from ppl.energy.statistics import spelled
from ppl.report.explained import Block, Explained, StandIn

TITLES = {
    "cavi": "coordinate ascent: every block to its optimum in turn",
    "em": "points for the parameters, exact q for the rest",
}


def explain_text(e: Explained) -> str:
    """A paragraph for each block: its conditional, the q chosen, why, and what would be nearer to exact."""
    lines = [f"method: {e.method}, {TITLES.get(e.method, '')}"]
    for b in e.blocks:
        lines += [f"  {_title(b)}", *(f"    {row}" for row in _block(b))]
    for s in e.stand_ins:
        lines += [f"  factor of {', '.join(s.names)}", *(f"    {row}" for row in _stand_in(s))]
    lines.append(f"q is {'the posterior itself' if e.exact else 'an approximation'}: {e.why}")
    return "\n".join(lines)


def _title(b: Block) -> str:
    count = f"  ({b.elements} elements)" if b.elements > 1 else ""
    return ", ".join(b.names) + count


def _block(b: Block) -> Iterator[str]:
    shown = _statistics(b)
    yield f"conditional: {b.conditional or 'no named family'}" + (f", from {shown}" if shown else "")
    yield f"q: {_q(b)}"
    if b.blame is not None:
        yield f"because of {b.blame}"
    elif b.kind == "drawn":
        yield f"because {b.reason.partition(': ')[2] or b.reason}"
    if b.advice:
        yield f"nearby: {b.advice}"
    for names, place in b.ties:
        yield f"apart from {', '.join(names)}, though tied by {place}"


def _statistics(b: Block) -> str:
    parts = [spelled(s, n) for n, stats in b.statistics.items() for s in stats]
    shown = ", ".join(dict.fromkeys(parts[:8]))
    return shown + (", ..." if len(parts) > 8 else "")


def _q(b: Block) -> str:
    if b.point:
        return "a point, the mode of its conditional"
    if b.kind == "tabulated":
        return "the conditional itself, tabulated; the update is exact up to quadrature"
    if b.kind == "drawn":
        return f"{b.q} on the real line, fitted on fixed draws; not the conditional"
    if b.kind in ("chain, apart", "gaussian chain, apart"):
        return f"{b.q} for each step by itself, its neighbours averaged over; not the conditional"
    if b.kind == "fixed":
        return f"{b.q}, the nearest one in KL(q || conditional); not exact: {b.reason.partition(': ')[2]}"
    if not b.exact:
        return f"{b.q}, by damped natural-gradient steps; not the conditional"
    how = {
        "chain": "forward-backward over the whole chain",
        "gaussian chain": "cyclic reduction over the whole chain",
    }
    return f"{b.q}, {how.get(b.kind, 'in closed form')}; the update is exact"


def _stand_in(s: StandIn) -> Iterator[str]:
    yield f"{s.reason}; a quadratic stands in for it, by Gauss-Hermite quadrature"
    if s.place is not None:
        yield f"because of {s.place}"
    if s.advice:
        yield f"nearby: {s.advice}"
