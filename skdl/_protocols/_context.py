"""What comes to a layer beside its inputs and arrays; shapes are as in `skdl._protocols`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from skdl._array import Array
from skdl._warnings import warn


@dataclass
class ForwardContext:
    """The context of a pass through the network: all that it needs besides parameters and data.

    Parameters
    ----------
    training : bool
    generators : sequence of k generators
        Each member's own random numbers; empty where none may be drawn.
    weight : array of shape (k, B, 1) or None
        Of the batch's rows.
    activity : array of shape (k,) or None
        The sum of what penalties on activations add to the members' losses; None where there is none.
    warned : set of str
        What was warned of.
    is_repeated : bool
        Whether rows come as a layer that repeats them would give them: other ones for each copy.
    dropout_factor : array of shape (k, 1, 1) or None
        By which probabilities of dropping are multiplied in this step; None for one.
    drops : bool
        Whether dropout drops at prediction, too: the same numbers of all rows.
    """

    training: bool
    generators: Sequence[np.random.Generator] = ()
    weight: Array | None = None
    activity: Array | None = None
    warned: set[str] = field(default_factory=set)
    is_repeated: bool = False
    dropout_factor: Array | None = None
    drops: bool = False

    def warn_once(self, message: str) -> None:
        """Warn, unless it was done in a pass before."""
        if message not in self.warned:
            self.warned.add(message)
            warn(message)

    def start(self, weight: Array) -> None:
        """Begin a pass over rows of these weights."""
        self.weight, self.activity = weight, None

    def add_activity(self, value: Array) -> None:
        """Add the value of a penalty on activations to the members' losses."""
        self.activity = value if self.activity is None else self.activity + value
