# Every target sets up .venv by itself: it is made when it is missing, and installed again when pyproject.toml changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
OLDEST := .venv-oldest
PIP := -m pip install --quiet --disable-pip-version-check

# All estimators by scikit-learn's own checks, and what leans most on the five libraries: the numerics of least squares,
# frames and labels of each kind, pictures in notebooks, callbacks, files, digests of data, and the joblib backend.
OLDEST_TESTS := tests/test_estimators.py tests/test_label_kinds.py tests/test_messages.py tests/test_validation.py \
	tests/test_compiled.py tests/test_display.py tests/test_trusted.py tests/linear/least_squares/test_least_squares.py \
	tests/linear/softmax/test_softmax_objective.py tests/linear/solvers/test_syrk.py tests/neighbors/test_knn.py \
	tests/neural/test_callbacks.py tests/neural/test_checkpoint.py tests/ensemble/test_bagging.py \
	tests/model_selection/test_identity.py tests/parallel/test_backend.py
# joblib 1.5's own backend for dask warns of a method of its own.
OLDEST_TESTS += --deselect tests/parallel/test_backend.py::test_inside_the_workers_of_dask

.PHONY: quickstart test coverage test-oldest test-sklearn lint bench docs clean

quickstart: $(VENV)/.quickstart
	$(BIN)/python examples/quickstart.py

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2

# The same with the lines and branches that ran; the floor is in setup.cfg.
coverage: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --cov --cov-report=term:skip-covered

# A part of the suite on the oldest versions that pyproject.toml allows, in an environment of its own.
test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/python -m pytest -n 2 $(OLDEST_TESTS)

# scikit-learn's own test files, run on our classes.
test-sklearn: $(VENV)/.dev
	$(BIN)/python -m pytest -c tests/scikit_learn/pytest.ini -n 2 tests/scikit_learn

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

bench: $(VENV)/.dev
	SKDL_COMPILED=eager $(BIN)/python benchmarks/networks.py

# The pages as HTML, with one for each class and function, in docs/_build/index.html; warnings are errors.
docs: $(VENV)/.docs
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --quiet docs docs/_build

clean:
	rm -rf $(VENV) $(OLDEST) build docs/_build docs/generated docs/course_pages *.egg-info

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.quickstart: $(BIN)/python pyproject.toml
	$(BIN)/python $(PIP) --editable ".[fast,plot,progress]"
	touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	$(BIN)/python $(PIP) --editable ".[dev]"
	touch $@ $(VENV)/.quickstart

$(VENV)/.docs: $(BIN)/python pyproject.toml
	$(BIN)/python $(PIP) --editable ".[docs]"
	touch $@

$(OLDEST)/.installed: .ci/oldest.txt pyproject.toml
	test -x $(OLDEST)/bin/python || $(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python $(PIP) --constraint .ci/oldest.txt --editable ".[test]"
	touch $@
