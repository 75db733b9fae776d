"""The likelihood of labels under the probabilities of a classifier."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import log_softmax

from skdl._encoding import Columns, Indicator, Labels
from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl._validation import label_array, validate_sample_weight


class LikelihoodMixin:
    """`log_likelihood` of a network classifier."""

    _training: Any
    _validated: Any
    _raw_scores: Any
    _probabilities: Any

    def log_likelihood(self, X: MatrixLike, y: VectorLike, sample_weight: WeightLike | None = None) -> float:
        r"""The logarithm of the probability of these labels, sum_i w_i log p(y_i | x_i).

        It is computed from the scores, so that it is finite and exact where a probability rounds to 0 or 1.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows, as `predict` takes them.
        y : array-like of shape (n_samples,) or (n_samples, n_columns)
            Their labels, or class probabilities t, for which it is sum_i w_i sum_c t_ic log p(c | x_i). Several labels
            of a row are independent given the row, and their log probabilities are added.
        sample_weight : array-like of shape (n_samples,) or float, default=None
            How often each row counts; None means once.

        Returns
        -------
        log_likelihood : float
            In nats, at most 0.
        """
        rows = self._validated(X)
        scores = self._raw_scores(rows).astype(np.float64)
        encoding = self._training.encoding
        labels = label_array(y)
        if len(labels) != len(scores):
            raise ValueError(f"X has {len(scores)} rows and y has {len(labels)}.")
        weight = validate_sample_weight(sample_weight, scores)
        weight = np.ones(len(labels)) if weight is None else weight
        labels = encoding.validate(labels)
        probabilities = self._probabilities(scores.copy())
        if isinstance(encoding, Columns):
            parts = zip(encoding.outputs, encoding.log_odds(scores), probabilities, strict=True)
            each = [
                _of_labels(output, labels[:, j], odds, proba, weight) for j, (output, odds, proba) in enumerate(parts)
            ]
            return float(sum(each))
        if isinstance(encoding, Indicator):
            targets = encoding.encode(labels, np.float64)
            log_p, log_q = _log_sigmoid(encoding.log_odds(scores), probabilities)
            return float(weight @ (_product(targets, log_p) + _product(1 - targets, log_q)).sum(axis=1))
        return _of_labels(encoding, labels, encoding.log_odds(scores), probabilities, weight)


def _of_labels(encoding: Labels, y: np.ndarray, log_odds: np.ndarray, proba: np.ndarray, weight: np.ndarray) -> float:
    targets = replace(encoding, binary=False, smoothing=0.0).encode(y, np.float64)
    if log_odds.ndim == 1:
        log_p, log_q = _log_sigmoid(log_odds, proba[:, 1])
        logs = np.column_stack([log_q, log_p])
    else:
        logs = _trusted(log_softmax(log_odds, axis=1), proba)
    return float(weight @ _product(targets, logs).sum(axis=1))


def _log_sigmoid(log_odds: np.ndarray, proba: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logarithms of the probabilities of events and of their absence."""
    return _trusted(-np.logaddexp(0, -log_odds), proba), _trusted(-np.logaddexp(0, log_odds), 1 - proba)


def _trusted(logs: np.ndarray, proba: np.ndarray) -> np.ndarray:
    """These logarithms, if they are of these probabilities: the link of a plug-in loss may be another function."""
    if np.allclose(np.exp(logs), proba, atol=1e-6):
        return logs
    with np.errstate(divide="ignore"):
        return np.log(proba)


def _product(targets: np.ndarray, logs: np.ndarray) -> np.ndarray:
    """The products, where what has a target of 0 counts as 0, however improbable it is."""
    return np.multiply(targets, logs, out=np.zeros_like(logs), where=targets > 0)
