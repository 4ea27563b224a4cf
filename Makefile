# `make` alone lists the recipes; continuous integration calls the same ones.
PYTHON ?= python
TESTS ?= -q -n 2
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: help setup test lint types layers soak bench docs check

help:  ## list the recipes
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/'

setup:  ## install the package and the development tools into the active environment
	$(PYTHON) -m pip install -e '.[dev]'

test:  ## the test suite
	$(PYTHON) -m pytest $(TESTS)

lint:  ## ruff
	$(PYTHON) -m ruff check .

types:  ## mypy
	$(PYTHON) -m mypy

layers:  ## the contract on imports
	$(PYTHON) -c "from importlinter.cli import lint_imports_command as run; run()"

check: lint types layers test  ## everything continuous integration runs

soak:  ## long runs with fresh seeds
	$(PYTHON) -m pytest -q -m soak

bench:  ## start-up time, the twelve reference posteriors, the large regression
	$(PYTHON) benchmarks/startup.py
	$(PYTHON) benchmarks/posteriordb/run.py
	$(PYTHON) benchmarks/logistic.py

docs:  ## regenerate the reference pages
	$(PYTHON) docs/make_reference.py
