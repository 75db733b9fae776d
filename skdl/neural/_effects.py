"""Parameters that were set, and could do nothing beside others that were set: an error rather than silence."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._component import constructor_arguments


def is_set(network: Any, name: str) -> bool:
    """Whether the network has the parameter, with another value than its default."""
    defaults = constructor_arguments(type(network))
    if name not in defaults or not hasattr(network, name):
        return False
    value, default = getattr(network, name), defaults[name]
    return value is not default and not (type(value) is type(default) and value == default)


def check_effects(network: Any) -> None:
    """Raise for a parameter that has no effect beside the other parameters."""
    if network._resolve("optimizer").full_batch:
        for name, word in (
            ("batch_size", "makes no batches"),
            ("schedule", "has no learning rate"),
            ("stratified_batches", "makes no batches"),
            ("shuffle", "has no order"),
        ):
            if is_set(network, name) and getattr(network, name) != "constant":  # which is to do nothing
                raise ValueError(
                    f"{name}={getattr(network, name)!r} has no effect: optimizer={network.optimizer!r} takes all rows "
                    f"at once and {word}. Leave {name} at its default, or choose a first-order optimizer, such as "
                    "'adam'. (In a grid over both, give a list of grids.)"
                )
    if network.prior is not None and not np.any(network.alpha):
        raise ValueError("'prior' has no effect with alpha=0: it is what the penalty draws to. Give a positive alpha.")
    penalty = network._resolve("penalty")
    if network.prior is not None and (penalty.on_activations or penalty.projects):
        raise ValueError(f"'prior' has no effect with penalty={network.penalty!r}, which draws no weight to zero.")


def check_judged(network: Any, *, is_judged: bool, incremental: bool) -> None:
    """Raise where no rows judge a training that is to be judged."""
    if is_judged or (incremental and not network._option("early_stopping")):
        return
    if incremental:
        raise ValueError(
            "early_stopping=True has no effect in partial_fit, which sets no rows of a batch apart. Give validation "
            "rows of your own as X_val and y_val, or set early_stopping=False."
        )
    for name in ("scoring", "validation_fraction"):
        if not network._option("early_stopping") and is_set(network, name):
            raise ValueError(
                f"{name}={getattr(network, name)!r} has no effect without validation rows. Set early_stopping=True, "
                "or give rows of your own to fit as X_val and y_val."
            )
