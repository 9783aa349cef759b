# `make` alone lists what there is. Everything is made inside this folder: .venv/, web/static/ and var/.
.DEFAULT_GOAL := help
.PHONY: help install run test lint unit journeys bench screenshots translations lock clean
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
PORT ?= 8000
OMZIEN_HOME ?= var
export OMZIEN_HOME PORT
BIN := .venv/bin
# Node.js from PATH where there is one, else the same tool from a wheel.
NPM = $(shell command -v npm >/dev/null 2>&1 && echo npm || echo ../../$(BIN)/npm)
NODE = $(shell command -v npm >/dev/null 2>&1 && echo node || echo ../../$(BIN)/node)
ASSETS := $(shell find web/assets -path web/assets/node_modules -prune -o -type f -print)
CATALOGUES := $(shell find translations -name '*.po')

help: ## list the targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

install: .venv/installed web/static/manifest.json translations/compiled ## make .venv with a working omzien, and the front end

run: install ## a believable Hilversum on http://127.0.0.1:8000, with one login per role
	@$(BIN)/omzien demo

test: .venv/test-installed web/static/manifest.json translations/compiled ## everything: lint, types, import rules, tests on both databases, the browser
	@tests/prepare
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest tests -n 2 --dist loadgroup

lint: .venv/test-installed ## ruff, mypy, import rules, templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/djlint web/templates --lint --quiet

unit: .venv/test-installed ## the tests without a browser
	$(BIN)/python -m pytest tests -n 2 --dist loadgroup --ignore tests/journeys

journeys: .venv/test-installed web/static/manifest.json translations/compiled ## the journeys in the browser only
	@tests/prepare
	$(BIN)/python -m pytest tests/journeys

bench: .venv/test-installed web/static/manifest.json translations/compiled ## measure a full city on SQLite and PostgreSQL
	$(BIN)/python -m tests.bench

screenshots: .venv/test-installed web/static/manifest.json translations/compiled ## make the pictures of the README from the running program
	@tests/prepare
	$(BIN)/python -m tests.screenshots

translations: .venv/installed ## collect the texts and bring the catalogues up to date
	$(BIN)/pybabel -q extract -F translations/babel.cfg -k _l -k lazy_gettext --no-location --sort-output --omit-header -w 110 -o translations/messages.pot .
	$(BIN)/pybabel -q update -i translations/messages.pot -d translations -w 110 --no-fuzzy-matching --ignore-obsolete --ignore-pot-creation-date
	$(BIN)/python translations/english.py
	@$(MAKE) --no-print-directory translations/compiled

lock: ## renew the lock files (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --upgrade --extra build pyproject.toml -o requirements.lock
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --extra build --extra test -c requirements.lock pyproject.toml -o requirements-test.lock

clean: ## remove what was made (not var/: that is your data)
	rm -rf .venv web/static web/assets/node_modules translations/compiled

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Omzien needs Python 3.11 or newer."; exit 1; }
	@# Debian's python3 has no ensurepip: that is in python3-venv.
	@$(PYTHON) -m venv .venv 2>/dev/null || { rm -rf .venv; \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && apt-get install -y -qq python3-venv >/dev/null && $(PYTHON) -m venv .venv; \
	  else echo "Python cannot make a virtual environment. On Debian: sudo apt install python3-venv"; exit 1; fi; }

.venv/installed: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing Python packages (once, about a minute)"
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/test-installed: requirements-test.lock .venv/installed
	@echo "Installing what the tests need"
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-test.lock
	@touch $@

.venv/node: requirements-node.lock | .venv/bin/python
	@command -v npm >/dev/null 2>&1 || $(BIN)/pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements-node.lock
	@touch $@

web/static/manifest.json: $(ASSETS) | .venv/node
	@echo "Building the front end"
	@cd web/assets && PATH="$(CURDIR)/$(BIN):$$PATH" $(NPM) ci --silent --no-audit --no-fund && PATH="$(CURDIR)/$(BIN):$$PATH" $(NODE) build.mjs

translations/compiled: $(CATALOGUES) | .venv/installed
	@$(BIN)/pybabel -q compile -d translations
	@touch $@
