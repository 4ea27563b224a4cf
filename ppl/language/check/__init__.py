"""The checker: a tree to a typed program, every mistake in one run, before any data."""

from __future__ import annotations

from ppl.language.check.run import check

__all__ = ["check"]
