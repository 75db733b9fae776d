"""Imports go one way: the arrows of the design, read from the sources."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "skdl"
MODULES = {
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
FAMILIES = {
    "activations", "augmentations", "category_encodings", "encodings", "initializers", "layers", "losses",
    "normalizations", "optimizers", "penalties", "schedules",
}  # fmt: skip
# What each part of the package may import of the others; what is not listed here is a new part, to be placed.
BASE = {
    "_apart",
    "_array",
    "_compiled",
    "_constraints",
    "_diagnosis",
    "_docstrings",
    "_files",
    "_interrupts",
    "_layer_names",
    "_progress",
    "_quantiles",
    "_search_space",
    "_structure",
    "_threads",
    "_uncertainty",
    "_warnings",
    "_weights",
    "_words",
}
COMPONENTS = BASE | {"_component"}
PROTOCOLS = COMPONENTS | {"_protocols", "_registry"}
ENGINE = COMPONENTS | {"_augmenting", "_protocols", "_descent", "engine", "layers"}
BORDER = {"tables", "_table_input", "_validation", "_scores", "_encoding", "_slots", "_callbacks_adapter"}
ESTIMATORS = (
    BASE
    | {"_augmenting", "_component", "_estimator", "_typing", "_registry", "_protocols", "engine", "execution", "layers"}
    | BORDER
)
ALLOWED = {
    "_apart": set(),
    "_versions": {"_compiled"},
    "compile": ESTIMATORS | {"linear", "neighbors", "neural", "optimizers"},
    "_array": set(),
    "_compiled": {"_array", "_compiled"},
    "_constraints": set(),
    "_files": set(),
    "_interrupts": {"_warnings"},
    "_layer_names": {"_words"},
    "_progress": set(),
    "_quantiles": set(),
    "_uncertainty": {"_array", "_diagnosis"},
    "_warnings": set(),
    "_weights": set(),
    "_threads": {"_interrupts"},
    "_search_space": {"_constraints"},
    "_structure": set(),
    "_words": set(),
    "_diagnosis": set(),
    "_docstrings": set(),
    "_typing": PROTOCOLS,
    "_component": BASE,
    "_estimator": COMPONENTS,
    "_protocols": COMPONENTS | {"_protocols"},
    "_descent": COMPONENTS | {"_protocols"},
    "autodiff": COMPONENTS | {"_protocols", "autodiff"},
    "likelihood": {"autodiff", "likelihood"},
    "_registry": COMPONENTS | {"_protocols"},
    "_augmenting": {"_protocols"},
    "tables": BASE | {"_protocols", "tables"},
    **{family: PROTOCOLS | {family} for family in FAMILIES},
    **{family: PROTOCOLS | {family, "autodiff"} for family in ("activations", "losses")},  # for their `from_function`
    "optimizers": PROTOCOLS | {"_descent", "autodiff", "optimizers"},  # for `minimize`
    "plugins": PROTOCOLS,
    **{family: PROTOCOLS | {family, "layers"} for family in ("category_encodings", "encodings")},
    "augmentations": PROTOCOLS | {"augmentations", "_augmenting"},  # for a look at augmented images
    "engine": ENGINE,
    "execution": ENGINE | {"execution"},
    "_slots": PROTOCOLS,
    "_validation": BASE | {"_encoding", "_validation", "tables"},
    "_table_input": BASE | {"_validation", "tables"},
    "_encoding": BASE | {"_encoding"},
    "_scores": BASE | {"_typing", "_validation"},
    "_callbacks_adapter": set(),
    "callbacks": BASE | {"engine"},
    "model_selection": BASE | {"_callbacks_adapter", "execution", "model_selection"},  # execution for its clock
    "linear": ESTIMATORS | {"linear", "neural"},  # the softmax classifier is a network without hidden layers
    "neighbors": ESTIMATORS | {"neighbors"},
    "neural": ESTIMATORS | {"neural"},
    "ensemble": ESTIMATORS | {"ensemble", "linear", "neighbors", "neural", "parallel"},
    "tabular": ESTIMATORS | {"tabular", "ensemble", "linear", "neighbors", "neural"},
    "parallel": ESTIMATORS | {"parallel", "linear", "neighbors", "neural"},
    "inspection": ESTIMATORS | {"autodiff", "inspection", "likelihood", "linear", "neighbors", "neural", "ensemble"},
    "_trusted": ESTIMATORS
    | FAMILIES
    | {"autodiff", "callbacks", "linear", "neighbors", "neural", "ensemble", "tabular"},
    "testing": ESTIMATORS | FAMILIES | {"autodiff", "testing", "linear", "neighbors", "neural", "ensemble"},
}
VALIDATORS = {"check_array", "check_X_y", "validate_data", "check_consistent_length", "column_or_1d", "as_float_array"}


def imports(module, *, top=False):
    """Dotted names of the modules that a module imports, or of names in them."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree) if not top else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}:{node.lineno}: a relative import, which the tests here cannot place"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def part(name):
    """The part of the package that a dotted name lies in: `skdl.engine.state.State` is in `engine`."""
    return name.split(".")[1]


