"""Exact resume: however a training is cut, by calls, pickles, files or a kill, it ends in the same bits."""

import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import warnings
import zipfile
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest
from plain import PLAIN
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import MLPClassifier, MLPMultitask, MLPRegressor, SoftmaxClassifier
from skdl.callbacks import Checkpoint, EarlyStopping
from skdl.optimizers import Adam

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = make_classification(60, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0)
REALS = make_regression(60, 4, n_targets=2, noise=3.0, random_state=0)[1]
ALL_ON = {
    **PLAIN,
    "hidden_layer_sizes": (7, 5),
    "batch_size": 16,
    "dropout": 0.2,
    "input_dropout": 0.1,
    "normalization": "batch",
    "activation": ["prelu", "tanh"],
    "optimizer": Adam(0.01),
    "schedule": "cosine",
    "alpha": 1e-4,
    "max_iter": 7,
    "random_state": 3,
}
NETWORKS = {
    "classifier": (MLPClassifier(**ALL_ON), Y),
    "regressor": (MLPRegressor(**ALL_ON), REALS),
    "validated": (MLPClassifier(**{**ALL_ON, "early_stopping": True}, n_iter_no_change=50), Y),
    "plateau": (MLPRegressor(**{**ALL_ON, "schedule": "plateau", "optimizer": "nadam"}), REALS[:, 0]),
    "defaults": (MLPClassifier((7, 5), random_state=3), Y),  # a trial, and encoded inputs
    "tasks": (
        MLPMultitask(**ALL_ON),
        np.where(np.arange(len(Y))[:, None] % 3 != [0, 1], np.c_[Y.astype(str).astype(object), REALS[:, 0]], None),
    ),
    "linear": (SoftmaxClassifier(optimizer="nesterov", batch_size=16, max_iter=7, random_state=3), Y),
}


def same(one, other):
    """Equal to the last bit in all that a training consists of, and in what it gives."""
    state, expected = one._training.state, other._training.state
    for name in ("theta", "buffers", "step"):
        np.testing.assert_array_equal(getattr(state, name), getattr(expected, name))
    assert state.optimizer_state.keys() == expected.optimizer_state.keys()
    for name in state.optimizer_state:
        np.testing.assert_array_equal(state.optimizer_state[name], expected.optimizer_state[name])
    assert state.generators[0].bit_generator.state == expected.generators[0].bit_generator.state
    pd.testing.assert_frame_equal(one.history_.drop(columns="seconds"), other.history_.drop(columns="seconds"))
    for coef, wanted in zip(one._coefficients()[0], other._coefficients()[0], strict=True):
        assert coef.dtype == wanted.dtype
        np.testing.assert_array_equal(coef, wanted)
    np.testing.assert_array_equal(one.predict(X), other.predict(X))
    assert one.loss_curve_ == other.loss_curve_
    assert one.validation_scores_ == other.validation_scores_
    assert one.n_iter_ == other.n_iter_


