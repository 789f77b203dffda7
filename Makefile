# ALScope: `make` alone lists what can be done.
#
#   PYTHON     the Python that makes the virtual environment (3.11 or newer)
#   PIP_ARGS   more arguments for pip, such as an index of your own
#   APP_ARGS   more arguments for streamlit, such as --server.port=8502
#   JOBS       parallel processes of the fast tests

PYTHON ?= python3
PIP_ARGS ?=
APP_ARGS ?=
JOBS ?= 2

# Tests start many processes; each would compile everything again.
unexport PYTHONDONTWRITEBYTECODE

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet $(PIP_ARGS)
READY := $(VENV)/.installed
READY_DEV := $(VENV)/.installed-dev

.DEFAULT_GOAL := help
.PHONY: help app demo install test test-fast test-slow test-gpu check lint format types audit clean

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

app: $(READY)  ## Start the app and print its address
	$(BIN)/python -m streamlit run app.py $(APP_ARGS)

demo: $(READY)  ## Run a small comparison in the terminal; no network
	$(BIN)/python -m alscope demo

install: $(READY_DEV)  ## Make the virtual environment, with the developers' tools

test: lint types test-fast test-slow  ## Everything: lint, format, types, all tests

test-fast: $(READY_DEV)  ## Tests of a few seconds
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not slow and not browser and not network and not gpu"

test-slow: $(READY_DEV)  ## Tests that train, start processes, or drive a browser
	$(BIN)/python -m pytest -q -n $(JOBS) -m "slow and not browser and not network and not gpu"
	$(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile -m "browser and not network and not gpu"

test-gpu: $(READY_DEV)  ## Tests on a CUDA device: records repeat, learning is that of the CPU
	$(BIN)/python -m pytest -q -m gpu

check: lint types test-fast  ## What to run before every commit

lint: $(READY_DEV)  ## Lint and format check
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .

format: $(READY_DEV)  ## Format, and fix what can be fixed
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

types: $(READY_DEV)  ## Static types
	$(BIN)/python -m mypy

audit: $(READY_DEV)  ## Known vulnerabilities of what is installed; by pip-audit where it can be asked
	-@$(PIP) 'pip-audit>=2.7' || echo "pip-audit cannot be installed here"
	$(BIN)/python .ci/audit.py

clean:  ## Remove the virtual environment and the tools' caches; results stay
	rm -rf $(VENV) build dist alscope.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version.split()[0]; \
	  sys.exit(None if sys.version_info >= (3, 11) else \
	  "ALScope needs Python 3.11 or newer and $(PYTHON) is " + v + "; name one: make PYTHON=python3.11")'
	@echo "Installing ALScope and what it needs into $(VENV) (PyTorch is large: some minutes)"
	$(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	@touch $@

$(READY_DEV): $(READY)
	@echo "Installing the developers' tools into $(VENV)"
	$(PIP) --editable '.[dev]'
	@touch $@
