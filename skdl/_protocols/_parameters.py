"""What a layer says of the arrays that it learns."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ParameterSpec:
    """A learned array of a layer.

    Parameters
    ----------
    name : str
        By which the layer's `forward` finds it.
    shape : tuple of two int
        Without the member axis.
    role : str, default="other"
        Two roles have a meaning. A "weight" is a matrix (n_in, n_out), is penalised and bounded, and is one of the
        public `coefs_`. A "bias" (1, n_out) is that of the layer's weight, and is one of the public `intercepts_`. What
        an encoding learns has the role "encoding", points of categories have "embedding", factors of inputs "scale". By
        any role, factors of the learning rate and of weight decay find it.
    n_blocks : int, default=1
        Matrices that lie one under the other in this array: a bound of the weights into a unit is one of each.
    owners : int, default=1
        Members of a batch ensemble that own a part each: what a part costs counts in its owner's share of the loss.
    tie : str, default=""
        A name that two weights have in common, which are one matrix: that of the upper leaf is the lower one's,
        transposed. The way back comes to the upper one first, which writes its part of their gradient; the lower adds.
    is_transposed : bool, default=False
        Whether it is the upper one, which has no numbers of its own.
    """

    name: str
    shape: tuple[int, int]
    role: str = "other"
    n_blocks: int = 1
    owners: int = 1
    tie: str = ""
    is_transposed: bool = False

    @property
    def is_penalised(self) -> bool:
        """True if the objective's penalty is of it."""
        return self.role == "weight"

    @property
    def group(self) -> str:
        """Its role, or its name where it has none: the word by which factors find it."""
        return self.name if self.role == "other" else self.role

    @property
    def fan_in(self) -> int:
        """Inputs of a unit, of a weight."""
        return self.shape[0] // self.n_blocks

    @property
    def size(self) -> int:
        """Its own numbers."""
        return 0 if self.is_transposed else self.shape[0] * self.shape[1]
