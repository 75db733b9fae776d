"""Images (n, h, w) or (n, h, w, c) at the border; that all estimators take them is in test_estimators."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from skdl import BaggingClassifier, EnsembleClassifier, KNNClassifier, MLPClassifier

DIGITS = load_digits()
IMAGES, LABELS = DIGITS.images[:80], DIGITS.target[:80]
COLOURED = np.random.default_rng(0).normal(size=(40, 2, 3, 2))


def small(**params):
    return MLPClassifier((8,), max_iter=3, random_state=0, **params)


def test_colours_are_the_last_axis_of_a_row():
    knn = KNNClassifier(1).fit(COLOURED, np.arange(40) % 3)
    assert knn.image_shape_ == (2, 3, 2)
    assert_array_equal(knn.predict(COLOURED.reshape(40, -1)), np.arange(40) % 3)
    with pytest.raises(ValueError, match=r"X holds images of shape \(2, 3\), and .* on images of shape \(2, 3, 2\)"):
        knn.predict(COLOURED[..., 0])


def test_validation_rows_are_images_too():
    rows = small().fit(IMAGES.reshape(80, -1), LABELS, X_val=IMAGES.reshape(80, -1), y_val=LABELS)
    images = small().fit(IMAGES, LABELS, X_val=IMAGES, y_val=LABELS)
    assert_array_equal(images.coefs_[0], rows.coefs_[0])
    with pytest.raises(ValueError, match=r"images of shape \(4, 16\)"):
        small().fit(IMAGES, LABELS, X_val=IMAGES.reshape(80, 4, 16), y_val=LABELS)


def test_integers_and_no_images():
    pixels = IMAGES.astype(np.uint8)
    assert_array_equal(small().fit(pixels, LABELS).predict(pixels), small().fit(IMAGES, LABELS).predict(IMAGES))
    with pytest.raises(ValueError, match=r"Found array with 0 sample\(s\)"):
        small().fit(np.empty((0, 8, 8)), np.empty(0))


def test_a_fit_that_fails_leaves_the_shape_as_it_was():
    network = small().fit(IMAGES, LABELS)
    with pytest.raises(ValueError, match="contains NaN"):
        network.fit(np.full((80, 4, 4), np.nan), LABELS)
    assert network.image_shape_ == (8, 8)
    assert len(network.predict(IMAGES)) == 80


def test_a_checkpoint_knows_the_shape(tmp_path):
    network = small().fit(IMAGES, LABELS)
    network.save_checkpoint(tmp_path / "a.npz")
    loaded = small().load_checkpoint(tmp_path / "a.npz")
    assert loaded.image_shape_ == (8, 8)
    rows = small().fit(IMAGES.reshape(80, -1), LABELS)
    rows.save_checkpoint(tmp_path / "b.npz")
    assert not hasattr(loaded.load_checkpoint(tmp_path / "b.npz"), "image_shape_")


@pytest.mark.parametrize("member", [small(), KNeighborsClassifier(1)])
def test_members_of_any_kind_see_rows(member):
    for ensemble in (BaggingClassifier(member, 2, random_state=0), EnsembleClassifier([("a", member)])):
        images, rows = (ensemble.fit(X, LABELS).predict_proba(X) for X in (IMAGES, IMAGES.reshape(80, -1)))
        assert_array_equal(images, rows)
