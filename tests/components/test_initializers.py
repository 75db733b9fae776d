"""Initializers against the moments and shapes that they promise."""

import numpy as np
import pytest
from plain import PLAIN
from scipy import stats

from skdl import BaggingRegressor, EnsembleRegressor, MLPRegressor, initializers
from skdl.engine import Network
from skdl.engine.train import initial_state
from skdl.initializers import DataDriven, Orthogonal
from skdl.layers import Dense
from skdl.neural.trainable import trainable
from skdl.plugins import ForwardContext
from skdl.testing import check_estimator_members, check_layer

VARIANCES = {
    "zeros": lambda n_in, n_out: 0.0,
    "normal": lambda n_in, n_out: 0.01**2,
    "xavier": lambda n_in, n_out: 1 / n_in,
    "glorot_normal": lambda n_in, n_out: 2 / (n_in + n_out),
    "glorot_uniform": lambda n_in, n_out: 2 / (n_in + n_out),
    "he_normal": lambda n_in, n_out: 2 / n_in,
    "he_uniform": lambda n_in, n_out: 2 / n_in,
    "data_driven": lambda n_in, n_out: 1 / n_in,
    "orthogonal": lambda n_in, n_out: 1 / max(n_in, n_out),
}


def test_every_initializer_is_here():
    assert sorted(VARIANCES) == initializers.names()


@pytest.mark.parametrize("name", VARIANCES)
@pytest.mark.parametrize(("n_in", "n_out"), [(400, 100), (100, 400)])
def test_initializer_has_its_variance(name, n_in, n_out):
    draws = initializers.resolve(name).draw(np.random.default_rng(0), n_in, n_out)
    variance = VARIANCES[name](n_in, n_out)
    n = draws.size
    # Five standard errors of a sample's mean and variance (a normal distribution's; a uniform one's is less).
    assert abs(draws.mean()) <= 5 * np.sqrt(variance / n)
    assert abs(draws.var() - variance) <= 5 * variance * np.sqrt(2 / n)
    if name.endswith("uniform"):
        bound = np.sqrt(3 * variance)
        assert 0.999 * bound < np.abs(draws).max() <= bound
    elif variance:
        assert np.abs(draws).max() > 3.5 * np.sqrt(variance)  # a normal distribution has tails


@pytest.mark.parametrize(("n_in", "n_out"), [(40, 10), (10, 40), (20, 20), (1, 3), (1, 1)])
def test_orthogonal(n_in, n_out):
    W = Orthogonal(gain=1.5).draw(np.random.default_rng(0), n_in, n_out)
    assert W.flags.c_contiguous
    small = W.T @ W if n_in >= n_out else W @ W.T
    np.testing.assert_allclose(small, 2.25 * np.eye(min(n_in, n_out)), atol=1e-13)


def test_orthogonal_is_uniform():
    """The angle of a random rotation or reflection of the plane is uniform; without the signs of R it is not."""
    generator = np.random.default_rng(0)
    draws = np.array([Orthogonal().draw(generator, 2, 2) for _ in range(2000)])
    angles = np.arctan2(draws[:, 1, 0], draws[:, 0, 0])
    assert stats.kstest(angles, stats.uniform(-np.pi, 2 * np.pi).cdf).pvalue > 0.01
    assert abs((np.linalg.det(draws) > 0).mean() - 0.5) < 0.05


ROWS = np.random.default_rng(1).normal(3, [1, 10, 0.1, 5], (300, 4))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_units_give_over_the_rows_has_a_deviation_of_one(dtype):
    drawn = DataDriven().draw(np.random.default_rng(0), 4, 200)
    weight = np.random.default_rng(2).uniform(0, 3, 300)
    given, drawn = ROWS.astype(dtype), drawn.astype(dtype)
    weights, bias = DataDriven().from_rows(drawn, given, weight, np.random.default_rng(3))
    y = given @ weights
    mean = np.average(y, axis=0, weights=weight)
    np.testing.assert_allclose(np.average((y - mean) ** 2, axis=0, weights=weight), 1, rtol=1e-3)
    np.testing.assert_allclose(weights / drawn, np.broadcast_to(weights[0] / drawn[0], drawn.shape), rtol=1e-5)
    assert (-bias > y.min(axis=0)).all()  # a unit bends where some rows are on either side
    assert (-bias < y.max(axis=0)).all()


