"""The folds of a committee: balanced, by content, by group, or as a splitter says."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.model_selection import KFold, ShuffleSplit

from skdl.tabular._folds import contents_of, folds_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(101, 3))
LABELS = np.repeat(["a", "b", "c"], [60, 30, 11])
REALS = RNG.exponential(size=101)


def folds(cv, y=LABELS, X=X, kept=None, groups=None, seed=0, classify=True):
    kept = np.arange(len(y)) if kept is None else kept
    generator = np.random.default_rng(seed)
    return folds_of(cv, X, y, contents_of(X, y), kept, groups, generator, classify=classify)


def fold_of(found, n):
    """The fold that leaves out each row, -1 for none."""
    number = np.full(n, -1)
    for k, fold in enumerate(found):
        number[fold.unseen] = k
    return number


def test_each_row_is_unseen_once_and_folds_are_of_one_size():
    found = folds(8)
    assert_array_equal(np.sort(np.concatenate([fold.unseen for fold in found])), np.arange(101))
    for fold in found:
        assert_array_equal(np.union1d(*fold), np.arange(101))
        assert not len(np.intersect1d(*fold))
    sizes = [len(fold.unseen) for fold in found]
    assert max(sizes) - min(sizes) <= 1


def test_classes_are_spread_evenly():
    number = fold_of(folds(8), 101)
    counts = np.array([np.bincount(number[label == LABELS], minlength=8) for label in "abc"])
    assert (counts.max(axis=1) - counts.min(axis=1)).max() <= 1


def test_sizes_of_targets_are_spread_evenly():
    number = fold_of(folds(5, REALS, classify=False), 101)
    in_order = number[np.argsort(REALS)]
    for start in range(0, 100, 5):
        assert set(in_order[start : start + 5]) == set(range(5))  # of each five neighbours one in each fold


@pytest.mark.parametrize(("y", "classify"), [(LABELS, True), (REALS, False)])
def test_the_order_of_rows_and_their_copies_do_not_matter(y, classify):
    number = fold_of(folds(4, y, classify=classify), 101)
    order = RNG.permutation(np.concatenate([np.arange(101), RNG.integers(101, size=50)]))
    shuffled = folds(4, y[order], X[order], classify=classify)
    assert_array_equal(fold_of(shuffled, len(order)), number[order])


def test_rows_that_are_not_kept_are_in_no_fold():
    kept = np.flatnonzero(RNG.random(101) < 0.7)
    found = folds(4, kept=kept)
    alone = folds(4, LABELS[kept], X[kept])
    for fold, other in zip(found, alone, strict=True):
        assert_array_equal(fold.unseen, kept[other.unseen])
        assert_array_equal(fold.training, kept[other.training])


def test_groups_share_a_fold():
    groups = np.array([f"g{i}" for i in RNG.integers(20, size=101)])
    number = fold_of(folds(4, groups=groups), 101)
    for group in np.unique(groups):
        assert len(np.unique(number[groups == group])) == 1
    assert np.ptp(np.bincount(number)) < 15


def test_there_are_no_more_folds_than_different_rows():
    twice = np.repeat(np.arange(3), 4)
    assert len(folds(8, LABELS[twice], X[twice])) == 3
    with pytest.raises(ValueError, match=r"at least two different rows.*n_samples=1"):
        folds(8, LABELS[:1], X[:1])
    with pytest.raises(ValueError, match="at least two groups"):
        folds(8, groups=np.zeros(101))


def test_splitters_and_iterables_say_so_themselves():
    kept = np.flatnonzero(RNG.random(101) < 0.7)
    for fold, (a, b) in zip(folds(KFold(3), kept=kept), KFold(3).split(kept), strict=True):
        assert_array_equal(fold.training, kept[a])
        assert_array_equal(fold.unseen, kept[b])
    pairs = list(ShuffleSplit(3, random_state=0).split(X))
    for fold, (a, b) in zip(folds(pairs, kept=kept), pairs, strict=True):
        assert_array_equal(fold.training, np.intersect1d(a, kept))
        assert_array_equal(fold.unseen, np.intersect1d(b, kept))
    masks = [(np.arange(101) < 50, np.arange(101) >= 50)]
    assert_array_equal(folds(masks)[0].training, np.arange(50))
    with pytest.raises(ValueError, match="that the same member is not to see"):
        folds([(np.arange(50), np.arange(40, 101))])
    with pytest.raises(ValueError, match="gives no rows to learn"):
        folds([(np.arange(0), np.arange(40, 101))])
