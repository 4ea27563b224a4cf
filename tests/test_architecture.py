"""What the code promises of itself: layers, size, light import, no evaluated text, documented names."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import ppl

ROOT = Path(ppl.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))
LONGEST = 400
HEAVY = ("numpy", "scipy", "lark", "autograd", "pyarrow", "rich", "pandas")
BANNED_CALLS = ("eval", "exec", "__import__")
BANNED_MODULES = ("pickle", "yaml", "marshal", "shelve", "dill", "cloudpickle", "subprocess", "socket")

# Lowest first: a module may import from its own layer's package and from layers before it.
LAYERS = (
    ("errors", "discovery", "version"),
    ("backend",),
    ("supports",),
    ("types",),
    ("distributions", "functions", "data"),
    ("language",),
    ("graph",),
    ("energy",),
    ("posterior",),
    ("inference",),
    ("model",),
    ("report", "__init__"),
    ("cli",),
    ("__main__",),
)
HEIGHT = {name: height for height, names in enumerate(LAYERS) for name in names}
SIBLINGS = ("distributions", "functions", "data")


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names |= (
                {f"{node.module}.{a.name}" for a in node.names} if node.module == "ppl" else {node.module}
            )
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_only_go_down(path):
    here = part(path)
    for name in imported(path):
        if not name.startswith("ppl."):
            assert name.split(".")[0] != "autograd" or here == "backend"
            continue
        there = name.split(".")[1]
        if there not in HEIGHT or there == here:  # a public name of ppl itself, such as __version__
            continue
        assert HEIGHT[there] < HEIGHT[here], name


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_file_is_short_and_evaluates_no_text(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST
    assert not {name.split(".")[0] for name in imported(path)} & set(BANNED_MODULES)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in BANNED_CALLS, f"line {node.lineno}"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant), f"line {node.value.lineno}"
            assert node.value.value is False, f"line {node.value.lineno}"


def test_the_banned_call_check_sees_a_banned_call(tmp_path, monkeypatch):
    bad = tmp_path / "bad.py"
    bad.write_text("eval('1')\n")
    with pytest.raises(AssertionError):
        test_a_file_is_short_and_evaluates_no_text(bad)


@pytest.mark.parametrize("code", ["import ppl", "from ppl.cli.main import run; run(['--help'])"])
def test_import_and_help_are_light(code):
    check = f"{code}\nimport sys\nfound = [m for m in {HEAVY!r} if m in sys.modules]\nassert not found, found"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_errors_render_without_numerics():
    check = "import sys, ppl.errors\nassert 'numpy' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", check]).returncode == 0


@pytest.mark.parametrize("name", ppl.__all__)
def test_public_names_are_documented(name):
    thing = getattr(ppl, name)
    assert inspect.getdoc(thing)
    for member, value in vars(thing).items() if inspect.isclass(thing) else ():
        if not member.startswith("_") and inspect.isfunction(value):
            assert inspect.getdoc(value), f"{name}.{member}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_import_and_have_a_docstring(path):
    if path.stat().st_size:
        dotted = ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__")
        assert importlib.import_module(dotted).__doc__
