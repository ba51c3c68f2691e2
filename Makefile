# make help lists the targets.

STACK ?= onedl
ARGS ?=

ifeq ($(STACK),onedl)
VENV := .venv
else ifeq ($(STACK),openmmlab)
VENV := .venv-openmmlab
else
$(error STACK=$(STACK) is unknown: use onedl or openmmlab)
endif

# Any Python from 3.8 on starts the set-up, which then finds a fitting one.
# Each is tried by running it: a name on the PATH may be an empty shim. The
# one in the environment comes first because it starts fastest.
START := for p in $(VENV)/bin/python "$$PYTHON" python3 python3.13 \
	python3.12 python3.11 python3.10 python; do \
	"$$p" -IS -c 'import sys; sys.exit(sys.version_info < (3, 8))' \
	2>/dev/null && exec "$$p" -S tools/setup_env.py --stack $(STACK); done; \
	echo 'No Python found. Install Python 3.10 to 3.13, or name it:' \
	'make setup PYTHON=/path/to/python3' >&2; exit 2

.PHONY: help setup test demo lint format

help:  ## List the targets.
	@sed -n 's/^\([a-z]*\):.*## /make \1: /p' Makefile
	@echo 'STACK=onedl (default) or openmmlab; PYTHON=/path/to/python3;'
	@echo 'ARGS for the program, such as: make test ARGS="-k cube"'

setup:  ## Make or repair the virtual environment of STACK.
	@$(START)

test: setup  ## Run the tests.
	$(VENV)/bin/python -m pytest -q $(ARGS)

demo: setup  ## Run the demonstration on made-up images.
	$(VENV)/bin/python tools/demo.py $(ARGS)

lint: setup  ## Check style and formatting.
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .

format: setup  ## Mend style and formatting.
	$(VENV)/bin/python -m ruff check --fix .
	$(VENV)/bin/python -m ruff format .
