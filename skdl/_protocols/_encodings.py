"""The protocols of encodings, which the slots `encoding` and `category_encoding` hold."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from skdl._component import Component
from skdl._protocols._network import Layer


class NumberEncoding(Component):
    """A map of each number of the inputs by itself, before the first hidden layer.

    What it makes of one number does not depend on the others, is as many numbers for each, and these lie side by side.
    Missing numbers do not come to it: all that they become is zero. What it has to know of the data, such as quantiles,
    are buffers of its layer, which the training rows fill (`Layer.from_rows`, where missing numbers are NaN), each with
    what belongs to one number side by side: a number that is constant at first takes its part from later rows.
    """

    @property
    @abstractmethod
    def width(self) -> int:
        """Numbers that it makes of one."""

    @abstractmethod
    def build(self, n_inputs: int) -> Layer:
        """The layer from (k, B, n_inputs) to (k, B, n_inputs * width).

        In a stack, numbers that differ between members are columns of shape (k, 1, 1).
        """


class CategoryEncoding(Component):
    """A map of the code of each category, before the first hidden layer.

    Codes are 1, ..., K, or 0 for a category that the fit has not seen. What it makes of a column does not depend on the
    others, and lies side by side.

    Attributes
    ----------
    max_categories : int or None
        Codes that a column may have; of more values, the rarest share one. None for no limit.
    """

    max_categories: int | None = 50

    @abstractmethod
    def widths(self, n_categories: Sequence[int]) -> tuple[int, ...]:
        """Numbers that it makes of each column, by the numbers K of codes."""

    @abstractmethod
    def build(self, n_categories: Sequence[int]) -> Layer:
        """The layer from codes (k, B, n_columns), whole numbers of the training's type, to (k, B, sum of widths).

        In a stack, numbers that differ between members are columns of shape (k, 1, 1).
        """
