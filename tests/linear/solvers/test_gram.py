import numpy as np
import pytest
from exact import exact_least_squares
from numpy.testing import assert_allclose, assert_array_equal

from skdl.linear.solvers.blocks import DesignBlocks
from skdl.linear.solvers.gram import accumulate, solve_gram


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def blocks_of(X, Y, weight=None, order="C"):
    def fill(part, out):
        assert out.strides[0 if order == "F" else 1] == 8
        out[...] = X[part]

    return DesignBlocks(fill, Y, weight, X.shape[1], order=order)


def solution(X, Y, weight=None, *, centred=True, order="C", **options):
    blocks = blocks_of(X, Y, weight, order)
    return solve_gram(accumulate(blocks, centred=centred), blocks, centred=centred, **options)


def nearly_dependent(rng, n, d, condition):
    left, right = (np.linalg.qr(rng.normal(size=shape))[0] for shape in ((n, d), (d, d)))
    return left * np.geomspace(1, 1 / condition, d) @ right.T


@pytest.fixture(params=["one block", "many blocks", "many columns"])
def path(request, monkeypatch):
    """Each way through the accumulation."""
    if request.param != "one block":
        monkeypatch.setattr("skdl.linear.solvers.blocks.BLOCK_BYTES", 1)
        monkeypatch.setattr("skdl.linear.solvers.blocks.LEAST_ROWS", 7)
    if request.param == "many columns":
        for module in ("blocks", "gram"):
            monkeypatch.setattr(f"skdl.linear.solvers.{module}.WIDE", 1)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("weighted", [True, False])
def test_gram_matrix_is_that_of_the_centred_rows(centred, order, weighted, rng):
    X, Y = rng.normal(size=(60, 5)) + 0.5, rng.normal(size=(60, 2))
    weight = rng.integers(1, 5, 60) / 4 if weighted else None
    gram = accumulate(blocks_of(X, Y, weight, order), centred=centred)
    columns, w = np.hstack([X, Y]), np.ones(60) if weight is None else weight
    assert_allclose(gram.weight, w.sum(), rtol=1e-15)
    assert_allclose(gram.squares, w @ columns**2, rtol=1e-14)
    if centred:
        assert_allclose(gram.mean, np.average(columns, axis=0, weights=w), rtol=1e-13)
        columns = columns - np.average(columns, axis=0, weights=w)
    assert_allclose(gram.products, (columns * w[:, None]).T @ columns, atol=1e-13)


@pytest.mark.usefixtures("path")
@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize(("condition", "passes"), [(10, {0}), (1e3, {1, 2})])
def test_solution_is_as_exact_as_that_of_an_orthogonal_method(centred, condition, passes, rng):
    X = nearly_dependent(rng, 40, 4, condition)
    y = X @ [1.0, -2.0, 3.0, 1.0] + 1e-3 * rng.normal(size=40)
    weight = rng.integers(1, 5, 40) / 4
    found = solution(X, y[:, None], weight, centred=centred)
    coef, intercept, _ = exact_least_squares(X, y, 0.0, weight, centred)
    assert found.n_passes in passes
    assert_allclose(found.coef[:, 0], coef, rtol=1e-12 if condition == 10 else 1e-11)
    residual = y - X @ coef - intercept
    assert_allclose(found.rss, weight @ residual**2, rtol=1e-9)
    # What is stored for later is the same problem, to the same digits.
    reduction = found.reduction
    again = np.linalg.lstsq(reduction.factor, reduction.target)[0]
    assert_allclose(again[:, 0], coef, rtol=1e-12 if condition == 10 else 1e-9)
    assert_allclose(np.sum((reduction.target - reduction.factor @ found.coef) ** 2, axis=0), found.rss, rtol=1e-9)


