# The few verbs of this project. `make demo` and `make test` are all a new machine needs.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV := .venv
PY := $(VENV)/bin/python
UV_VERSION := 0.13.9
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
# The first Python that really runs and is new enough: a version manager's shims may name some that do not.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo $$p; break; }; done)
EXTRAS := --extra agent --extra dense --extra mcp --extra neo4j --extra otel --extra policy
# pytest's plugins are named one by one: discovering them costs seconds at every start.
PYTEST := PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 $(PY) -m pytest -p xdist -p hypothesis.extra.pytestplugin -p syrupy
# Journals are forced to disk entry by entry; for a test's own folders memory does as well, and is sooner done.
UNIT := $(shell [ -w /dev/shm ] && [ "$$(df -Pk /dev/shm | awk 'END { print $$4 }')" -gt 1048576 ] && echo PYTEST_DEBUG_TEMPROOT=/dev/shm) $(PYTEST) tests/unit -n 2 --dist loadfile -q
N ?= 5
PODS ?= 0
LONG ?=

.PHONY: help
help: ## Show the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# uv is fetched into the checkout when the machine has none.
.uv/bin/uv:
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer was found; hint: install one, or run make PYTHON=/path/to/python3" >&2; exit 1; }
	@$(PYTHON) -m venv .uv
	@.uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.PHONY: uv
uv:
	@if ! command -v $(UV) >/dev/null; then $(MAKE) --no-print-directory .uv/bin/uv; fi

# The base environment: what a user of the wheel gets. The development one adds everything the tests need.
$(VENV)/base: requirements/base.txt pyproject.toml | uv
	@test -x $(PY) || $(UV) venv --quiet --python "$(PYTHON)" $(VENV)
	@if [ ! -e $(VENV)/dev ]; then $(UV) pip sync --quiet --python $(PY) --require-hashes requirements/base.txt; $(UV) pip install --quiet --python $(PY) --no-deps -e .; fi
	@touch $@

$(VENV)/dev: requirements/dev.txt pyproject.toml | uv
	@test -x $(PY) || $(UV) venv --quiet --python "$(PYTHON)" $(VENV)
	@$(UV) pip sync --quiet --python $(PY) --require-hashes requirements/dev.txt
	@$(UV) pip install --quiet --python $(PY) --no-deps -e .
	@touch $@ $(VENV)/base

.PHONY: install
install: $(VENV)/dev ## Install the development environment into .venv

.PHONY: demo
demo: $(VENV)/base ## Ask the embedded cluster why the shop is down (no cluster, no model, no network)
	@$(PY) -m copilot.cli.main demo

.PHONY: test
test: $(VENV)/dev ## Run every test tier whose needs are there, and name what is missing
	@$(PY) -m tests.tiers
	@$(UNIT) -m "not proof"
	@$(UNIT) -m proof
	@$(PYTEST) tests/live -q -rs

.PHONY: test-unit
test-unit: $(VENV)/dev ## Run the unit tier only: about a minute on two cores
	@$(UNIT) -m "not proof"

.PHONY: test-proofs
test-proofs: $(VENV)/dev ## Run the long proofs that need no server: histories, attacks, crash points, gates, recordings
	@$(UNIT) -m proof

.PHONY: test-deps
test-deps: $(VENV)/dev ## Build the live test bed (Kubernetes control plane, Neo4j); about 15 minutes the first time
	@$(PY) -m tests.live.testbed build
	@$(PY) -m tests.live.neo4j_server build

.PHONY: check
check: $(VENV)/dev ## Format, lint, types, import contracts, docs, locks
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --config .importlinter
	@$(PY) -m tests.locks
	@$(VENV)/bin/zensical build --clean --strict >/dev/null && echo "docs: built"

.PHONY: cluster
cluster: $(VENV)/dev ## Start the test bed on loopback: make cluster N=200 PODS=5000
	@$(PY) -m tests.live.testbed start --nodes $(N) --pods $(PODS)

.PHONY: cluster-stop
cluster-stop: $(VENV)/dev ## Stop the test bed
	@$(PY) -m tests.live.testbed stop

.PHONY: neo4j
neo4j: $(VENV)/dev ## Start a Neo4j server on loopback
	@$(PY) -m tests.live.neo4j_server start

.PHONY: neo4j-stop
neo4j-stop: $(VENV)/dev ## Stop the Neo4j server
	@$(PY) -m tests.live.neo4j_server stop

.PHONY: bench
bench: $(VENV)/dev ## Measure: graph, diagnosis, retrieval, start-up, live reading
	@$(PY) -m benches

.PHONY: bench-ask
bench-ask: $(VENV)/dev ## Measure: `ask` on a recording of 1,000 pods, start to end
	@$(PY) -m benches.bench_ask

.PHONY: bench-safety
bench-safety: $(VENV)/dev ## Print the figures of the safety proofs; make bench-safety LONG=--long for the long runs
	@$(PY) -m benches.bench_safety $(LONG)

.PHONY: docs
docs: $(VENV)/dev ## Serve the documentation on loopback
	@$(VENV)/bin/zensical serve

.PHONY: lock
lock: uv ## Resolve the dependencies anew into requirements/
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header pyproject.toml -o requirements/base.txt
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --constraint requirements/base.txt pyproject.toml $(EXTRAS) -o requirements/extras.txt
	@$(UV) pip compile --quiet --universal --generate-hashes --no-header --constraint requirements/extras.txt pyproject.toml $(EXTRAS) --group dev -o requirements/dev.txt
	@$(PYTHON) tests/locks.py --write

.PHONY: clean
clean: ## Remove what the verbs made in the checkout
	@rm -rf $(VENV) .uv site dist build .mypy_cache .ruff_cache .hypothesis .import_linter_cache
