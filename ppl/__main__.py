"""The entry point: settings that must precede heavy imports, then the command line."""

from __future__ import annotations

import gc
import os
import sys

# Several BLAS threads make the many small products of a fit slower, by orders of magnitude on a
# loaded machine; the libraries read this once, when they are imported.
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
INTERRUPTED = 130


def main() -> None:
    """Run ``ppl`` with the arguments of this process, and end with its exit code."""
    for variable in THREAD_VARIABLES:
        os.environ.setdefault(variable, "1")
    gc.disable()  # importing and compiling make no garbage cycles worth looking for
    try:
        from ppl.cli.main import run

        code = run(sys.argv[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # the reader has seen enough: `ppl summary fit | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code)


if __name__ == "__main__":
    main()