def contents(value):
    """All that a training holds, field by field: one that is added and not written into files is missed here."""
    if is_dataclass(value):
        return {each.name: contents(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return {name: contents(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [contents(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tolist() if value.dtype == object else value.tobytes()
    return value.bit_generator.state if isinstance(value, np.random.Generator) else repr(value)


def stopped(network, y, epoch):
    """The same fit, broken off after some epochs by a callback that writes a checkpoint there."""

    class Stop:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context): ...
        def on_fit_task_end(self, estimator, context):
            return context.task_id + 1 == epoch

    return clone(network).set_callbacks(Stop()).fit(X, y)


class CopyAt:
    """Keeps the checkpoint that is written when some epoch begins, as a kill in that epoch would leave it."""

    def __init__(self, path, epoch):
        self.path, self.epoch = path, epoch

    def setup(self, estimator, context): ...
    def teardown(self, estimator, context): ...
    def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
        if fitted_estimator is not None and fitted_estimator.n_iter_ == self.epoch:
            fitted_estimator.save_checkpoint(self.path)

    def on_fit_task_end(self, estimator, context): ...


@pytest.mark.parametrize("name", NETWORKS)
def test_partial_fits_and_pickles_are_one_fit(name):
    network, y = NETWORKS[name]
    if name in ("validated", "defaults"):
        network = clone(network).set_params(early_stopping=False)  # partial_fit sets no rows apart
    whole = clone(network).fit(X, y)
    steps = clone(network)
    for _ in range(whole.n_iter_):
        steps = pickle.loads(pickle.dumps(steps.partial_fit(X, y)))
    same(steps, whole)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("through", ["memory", "pickle"])
def test_warm_starts_are_one_fit(name, through):
    network, y = NETWORKS[name]
    if name not in ("plateau", "linear"):
        network = clone(network).set_params(schedule="exponential")  # cosine stretches over max_iter
    if name == "defaults":
        network.set_params(early_stopping=False, max_iter=7)  # a trial has its part of the rows, and its own end
    whole = clone(network).fit(X, y)
    warm = clone(network).set_params(max_iter=3, warm_start=True).fit(X, y)
    if through == "pickle":
        warm = pickle.loads(pickle.dumps(warm))
    same(warm.set_params(max_iter=4).fit(X, y), whole)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("epoch", [0, 1, 4])
def test_a_checkpoint_goes_on_to_the_same_end(name, epoch, tmp_path):
    network, y = NETWORKS[name]
    path = tmp_path / "network.npz"
    whole = clone(network).set_callbacks(CopyAt(path, epoch)).fit(X, y)
    resumed = clone(network).set_params(warm_start=True, random_state=network.random_state).load_checkpoint(path)
    assert resumed.n_iter_ == epoch
    same(resumed.fit(X, y), whole)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_loaded_is_what_was_saved(name, tmp_path):
    network, y = NETWORKS[name]
    fitted = clone(network).fit(pd.DataFrame(X, columns=list("abcd")), y)
    fitted.save_checkpoint(tmp_path / "file")
    loaded = clone(network).load_checkpoint(str(tmp_path / "file"))
    assert loaded.feature_names_in_.tolist() == list("abcd")
    assert loaded.feature_names_in_.dtype == object
    assert loaded.n_features_in_ == 4
    assert vars(loaded).keys() == vars(fitted).keys()
    for one in (fitted, loaded):
        one.feature_names_in_ = None
        del one.feature_names_in_
    same(loaded, fitted)
    read, written = (contents(one._training) for one in (loaded, fitted))
    for training in (read, written):
        del training["loaded"], training["state"]["progress"][0]["started"]
    assert read == written
    assert os.listdir(tmp_path) == ["file"]
    assert pd.testing.assert_frame_equal(loaded.history_, fitted.history_) is None
    for network in (loaded, fitted):
        if hasattr(network, "early_stopping"):
            network.set_params(early_stopping=False)  # partial_fit sets no rows apart
    same(loaded.partial_fit(X, y), fitted.partial_fit(X, y))


LABELS = [["x", "yy", "z"], [7, -2, 5], [0.0, 1.0, 2.0], [True, False]]


@pytest.mark.parametrize("labels", [*map(np.array, LABELS), np.array(["x", "yy", "z"], dtype=object)])
def test_labels_come_back(labels, tmp_path):
    y = labels[Y % len(labels)]
    fitted = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, y)
    fitted.save_checkpoint(tmp_path / "file")
    loaded = MLPClassifier((4,), max_iter=2, random_state=0).load_checkpoint(tmp_path / "file")
    assert loaded.classes_.dtype == fitted.classes_.dtype
    assert loaded.classes_.tolist() == fitted.classes_.tolist()
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))


@pytest.mark.parametrize(
    "y", [np.column_stack([Y > 0, Y > 1]).astype(int), np.column_stack([Y, Y % 2]), np.eye(3)[Y] * 0.8 + 0.2 / 3]
)
def test_several_labels_and_probabilities_come_back(y, tmp_path):
    fitted = MLPClassifier((4,), max_iter=2, random_state=0).fit(X, y)
    fitted.save_checkpoint(tmp_path / "file")
    loaded = MLPClassifier((4,), max_iter=2, random_state=0).load_checkpoint(tmp_path / "file")
    found, expected = loaded.predict(X), fitted.predict(X)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    for network in (loaded, fitted):
        if hasattr(network, "early_stopping"):
            network.set_params(early_stopping=False)  # partial_fit sets no rows apart
    same(loaded.partial_fit(X, y), fitted.partial_fit(X, y))


def test_labels_that_are_no_plain_values_are_an_error_before_training(tmp_path):
    """At the first epoch, not after hours."""
    mlp = MLPClassifier((4,), random_state=0).fit(X, Y)
    mlp._training.encoding = type(mlp._training.encoding)(np.array([1, "a", 2.5], dtype=object), False)
    with pytest.raises(ValueError, match=r"no other objects.*Labels can be strings"):
        mlp.save_checkpoint(tmp_path / "file")
    assert os.listdir(tmp_path) == []


def test_without_a_seed_the_same_rows_are_set_apart(tmp_path):
    params = {**ALL_ON, "early_stopping": True, "n_iter_no_change": 50, "random_state": None, "warm_start": True}
    whole = MLPClassifier(**params).set_callbacks(CopyAt(tmp_path / "file", 3)).fit(X, Y)
    same(MLPClassifier(**params).load_checkpoint(tmp_path / "file").fit(X, Y), whole)


# How fits end


def test_a_loaded_fit_goes_on_to_max_iter_in_total(tmp_path):
    params = {**PLAIN, "batch_size": 16, "schedule": "constant", "max_iter": 5, "random_state": 0}
    network = MLPClassifier((4,), **params, warm_start=True)
    network.set_callbacks(Checkpoint(tmp_path / "file")).fit(X, Y)
    again = clone(network).set_callbacks().load_checkpoint(tmp_path / "file")
    assert again.fit(X, Y).n_iter_ == 5  # it had come to its end
    same(again, network)
    assert again.fit(X, Y).n_iter_ == 10  # a fit like any other with warm_start
    longer = clone(network).set_callbacks().set_params(max_iter=8).load_checkpoint(tmp_path / "file").fit(X, Y)
    same(longer, clone(network).set_callbacks().set_params(max_iter=8, warm_start=False).fit(X, Y))


def test_a_loaded_fit_that_had_converged_is_left_as_it_is(tmp_path):
    params = {**PLAIN, "batch_size": 16, "tol": 10.0, "n_iter_no_change": 2, "random_state": 0}
    network = MLPClassifier((4,), **params, warm_start=True)
    for callbacks in ((), (EarlyStopping(patience=1, min_delta=10.0),)):
        fitted = clone(network).set_callbacks(*callbacks, Checkpoint(tmp_path / "file")).fit(X, Y)
        assert fitted.n_iter_ < 5
        resumed = clone(network).set_callbacks(*callbacks).load_checkpoint(tmp_path / "file")
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            same(resumed.fit(X, Y), fitted)


def test_a_fit_that_ran_out_of_time_goes_on(tmp_path):
    params = {**PLAIN, "hidden_layer_sizes": (4,), "batch_size": 16, "max_iter": 4, "random_state": 0}
    whole = MLPClassifier(**params).fit(X, Y)
    for epoch in range(1, 5):
        part = MLPClassifier(**params, max_time=1e-9, warm_start=True).set_callbacks(Checkpoint(tmp_path / "file"))
        if epoch > 1:
            part.load_checkpoint(tmp_path / "file")
        assert part.fit(X, Y).n_iter_ == epoch
    same(part, whole)


@pytest.mark.parametrize("cut", [1, 3, 5])
def test_patience_is_counted_through(cut, tmp_path):
    params = {"hidden_layer_sizes": (4,), "batch_size": 16, "random_state": 0, "tol": 0.05, "n_iter_no_change": 3}
    for more in (PLAIN, {**PLAIN, "early_stopping": True}):
        network = MLPClassifier(**params, **more, optimizer=Adam(0.02), schedule="constant", max_iter=200)
        stopping = EarlyStopping("loss", patience=4, min_delta=0.04)
        whole = clone(network).set_callbacks(stopping, CopyAt(tmp_path / "file", cut)).fit(X, Y)
        assert cut < whole.n_iter_ < 200
        resumed = clone(network).set_params(warm_start=True).set_callbacks(stopping).load_checkpoint(tmp_path / "file")
        same(resumed.fit(X, Y), whole)


def test_without_warm_start_a_fit_starts_anew_and_says_so(tmp_path):
    network = MLPClassifier((4,), max_iter=3, random_state=0)
    fitted = clone(network).fit(X, Y)
    fitted.save_checkpoint(tmp_path / "file")
    with pytest.warns(UserWarning, match="starts anew.*set warm_start=True"):
        again = clone(network).load_checkpoint(tmp_path / "file").fit(X, Y)
    same(again, fitted)


def test_a_full_batch_search_goes_on_to_the_same_minimum(tmp_path):
    softmax = SoftmaxClassifier(alpha=0.1, tol=1e-8)
    whole = clone(softmax).set_callbacks(CopyAt(tmp_path / "file", 4)).fit(X, Y)
    resumed = clone(softmax).set_params(warm_start=True).load_checkpoint(tmp_path / "file")
    assert resumed.n_iter_ == 4
    resumed.fit(X, Y)
    assert resumed.n_iter_ > 4
    np.testing.assert_allclose(resumed.coef_, whole.coef_, atol=1e-6)


def test_every_and_inside_a_pipeline(tmp_path):
    class Counting(Checkpoint):
        written = []

        def on_fit_task_begin(self, estimator, context, *, fitted_estimator=None):
            before = os.stat(self.path).st_mtime_ns if os.path.exists(self.path) else 0
            super().on_fit_task_begin(estimator, context, fitted_estimator=fitted_estimator)
            if os.path.exists(self.path) and os.stat(self.path).st_mtime_ns != before:
                self.written.append(fitted_estimator.n_iter_)

    mlp = MLPClassifier((4,), **PLAIN, max_iter=7, random_state=0).set_callbacks(Counting(tmp_path / "file", every=3))
    pipeline = make_pipeline(StandardScaler(), mlp).fit(X, Y)
    assert Counting.written == [0, 3, 6]
    loaded = MLPClassifier((4,), **PLAIN, max_iter=7, random_state=0).load_checkpoint(tmp_path / "file")
    assert loaded.n_iter_ == 7  # the end is always written
    np.testing.assert_array_equal(loaded.coefs_[0], pipeline[-1].coefs_[0])
    with pytest.raises(TypeError, match="on the network itself, not on Pipeline"):
        make_pipeline(StandardScaler(), MLPClassifier()).set_callbacks(Checkpoint(tmp_path / "file")).fit(X, Y)
    with pytest.raises(FileNotFoundError):
        MLPClassifier().set_callbacks(Checkpoint(tmp_path / "no folder" / "file")).fit(X, Y)


# Files that are not what they should be


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "network.npz"
    MLPClassifier(**ALL_ON).fit(X, Y).save_checkpoint(path)
    return path


def test_damaged_files_are_value_errors(file):
    whole = file.read_bytes()
    network = MLPClassifier(**ALL_ON)
    damaged = [b"", b"hello", whole[: len(whole) // 2], whole[:-20], whole[100:]]
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 60):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        damaged.append(bytes(changed))
    refused = 0
    for content in damaged:
        file.write_bytes(content)
        try:
            clone(network).load_checkpoint(file)  # some bytes of an archive mean nothing, such as dates
        except ValueError as error:
            refused += str(file) in str(error) or "damaged" in str(error)
    assert refused > 50
    with pytest.raises(FileNotFoundError):
        network.load_checkpoint(file.with_name("missing"))
    assert not hasattr(network, "coefs_")


def test_foreign_files_are_value_errors(file):
    network = MLPClassifier(**ALL_ON)
    np.save(file.with_name("a.npy"), np.ones(3))
    np.savez(file.with_name("b.npz"), weights=np.ones(3))
    np.savez(file.with_name("c.npz"), header=np.frombuffer(b'{"a": 1}', np.uint8))
    file.with_name("d.pkl").write_bytes(pickle.dumps(network))
    np.savez(file.with_name("e.npz"), header=np.array([{}], dtype=object))
    with zipfile.ZipFile(file.with_name("f.zip"), "w") as archive:
        archive.writestr("x", "y")
    for name in ("a.npy", "b.npz", "c.npz", "d.pkl", "e.npz", "f.zip"):
        with pytest.raises(ValueError, match="is not a checkpoint of skdl, or is damaged"):
            network.load_checkpoint(file.with_name(name))


def rewritten(path, change):
    """The file with its header changed."""
    with np.load(path) as archive:
        arrays = dict(archive)
    header = json.loads(arrays["header"].tobytes())
    change(header)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with open(path, "wb") as opened:
        np.savez(opened, **arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header.update(version=99), "not a checkpoint that this version"),
        (lambda header: header.update(estimator="MLPRegressor"), "a checkpoint of MLPRegressor, not of MLPClassifier"),
        (lambda header: header["training"]["dict"].pop("theta"), "damaged"),
        (lambda header: header["training"]["dict"]["random numbers"]["dict"].update(kind="os.system"), "damaged"),
        (lambda header: header["training"]["dict"]["encoding"].update(encoding="Path"), "damaged"),
        (lambda header: header.update(training=None), "damaged"),
        (lambda header: header.update(n_features_in_=9), "damaged"),
    ],
)
def test_a_header_that_does_not_fit_is_a_value_error(file, change, message):
    rewritten(file, change)
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**ALL_ON).load_checkpoint(file)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hidden_layer_sizes": (7, 6)}, r"hidden_layer_sizes=\[7, 5\] \(here \[7, 6\]\)"),
        ({"optimizer": "sgd"}, r"optimizer=Adam\(learning_rate=0.01\) \(here SGD\(\)\)"),
        ({"alpha": 1.0}, r"alpha=0.0001 \(here 1.0\)"),
        ({"random_state": 4}, r"random_state=3 \(here 4\)"),
    ],
)
def test_other_parameters_are_a_value_error(file, params, message):
    with pytest.raises(ValueError, match=f"other parameters: {message}.*set_params afterwards"):
        MLPClassifier(**{**ALL_ON, **params}).load_checkpoint(file)


