# The one front door. `make help` lists every target.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
UV := $(BIN)/uv
# Node comes out of the locked Python environment, so that no machine needs its own.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION := 1
PYTEST := $(PY) -m pytest -q

# What runs beside each other; whole editions and the browser have the machine to themselves.
TIERS := tests/property tests/simulation tests/contract tests/infrastructure tests/integration

BASE_PYTHON := $(shell for p in python3.11 python3.12 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not ((3,11) <= sys.version_info < (3,13)))' 2>/dev/null \
	&& echo $$p && break; done)
LOCKS := requirements/bootstrap.lock requirements/all.lock
FRONTEND_SOURCES := $(shell find frontend -type f -not -path '*/node_modules/*' -not -path '*/build/*' \
	-not -path '*/.svelte-kit/*' 2>/dev/null)
HAS_FRONTEND := $(wildcard frontend/package-lock.json)

.DEFAULT_GOAL := help
.PHONY: help up down status dev check lint types imports unit web test verify bench fuzz chaos diagrams deploy lock

define refuse
	@echo "make $@ is not available: $(1)" >&2; exit 1
endef

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' \
	| awk -F'\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

up: dev frontend/build/index.html ## Start everything on this machine and print the address (ARGS="--mode venue")
	@$(PY) -m cdk.local up $(ARGS)

down: ## Stop everything that `make up` started; state is kept in .twinleg/
	@if [ -x $(PY) ]; then $(PY) -m cdk.local down; else echo "nothing runs: there is no $(VENV)" >&2; fi

status: ## Show what runs
	@$(PY) -m cdk.local status

dev: $(VENV)/.installed $(if $(HAS_FRONTEND),frontend/node_modules/.installed) ## Create .venv and node_modules from the lock files

check: dev ## Lint, types, imports and unit tests, under 60 s
	@$(MAKE) -j2 lint types imports
	@$(MAKE) unit

lint:
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types:
	@$(BIN)/mypy

imports:
	@$(BIN)/lint-imports --no-logo

web:
	@if [ -n "$(HAS_FRONTEND)" ]; then cd frontend && npm run --silent check && npm run --silent test -- --passWithNoTests; fi

unit:
	@$(PYTEST) -n 2 --dist loadfile tests/unit

test: dev .venv-contract/.installed $(if $(HAS_FRONTEND),frontend/build/index.html) ## Everything: check, property, contract, infrastructure, integration, browser (about 18 minutes)
	@$(MAKE) check
	@$(MAKE) web
	@$(PYTEST) -n 2 --dist loadfile -m "not edition" $(TIERS)
	@$(PYTEST) -m edition tests/integration tests/chaos
	@$(PYTEST) tests/e2e

verify: dev .venv-contract/.installed .venv-fuzz/.installed ## The long tier, at most 75 minutes (PART="fuzz chaos"; parts in tests/verify)
	@$(PY) -m tests.verify $(PART)

bench: dev .venv-contract/.installed ## Measure and print ratios
	@$(PY) -m tests.performance

fuzz: .venv-fuzz/.installed ## Feed every parser mutated input, each in its own process (FUZZ_SECONDS=120 TARGETS=...)
	@.venv-fuzz/bin/python -m tests.fuzz --seconds $(or $(FUZZ_SECONDS),120) $(TARGETS)

chaos: dev ## Kill trader and database, cut feeds and cloud of an edition that trades, often
	@TWINLEG_CHAOS=long $(PYTEST) tests/chaos

diagrams: ## Draw the state tables into docs/generated
	PYTHONPATH=. $(PY) docs/make_diagrams.py
	PYTHONPATH=. $(PY) docs/make_fault_table.py

deploy: ## Deploy one stage to AWS (STAGE=staging)
	$(call refuse,the network database trader frontend and observability stacks are missing; the core stacks are deployed into the embedded AWS by make up)

lock: ## Resolve pyproject.toml anew into requirements/*.lock (hashes, no index addresses)
	@for group in all trader lambdas contract-clients fuzz bench bootstrap; do \
		UV_CUSTOM_COMPILE_COMMAND="make lock" $(UV) pip compile -q --python-version 3.11 \
			--generate-hashes --no-annotate --group pyproject.toml:$$group \
			-o requirements/$$group.lock; \
	done
	@! grep -n '://' requirements/*.lock

# --- files ------------------------------------------------------------------------------

$(VENV)/.installed: $(LOCKS) pyproject.toml
	@[ -n "$(BASE_PYTHON)" ] || { echo "Python 3.11 or 3.12 is needed; on Debian: apt-get install python3 python3-venv" >&2; exit 1; }
	@[ -x $(PY) ] || $(BASE_PYTHON) -m venv $(VENV) || \
		{ echo "the venv module is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@[ -x $(UV) ] || $(PY) -m pip install -q --require-hashes -r requirements/bootstrap.lock
	@$(UV) pip sync -q --python $(PY) --require-hashes requirements/all.lock
	@$(UV) pip install -q --python $(PY) --no-deps --no-build-isolation -e .
	@touch $@

# The venues' own clients, apart because their pins fight with ours; contract tests run them.
.venv-contract/.installed: requirements/contract-clients.lock | $(VENV)/.installed
	@[ -x .venv-contract/bin/python ] || $(BASE_PYTHON) -m venv .venv-contract
	@$(UV) pip sync -q --python .venv-contract/bin/python --require-hashes requirements/contract-clients.lock
	@touch $@

# The fuzzer, apart because it has wheels for few machines.
.venv-fuzz/.installed: requirements/fuzz.lock | $(VENV)/.installed
	@[ -x .venv-fuzz/bin/python ] || $(BASE_PYTHON) -m venv .venv-fuzz
	@$(UV) pip sync -q --python .venv-fuzz/bin/python --require-hashes requirements/fuzz.lock || \
		{ echo "make fuzz is not available: the fuzzer has no wheel for this Python or machine" >&2; exit 1; }
	@touch $@

frontend/node_modules/.installed: frontend/package-lock.json frontend/package.json | $(VENV)/.installed
	@cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

frontend/build/index.html: $(FRONTEND_SOURCES) | dev
	@[ -n "$(HAS_FRONTEND)" ] || { echo "frontend/package-lock.json is missing: there is no dashboard to build" >&2; exit 1; }
	@cd frontend && npm run --silent build
	@touch $@
