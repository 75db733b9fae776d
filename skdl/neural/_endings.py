"""What a user is told of a training that did not end by its own rule."""

from __future__ import annotations

from typing import Any

from sklearn.exceptions import ConvergenceWarning

from skdl.engine import Outcome


def ending_warning(network: Any, outcome: Outcome) -> Warning | None:
    """The warning for the way a training ended: what happened, and what to do; None where all is well."""
    full_batch = network._resolve("optimizer").full_batch
    if outcome.reason == "max_iter":
        if network.n_iter_no_change is None and not full_batch:
            return None  # nothing else was to end the training
        advice = f"Maximum iterations (max_iter={network._max_iter()}) reached, and the training has not converged yet."
        if full_batch:
            advice += " Increase max_iter, or tol, the largest component of the gradient that counts as zero."
        else:
            advice += " Increase max_iter or the learning rate, or accept the result: tol decides what is progress."
        return ConvergenceWarning(advice)
    if outcome.reason == "stalled":
        return ConvergenceWarning(
            f"The search found no better point, with a gradient still above tol={network.tol}: the precision of the "
            "data allows no more. Use a larger tol or float64, or standardise the columns."
        )
    if outcome.reason == "diverged":
        return ConvergenceWarning(
            f"The loss became infinite or NaN in epoch {outcome.state.progress[0].epoch + 1}; the last finite weights "
            "are kept. Lower the learning rate (optimizer__learning_rate), or check the scale of the data."
        )
    if outcome.reason == "interrupted":
        return UserWarning("Training interrupted by the user: the weights of the last epoch are kept.")
    return None
