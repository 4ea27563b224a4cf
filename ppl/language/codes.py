"""The catalogue of diagnostics, for `ppl explain-error CODE`: what each means, and an example."""

from __future__ import annotations

from ppl.language.codes_entry import Entry
from ppl.language.codes_model import MODEL
from ppl.language.codes_run import RUN
from ppl.language.codes_text import TEXT
from ppl.language.codes_values import VALUES

ENTRIES: dict[str, Entry] = {**TEXT, **MODEL, **VALUES, **RUN}
"""Every code with its entry, in order of the codes."""

EXPLANATIONS: dict[str, str] = {code: entry.text() for code, entry in sorted(ENTRIES.items())}
"""Every code with its explanation as text; the first line is the title.

>>> EXPLANATIONS["E204"].splitlines()[0]
'a name is defined twice'
"""
