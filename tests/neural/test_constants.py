"""Columns and targets that are constant in training, and numbers at the ends of the range of floats."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from skdl import (
    BaggingRegressor,
    EnsembleRegressor,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    SnapshotEnsembleRegressor,
    SoftmaxClassifier,
)
from skdl.encodings import Piecewise
from skdl.losses import Poisson
from skdl.neural._standardize import mean_and_scale, zero_and_scale
from skdl.optimizers import SGD

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

rng = np.random.default_rng(0)
N = 120
X = rng.normal(size=(N, 4))
Y = 2 * X[:, 0] + np.sin(X[:, 1])
LABELS = (Y > 0).astype(int) + (Y > 1)
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 5, "random_state": 0}
ENSEMBLES = {
    "bagging": BaggingRegressor(MLPRegressor(**SMALL), 3, random_state=0),
    "shared weights": EnsembleRegressor(
        estimator=MLPRegressor(**SMALL), n_estimators=3, share="batch_ensemble", random_state=0
    ),
    "snapshots": SnapshotEnsembleRegressor(MLPRegressor(**SMALL), random_state=0),
    "gradient descent": LeastSquaresRegressor(solver="adam", random_state=0),
}
VARIANTS = [
    {},
    {"optimizer": "lbfgs"},
    {"early_stopping": True},
    {"standardize_target": False},
    {"penalty": "l1"},
    {"normalization": "batch", "dropout": 0.2},
    {"loss": "absolute_error"},
    {"loss": "huber"},
    {"loss": "quantile", "loss__quantile": 0.2},
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("params", VARIANTS, ids=str)
def test_constant_targets_are_predicted_exactly(params, dtype):
    for constant in (5, 0.1, 0, -1e30, 1e-30):
        y = np.full(N, constant, dtype)
        mlp = MLPRegressor(**SMALL).set_params(**{"loss": "auto", **params}).fit(X.astype(dtype), y)
        assert_array_equal(mlp.predict(X.astype(dtype)), y)
        assert_array_equal(mlp.coefs_[-1], 0)
        assert mlp.intercepts_[-1] == dtype(constant)


@pytest.mark.parametrize("constant", [0.0, 1.0, 5.0, 12345.0])
def test_constant_counts_are_predicted_to_the_rounding_of_the_link(constant):
    mlp = MLPRegressor(**SMALL, loss="poisson").fit(X, np.full(N, constant))
    assert_allclose(mlp.predict(X), constant, rtol=1e-14, atol=0)
    assert_allclose(Poisson().link(Poisson().unlink(np.array([constant]))), constant, rtol=1e-14)


@pytest.mark.parametrize("name", ENSEMBLES)
def test_constant_outputs_beside_others_in_any_units(name):
    y = np.column_stack([Y * 2.0**-30, np.full(N, 5.0), Y * 2.0**30])
    predicted = ENSEMBLES[name].fit(X, y).predict(X)
    assert_array_equal(predicted[:, 1], 5)
    if name == "bagging":  # whose samples are drawn by the rows' contents
        return
    # The others are learned as if they all had the same units.
    alike = ENSEMBLES[name].fit(X, np.column_stack([Y, np.full(N, -1.0), Y])).predict(X)
    assert_allclose(predicted[:, [0, 2]] * [2.0**30, 2.0**-30], alike[:, [0, 2]], rtol=1e-10)


def test_targets_are_constant_where_rows_have_weight():
    weight = rng.integers(0, 3, N).astype(float)
    y = np.where(weight > 0, 7.7, rng.normal(size=N))
    assert_array_equal(MLPRegressor(**SMALL).fit(X, y, weight).predict(X), 7.7)


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "absolute_error"])
@pytest.mark.parametrize("first", [1, 6])
def test_partial_fit_learns_targets_and_columns_that_were_constant_at_first(first, loss):
    """The first call has one row, in which everything is constant, or rows with equal targets."""
    y = np.exp(Y).round() if loss == "poisson" else 1000 * Y
    mlp = MLPRegressor((32,), loss=loss, random_state=0)
    mlp.partial_fit(X[:first], np.full(first, 3.0))
    assert_allclose(mlp.predict(X), 3, rtol=1e-14)
    for _ in range(60):
        mlp.partial_fit(X, y)
    whole = MLPRegressor((32,), loss=loss, random_state=0, max_iter=60).fit(X, y)
    assert mlp.score(X, y) > 0.9 * whole.score(X, y) > 0.7


COLUMN_VARIANTS = [
    {},
    {"optimizer": "lbfgs"},
    {"early_stopping": True},
    {"input_dropout": 0.1, "dropout": 0.2},
    {"penalty": "l1"},
    {"normalization": "batch"},
    {"initializer": "orthogonal"},
    {"prior": np.full((5, 6), 0.3)},
]


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("params", COLUMN_VARIANTS, ids=lambda params: next(iter(params), "plain"))
@pytest.mark.parametrize("encoding", [None, "auto"])
def test_constant_columns_have_no_effect(encoding, params, make):
    for network, y in ((MLPRegressor, Y), (MLPClassifier, LABELS)):
        for constant in (2024.0, 0.1, 0.0, -1e300):
            seen, moved = (np.column_stack([X, np.full(N, value)]) for value in (constant, constant / 2 + 1))
            mlp = network(**SMALL, **params, encoding=encoding).fit(make(seen), y)
            if encoding is None:  # else it is the encoded column that stays, at zero
                assert_array_equal(mlp.coefs_[0][4], 0)
            assert_array_equal(mlp.predict(make(moved)), mlp.predict(make(seen)))


def test_without_standardize_a_constant_column_is_trained_like_an_intercept():
    """In plain descent its weights change by its value times what the intercepts change by; it starts at random."""
    x = np.column_stack([X, np.full(N, 2.0)])
    params = {**SMALL, "standardize": False, "alpha": 0, "dtype": "float64", "optimizer": "sgd", "warm_start": True}
    mlp = MLPRegressor(**params, early_stopping=False).fit(x, Y)
    weights, intercepts = mlp.coefs_[0][4].copy(), mlp.intercepts_[0].copy()
    mlp.set_params(max_iter=10).fit(x, Y)
    assert np.abs(mlp.intercepts_[0] - intercepts).min() > 1e-6
    assert_allclose(mlp.coefs_[0][4] - weights, 2 * (mlp.intercepts_[0] - intercepts), rtol=1e-9)
    assert np.abs(mlp.coefs_[0][4] - 2 * mlp.intercepts_[0]).min() > 1e-3
    assert not np.allclose(mlp.predict(np.column_stack([X, np.full(N, 3.0)])), mlp.predict(x), atol=0.01)


def test_a_constant_column_leaves_the_fit_as_it_is():
    """Year 2024 in training, 2025 later: the R^2 is that of the model without the column."""
    x = np.random.default_rng(1).normal(size=(400, 3))
    y = x[:, 0] + x[:, 1] * x[:, 2]
    frame = pd.DataFrame(x, columns=list("abc")).assign(year=2024)
    params = {"hidden_layer_sizes": (32,), "max_iter": 60, "random_state": 0}
    with_year = MLPRegressor(**params).fit(frame[:300], y[:300])
    without = MLPRegressor(**params).fit(frame[:300].drop(columns="year"), y[:300])
    then = frame[300:].assign(year=2025)
    assert with_year.score(then, y[300:]) == with_year.score(frame[300:], y[300:])
    assert with_year.score(then, y[300:]) == pytest.approx(without.score(then.drop(columns="year"), y[300:]), abs=0.03)
    assert with_year.score(then, y[300:]) > 0.9


@pytest.mark.parametrize("name", ENSEMBLES)
def test_constant_columns_have_no_effect_in_ensembles(name):
    seen, moved = (np.column_stack([X, np.full(N, year)]) for year in (2024.0, 2025.0))
    fitted = ENSEMBLES[name].fit(seen, Y)
    assert_array_equal(fitted.predict(moved), fitted.predict(seen))


def test_a_column_that_is_constant_in_one_sample_has_no_effect_there():
    rare = np.column_stack([X, np.arange(N) == 7]).astype(float)
    bagging = BaggingRegressor(MLPRegressor(**SMALL, encoding=None), 12, random_state=0).fit(rare, Y)
    lacks = [7 not in rows for rows in bagging.estimators_samples_]
    assert 0 < sum(lacks) < 12
    for member, lacking in zip(bagging.estimators_, lacks, strict=True):
        assert (member.coefs_[0][4] == 0).all() == lacking
    encoded = BaggingRegressor(MLPRegressor(**SMALL, early_stopping=False), 12, random_state=0).fit(rare, Y)
    moved = rare + np.array([0, 0, 0, 0, 1])
    for member, lacking in zip(encoded.estimators_, lacks, strict=True):
        assert np.array_equal(member.predict(moved), member.predict(rare)) == lacking


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize("params", [{}, {"alpha": 0.0}, {"penalty": "l1", "alpha": 1e-3}], ids=str)
def test_constant_columns_have_no_effect_in_softmax(params, make):
    seen = np.column_stack([X, np.full(N, 2024.0)])
    softmax = SoftmaxClassifier(**params, tol=1e-8).fit(make(seen), LABELS)
    assert_array_equal(softmax.coef_[:, 4], 0)
    without = SoftmaxClassifier(**params, tol=1e-8).fit(make(X), LABELS)
    assert_allclose(softmax.predict_proba(make(seen)), without.predict_proba(make(X)), atol=1e-5)


def test_moments_of_columns_of_all_sizes():
    """Against numbers that are exact: those of a column times a power of two."""
    base = rng.normal(3, 2, size=(500, 1))
    weight = rng.integers(0, 3, 500).astype(float)
    powers = [-1060, -1000, -540, -200, 0, 200, 511, 800, 1020]
    columns = np.ldexp(base, powers)
    columns = np.column_stack([columns, np.full(500, 0.1), np.repeat([0.3, 0.1 + 0.2], 250), 1.7e18 + base[:, 0] * 1e6])
    exact_mean = (weight @ base[:, 0]) / weight.sum()
    exact_scale = 1 / np.sqrt(weight @ (base[:, 0] - exact_mean) ** 2 / weight.sum())
    for X_ in (columns, sparse.csr_matrix(columns), sparse.csr_array(columns)):
        mean, scale = mean_and_scale(X_, weight)
        for mean_, scale_, power in zip(mean, scale, powers, strict=False):
            if power > -1060:  # there, numbers have few bits
                assert np.ldexp(mean_, -power) == pytest.approx(exact_mean, rel=1e-12)
            assert np.ldexp(scale_, power) == pytest.approx(exact_scale, rel=1e-3 if power == -1060 else 1e-12) or (
                power == -1060 and np.isinf(scale_)
            )
        assert mean[-3] == 0.1  # to the bit, which no sum of it is
        assert_array_equal(scale[-3:-1], 0)  # 0.3 and 0.1 + 0.2 differ by rounding
        assert scale[-1] * 1e6 == pytest.approx(exact_scale, rel=1e-3)  # 1e6 in 1e18 are 4000 floats
        _, scale = zero_and_scale(X_, weight)
        exact = 1 / np.sqrt(weight @ base[:, 0] ** 2 / weight.sum())
        assert_allclose(np.ldexp(scale[1:9], powers[1:]), exact, rtol=1e-12)


@pytest.mark.parametrize(
    "params", [{}, {"optimizer": "lbfgs"}, {"early_stopping": True}, {"dtype": "float64"}], ids=str
)
@pytest.mark.parametrize("power", [-950, -570, -140, -60, 60, 126, 512, 950])
def test_units_make_no_difference_at_the_ends_of_the_range(params, power):
    for network, y in ((MLPRegressor, Y), (MLPClassifier, LABELS)):
        for make in (np.asarray, sparse.csr_matrix):
            rows = make(np.ldexp(X, power))
            found, expected = network(**SMALL, **params).fit(rows, y), network(**SMALL, **params).fit(make(X), y)
            of = "predict" if network is MLPRegressor else "predict_proba"
            assert_allclose(getattr(found, of)(rows), getattr(expected, of)(make(X)), atol=1e-4)


@pytest.mark.parametrize("power", [-950, -570, -140, 60, 512, 950])
@pytest.mark.parametrize(
    "params", [{}, {"early_stopping": True, "validation_fraction": 0.1}, {"loss": "huber"}], ids=str
)
def test_units_of_targets_make_no_difference(params, power):
    expected = MLPRegressor(**SMALL, **params).fit(X, Y)
    found = MLPRegressor(**SMALL, **params).fit(X, np.ldexp(Y, power))
    assert_allclose(np.ldexp(found.predict(X), -power), expected.predict(X), rtol=1e-12)
    assert found.validation_scores_ == expected.validation_scores_


@pytest.mark.parametrize(
    ("params", "dtype", "value", "message"),
    [
        ({}, np.float64, 1.7e308, r"Column 'age' of X holds 1.7e\+308, and .* float64: .*nan_to_num"),
        ({}, np.float32, -3e38, r"Column 'age' of X holds -3e\+38, and .* float32"),
        ({"standardize": False}, np.float64, 1e39, r"Column 'age' of X holds 1e\+39 .* float32 does not"),
        ({"standardize": False, "dtype": "float64"}, np.float64, 1e200, r"Column 'age' of X holds 1e\+200 .* float64"),
    ],
)
def test_what_is_out_of_range_is_an_error_that_names_the_column(params, dtype, value, message):
    frame = pd.DataFrame(X.astype(dtype), columns=["height", "age", "c", "d"])
    frame.loc[3, "age"] = dtype(value)
    params = {"early_stopping": False, **params}  # in a row that is learned, not in one that validates
    for network, y in ((MLPRegressor, Y), (MLPClassifier, LABELS)):
        with pytest.raises(ValueError, match=message):
            network(**SMALL, **params).fit(frame, y)
    with pytest.raises(ValueError, match=message):
        BaggingRegressor(MLPRegressor(**SMALL, **params), 2, bootstrap=False).fit(frame, Y)


def test_one_large_cell_is_an_outlier_like_any_other():
    """1e39 overflows float32: the fit is that of the column with 1e39 in other units."""
    large = X.copy()
    large[3, 1] = 1e39
    units = large * np.array([1, 2.0**-100, 1, 1])
    for network, y in ((MLPRegressor, Y), (MLPClassifier, LABELS)):
        found = network(**SMALL).fit(large, y).predict(large)
        assert_allclose(found, network(**SMALL).fit(units, y).predict(units), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("y", "params", "message"),
    [
        (Y * 1e-300, {}, r"^y holds .*e-300, and its values cannot be standardised"),
        (np.where(np.arange(N) == 2, 1.7e308, Y), {}, r"^y holds 1.7e\+308, .*nan_to_num"),
        (np.column_stack([Y, Y * 1e-300]), {}, "^Column 1 of y holds"),
        (
            Y * 1e60,
            {"standardize_target": False},
            "^y holds .* float32 cannot hold them .* Set standardize_target=True",
        ),
        (Y * 1e-60, {"standardize_target": False}, "^y holds .* float32 cannot hold them"),
        (np.abs(Y) * 1e20, {"loss": "poisson"}, r"means up to 1e\+13; the largest target is .*e\+20. Divide y"),
    ],
)
def test_targets_out_of_range_are_an_error(y, params, message):
    with pytest.raises(ValueError, match=message):
        MLPRegressor(**SMALL, **params).fit(X, y)


@pytest.mark.parametrize("power", [0, 400])
@pytest.mark.parametrize(
    "params",
    [{}, {"loss": "poisson"}, {"encoding": None}, {"early_stopping": True, "validation_fraction": 0.01}],
    ids=str,
)
def test_exact_resume_and_stacks_hold_for_them(params, power, tmp_path):
    """Of constants, of scales that float32 does not hold, and of scores that are not defined."""
    inputs = np.column_stack([np.ldexp(X, power), np.full(N, 2024.0)])
    y = np.column_stack([np.abs(X[:, 0]), np.full(N, 5.0)])[:100]
    inputs = inputs[:100]
    common = {**SMALL, "schedule": "constant", "early_stopping": False, **params}
    says = pytest.warns(UserWarning, match="is not defined") if "early_stopping" in params else nullcontext()
    with says:
        whole = MLPRegressor(**common).fit(inputs, y)
        first = MLPRegressor(**{**common, "max_iter": 2}, warm_start=True).fit(inputs, y)
        first.save_checkpoint(tmp_path / "state")
        resumed = MLPRegressor(**{**common, "max_iter": 2}, warm_start=True).load_checkpoint(tmp_path / "state")
        assert_array_equal(resumed.validation_scores_ or 0, first.validation_scores_ or 0)
        resumed.set_params(max_iter=5).fit(inputs, y)
        assert_array_equal(resumed.coefs_[0], whole.coefs_[0])
        for network in (MLPRegressor(**common), MLPRegressor(**{**common, "early_stopping": "auto"})):
            stack = EnsembleRegressor(estimator=network, n_estimators=3, random_state=0).fit(inputs, y)
            for member in stack.estimators_:
                assert_array_equal(clone(member).fit(inputs, y).coefs_[0], member.coefs_[0])
    if "early_stopping" not in params:
        steps = MLPRegressor(**common)
        for _ in range(5):
            steps.partial_fit(inputs, y)
        assert_array_equal(steps.coefs_[0], whole.coefs_[0])


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix], ids=["dense", "sparse"])
def test_a_column_comes_to_life_with_the_weights_that_were_drawn_for_it(make):
    """What a column's first moves begin from is what they would begin from in the first call."""
    moving = np.column_stack([X, rng.integers(0, 3, N)])
    still = moving.copy()
    still[:, 4] = 1
    mlp = MLPRegressor(**SMALL, encoding=None).initialize(make(still), Y)
    drawn = MLPRegressor(**SMALL, encoding=None).initialize(make(moving), Y).coefs_[0] * moving.std(axis=0)[:, None]
    assert_array_equal(mlp.coefs_[0][4], 0)
    mlp.set_params(optimizer=SGD(1e-6)).partial_fit(make(moving), Y)
    assert mlp.X_mean_[4] == 1
    distance = np.sqrt(((moving[:, 4] - 1) ** 2).mean())
    assert mlp.X_scale_[4] == pytest.approx(distance, rel=1e-6)
    assert_allclose(mlp.coefs_[0][4] * distance, drawn[4], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("encoding", ["auto", "robust", "quantile", Piecewise(3, bins="tree", n_units=2)], ids=str)
def test_a_column_comes_to_life_with_the_encoding_that_it_would_have_had(encoding):
    """In the first call, had it moved there; alone, beside missing numbers and categories, and after a file."""
    moving = np.column_stack([X, rng.integers(0, 9, N), rng.normal(size=N)])
    still = moving.copy()
    still[:, 4], still[:, 5] = 1, -3.3
    start, step = MLPRegressor(**SMALL, encoding=encoding, dtype="float64"), {"optimizer": SGD(1e-300)}
    rows = {"arrays": (still, moving)}
    frames = [pd.DataFrame(each).assign(kind=np.arange(N) % 5) for each in (still, moving)]
    for frame in frames:
        frame["kind"] = frame["kind"].astype(str).astype("category")
        frame.iloc[3:7, 1] = np.nan
    rows["frames"] = [frame[["kind", *range(6)]].rename(columns=str) for frame in frames]
    for before, after in rows.values():
        due = clone(start).initialize(after, Y)
        found = clone(start).initialize(before, Y)
        assert_array_equal(found.predict(after), found.predict(before))
        found.set_params(**step).partial_fit(after, Y)
        assert_allclose(found.predict(after), due.predict(after), rtol=1e-9, atol=1e-9)
        assert np.ptp(found.predict(after) - clone(start).initialize(before, Y).predict(after)) > 1e-2
        again = found.partial_fit(before, Y).partial_fit(after, Y)  # what it has learned stays
        assert_allclose(again.predict(after), due.predict(after), rtol=1e-9, atol=1e-9)


def test_a_training_goes_on_in_its_own_units_whatever_the_parameter_is_set_to():
    for first in (True, False):
        mlp = MLPRegressor(**SMALL, standardize=first).partial_fit(X * 100, Y)
        same = MLPRegressor(**SMALL, standardize=first).partial_fit(X * 100, Y).partial_fit(X * 100, Y)
        mlp.set_params(standardize=not first).partial_fit(X * 100, Y)
        assert_array_equal(mlp.coefs_[0], same.coefs_[0])
