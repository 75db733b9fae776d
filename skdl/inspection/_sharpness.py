"""The largest curvature of a network's objective."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse.linalg import LinearOperator, eigsh
from sklearn.utils.validation import check_is_fitted

from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl.inspection._objective import FittedObjective, network_in


def sharpness(
    estimator: Any, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None, *, tol: float = 1e-3
) -> float:
    """The largest curvature of the objective at a fitted network: the largest eigenvalue of its Hessian matrix.

    A minimum is *sharp* where it is large: a small step, or other rows, cost much; it is *flat* where it is small.
    Gradient descent with the rate eps leaves a minimum whose largest curvature is above 2 / eps. It depends on the
    scale of the weights: compare networks of one kind. The Hessian is not formed: its products with vectors are
    differences of gradients, (g(w + h v) - g(w - h v)) / (2 h), of which Lanczos' method makes the eigenvalue.

    Parameters
    ----------
    estimator : estimator
        A fitted network of skdl; a pipeline that ends in one, or a search whose best estimator is one.
    X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        Their targets.
    sample_weight : array-like of shape (n_samples,), default=None
        Weight of each row.
    tol : float, default=1e-3
        Relative accuracy of the eigenvalue.

    Returns
    -------
    curvature : float
        Of mean loss plus penalty, by the parameters of the training, in which inputs are standardised.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdl import SoftmaxClassifier
    >>> from skdl.inspection import sharpness
    >>> X, y = load_wine(return_X_y=True)
    >>> flat, sharp = (sharpness(SoftmaxClassifier(alpha=alpha).fit(X, y), X, y) for alpha in (1e-3, 1.0))
    >>> bool(0 < flat < sharp)
    True
    """
    check_is_fitted(estimator)
    network, X = network_in(estimator, X)
    objective = FittedObjective(network, X, y, sample_weight)
    theta = objective.theta
    step = 1e-4 * max(1.0, float(np.linalg.norm(theta)) / np.sqrt(len(theta)))

    def product(vector: np.ndarray) -> np.ndarray:
        vector = vector.reshape(-1)
        h = step / float(np.linalg.norm(vector))
        difference: np.ndarray = (objective(theta + h * vector)[1] - objective(theta - h * vector)[1]) / (2 * h)
        return difference

    hessian = LinearOperator((len(theta), len(theta)), matvec=product, dtype=np.float64)
    start = np.random.default_rng(0).normal(size=len(theta))
    if len(theta) == 1:
        return float(product(start)[0] / start[0])
    return float(eigsh(hessian, k=1, which="LA", v0=start, tol=tol, return_eigenvectors=False)[0])