PARTS = [module for module in MODULES if module != "skdl"]


@pytest.mark.parametrize("module", PARTS)
def test_arrows(module):
    owner = part(module)
    assert owner in ALLOWED, f"{owner} is a new part of skdl: say in ALLOWED what it may import"
    inside = {name for name in imports(module) if name.split(".")[0] == "skdl"}
    wrong = sorted(name for name in inside if part(name) not in ALLOWED[owner])
    assert not wrong, f"{module} may import of skdl {sorted(ALLOWED[owner])} only, not {wrong}"


def test_the_arrows_have_no_cycle_above_the_parts():
    """ALLOWED itself goes one way, but for the softmax classifier's base."""
    order = [
        "_apart",
        "_array",
        "_constraints",
        "_diagnosis",
        "_docstrings",
        "_interrupts",
        "_progress",
        "_quantiles",
        "_uncertainty",
        "_warnings",
        "_weights",
        "_files",
        "_threads",
        "_search_space",
        "_structure",
        "_words",
        "_layer_names",
        "_compiled",
        "_component",
        "_protocols",
        "_descent",
        "_augmenting",
        "autodiff",
        "likelihood",
        "_registry",
        "tables",
        "plugins",
        *sorted(FAMILIES - {"category_encodings", "encodings"}),
        *("category_encodings", "encodings"),  # which are made of layers
        "engine",
        "execution",
    ]
    order += [
        "_estimator",
        "_typing",
        "_slots",
        "_encoding",
        "_validation",
        "_table_input",
        "_scores",
        "_callbacks_adapter",
        "callbacks",
        "model_selection",
        "neural",
        "linear",
        "neighbors",
        "parallel",
        "ensemble",
        "tabular",
    ]
    order += ["_trusted", "_versions", "compile", "inspection", "testing"]
    assert set(order) == set(ALLOWED)
    for owner, allowed in ALLOWED.items():
        before = set(order[: order.index(owner) + 1]) | (BASE if owner in BASE else set())
        assert allowed <= before, f"{owner} may import {sorted(allowed - before)}"


def modules_of(module):
    """The modules of skdl that a module imports, anywhere in it: inside calls, and for type checkers only, too."""
    found = set()
    for name in imports(module):
        while name and name not in MODULES:
            name = name.rpartition(".")[0]
        found.add(name)
    return found - {"", module}


def test_no_module_imports_itself_over_others():
    order = list(TopologicalSorter({module: modules_of(module) for module in MODULES}).static_order())
    assert set(order) == set(MODULES)
    assert order.index("skdl.execution.plan") < order.index("skdl.execution.executor")


def test_a_circle_does_not_pass_unseen(tmp_path, monkeypatch):
    """The reader itself: imports for type checkers, and inside calls, count."""
    texts = {
        "skdl.first": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from skdl.second import a\n",
        "skdl.second": "def later():\n    from skdl import first\n",
    }
    for name, text in texts.items():
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        monkeypatch.setitem(MODULES, name, path)
    with pytest.raises(CycleError):
        list(TopologicalSorter({module: modules_of(module) for module in texts}).static_order())


# The engine computes, in whatever thread or process it is called.
EXECUTES = {"joblib", "threading", "concurrent", "multiprocessing", "skdl._threads"}


@pytest.mark.parametrize("module", [module for module in PARTS if part(module) == "engine"])
def test_the_engine_knows_neither_joblib_nor_threads(module):
    known = {name for name in imports(module) for each in EXECUTES if f"{name}.".startswith(f"{each}.")}
    assert not known


def test_what_processes_are_given_goes_one_way():
    """To workers of joblib by `execution`; estimators of other libraries, which are no networks, by the ensembles."""
    knows = {module for module in MODULES if "joblib.Parallel" in imports(module)}
    assert knows == {"skdl.execution.processes", "skdl.ensemble._fitting"}


@pytest.mark.parametrize("module", [module for module in PARTS if part(module) in {"engine", *FAMILIES}])
def test_engine_and_families_do_not_know_scikit_learn(module):
    assert not [name for name in imports(module) if name.split(".")[0] == "sklearn"]


@pytest.mark.parametrize("module", [module for module in PARTS if part(module) == "engine"])
def test_the_engine_names_no_component(module):
    from skdl._registry import REGISTRIES

    registered = [(name, registry.get(name)) for registry in REGISTRIES.values() for name in registry.names()]
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    identifiers = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    identifiers |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert not identifiers & {cls.__name__ for _, cls in registered}
    assert not words & {name for name, _ in registered}


@pytest.mark.parametrize("module", [module for module in PARTS if part(module) in ("ensemble", "tabular")])
def test_ensembles_know_networks_by_their_protocol(module):
    """`Trainable`, and what it passes on: nothing that is private to the networks."""
    of_networks = {name.split(".")[2] for name in imports(module) if name.startswith("skdl.neural.")}
    assert of_networks <= {
        "trainable",
        "refitting",
        "encoded_data",
        "joint_prediction",
        "mlp_classifier",
        "mlp_regressor",
    }


