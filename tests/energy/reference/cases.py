"""All hand-written references in one table."""

from __future__ import annotations

from tests.energy.reference import chains, maximum, mixtures, regressions, topics

CASES = {c.name: c for m in (mixtures, regressions, chains, topics, maximum) for c in m.CASES}
