"""The error of an average over the number of its members, against what the members' errors say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl.inspection._fitted import unwrapped
from skdl.inspection._style import QUIET, dots, line, panel

if TYPE_CHECKING:
    import pandas as pd


class EnsembleDisplay:
    """The error of the average of k members, k = 1 ... K, against the formula for it.

    With residuals e_j of the members, the mean squared error of an average of k members with equal weights is

        (1/k) E[e^2] + ((k-1)/k) E[e_i e_j]

    in the mean over all choices of k among the K members: E[e^2] is their mean error, and E[e_i e_j] the mean over
    pairs of different members, which the error of many comes down to. Of class probabilities the error is the Brier
    score, summed over the classes.

    Parameters
    ----------
    products : array of shape (K, K)
        E[e_i e_j] of each two members; on the diagonal their own errors.
    error_name : str, default="mean squared error"
    ensemble_error : float or None, default=None
        That of the ensemble as it predicts, with weights of its own.

    Attributes
    ----------
    errors : DataFrame
        For each number of members `k`: `first`, the error of the average of the first k; `expected`, the formula; and
        its terms `own_term`, E[e^2] / k, and `common_term`, E[e_i e_j] (k-1) / k.
    member_errors : array of shape (K,)
        Their own errors.
    ax_ : Axes
        After `plot`.
    figure_ : Figure

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skdl import BaggingRegressor, MLPRegressor
    >>> from skdl.inspection import EnsembleDisplay
    >>> X, y = load_diabetes(return_X_y=True)
    >>> member = MLPRegressor((8,), max_iter=20, early_stopping=False)
    >>> bagging = BaggingRegressor(member, n_estimators=5, random_state=0).fit(X[:300], y[:300])
    >>> display = EnsembleDisplay.from_estimator(bagging, X[300:], y[300:])
    >>> errors = display.errors.set_index("k")
    >>> bool(errors.loc[5, "expected"] < errors.loc[1, "expected"])
    True
    """

    def __init__(
        self, *, products: np.ndarray, error_name: str = "mean squared error", ensemble_error: float | None = None
    ):
        self.products = products
        self.error_name = error_name
        self.ensemble_error = ensemble_error

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None, *, ax: Any = None
    ) -> Self:
        """Take the members of an ensemble, and rows that they have not seen.

        Parameters
        ----------
        estimator : estimator
            An ensemble of skdl, fitted, such as BaggingClassifier; a pipeline that ends in one, or a search whose best
            estimator is one.
        X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the means.
        ax : Axes, array of Axes or None, default=None
            As in `plot`, which draws at once.

        Returns
        -------
        display : EnsembleDisplay
        """
        ensemble, X = unwrapped(estimator, X)
        if not hasattr(ensemble, "error_decomposition"):
            raise TypeError(
                f"{type(ensemble).__name__} is not an ensemble of skdl, such as BaggingRegressor. Of other members "
                "give the predictions: EnsembleDisplay.from_predictions(predictions, y)."
            )
        check_is_fitted(ensemble)
        residuals, weight = ensemble._residuals_on(X, y, sample_weight)
        terms = ensemble.error_decomposition(X, y, sample_weight)
        return cls(
            products=_products(residuals, weight), error_name=str(terms.name), ensemble_error=terms["ensemble_error"]
        ).plot(ax)

    @classmethod
    def from_predictions(
        cls, predictions: Any, y: VectorLike, sample_weight: WeightLike | None = None, *, ax: Any = None
    ) -> Self:
        """Take predictions of any models.

        Parameters
        ----------
        predictions : array-like of shape (n_members, n_samples) or (n_members, n_samples, n_classes)
            Of reals; or probabilities of the classes, in the sorted order of the labels in y.
        y : array-like of shape (n_samples,)
            Reals, or labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row in the means.
        ax : Axes, array of Axes or None, default=None
            As in `plot`, which draws at once.

        Returns
        -------
        display : EnsembleDisplay
        """
        outputs, targets = np.asarray(predictions, np.float64), np.asarray(y)
        name = "mean squared error"
        if outputs.ndim == 3:
            name, labels = "Brier score", np.unique(targets)
            if len(labels) != outputs.shape[2]:
                raise ValueError(f"predictions are of {outputs.shape[2]} classes, and y has {len(labels)} labels.")
            targets = (targets[:, None] == labels).astype(np.float64)
        if outputs.ndim not in (2, 3) or outputs.shape[1:] != targets.shape:
            raise ValueError(
                "predictions must have the shape (n_members, n_samples), or (n_members, n_samples, n_classes), for y "
                f"of shape (n_samples,). Got {outputs.shape} for {np.shape(y)}."
            )
        residuals = (targets - outputs).reshape(*outputs.shape[:2], -1)
        weight = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        return cls(products=_products(residuals, weight), error_name=name).plot(ax)

    @property
    def member_errors(self) -> np.ndarray:
        """The members' own errors."""
        return np.diagonal(self.products)

    @property
    def errors(self) -> pd.DataFrame:
        """The errors of averages over the number of members."""
        import pandas as pd

        k = np.arange(1, len(self.products) + 1)
        first = np.array([self.products[:n, :n].mean() for n in k])
        own = self.member_errors.mean()
        pairs = (self.products.sum() - self.member_errors.sum()) / max(1, len(k) * (len(k) - 1))
        terms = {"own_term": own / k, "common_term": pairs * (k - 1) / k}
        return pd.DataFrame({"k": k, "first": first, "expected": terms["own_term"] + terms["common_term"], **terms})

    def plot(self, ax: Any = None) -> Self:
        """Draw the error of the first k members, the formula, its limit, and the members' own errors as dots.

        Parameters
        ----------
        ax : Axes or None, default=None
            None for a new figure.

        Returns
        -------
        display : EnsembleDisplay
            Itself.
        """
        self.figure_, self.ax_ = panel(ax)
        errors = self.errors
        k, n = errors["k"].to_numpy(), len(errors)
        self.ax_.plot(k, self.member_errors, label="each member alone", markersize=4, **dots(1))
        self.ax_.plot(k, errors["first"], label="average of the first k", **line(0))
        formula = r"$\frac{1}{k}\,E[e^2] + \frac{k-1}{k}\,E[e_i e_j]$"
        self.ax_.plot(k, errors["expected"], label=formula, **line(2))
        if n > 1:
            limit = errors["common_term"].iloc[-1] * n / (n - 1)
            self.ax_.axhline(limit, color=QUIET, linestyle=":", label=r"$E[e_i e_j]$")
        uneven = self.ensemble_error is not None and not np.isclose(self.ensemble_error, errors["first"].iloc[-1])
        if uneven:
            self.ax_.plot([n], [self.ensemble_error], label="the ensemble, weighted", markersize=8, **dots(3))
        self.ax_.set_xlabel("members")
        self.ax_.set_ylabel(self.error_name)
        self.ax_.xaxis.get_major_locator().set_params(integer=True)
        self.ax_.legend(fontsize="small")
        return self


def _products(residuals: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
    """E[e_i e_j] of residuals (k, n, C), summed over C."""
    share = np.full(residuals.shape[1], 1 / residuals.shape[1]) if weight is None else weight / weight.sum()
    flat = (residuals * np.sqrt(share)[:, None]).reshape(len(residuals), -1)
    products: np.ndarray = flat @ flat.T
    return products
