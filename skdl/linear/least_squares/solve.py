"""The choice of a solver for a least-squares problem."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from skdl._weights import require_rank
from skdl.linear.least_squares.lasso import lasso_of_reduction, lasso_of_rows
from skdl.linear.least_squares.problem import Problem, Setting, Solution
from skdl.linear.solvers.blocks import DesignBlocks
from skdl.linear.solvers.dual import solve_dual
from skdl.linear.solvers.gram import REFINE_SAFETY, GramSolution, accumulate, solve_gram
from skdl.linear.solvers.lsmr import solve_lsmr
from skdl.linear.solvers.nonnegative import solve_nonnegative
from skdl.linear.solvers.qr import rank_threshold, solve_qr
from skdl.linear.solvers.reduction import EPS, SAMPLE_ROWS, Reduction, reduce_rows, triangle_of
from skdl.linear.solvers.refinement import refine
from skdl.linear.solvers.scaling import safe_exponents, scale_down
from skdl.linear.solvers.svd import solve_svd

# Up to so many numbers in X, the most exact way costs no more than the call around it.
SMALL = 2**14
LONG_ROW = 512
NEAR = 2.0  # standard deviations from zero, from where on centring would cost a digit, and hence is done beforehand
# A sparse X is reduced exactly, one dense block of rows after the other, if it has at most so many columns or entries.
DIRECT_COLUMNS = 2048
DIRECT_ELEMENTS = 2**24


def solve_problem(problem: Problem, solver: str) -> Solution:
    """The solution of a problem by the solver "auto", "cholesky", "qr" or "svd"."""
    if problem.setting.has_kinks:
        return _with_kinks(problem, solver)
    solution = solve_unconstrained(problem, solver)
    require_rows_seen(problem, solution.rank, solver)
    if not (problem.setting.positive and (solution.coef < 0).any()):
        return solution
    reduction = _triangle(problem) if solution.reduction is None else solution.reduction
    return solve_reduction(reduction, problem.setting, solver)


def require_rows_seen(problem: Problem, rank: int | None, solver: str) -> None:
    """Raise for weights so far apart that rounding hides rows on which the solution, of this rank, depends."""
    # A positive alpha settles what the rows leave open.
    strength = np.add(problem.setting.alpha, problem.setting.l1)
    if problem.weight is None or rank is None or np.all(strength > 0):
        return
    d, noise = problem.X.shape[1], problem.setting.noise
    require_rank(rank, d, problem.weight, noise, lambda rows: _rank_of_equal(problem, rows, solver))


def _with_kinks(problem: Problem, solver: str) -> Solution:
    """The solution for a penalty on absolute values."""
    if _is_large_and_sparse(problem) and solver == "auto":
        problem.check()
        coef, gap, x_mean, y_mean = lasso_of_rows(problem)
        solution = solution_from_coefficients(problem, coef, x_mean, y_mean, solver="coordinate_descent")
        return solution._replace(gap=gap)
    if not problem.is_sparse:  # in one order, so that the last bits do not depend on how a frame keeps its columns
        problem = replace(problem, X=np.ascontiguousarray(problem.X))
    reduction = reduction_of(problem) if solver in ("auto", "cholesky") else _triangle(problem)
    solution = solve_reduction(reduction, problem.setting, solver)
    require_rows_seen(problem, solution.rank, solver)
    return solution


def _rank_of_equal(problem: Problem, rows: np.ndarray, solver: str) -> int:
    """The rank of some rows, each with the weight 1."""
    equal = solve_unconstrained(replace(problem, X=problem.X[rows], y=problem.y[rows], weight=None), solver)
    return problem.X.shape[1] if equal.rank is None else equal.rank


def solve_unconstrained(problem: Problem, solver: str) -> Solution:
    """The solution without regard to the signs of the coefficients."""
    n, d = problem.X.shape
    if solver == "auto":
        if _is_large_and_sparse(problem):
            return _by_lsmr(problem)
        solver = "qr" if n * d <= SMALL else "cholesky"
    if solver == "cholesky":
        solution = _by_dual(problem) if n - int(problem.setting.fit_intercept) < d else _by_gram(problem)
        if solution is not None:
            return solution
        solver = "qr"
    return _by_triangle(problem, solver)


def _is_large_and_sparse(problem: Problem) -> bool:
    n, d = problem.X.shape
    return problem.is_sparse and d > DIRECT_COLUMNS and n * d > DIRECT_ELEMENTS


def reduction_of(problem: Problem) -> Reduction:
    """The sufficient statistics, by the quickest way that keeps all of their digits."""
    n, d = problem.X.shape
    if n > d and n * d > SMALL:
        found = _gram(problem)
        if found is not None and found.safety >= REFINE_SAFETY:
            return found.reduction._replace(unit=problem.unit)
    return _triangle(problem)


def solve_reduction(reduction: Reduction, setting: Setting, solver: str = "qr") -> Solution:
    """The solution from sufficient statistics, by the SVD or, for every other direct solver, by QR."""
    alpha, prior, _, noise, positive, _ = setting
    shifted = reduction
    if prior is not None:
        shifted = reduction._replace(target=reduction.target - reduction.factor @ prior)
    half = reduction.weight / 2
    if solver == "svd":
        coef, rank = solve_svd(shifted, half * np.asarray(alpha), noise=noise)
    elif np.ndim(alpha) == 0:
        coef, rank = solve_qr(shifted, half * float(alpha), noise=noise)
    else:
        coef, rank = solve_qr(shifted, half, np.diag(np.sqrt(alpha)), noise=noise)
    if prior is not None:
        coef = coef + prior
    ran = "svd" if solver == "svd" else "qr"
    gap = None
    if setting.has_kinks:
        ran = "coordinate_descent"
        coef, gap = lasso_of_reduction(reduction, setting)
    elif positive and (coef < 0).any():
        prior, ran = np.zeros(coef.shape) if prior is None else prior, "nnls"
        coef = solve_nonnegative(reduction, np.broadcast_to(half * np.asarray(alpha), len(coef)), prior, noise=noise)
    exponent = safe_exponents(np.abs(reduction.target).max(axis=0, initial=0.0))
    rss = np.sum(scale_down(reduction.target - reduction.factor @ coef, exponent) ** 2, axis=0)
    return _of_reduction(reduction, coef, rss, exponent, rank, ran, setting)._replace(gap=gap)


def _of_reduction(
    reduction: Reduction,
    coef: np.ndarray,
    rss: np.ndarray,
    exponent: np.ndarray,
    rank: int,
    solver: str,
    setting: Setting,
) -> Solution:
    tss = np.sum(scale_down(reduction.target, exponent) ** 2, axis=0)
    means, weights = (reduction.x_mean, reduction.y_mean), (reduction.weight, reduction.unit)
    return Solution(coef, *means, rss, tss, *weights, rank, solver, setting, reduction, y_exponent=exponent)


def _triangle(problem: Problem) -> Reduction:
    problem.check()
    reduction = reduce_rows(problem.rows, problem.y, problem.weight, fit_intercept=problem.setting.fit_intercept)
    return reduction._replace(unit=problem.unit)


def _by_triangle(problem: Problem, solver: str) -> Solution:
    """QR of blocks of rows, and the last digits by refinement where the coefficients are determined."""
    reduction, setting = _triangle(problem), problem.setting
    solution = solve_reduction(reduction, setting, solver)
    d = len(solution.coef)
    if solution.rank != d or setting.noise > EPS:  # float32 coefficients have their digits already
        return solution
    penalty, triangle = problem.penalty, reduction.factor[:d]
    if penalty is not None:
        triangle = triangle_of(np.vstack([triangle, np.diag(np.sqrt(penalty))]))
    refined = refine(
        problem.rows,
        problem.targets,
        problem.weight,
        solution.coef,
        triangle=triangle,
        x_mean=reduction.x_mean,
        y_mean=reduction.y_mean,
        x_mean_rest=np.broadcast_to(reduction.mean_rest, d + problem.y.shape[1])[:d],
        total=reduction.weight,
        fit_intercept=setting.fit_intercept,
        penalty=penalty,
        prior=0.0 if setting.prior is None else setting.prior,
    )
    if refined is None:
        return solution
    rss = solution.rss if np.any(solution.y_exponent) else refined.rss
    return solution._replace(coef=refined.coef, intercept=refined.intercept, rss=rss)


def _by_gram(problem: Problem) -> Solution | None:
    found = _gram(problem)
    if found is None:
        return None
    reduction = found.reduction._replace(unit=problem.unit)
    exponent = safe_exponents(np.abs(reduction.target).max(axis=0, initial=0.0))
    rss = scale_down(found.rss, 2 * exponent)
    return _of_reduction(reduction, found.coef, rss, exponent, len(found.coef), "cholesky", problem.setting)


def _gram(problem: Problem) -> GramSolution | None:
    """The solution by the Gram matrix of the rows less a rough centre, from one pass over them."""
    y, d = problem.targets, problem.X.shape[1]
    centre = np.zeros(d + y.shape[1])
    if problem.setting.fit_intercept:
        part = slice(None, None, -(-len(y) // SAMPLE_ROWS))
        sample = problem.rows(part).astype(np.float64)
        with np.errstate(all="ignore"):  # of what is not finite
            centre[:d], spread = sample.mean(axis=0), sample.std(axis=0)
        centre[d:] = y[part].mean(axis=0)
        y = y - centre[d:]
        if (np.abs(centre[:d]) <= NEAR * spread).all():
            centre[:d] = 0.0
    as_it_is = not centre[:d].any()

    # NumPy's loop over one short row costs more than its numbers: several contiguous rows are one long row.
    several = max(1, LONG_ROW // d)
    tiled = np.tile(centre[:d], several)

    def fill(part: slice, out: np.ndarray) -> np.ndarray | None:
        block = problem.rows(part)
        if as_it_is and block.flags.c_contiguous and block.flags.aligned and block.dtype == out.dtype:
            return block
        whole = len(block) - len(block) % several if block.flags.c_contiguous else 0
        if whole:
            shape = (-1, several * d)
            np.subtract(block[:whole].reshape(shape), tiled, out=out[:whole].reshape(shape))
        np.subtract(block[whole:], centre[:d], out=out[whole:])
        return None

    blocks = DesignBlocks(fill, y, problem.weight, d)
    gram = accumulate(blocks, centred=problem.setting.fit_intercept)
    if not gram.is_finite:
        problem.check()
    return solve_gram(
        gram,
        blocks,
        centred=problem.setting.fit_intercept,
        penalty=problem.penalty,
        prior=0.0 if problem.setting.prior is None else problem.setting.prior,
        offset=centre,
        threshold=rank_threshold(d, problem.setting.noise),
    )


def _by_dual(problem: Problem) -> Solution | None:
    penalty = problem.penalty
    if problem.is_sparse or (penalty is not None and not penalty.all()):
        return None
    found = solve_dual(
        lambda part: np.asarray(problem.X[:, part], dtype=np.float64),
        problem.X.shape[1],
        problem.targets,
        problem.weight,
        fit_intercept=problem.setting.fit_intercept,
        penalty=penalty,
        prior=problem.setting.prior,
        threshold=rank_threshold(len(problem.y), problem.setting.noise),
        check=problem.check,
    )
    if found is None:
        return None
    rank = len(problem.y) - int(problem.setting.fit_intercept)
    return Solution(*found, problem.total, problem.unit, rank, "dual", problem.setting)


def _by_lsmr(problem: Problem) -> Solution:
    problem.check()
    alpha, prior, fit_intercept = problem.setting[:3]
    X, y_exponent = problem.X, safe_exponents(np.abs(problem.targets).max(axis=0))
    x_exponent = safe_exponents(abs(X).max())
    if x_exponent:
        X = X.copy()
        X.data = scale_down(X.data, x_exponent)
    found = solve_lsmr(
        X,
        scale_down(problem.targets, y_exponent),
        problem.weight,
        alpha=scale_down(np.asarray(alpha), 2 * x_exponent),
        prior=None if prior is None else scale_down(prior, y_exponent - x_exponent),
        fit_intercept=fit_intercept,
    )
    coef, x_mean = scale_down(found.coef, x_exponent - y_exponent), scale_down(found.x_mean, -x_exponent)
    return solution_from_coefficients(problem, coef, x_mean, scale_down(found.y_mean, -y_exponent), solver="lsmr")


def solution_from_coefficients(
    problem: Problem, coef: np.ndarray, x_mean: np.ndarray, y_mean: np.ndarray, *, solver: str
) -> Solution:
    """A solution that an iteration found, and how it fits; without a rank."""
    w = np.ones(len(problem.y)) if problem.weight is None else problem.weight
    mean = w @ problem.targets / problem.total if problem.setting.fit_intercept else 0.0
    residual = problem.targets - y_mean - (problem.X @ coef - x_mean @ coef)
    exponent = safe_exponents(np.abs(problem.targets).max(axis=0))
    rss = w @ scale_down(residual, exponent) ** 2
    tss = w @ scale_down(problem.targets - mean, exponent) ** 2
    about = (problem.total, problem.unit, None, solver, problem.setting)
    return Solution(coef, x_mean, y_mean, rss, tss, *about, y_exponent=exponent)
