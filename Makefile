# The two commands of the README are `make demo` and `make test`; both make their environment first.
PY ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Two files of tests at a time; each of the two processes has servers, ports and folders of its own
# (some 500 MB). One at a time: make test TWO=
TWO ?= -n 2 --dist loadfile

.PHONY: demo test faults fast lint audit setup peers clean

demo: $(VENV)/.ready-run ## the story, live: hub and simulators on SQLite, until Ctrl-C
	$(BIN)/python -m hub demo

test: setup peers lint ## everything: lint, types, contracts, all tests
	$(BIN)/python -m pytest $(TWO)

faults: setup peers ## break everything on purpose (most of an hour); rewrites the table of docs/reliability.md
	rm -f .pytest_cache/faults.json
	mkdir -p .pytest_cache
	$(BIN)/python -m tests.faults --json .pytest_cache/faults.json; found=$$?; \
	$(BIN)/python -m tests.faults.report .pytest_cache/faults.json && exit $$found

fast: setup lint ## the part that needs no server, in a minute or two
	$(BIN)/python -m pytest -m "not slow" $(TWO)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

audit: setup ## known weaknesses of what is installed (asks an advisory service on the network)
	@test -x .venv-audit/bin/pip-audit || { $(PY) -m venv .venv-audit && .venv-audit/bin/python -m pip install --quiet pip-audit; }
	$(BIN)/python -m pip freeze --exclude-editable | .venv-audit/bin/pip-audit --requirement /dev/stdin --no-deps

setup: $(VENV)/.ready-dev ## .venv with everything for work on the code

peers: ## servers and peers that the tests start by themselves (apt and npm, by name)
	sh tests/install-peers

$(VENV)/bin/python:
	@$(PY) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Wattbus needs Python 3.11 or newer; name one with: make PY=/path/to/python3 …"; exit 1; }
	@$(PY) -m venv $(VENV) 2>/dev/null || { sh tests/install-peers python3-venv && $(PY) -m venv --clear $(VENV); }

$(VENV)/.ready-run: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.ready-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ $(VENV)/.ready-run

clean:
	rm -rf $(VENV) .venv-audit .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
