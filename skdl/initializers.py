"""Initializers: the distributions that initial weights are drawn from.

With n_in inputs and n_out units, a variance of 1 / n_in keeps the variance of what flows forward, 1 / n_out that of the
gradients which flow back.
"""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from skdl._constraints import Integer, Real
from skdl._protocols import Initializer
from skdl._registry import initializers, register

__all__ = [
    "DataDriven",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Normal",
    "Orthogonal",
    "Xavier",
    "Zeros",
    "names",
    "resolve",
]

resolve, names = initializers.resolve, initializers.names
ROWS, UNITS = 1024, 64  # of a block, whose products stay in the cache
LEAST = 1e-6  # a deviation in units of the root mean square, below which it is rounding


@register("zeros")
class Zeros(Initializer):
    """All weights zero: right for a linear model, useless with hidden layers, whose units would all stay equal.

    Shape
    -----
    (n_in, n_out)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.initializers import Zeros
    >>> Zeros().draw(np.random.default_rng(0), 2, 1)
    array([[0.],
           [0.]])
    """

    def draw(self, generator: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        return np.zeros((n_in, n_out))


@register("normal")
class Normal(Initializer):
    """A normal distribution of a given standard deviation, whatever the size of the layer.

    W ~ N(0, std^2)

    Parameters
    ----------
    std : float, default=0.01
        Standard deviation, in [0, inf). Where a text writes N(0, 0.01) with the variance, it is the root, 0.1.

    Shape
    -----
    (n_in, n_out)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.initializers import Normal
    >>> Normal(std=0.1).draw(np.random.default_rng(0), 200, 50).std().round(2)
    np.float64(0.1)
    """

    constraints = {"std": Real(0)}

    def __init__(self, std: float = 0.01):
        self.std = std

    def draw(self, generator: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        return generator.normal(0.0, self.std, (n_in, n_out))


class _Scaled(Initializer):
    """A normal or uniform distribution whose variance follows from the size of the layer."""

    uniform = False

    @abstractmethod
    def variance(self, n_in: int, n_out: int) -> float:
        """The variance of a weight between `n_in` inputs and `n_out` units."""

    def draw(self, generator: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        variance = self.variance(n_in, n_out)
        if self.uniform:
            bound = np.sqrt(3 * variance)  # U(-b, b) has the variance b^2 / 3
            return generator.uniform(-bound, bound, (n_in, n_out))
        return generator.normal(0.0, np.sqrt(variance), (n_in, n_out))


@register("xavier")
class Xavier(_Scaled):
    """A normal distribution that keeps the variance of what flows forward through linear units.

    W ~ N(0, 1 / n_in)

    Shape
    -----
    (n_in, n_out)

    References
    ----------
    Y. LeCun, L. Bottou, G. B. Orr, K.-R. Mueller, "Efficient BackProp", 1998, section 4.6.

    Examples
    --------
    >>> from skdl.initializers import Xavier
    >>> Xavier().variance(100, 50)
    0.01
    """

    def variance(self, n_in: int, n_out: int) -> float:
        """1 / n_in."""
        return 1 / n_in


@register("glorot_normal")
class GlorotNormal(_Scaled):
    """A normal distribution between what keeps the forward and what keeps the backward variance.

    W ~ N(0, 2 / (n_in + n_out))

    Shape
    -----
    (n_in, n_out)

    References
    ----------
    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> from skdl.initializers import GlorotNormal
    >>> GlorotNormal().variance(150, 50)
    0.01
    """

    def variance(self, n_in: int, n_out: int) -> float:
        """2 / (n_in + n_out)."""
        return 2 / (n_in + n_out)


@register("glorot_uniform")
class GlorotUniform(GlorotNormal):
    """A uniform distribution with the variance of `glorot_normal`.

    W ~ U(-b, b),  b = sqrt(6 / (n_in + n_out))

    The variance of U(-b, b) is b^2 / 3, here 2 / (n_in + n_out). A bound printed as sqrt(6) / (n_in + n_out) is
    another one, smaller by the factor sqrt(n_in + n_out).

    Shape
    -----
    (n_in, n_out)

    References
    ----------
    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.initializers import GlorotUniform
    >>> bool(abs(GlorotUniform().draw(np.random.default_rng(0), 150, 50)).max() <= np.sqrt(6 / 200))
    True
    """

    uniform = True


@register("he_normal")
class HeNormal(_Scaled):
    """A normal distribution that keeps the variance of what flows forward through rectifiers, which halve it.

    W ~ N(0, 2 / n_in)

    Shape
    -----
    (n_in, n_out)

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> from skdl.initializers import HeNormal
    >>> HeNormal().variance(200, 50)
    0.01
    """

    def variance(self, n_in: int, n_out: int) -> float:
        """2 / n_in."""
        return 2 / n_in


@register("he_uniform")
class HeUniform(HeNormal):
    """A uniform distribution with the variance of `he_normal`.

    W ~ U(-b, b),  b = sqrt(6 / n_in)

    Shape
    -----
    (n_in, n_out)

    References
    ----------
    K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.initializers import HeUniform
    >>> bool(abs(HeUniform().draw(np.random.default_rng(0), 150, 50)).max() <= np.sqrt(6 / 150))
    True
    """

    uniform = True


@register("orthogonal")
class Orthogonal(Initializer):
    """A random orthogonal matrix, which keeps lengths and angles through any number of linear layers.

    W = gain Q,  with Q^T Q = 1 where n_in >= n_out, else Q Q^T = 1

    Q is uniform over all such matrices: the Q of a normal matrix's QR factors, with R's diagonal made positive.

    Parameters
    ----------
    gain : float, default=1.0
        Factor, in (0, inf); sqrt(2) makes up for rectifiers.

    Shape
    -----
    (n_in, n_out)

    References
    ----------
    A. M. Saxe, J. L. McClelland, S. Ganguli, "Exact solutions to the nonlinear dynamics of learning in deep linear
    neural networks", ICLR 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.initializers import Orthogonal
    >>> W = Orthogonal(gain=2.0).draw(np.random.default_rng(0), 5, 2)
    >>> np.allclose(W.T @ W, 4 * np.eye(2))
    True
    """

    constraints = {"gain": Real(0, open_low=True)}

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def draw(self, generator: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        q, r = np.linalg.qr(generator.normal(size=(max(n_in, n_out), min(n_in, n_out))))
        q *= self.gain * np.where(np.diagonal(r) < 0, -1.0, 1.0)
        return q if n_in >= n_out else q.T.copy()


@register("data_driven")
class DataDriven(Initializer):
    """Normal weights, scaled by the training rows: what a unit gives has a deviation of one, and bends among them.

    W ~ N(0, 1 / n_in), each column over the standard deviation of x W over the rows,
    b = -sum_t p_t (x W)_t  over a few random rows, with p_t = e_t / sum_t e_t, e_t from the exponential distribution

    layer by layer from below, so that each sees what it will have before it at the first step. The bias puts the point
    where a unit bends at random inside the rows. A unit that is the same in all rows keeps the weights that were drawn.

    Parameters
    ----------
    n_rows : int, default=5
        Rows that a bias is a mean of, at least 0; with 0 biases are zero.

    Shape
    -----
    (n_in, n_out)

    References
    ----------
    D. Holzmueller, L. Grinsztajn, I. Steinwart, "Better by default: strong pre-tuned MLPs and boosted trees on tabular
    data", NeurIPS 2024, appendix A.
    I. Steinwart, "A sober look at neural network initializations", 2019, whose bias this is ("he+5").

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.initializers import DataDriven
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(100, 20, (500, 3))
    >>> weights, bias = DataDriven().from_rows(DataDriven().draw(rng, 3, 2), x, None, rng)
    >>> (x @ weights + bias).std(axis=0).round(6)
    array([1., 1.])
    """

    learns_from_rows = True
    constraints = {"n_rows": Integer(0)}

    def __init__(self, n_rows: int = 5):
        self.n_rows = n_rows

    def draw(self, generator: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        return generator.normal(0.0, n_in**-0.5, (n_in, n_out))

    def from_rows(
        self, drawn: np.ndarray, x: np.ndarray, weight: np.ndarray | None, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        share = np.full(len(x), 1 / len(x)) if weight is None else weight.astype(np.float64) / weight.sum()
        n_out = drawn.shape[1]
        chosen = np.searchsorted(share.cumsum()[:-1], generator.random((self.n_rows, n_out)), side="right")
        mixture = generator.exponential(size=chosen.shape)
        mixture /= np.maximum(mixture.sum(axis=0), np.finfo(float).tiny)
        deviation, bias = np.empty((2, n_out))
        for a in range(0, n_out, UNITS):
            block = slice(a, a + UNITS)
            y = np.concatenate([x[i : i + ROWS] @ drawn[:, block] for i in range(0, len(x), ROWS)]).astype(np.float64)
            centred = y - share @ y
            deviation[block] = np.sqrt(share @ centred**2)
            deviation[block][deviation[block] <= LEAST * np.sqrt(share @ y**2)] = 1.0
            bias[block] = 0.0 - (mixture[:, block] * np.take_along_axis(y, chosen[:, block], axis=0)).sum(axis=0)
        return drawn / deviation, bias / deviation
