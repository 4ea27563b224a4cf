"""The wheel carries everything: it is built, unpacked elsewhere, and fits from another folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = "table t(y: real)\nmu ~ Normal(0, 10)\ny[i] ~ Normal(mu, 1) for i in t\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    pytest.importorskip("hatchling")
    if not (ROOT / "pyproject.toml").exists():
        pytest.skip("not run from a checkout")
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (found,) = folder.glob("*.whl")
    return found


def test_the_wheel_holds_the_grammar_and_its_tables(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {"ppl/grammar/ppl.lark", "ppl/language/tables.json", "ppl/py.typed"} <= names
    assert not any(name.startswith("tests") for name in names)


def test_the_wheel_fits_from_another_folder(wheel, tmp_path):
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    zipfile.ZipFile(wheel).extractall(site)
    (work / "m.model").write_text(MODEL)
    (work / "d.csv").write_text("y\n1.0\n2.0\n3.0\n")
    environment = {**os.environ, "PYTHONPATH": str(site)}
    code = "import ppl; print(ppl.__file__)"
    where = subprocess.run(
        [sys.executable, "-c", code], cwd=work, env=environment, capture_output=True, text=True
    )
    assert where.stdout.startswith(str(site))
    command = [sys.executable, "-m", "ppl", "fit", "m.model", "d.csv", "--json"]
    done = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    posterior = json.loads(done.stdout)["posterior"]["mu"]
    assert abs(posterior["mean"] - 6 / 3.01) < 0.05  # conjugate: precision 3 + 1/100


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_a_clean_environment_installs_the_wheel_and_fits(wheel, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    binaries = tmp_path / "venv" / "bin"
    subprocess.run([binaries / "pip", "install", "-q", str(wheel)], check=True)
    (tmp_path / "m.model").write_text(MODEL)
    (tmp_path / "d.csv").write_text("y\n1.0\n2.0\n3.0\n")
    command = [binaries / "ppl", "fit", "m.model", "d.csv", "--out", "fit"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (
        "mu"
        in subprocess.run(
            [binaries / "ppl", "summary", "fit"], cwd=tmp_path, capture_output=True, text=True
        ).stdout
    )
