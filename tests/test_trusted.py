"""Files without pickle (skops): all that is fitted comes back, and no file runs code, whatever it says."""

import contextlib
import importlib
import io
import json
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import cloudpickle
import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.datasets import make_classification
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

import skdl
from skdl import activations, losses
from skdl._registry import REGISTRIES, register
from skdl.activations import Tanh
from skdl.callbacks import Checkpoint, EarlyStopping, TimeBudget

skops = pytest.importorskip("skops.io")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, LABELS = make_classification(
    60, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
)
REALS = X @ [1.0, -2.0, 0.5, 0.0] + 3
FAST = {"max_iter": 2, "random_state": 0}


def networks(**params):
    return skdl.MLPClassifier(**{"hidden_layer_sizes": (4,), **FAST, **params})


def softsign(x):
    return x / (1 + np.abs(x))


def squared(scores, targets):
    return ((scores - targets) ** 2).sum(axis=-1)


BINARY, PLACES = (LABELS > 0).astype(int), np.round(X * 2)
ESTIMATORS = {
    "mlp": (networks(), LABELS),
    "two classes": (networks(), np.array(["no", "yes"], dtype=object)[BINARY]),
    "indicator": (networks(), np.column_stack([BINARY, LABELS > 1]).astype(int)),
    "columns": (networks(), np.column_stack([LABELS, BINARY]).astype(str)),
    "probabilities": (networks(), np.eye(3)[LABELS] * 0.8 + 0.2 / 3),
    "callbacks": (networks().set_callbacks(EarlyStopping(), TimeBudget(100)), LABELS),
    "early stopping": (networks(early_stopping=True, dtype="float32", dropout=0.1), LABELS),
    "activity": (networks(penalty="activity_l1", alpha=0.1), LABELS),
    "layers": (networks(hidden_layer_sizes=(4, 3), activation=["prelu", Tanh()], normalization="batch"), LABELS),
    "regressor": (skdl.MLPRegressor((4,), **FAST), REALS),
    "several": (skdl.MLPRegressor((4,), **FAST), np.column_stack([REALS, X[:, 0]])),
    "lbfgs": (skdl.MLPRegressor((4,), optimizer="lbfgs", **FAST), REALS),
    "tasks": (skdl.MLPMultitask((4,), tasks={0: "classification"}, **FAST), np.column_stack([LABELS, REALS])),
    "softmax": (skdl.SoftmaxClassifier(), LABELS),
    "softmax l1": (skdl.SoftmaxClassifier(penalty="l1", alpha=0.01), LABELS),
    "least squares": (skdl.LeastSquaresRegressor(), REALS),
    "ridge": (skdl.LeastSquaresRegressor(alpha=0.1), REALS),
    "least squares by adam": (skdl.LeastSquaresRegressor(solver="adam", max_iter=2), REALS),
    "polynomial": (skdl.PolynomialRegressor(2), REALS),
    "knn": (skdl.KNNClassifier(), LABELS),
    "knn brute": (skdl.KNNClassifier(algorithm="brute", weights="distance"), LABELS),
    "knn tree": (skdl.KNNClassifier(algorithm="kd_tree"), LABELS),
    "knn projection": (skdl.KNNClassifier(algorithm="projection"), LABELS),
    "knn manhattan": (skdl.KNNRegressor(metric="manhattan"), REALS),
    "knn cosine": (skdl.KNNRegressor(metric="cosine"), REALS),
    "knn of whole numbers": (
        make_pipeline(KBinsDiscretizer(4, encode="ordinal"), skdl.KNNClassifier(algorithm="brute")), LABELS
    ),
    "knn of whole sums": (make_pipeline(
        KBinsDiscretizer(4, encode="ordinal"), skdl.KNNRegressor(metric="manhattan", algorithm="brute")), REALS
    ),
    "knn steep": (skdl.KNNRegressor(metric="minkowski", p=100), REALS),
    "knn of a table": (skdl.KNNRegressor(metric="mahalanobis", metric_params={"VI": np.eye(4)}), REALS),
    "knn with gaps": (skdl.KNNRegressor(metric="nan_euclidean"), REALS),
    "pipeline": (make_pipeline(StandardScaler(), networks()), LABELS),
    "bagging": (skdl.BaggingClassifier(networks(), n_estimators=2, random_state=0), LABELS),
    "bagging of neighbours": (skdl.BaggingRegressor(skdl.KNNRegressor(), n_estimators=2, random_state=0), REALS),
    "bagging of pipelines": (skdl.BaggingClassifier(make_pipeline(StandardScaler(), skdl.SoftmaxClassifier()),
                                                    n_estimators=2, random_state=0), LABELS),
    "ensemble": (skdl.EnsembleClassifier([("a", networks()), ("b", skdl.SoftmaxClassifier())]), LABELS),
    "ensemble of regressors": (
        skdl.EnsembleRegressor([("a", skdl.KNNRegressor()), ("b", skdl.LeastSquaresRegressor())]), REALS
    ),
    "snapshots": (skdl.SnapshotEnsembleClassifier(networks(max_iter=4)), LABELS),
    "snapshots of regressors": (
        skdl.SnapshotEnsembleRegressor(skdl.MLPRegressor((4,), max_iter=4, random_state=0)), REALS
    ),
    "committee": (skdl.TabularClassifier([{"max_iter": 2}], cv=2, random_state=0), LABELS),
    "committee of regressors": (
        skdl.TabularRegressor([{"max_iter": 2}], members=[("knn", skdl.KNNRegressor())], cv=2, random_state=0), REALS
    ),
}  # fmt: skip
IN_SLOTS = [
    (slot, name)
    for slot, registry in (
        ("activation", skdl.activations),
        ("initializer", skdl.initializers),
        ("normalization", skdl.normalizations),
        ("optimizer", skdl.optimizers),
        ("penalty", skdl.penalties),
        ("schedule", skdl.schedules),
    )
    for name in registry.names()
]


