"""What is drawn of rows and their reconstructions, by an autoencoder and by principal components."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.datasets import load_digits, load_wine
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import Autoencoder, SoftmaxClassifier
from skdl.inspection import ReconstructionDisplay

DIGITS = load_digits()
X, IMAGES = DIGITS.data / 16, DIGITS.images / 16
WINE = load_wine(as_frame=True).data


@pytest.fixture(scope="module")
def autoencoder():
    return Autoencoder((16, 4), standardize=False, max_iter=2, random_state=0).fit(IMAGES)


def test_images_above_their_reconstructions(autoencoder):
    display = ReconstructionDisplay.from_estimator(autoencoder, IMAGES, 5)
    again = autoencoder.reconstruct(IMAGES[:5])
    assert_array_equal(display.originals, X[:5])
    assert_allclose(display.reconstructions, again.reshape(5, 64))
    assert_allclose(display.errors, ((IMAGES[:5] - again) ** 2).mean(axis=(1, 2)))
    assert len(display.axes_) == 10
    assert_array_equal(display.axes_[2].images[0].get_array(), IMAGES[2])
    assert_allclose(display.axes_[7].images[0].get_array(), again[2])
    assert display.axes_[7].images[0].get_clim() == display.axes_[2].images[0].get_clim() == (0, 1)
    assert [ax.get_ylabel() for ax in display.axes_[::5]] == ["original", "reconstruction"]
    assert display.axes_[7].get_xlabel() == f"{display.errors[2]:.2g}"
    rows = ReconstructionDisplay.from_estimator(autoencoder, X)  # the fit saw images
    assert tuple(rows.image_shape) == (8, 8)


@pytest.mark.parametrize(("style", "blank"), [("default", 1), ("dark_background", 0)])
def test_blank_is_as_the_paper(style, blank):
    with plt.style.context(style):
        display = ReconstructionDisplay.from_estimator(PCA(3).fit(X), X, 2, (8, 8))
    drawn = display.axes_[0].images[0]
    assert_allclose(drawn.cmap(drawn.norm(0.0))[:3], blank, atol=0.02)


def test_inputs_with_noise_stand_between(autoencoder):
    noisy = IMAGES + np.random.default_rng(0).normal(size=IMAGES.shape)
    display = ReconstructionDisplay.from_estimator(autoencoder, IMAGES, 3, inputs=noisy)
    assert [ax.get_ylabel() for ax in display.axes_[::3]] == ["original", "input", "reconstruction"]
    assert_allclose(display.axes_[4].images[0].get_array(), noisy[1])
    assert_allclose(display.reconstructions, autoencoder.reconstruct(noisy[:3]).reshape(3, 64))
    assert_allclose(display.errors, ((display.reconstructions - X[:3]) ** 2).mean(axis=1))
    with pytest.raises(ValueError, match=r"inputs have the shape \(2, 64\), and those of X \(3, 64\)"):
        ReconstructionDisplay.from_estimator(autoencoder, IMAGES, 3, inputs=noisy[:2])


def test_rows_of_a_table_are_curves():
    pipeline = make_pipeline(StandardScaler(), PCA(3)).fit(WINE)
    display = ReconstructionDisplay.from_estimator(pipeline, WINE, 6)
    assert display.image_shape is None
    assert display.names == list(WINE.columns)
    dots, line = display.axes_[4].lines
    assert_array_equal(dots.get_ydata(), WINE.iloc[4])
    assert_allclose(line.get_ydata(), pipeline.inverse_transform(pipeline.transform(WINE))[4])
    assert [tick.get_text() for tick in display.axes_[5].get_xticklabels()] == list(WINE.columns)
    assert display.axes_[4].get_title() == f"error {display.errors[4]:.2g}"
    sparse = ReconstructionDisplay.from_estimator(TruncatedSVD(3).fit(X), csr_array(X), 2)
    assert sparse.originals.shape == (2, 64)


def test_missing_cells_are_no_error():
    rows = WINE.astype(float).copy()
    rows.iloc[0, 2] = np.nan
    display = ReconstructionDisplay.from_estimator(Autoencoder(2, max_iter=2).fit(rows), rows, 2)
    assert np.isfinite(display.errors).all()
    assert np.isfinite(display.reconstructions).all()


def test_colours():
    coloured = np.stack([IMAGES, 1 - IMAGES, IMAGES**2], axis=-1)
    display = ReconstructionDisplay.from_estimator(
        PCA(9).fit(coloured.reshape(-1, 192)), coloured.reshape(-1, 192), 2, (8, 8, 3)
    )
    assert display.axes_[1].images[0].get_array().shape == (8, 8, 3)
    assert_allclose(display.axes_[1].images[0].get_array(), coloured[1])


def test_messages(autoencoder):
    with pytest.raises(TypeError, match=r"SoftmaxClassifier has no transform, .* such as PCA"):
        ReconstructionDisplay.from_estimator(SoftmaxClassifier(), X)
    with pytest.raises(ValueError, match=r"image_shape=\(8, 9\) has 72 numbers, and a row has 64"):
        ReconstructionDisplay.from_estimator(autoencoder, X, image_shape=(8, 9))
