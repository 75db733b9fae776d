"""Checkpoints that are damaged or made up, and writes that fail: a whole state, or an error that says so."""

import copy
import io
import json
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import textwrap
import tracemalloc
import zipfile

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification

from skdl import MLPClassifier, MLPMultitask, MLPRegressor, SoftmaxClassifier, _files
from skdl._files import replacing
from skdl.callbacks import Checkpoint
from skdl.engine.state import Progress
from skdl.neural._restoring import FIELDS

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:This fit starts anew"),
]
X, Y = make_classification(60, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0)
SMALL = {"hidden_layer_sizes": (2,), "max_iter": 2, "batch_size": 16, "random_state": 3}
NETWORKS = {
    "labels": (
        MLPClassifier(**SMALL, early_stopping=True, normalization="batch", activation="prelu"),
        np.array(["x", "yy", "z"], dtype=object)[Y],
    ),
    "indicator": (MLPClassifier(**SMALL), np.column_stack([Y > 0, Y > 1]).astype(int)),
    "columns": (MLPClassifier(**SMALL), np.column_stack([Y, Y % 2]).astype(str)),
    "reals": (MLPRegressor(**SMALL, schedule="plateau"), X[:, :2] @ [[1.0, 2.0], [0.5, -1.0]]),
    "refit": (MLPRegressor(**SMALL, early_stopping="refit"), X[:, :2] @ [[1.0, 2.0], [0.5, -1.0]]),
    "tasks": (MLPMultitask(**SMALL), np.c_[Y.astype(object), X[:, 0] - X[:, 1]]),
    "softmax": (SoftmaxClassifier(max_iter=3), Y),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.npz"


@pytest.fixture
def saved(path):
    """A network and its checkpoint."""
    network = MLPClassifier(**SMALL).fit(X, Y)
    network.save_checkpoint(path)
    return network


def parts(path):
    with np.load(path) as archive:
        arrays = dict(archive)
    return json.loads(arrays.pop("header").tobytes()), arrays


def put(path, header, arrays, **more):
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with open(path, "wb") as file:
        np.savez(file, **{"header": text, **arrays, **more})


def refused(network, path, match="damaged"):
    """The file is refused, and the network stays as it is."""
    before = dict(vars(network))
    with pytest.raises(ValueError, match=match) as caught:
        network.load_checkpoint(path)
    assert str(path) in str(caught.value)
    assert vars(network) == before


# What is read


VALUES = [
    None, True, -1, 0, 1, 3, 2**53 + 1, 10**30, -2.5, 0.5, 1e300, float("inf"), float("nan"), "", "x", "<U5", "adam",
    [], [1], {}, {"array": "array_0"}, {"array": "array_99"}, {"tuple": []}, {"dict": {"a": 1}}, {"strings": ["a"]},
    {"strings": [1]}, {"encoding": "Labels", "fields": {}}, {"dtype": "<f8"}, [[[[]]]],
]  # fmt: skip


def places(node, path=()):
    """Where everything in a header is; the parameters are compared as a whole."""
    yield path
    if path != ("parameters",):
        for key, value in node.items() if isinstance(node, dict) else enumerate(node if isinstance(node, list) else []):
            yield from places(value, (*path, key))


def changed(header, path, rng):
    """One entry is another, or gone, or there twice."""
    header = copy.deepcopy(header)
    *way, key = path
    node = header
    for step in way:
        node = node[step]
    how = rng.choice(["set", "set", "set", "remove", "more", "turn"])
    value = node[key]
    if how == "set":
        node[key] = copy.deepcopy(rng.choice(VALUES))
    elif how == "remove":
        del node[key]
    elif how == "more" and isinstance(node, list):
        node.append(value)
    elif how == "more":
        node[f"{key}x"] = value
    elif isinstance(value, (bool, int, float)):
        node[key] = not value if isinstance(value, bool) else -value
    elif isinstance(value, (str, list)):
        node[key] = value[::-1]
    return header


@pytest.mark.parametrize("name", NETWORKS)
def test_a_changed_header_is_a_valid_state_or_damaged(name, path):
    network, y = NETWORKS[name]
    network = clone(network).fit(X, y)
    network.save_checkpoint(path)
    header, arrays = parts(path)
    rng, n_refused, n_loaded = random.Random(name), 0, 0
    for place in [place for place in places(header) if place]:
        again = changed(header, place, rng)
        if json.dumps(again) == json.dumps(header):
            continue
        put(path, again, arrays)
        loaded = clone(network).set_params(warm_start=True)
        message = refusal(loaded, path)
        if message is not None:
            assert str(path) in message, (place, message)
            assert not hasattr(loaded, "_training")
            n_refused += 1
            continue
        n_loaded += 1
        of_its_labels = name in ("labels", "softmax")
        used(loaded, loaded.classes_[Y % len(loaded.classes_)] if of_its_labels else y)
    assert n_refused > 40
    assert n_loaded < n_refused / 8


def refusal(network, path):
    """What the ValueError says that a file is refused with, None for a file that is loaded; others are raised."""
    try:
        network.load_checkpoint(path)
    except ValueError as error:
        return str(error)
    return None


def used(network, y):
    """Nothing that is done with a loaded network fails later."""
    network.predict(X)
    assert len(network.history_) == network.n_iter_
    copy.deepcopy(network).fit(X, y)
    if hasattr(network, "partial_fit"):
        incremental = copy.deepcopy(network)
        if hasattr(network, "early_stopping"):
            incremental.set_params(early_stopping=False)  # partial_fit sets no rows apart
        incremental.partial_fit(X, y)
    network.set_params(max_iter=4).fit(X, y)


def test_every_field_of_the_progress_is_checked():
    arrays = {"best_theta", "best_buffers", "exact_buffers", "factors"}
    assert FIELDS.keys() | arrays | {"history", "trial", "started"} == vars(Progress()).keys()


@pytest.mark.parametrize("name", NETWORKS)
def test_arrays_that_cannot_be_are_damaged(name, path):
    network, y = NETWORKS[name]
    network = clone(network).fit(X, y)
    network.save_checkpoint(path)
    header, arrays = parts(path)
    for key, array in arrays.items():
        flat = array.reshape(-1)
        others = [array[..., None], flat[:-1], np.append(flat, flat[:1]), array.astype("S"), array.astype("V4")]
        others += [array.astype(complex), np.zeros(array.shape, [("a", "f8")])]
        if array.dtype.kind == "f":
            others += [array.astype(np.float32 if array.dtype == np.float64 else np.float64)]
        for other in others if array.size else others[:1]:
            put(path, header, {**arrays, key: other})
            refused(clone(network), path)
        put(path, header, {**arrays, key: array.astype(array.dtype.newbyteorder())})  # of another machine
        np.testing.assert_array_equal(clone(network).load_checkpoint(path).predict(X), network.predict(X))
    put(path, header, {name: array for name, array in arrays.items() if name != "array_0"})
    refused(clone(network), path)
    put(path, header, arrays, array_99=np.zeros(3))
    refused(clone(network), path, "it holds more than a training has")
    bad = arrays["array_0"].copy()
    bad.reshape(-1)[0] = np.nan
    put(path, header, {**arrays, "array_0": bad})
    refused(clone(network), path, "not finite")


def rezipped(path, compression=zipfile.ZIP_STORED, more=()):
    with zipfile.ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in [*members, *more]:
            archive.writestr(name, content)


def as_npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def test_other_archives_are_damaged(saved, path):
    whole = path.read_bytes()
    rezipped(path)
    MLPClassifier(**SMALL).load_checkpoint(path)
    for options, message in (
        ({"compression": zipfile.ZIP_DEFLATED}, "compressed"),
        ({"more": [("../../evil.npy", b"x")]}, "do not belong there"),
        ({"more": [("array_01.npy", as_npy(np.ones(1)))]}, "do not belong there"),
        ({"more": [("array_50.npy", as_npy(np.array([{}, os.getcwd], dtype=object)))]}, "type object"),
        ({"more": [("array_50.npy", b"not an array")]}, "damaged"),
        ({"more": [("array_50.npy", as_npy(np.ones(9))[:-8])]}, r"shape \(9,\) in"),
    ):
        path.write_bytes(whole)
        rezipped(path, **options)
        refused(MLPClassifier(**SMALL), path, message)
    path.write_bytes(whole)
    with pytest.warns(UserWarning, match="Duplicate name"):
        rezipped(path, more=[("header.npy", as_npy(np.frombuffer(b"{}", np.uint8)))])
    refused(MLPClassifier(**SMALL), path, "a part twice")
    header, arrays = parts(io.BytesIO(whole))
    for text in (b"[" * 100_000, b"\xff\xfe", b"[]", b"1", json.dumps(header).encode()[:-1] + b', "version": 2}'):
        put(path, header, {})
        with open(path, "wb") as file:
            np.savez(file, **arrays, header=np.frombuffer(text, np.uint8))
        refused(MLPClassifier(**SMALL), path)


def test_a_file_takes_no_more_memory_than_its_network(saved, path):
    """Neither what is compressed is unpacked, nor what is larger than it can be read."""
    whole = path.read_bytes()
    header, arrays = parts(path)
    bombs = {}
    rezipped(path, zipfile.ZIP_DEFLATED, [("array_50.npy", as_npy(np.zeros(5_000_000)))])
    bombs["compressed"] = path.read_bytes()
    put(path, header, {**arrays, "array_0": np.zeros((1, 5_000_000), np.float32)})
    bombs["large"] = path.read_bytes()
    shape = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1, %d), }" % 10**15
    claim = b"\x93NUMPY\x01\x00" + (len(shape) + 1).to_bytes(2, "little") + shape + b"\n"
    path.write_bytes(whole)
    rezipped(path, more=[("array_50.npy", claim + b"x" * 100)])
    bombs["claimed"] = path.read_bytes()
    for content in bombs.values():
        path.write_bytes(content)
        tracemalloc.start()
        try:
            refused(MLPClassifier(**SMALL), path)
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
        finally:
            tracemalloc.stop()


