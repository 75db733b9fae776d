"""Optimizers that see the objective of all rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skdl._constraints import Integer
from skdl._protocols import FullBatchOptimizer
from skdl._registry import register


@register("lbfgs")
class LBFGS(FullBatchOptimizer):
    """Limited-memory BFGS on the objective of all rows, for small data and smooth objectives.

    Steps are -H g with an inverse Hessian H that is estimated from the last steps and gradients, found by a line search
    that satisfies the Wolfe conditions. There is no learning rate, schedule or batch.

    Parameters
    ----------
    memory : int, default=10
        Number of past steps that H is estimated from, at least 1.

    Shape
    -----
    theta (P,) -> theta (P,)

    References
    ----------
    D. C. Liu, J. Nocedal, "On the limited memory BFGS method for large scale optimization", Mathematical Programming
    45, 1989; run by scipy.optimize.minimize.

    Examples
    --------
    >>> from skdl import SoftmaxClassifier
    >>> SoftmaxClassifier().set_params(optimizer__memory=20)
    SoftmaxClassifier(optimizer=LBFGS(memory=20))
    """

    takes_bounds = True
    constraints = {"memory": Integer(1)}

    def __init__(self, memory: int = 10):
        self.memory = memory

    def minimize(
        self,
        function: Callable[[np.ndarray], tuple[float, np.ndarray]],
        theta: np.ndarray,
        *,
        max_iter: int,
        tol: float,
        report: Callable[[np.ndarray, float], bool],
        lower: np.ndarray | None = None,
    ) -> tuple[np.ndarray, bool]:
        from scipy.optimize import Bounds, OptimizeResult, minimize

        def callback(intermediate_result: OptimizeResult) -> None:
            if report(intermediate_result.x, float(intermediate_result.fun)):
                raise StopIteration

        result = minimize(
            function,
            theta,
            method="L-BFGS-B",
            jac=True,
            bounds=None if lower is None else Bounds(lower, np.inf),
            callback=callback,
            # ftol=0: only the gradient decides; maxfun as a bound that a failing line search meets.
            options={"maxcor": self.memory, "maxiter": max_iter, "maxfun": 20 * max_iter, "gtol": tol, "ftol": 0.0},
        )
        slope = result.jac if lower is None else np.where(result.x > lower, result.jac, np.minimum(result.jac, 0))
        return result.x, bool(abs(slope).max(initial=0.0) <= tol)