@pytest.mark.parametrize("module", [module for module in PARTS if part(module) != "testing"])
def test_nothing_imports_testing(module):
    assert not [name for name in imports(module) if name.startswith("skdl.testing")]


@pytest.mark.parametrize("module", [module for module in MODULES if not module.startswith("skdl._validation")])
def test_only_the_border_validates_data(module):
    called = {name for name in imports(module) if name.startswith("sklearn") and name.rpartition(".")[2] in VALIDATORS}
    assert not called


@pytest.mark.parametrize("module", [module for module in MODULES if module != "skdl._callbacks_adapter"])
def test_only_the_adapter_knows_the_callbacks_of_scikit_learn(module):
    assert not [name for name in imports(module) if name.startswith("sklearn.callback")]


@pytest.mark.parametrize("module", MODULES)
def test_nothing_private_of_scikit_learn(module):
    theirs = {name for name in imports(module) if name.split(".")[0] == "sklearn"}
    assert not [name for name in theirs if any(step.startswith("_") for step in name.split("."))]


@pytest.mark.parametrize("module", MODULES)
def test_no_other_array_library_is_imported(module):
    assert not [name for name in imports(module) if name.split(".")[0] in {"torch", "cupy", "jax", "array_api_compat"}]


@pytest.mark.parametrize("module", MODULES)
def test_optional_packages_are_imported_inside_the_call(module):
    optional = {"matplotlib", "rich", "skops", "onnx", "dask", "torch", "polars", "numba", "llvmlite"}
    assert not [name for name in imports(module, top=True) if name.split(".")[0] in optional]


def test_importing_skdl_imports_no_optional_package():
    code = "import sys, skdl, skdl.testing; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "skdl" in loaded
    assert not loaded & {
        "matplotlib",
        "torch",
        "dask",
        "polars",
        "skops",
        "onnx",
        "numba",
        "llvmlite",
    }  # scikit-learn imports rich itself


def test_relative_imports_do_not_pass_unseen(tmp_path, monkeypatch):
    """The reader itself: without this, a relative import could pass every test above."""
    path = tmp_path / "seen.py"
    monkeypatch.setitem(MODULES, "skdl.seen", path)
    path.write_text("import skdl.engine\nfrom skdl.neighbors.metrics.metric import Metric\n", encoding="utf-8")
    assert imports("skdl.seen") == {"skdl.engine", "skdl.neighbors.metrics.metric.Metric"}
    path.write_text("def later():\n    from .engine import State\n", encoding="utf-8")
    with pytest.raises(AssertionError, match=r"skdl\.seen:2: a relative import"):
        imports("skdl.seen")


def test_all_public_modules_are_seen_and_imported_when_asked_for():
    import skdl

    for name in ("autodiff", "inspection", "model_selection", "testing"):
        assert name in dir(skdl)
    assert not [name for name in dir(skdl) if name.startswith("_") and name != "__version__"]
    script = (
        "import sys, skdl; before = set(sys.modules); dir(skdl);"
        "assert not {'skdl.inspection', 'skdl.testing', 'skdl.model_selection', 'sklearn', 'pandas'} & before;"
        "assert skdl.testing.check_component and skdl.model_selection.SearchLedger and skdl.autodiff.Variable;"
        "from skdl import testing, model_selection, autodiff"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
    with pytest.raises(AttributeError, match="module 'skdl' has no attribute 'nothing'"):
        getattr(skdl, "nothing")  # noqa: B009


def test_type_checkers_see_what_is_imported_when_asked_for():
    import skdl

    (block,) = [
        node
        for node in ast.parse(MODULES["skdl"].read_text(encoding="utf-8")).body
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
    ]
    seen = {alias.name: node.module for node in block.body for alias in node.names}
    assert {name for name, module in seen.items() if module == "skdl"} == set(skdl._MODULES)
    assert {name: module for name, module in seen.items() if name in skdl._HOMES} == skdl._HOMES
    assert set(skdl._HOMES) <= set(skdl.__all__)
    for name, home in skdl._HOMES.items():
        assert getattr(skdl, name).__module__ == home


def test_the_backend_is_known_once_skdl_is_imported():
    script = (
        "import joblib, skdl, sys; assert 'skdl.parallel' not in sys.modules;"
        "joblib.parallel_config(backend='skdl', max_stack=2).unregister(); assert 'skdl.parallel' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "SoftmaxClassifier", "LeastSquaresRegressor"])
def test_constructors_and_methods_have_real_types(name):
    import inspect

    import skdl

    cls = getattr(skdl, name)
    functions = [cls, cls.fit, cls.predict, cls.score, cls.partial_fit]
    for function in functions:
        for parameter in inspect.signature(function).parameters.values():
            if parameter.name != "self" and "skdl" in getattr(function, "__module__", ""):
                assert parameter.annotation not in ("Any", inspect.Parameter.empty), (function, parameter)
