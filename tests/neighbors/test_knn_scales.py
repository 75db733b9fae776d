"""Data of any size: distances and neighbours are those of the same problem in a unit where nothing leaves the range."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdl import KNNClassifier, KNNRegressor
from skdl.neighbors.metrics.metric import Cosine, Minkowski, NanMinkowski
from skdl.neighbors.search.choice import make_search

# Powers of two from the smallest subnormals, by both ends of where squares are in range, to the largest numbers.
SCALES = [-1022, -1015, -800, -531, -520, -500, -400, 0, 400, 505, 512, 800, 1018]
METRICS = {"euclidean": 2, "manhattan": 1, "chebyshev": np.inf, "minkowski": 3.0}


def whole_numbers(seed, n, m, d):
    """Rows and queries of few values, hence with ties, that any unit holds exactly."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-7, 8, (n, d)).astype(float)
    X[n // 2 : n // 2 + 5] = X[:5]
    return X, rng.integers(-7, 8, (m, d)).astype(float)


@pytest.mark.parametrize(
    ("metric", "algorithm"),
    [(metric, algorithm) for metric in METRICS for algorithm in ("auto", "brute", "kd_tree")]
    + [("euclidean", "projection"), ("manhattan", "projection")],
)
@pytest.mark.parametrize("columns", [1, 4, 12])
@pytest.mark.parametrize("power", SCALES)
def test_a_power_of_two_changes_the_unit_and_nothing_else(metric, algorithm, columns, power):
    X, Q = whole_numbers(columns, 90, 15, columns)
    search = make_search(np.ldexp(X, power), Minkowski(METRICS[metric]), algorithm)
    distances, indices = search.query(np.ldexp(Q, power), 7)
    differences = np.abs(Q[:, None] - X[None]).astype(int)
    keys = differences.max(-1) if metric == "chebyshev" else (differences ** int(METRICS[metric])).sum(-1)
    expected = np.argsort(keys, axis=1, kind="stable")[:, :7]
    assert_array_equal(indices, expected)
    order = 1.0 if metric == "chebyshev" else METRICS[metric]
    roots = np.sqrt(keys.astype(float)) if order == 2 else keys.astype(float) ** (1 / order)
    # The root of a sum of cubes is not rounded alike in every unit; all else is.
    wanted = np.ldexp(np.take_along_axis(roots, expected, axis=1), power)
    assert_allclose(distances, wanted, rtol=4e-16 if order == 3 else 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("metric", [Cosine(), NanMinkowski()], ids=["cosine", "nan_euclidean"])
@pytest.mark.parametrize("power", SCALES)
def test_the_cosine_and_absent_values_in_any_unit(metric, dtype, power):
    power = int(np.clip(power, -145, 120)) if dtype == np.float32 else power
    X, Q = (rows.astype(dtype) for rows in whole_numbers(3, 90, 15, 12))
    if isinstance(metric, NanMinkowski):
        X[np.random.default_rng(0).random(X.shape) < 0.2] = np.nan
    plain = make_search(X, metric).query(Q, 7)
    found = make_search(np.ldexp(X, power), metric).query(np.ldexp(Q, power), 7)
    assert_array_equal(found[1], plain[1])
    assert_array_equal(found[0], plain[0] if isinstance(metric, Cosine) else np.ldexp(plain[0], power))


@pytest.mark.parametrize("power", SCALES)
def test_sparse_rows_in_any_unit(power):
    X, Q = (np.where(rows > 2, rows, 0) for rows in whole_numbers(4, 90, 15, 12))
    expected = np.argsort(np.square(Q[:, None] - X[None]).sum(-1), axis=1, kind="stable")[:, :7]
    X, Q = (sparse.csr_array(np.ldexp(rows, power)) for rows in (X, Q))
    assert_array_equal(make_search(X, Minkowski(2)).query(Q, 7)[1], expected)


def decimal_distances(q, X, p):
    """Sums of powers of decimals of 60 digits, whose exponents have room for any order, and their roots."""
    with localcontext(prec=60):
        sums = [sum(abs(Decimal(s) - Decimal(t)) ** Decimal(p) for s, t in zip(q, x, strict=True)) for x in X.tolist()]
        return [total ** (1 / Decimal(p)) for total in sums]


@pytest.mark.parametrize(
    ("p", "algorithm"),
    [(p, algorithm) for p in (1, 2, 3, 50, 80, 1000) for algorithm in ("brute", "kd_tree")]
    + [(1, "projection"), (2, "projection")],
)
@pytest.mark.parametrize("kind", ["columns", "rows", "one column", "queries"])
@pytest.mark.parametrize("seed", range(2))
def test_sizes_that_differ_are_compared_as_decimals_are(kind, p, algorithm, seed):
    """Whole numbers of few bits, each column or row in a unit of its own."""
    rng = np.random.default_rng(seed)
    d = 6
    X, Q = rng.integers(-99, 100, (40, d)).astype(float), rng.integers(-99, 100, (6, d)).astype(float)
    if kind == "columns":
        powers = rng.integers(-1060, 1000, d)
    elif kind == "one column":
        powers = np.where(np.arange(d) == 2, rng.choice([-900, -560, 900]), 0)
    elif kind == "rows":
        powers = rng.choice([-1060, -600, -530, 0, 520, 900], (40, 1))
    else:
        powers = -700
    X, Q = np.ldexp(X, powers), np.ldexp(Q, -200 if kind == "queries" else rng.choice([-1060, -600, 0, 900]))
    found, indices = make_search(X, Minkowski(p), algorithm).query(Q, 5)
    for q, distances, row in zip(Q, found, indices, strict=True):
        exact = decimal_distances(q.tolist(), X, p)
        assert_near(distances, [exact[i] for i in row])
        # Where the reals differ by less than a rounding, the rounded distances decide.
        assert_near(distances, sorted(exact)[:5])


def assert_near(found, exact, tolerance=Decimal("1e-13")):
    least = Decimal("5e-324")
    assert all(abs(Decimal(a) - b) <= tolerance * b + least for a, b in zip(found.tolist(), exact, strict=True))


@pytest.mark.parametrize("columns", [3, 20])
@pytest.mark.parametrize("size", [1e-320, 1e-170, 1e-150, 1.0, 1e150, 1e300])
@pytest.mark.parametrize("p", [2, 5.5, 1000])
def test_a_classifier_does_not_depend_on_the_unit(size, p, columns):
    rng = np.random.default_rng(1)
    X = rng.integers(-50, 51, (80, columns)) * 1.0
    y = (X[:, 0] > 0).astype(int)
    model = KNNClassifier(1, metric="minkowski", p=p).fit(X * size, y)
    assert_array_equal(model.kneighbors(X * size, return_distance=False)[:, 0], np.arange(80))
    assert_array_equal(model.predict(X * size), y)


@pytest.mark.parametrize("p", [1, 2, 3, 1000, np.inf])
@pytest.mark.parametrize("algorithm", ["auto", "brute"])
@pytest.mark.parametrize("columns", [1, 12])
def test_distances_beyond_the_largest_number_are_an_error(p, algorithm, columns):
    X = np.array([[1.0], [-1.0], [0.9]]) * np.full(columns, 1.5e308 / columns)
    if columns == 12 and p != 1:
        X *= 12
    search = make_search(X, Minkowski(p), algorithm)
    with pytest.raises(ValueError, match="overflow float64: rescale X"):
        search.query(-X, 3)
    if columns == 1:  # the nearest two are within reach
        assert_array_equal(search.query(X[:1], 2)[1], [[0, 2]])


def test_steep_powers_are_those_of_many_digits():
    rng = np.random.default_rng(0)
    X, q = rng.normal(size=(300, 8)), rng.normal(size=8)
    for p in (2.5, 30.0, 64.0, 200.0, 1000.0):
        found, indices = make_search(X, Minkowski(p), "brute").query(q[None], 4)
        exact = decimal_distances(q.tolist(), X, p)
        assert_array_equal(indices[0], sorted(range(300), key=exact.__getitem__)[:4])
        assert_near(found[0], sorted(exact)[:4])


OF_POWERS = [
    ({"metric": "mahalanobis", "metric_params": {"VI": np.eye(3)}}, 2),
    ({"metric": "seuclidean", "metric_params": {"V": np.ones(3)}}, 2),
    ({"p": 3, "metric_params": {"w": np.ones(3)}}, 3),
]


@pytest.mark.parametrize(("parameters", "p"), OF_POWERS)
@pytest.mark.parametrize("power", SCALES)
def test_metrics_with_parameters_in_any_unit(parameters, p, power):
    X, Q = whole_numbers(3, 90, 15, 3)
    model = KNNClassifier(7, **parameters).fit(np.ldexp(X, power), np.arange(90) % 2)
    distances, indices = model.kneighbors(np.ldexp(Q, power))
    keys = (np.abs(Q[:, None] - X[None]).astype(int) ** p).sum(-1)
    expected = np.argsort(keys, axis=1, kind="stable")[:, :7]
    assert_array_equal(indices, expected)
    wanted = np.ldexp(np.take_along_axis(keys.astype(float) ** (1 / p), expected, axis=1), power)
    assert_allclose(distances, wanted, rtol=4e-16)


@pytest.mark.parametrize(("parameters", "p"), OF_POWERS)
def test_one_that_is_far_smaller_than_the_others_is_an_error_not_a_zero(parameters, p):
    X = np.vstack([np.eye(3) * 9, np.eye(3) * 8, np.ldexp(np.arange(12.0).reshape(4, 3), -700)])
    model = KNNClassifier(2, **parameters).fit(X, np.arange(10) % 2)
    with pytest.raises(ValueError, match="underflow float64, as some are far smaller than others: rescale X"):
        model.predict(np.ldexp(np.ones((1, 3)), -700))
    assert model.predict([[9.0, 0.1, 0]]).shape == (1,)
    assert model.kneighbors(X[:1], 1)[0] == 0


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("columns", [None, 2])
def test_targets_near_the_largest_number_have_finite_means(weights, columns):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 3)), rng.integers(-9, 10, 60 if columns is None else (60, columns)).astype(float)
    plain = KNNRegressor(5, weights=weights).fit(X, y)
    model = KNNRegressor(5, weights=weights).fit(X, np.ldexp(y, 1020))
    assert_array_equal(model.predict(X[:20] + 0.1), np.ldexp(plain.predict(X[:20] + 0.1), 1020))
    model.partial_fit(X + 9, np.ldexp(y, 1020))
    assert_array_equal(model.predict(X[:20] + 0.1), np.ldexp(plain.predict(X[:20] + 0.1), 1020))