def loaded(estimator, *more):
    return skops.loads(skops.dumps(estimator), trusted=[*skdl.trusted_types(), *more])


def same_answers(one, other):
    method = "predict_proba" if is_classifier(other) else "predict"
    answers = [getattr(each, method)(X) for each in (one, other)]
    for found, expected in zip(*(each if isinstance(each, list) else [each] for each in answers), strict=True):
        np.testing.assert_array_equal(found, expected)
    predicted, expected = one.predict(X), other.predict(X)
    assert predicted.dtype == expected.dtype
    np.testing.assert_array_equal(predicted, expected)


@pytest.fixture(scope="module")
def fitted():
    return {name: clone(estimator).fit(X, y) for name, (estimator, y) in ESTIMATORS.items()}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_comes_back(name, fitted):
    again = loaded(fitted[name])
    same_answers(again, fitted[name])
    last = getattr(fitted[name], "steps", [(name, fitted[name])])[-1][1]
    if isinstance(last, skdl.KNNClassifier | skdl.KNNRegressor):
        assert last.algorithm_  # asking for it prepares the search for many queries, which is loaded too
        same_answers(loaded(fitted[name]), fitted[name])
    assert again.get_params().keys() == fitted[name].get_params().keys()
    if hasattr(again, "partial_fit") and not name.startswith("knn"):
        y, whole = ESTIMATORS[name][1], pickle.loads(pickle.dumps(fitted[name]))
        for each in (again, whole):
            if name == "early stopping":
                each.set_params(early_stopping=False)
            each.partial_fit(X, y)
        same_answers(again, whole)


@pytest.mark.parametrize(("slot", "name"), IN_SLOTS)
def test_every_component_comes_back(slot, name):
    registry = REGISTRIES[f"{slot}s" if slot != "penalty" else "penalties"]
    for value in (name, registry.resolve(name)):
        unfitted = skdl.MLPRegressor((4,), **{slot: value})
        assert repr(loaded(unfitted)) == repr(unfitted)
    network = skdl.MLPRegressor((4,), **{slot: name}, **FAST)
    try:
        network.fit(X, REALS)
    except ValueError:  # components that do not go together
        return
    same_answers(loaded(network), network)


def test_functions_of_ones_own_are_trusted_by_name():
    activation, loss = activations.from_function(softsign), losses.from_function(squared, task="regression")
    network = skdl.MLPRegressor((4,), activation=activation, loss=loss, **FAST).fit(X, REALS)
    mine = [f"{__name__}.softsign", f"{__name__}.squared"]
    assert set(skops.get_untrusted_types(data=skops.dumps(network))) - set(skdl.trusted_types()) == set(mine)
    same_answers(loaded(network, *mine), network)


