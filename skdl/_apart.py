"""Rows set apart to evaluate a training on: a random share of all, and of each class."""

from __future__ import annotations

import numpy as np


def set_apart(
    size: int,
    random: np.random.RandomState,
    *,
    mass: np.ndarray,
    strata: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of units to learn, and of about `size` units to validate on, both in random order.

    Each stratum gives its share of them, by largest remainders (ties are drawn), and keeps at least one unit to learn:
    a stratum of one unit gives none. So the second may hold fewer than `size`, or none where no stratum has two units.

    Units of equal mass are drawn by the random numbers of scikit-learn's `train_test_split`, to the same units.

    Parameters
    ----------
    size : int
        At least 1.
    random : RandomState
    mass : array of shape (n,)
        What each unit counts for in the shares, in (0, inf).
    strata : array of shape (n,) or None
        The label of each unit; None for one stratum of all.
    """
    n = len(mass)
    if n == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    relative = mass / mass.mean()
    if strata is None:
        order = random.permutation(n)
        n_validation = min(max(_count(relative[order], size), 1), n - 1)
        return order[n_validation:], order[:n_validation]
    codes = np.unique(strata, return_inverse=True)[1]
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(np.bincount(codes))[:-1])
    shares = np.bincount(codes, relative)
    learned = _apportion(shares, max(n - size, 0), random)
    _apportion(shares - learned, size, random)  # what is left is given: this only draws as scikit-learn does
    learning, validation_units = [], []
    for units, quota in zip(members, learned, strict=True):
        order = units[random.permutation(len(units))]
        first = max(1, _count(relative[order], quota))
        learning.append(order[:first])
        validation_units.append(order[first:])
    largest = max(range(len(members)), key=lambda i: len(members[i]))
    if (
        not any(map(len, validation_units)) and len(members[largest]) > 1
    ):  # all units are heavy: one validates all the same
        learning[largest], validation_units[largest] = np.split(learning[largest], [-1])
    return random.permutation(np.concatenate(learning)), random.permutation(np.concatenate(validation_units))


def _count(masses: np.ndarray, quota: float) -> int:
    """The number of first units whose mass comes nearest to the quota."""
    return int(np.count_nonzero(np.cumsum(masses) - masses / 2 < quota))


def _apportion(shares: np.ndarray, total: int, random: np.random.RandomState) -> np.ndarray:
    """`total` units in whole numbers in proportion to the shares, by largest remainders; ties are drawn."""
    quotas = shares / shares.sum() * total
    whole: np.ndarray = np.floor(quotas)
    left = int(total - whole.sum())
    remainders = quotas - whole
    for value in np.unique(remainders)[::-1]:
        if left <= 0:
            break
        (tied,) = np.nonzero(remainders == value)
        chosen = random.choice(tied, size=min(len(tied), left), replace=False)
        whole[chosen] += 1
        left -= len(chosen)
    return whole
