"""What a point is to a function: a minimum, a maximum, a saddle point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from skdl._constraints import Real
from skdl.autodiff._derivatives import hessian, jacobian

ZERO = 1e-8  # relative to the largest eigenvalue: the rounding of a Hessian is well below


@dataclass(frozen=True)
class CriticalPoint:
    """What the first and second derivatives say of a point.

    Attributes
    ----------
    kind : {"minimum", "maximum", "saddle point", "undecided", "not critical"}
    gradient : array of the shape of x
    eigenvalues : array of shape (P,)
        The curvatures along the eigenvectors of the Hessian, rising.
    eigenvectors : array of shape (P, P)
        One a column, for x as one row of numbers.
    """

    kind: str
    gradient: np.ndarray
    eigenvalues: np.ndarray
    eigenvectors: np.ndarray

    def __repr__(self) -> str:
        largest = abs(self.gradient).max(initial=0.0)
        curvatures = ", ".join(f"{value:.4g}" for value in self.eigenvalues)
        return f"CriticalPoint({self.kind!r}, largest slope {largest:.2g}, curvatures [{curvatures}])"


def classify_critical_point(f: Callable[[Any], Any], x: Any, *, tol: float = 1e-6) -> CriticalPoint:
    """Say by the Hessian's eigenvalues whether a point is a minimum, a maximum or a saddle point of f.

    Where the gradient is zero, f(x + d) - f(x) is d' H d / 2 and smaller terms: all curvatures positive make a strict
    local minimum, all negative a maximum, some of each a saddle point. With curvatures of zero (within 1e-8 of the
    largest) and the others of one sign, the second derivatives do not decide.

    Parameters
    ----------
    f : callable
        From an array to a number, in NumPy's functions; it is called with Variables.
    x : array-like
        The point, of any shape; computed in float64.
    tol : float, default=1e-6
        Largest absolute component of the gradient that counts as zero, in [0, inf).

    Returns
    -------
    point : CriticalPoint
        Its `kind`, and the numbers that it was told by.

    Examples
    --------
    >>> from skdl.autodiff import classify_critical_point
    >>> classify_critical_point(lambda x: x[0] ** 2 - x[1] ** 2, [0.0, 0.0])
    CriticalPoint('saddle point', largest slope 0, curvatures [-2, 2])
    >>> classify_critical_point(lambda x: x[0] ** 2 - x[1] ** 2, [1.0, 0.0]).kind
    'not critical'
    >>> classify_critical_point(lambda x: x[0] ** 2 + x[1] ** 4, [0.0, 0.0]).kind
    'undecided'
    """
    if not Real(0).accepts(tol):
        raise ValueError(f"The 'tol' parameter of classify_critical_point must be {Real(0)}. Got {tol!r} instead.")
    x = np.asarray(x, dtype=np.float64)
    H = hessian(f, x).reshape(x.size, x.size)
    slope = jacobian(f, x).reshape(x.shape)
    curvatures, vectors = np.linalg.eigh((H + H.T) / 2)
    zero = ZERO * abs(curvatures).max(initial=0.0)
    up, down = bool((curvatures > zero).any()), bool((curvatures < -zero).any())
    flat = bool((abs(curvatures) <= zero).any())
    if abs(slope).max(initial=0.0) > tol:
        kind = "not critical"
    elif up and down:
        kind = "saddle point"
    elif flat:
        kind = "undecided"
    else:
        kind = "minimum" if up else "maximum"
    return CriticalPoint(kind, slope, curvatures, vectors)
