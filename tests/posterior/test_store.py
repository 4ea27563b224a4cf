"""A saved fit says the same in another process; a damaged one is refused with its name."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from ppl.errors import PplError
from ppl.posterior import archive, json_text, store
from ppl.posterior.approximation import Approximation
from ppl.posterior.bend import straight
from ppl.posterior.estimates import estimate
from ppl.posterior.fit import Fit
from ppl.posterior.record import Bound, DataSource, FitWarning, ImputedCell, Level
from ppl.posterior.store import load, save


def make_fit() -> Fit:
    rng = np.random.default_rng(1)
    theta = rng.normal(size=(200, 2))
    return Fit(
        model_name="m.model",
        model_text="mu ~ Normal(0, 1)\n",
        method="advi",
        status="warn",
        verdict="Use with care.",
        seed=3,
        estimates=(estimate("theta", "latent", ("theta[A]", "theta[σ,b]"), theta, np.array([0.1, np.nan])),),
        draws={"theta": theta},
        approximation=Approximation(
            np.zeros(2), log_sd=np.array([0.0, -np.inf]), point=np.array([False, True])
        ),
        bound=Bound(-3.5, 0.1),
        warnings=(FitWarning("W701", "k-hat of theta[A] is 0.8", ("theta[A]",)),),
        seconds={"parse": 0.01, "total": 0.5},
        levels={"s": Level("s", 2, ("A", "σ,b")), "k": Level("k", 3)},
        settings={"K": 5},
        constants={"N": np.array(5), "b": np.array([True, False])},
        sources=(DataSource("d.csv", "t", 10, "ab"),),
        imputed=(ImputedCell("x[2]", "d.csv", 3, "x"),),
        trace={"elbo": np.array([1.0, 2.0])},
    )


def test_a_saved_fit_is_the_fit(tmp_path):
    fit, path = make_fit(), str(tmp_path / "fit")
    save(fit, path)
    back = load(path)
    assert back.to_dict() == fit.to_dict()
    assert str(back) == str(fit)
    for name in ("levels", "settings", "sources", "imputed", "warnings", "model_text", "versions"):
        assert getattr(back, name) == getattr(fit, name)
    np.testing.assert_array_equal(back.draws["theta"], fit.draws["theta"])
    np.testing.assert_array_equal(back.approximation.log_sd, fit.approximation.log_sd)
    assert back.constants["b"].dtype == bool


def test_a_bent_approximation_is_kept(tmp_path):
    bent = straight(np.array([1, 0]), np.zeros(2), np.eye(2), 1)
    save(
        replace(make_fit(), approximation=Approximation(np.zeros(2), scale_tril=np.eye(2), bend=bent)),
        str(tmp_path / "fit"),
    )
    back = load(str(tmp_path / "fit")).approximation.bend
    assert back is not None
    np.testing.assert_array_equal(back.order, bent.order)
    np.testing.assert_array_equal(back.curve, bent.curve)


def test_the_same_fit_gives_the_same_bytes(tmp_path):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        save(make_fit(), str(path))
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_json_is_strict():
    text = json.dumps(make_fit().to_dict(), allow_nan=False)
    row = json.loads(text)["posterior"]["theta[σ,b]"]
    assert set(row) == {"mean", "sd", "q5", "q50", "q95", "khat"}
    assert row["khat"] is None


def test_the_json_text_made_in_pieces_is_that_of_the_whole(monkeypatch):
    fit = make_fit()
    whole = json.dumps(fit.to_dict(), ensure_ascii=False, allow_nan=False)
    for at_once in (1, 1000):
        monkeypatch.setattr(json_text, "AT_ONCE", at_once)
        assert "".join(json_text.pieces(fit)) == whole
        assert "".join(json_text.pieces(replace(fit, estimates=()))) == json.dumps(
            {**fit.to_dict(), "posterior": {}}, ensure_ascii=False
        )


def test_figures_of_many_elements_stay_out_of_the_saved_json(tmp_path, monkeypatch):
    fit = make_fit()
    monkeypatch.setattr(store, "LISTED", 1)
    save(fit, str(tmp_path / "fit"))
    assert "posterior" not in archive.Reader(str(tmp_path / "fit")).document("fit")
    assert load(str(tmp_path / "fit")).to_dict() == fit.to_dict()


def test_another_process_and_folder_reads_it(tmp_path):
    save(make_fit(), str(tmp_path / "fit"))
    (tmp_path / "elsewhere").mkdir()
    code = "import ppl; print(ppl.load('../fit').summary()['theta[A]'].mean)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "elsewhere", capture_output=True, text=True
    )
    assert float(done.stdout) == make_fit().summary()["theta[A]"].mean


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, -1, -30])
def test_a_cut_file_is_refused_with_its_name(tmp_path, cut):
    path = tmp_path / "fit"
    save(make_fit(), str(path))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(PplError, match="fit"):
        load(str(path))


def test_every_flipped_byte_is_refused_or_harmless(tmp_path):
    path = tmp_path / "fit"
    save(make_fit(), str(path))
    messages = []
    good, rng = path.read_bytes(), np.random.default_rng(0)
    for place in rng.integers(len(good), size=150):
        bad = bytearray(good)
        bad[place] ^= 0xFF
        path.write_bytes(bad)
        try:
            load(str(path))
        except PplError as error:
            messages.append(str(error))
    assert all("fit" in message for message in messages)


def test_objects_and_lying_headers_are_refused(tmp_path):
    path = tmp_path / "fit"
    save(make_fit(), str(path))
    entries = {}
    with zipfile.ZipFile(path) as old:
        entries = {n: old.read(n) for n in old.namelist()}
    header = entries["arrays/draws/0.npy"]
    for bad in (header.replace(b"(200, 2)", b"(9**9, )"), header.replace(b"'<f8'", b"'|O' "), header[:-8]):
        with zipfile.ZipFile(path, "w") as new:
            for name, content in {**entries, "arrays/draws/0.npy": bad}.items():
                new.writestr(name, content)
        with pytest.raises(PplError, match="draws/0"):
            load(str(path))


def test_a_failed_save_keeps_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "fit"
    save(make_fit(), str(path))
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PplError, match="No space left"):
        save(make_fit(), str(path))
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["fit"]


def test_a_folder_is_no_place_for_a_fit(tmp_path):
    with pytest.raises(PplError, match="folder"):
        save(make_fit(), str(tmp_path))


def test_a_newer_schema_is_refused(tmp_path):
    path = str(tmp_path / "fit")
    archive.write(path, {"record": {"schema": 99}}, {}, {})
    with pytest.raises(PplError, match="newer"):
        load(path)


def test_draws_are_reproducible_and_without_repeats():
    fit = make_fit()
    first, again = fit.sample(50, seed=1)["theta"], fit.sample(50, seed=1)["theta"]
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first[:, 0])) == 50
    assert fit.sample()["theta"].shape == (200, 2)
