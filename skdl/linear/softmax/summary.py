"""Statistics of a softmax classifier from the observed information: standard errors, tests, intervals.

The log likelihood of n rows has, by the coefficients of classes c and e, the second derivatives

    -d^2 L / dW_c dW_e = sum_i w_i (p_ic [c = e] - p_ic p_ie) z_i z_i',   z_i = (1, x_i)

which does not depend on the labels: the observed information is the expected one. Adding one vector to the coefficients
of all classes changes no probability, so that it is singular there; only differences between classes are determined.
They are read as coefficients that sum to zero over classes, as `coef_` does, or as the differences to one class. The
inverse is taken in orthonormal coordinates of the former.

A. Agresti, "Categorical Data Analysis", 3rd edition, 2013, sections 5.5 and 8.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import linalg, sparse, stats
from sklearn.exceptions import UndefinedMetricWarning

from skdl._encoding import Labels
from skdl._typing import MatrixLike, WeightLike
from skdl._validation import validate_sample_weight
from skdl._warnings import warn

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("coefficient", "standard_error", "z", "p_value", "lower_95", "upper_95")
MAX_PARAMETERS = 5000
EPS = np.finfo(np.float64).eps


class SoftmaxSummaryMixin:
    """`summary` of a linear classifier with `coef_` (n_classes, n_features)."""

    get_encoded_feature_names_out: Callable[[], np.ndarray]
    _validated: Any
    _with_all_numbers: Any
    _raw_scores: Any
    _probabilities: Any
    _dense_coef: Any
    _training: Any
    classes_: np.ndarray
    intercept_: np.ndarray
    fit_intercept: bool
    alpha: Any
    class_weight: Any

    def summary(
        self, X: MatrixLike, sample_weight: WeightLike | None = None, *, reference: object = None
    ) -> pd.DataFrame:
        """Coefficients with standard errors, z statistics, p-values and 95 % confidence intervals.

        The standard errors are the roots of the diagonal of the inverse observed information, the curvature of the log
        likelihood at its maximum. They hold for many rows, if the model is right. Weights count rows: a row of weight 2
        is two observations. The labels are not asked for, since the information does not depend on them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows of the fit, which are not kept.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            Their weights in the fit.
        reference : label, default=None
            A class, to which the differences of the others are given: with two classes, the coefficients of the log
            odds. None gives those that sum to zero over the classes, as `coef_`.

        Returns
        -------
        summary : DataFrame
            A row for the intercept (if one is fitted) and each feature of each class, with the levels `class` and
            `term` of the index and the columns `coefficient`, `standard_error`, `z`, `p_value` (two-sided, that the
            coefficient is 0), `lower_95` and `upper_95`. NaN, with a warning, where they are not defined: with a
            penalty or class weights, and for coefficients that the data do not determine, such as those of all
            indicators of a column with categories. Where columns separate the classes, the likelihood has no maximum:
            the search ends somewhere, and the standard errors are larger than the coefficients.
        """
        import pandas as pd  # here, since importing it takes longer than importing skdl

        rows = self._validated(X)
        encoding = self._training.encoding
        assert isinstance(encoding, Labels)  # what this estimator takes
        weight = validate_sample_weight(sample_weight, rows)
        weight = np.ones(rows.shape[0]) if weight is None else weight
        design = self._with_all_numbers(rows)
        terms = self.get_encoded_feature_names_out().tolist()
        estimates = self._dense_coef().astype(np.float64)
        if self.fit_intercept:
            terms = ["intercept" if "intercept" not in terms else "(intercept)", *terms]
            estimates = np.column_stack([self.intercept_, estimates])
        names, contrasts = _contrasts(self.classes_, reference)
        estimates = contrasts @ estimates
        errors = np.full(estimates.shape, np.nan)
        why = self._why_undefined()
        if not why:
            proba = self._probabilities(self._raw_scores(rows)).astype(np.float64)
            errors, why = _standard_errors(design, proba, weight, contrasts, terms, level=self.fit_intercept)
        if why:
            warn(
                f"Standard errors, z, p-values and intervals are not defined {why}. Values that are not defined are "
                "NaN.",
                UndefinedMetricWarning,
            )
        with np.errstate(all="ignore"):
            z = estimates / errors
        half = errors * stats.norm.ppf(0.975)
        values = np.stack([estimates, errors, z, 2 * stats.norm.sf(np.abs(z)), estimates - half, estimates + half], -1)
        index = pd.MultiIndex.from_product([names, terms], names=["class", "term"])
        return pd.DataFrame(values.reshape(-1, len(COLUMNS)), index=index, columns=list(COLUMNS))

    def _why_undefined(self) -> str:
        if np.any(np.asarray(self.alpha) != 0):
            return "with a penalty, which trades variance for bias: fit with alpha=0 for them"
        if self.class_weight is not None:
            return "with class_weight, which counts rows that were not observed"
        return ""


def _contrasts(classes: np.ndarray, reference: Any) -> tuple[list[Any], np.ndarray]:
    """Names of the rows of coefficients, and what they are of those of the classes (n_names, n_classes)."""
    count, names = len(classes), classes.tolist()
    if reference is None:
        return names, np.eye(count) - 1.0 / count
    if reference not in names:
        raise ValueError(f"reference={reference!r} is none of the classes {names}.")
    at = names.index(reference)
    differences = np.eye(count)
    differences[:, at] -= 1.0
    others = [c for c in range(count) if c != at]
    return [names[c] for c in others], differences[others]


def _standard_errors(
    X: Any, proba: np.ndarray, weight: np.ndarray, contrasts: np.ndarray, terms: list[str], *, level: bool
) -> tuple[np.ndarray, str]:
    """The standard errors (n_names, n_terms), and why some are not defined, or ""."""
    n_classes = proba.shape[1]
    X = X.toarray() if sparse.issparse(X) else np.asarray(X)
    X = X[weight > 0].astype(np.float64)
    proba, weight = proba[weight > 0], weight[weight > 0]
    mean = weight @ X / weight.sum() if level else np.zeros(X.shape[1])
    scale = np.sqrt(weight @ (X - mean) ** 2 / weight.sum())
    noise = np.abs(X).max(axis=0) * np.sqrt(len(X)) * EPS
    varies = scale > noise
    scale = np.where(varies, scale, 1.0)
    Z = np.where(varies, X - mean, 0.0) / scale
    back = np.diag(1.0 / scale)  # from coefficients of the scaled columns to those of X
    if level:
        Z = np.column_stack([np.ones(len(Z)), Z])
        back = np.block([[np.ones((1, 1)), -(mean / scale)[None]], [np.zeros((len(scale), 1)), back]])
    if n_classes * Z.shape[1] > MAX_PARAMETERS:
        raise ValueError(
            f"summary inverts a matrix of all {n_classes * Z.shape[1]} coefficients, of which there may be at most "
            f"{MAX_PARAMETERS}. Leave columns or classes out."
        )
    _, values, vectors = linalg.svd(linalg.qr(Z, mode="r")[0][: Z.shape[1]], full_matrices=True)
    rank = int((values > len(values) * 64 * EPS * values.max()).sum())
    basis, null = vectors[:rank].T, vectors[rank:].T
    free = np.abs(back @ null).max(axis=1, initial=0.0) > 1e-8 * np.abs(back).max(axis=1)
    between = linalg.null_space(np.ones((1, n_classes)))  # (n_classes, n_classes - 1), orthonormal
    information = _information(Z @ basis, proba, weight, between)
    values, vectors = linalg.eigh(information)
    if values[0] <= 1e-13 * values[-1] or not np.isfinite(values).all():
        return np.full((len(contrasts), len(terms)), np.nan), (
            "where the information is singular: columns of X separate the classes, and the coefficients have no bound"
        )
    half = (vectors / np.sqrt(values)).reshape(n_classes - 1, rank, -1)
    # Of each contrast and term, the row of the covariance's root.
    of_terms = np.einsum("kc,tr,crm->ktm", contrasts @ between, back @ basis, half)
    errors = np.linalg.norm(of_terms, axis=2)
    errors[:, free] = np.nan
    undetermined = ", ".join(term for term, each in zip(terms, free, strict=True) if each)
    if not undetermined:
        return errors, ""
    return errors, f"for {undetermined}, which the data do not determine: columns are constant or depend on each other"


def _information(Z: np.ndarray, proba: np.ndarray, weight: np.ndarray, between: np.ndarray) -> np.ndarray:
    """The observed information of coefficients in the coordinates `between` classes, (count * rank) squared."""
    count, rank = between.shape[1], Z.shape[1]
    found = np.empty((count, rank, count, rank))
    shares = proba @ between  # (n, count)
    for a in range(count):
        for b in range(a + 1):
            curvature = weight * (proba @ (between[:, a] * between[:, b]) - shares[:, a] * shares[:, b])
            found[a, :, b, :] = Z.T @ (curvature[:, None] * Z)
            found[b, :, a, :] = found[a, :, b, :].T
    return found.reshape(count * rank, count * rank)
