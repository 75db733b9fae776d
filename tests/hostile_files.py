"""Run by test_trusted.py: files with parts exchanged are loaded and used, and Python's audit hooks say what happens."""

import json
import random
import signal
import sys
import warnings
from contextlib import suppress

import numpy as np
import skops.io
import test_trusted as tests
from sklearn.base import clone

import skdl

NAMES = (
    "two classes",
    "columns",
    "layers",
    "lbfgs",
    "softmax",
    "polynomial",
    "knn tree",
    "ensemble",
    "bagging",
    "snapshots",
)
FORBIDDEN = ("pickle.", "os.", "subprocess.", "socket.", "ctypes.", "shutil.")
LOOKS = ("os.listdir", "os.scandir")
SECONDS = 2  # for one use of an estimator
WORDS = [None, -1, 0, 1e300, True, "", "os:system", "os.system", "mine", "../evil", [], {"a": 1}, "auto", "adam"]
TYPES = skdl.trusted_types()
known = {name.partition(".")[0] for name in sys.modules}
happened, listening = [], [False]


def hook(event, args):
    if not listening[0]:
        return
    writes = event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+")
    foreign = event == "import" and args[0].partition(".")[0] not in known
    if (event.startswith(FORBIDDEN) and event not in LOOKS) or writes or foreign:
        happened.append((event, repr(args)[:200]))


def nodes(schema, found):
    """The places of all parts of a file's description: what holds them, and under which key."""
    for key, value in list(schema.items() if isinstance(schema, dict) else enumerate(schema)):
        if isinstance(value, (dict, list)):
            if isinstance(value, dict) and "__loader__" in value:
                found.append((schema, key))
            nodes(value, found)
    return found


def parts():
    """What takes the place of a part."""
    arguments = tests.sequence(tests.PAYLOAD, tests.text("os:system"))
    yield from (tests.text(word) for word in WORDS)
    yield from (tests.names(name, "TypeNode") for name in TYPES)
    for name in TYPES[::5]:
        yield tests.names(name, "ConstructorFromReduceNode", content=arguments)
        called = {"func": tests.names(name, "TypeNode"), "args": arguments}
        partial = {**called, "kwds": tests.mapping(), "namespace": tests.mapping()}
        yield tests.names(name, "PartialNode", content=partial)
    yield from (tests.PAYLOAD, tests.mapping(mine=tests.PAYLOAD), tests.sequence(tests.PAYLOAD, kind="list"))


def late(*_):
    raise TimeoutError


def main(seed, n_files):
    rng, pool = random.Random(seed), list(parts())
    attributes = sorted({name for each in TYPES for name in dir(tests.resolved(each)) if not name.startswith("__")})
    files = []
    for name in NAMES:
        estimator, y = tests.ESTIMATORS[name]
        files.append((skops.io.dumps(clone(estimator).fit(tests.X, y)), y))

    def change(schema):
        for _ in range(rng.choice([1, 1, 2])):
            (holder, key), (other, its_key) = rng.choices(nodes(schema, []), k=2)
            holder[key] = json.loads(json.dumps(rng.choice([rng.choice(pool), other[its_key]])))

    n_loaded = 0
    for i in range(n_files):
        content, y = files[i % len(files)]
        with suppress(KeyError, TypeError, AttributeError, IndexError):  # the change met another one
            content = tests.edited(content, change)
            if rng.random() < 0.5:
                content = tests.edited(content, tests.put(**{rng.choice(attributes): rng.choice(pool)}))
        listening[0] = True
        n_loaded += used(content, y)
        listening[0] = False
    print(json.dumps([n_loaded, len(tests.RAN), happened]))


def used(content, y):
    """Load the file and do with it what people do; whether it was loaded."""
    try:
        estimator = skops.io.loads(content, trusted=TYPES)
    except Exception:
        return False
    uses = [repr, clone, lambda it: it.get_params(), lambda it: it.predict(tests.X[:3])]
    uses += [lambda it: it.partial_fit(tests.X, y), lambda it: it.fit(tests.X, y)]
    for use in uses:
        signal.setitimer(signal.ITIMER_REAL, SECONDS)
        with suppress(Exception):
            use(estimator)
        signal.setitimer(signal.ITIMER_REAL, 0)
    return True


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    signal.signal(signal.SIGALRM, late)
    sys.addaudithook(hook)
    main(int(sys.argv[1]), int(sys.argv[2]))
