"""No result depends on whether loops are compiled: every component trains to equal bits in both ways."""

import time
from weakref import WeakSet

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed
from plain import PLAIN
from sklearn.base import clone

from skdl import BaggingClassifier, BaggingRegressor, KNNRegressor, MLPClassifier, MLPRegressor, _descent, penalties
from skdl._compiled import COMPILER, Loop, policy
from skdl._registry import REGISTRIES
from skdl.optimizers import SGD, Adam, minimize

pytestmark = [
    pytest.mark.usefixtures("threads_for_the_smallest"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]
rng = np.random.default_rng(0)
X = rng.normal(size=(45, 12)) * 10.0 ** rng.integers(-2, 3, 12)
CLASSES = rng.integers(0, 3, 45)
REALS = np.abs(np.tanh(X[:, 0]) + X[:, 1]) + 1
TABLE = pd.DataFrame(X).rename(columns=str).assign(kind=pd.Categorical(rng.choice(list("abcd"), 45)))
SMALL = {"hidden_layer_sizes": (8, 8), "batch_size": 16, "max_iter": 3, "random_state": 0, **PLAIN}
OF_CLASSES = {"cross_entropy", "binary_cross_entropy", "brier", "focal", "perceptron"}
IN_LOOPS = {"activations", "normalizations", "optimizers", "penalties"}
SLOTS = {
    "activations": "activation", "augmentations": "augmentation", "category_encodings": "category_encoding",
    "encodings": "encoding", "initializers": "initializer", "layers": "layer", "losses": "loss",
    "normalizations": "normalization", "optimizers": "optimizer", "penalties": "penalty", "schedules": "schedule",
}  # fmt: skip


def arrays_of(network):
    """All that a training has made, of an estimator that was fitted."""
    if hasattr(network, "estimators_"):
        return [array for each in network.estimators_ for array in arrays_of(each)]
    history = [np.asarray(values, float) for name, values in network.history_.items() if name != "seconds"]
    return [*network.coefs_, *network.intercepts_, *history]


def trained(estimator, X, y):
    fitted = clone(estimator).fit(X, y)
    return [*arrays_of(fitted), fitted.predict(X)]


def assert_both_ways_are_equal(evaluate):
    with COMPILER.using("off"):
        by_numpy = evaluate()
    with COMPILER.using("eager"):
        compiled = evaluate()
    assert COMPILER.trouble is None
    assert not COMPILER.failures
    assert len(by_numpy) == len(compiled)
    for a, b in zip(by_numpy, compiled, strict=True):
        assert a.dtype == b.dtype
        assert a.tobytes() == b.tobytes()


def assert_trainings_are_equal(estimator, X, y):
    """Alone, in a stack of three, and in two threads."""
    several = BaggingClassifier if isinstance(estimator, MLPClassifier) else BaggingRegressor

    def evaluate():
        found = trained(estimator, X, y)
        for n_jobs in (1, 2):
            bagging = several(estimator, 3, random_state=0, n_jobs=n_jobs)
            found += trained(bagging, X, y)
        return found

    assert_both_ways_are_equal(evaluate)


def component(family, name):
    if name == "tied":
        return penalties.Tied(columns=[[0, 1]])
    if name == "sum":
        return penalties.Sum([penalties.L2(), penalties.ElasticNet()], [1.0, 0.5])
    return name


@pytest.mark.parametrize(
    ("family", "name", "dtype"),
    [
        (family, name, dtype)
        for family, registry in REGISTRIES.items()
        for name in registry.names()
        for dtype in ("float32", "float64")
        if registry.get(name) in registry.built_in() and (dtype == "float32" or family in IN_LOOPS)
    ],
)
def test_components(family, name, dtype):
    changes = {SLOTS[family]: component(family, name), "dtype": dtype}
    if family == "penalties":
        changes["alpha"] = 0.01
    if name == "lbfgs":
        changes["batch_size"] = "auto"
    if family == "augmentations":
        changes["image_shape"] = (3, 4)
    estimator, y = MLPRegressor(**SMALL).set_params(**changes), REALS
    if name in OF_CLASSES:
        estimator, y = MLPClassifier(**SMALL).set_params(**changes), CLASSES > 0
    assert_trainings_are_equal(estimator, TABLE if family == "category_encodings" else X, y)


SETTINGS = {
    "clip norm": {"optimizer": Adam(0.01, clip_norm=0.1)},
    "clip value": {"optimizer": Adam(0.01, clip_value=0.01)},
    "both limits": {"optimizer": SGD(0.1, clip_norm=0.5, clip_value=0.05), "penalty": "elastic_net"},
    "decay": {"optimizer": "adamw", "weight_decay_schedule": "cosine", "weight_decay_factors": {"weight": 0.5}},
    "rates": {"learning_rate_factors": {"bias": 2.0, "weight": 0.3}},
    "one row a batch": {"batch_size": 1, "max_iter": 1},
    "dropout": {"dropout": 0.3, "input_dropout": 0.1, "normalization": "batch"},
    "dropout before": {"dropout": 0.3, "activation": ["relu", "tanh"], "normalization": ["layer", None]},
    "of its default": {"early_stopping": "auto", "encoding": "auto", "max_iter": 5},
    "a limit of each weight": {"penalty": "max_norm", "alpha": 0.1, "optimizer": "nesterov"},
    "raw": {"standardize": False},
    "deep": {"hidden_layer_sizes": 6, "depth": 2, "layer": "residual", "activation": "leaky_relu"},
}


@pytest.mark.parametrize("changes", SETTINGS.values(), ids=SETTINGS)
def test_settings(changes):
    estimator = MLPRegressor(**SMALL).set_params(**changes)
    assert_trainings_are_equal(estimator, X, np.stack([REALS, X[:, 0]], axis=1))


def test_a_prior_and_weights_of_rows():
    base = MLPRegressor(**SMALL).fit(X, REALS)
    prior = MLPRegressor(**SMALL, init=base, prior=base.coefs_, alpha=0.1)
    weights = np.linspace(0, 2, len(X))

    def evaluate():
        fitted = clone(prior).fit(X, REALS, sample_weight=weights)
        return arrays_of(fitted.partial_fit(X[:20], REALS[:20]))

    assert_both_ways_are_equal(evaluate)


@pytest.mark.parametrize("name", [name for name in REGISTRIES["optimizers"].names() if name != "lbfgs"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_descents(name, dtype):
    start = np.array([3.0, -1e-3, 0.0, 1e10], dtype)

    def evaluate():
        return [minimize(lambda x: (x**4 / 4 - x).sum(), start, optimizer=name, n_steps=20).points]

    assert_both_ways_are_equal(evaluate)


def test_neighbours():
    def evaluate():
        return [KNNRegressor(3, metric=metric).fit(X, REALS).predict(X + 0.1) for metric in ("euclidean", "manhattan")]

    assert_both_ways_are_equal(evaluate)


def bits_of_a_training(way):
    from skdl._compiled import COMPILER

    with COMPILER.using(way):
        return [array.tobytes() for array in arrays_of(MLPRegressor(**SMALL).fit(X, REALS))]


def test_processes_of_joblib():
    by_numpy, compiled = Parallel(n_jobs=2)(delayed(bits_of_a_training)(way) for way in ("off", "eager"))
    assert by_numpy == compiled == bits_of_a_training("off")


class Waiting:
    """Waits, at the end of the second epoch, until all loops that are missing were compiled."""

    def __init__(self, store):
        self.store, self.epoch = store, 0

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context, **given): ...

    def on_fit_task_end(self, estimator, context, **given):
        if context.task_name == "epoch":
            self.epoch += 1
        if self.epoch == 2:
            for _ in range(6000):
                if not COMPILER.wanted or not list(self.store.glob("loops/*/*.claim")):
                    return
                time.sleep(0.02)
            raise AssertionError("nothing was compiled")


def test_a_long_training_takes_up_in_its_middle_what_another_process_compiled(tmp_path, monkeypatch):
    estimator = MLPRegressor(**SMALL).set_params(max_iter=4, batch_size=4)
    with COMPILER.using("off"):
        expected = trained(estimator, X, REALS)
    for name in ("PAYS_TO_LOAD", "PAYS_AHEAD", "PAYS_AFTER_PIECES", "PAYS_TO_COMPILE", "LOOK_AGAIN"):
        monkeypatch.setattr(policy, name, 0.0)
    monkeypatch.setenv("SKDL_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(COMPILER, "store", None)
    monkeypatch.setattr(COMPILER, "way", "auto")
    monkeypatch.setattr(COMPILER, "wanted", WeakSet())
    _descent._loop.cache_clear()
    callback = Waiting(tmp_path)
    waiting = estimator.set_callbacks(callback)
    epochs = []  # that were complete when a loop was exchanged
    exchange = Loop.exchange

    def noted(loop, compiled):
        epochs.append(callback.epoch)
        exchange(loop, compiled)

    monkeypatch.setattr(Loop, "exchange", noted)
    found = trained(waiting, X, REALS)
    assert epochs
    assert set(epochs) <= {2, 3}  # the first two were NumPy's
    assert not COMPILER.wanted
    assert len(expected) == len(found)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(expected, found, strict=True))


def fallback(*arguments):
    raise AssertionError("a loop that is compiled ran by NumPy")


@pytest.mark.parametrize("changes", [{}, {"normalization": "batch", "dropout": 0.2}, {"encoding": "piecewise"}])
def test_no_loop_of_a_training_is_left_to_numpy(changes, monkeypatch):
    """Equal bits would hide arrays that do not lie in memory as a loop takes them, in stacks above all."""
    network = MLPClassifier(**SMALL).set_params(**changes)
    estimators = [network, BaggingClassifier(network, n_estimators=3, n_jobs=1, random_state=0)]
    with COMPILER.using("eager"):
        for estimator in estimators:
            trained(estimator, X, CLASSES)
        with monkeypatch.context() as patched:  # undone before loops go back to what they have for NumPy's way
            for loop in list(COMPILER.loops):
                if loop.compiled is not None:
                    patched.setattr(loop, "by_numpy", fallback)
            for estimator in estimators:
                trained(estimator, X, CLASSES)
