"""The folds of a committee: which rows each member learns, and which it never sees."""

from __future__ import annotations

import numbers
from typing import Any, NamedTuple

import numpy as np
from sklearn.model_selection import check_cv

from skdl.ensemble._sampling import row_keys, select_rows


class Fold(NamedTuple):
    """Rows that a member learns, and rows that it does not see, both in their order."""

    training: np.ndarray
    unseen: np.ndarray


def contents_of(X: Any, y: np.ndarray) -> np.ndarray:
    """The number (n,) of each row's content (X, y), in an order that depends on the contents alone."""
    content: np.ndarray = np.unique(row_keys(X, y), return_inverse=True)[1]
    return content


def folds_of(
    cv: Any,
    X: Any,
    y: np.ndarray,
    content: np.ndarray,
    kept: np.ndarray,
    groups: Any,
    generator: np.random.Generator,
    *,
    classify: bool,
) -> list[Fold]:
    """The folds that `cv` names, of the rows in `kept`.

    Parameters
    ----------
    cv : int, splitter or iterable
        Of an int, rows of equal content, or of one group, share a fold; classes, or in a regression the sizes of the
        targets, are spread evenly over the folds. An iterable gives pairs of rows to learn and not to see.
    X, y : validated data
    content : int array of shape (n,)
        See `contents_of`.
    kept : int array
        Rows of positive weight.
    groups : array of shape (n,) or None
    generator : numpy.random.Generator
    classify : bool
    """
    if isinstance(cv, numbers.Integral):
        own = None if groups is None else groups[kept]
        fold = _assigned(int(cv), y[kept], content[kept], own, generator, classify=classify)
        return [Fold(kept[fold != k], kept[fold == k]) for k in range(fold.max() + 1)]
    if hasattr(cv, "split"):
        own = None if groups is None else groups[kept]
        pairs = [(kept[a], kept[b]) for a, b in cv.split(select_rows(X, kept), y[kept], own)]
    else:
        pairs = [(_positions(a), _positions(b)) for a, b in check_cv(cv).split(X, y)]
        pairs = [(a[np.isin(a, kept)], b[np.isin(b, kept)]) for a, b in pairs]
    folds = [Fold(np.sort(a), np.sort(b)) for a, b in pairs if len(b)]
    if not folds or not all(len(fold.training) for fold in folds):
        raise ValueError(f"cv={cv!r} gives no rows to learn, or none that a member does not see.")
    if any(len(np.intersect1d(*fold)) for fold in folds):
        raise ValueError(f"cv={cv!r} gives rows to learn that the same member is not to see.")
    return folds


def _positions(rows: Any) -> np.ndarray:
    rows = np.asarray(rows)
    return np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.intp)


def _assigned(
    n_folds: int, y: np.ndarray, content: np.ndarray, groups: Any, generator: np.random.Generator, *, classify: bool
) -> np.ndarray:
    """The fold of each row. It depends on the rows' contents, not on their order or on copies of them."""
    _, first, content = np.unique(content, return_index=True, return_inverse=True)
    if groups is None:
        n_folds = _at_most(len(first), n_folds, "different rows")
        deal = _dealt_by_class if classify else _dealt_by_size
        fold: np.ndarray = deal(y[first].reshape(len(first), -1)[:, 0], n_folds, generator)[content]
        return fold
    named, group = np.unique(groups, return_inverse=True)
    n_folds = _at_most(len(named), n_folds, "groups")
    sizes = np.array([len(np.unique(content[group == g])) for g in range(len(named))])
    by_group: np.ndarray = _packed(sizes, n_folds, generator)[group]
    return by_group


def _at_most(n_units: int, n_folds: int, noun: str) -> int:
    if n_units < 2:
        raise ValueError(
            f"A committee needs at least two {noun} of positive weight, since each member leaves some out. Got "
            f"n_samples={n_units}."
        )
    return min(n_folds, n_units)


def _dealt_by_class(labels: np.ndarray, n_folds: int, generator: np.random.Generator) -> np.ndarray:
    """Each class in random order, dealt to one fold after the other; the next class goes on where it ended."""
    codes = np.unique(labels, return_inverse=True)[1]
    order = generator.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    fold = np.empty(len(codes), dtype=np.intp)
    fold[order] = np.arange(len(codes)) % n_folds
    return fold


def _dealt_by_size(targets: np.ndarray, n_folds: int, generator: np.random.Generator) -> np.ndarray:
    """Of each `n_folds` neighbours by the size of their targets one in each fold, at random."""
    n = len(targets)
    order = np.argsort(targets, kind="stable")
    draws = generator.random((-(-n // n_folds), n_folds)).argsort(axis=1)
    draws[-1, : n - n_folds * (len(draws) - 1)] = generator.permutation(n_folds)[: n - n_folds * (len(draws) - 1)]
    fold = np.empty(n, dtype=np.intp)
    fold[order] = draws.ravel()[:n]
    return fold


def _packed(sizes: np.ndarray, n_folds: int, generator: np.random.Generator) -> np.ndarray:
    """Groups of these sizes into folds of about equal size: the largest first, each into the smallest fold so far."""
    shuffled = generator.permutation(len(sizes))
    fold, totals = np.empty(len(sizes), dtype=np.intp), np.zeros(n_folds)
    for g in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
        fold[g] = totals.argmin()
        totals[fold[g]] += sizes[g]
    return fold
