"""Least squares on Chebyshev products whose design matrix is never stored.

Blocks of rows are evaluated, term by term so that one product writes many contiguous values, added to a Gram matrix
while they are in the cache, and forgotten: memory is O(m^2 + one block) for m terms. What the Gram matrix is too
ill-conditioned for, or has dependent terms, is solved by orthogonal transformations of the rows instead.

For one feature the Gram matrix needs no matrix product. As T_i T_j = (T_{i+j} + T_{|i-j|}) / 2, its entries follow
from the sums of T_0, ..., T_{2m}, and as T_{2k} = 2 T_k T_k - T_0 and T_{2k+1} = 2 T_k T_{k+1} - T_1, the upper half of
these are dot products of the lower polynomials.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skdl._weights import require_rank
from skdl.linear.polynomial.basis import ChebyshevProducts, ranges, typical_ranges
from skdl.linear.polynomial.change_of_basis import ChangeOfBasis
from skdl.linear.polynomial.problem import Problem, Solution
from skdl.linear.polynomial.refinement import refine_exactly, refine_penalised
from skdl.linear.polynomial.rows import Rows, scale_rows
from skdl.linear.polynomial.terms import TermSet, list_powers
from skdl.linear.solvers.blocks import DesignBlocks
from skdl.linear.solvers.double_double import DoubleDouble
from skdl.linear.solvers.gram import REFINE_SAFETY, Gram, accumulate, factorise, solve_gram
from skdl.linear.solvers.qr import rank_threshold, solve_qr
from skdl.linear.solvers.reduction import EPS, SAMPLE_ROWS, Reduction, reduce_rows
from skdl.linear.solvers.scaling import safe_exponents, scale_down

# Coefficients are refined with 32 digits where they may have errors above these, in designs of up to so many numbers:
# 2^14 take about 2 ms, 2^18 about 30 ms.
TOLERANCE, SMALL_DESIGN = 1e-13, 2**14
LARGE_TOLERANCE, LARGE_DESIGN = 1e-6, 2**18
# Up to so many terms, a penalty whose square would be too ill-conditioned is not squared.
FACTORED_TERMS = 2048


class PolynomialFit(NamedTuple):
    """A fitted polynomial, in the basis that it is evaluated in and in the one that was asked for."""

    basis: ChebyshevProducts  # what the polynomial is evaluated in
    inner: np.ndarray  # (m + 1, k) coefficients in this basis, the constant last
    coef: np.ndarray  # (m + 1, k) coefficients in the family that was asked for, the constant last
    domain: np.ndarray  # (d, 2) intervals that the family's polynomials map to [-1, 1]
    rank: int
    sigma: np.ndarray  # (k,) roots of the mean squared residuals
    x_exponent: np.ndarray  # (d,) `basis` is of X over two to these powers
    y_exponent: np.ndarray  # (k,) and `inner` of y over two to these


def fit_polynomial(
    X: Rows,
    y: np.ndarray,
    weight: np.ndarray | None,
    *,
    terms: TermSet,
    family: str,
    alpha: float,
    fit_intercept: bool,
) -> PolynomialFit:
    """The polynomial for targets y (n, k). Its basis has no terms of features that have no effect."""
    caps = terms.caps
    if weight is not None:
        weight = weight / weight.max()  # so that no sum of weights overflows
    centre, half = ranges(X, shift=fit_intercept)
    x_exponent, y_exponent = safe_exponents(np.abs(centre) + half), safe_exponents(np.abs(y).max(axis=0))
    if x_exponent.any():
        X = scale_rows(X, x_exponent)
        centre, half = ranges(X, shift=fit_intercept)
    y = scale_down(y, y_exponent)
    inner_centre, inner_half = typical_ranges(X, weight, centre, half, shift=fit_intercept)
    if alpha == 0:  # A feature that never varies has no effect; only a penalty on its powers says how to share theirs.
        caps = [cap if width > 0 else 0 for cap, width in zip(caps, half, strict=True)]
    half, inner_half = np.where(half > 0, half, 1.0), np.where(inner_half > 0, inner_half, 1.0)
    basis = ChebyshevProducts(caps, terms.degree, inner_centre, inner_half, terms.follows)
    penalised = None
    if alpha > 0:
        penalised = ChangeOfBasis(basis, "monomial", centre, half).matrix()
        if x_exponent.any():
            with np.errstate(over="ignore"):
                units = np.ldexp(1.0, -list_powers(basis.blocks, len(half)) @ x_exponent)
            penalised = sparse.csc_array(sparse.diags_array(units) @ penalised)
    if penalised is not None and not np.isfinite(penalised.data).all():
        raise ValueError(
            "alpha > 0 penalises the coefficients of monomials, and for features as small as these they are out of "
            "float64's range. Scale the features first, as by StandardScaler."
        )
    problem = Problem(basis, X, y, weight, fit_intercept, alpha, penalised)

    solution = solve_products(problem)
    if weight is not None and alpha == 0:
        noise = basis.degree * float(np.finfo(X.dtype).eps)
        require_rank(solution.rank, basis.n_terms, weight, noise, lambda rows: _rank_of_equal(problem, rows))
    inner = DoubleDouble(np.vstack([solution.coef, solution.constant]))
    change = ChangeOfBasis(basis, family, centre, half)
    if solution.rank == basis.n_terms > 0 and alpha == 0:
        error = change.amplification(inner) * solution.rate
        size = len(X) * basis.n_terms
        if (error > TOLERANCE and size <= SMALL_DESIGN) or (error > LARGE_TOLERANCE and size <= LARGE_DESIGN):
            inner = refine_exactly(problem, solution)
    coef, domain = change(inner), np.stack([centre - half, centre + half], axis=1)
    if x_exponent.any() or y_exponent.any():
        exponent = np.tile(y_exponent, (len(coef), 1))
        if family == "monomial":
            exponent[:-1] -= (list_powers(basis.blocks, len(half)) @ x_exponent)[:, None]
        with np.errstate(over="ignore"):
            coef, domain = np.ldexp(coef, exponent), np.ldexp(domain, x_exponent[:, None])
    sigma = np.ldexp(np.sqrt(solution.rss / problem.total), y_exponent)
    return PolynomialFit(basis, inner.hi, coef, domain, solution.rank, sigma, x_exponent, y_exponent)


def _rank_of_equal(problem: Problem, rows: np.ndarray) -> int:
    """The rank of the products on some rows, each with the weight 1."""
    return solve_products(problem._replace(X=problem.X[rows], y=problem.y[rows], weight=None)).rank


class CentredRows:
    """The rows of an array minus a constant, computed where they are used."""

    def __init__(self, values: np.ndarray, centre: np.ndarray):
        self.values, self.centre, self.shape = values, centre, values.shape

    def __getitem__(self, part: slice) -> np.ndarray:
        return np.asarray(self.values[part] - self.centre)


def solve_products(problem: Problem) -> Solution:
    """The solution by the Gram matrix of the products, or by QR where that is unsafe."""
    basis, X, y, weight, fit_intercept, alpha, penalised = problem
    m = basis.n_terms
    ridge = alpha / 2 * problem.total
    noise = basis.degree * float(np.finfo(X.dtype).eps)  # relative, of the values of a product
    origin = basis(np.zeros((1, X.shape[1])))[:, 0] if not fit_intercept else np.zeros(m)

    by_gram = _solve_gram(problem, origin, ridge, noise) if len(X) > m > 0 else None
    if by_gram is not None:
        coef, reduction, rate = by_gram
        rank = m
    else:
        reduction = reduce_rows(lambda part: basis(X[part]).T - origin, y, weight, fit_intercept=fit_intercept)
        coef, rank = solve_qr(reduction, ridge, None if penalised is None else penalised.toarray(), noise=noise)
        rate = 1.0
    mean = reduction.x_mean if fit_intercept else origin
    triangle = reduction.factor[:m] if penalised is None else None
    rss, tss = (np.sum(v**2, axis=0) for v in (reduction.target - reduction.factor @ coef, reduction.target))
    rss = np.where(rss > (8 * EPS) ** 2 * tss, rss, 0.0)  # of rounding
    return Solution(coef, reduction.y_mean - mean @ coef, rank, triangle, mean, rss, rate)


def _solve_gram(
    problem: Problem, origin: np.ndarray, ridge: float, noise: float
) -> tuple[np.ndarray, Reduction, float] | None:
    """Coefficients, reduction and rate of convergence from one pass over the rows, or a few; None if unsafe."""
    basis, X, y, weight, centred, _, penalised = problem
    m, k = basis.n_terms, y.shape[1]
    moments = X.shape[1] == 1 and centred
    rough, offset = origin, np.zeros(m + k)
    if centred:
        # Products that are far from zero on average would lose digits when they are centred: they come roughly so.
        sample = slice(None, None, -(-len(X) // SAMPLE_ROWS))
        rough = np.zeros(m) if moments else basis(X[sample]).mean(axis=1)
        offset = np.concatenate([rough, y[sample].mean(axis=0, dtype=np.float64)])

    def write(part: slice, out: np.ndarray) -> None:
        basis.write(X[part], out.T)
        if not moments:
            out -= rough

    targets: Any = CentredRows(y, offset[m:])
    blocks = DesignBlocks(write, targets, weight, m, order="F")
    gram = accumulate_moments(blocks) if moments else accumulate(blocks, centred=centred)
    squared = None
    if penalised is not None:
        # A penalty on monomials may be as ill-conditioned as they are: it is squared where that costs no digits.
        with np.errstate(all="ignore"):
            squared = ridge * (penalised.T @ penalised).toarray()
        matrix = gram.products[:m, :m] + squared
        finite = bool(np.isfinite(matrix).all())
        rcond = factorise(matrix, 1.0 / np.sqrt(matrix.diagonal()))[1] if finite and m <= FACTORED_TERMS else 1.0
        if not finite or rcond < REFINE_SAFETY:
            squared = None
    threshold = rank_threshold(m, noise)
    found = solve_gram(gram, blocks, centred=centred, penalty=squared, offset=offset, threshold=threshold)
    if found is None:
        return None
    if penalised is None or squared is not None:
        return found.coef, found.reduction, EPS / found.safety
    coef, _ = solve_qr(found.reduction, ridge, penalised.toarray(), noise=noise)
    if found.safety < REFINE_SAFETY:
        refined = refine_penalised(gram, blocks, found.reduction.factor[:m], coef, ridge, penalised, centred=centred)
        if refined is None:
            return None
        coef = refined
    return coef, found.reduction, EPS / found.safety


def accumulate_moments(blocks: DesignBlocks) -> Gram:
    """The centred Gram matrix of T_1, ..., T_m of one feature and of the targets, from 2m + 1 sums."""
    m, k, width = blocks.d, blocks.k, blocks.width
    higher = np.arange(m + 1, 2 * m + 1)

    def add(x: np.ndarray, y: np.ndarray, total: np.ndarray) -> None:
        total[:m] += x.T @ y
        total[m:width] += y.T @ y
        for row, upper in enumerate(higher, start=width):
            total[row, 0] += x[:, (upper + 1) // 2 - 1] @ x[:, upper // 2 - 1]

    [total] = blocks.sum(add, (width + m, k + 1))
    sums = total[:width, -1]  # of T_1, ..., T_m, the targets and 1
    chebyshev = np.concatenate([sums[-1:], sums[:m], np.empty(m)])
    chebyshev[higher] = 2 * total[width:, 0] - chebyshev[higher % 2]

    products = np.empty((m + k, m + k), order="F")
    i = np.arange(1, m + 1)
    products[:m, :m] = (chebyshev[i + i[:, None]] + chebyshev[np.abs(i - i[:, None])]) / 2
    products[:, m:] = total[: m + k, :k]
    products[m:, :m] = products[:m, m:].T
    squares = products.diagonal().copy()
    weight, sums = float(sums[-1]), sums[:-1]
    with np.errstate(all="ignore"):
        mean = sums / weight
        products -= np.multiply.outer(mean, sums)
    return Gram(products, mean, squares, weight)
