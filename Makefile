# Needs Python >= 3.11 and make, nothing else. `make help` lists what there is.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DATA_DIR ?= .data
JOBS ?= 3
PRODUCT := activities api cli config domain gateways routing screening storage workflows worker.py
export DATA_DIR

.DEFAULT_GOAL := help
.PHONY: help setup datasets panel demo test e2e screenshots check security audit sbom bench bench-scale bench-slow-gateway bench-routing bench-listing chaos chaos-selftest drill new-gateway gateway-docs docs live-check lock clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.installed datasets ## install everything into .venv, fetch the data sets

panel: panel/dist/index.html ## build the admin panel (with the Node of this machine, else the one in .venv)

demo: setup panel ## start everything, run sample checkouts, serve until Ctrl-C (DEMO_EXIT=1: stop after the table)
	@exec $(BIN)/python devstack/launch.py --parent $$PPID --death-signal 15 -- $(BIN)/python -m devstack.demo

test: setup ## run the test suite (ARGS="-k name" to choose, JOBS=1 for one process)
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

e2e: setup panel ## the panel in a real browser (Chromium) against the running product
	$(BIN)/python -m pytest tests/panel $(ARGS)

screenshots: panel ## every page of the panel that `make demo` serves just now, into screenshots/
	CHROMIUM=$${CHROMIUM:-$$(command -v chromium || command -v chromium-browser || command -v google-chrome)} \
	    DEMO=$(DATA_DIR)/demo.json OUT=screenshots $(BIN)/python -m devstack.node panel/e2e/screenshots.mjs

check: $(VENV)/.installed ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory security

security: $(VENV)/.installed ## look for unsafe constructions in the product's code (part of check)
	$(BIN)/bandit --quiet --recursive --severity-level medium $(PRODUCT)

audit: $(VENV)/.installed ## look up known vulnerabilities of every dependency; fails where it could not
	$(BIN)/pip-audit --strict --require-hashes --disable-pip --requirement requirements.lock

sbom: $(VENV)/.installed ## write build/sbom.cdx.json: what is installed, with licences (CycloneDX)
	@mkdir -p build
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON \
	    --output-file build/sbom.cdx.json $(BIN)/python

chaos: setup ## the fault campaign: N=1000 checkouts under faults and kills (SEED= repeats one, RATE= a second)
	@exec $(BIN)/python devstack/launch.py --parent $$PPID --death-signal 15 -- \
	    $(BIN)/python -m chaos $(if $(N),--number $(N)) $(if $(SEED),--seed $(SEED)) $(if $(RATE),--rate $(RATE))

chaos-selftest: setup ## the proof that the campaign's oracle sees: mutants, and the obvious design beside ours
	@exec $(BIN)/python devstack/launch.py --parent $$PPID --death-signal 15 -- $(BIN)/python -m chaos.selftest $(ARGS)

drill: setup ## an outage of a gateway under load: when its circuit opens, what it costs, when traffic returns
	@exec $(BIN)/python devstack/launch.py --parent $$PPID --death-signal 15 -- $(BIN)/python -m bench.drill

bench: setup ## the straight checkout beside an empty workflow, a naive handler and DBOS; writes bench/REPORT.md (ARGS=--quick)
	@exec $(BIN)/python devstack/launch.py --parent $$PPID --death-signal 15 -- $(BIN)/python -m bench.speed $(ARGS)

bench-scale: setup ## queries and charges with 50,000 checkouts stored, against 1,000
	@exec $(BIN)/python devstack/launch.py --parent $$PPID --death-signal 15 -- $(BIN)/python -m bench.scale $(ARGS)

bench-slow-gateway: setup ## one gateway takes ten seconds: what the customers of the others notice
	@exec $(BIN)/python devstack/launch.py --parent $$PPID --death-signal 15 -- $(BIN)/python -m bench.slow_gateway $(ARGS)

bench-routing: setup ## how fast a route is decided, in a process and over HTTP
	@exec $(BIN)/python devstack/launch.py --parent $$PPID --death-signal 15 -- $(BIN)/python -m bench.routing

bench-listing: $(VENV)/.installed ## how long a page of the operators' list takes over 100,000 checkouts
	@exec $(BIN)/python devstack/launch.py --parent $$PPID --death-signal 15 -- $(BIN)/python -m bench.listing

new-gateway: $(VENV)/.installed ## begin a gateway: adapter, simulator and contract data to fill in (NAME=acme)
	$(BIN)/python -m devstack.new_gateway $(NAME)

gateway-docs: $(VENV)/.installed ## write the table of docs/gateways.md from what the adapters declare
	$(BIN)/python -m devstack.support_table

docs: $(VENV)/.installed ## build the documentation as a site into build/site
	$(BIN)/zensical build --clean --strict

live-check: setup ## the contract suite against the gateways' real test modes, with your own test keys
	$(BIN)/python -m tests.contract.live $(ARGS)

lock: ## pin all dependencies anew (needs uv)
	uv pip compile --universal --python-version 3.11 --extra dev --generate-hashes \
	    --no-emit-index-url --no-annotate --no-header pyproject.toml -o requirements.lock

clean: ## remove .venv, .data, the built panel and caches
	rm -rf $(VENV) .data panel/dist panel/generated panel/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

datasets: .data/datasets/.built

# Its types are made from the API's own document: a change of the API that the panel cannot follow stops here.
panel/dist/index.html: $(VENV)/.installed panel/node_modules/.installed panel/index.html panel/vite.config.ts \
    panel/tsconfig.json devstack/panel_sources.py $(shell find panel/src panel/public api/routes/admin -type f) \
    $(wildcard api/schemas*.py)
	$(BIN)/python -m devstack.panel_sources panel/generated
	$(BIN)/python -m devstack.node npm run --silent --prefix panel build

panel/node_modules/.installed: $(VENV)/.installed panel/package.json panel/package-lock.json
	$(BIN)/python -m devstack.node npm ci --prefix panel --loglevel=error
	@touch $@

.data/datasets/.built: $(VENV)/.installed routing/build_datasets.py
	$(BIN)/python -m routing.build_datasets --out $(@D)
	@touch $@

# The umask: as root, PostgreSQL runs as another user, who has to be able to read its programs.
$(VENV)/.installed: requirements.lock devstack/smartpay.sh
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) --version 2>&1). Try: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	    { echo "$(PYTHON) lacks the venv module. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	umask 022 && $(PYTHON) -m venv $(VENV)
	umask 022 && $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	install -m 755 devstack/smartpay.sh $(BIN)/smartpay
	@touch $@
