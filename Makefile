# `make` alone lists the targets. Needs git, make, and Python 3.11 or later with venv.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8080
DATA ?= ./data
N ?= 1000
JOBS ?= auto
SCRATCH ?= $(if $(wildcard /dev/shm/.),/dev/shm,/tmp)
VENV := .venv
BIN := $(VENV)/bin
LOCKED := pyproject.toml setup.cfg uv.lock

# uv installs from the lock. Where pip is told of another index than the public one, uv would not
# know it: then, or if uv fails, pip installs the same versions with the same hashes.
define install
	mirror="$${PIP_INDEX_URL:-$$($(BIN)/python -m pip config get global.index-url 2>/dev/null || true)}"; \
	if [ -n "$$mirror" ] && [ -z "$${UV_DEFAULT_INDEX:-}$${UV_INDEX_URL:-}" ] || \
	   ! UV_PROJECT_ENVIRONMENT=$(VENV) UV_PYTHON_DOWNLOADS=never $(BIN)/uv sync --quiet --locked \
	       --inexact --python $(BIN)/python --extra embedded $(1); then \
	  echo "installing with pip"; \
	  $(BIN)/uv export --quiet --frozen --no-emit-project --extra embedded $(1) -o $(VENV)/locked.txt; \
	  $(BIN)/python -m pip install --quiet -r $(VENV)/locked.txt; \
	  $(BIN)/python -m pip install --quiet --no-deps -e .; \
	fi
endef

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 22

run: $(VENV)/.installed ## serve the demonstration records (HOST=… PORT=… DATA=…)
	@exec $(BIN)/fhir-server serve --demo --host "$(HOST)" --port "$(PORT)" --data-dir "$(DATA)"

test: $(VENV)/.developed ## run every test (ARGS='-k name' to choose)
	@$(BIN)/python -m pytest -n auto $(ARGS)

leaks: $(VENV)/.developed ## ask a server elsewhere for what it must hide (URL=… ARGS='--data-dir …')
	@$(BIN)/python -m pytest tests/leaks $(if $(URL),--base-url "$(URL)") $(ARGS)

lint: $(VENV)/.developed ## check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/.developed ## measure the operations (ARGS='--only update,patch' to choose)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-growth: $(VENV)/.developed ## measure searches in 10 k, 100 k and 1 M documents
	@$(BIN)/python -m benchmarks.growth $(ARGS)

bench-consent: $(VENV)/.developed ## measure what consent costs (ARGS='--patients 1000' for less)
	@$(BIN)/python -m benchmarks.consent $(ARGS)

yardstick: $(VENV)/.developed ## run the load generator YARDSTICK=fhir_load.py against this server
	@$(if $(YARDSTICK),YARDSTICK="$(YARDSTICK)" )$(BIN)/python -m benchmarks.yardstick $(ARGS)

# In memory where there is room: the databases of the worlds are thrown away, and no disk need wait.
prove: $(VENV)/.developed ## run the consent proofs at a size (N=… sequences, JOBS=… at once)
	@home="$$(mktemp -d -p "$(SCRATCH)" prove.XXXXXX)"; trap 'rm -rf "$$home"' EXIT; \
	  PROVE_N=$(N) $(BIN)/python -m pytest -m proof -n $(JOBS) --dist load --maxschedchunk 1 \
	  --basetemp="$$home/pytest" $(ARGS)

mutants: $(VENV)/.developed ## change one thing at a time in the consent kernel; does a test notice? (ARGS='rules engine')
	@PROVE_TRIPLES=1500 $(BIN)/python tools/mutation.py $(ARGS)

docs: $(VENV)/.developed ## write the pages that are generated from the code
	@$(BIN)/python -m fhir_server.settings > docs/settings.md
	@sed -n '/^| setting/,$$p' docs/settings.md > $(VENV)/settings.part
	@sed -i -e '/^<!-- settings -->/,/^<!-- \/settings -->/{//!d}' \
	  -e '/^<!-- settings -->/r $(VENV)/settings.part' README.md

lock: $(VENV)/.uv ## choose new versions of the dependencies
	@$(BIN)/uv lock --upgrade

definitions: $(VENV)/.developed ## write the R4 tables anew from the official definitions
	@$(BIN)/python tools/build_definitions.py

clean: ## remove what the targets made, but not the data
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache build dist *.egg-info

$(VENV)/.uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || \
	  { echo "venv is missing: run apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@touch $@

$(VENV)/.installed: $(VENV)/.uv $(LOCKED)
	@echo "installing the locked dependencies in $(VENV)"
	@$(call install,--no-dev)
	@$(MAKE) libraries
	@touch $@

$(VENV)/.developed: $(VENV)/.uv $(LOCKED)
	@echo "installing the locked dependencies and the developers' tools in $(VENV)"
	@$(call install,)
	@$(MAKE) libraries
	@touch $@ $(VENV)/.installed

# The embedded MongoDB needs two libraries that a bare Debian lacks.
libraries:
	@packages="$$($(BIN)/python -m fhir_server.console.libraries)"; \
	if [ -z "$$packages" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	  echo "installing $$packages for the embedded MongoDB"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $$packages >/dev/null; \
	else \
	  echo "the embedded MongoDB lacks libraries: run sudo apt-get install $$packages" >&2; exit 1; \
	fi

.PHONY: help run test leaks lint bench bench-growth bench-consent yardstick prove mutants docs lock definitions clean libraries
