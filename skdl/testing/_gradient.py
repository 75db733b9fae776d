"""Gradients against central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdl.autodiff._numerical import RELATIVE_STEP, numerical_gradient

GRADIENT_RTOL = 1e-6


def check_gradient(
    function: Callable[[np.ndarray], Any],
    gradient: Any,
    x: Any,
    *,
    rtol: float = GRADIENT_RTOL,
    name: str = "gradient",
) -> float:
    """Check a gradient against central differences in float64.

    (f(x + h e_j) - f(x - h e_j)) / 2h  for each component j, with an error of the order of 1e-10

    Parameters
    ----------
    function : callable
        From an array like x to a number. It may overwrite its argument.
    gradient : callable or array-like
        From an array like x to an array of the same shape, or that array at x.
    x : array-like
        Where to compare; at a kink of the function no gradient would agree.
    rtol : float, default=1e-6
        Bound of the largest difference of a component, relative to the largest component.
    name : str, default="gradient"
        Name in the error message.

    Returns
    -------
    error : float
        The relative error that was found.

    Raises
    ------
    AssertionError
        When the gradient has another shape than x, is not finite, or is further off than `rtol`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.testing import check_gradient
    >>> check_gradient(lambda x: (x**3).sum(), lambda x: 3 * x**2, np.array([1.0, 2.0])) < 1e-9
    True
    >>> check_gradient(lambda x: (x**3).sum(), lambda x: 2 * x**2, np.array([1.0, 2.0]))
    Traceback (most recent call last):
        ...
    AssertionError: gradient: relative error 3.3e-01 against central differences, allowed 1.0e-06
    """
    x = np.array(x, dtype=np.float64)
    given = np.asarray(gradient(x.copy()) if callable(gradient) else gradient)
    if given.shape != x.shape:
        raise AssertionError(f"{name}: shape {given.shape}, must be {x.shape}")
    if not np.isfinite(given).all():
        raise AssertionError(f"{name}: {np.count_nonzero(~np.isfinite(given))} components are not finite")
    expected = numerical_gradient(function, x)
    # Differences of function values this large say nothing about a gradient that is smaller than their rounding.
    noise = float(np.finfo(np.float64).eps) * abs(float(function(x.copy()))) / RELATIVE_STEP
    scale = max(float(np.abs(expected).max(initial=0.0)), noise / rtol, float(np.finfo(np.float64).tiny))
    error = float(np.abs(given - expected).max(initial=0.0) / scale)
    if not error <= rtol:
        raise AssertionError(f"{name}: relative error {error:.1e} against central differences, allowed {rtol:.1e}")
    return error
