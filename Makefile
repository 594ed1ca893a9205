# Samelook: `make demo` to see it, `make test` to check it, `make help` for the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCHMARKS := hashing accuracy discovery fetcher queue queues crawl rank_import matching engines matching_soak check check_effects extension pages api exchanges exchange_export inspector world

.DEFAULT_GOAL := help
.PHONY: help install demo serve extension test lint types imports browsers tests screenshots bench fuzz audit licences sbom tools lock clean

help:  ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## Install into .venv, so that .venv/bin/samelook runs

$(INSTALLED): requirements.lock requirements-compiled.lock pyproject.toml setup.py $(wildcard matching/_engine.c matching/csrc/* hashing/_pixels.c hashing/csrc/* looks/_looks.c)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Samelook needs Python 3.11 or newer; say which: make install PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-compiled.lock \
	  || echo "NOTE: no C++ compiler here, it seems: PDQ is computed with numpy, and exchanges are left out."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: install  ## Crawl the bundled sample web and show what was found
	$(BIN)/samelook demo

serve: install  ## Serve the HTTP API on this machine, port 5100
	$(BIN)/samelook serve

extension: install  ## Pack the browser extension: build/samelook-chromium.zip and build/samelook-firefox.zip
	$(BIN)/python extension/pack.py build

test: install lint types imports browsers tests  ## Everything that CI checks

lint:  ## Formatting and style (ruff)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types:  ## Types (mypy --strict)
	$(BIN)/mypy

imports:  ## Borders between rooms (lint-imports)
	$(BIN)/lint-imports

browsers:  ## Node and Chromium for the extension's tests, where they may be installed
	@sh tests/extension/install_browsers.sh

# The programs that tests start would each compile the whole package anew where the environment forbids
# Python to write bytecode. The few tests that need the machine for themselves are looked for only in their own
# files: to import all files takes longer than these tests.
tests: export PYTHONDONTWRITEBYTECODE =
tests:  ## The tests alone, in parallel
	$(BIN)/python -m pytest -n logical --dist loadfile --no-loadscope-reorder -m "not alone"
	$(BIN)/python -m pytest -m alone $$(grep -rl --include='*.py' 'mark\.alone' tests)

screenshots: install  ## Pictures of the pages and the extension for the docs, from the demo's crawl (needs Chromium)
	$(BIN)/python tools/screenshots.py docs/screenshots

bench: install  ## Run the benchmarks (each also runs by itself: python -m bench.NAME)
	@for name in $(BENCHMARKS); do $(BIN)/python -m bench.$$name || exit 1; done

tools: install  ## What fuzz, audit and sbom need
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-tools.lock

FUZZ_SECONDS ?= 60
fuzz: tools  ## Fuzz what reads foreign bytes, FUZZ_SECONDS for each of eleven targets
	$(BIN)/python -m bench.fuzz --seconds $(FUZZ_SECONDS)

audit: tools  ## Known vulnerabilities of what is pinned; OSV=PATH of a database to ask nobody
ifdef OSV
	$(BIN)/python tools/dependencies.py audit --database $(OSV)
else
	for lock in requirements requirements-compiled requirements-tools; do \
	  $(BIN)/pip-audit --disable-pip --requirement $$lock.lock || exit 1; done
endif

licences: install  ## Check the licences of what users install; docs/licences.md
	$(BIN)/python tools/dependencies.py licences --write

sbom: tools  ## What the program is made of, as CycloneDX: build/sbom.json
	@mkdir -p build
	$(BIN)/cyclonedx-py requirements requirements-compiled.lock --pyproject pyproject.toml --of JSON --output-file build/sbom.json

lock:  ## Pin the newest versions that pyproject.toml allows (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --upgrade --extra dev --output-file requirements.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --upgrade --constraint requirements.lock --extra compiled --extra exchanges --output-file requirements-compiled.lock pyproject.toml
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url \
	  --upgrade --constraint requirements.lock --constraint requirements-compiled.lock --extra tools --output-file requirements-tools.lock pyproject.toml

clean:  ## Remove what install and the tests made
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