def test_biases_are_of_random_rows():
    """Of one row it is minus one of the values; the mean of five weighted ones varies as its weights say."""
    drawn, rng = np.ones((1, 20_000)), np.random.default_rng(0)
    x = np.array([[-1.0], [0.0], [2.0]])
    share = np.array([0.5, 0.2, 0.3])
    _, bias = DataDriven(1).from_rows(drawn, x, share, rng)
    values = -bias * np.sqrt(share @ x[:, 0] ** 2 - (share @ x[:, 0]) ** 2)
    for value, expected in zip(x[:, 0], share, strict=True):
        assert np.isclose(values, value).mean() == pytest.approx(expected, abs=0.02)
    assert not DataDriven(0).from_rows(drawn, x, None, rng)[1].any()
    _, bias = DataDriven().from_rows(drawn, x, share, rng)
    assert bias.mean() == pytest.approx(-share @ x[:, 0] / 1.3, abs=0.02)
    # Weights that are uniform on the simplex have sum_t E[p_t^2] = 5 * 2 / (5 * 6).
    assert bias.var() == pytest.approx(1 / 3, rel=0.05)


def test_units_that_never_move_keep_their_weights():
    x = np.full((50, 4), 0.1, np.float32)
    drawn = DataDriven().draw(np.random.default_rng(0), 4, 3)
    weights, bias = DataDriven().from_rows(drawn, x, None, np.random.default_rng(1))
    np.testing.assert_array_equal(weights, drawn)
    np.testing.assert_allclose(bias, -(x[0] @ drawn), rtol=1e-6)


def test_a_dense_layer_learns_from_its_rows():
    check_layer(lambda members: Dense(4, 3, [DataDriven()] * len(members)), 4)
    check_layer(lambda members: Dense(4, 3, [DataDriven(0)] * len(members), bias=False), 4)


@pytest.mark.parametrize("layer", ["dense", "residual"])
def test_layers_learn_from_below(layer):
    y = ROWS[:, 0] ** 2
    weight = np.linspace(0, 1, 300)
    network = MLPRegressor((7, 5), layer=layer, initializer="data_driven", random_state=0, dtype="float64", **PLAIN)
    fit = trainable(network)
    task = fit.spec(fit.prepare(ROWS, y, weight))
    state = initial_state(task)
    leaves = Network([task.architecture], np.float64)
    arrays, rows = leaves.arrays(state.theta, state.buffers), task.rows
    x = ((ROWS - rows.shift) * rows.scale)[None]
    for i, leaf in enumerate(leaves.leaves):
        if "weight" in arrays[i]:
            inputs = leaves.root.inputs_of(i, x.copy(), arrays, ForwardContext(training=False))
            given = leaf.forward(inputs, arrays[i], ForwardContext(training=False))[0][0]
            mean = np.average(given, axis=0, weights=weight)
            np.testing.assert_allclose(np.average((given - mean) ** 2, axis=0, weights=weight), 1, rtol=1e-9)


def test_members_learn_from_their_own_rows():
    y = ROWS[:, 0] ** 2
    members = [MLPRegressor((7, 5), initializer="data_driven", max_iter=3, random_state=i) for i in range(3)]
    check_estimator_members(members, ROWS, y, np.linspace(0, 1, 300))
    bagging = BaggingRegressor(members[0], 3, random_state=0).fit(ROWS, y)
    assert np.isfinite(bagging.predict(ROWS)).all()
    with pytest.raises(ValueError, match=r"takes no initializer that learns from the rows.*'data_driven'"):
        EnsembleRegressor(estimator=members[0], share="batch_ensemble").fit(ROWS, y)