def test_a_callback_that_writes_files_is_not_trusted(tmp_path):
    """Or a file would choose the path that the next fit overwrites."""
    network = networks().set_callbacks(Checkpoint(tmp_path / "file")).fit(X, LABELS)
    with pytest.raises(skops.exceptions.UntrustedTypesFoundException, match="Checkpoint"):
        loaded(network)


# Plug-ins


class Halved(Tanh):
    """A plug-in of this module."""


@pytest.fixture
def plug_ins():
    """A plug-in that goes by its path, and one that goes by value."""

    class Local(Tanh):
        """A plug-in of a notebook."""

    registry = REGISTRIES["activations"]
    kept = dict(registry._classes), dict(registry._plug_ins)
    register("halved")(Halved)
    register("local")(Local)
    yield Local
    registry._classes, registry._plug_ins = kept


@pytest.mark.parametrize("name", ESTIMATORS)
def test_plug_ins_that_are_registered_change_no_file(name, fitted, plug_ins):
    before = skops.get_untrusted_types(data=skops.dumps(ESTIMATORS[name][0]))
    content = skops.dumps(fitted[name])
    assert b"halved" not in content
    assert not any(entry.endswith(".bin") for entry in zipfile.ZipFile(io.BytesIO(content)).namelist())
    same_answers(skops.loads(content, trusted=skdl.trusted_types()), fitted[name])
    assert set(before) <= set(skdl.trusted_types())


def test_a_plug_in_is_loaded_where_its_class_is_trusted(plug_ins):
    network = networks(activation="halved").fit(X, LABELS)
    with pytest.raises(skops.exceptions.UntrustedTypesFoundException, match="Halved"):
        loaded(network)
    same_answers(loaded(network, Halved), network)


def test_plug_ins_still_travel_in_pickles(plug_ins):
    registry = REGISTRIES["activations"]
    for dumps in (pickle.dumps, cloudpickle.dumps):
        content = dumps(networks())
        for name in ("halved", "local"):
            registry._classes.pop(name, None)
            registry._plug_ins.pop(name, None)
        pickle.loads(content)
        assert registry.get("halved") is Halved
        assert registry.get("local") is plug_ins


# Hostile files


def edited(content, change):
    """A skops file with its description changed; what `change` returns, if anything, is the new one."""
    source = zipfile.ZipFile(io.BytesIO(content))
    schema = json.loads(source.read("schema.json"))
    top = {key: schema[key] for key in ("protocol", "_skops_version")}
    schema = change(schema) or schema
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("payload.bin", pickle.dumps(Payload()))
        for name in source.namelist():
            if name != "schema.json":
                archive.writestr(name, source.read(name))
        archive.writestr("schema.json", json.dumps({**schema, **top}))
    return buffer.getvalue()


RAN = []


def run():
    RAN.append(True)
    return Tanh


class Payload:
    def __reduce__(self):
        return run, ()


def text(value):
    return names("builtins.str", "JsonNode", content=json.dumps(value))


def mapping(**content):
    of_keys = sequence(*[names("builtins.str", "TypeNode")] * len(content), kind="list")
    return {**names("builtins.dict", "DictNode"), "content": content, "key_types": of_keys}


def sequence(*content, kind="tuple"):
    return names(f"builtins.{kind}", f"{kind.title()}Node", content=list(content))


def names(path, loader, **content):
    module, _, name = path.rpartition(".")
    return {"__class__": name, "__module__": module, "__loader__": loader, **content}


PAYLOAD = names("builtins.bytes", "BytesNode", file="payload.bin")
NOTHING = sequence()


def put(**attributes):
    """A change of a file that gives the estimator more attributes."""

    def change(schema):
        state = schema["content"]
        for name, value in attributes.items():
            state["content"][name] = value
        state["key_types"]["content"] = [names("builtins.str", "TypeNode")] * len(state["content"])

    return change


def test_bytes_that_come_with_an_estimator_are_never_unpickled():
    """The state had references to plug-ins, and `fit` unpickled their bytes.

    What a file cannot have, a dict with pairs as keys, it makes up: an object whose `items` gives such pairs.
    """
    tanh = "skdl.activations._sigmoids.Tanh"
    item = sequence(sequence(text("activations"), text("mine")), PAYLOAD)
    partial = {"func": names("builtins.list", "TypeNode"), "args": sequence(sequence(item)), "kwds": mapping(),
               "namespace": mapping()}  # fmt: skip
    references = names(tanh, "ObjectNode", content=mapping(items=names(tanh, "PartialNode", content=partial)))
    pairs = mapping(mine=PAYLOAD)
    for attributes in (
        {"_plug_in_references": references},
        {"_plug_ins": pairs, "_classes": pairs},
        {"_slots": mapping(activation=pairs)},
    ):
        content = edited(skops.dumps(networks(activation="mine")), put(**attributes))
        RAN.clear()
        for use in (
            lambda network: network.fit(X, LABELS),
            lambda network: network.get_params(),
            repr,
            clone,
            lambda network: network.set_params(activation__alpha=3),
        ):
            with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError):
                use(skops.loads(content, trusted=skdl.trusted_types()))
        assert not RAN
    assert not any("mine" in registry.names() for registry in REGISTRIES.values())


