# Two commands do all the set-up they need: `make demo` and `make test`.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# Processes that share the tests: many of them wait for something.
WORKERS ?= 3

.PHONY: demo test lint bench docs fuzz mutation audit clean

demo: $(VENV)/.demo
	$(BIN)/python -m examples.demo

test: $(VENV)/.dev
	.ci/debian-packages
	$(BIN)/python -m pytest tests/protocol -q \
	    --cov=socks5client.protocol --cov-branch --cov-fail-under=100
	$(BIN)/python -m pytest -q --ignore=tests/protocol -n $(WORKERS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy tests/typing/api.py

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks --docs docs/benchmarks

# All targets, a minute each; python -m tests.fuzz --help says more.
fuzz: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet atheris
	$(BIN)/python -m tests.fuzz

# Mutants of the core that no test sees; about half an hour.
mutation: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet --group mutation
	$(BIN)/python -m tests.mutation

# Known holes in what this stands on; needs the internet.
audit: $(VENV)/.dev
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/python -m pip_audit --skip-editable --progress-spinner off

# The pages are in build/docs. Warnings are errors; nothing is fetched.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx -W --keep-going -n -q -d build/doctrees docs build/docs
	@echo "built: build/docs/index.html"

clean:
	rm -rf $(VENV) build dist .coverage .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/.created:
	.ci/virtual-environment $(PYTHON) $(VENV)
	touch $@

$(VENV)/.demo: $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[cli]"
	touch $@

# The reference is made from the modules themselves, so those are imported, with their libraries.
$(VENV)/.docs: $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install --quiet --group docs \
	    --editable ".[cli,dns,httpx,trio,urllib3,requests,aiohttp]"
	touch $@ $(VENV)/.demo

# gssapi is built here, with what libkrb5-dev brings; where it cannot be, its tests skip (not in CI).
$(VENV)/.dev: $(VENV)/.created pyproject.toml tests/real_servers/packages.txt
	.ci/debian-packages
	$(BIN)/python -m pip install --quiet --editable ".[cli]" --group dev
	$(BIN)/python -m pip install --quiet --group kerberos || \
	    { echo "gssapi cannot be built: install libkrb5-dev" >&2; test -z "$$CI"; }
	touch $@ $(VENV)/.demo
