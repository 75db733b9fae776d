"""Initial weights of units that take several numbers of the map below."""

from __future__ import annotations

import numpy as np

from skdl._protocols import Initializer


class EachPiece(Initializer):
    """The weights of each piece of the units as if it were the layer by itself, side by side.

    One piece of a unit is passed, and passes back the gradient: fan-out counts units, not pieces.

    Parameters
    ----------
    initializer : Initializer
        Of one piece.
    n_pieces : int
        Affine functions a unit.
    """

    def __init__(self, initializer: Initializer, n_pieces: int):
        self.initializer = initializer
        self.n_pieces = n_pieces

    @property
    def learns_from_rows(self) -> bool:  # type: ignore[override]
        return self.initializer.learns_from_rows

    def draw(self, generator: np.random.Generator, n_in: int, n_out: int) -> np.ndarray:
        n_units = n_out // self.n_pieces
        return np.hstack([self.initializer.draw(generator, n_in, n_units) for _ in range(self.n_pieces)])

    def from_rows(
        self, drawn: np.ndarray, x: np.ndarray, weight: np.ndarray | None, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        pieces = [
            self.initializer.from_rows(piece, x, weight, generator) for piece in np.split(drawn, self.n_pieces, axis=1)
        ]
        weights, biases = zip(*pieces, strict=True)
        return np.hstack(weights), np.hstack(biases)