@pytest.mark.usefixtures("path")
def test_penalty_as_a_diagonal_and_as_a_matrix(rng):
    X, Y = nearly_dependent(rng, 30, 3, 100.0), rng.normal(size=(30, 2))
    prior, half = rng.normal(size=(3, 2)), rng.normal(size=(3, 3))
    for penalty in (np.array([0.5, 0.0, 2.0]), half.T @ half):
        matrix = np.diag(penalty) if penalty.ndim == 1 else penalty
        expected = np.linalg.solve(X.T @ X + matrix, X.T @ Y + matrix @ prior)
        found = solution(X, Y, centred=False, penalty=penalty, prior=prior)
        assert_allclose(found.coef, expected, rtol=1e-11)
        assert_allclose(found.rss, np.sum((Y - X @ expected) ** 2, axis=0), rtol=1e-12)
        plain = np.linalg.lstsq(X, Y)[0]  # the stored problem is the one without the penalty
        assert_allclose(np.linalg.lstsq(*found.reduction[:2])[0], plain, rtol=1e-10)


def test_a_residual_that_cancels_is_summed_from_the_rows(rng):
    X = rng.integers(-9, 9, (50, 3)).astype(float)
    noise = np.linalg.qr(np.column_stack([np.ones(50), X, rng.normal(size=50)]))[0][:, -1]
    found = solution(X, (X @ [3.0, 1.0, 2.0] + 1e-9 * noise)[:, None])
    assert found.n_passes > 0
    assert_allclose(found.rss, 1e-18, rtol=1e-5)  # the targets' own rounding error is 1e-15 / 1e-9
    assert_allclose(found.coef[:, 0], [3.0, 1.0, 2.0], rtol=1e-14)


def test_threads_change_no_bit(rng, monkeypatch):
    X, Y = rng.normal(size=(5000, 6)), rng.normal(size=(5000, 1))
    monkeypatch.setattr("skdl.linear.solvers.blocks.BLOCK_BYTES", 2**12)
    one, *others = [
        (monkeypatch.setattr("skdl.linear.solvers.blocks.blas_threads", lambda n=n: n), solution(X, Y))[1]
        for n in (1, 2, 5)
    ]
    for other in others:
        assert_array_equal(other.coef, one.coef)
        assert_array_equal(other.reduction.factor, one.reduction.factor)


def test_unsafe_problems_are_refused(rng):
    X, Y = rng.normal(size=(40, 4)), rng.normal(size=(40, 1))
    assert solution(X, Y) is not None
    assert solution(nearly_dependent(rng, 40, 4, 1e7), Y) is None
    assert solution(np.hstack([X, X[:, :1]]), Y) is None
    assert solution(np.hstack([X, np.ones((40, 1))]), Y) is None
    assert solution(X + np.array([0.0, 0.0, 0.0, 1e6]), Y) is None  # centring cancels 12 digits of the sum of squares
    assert solution(X[:3], Y[:3]) is None
    assert solution(X, Y, threshold=0.2) is None
    assert solution(X, Y, threshold=1e-3) is not None
    assert solution(X, Y, threshold=1e-3, offset=np.full(5, 1e4)) is None
    for size in (1e-140, 1e140):
        assert solution(X * size, Y) is None
        assert solution(X, Y * size) is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 20, 39])
def test_what_is_not_finite_shows_in_the_gram_matrix(value, place, rng):
    X = rng.normal(size=(40, 4))
    X[place, 2] = value
    assert not accumulate(blocks_of(X, np.ones((40, 1))), centred=True).is_finite


def test_targets_without_any_relation_are_no_failure(rng):
    X = nearly_dependent(rng, 40, 4, 1e3)
    y = rng.normal(size=40)
    y -= X @ np.linalg.lstsq(X, y)[0]
    found = solution(X, y[:, None], centred=False)
    assert found.n_passes > 0
    assert_allclose(found.coef, 0, atol=1e-10)
    assert_allclose(found.rss, y @ y, rtol=1e-13)


def test_columns_in_very_different_units_lose_nothing(rng):
    X = rng.integers(-9, 9, (40, 3)).astype(float)
    Y = rng.normal(size=(40, 1))
    units = np.array([2.0**-60, 1.0, 2.0**60])
    assert_allclose(solution(X * units, Y).coef * units[:, None], solution(X, Y).coef, rtol=1e-13)
