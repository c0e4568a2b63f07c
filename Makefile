# Every target sets up what it needs; the second time that costs nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OLDEST := .venv-oldest
DOCS := .venv-docs

# Tests on all cores: each takes half of what is left to another once it has nothing to do.
CORES := -n auto --dist worksteal --benchmark-disable

DATASET ?= rooms
PRESET ?= quick
STRATEGIES ?=
SEEDS ?=
DATA_ROOT ?=
OUT ?=
RESULTS ?= results/$(notdir $(basename $(subst .py:,/,$(DATASET))))-$(PRESET)

.PHONY: help setup bench test test-slow fuzz torture test-oldest lint format perf figures docs site golden clean

help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

setup: $(READY)  ## Make .venv with the exact versions of requirements.txt

$(READY): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, and $(PYTHON) is older: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 2; }
	@echo "Setting up $(VENV): some minutes and 8 GB of disk the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

bench: $(READY)  ## Run a study: DATASET, PRESET, STRATEGIES, SEEDS, DATA_ROOT, OUT
	$(BIN)/mtal run --dataset "$(DATASET)" --preset "$(PRESET)" \
		$(if $(STRATEGIES),--strategies "$(STRATEGIES)") $(if $(SEEDS),--seeds "$(SEEDS)") \
		$(if $(DATA_ROOT),--data-root "$(DATA_ROOT)") $(if $(OUT),--out "$(OUT)")

test: $(READY)  ## Run the tests that take minutes in all
	$(BIN)/python -m pytest $(CORES)

test-slow: $(READY)  ## Run the slow tests too
	$(BIN)/python -m pytest $(CORES) -m "not perf"

test-oldest: $(OLDEST)/.ready  ## Run the tests with the oldest versions that pyproject.toml takes
	$(OLDEST)/bin/python -m pytest $(CORES)

$(OLDEST)/.ready: requirements-oldest.txt pyproject.toml
	@test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-oldest.txt
	$(OLDEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

torture: $(READY)  ## Inject faults for real: the table of docs/reliability.md
	MTAL_TORTURE_TABLE=docs/reliability.md $(BIN)/python -m pytest tests/torture -m "slow or not slow"

fuzz: $(READY)  ## Fuzz every reader for longer: FUZZ_EXAMPLES a property, 2000 if not given
	$(BIN)/python -m pytest tests/fuzz $(CORES) --hypothesis-profile=fuzz

lint: $(READY)  ## Check format, lint and strict types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(READY)  ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

perf: $(READY)  ## Time the selection kernels and the feed
	$(BIN)/python -m pytest -m perf --benchmark-only --benchmark-columns=min,median,rounds -s

golden: $(READY)  ## Keep what every strategy picks now: see the diff before you commit it
	$(BIN)/python tests/golden/golden.py

figures: $(READY)  ## Draw tables and figures of RESULTS again
	$(BIN)/mtal report "$(RESULTS)"

docs: $(READY)  ## Write again what code and results say: docs/experiment.md, tables of strategies and of studies
	$(BIN)/python -m benchmark.authoring.strategy_table
	$(BIN)/python -m benchmark.authoring.experiment_fields
	$(BIN)/python -m benchmark.authoring.study_tables

# Material says at every build until when it is kept; pyproject.toml says it once.
site: $(DOCS)/.ready  ## Build the documentation with search and API reference: site/index.html
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/mkdocs build --strict
	@echo "Open site/index.html; for its search: $(PYTHON) -m http.server -d site"

$(DOCS)/.ready: requirements-docs.txt
	@test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-docs.txt
	@touch $@

clean:  ## Remove caches and the .venv, never results
	rm -rf $(VENV) $(OLDEST) $(DOCS) site .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
