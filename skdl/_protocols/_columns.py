"""Columns of a network's inputs that are not plain numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InputColumns:
    """Kinds of a table's columns, as the first layer of a network has to know them: one entry a column.

    Rows of such a table hold numbers as they are, NaN where they are missing, and codes of categories: 1, ..., K, or 0
    for one that the fit has not seen.

    Parameters
    ----------
    n_categories : tuple of int
        K, the number of codes of a column of categories; missing cells, where the fit had any, have the last one. 0 for
        a column of numbers.
    has_missing : tuple of bool
        Whether numbers of the column were missing in the fit. False for categories, whose missing cells have a code.
    """

    n_categories: tuple[int, ...]
    has_missing: tuple[bool, ...]
