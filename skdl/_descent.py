"""One step of a first-order rule, the same for the weights of networks and for the variables of any function."""

from __future__ import annotations

from collections.abc import Mapping

from skdl._array import Array, clip_norms, clip_values
from skdl._protocols import FirstOrderOptimizer


def take_step(
    optimizer: FirstOrderOptimizer,
    theta: Array,
    gradient: Array,
    memory: Mapping[str, Array],
    rate: Array,
    step: Array,
    *,
    rate_factors: Array | None = None,
    decay: Array | None = None,
    decayed: slice | None = slice(None),
    decay_factors: Array | None = None,
) -> None:
    """Change `theta` (k, P) by one step: theta <- theta - rate (d + weight_decay theta), d from the clipped gradient.

    The gradient is used up, and `memory` changed. `rate` and `step` are (k, 1), and so is `decay`, the factor of the
    weight decay in this step, None for one. The decay acts on the parameters `decayed`, or on all by `decay_factors`;
    without either there is none.
    """
    if optimizer.clip_value is not None:
        clip_values(gradient, optimizer.clip_value)
    if optimizer.clip_norm is not None:
        clip_norms(gradient, optimizer.clip_norm)
    direction = optimizer.direction(gradient, memory, step)
    direction *= rate
    if rate_factors is not None:
        direction *= rate_factors
    if decay_factors is not None or decayed is not None:
        share = rate * optimizer.weight_decay
        if decay is not None:
            share = share * decay
        if decay_factors is None:
            theta[:, decayed] *= 1 - share
        else:
            theta *= 1 - share * decay_factors
    theta -= direction