def resolved(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def everything_in(package):
    """Dotted names of all that the modules of a package have, imported things included."""
    modules = [
        name for name in sys.modules if name.partition(".")[0] == package and not name.startswith("skdl.testing")
    ]
    return {f"{module}.{name}" for module in modules for name in vars(sys.modules[module])}


def as_unsafe(content):
    return set(skops.get_untrusted_types(data=content)) - set(skdl.trusted_types())


@pytest.mark.parametrize(
    "loader",
    ["ConstructorFromReduceNode", "FunctionNode", "TypeNode", "ObjectNode", "PartialNode", "LossNode", "ListNode"],
)
def test_nothing_else_in_this_package_is_trusted(loader):
    """A prefix would be: `skdl._threads` has `ThreadPoolExecutor`, others have functions that write files."""
    every, trusted = everything_in("skdl"), set(skdl.trusted_types())
    assert len(every) > 1000
    assert any(name.endswith(".ThreadPoolExecutor") for name in every)
    partial = {"func": names("builtins.str", "TypeNode"), "args": NOTHING, "kwds": mapping(), "namespace": mapping()}
    content = {"PartialNode": partial, "ListNode": []}.get(loader, NOTHING)
    nodes = [
        names(name, loader, content=content, __reduce__={"args": NOTHING}) for name in sorted(every - trusted)
    ]  # fmt: skip
    found = as_unsafe(edited(skops.dumps([]), lambda schema: sequence(*nodes)))
    assert found >= every - trusted


def test_what_is_trusted_are_classes_under_their_own_names():
    for name in skdl.trusted_types():
        cls = resolved(name)
        assert isinstance(cls, type)
        assert f"{cls.__module__}.{cls.__qualname__}" == name
    assert "numpy.dtype" not in skdl.trusted_types()  # its `__setstate__` has NumPy take numbers for addresses


def audited(seed, n_files):
    command = [sys.executable, str(Path(__file__).with_name("hostile_files.py")), str(seed), str(n_files)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_indices_that_leave_a_sparse_matrix_are_refused():
    """Neighbours of sparse rows, and sparse coefficients: scipy would read and write beside the matrix."""
    rows = sparse.csr_array(np.where(X > 0.5, X, 0))
    knn = skdl.KNNClassifier(algorithm="brute").fit(rows, LABELS)
    softmax = skdl.SoftmaxClassifier().fit(X, LABELS).sparsify()
    for fitted, held in ((knn, knn._rows.X), (softmax, softmax.coef_)):
        trusted = [*skdl.trusted_types(), "scipy.sparse._csr.csr_array"]
        whole = skops.dumps(fitted)
        np.testing.assert_array_equal(skops.loads(whole, trusted=trusted).predict(rows), fitted.predict(rows))
        held.indices[-1] = 1000
        content = skops.dumps(fitted)
        with pytest.raises(ValueError, match="indices must be < 4"):
            skops.loads(content, trusted=trusted)
        content = pickle.dumps(fitted)
        with pytest.raises(ValueError, match="indices must be < 4"):
            pickle.loads(content)


def test_the_matrix_of_a_metric_has_the_size_of_the_rows():
    knn = skdl.KNNClassifier(metric="mahalanobis", metric_params={"VI": np.eye(4)}).fit(X, LABELS)
    knn._rows.search.metric.parameters["VI"] = np.ones((1, 1))
    with pytest.raises(ValueError, match=r"VI must have the shape \(4, 4\)"):
        loaded(knn).predict(X)


def test_no_file_makes_python_do_anything_else():
    """Valid files with parts exchanged and attributes added, loaded and used under the eyes of Python's audit hooks."""
    n_loaded, n_ran, happened = audited(0, 200)
    assert happened == []
    assert n_ran == 0
    assert n_loaded > 100
