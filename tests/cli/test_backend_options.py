"""Options of methods become flags; methods that share one explain it each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import pytest

from ppl.cli import backend_options
from ppl.errors import UsageError
from ppl.inference.option_values import batch_size, from_text, name_list


@dataclass(frozen=True)
class First:
    restarts: int | None = field(default=None, metadata={"help": "starts to try"})
    tolerance: float = field(default=1e-3, metadata={"help": "slope at the end"})
    family: Literal["auto", "full_rank"] = field(default="auto", metadata={"help": "shape"})
    point: str = field(default="", metadata={"help": "names that get a point"})
    draws: int = field(default=0, metadata={"help": "draws"})
    bend: bool = field(default=True, metadata={"help": "bend"})


@dataclass(frozen=True)
class Second:
    restarts: int = field(default=4, metadata={"help": "starts to try"})
    tolerance: int = field(default=2, metadata={"help": "gain at the end"})
    batch: str = field(default="", metadata={"help": "plate and size"})


@pytest.fixture
def flags(monkeypatch):
    from ppl.inference import base

    monkeypatch.setattr(base, "discover", lambda: {"first": First, "second": Second})
    backend_options.backend_flags.cache_clear()
    yield {o.opts[0]: o for o in backend_options.backend_flags(frozenset({"--draws"}))}
    backend_options.backend_flags.cache_clear()


def test_shared_flags_tell_what_each_method_does(flags):
    assert flags["--tolerance"].help == "first: slope at the end [0.001]; second: gain at the end [2]"
    assert flags["--restarts"].help == "first: starts to try; second: starts to try [4]"
    assert flags["--point"].help == "Names that get a point"
    assert "--draws" not in flags and "--first-draws" in flags


def test_values_are_read_by_the_types_of_the_fields(flags):
    assert flags["--restarts"].type.convert("3", None, None) == 3
    assert flags["--tolerance"].type.convert("1e-4", None, None) == "1e-4"  # the chosen method reads it
    assert from_text(First, "tolerance", "1e-4") == 1e-4
    assert flags["--point"].type.convert("mu,sigma", None, None) == "mu,sigma"
    assert flags["--batch"].type.convert("docs=64", None, None) == "docs=64"
    assert flags["--family"].type.convert("full-rank", None, None) == "full_rank"
    assert flags["--bend"].is_flag


def test_text_to_values():
    assert from_text(First, "restarts", "7") == 7
    assert from_text(First, "bend", "False") is False
    assert from_text(First, "family", "fullrank") == "full_rank"
    for name, text in (("restarts", "many"), ("family", "wide"), ("bend", "maybe"), ("tolerance", "")):
        with pytest.raises(UsageError, match="E705"):
            from_text(First, name, text)


def test_name_lists_and_batches():
    assert name_list(" mu , sigma,mu") == ("mu", "sigma")
    assert name_list(None) == ()
    assert batch_size("docs = 64") == ("docs", 64)
    for wrong in ("mu,,sigma", ","):
        with pytest.raises(UsageError):
            name_list(wrong)
    for wrong in ("docs", "docs=", "=3", "docs=0", "docs=-1", "docs=1.5", "docs=many"):
        with pytest.raises(UsageError, match="docs=64"):
            batch_size(wrong)
