# make run: set up and show the main job. make test: set up and test. Everything lives in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
# Tests start hundreds of processes. Without its cache each of them would compile every module again.
unexport PYTHONDONTWRITEBYTECODE
# The tests that cover the packages without I/O: `make coverage` holds every line and branch of them.
PURE := $(addprefix tests/,carriers vtex shipments reconcile/test_plan.py reconcile/test_plan_inputs.py reconcile/test_plan_replaced.py)

# The left-out tests damage, forge and start what the others have covered: under measurement, a third of the time.
NEEDED_FOR_COVERAGE := not test_damaged and not test_altered_body and not test_adding_a_carrier and not test_nasty_orders

.PHONY: run test test-fast coverage lint types pages bench storm flaws check clean

run: $(READY)
	@$(BIN)/receiver demo $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

test-fast: $(READY)  # what needs no server, no process and no patience
	@$(BIN)/python -m pytest -n 3 --dist worksteal -m "not postgres and not process and not slow" $(ARGS)

coverage: $(READY)
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q -n 2 --dist worksteal -m "not hypothesis" -k "$(NEEDED_FOR_COVERAGE)" $(PURE) $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

lint: $(READY)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: $(READY)
	@$(BIN)/mypy

pages: $(READY)
	@$(BIN)/receiver carriers page --write

bench: $(READY)
	@$(BIN)/python -m bench $(ARGS)

storm: $(READY)  # real processes under kills, full disks and a failing VTEX; docs/storm.md
	@$(BIN)/python -m storm $(ARGS)

flaws: $(READY)  # puts nine classic flaws into copies of the code; the tests must notice each
	@$(BIN)/python -m storm.flaws $(ARGS)

check: lint types test

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* .storm

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed; this is %d.%d. Try: make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "setting up $(VENV) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)
