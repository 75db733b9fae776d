"""Which weights become images, of which shape, and what they are called and drawn with."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.tree import DecisionTreeClassifier

from skdl import KNNClassifier, LeastSquaresRegressor, MLPClassifier, SoftmaxClassifier
from skdl.inspection import WeightImageDisplay

X, y = load_digits(return_X_y=True)
X = X / 16
WORDS = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])


@pytest.fixture(scope="module")
def softmax():
    return SoftmaxClassifier(max_iter=5, standardize=False, optimizer="adam", n_iter_no_change=np.inf).fit(X, WORDS[y])


def test_rows_of_the_coefficients_are_the_images_of_the_classes(softmax):
    display = WeightImageDisplay.from_estimator(softmax)
    assert list(display.titles) == softmax.classes_.tolist()
    assert np.array_equal(display.images.reshape(10, 64), softmax.coef_)
    assert [ax.get_title() for ax in display.axes_] == sorted(WORDS)
    drawn = display.axes_[3].images[0]
    assert np.array_equal(drawn.get_array(), softmax.coef_[3].reshape(8, 8))
    largest = np.abs(softmax.coef_).max()
    assert drawn.get_clim() == pytest.approx((-largest, largest))  # zero is in the middle


@pytest.mark.parametrize(("style", "zero"), [("default", 1), ("dark_background", 0)])
def test_zero_is_as_the_paper(style, zero, softmax):
    with plt.style.context(style):
        display = WeightImageDisplay.from_estimator(softmax, same_scale=False)
    drawn = display.axes_[0].images[0]
    assert np.allclose(drawn.cmap(drawn.norm(0.0))[:3], zero, atol=0.02)
    assert drawn.get_clim()[1] == pytest.approx(np.abs(softmax.coef_[0]).max())


def test_units_of_the_first_layer():
    network = MLPClassifier((30, 8), encoding=None, max_iter=1, early_stopping=False, random_state=0).fit(X, y)
    display = WeightImageDisplay.from_estimator(network)
    assert np.array_equal(display.images.reshape(25, 64), network.coefs_[0].T[:25])
    assert display.titles[24] == "unit 24"
    some = WeightImageDisplay.from_estimator(network, (4, 16), layer="hidden_1", units=[3, 7])
    assert some.images.shape == (2, 4, 16)
    assert some.titles == ["unit 3", "unit 7"]
    assert len(WeightImageDisplay.from_estimator(network, units=None).images) == 30
    output = WeightImageDisplay.from_estimator(network, (2, 4), layer=-1)
    assert output.titles == [str(label) for label in range(10)]
    with pytest.raises(ValueError, match="30 weights are no square"):
        WeightImageDisplay.from_estimator(network, layer=1)
    with pytest.raises(ValueError, match=r"must list units of 0 to 29\. Got \[50\]"):
        WeightImageDisplay.from_estimator(network, units=[50])
    with pytest.raises(ValueError, match="no such layer"):
        WeightImageDisplay.from_estimator(network, layer="hidden_3")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of theirs, whose fits need no end here
def test_models_of_scikit_learn_pipelines_and_regressors():
    theirs = make_pipeline(MinMaxScaler(), LogisticRegression(max_iter=2000)).fit(X, y)
    display = WeightImageDisplay.from_estimator(theirs)
    assert np.array_equal(display.images.reshape(10, 64), theirs[-1].coef_)
    binary = LogisticRegression(max_iter=2000).fit(X, y > 4)
    assert WeightImageDisplay.from_estimator(binary).titles == ["True against False"]
    assert WeightImageDisplay.from_estimator(LeastSquaresRegressor().fit(X, y)).titles == ["weights"]
    assert WeightImageDisplay.from_estimator(Ridge().fit(X, np.c_[y, y])).titles == ["output 0", "output 1"]
    network = TheirClassifier((4,), solver="adam", max_iter=5, random_state=0).fit(X[:100], y[:100])
    assert WeightImageDisplay.from_estimator(network).images.shape == (4, 8, 8)


def test_deviations_of_pixels_multiply_weights(softmax):
    display = WeightImageDisplay.from_estimator(softmax, X=X)
    assert np.allclose(display.images.reshape(10, 64), softmax.coef_ * X.std(axis=0))


def test_images_in_fit_have_their_shape():
    images = X.reshape(-1, 8, 8)[:, :, 1:7]
    softmax = SoftmaxClassifier(max_iter=2, optimizer="adam", n_iter_no_change=np.inf).fit(images, y)
    display = WeightImageDisplay.from_estimator(softmax, X=images)
    assert np.allclose(display.images, softmax.coef_.reshape(10, 8, 6) * images.std(axis=0))


def test_colours_are_grey_at_zero():
    coef = np.zeros((1, 12))
    coef[0, 0] = 2.0
    model = Ridge().fit(np.eye(12), np.arange(12))
    model.coef_ = coef[0]
    display = WeightImageDisplay.from_estimator(model, (2, 2, 3))
    drawn = display.axes_[0].images[0].get_array()
    assert drawn[0, 0].tolist() == [1.0, 0.5, 0.5]


def test_errors_say_what_to_do():
    with pytest.raises(NotFittedError):
        WeightImageDisplay.from_estimator(SoftmaxClassifier())
    with pytest.raises(TypeError, match="KNNClassifier has no coef_ or coefs_"):
        WeightImageDisplay.from_estimator(KNNClassifier().fit(X, y))
    with pytest.raises(TypeError, match="DecisionTreeClassifier has no coef_"):
        WeightImageDisplay.from_estimator(DecisionTreeClassifier().fit(X, y))
    encoded = MLPClassifier((4,), max_iter=1, early_stopping=False).fit(X, y)
    with pytest.raises(ValueError, match="Fit the network with encoding=None"):
        WeightImageDisplay.from_estimator(encoded)
    with pytest.raises(ValueError, match=r"image_shape=\(8, 9\) has 72 numbers, and a unit has 64 weights"):
        WeightImageDisplay.from_estimator(LeastSquaresRegressor().fit(X, y), (8, 9))
