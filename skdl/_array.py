"""Array operations that the engine and the components share, by NumPy's fastest calls.

Arrays are NumPy's: the operations here are, and so are the arrays that the engine makes. Elementwise formulas of
components take their functions from `namespace(x)`, so that they would hold for other libraries of the array API
standard (with in-place arithmetic), but nothing else is written or tested for these.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special

Array = Any  # a NumPy array


def namespace(x: Array) -> Any:
    """The module of functions of the library that x is an array of."""
    xp = _NAMESPACES.get(type(x))
    if xp is None:
        xp = _NAMESPACES[type(x)] = x.__array_namespace__()
    return xp


_NAMESPACES: dict[type, Any] = {}  # NumPy takes 6 us to answer, which a step on a small network asks twice


def column(values: Any, ndim: int, dtype: Any) -> Array:
    """An array of shape (k, 1, ...) of one number a member, to broadcast over arrays that have members first."""
    if type(values) is np.ndarray and values.ndim == ndim and values.dtype == dtype:
        return values  # a step on a small network asks ten times
    return np.asarray(values, dtype=dtype).reshape(-1, *([1] * (ndim - 1)))


# NumPy's own, each with `out=`, and no Python function around them: a step on a small network makes twenty such calls.
matmul, sqrt, divide, multiply = np.matmul, np.sqrt, np.divide, np.multiply


def norms_within(x: Array, limit: float) -> Array:
    """The factor of each row of (k, P) that takes its norm to the limit, or 1 where it is no larger, (k, 1)."""
    norms = np.sqrt(np.sum(x * x, axis=-1, keepdims=True))
    factor: Array = limit / np.maximum(norms, limit)
    return factor


def norms(x: Array) -> Array:
    """The Euclidean norm of each row of (k, P), by one dot product a member."""
    return np.sqrt(np.vecdot(x, x))


def power(x: Array, exponent: Any) -> Array:
    """Powers, computed for one exponent as for many: NumPy has shortcuts for a lone 2, 1/2 or -1."""
    return np.power(x, np.broadcast_to(exponent, x.shape).astype(x.dtype, order="C"))


def transpose(x: Array) -> Array:
    """The matrices of a stack transposed, without a copy."""
    return x.mT


def take_rows(x: Array, index: Array, out: Array | None = None) -> Array:
    """Rows of one matrix by index; `mode="clip"` spares NumPy the buffering of a checked take into `out`."""
    return np.take(x, index, axis=0, out=out, mode="clip")


def rectify(x: Array) -> Array:
    """max(x, 0) in place; against an array of zeros NumPy's loop is vectorised, and three times faster than with 0."""
    return np.maximum(x, zeros_of(x), out=x)


def zeros_of(x: Array) -> Array:
    """Zeros of the shape and type of x, in a shared array, to read from."""
    zeros = _ZEROS.get(x.dtype)
    if zeros is None or zeros.size < x.size:
        zeros = _ZEROS[x.dtype] = np.zeros(x.size, x.dtype)
        zeros.flags.writeable = False
    return zeros[: x.size].reshape(x.shape)


_ZEROS: dict[Any, Array] = {}


SHORT_ROW = 32  # NumPy spends 10 ns on each row, so that arrays of shorter ones are best kept column by column


def product_rows(x: Array, weight: Array) -> Array:
    """The product x W, in memory column by column where its rows are short."""
    return np.matmul(weight.mT, x.mT).mT if 1 < weight.shape[-1] <= SHORT_ROW else np.matmul(x, weight)


def row_max(x: Array) -> Array:
    """(k, B, C) -> (k, B, 1), the largest number of each row; short rows are laid side by side first, for speed."""
    if x.shape[-1] > SHORT_ROW:
        return np.maximum.reduce(x, axis=-1, keepdims=True)
    return np.maximum.reduce(np.ascontiguousarray(x.mT), axis=-2)[..., None]


def row_sum(x: Array) -> Array:
    """(k, B, C) -> (k, B, 1), the sum of each row, as a product with ones: short rows are slow to reduce."""
    return np.matmul(x, _ones(x.shape[-1], x.dtype).T)


def column_sum(x: Array, out: Array | None = None) -> Array:
    """(k, B, n) -> (k, 1, n): a product with a row of ones, 3 to 9 times faster than a sum over the middle axis."""
    return np.matmul(_ones(x.shape[1], x.dtype), x, out)


@lru_cache(maxsize=64)
def _ones(size: int, dtype: Any) -> Array:
    """A shared row of ones, to read from."""
    ones = np.ones((1, size), dtype)
    ones.flags.writeable = False
    return ones


def weighted_sum(rows: Array, weight: Array) -> Array:
    """Each member's weighted sum over rows, (k, B, 1) -> (k,): a product, the same alone and in a stack."""
    return np.matmul(weight.mT, rows)[:, 0, 0]


