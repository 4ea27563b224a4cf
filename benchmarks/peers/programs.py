"""The programs that are compared: the command of each, where its caches lie, and which cases it fits."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from cases import CASES, ROOT, Case

HERE = Path(__file__).resolve().parent
OURS = "ppl"
BOTH = ("full_rank", "mean_field")
# A full covariance of 778 parameters costs every program far more than it tells.
MEAN_FIELD_ONLY = ("radon_all",)
TWO_FAMILIES = ("eight_schools", "radon")
ONLY_FOR = {"sklearn": ("logistic",), "hmmlearn": ("earthquakes",), "bayespy": ("blr",)}
# These have flat priors and columns as they were measured, so that their optimum lies far from a stochastic
# gradient's start: with fewer or shorter steps the peers end elsewhere altogether.
FAR_KINDS = ("regression", "drives")
FAR = {
    "numpyro": ["--steps", "20000", "--rate", "0.1"],
    "pymc": ["--steps", "40000", "--rate", "0.03"],
    "stan": ["--steps", "20000"],
}
CHECK_FAILED = 4  # exit status of the project's program: the fit is written, but a check failed


@dataclass(frozen=True)
class Program:
    """A program, with the family of approximations it uses where it has a choice."""

    name: str
    family: str

    @property
    def title(self) -> str:
        return f"{self.name} {self.family}".strip()

    def command(self, case: Case, out: Path, settings: list[str]) -> list[str]:
        """The command line of one fit, from the data's file to a saved posterior."""
        if self.name == OURS:
            files = [str(case.model), *map(str, case.data)]
            return [sys.executable, "-m", "ppl", "fit", *files, "--json", "--out", str(out / "fit")]
        python = ROOT / ".benchmarks" / "peers" / self.name / "bin" / "python"
        words = ["--family", self.family] if self.family else []
        if case.kind in FAR_KINDS:
            words += FAR.get(self.name, [])
        script = str(HERE / f"fit_{self.name}.py")
        return [str(python), script, case.name, *words, "--out", str(out), *settings]

    @property
    def allowed(self) -> tuple[int, ...]:
        return (0, CHECK_FAILED) if self.name == OURS else (0,)

    @property
    def caches(self) -> bool:
        """Whether the program keeps compiled code from one run to the next."""
        return self.name in ("numpyro", "pymc", "stan")


def environment(cache: Path) -> dict[str, str]:
    """Send every program's cache of compiled code to one folder, so that an empty one makes a cold start.

    JAX keeps none unless asked: warm runs ask, with no least time or size.
    """
    return {
        "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "PYTENSOR_FLAGS": f"compiledir={cache / 'pytensor'}",
        "STAN_COMPILED": str(cache / "stan"),
    }


def programs(case: Case, peers: list[str]) -> list[Program]:
    """The programs that fit a case, the project's own first.

    >>> [p.title for p in programs(CASES["radon_all"], ["numpyro", "sklearn"])]
    ['ppl', 'numpyro mean_field']
    """
    families = BOTH if case.name in TWO_FAMILIES else BOTH[1:] if case.name in MEAN_FIELD_ONLY else BOTH[:1]
    found = [Program(OURS, "")]
    for peer in peers:
        if peer in ONLY_FOR:
            found += [Program(peer, "")] if case.name in ONLY_FOR[peer] else []
        elif case.kind != "counts":
            found += [Program(peer, family) for family in families]
    return found


def names() -> list[str]:
    """The names of the cases, in the order they are run."""
    return list(CASES)
