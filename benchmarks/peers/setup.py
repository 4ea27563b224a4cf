"""Create the peers' virtual environments, one each, so that no peer's versions bind another's.

    python benchmarks/peers/setup.py [PEER ...] [--again]

Each is made under `.benchmarks/peers/` (ignored by git) from the versions in `requirements/PEER.txt`. A peer
that cannot be installed is named, and the others go on; the exit status is then 1. Stan needs a C++
compiler besides.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REQUIREMENTS = HERE / "requirements"
ENVIRONMENTS = HERE.parent.parent / ".benchmarks" / "peers"


def known() -> list[str]:
    """The peers that have a file of requirements.

    >>> "numpyro" in known()
    True
    """
    return sorted(p.stem for p in REQUIREMENTS.glob("*.txt"))


def interpreter(peer: str) -> Path:
    """Where the peer's Python lies once it is set up."""
    return ENVIRONMENTS / peer / "bin" / "python"


def create(peer: str) -> bool:
    """Make one environment and install its requirements; whether that worked."""
    folder = ENVIRONMENTS / peer
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", str(folder)], check=False)
    if made.returncode:
        return False
    install = [str(interpreter(peer)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*install, "-r", str(REQUIREMENTS / f"{peer}.txt")], check=False)
    works = done.returncode == 0 and (peer != "stan" or compile_services())
    if not works:
        shutil.rmtree(folder, ignore_errors=True)
    return works


def compile_services() -> bool:
    """Compile what all Stan programs share, as installing CmdStan would; whether that worked."""
    words = [str(interpreter("stan")), "-c", "import fit_stan; fit_stan.services()"]
    return subprocess.run(words, cwd=HERE, check=False).returncode == 0


def main() -> int:
    """Create what is missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"of {', '.join(known())} (all if none)")
    parser.add_argument("--again", action="store_true", help="make anew what exists already")
    asked = parser.parse_args()
    if unknown := set(asked.peers) - set(known()):
        parser.error(f"no requirements for {', '.join(sorted(unknown))}; known: {', '.join(known())}")
    failed = []
    for peer in asked.peers or known():
        if interpreter(peer).exists() and not asked.again:
            print(f"{peer}: there already")
            continue
        works = create(peer)
        print(f"{peer}: {'installed' if works else 'could not be installed'}", flush=True)
        failed += [] if works else [peer]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
