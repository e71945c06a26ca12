# Everything a person or a build needs: `make run`, `make test`. See CONTRIBUTING.md.
#
# Needs python3 (3.11 or newer, with its venv module) and make; the rest is installed into .venv,
# at the versions uv.lock names. Once `make setup` has run, nothing below needs a network.

PYTHON ?= python3
UV_VERSION := 0.13.9
WORKERS ?= 4

VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Kerberos is built from source, where its library is; tools/peers.py sees to both for the tests.
EXTRAS := $(if $(shell command -v krb5-config),--extra kerberos)
SOURCES := $(wildcard src tests examples bench tools)

export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
export UV_COMPILE_BYTECODE := 1
export UV_NO_PROGRESS := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
unexport VIRTUAL_ENV PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help setup run test bare check peers format reference witnesses bench clean distclean

help:
	@echo "make run      a server with three users and two rooms, and a walk through it"
	@echo "make test     format, lint, types, contracts, tests, foreign clients"
	@echo "make check    the same without running a test"
	@echo "make bare     run and test in a throw-away bare Debian, as root"
	@echo "make format   put the source into its form"
	@echo "make reference  write the reference pages from the code"
	@echo "make witnesses  break each documented feature, list those whose tests do not notice"
	@echo "make bench    figures: start-up, memory, codecs, storage; ours next to other servers"
	@echo "make setup    only the virtual environment"
	@echo "make clean    remove what tests and runs left behind; distclean: the environment too"

setup: $(READY)

# The stamp is newer than what it was made from, so a second run asks nobody anything.
$(READY): pyproject.toml uv.lock Makefile
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: perchat needs Python 3.11 or newer; set PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "make: $(PYTHON) has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/uv --version 2>/dev/null | grep -qF 'uv $(UV_VERSION)' || \
	  $(BIN)/python -m pip install --quiet --no-input 'uv==$(UV_VERSION)'
	@$(BIN)/uv sync --frozen --quiet $(EXTRAS) 2>/dev/null || $(BIN)/uv sync --frozen --quiet
	@touch $@

run: setup
	@exec $(BIN)/perchat demo $(ARGS)

check: setup
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy --explicit-package-bases $(SOURCES)
	$(BIN)/lint-imports --no-cache

test: setup peers check
	$(BIN)/pytest -n $(WORKERS) --dist loadgroup

# The README's two commands where nothing is installed but what it asks for.
bare:
	@tools/bare.sh

# Programs nobody here wrote. Installed where root and apt are there; CI refuses to go without.
peers: setup
	@$(BIN)/python tools/peers.py

format: setup
	$(BIN)/ruff check --fix-only --quiet $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

# Pages that say what the code says.
reference: setup
	$(BIN)/python -m tools.reference
	$(BIN)/python -m tools.blocking
	$(BIN)/python -m tools.requirements
	$(BIN)/python -m tools.scenarios
	$(BIN)/python -m tools.members

# Not in `make test`: ten minutes on two cores.
witnesses: setup
	$(BIN)/python -m tools.witnesses

bench: setup
	$(BIN)/python -m bench

clean:
	rm -rf var .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
	find src tests tools bench -name __pycache__ -type d -prune -exec rm -rf {} +

distclean: clean
	rm -rf $(VENV)
