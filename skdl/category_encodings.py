"""Encodings of categories: maps of the code of each category, before the first hidden layer."""

from __future__ import annotations

from collections.abc import Sequence

from skdl._constraints import NONE, Integer, Real
from skdl._protocols import CategoryEncoding, Layer
from skdl._registry import category_encodings, register
from skdl.layers import Categories

__all__ = ["Embedding", "OneHot", "names", "resolve"]

resolve, names = category_encodings.resolve, category_encodings.names


@register("one_hot")
class OneHot(CategoryEncoding):
    """One-hot encoding: a column of categories becomes a column for each, which is 1 where it is there, else 0.

    Missing cells are a category of their own where the fit had any; a category that it has not seen is all zeros. The
    columns are made batch by batch.

    Parameters
    ----------
    max_categories : int or None, default=50
        Most categories of a column, at least 2: of more, the most frequent ones but one remain, and the others share
        one. None for no limit.

    Shape
    -----
    (k, B, c) -> (k, B, K_1 + ... + K_c), with K_j categories of column j

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier().set_params(category_encoding__max_categories=20)
    MLPClassifier(category_encoding=OneHot(max_categories=20))
    """

    constraints = {"max_categories": NONE | Integer(2)}

    def __init__(self, max_categories: int | None = 50):
        self.max_categories = max_categories

    def widths(self, n_categories: Sequence[int]) -> tuple[int, ...]:
        return tuple(n_categories)

    def build(self, n_categories: Sequence[int]) -> Layer:
        return Categories(tuple(n_categories), (False,) * len(n_categories))


@register("embedding")
class Embedding(CategoryEncoding):
    """Learned embeddings: each category of a column of many becomes a point, which is learned.

    e = E[x],  E (K, dimension)

    Columns of fewer categories are one-hot. A category that the fit has not seen is at the origin.

    Parameters
    ----------
    dimension : int, default=8
        Numbers of a point, at least 1.
    min_categories : int, default=9
        Categories from which on a column is embedded, at least 1.
    sigma : float, default=1.0
        The points begin as N(0, sigma^2), in (0, inf).
    max_categories : int or None, default=None
        As that of `OneHot`.

    Shape
    -----
    (k, B, c) -> (k, B, w_1 + ... + w_c), w_j = dimension, or K_j for the K_j categories of a column of few

    References
    ----------
    C. Guo, F. Berkhahn, "Entity embeddings of categorical variables", arXiv 1604.06737, 2016.

    Examples
    --------
    >>> from skdl import MLPClassifier
    >>> MLPClassifier(category_encoding="embedding").set_params(category_encoding__dimension=4)
    MLPClassifier(category_encoding=Embedding(dimension=4))
    """

    constraints = {
        "dimension": Integer(1),
        "min_categories": Integer(1),
        "sigma": Real(0, open_low=True),
        "max_categories": NONE | Integer(2),
    }
    per_member = ("sigma",)

    def __init__(
        self, dimension: int = 8, *, min_categories: int = 9, sigma: float = 1.0, max_categories: int | None = None
    ):
        self.dimension = dimension
        self.min_categories = min_categories
        self.sigma = sigma
        self.max_categories = max_categories

    def widths(self, n_categories: Sequence[int]) -> tuple[int, ...]:
        return tuple(self.dimension if n >= self.min_categories else n for n in n_categories)

    def build(self, n_categories: Sequence[int]) -> Layer:
        learned = tuple(n >= self.min_categories for n in n_categories)
        return Categories(tuple(n_categories), learned, self.dimension, self.sigma)