def test_a_number_of_features_that_nobody_has(saved, path):
    header, arrays = parts(path)
    for number in (10**9, 2**53, True, -4, 4.0, "4", None):
        put(path, {**header, "n_features_in_": number}, arrays)
        refused(MLPClassifier(**SMALL), path)


def test_parameters_that_were_changed_after_the_training_are_told_at_once(saved, path):
    """Not when the file is read, which may be after the training is gone."""
    before = path.read_bytes()
    for params in ({"hidden_layer_sizes": (3,)}, {"normalization": "batch"}, {"standardize": False}):
        with pytest.raises(ValueError, match="were set to those of another network after it was trained"):
            copy.deepcopy(saved).set_params(**params).save_checkpoint(path)
    assert path.read_bytes() == before


def test_another_optimizer_than_the_trained_one_remembers_nothing(saved, path):
    """As if training went on without the file."""
    other = copy.deepcopy(saved).set_params(optimizer="momentum", warm_start=True)
    other.save_checkpoint(path)
    loaded = clone(other).load_checkpoint(path)
    np.testing.assert_array_equal(loaded.partial_fit(X, Y).coefs_[0], other.partial_fit(X, Y).coefs_[0])


# What is written


@pytest.fixture
def full_disk():
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@pytest.mark.parametrize("size", [0, 100, 2000])
def test_a_full_disk_leaves_the_file_that_was_there(size, saved, path, full_disk):
    before = path.read_bytes()
    full_disk(size)
    with pytest.raises(OSError, match=r"The checkpoint was not written, and what was there before is unchanged.*npz"):
        saved.save_checkpoint(path)
    with pytest.raises(OSError, match="was not written"):
        MLPClassifier(**SMALL).set_callbacks(Checkpoint(path)).fit(X, Y)
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_places_that_cannot_be_written(saved, tmp_path):
    with pytest.raises(FileNotFoundError, match="was not written"):
        saved.save_checkpoint(tmp_path / "no folder" / "file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError, match="was not written"):
        saved.save_checkpoint(tmp_path / "folder")
    with pytest.raises(NotADirectoryError, match="was not written"):
        saved.save_checkpoint(tmp_path / "network.npz" / "file")
    assert sorted(os.listdir(tmp_path)) == ["folder", "network.npz"]


def test_links_that_were_planted_are_not_followed(saved, path, monkeypatch):
    import threading

    victim = path.with_name("victim")
    victim.write_text("precious")
    os.symlink(victim, path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}"))
    saved.save_checkpoint(path)
    path.unlink()
    os.symlink(victim, path)
    saved.save_checkpoint(path)
    assert not path.is_symlink()
    monkeypatch.setattr("secrets.token_hex", lambda n: "0" * 2 * n)
    with replacing(path) as file:
        planted = path.with_name(os.path.basename(os.readlink(f"/proc/self/fd/{file.fileno()}")))
        file.write(b"new")
    for plant in (os.symlink, os.link):
        plant(victim, planted)
        os.chmod(victim, 0o600)
        if plant is os.symlink:  # a link of the pattern is nothing that a save has left
            with pytest.raises(FileExistsError, match="was not written"):
                saved.save_checkpoint(path)
            planted.unlink()
        else:
            saved.save_checkpoint(path)
        assert victim.read_text() == "precious"


def test_the_mode_is_what_the_umask_leaves(saved, path):
    before = os.umask(0o027)
    try:
        path.unlink()
        saved.save_checkpoint(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


KILLED = """
    import os, runpy, signal, sys
    replacing = runpy.run_path(sys.argv[1])["replacing"]
    with replacing(sys.argv[2]) as file:
        file.write(b"half of it")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_killed_saves_have_left_is_removed_by_the_next(saved, path):
    before = path.read_bytes()
    for name in (path, path.with_name("other.npz")):
        done = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), _files.__file__, str(name)])
        assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    left = sorted(path.parent.iterdir())
    assert len(left) == 3
    of_this = [each for each in left if each != path]
    foreign = path.with_name(of_this[0].name.replace(".part", "x.part"))
    foreign.write_text("not ours")
    saved.save_checkpoint(path)
    after = set(path.parent.iterdir())
    assert {path, foreign} < after
    assert len(after) == 3  # what was left of the other file is the other file's
    saved.save_checkpoint(path.with_name("other.npz"))
    assert set(path.parent.iterdir()) == {path, foreign, path.with_name("other.npz")}


def test_what_is_being_written_is_left_alone(path):
    with replacing(path) as one:
        one.write(b"1")
        with replacing(path) as two:
            two.write(b"2")
        assert path.read_bytes() == b"2"
        assert len(os.listdir(path.parent)) == 2
    assert path.read_bytes() == b"1"
    assert os.listdir(path.parent) == [path.name]
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        file.write(b"3" * (1 // 0))
    assert path.read_bytes() == b"1"
    assert os.listdir(path.parent) == [path.name]
