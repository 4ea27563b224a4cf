"""The fakes among the methods."""

from __future__ import annotations

import pytest

from tests.posterior.factored_fakes import FAKES


@pytest.fixture
def fakes(monkeypatch):
    from ppl.inference import base, fitting

    known = {**base.discover(), **FAKES}
    for module in (base, fitting):
        monkeypatch.setattr(module, "discover", lambda: known)
    return known
