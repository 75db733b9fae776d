"""Where compiled loops are kept: nothing that is there, and no way in which a process may end, is in anybody's way."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from skdl._compiled import _build, store
from skdl._compiled.store import Store, name_of

TEXT = "def loop(a):\n    for i in range(a.size):\n        a[i] = a[i] + 1.0\n"
SIGNATURES = ["void(float64[::1])"]
NAME = name_of(TEXT, SIGNATURES)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder of the loop, as it was built."""
    place = tmp_path_factory.mktemp("built")
    _build.build(place, NAME, TEXT, SIGNATURES)
    return place / NAME


@pytest.fixture
def found(cache, built):
    """A store that has the loop."""
    store = Store("numba")
    shutil.copytree(built, store.folder / NAME)
    return store


def adds_one(loop):
    a = np.zeros(3)
    loop(a)
    return a.tolist() == [1.0, 1.0, 1.0]


def test_a_loop_is_built_once_and_found_again(cache):
    first = Store("numba")
    assert first.folder.is_relative_to(cache)
    assert first.load(NAME, SIGNATURES) is None
    _build.build(first.folder, NAME, TEXT, SIGNATURES)
    _build.build(first.folder, NAME, TEXT, SIGNATURES)  # as another process may, at the same time
    loop = Store("numba").load(NAME, SIGNATURES)
    assert adds_one(loop)
    assert sum(loop.stats.cache_hits.values()) == 1
    assert not loop.stats.cache_misses
    assert [path.name for path in first.folder.iterdir()] == [NAME]
    assert Store("another numba").load(NAME, SIGNATURES) is None


@pytest.mark.parametrize("suffix", [".nbc", ".nbi", ".py", ".json"])
@pytest.mark.parametrize("damage", ["cut", "changed", "removed"])
def test_what_is_damaged_is_removed_and_built_again(found, suffix, damage):
    [path] = (path for path in (found.folder / NAME).rglob("*") if path.suffix == suffix)
    content = path.read_bytes()
    path.write_bytes(
        content[: len(content) // 2] + (b"" if damage == "cut" else b"x" + content[len(content) // 2 + 1 :])
    )
    if damage == "removed":
        path.unlink()
    assert found.load(NAME, SIGNATURES) is None
    assert list(found.folder.iterdir()) == []  # so that it is compiled again


def test_a_copy_that_has_lost_its_times_is_as_good(found):
    os.utime(found.folder / NAME / f"{NAME}.py")
    assert not found.load(NAME, SIGNATURES).stats.cache_misses


def test_numba_keeps_loops_here_wherever_it_keeps_others(found, tmp_path, monkeypatch):
    import numba

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "elsewhere"))
    shutil.rmtree(found.folder / NAME)
    _build.build(found.folder, NAME, TEXT, SIGNATURES)
    assert not found.load(NAME, SIGNATURES).stats.cache_misses
    assert Path(numba.config.CACHE_DIR) == tmp_path / "elsewhere"
    assert not (tmp_path / "elsewhere").exists()


def test_what_can_be_read_only_is_copied(tmp_path, monkeypatch):
    """As of an image of a container in which loops were compiled ahead by its owner."""
    ahead, temporary = tmp_path / "ahead", tmp_path / "temporary"
    monkeypatch.setenv("SKDL_CACHE_DIR", str(ahead))
    _build.build(Store("numba").folder, NAME, TEXT, SIGNATURES)
    own_folder = store._own_folder

    def read_only(root, own):
        if root == ahead:
            raise PermissionError("read only")
        return own_folder(root, own)

    monkeypatch.setattr(store, "_own_folder", read_only)
    temporary.mkdir()
    monkeypatch.setattr(store.tempfile, "tempdir", str(temporary))
    found = Store("numba")
    assert found.folder.is_relative_to(temporary)
    loop = found.load(NAME, SIGNATURES)
    assert adds_one(loop)
    assert not loop.stats.cache_misses
    assert found.load("loop_of_nobody", SIGNATURES) is None


def test_without_any_place_it_says_so(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SKDL_CACHE_DIR", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(store.tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(PermissionError, match="no place for what is compiled"):
        Store("numba")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no such permissions")
@pytest.mark.parametrize("level", ["loops", "tag"])
def test_a_folder_that_others_may_write_to_is_not_used(cache, tmp_path, monkeypatch, level):
    tag = Store("numba").folder
    (tag if level == "tag" else tag.parent).chmod(0o777)
    monkeypatch.setattr(store.tempfile, "tempdir", str(tmp_path))
    found = Store("numba")
    assert not found.folder.is_relative_to(cache)  # but in the place for temporary files
    assert found._to_copy == ([] if level == "tag" else [tag])


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="there are no such permissions")
def test_a_folder_of_somebody_else_is_not_used(cache, monkeypatch):
    folder = Store("numba").folder
    assert store._is_trusted(folder)
    if os.getuid() == 0:
        os.chown(folder, 12345, -1)
    else:
        monkeypatch.setattr(os, "getuid", lambda: 12345)
    assert not store._is_trusted(folder)


