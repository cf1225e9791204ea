# make demo    find lottery tickets on digits, with controls, and draw the report (about two minutes on two cores)
# make test    the default tests (make test-all: the slow ones and those that need LTH_DATA too)
# make lint    ruff, its formatter and mypy --strict
# Each does its own set-up in .venv. PYTHON=python3.12 make ... chooses another interpreter (3.11 or newer).

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-all lint clean
.DEFAULT_GOAL := demo

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "lth_lightning needs Python 3.11 or newer, and $(PYTHON) is older: PYTHON=python3.12 make ..."; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python's venv is missing; installing it with apt-get"; \
		SUDO=$$(test "$$(id -u)" = 0 || echo sudo); $$SUDO apt-get update && $$SUDO apt-get install -y python3-venv \
		&& $(PYTHON) -m venv $(VENV); } \
		|| { echo "cannot make a virtual environment: install your system's python3-venv and type this again"; exit 1; }
	$(BIN)/pip install --disable-pip-version-check --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY)
	@$(BIN)/lth run --config digits --config imp_from_init --config demo --folder runs/demo
	@$(BIN)/lth report runs/demo

test: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test-all: $(READY)
	$(BIN)/python -m pytest --run-slow --numprocesses 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check --no-respect-gitignore .
	$(BIN)/ruff format --check --no-respect-gitignore .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) runs/demo
