# Every target sets up .venv by itself: it is made when it is missing, and installed again when pyproject.toml changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: quickstart test test-sklearn lint bench docs clean

quickstart: $(VENV)/.quickstart
	$(BIN)/python examples/quickstart.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2

# scikit-learn's own test files, run on our classes.
test-sklearn: $(VENV)/.dev
	$(BIN)/python -m pytest -c tests/scikit_learn/pytest.ini -n 2 tests/scikit_learn

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/networks.py

docs:
	@echo "The pages are in docs/ as Markdown; their HTML build comes with a later release."

clean:
	rm -rf $(VENV) build *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.quickstart: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[plot,progress]"
	touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	touch $@ $(VENV)/.quickstart
