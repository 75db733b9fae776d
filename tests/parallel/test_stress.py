"""Random graphs of tasks end, every time, with the results of a sequential run."""

import faulthandler
import random
import threading
from functools import partial

import joblib
import numpy as np
import pytest

from skdl import losses, optimizers, penalties, schedules
from skdl.engine import Dataset, TrainingSpec
from skdl.execution import train_members
from skdl.initializers import HeNormal
from skdl.layers.architecture import Architecture

SECONDS = 30  # a graph takes some milliseconds
ROWS = Dataset(np.linspace(-1, 1, 10, dtype=np.float32)[:, None], np.linspace(0, 1, 10, dtype=np.float32)[:, None])


class TaskError(Exception):
    """What tasks of a graph raise."""


def fit(seed, n_members, width):
    """Train tiny networks, as a fit does, and tell of their weights."""
    networks = [
        TrainingSpec(
            Architecture(1, (), 1, (), (), (HeNormal(),), (0.0,)),
            losses.SquaredError(),
            penalties.L2(),
            optimizers.Adam(0.01 * width),
            schedules.Constant(),
            alpha=0.0,
            rows=ROWS,
            batch_size=2 * width,
            dtype=np.float32,
            generator=np.random.default_rng(seed + i),
            n_epochs=1,
            max_epochs=1,
            patience=None,
        )
        for i in range(n_members)
    ]
    return [outcome.theta.tobytes() for outcome in train_members(networks)]


def random_graph(rng, depth=0):
    """The steps of a task: fits, errors, calls of Parallel with tasks of their own, or nothing."""
    steps = []
    for _ in range(rng.choice([0, 1, 1, 2, 3])):
        kind = rng.choices(["fit", "call", "error", "work"], [6, 4 if depth < 3 else 0, 1, 2])[0]
        if kind == "fit":
            steps.append(partial(fit, rng.randrange(100), rng.choice([1, 1, 1, 3]), rng.choice([1, 2])))
        elif kind == "call":
            tasks = [random_graph(rng, depth + 1) for _ in range(rng.choice([0, 1, 2, 3, 7]))]
            options = {
                "n_jobs": rng.choice([None, None, -1, 1, 2]),
                "pre_dispatch": rng.choice(["2*n_jobs", "all", 1, 3]),
                "return_as": rng.choice(["list", "list", "list", "generator"]),
            }
            steps.append(partial(call, tasks, options, caught=rng.random() < 0.5))
        elif kind == "error":
            steps.append(partial(fail, rng.randrange(100)))
        else:
            steps.append(partial(sum, range(1000)))
    return partial(run, steps)


def run(steps):
    return [step() for step in steps]


def call(tasks, options, *, caught):
    try:
        return list(joblib.Parallel(**options)(joblib.delayed(task)() for task in tasks))
    except TaskError as error:
        if not caught:
            raise
        # Which of several errors comes first depends on who was quicker, in every backend.
        return type(error)


def fail(number):
    raise TaskError(number)


def result_of(graph, backend, **settings):
    try:
        with joblib.parallel_config(backend=backend, **settings):
            return graph()
    except TaskError as error:
        return type(error)


@pytest.mark.parametrize("seed", range(200))
def test_random_graphs(seed):
    rng = random.Random(seed)
    n_tasks = rng.choice([1, 2, 5, 12])
    options = {"pre_dispatch": rng.choice(["2*n_jobs", "all", 1, 4])}
    graph = partial(call, [random_graph(rng) for _ in range(n_tasks)], options, caught=rng.random() < 0.5)
    settings = {"max_stack": rng.choice([1, 2, 3, 8, 256]), "max_stack_bytes": rng.choice([1, 1000, 1 << 30])}
    results = []
    thread = threading.Thread(target=lambda: results.append(result_of(graph, "skdl", **settings)), daemon=True)
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive():
        faulthandler.dump_traceback(all_threads=True)
        pytest.fail("the tasks wait for each other")
    assert results == [result_of(graph, "sequential")]


def test_the_graphs_are_worth_it():
    """What the graphs are made of, counted: the test above could else pass for want of anything that waits."""
    kinds = {"fit": 0, "call": 0, "fail": 0}

    def count(graph):
        [steps] = graph.args
        for step in steps:
            name = step.func.__name__
            kinds[name] = kinds.get(name, 0) + 1
            if name == "call":
                for task in step.args[0]:
                    count(task)

    for seed in range(200):
        count(random_graph(random.Random(seed)))
    assert kinds["fit"] > 300
    assert kinds["call"] > 200
    assert kinds["fail"] > 50
