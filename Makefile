# make help lists the targets.

STACK ?= onedl
ARGS ?=

ifeq ($(STACK),onedl)
VENV := .venv
else ifeq ($(STACK),openmmlab)
VENV := .venv-openmmlab
else ifeq ($(STACK),latest)
VENV := .venv-latest
# There may be newer releases each time.
.PHONY: $(VENV)/ready
else
$(error STACK=$(STACK) is unknown: use onedl, openmmlab or latest)
endif

BIN := $(VENV)/bin
# After the death of a process its successor may wait for ever: none is made.
TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadscope \
	--max-worker-restart=0
# Written last: without it the environment is not ready.
STAMP := $(VENV)/ready

.PHONY: help setup test coverage mutants demo docs lint format

help:  ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /make \1: /p' Makefile
	@echo 'STACK=onedl (default), openmmlab, or latest: the newest releases of'
	@echo 'what onedl has; PYTHON=/path/to/python3;'
	@echo 'ARGS for the program, such as: make test ARGS="-k cube"'

setup: $(STAMP)  ## Make the virtual environment of STACK.

$(STAMP): $(wildcard requirements/$(STACK)*) requirements/install.sh setup.py
	@requirements/install.sh $(STACK) $(VENV)
	@touch $@

test: setup  ## Run the tests, in two processes of one thread.
	$(TESTS) $(ARGS)

# The laboratory (analysis) is no part of the product: its share is told apart.
coverage: setup  ## Run the tests; say which share of all lines they run.
	@mkdir -p build/coverage
	$(TESTS) --cov --cov-report= $(ARGS)
	@echo 'Lines of the laboratory:'
	@$(BIN)/coverage report --include='*/analysis/*' --format=total
	$(BIN)/coverage report --omit='*/analysis/*' --skip-covered --fail-under=90

mutants: setup  ## Break the code in thousands of ways; list what no test saw.
	OMP_NUM_THREADS=1 $(BIN)/python -m mutmut run $(ARGS)
	$(BIN)/python -m mutmut results

demo: setup  ## Run the demonstration on made-up images.
	$(BIN)/python tools/demo.py $(ARGS)

docs: $(VENV)/docs  ## Build the documentation site in build/docs.
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

$(VENV)/docs: requirements/docs.txt $(STAMP)
	$(BIN)/python -m pip install --disable-pip-version-check -r $<
	@touch $@

lint: setup  ## Check style, formatting and the order of imports.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

format: setup  ## Mend style and formatting.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
