# The machine needs Python 3.11 or newer with its venv module, and make; all else is installed into .venv.
PYTHON ?= python3
SHELL := bash
BIN := .venv/bin
STAMP := .venv/.installed
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

.DEFAULT_GOAL := help
.PHONY: help setup demo test bench check lint format lock clean

# A step of `make check`, with its duration: $(call timed,NAME,COMMAND)
timed = @TIMEFORMAT='step $(1) %1R s'; time $(2)

help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(STAMP) ## Install everything into .venv, as pinned in requirements.lock

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V 2>/dev/null || echo 'not there'). Name another: make setup PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) has no venv module. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --require-hashes --no-deps -r requirements.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@if command -v npm >/dev/null; then $(BIN)/python -m project.vendor || echo "Until make vendor succeeds, diagrams are drawn by Graphviz and no TypeScript client is tested." >&2; \
	else echo "npm is not there: diagrams are drawn by Graphviz, no TypeScript client is tested. Later: make vendor" >&2; fi
	@touch $@

.PHONY: vendor wheel
vendor: $(STAMP) ## Fetch elkjs, which lays diagrams out, and the tests' TypeScript (needs npm)
	$(BIN)/python -m project.vendor

wheel: vendor ## Build the wheel, elkjs included, in dist/
	$(BIN)/python -m hatchling build -t wheel

.PHONY: pictures
pictures: $(STAMP) ## Draw the pictures of docs/images anew
	$(BIN)/python manage.py diagram orders.order -o docs/images/order.svg
	$(BIN)/python manage.py diagram orders.onboarding -o docs/images/onboarding.svg
	$(BIN)/python manage.py diff_machine orders.onboarding 1 2 -f svg -o docs/images/onboarding-upgrade.svg

.PHONY: screenshots
screenshots: $(STAMP) ## Take the screenshots of docs/images anew (needs a browser)
	$(BIN)/python -m project.servers --fast -- $(BIN)/python -m tests.site.screenshots
	$(BIN)/python -m project.servers --fast -- $(BIN)/python -m pytest --ds=project.settings tests/browser/screenshots.py

demo: $(STAMP) ## Show the order flow on real servers; ONCE=1 ends after one pass
	$(BIN)/python -m project.demo $(if $(ONCE),--once)

# The whole suite must make the example's machines do everything that they can; a part of it need not.
test: COVERAGE := --machine-coverage=orders.order,orders.onboarding --machine-coverage-fail-under 100
test: $(STAMP) ## Run the tests on servers of their own; ARGS='-k NAME' goes to pytest
	@$(BIN)/python -m tests.browser.chromium >/dev/null || true # says how to install a browser where there is none
	$(BIN)/python -m project.servers --fast -- $(BIN)/python -m pytest $(or $(ARGS),$(COVERAGE))

bench: $(STAMP) ## Measure the hot path beside psycopg, the ORM and django-fsm-2; QUICK=1 takes a minute at most
	$(BIN)/python -m project.servers -- $(BIN)/python -m benchmarks.hot_path $(if $(QUICK),--quick)

# From the command line alone: bash has a SECONDS of its own, which an environment may hold by accident.
.PHONY: chaos
chaos: $(STAMP) ## Kill, stop and flush everything for SECONDS=60, at moments drawn from SEED=1, and check that nothing is lost
	$(BIN)/python -m tests.chaos --seconds $(if $(findstring command,$(origin SECONDS)),$(SECONDS),60) --seed $(or $(SEED),1)

.PHONY: fuzz
fuzz: $(STAMP) ## Send to every operation of the API what nobody thought of, for SECONDS=300
	FUZZ_SECONDS=$(if $(findstring command,$(origin SECONDS)),$(SECONDS),300) \
	$(BIN)/python -m project.servers --fast -- $(BIN)/python -m pytest tests/api/test_fuzz.py -q -s

.PHONY: bench-timers
bench-timers: $(STAMP) ## Measure how late timers fire beside Celery's countdown, and how fast 10,000 are done; QUICK=1
	$(BIN)/python -m project.servers -- $(BIN)/python -m benchmarks.timers $(if $(QUICK),--quick)

.PHONY: bench-upgrades
bench-upgrades: $(STAMP) ## Measure how many of 100,000 idle instances are upgraded a second, and brought back; QUICK=1
	$(BIN)/python -m project.servers --fast -- $(BIN)/python -m benchmarks.upgrades $(if $(QUICK),--quick)

.PHONY: test-sqlite
test-sqlite: $(STAMP) ## Run the tests of engine, REST and orders on a SQLite file, with no broker
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	DATABASE_URL="sqlite:///$$folder/db.sqlite3" $(BIN)/python -m pytest --ds=tests.host.settings.sqlite \
		tests/engine tests/orders tests/test_checks.py tests/test_admin.py \
		tests/api/test_domain.py tests/api/test_events.py tests/api/test_instances.py tests/api/test_problems.py \
		tests/api/test_security.py tests/api/test_stream.py \
		--ignore=tests/engine/test_workers.py --ignore=tests/engine/test_broker.py -k "not postgres" $(ARGS)

# Django's own checks ask a database in memory, so that they leave no file behind.
check: MANAGE := env DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py
check: $(STAMP) ## Run the whole gate: lint, format, types, imports, Django's checks, migrations, tests
	$(call timed,ruff,$(BIN)/ruff check --no-cache .)
	$(call timed,format,$(BIN)/ruff format --no-cache --check .)
	$(call timed,mypy,$(BIN)/mypy)
	$(call timed,imports,$(BIN)/lint-imports --no-logo)
	$(call timed,django,$(MANAGE) check)
	$(call timed,migrations,$(MANAGE) makemigrations --check --dry-run)
	$(call timed,test,$(MAKE) --no-print-directory test)
	$(call timed,test-sqlite,$(MAKE) --no-print-directory test-sqlite)

lint: $(STAMP) ## Check style with ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP) ## Rewrite the sources in the house's format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## Pin the dependencies anew in requirements.lock (with uv; needs the package index)
	@command -v uv >/dev/null || [ -x .venv-lock/bin/uv ] || { $(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip -q install uv; }
	PATH="$$PATH:$$PWD/.venv-lock/bin" uv pip compile pyproject.toml --group dev -q --upgrade --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' -o requirements.lock

clean: ## Remove what setup, tests and the demo made
	rm -rf .venv .venv-lock var db.sqlite3* dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