def test_one_process_is_asked_for_a_loop_as_long_as_it_is_at_work(cache, monkeypatch):
    found = Store("numba")
    requests = found.requests([(NAME, TEXT, SIGNATURES)])
    assert json.loads(requests.read_text())["loops"] == [[NAME, TEXT, SIGNATURES]]
    assert found.requests([(NAME, TEXT, SIGNATURES)]) is None
    silent = time.time() - 2 * store.CLAIM_HOLDS
    os.utime(_build.claim_of(found.folder, NAME), (silent, silent))
    assert found.requests([(NAME, TEXT, SIGNATURES)]) is not None
    assert _build.BEATS < store.CLAIM_HOLDS / 4


def run_builder(requests):
    return subprocess.run([sys.executable, "-P", _build.__file__, str(requests)], capture_output=True, text=True)


def test_the_compiling_process_builds_what_can_be_built(cache, monkeypatch):
    found = Store("numba")
    wrong = "def loop(a):\n    a.no_such_method()\n"
    unfinished = found.folder / f"{_build.PARTS}old"
    unfinished.mkdir()
    os.utime(unfinished, (0, 0))
    loops = [(name_of(text, SIGNATURES), text, SIGNATURES) for text in (wrong, TEXT)]
    nice, beats = [], []
    monkeypatch.setattr(_build.os, "nice", nice.append, raising=False)
    monkeypatch.setattr(_build, "_beat", lambda store, names: beats.append((store, list(names))))
    _build.main([str(found.requests(loops))])
    assert nice == [10]
    assert beats == [(found.folder, [name for name, _, _ in loops])]
    assert adds_one(found.load(NAME, SIGNATURES))
    assert "no_such_method" in found.failure(loops[0][0])
    assert found.failure(NAME) is None
    left = {path.name for path in found.folder.iterdir()}
    assert left == {NAME, _build.failure_of(found.folder, loops[0][0]).name}


def test_a_claim_is_renewed_as_long_as_there_is_something_to_do(cache, monkeypatch):
    found = Store("numba")
    claim, names = _build.claim_of(found.folder, NAME), [NAME, "loop_without_a_claim"]
    found.requests([(NAME, TEXT, SIGNATURES)])
    os.utime(claim, (0, 0))
    monkeypatch.setattr(_build.time, "sleep", lambda seconds: names.clear())
    _build._beat(found.folder, names)
    assert time.time() - claim.stat().st_mtime < store.CLAIM_HOLDS


def test_two_processes_may_compile_a_loop_at_the_same_time(cache):
    found = Store("numba")
    requests = [found.folder / f"{_build.PARTS}{i}.json" for i in range(2)]
    for path in requests:
        path.write_text(json.dumps({"path": sys.path, "loops": [[NAME, TEXT, SIGNATURES]]}))
    builders = [subprocess.Popen([sys.executable, "-P", _build.__file__, str(path)]) for path in requests]
    assert [builder.wait() for builder in builders] == [0, 0]
    assert [path.name for path in found.folder.iterdir()] == [NAME]
    assert adds_one(found.load(NAME, SIGNATURES))


def test_a_compiling_process_without_numba_leaves_no_judgement(cache):
    found = Store("numba")
    requests = found.requests([(NAME, TEXT, SIGNATURES)])
    given = json.loads(requests.read_text())
    given["path"] = [each for each in given["path"] if "site-packages" not in each]
    requests.write_text(json.dumps(given))
    assert run_builder(requests).returncode == 0
    assert list(found.folder.iterdir()) == []


KILLED = """
import os, sys
from pathlib import Path
import numba  # before the processes part
sys.path.insert(0, {place!r})
import _build
store, text, signatures = Path({store!r}), {text!r}, {signatures!r}
point = None
EVENTS = ("open", "os.mkdir", "os.rename", "os.rmdir", "os.remove", "shutil.rmtree", "os.utime")

def killed(event, arguments):
    global point
    if point is not None and event in EVENTS and str(store) in str(arguments[0]):
        if point == 0:
            os._exit(9)
        point -= 1

_build.build(store, "loop_before", text, signatures)  # what takes long the first time is inherited by all
sys.addaudithook(killed)
n = 0
while True:
    child = os.fork()
    if child == 0:
        point = n
        _build.build(store, "loop_0", text, signatures)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    there, whole = (store / "loop_0").exists(), _build.is_whole(store / "loop_0")
    assert there == whole, n  # what is seen is complete
    if status == 0:
        break
    if there:
        break
    n += 1
print(n)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be forked")
def test_a_process_that_is_killed_at_any_point_leaves_nothing_by_half(cache):
    found = Store("numba")
    script = KILLED.format(
        place=str(Path(_build.__file__).parent), store=str(found.folder), text=TEXT, signatures=SIGNATURES
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 8  # points at which it was killed
    assert adds_one(_build.load(found.folder / "loop_0", SIGNATURES))