def test_parameters_are_compared_by_what_they_mean(file):
    spelled = {**ALL_ON, "hidden_layer_sizes": np.array([7, 5]), "max_iter": np.int64(9), "schedule": "cosine"}
    MLPClassifier(**{**spelled, "optimizer": Adam(learning_rate=0.01), "verbose": 1}).load_checkpoint(file)


def test_a_file_holds_no_pickle(file):
    with np.load(file, allow_pickle=False) as archive:
        assert all(not archive[name].dtype.hasobject for name in archive.files)


# Killed


SCRIPT = """
    import sys
    from sklearn.datasets import make_classification
    from skdl import MLPClassifier
    from skdl.callbacks import Checkpoint

    class Slow:
        def setup(self, estimator, context): ...
        def teardown(self, estimator, context): ...
        def on_fit_task_begin(self, estimator, context):
            if context.task_name == "epoch":
                print("epoch", flush=True)
                sys.stdin.readline()  # goes on when it is told to
        def on_fit_task_end(self, estimator, context): ...

    X, y = make_classification(60, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1,
                               random_state=0)
    mlp = MLPClassifier((7,), batch_size=16, dropout=0.2, normalization="batch", schedule="cosine", max_iter=200,
                        tol=0.0, n_iter_no_change=200, early_stopping=True, random_state=0)
    mlp.set_callbacks(Checkpoint(sys.argv[1]), Slow()).fit(X, y)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a kill that cannot be caught")
def test_a_killed_process_resumes_to_the_same_bits(tmp_path):
    path = tmp_path / "network.npz"
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    pipe = subprocess.PIPE
    child = subprocess.Popen([sys.executable, str(script), str(path)], stdin=pipe, stdout=pipe, text=True)
    try:
        for _ in range(6):
            assert child.stdout.readline() == "epoch\n"
            print(file=child.stdin, flush=True)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdin.close()
        child.stdout.close()
    assert child.returncode == -signal.SIGKILL
    params = {"batch_size": 16, "dropout": 0.2, "normalization": "batch", "schedule": "cosine", "max_iter": 200}
    params |= {"tol": 0.0, "n_iter_no_change": 200, "early_stopping": True, "random_state": 0}
    resumed = MLPClassifier((7,), **params, warm_start=True).load_checkpoint(path)
    assert resumed.n_iter_ in (5, 6)  # epochs before the last line, and the next one, if it was complete
    same(resumed.fit(X, Y), MLPClassifier((7,), **params).fit(X, Y))