def normal_cdf(x: Array) -> Array:
    """The standard normal distribution function, exactly 0 and 1 in the tails.

    SciPy's is exact, but not vectorised: 14 ns a number. In float32, with u = 1 / (1 + 0.275 |x|), a polynomial P(u) of
    nine terms (fitted to a relative error of 6e-8) gives Phi(-|x|) = exp(-x^2 / 2) P(u), within 3e-7 in 2 ns.
    """
    if x.dtype != np.float32:
        return special.ndtr(x)
    tail = np.abs(x)
    u = tail * np.float32(0.275)
    u += 1
    np.divide(1, u, out=u)
    polynomial = u * _MILLS[0]
    for coefficient in _MILLS[1:]:
        polynomial += coefficient
        polynomial *= u
    tail *= tail
    tail *= -0.5
    np.exp(tail, out=tail)
    tail *= polynomial
    np.subtract(x > 0, tail, out=tail)  # 1 - Phi(-|x|), or minus Phi(-|x|)
    return np.abs(tail, out=tail)


_MILLS = np.array(
    [0.0271749625, -0.110704827, 0.130222084, -0.0352105935, 0.0880341933, 0.0789271883, 0.102192096, 0.1096542,
     0.109710692],
    np.float32,
)  # fmt: skip


def bernoulli_rows(generators: Sequence[np.random.Generator], probability: Array, like: Array) -> Array:
    """Zeros and ones of the shape and type of `like` (k or 1, ...), k times: member i's come from generator i alone.

    Sixteen random bits a number: one is at hand with the probability rounded to 2^-16, and several times faster than a
    comparison with a uniform real.
    """
    ones = np.empty((len(generators), *like.shape[1:]), like.dtype)
    where_below(random_bits(generators, ones[0].size), probability, np.ones(len(ones), ones.dtype), ones)
    return ones


def random_bits(generators: Sequence[np.random.Generator], size: int) -> Array:
    """Sixteen random bits a number, (k, size, rounded up to fours): member i's come from generator i alone."""
    n_draws = -(-size // 4)
    if len(generators) == 1:
        drawn: Array = generators[0].bit_generator.random_raw(n_draws)
        return drawn.view(np.uint16)[None]
    bits = np.empty((len(generators), n_draws), np.uint64)
    for generator, row in zip(generators, bits, strict=True):
        row[...] = generator.bit_generator.random_raw(n_draws)
    return bits.view(np.uint16)


def where_below(bits: Array, probability: Array, value: Array, out: Array) -> None:
    """A value for each member where its bits are among the lower ones, as many as its probability says; else zero."""
    size = out[0].size
    is_below = np.empty(size, bool)
    for own, share, number, row in zip(
        bits, np.ravel(probability).tolist(), np.ravel(value), out.reshape(-1, size), strict=True
    ):
        bound = round(share * 65536)
        # Sixteen bits as they are: NumPy would widen them first to compare with 65536.
        np.less_equal(own[:size], max(bound - 1, 0), out=is_below)
        np.multiply(is_below, number if bound else number * 0, out=row)


def exponents_of(values: np.ndarray, axis: Any = None) -> np.ndarray:
    """The powers of two next to the largest size: over them, which changes no bit, no square over- or underflows."""
    largest = np.maximum(values.max(axis=axis, initial=0.0), -values.min(axis=axis, initial=0.0))
    exponents: np.ndarray = np.clip(np.frexp(largest)[1], -1000, 1000)
    return exponents


def normal_rows(generators: Sequence[np.random.Generator], like: Array) -> Array:
    """Standard normal numbers of the shape and type of `like` (k, ...): member i's come from generator i alone."""
    drawn = np.empty(like.shape, like.dtype)
    for generator, row in zip(generators, drawn, strict=True):
        generator.standard_normal(out=row, dtype=row.dtype.type)
    return drawn


def in_order(x: Any, dtype: Any) -> np.ndarray:
    """The numbers as an array in C order that can be written to, x itself if it is one."""
    return np.require(x, dtype, ["C", "W"])


def to_numpy(x: Array) -> np.ndarray:
    """The same numbers as a NumPy array."""
    return np.asarray(x)


def laid_out(X: Any, checks: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A plain array of reals as scikit-learn's checks are to make it, and what is left of them.

    They copy under filters of warnings of their own, since what they are given may be complex: other threads would
    have to wait for that, see `_warnings`.
    """
    if type(X) is not np.ndarray or X.ndim != 2 or X.dtype.kind not in "biuf":
        return X, checks
    types = checks["dtype"]
    dtype = X.dtype if isinstance(types, tuple) and X.dtype in types else np.dtype(np.atleast_1d(types)[0])
    if not np.can_cast(X.dtype, dtype):  # it may overflow
        return X, checks
    layout = np.array if checks.get("copy") else np.asarray
    return layout(X, dtype=dtype, order=checks["order"]), {**checks, "copy": False}
