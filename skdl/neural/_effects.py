"""Errors for parameters that would have no effect beside other parameters."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator

from skdl._estimator import is_set
from skdl.neural._settings import Settings


def check_effects(estimator: BaseEstimator, settings: Settings) -> None:
    """Raise for a parameter that has no effect beside the other parameters."""
    if settings.optimizer.full_batch:
        for name, word in (
            ("batch_size", "makes no batches"),
            ("schedule", "has no learning rate"),
            ("learning_rate_factors", "has no learning rate"),
            ("weight_decay_factors", "has no decay"),
            ("weight_decay_schedule", "has no decay"),
            ("parametrization", "has no learning rate"),
            ("stratified_batches", "makes no batches"),
            ("shuffle", "has no order"),
        ):
            if is_set(estimator, name) and getattr(estimator, name) != "constant":  # which is to do nothing
                raise ValueError(
                    f"{name}={getattr(estimator, name)!r} has no effect: optimizer={estimator.optimizer!r} takes all "
                    f"rows at once and {word}. Leave {name} at its default, or choose a first-order optimizer, such as "
                    "'adam'. (In a grid over both, give a list of grids.)"
                )
    for name in ("weight_decay_factors", "weight_decay_schedule"):
        if is_set(estimator, name) and "weight_decay" not in settings.optimizer.get_params(deep=False):
            raise ValueError(
                f"{name}={getattr(estimator, name)!r} has no effect: optimizer={estimator.optimizer!r} has no weight "
                "decay. Leave it at its default, or choose an optimizer that has, such as 'adamw'."
            )
    if settings.prior is None:
        return
    if not np.any(settings.alpha):
        raise ValueError("'prior' has no effect with alpha=0: it is what the penalty draws to. Give a positive alpha.")
    if all(part.on_activations or part.projects for part in settings.penalty.parts):
        raise ValueError(f"'prior' has no effect with penalty={estimator.penalty!r}, which draws no weight to zero.")


def check_calibrates(estimator: BaseEstimator, scaling: object | None) -> None:
    """Raise for outputs that are to be scaled, and of which no scaling makes sense."""
    if scaling is None and estimator.calibrate is True:
        name = "loss" if hasattr(estimator, "loss") else "losses"
        raise ValueError(
            "calibrate=True has no effect here: what it scales are the scores of one label a row, or of standardised "
            f"targets that are learned by the squared error, and {name}={getattr(estimator, name)!r}. Set "
            "calibrate='auto'."
        )


def check_validation_effects(estimator: BaseEstimator, settings: Settings, *, given: bool, incremental: bool) -> None:
    """Raise for a parameter that acts on validation rows where there are none: `given`, nor by early stopping."""
    if given or (incremental and (not settings.early_stopping or isinstance(settings.early_stopping, str))):
        return
    if incremental:
        raise ValueError(
            "early_stopping=True has no effect in partial_fit, which sets no rows of a batch apart. Give validation "
            "rows of your own as X_val and y_val, or set early_stopping=False."
        )
    reason = ""
    if settings.is_validated_by_default and not settings.early_stopping:
        place = f"with optimizer={estimator.optimizer!r}" if settings.optimizer.full_batch else "here"
        reason = f", and early_stopping='auto' sets none apart {place}"
    for name in ("scoring", "validation_fraction", "calibrate"):
        is_idle = not settings.early_stopping and is_set(estimator, name)
        if is_idle and getattr(estimator, name) is not False:  # which is to do nothing
            raise ValueError(
                f"{name}={getattr(estimator, name)!r} has no effect without validation rows{reason}. Set "
                "early_stopping=True, or give rows of your own to fit as X_val and y_val."
            )
