# Neanelu: everything from a bare clone, as root or as an ordinary user. `make help` lists what there is.

SHELL  := /bin/sh
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# The environment is made anew when one of these changes; otherwise a second run is quick.
STAMP  := $(VENV)/.installed
# Tests mostly wait: for servers that start, daemons that are killed, leases that run out.
WORKERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help setup demo test psql bench lint format docs clean purge

help: ## show this list
	@awk -F ':.*## ' '/^[a-zA-Z%-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make the Python environment in .venv

$(STAMP): pyproject.toml requirements.lock requirements-local.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or later is needed as $(PYTHON); say 'make PYTHON=/path/to/python3.11 ...' when it has another name." >&2; exit 3; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing. On Debian: apt-get install python3-venv" >&2; exit 3; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "making $(VENV)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing Python packages into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock --editable '.[dev]'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --requirement requirements-local.txt
	@touch $@

demo: $(STAMP) ## provision PostgreSQL, deploy, sync sandbox shops, follow one that lives
	@$(BIN)/neanelu demo

test: $(STAMP) ## run every pgTAP and pytest test (TESTS=path, ARGS=options, WORKERS=processes)
	@$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS) $(TESTS) || { \
	  code=$$?; test $$code -eq 1 || exit $$code; \
	  echo "== what failed beside others is tried once more, alone: whatever passes now depends on the machine's load, and is a defect to mend"; \
	  $(BIN)/python -m pytest --last-failed --last-failed-no-failures none --maxfail 1 $(ARGS) $(TESTS); }

psql: $(STAMP) ## open psql on the database
	@$(BIN)/neanelu server start >/dev/null
	@$(BIN)/neanelu server psql

bench: $(STAMP) ## run every measurement; make bench-NAME runs one
	@$(BIN)/python -m bench

bench-%: $(STAMP)
	@$(BIN)/python -m bench $*

lint: $(STAMP) ## ruff, mypy and the project's own checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@for check in $(wildcard tools/lint_*.py); do $(BIN)/python $$check || exit 1; done

format: $(STAMP) ## format the Python code
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format .

docs: $(STAMP) ## write what is made from the code: docs/settings.md, .env.example
	@$(BIN)/python tools/write_settings.py

clean: ## stop the servers and remove what can be made again; data stay
	@if [ -x $(BIN)/neanelu ]; then $(BIN)/neanelu server stop || true; $(BIN)/neanelu server drop-scratch || true; fi
	rm -rf $(VENV) build dist bench/.work .pytest_cache .mypy_cache .ruff_cache .hypothesis daemons/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

purge: $(STAMP) ## clean, and delete the embedded database and the provisioned programs (asks)
	@$(BIN)/neanelu server drop --programs
	@$(MAKE) --no-print-directory clean
