"""Landscapes against the function itself and the losses of scikit-learn, curvature against eigenvalues."""

import copy
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from skdl import MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.inspection import LossLandscapeDisplay, sharpness
from skdl.inspection._directions import random_directions
from skdl.inspection._objective import FittedObjective, parameters_of

X, y = load_digits(n_class=4, return_X_y=True)
X = X / 16
PLAIN = {
    "encoding": None, "standardize": False, "early_stopping": False, "max_iter": 4, "random_state": 0, "alpha": 0.0,
    "label_smoothing": 0.0, "dtype": "float64", "optimizer": "adam", "calibrate": False, "input_scale": False,
}  # fmt: skip


def bowl(w):
    return 0.5 * (w[0] ** 2 + 10 * w[1] ** 2)


@pytest.fixture(scope="module")
def network():
    return MLPClassifier((5,), **PLAIN).fit(X, y)


@pytest.fixture(scope="module")
def path(network):
    start = MLPClassifier((5,), **PLAIN).initialize(X, y)
    found = [copy.deepcopy(start)]
    for _ in range(4):
        found.append(copy.deepcopy(start.partial_fit(X, y)))
    return found


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_a_function_and_paths_on_it(style):
    points = [[-2, 1], [0.5, -0.5], [0, 0]]
    walked = SimpleNamespace(points=np.array([[1.0, 1.0], [0.0, 0.5]]))
    with plt.style.context(style):
        display = LossLandscapeDisplay.from_function(
            bowl, (-2, 3), (-1, 1), n_points=11, paths={"one": points, "two": walked}, labels=("u", "v")
        )
    assert (display.x[0], display.x[-1], display.y[0], display.y[-1]) == (-2, 3, -1, 1)
    assert display.values[2, 7] == pytest.approx(bowl((display.x[7], display.y[2])))
    lines = {line.get_label(): line for line in display.ax_.lines}
    assert lines["one"].get_xydata().tolist() == points
    assert lines["two"].get_xydata().tolist() == walked.points.tolist()
    stars = [line for line in display.ax_.lines if line.get_marker() == "*"]
    assert [star.get_xydata().tolist() for star in stars] == [[[0, 0]], [[0, 0.5]]]
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("u", "v")
    assert display.ax_.get_xlim() == (-2, 3)
    assert display.figure_.axes[1].get_ylabel() == "loss"


def test_levels_show_a_valley_with_steep_walls():
    steep = LossLandscapeDisplay.from_function(lambda w: np.exp(3 * abs(w[0])) - 1, (-3, 3), (-1, 1), n_points=21)
    levels = steep._levels(9, None)
    assert np.allclose(np.diff(np.log(levels - steep.values.min())), np.log(levels[-1] / levels[0]) / 8)
    assert np.allclose(np.diff(steep._levels(9, False)), steep.values.max() / 8)
    flat = LossLandscapeDisplay.from_function(lambda w: 1.0, (0, 1), (0, 1), n_points=3)
    assert flat.ax_.lines == [] or len(flat.ax_.lines) == 0


def test_two_weights_of_a_network(network):
    """The loss with these weights set by hand, on a grid that their values are in the middle of."""
    display = LossLandscapeDisplay.from_estimator(
        network, X, y, directions=[("hidden_1", 20, 3), ("output", 4, 1)], extent=0.5, n_points=5
    )
    assert display.labels == ("hidden_1[20, 3]", "output[4, 1]")
    assert display.center == pytest.approx((network.coefs_[0][20, 3], network.coefs_[1][4, 1]))
    for i, j in ((0, 4), (2, 2), (3, 1)):
        changed = copy.deepcopy(network)
        coefs = [coef.copy() for coef in network.coefs_]
        coefs[0][20, 3], coefs[1][4, 1] = display.x[i], display.y[j]
        changed.coefs_ = coefs
        assert display.values[j, i] == pytest.approx(log_loss(y, changed.predict_proba(X)), rel=1e-5)
    assert "network" in [line.get_label() for line in display.ax_.lines]


def test_random_directions_are_as_long_as_the_weights_of_each_unit(network):
    objective = FittedObjective(network, X, y)
    plane = random_directions(objective, 0)
    for _, role, place, shape in objective.parameters():
        weight = objective.theta[place].reshape(shape)
        for direction in plane:
            part = direction[place].reshape(shape)
            norms = np.linalg.norm(part, axis=0)
            assert np.allclose(norms, np.linalg.norm(weight, axis=0) if role == "weight" else 0)
    display = LossLandscapeDisplay.from_estimator(network, X, y, n_points=3)
    assert display.values[1, 1] == pytest.approx(log_loss(y, network.predict_proba(X)), rel=1e-5)
    assert display.values[2, 0] == pytest.approx(objective(objective.theta - plane[0] + plane[1])[0])
    other = LossLandscapeDisplay.from_estimator(network, X, y, n_points=3, random_state=1)
    assert other.values[0, 0] != display.values[0, 0]


def test_the_plane_of_a_trajectory_holds_it(network, path):
    display = LossLandscapeDisplay.from_estimator(
        path[-1], X, y, directions="trajectory", paths={"adam": path}, n_points=4
    )
    found = display.paths["adam"]
    assert np.allclose(found[-1], 0)  # the network itself
    trail = np.array([parameters_of(each) for each in path]) - parameters_of(path[-1])
    sizes = np.linalg.svd(trail, compute_uv=False)
    assert np.allclose((found**2).sum(axis=0), sizes[:2] ** 2)
    share = sizes[0] ** 2 / (sizes**2).sum()
    assert display.labels[0] == f"component 1 ({share:.0%})"
    assert display.x[0] < found[:, 0].min() < found[:, 0].max() < display.x[-1]
    # In the plane of random directions, the same path is where it is nearest.
    plane = LossLandscapeDisplay.from_estimator(path[-1], X, y, paths={"adam": path}, n_points=2).paths["adam"]
    assert plane.shape == (5, 2)
    assert np.allclose(plane[-1], 0)


def test_sharpness_is_the_largest_eigenvalue_of_the_hessian():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(60, 4)) * [1, 2, 3, 4]
    target = rows @ [1.0, 2.0, 3.0, 4.0] + rng.normal(size=60)
    linear = MLPRegressor((), standardize_target=False, **{k: v for k, v in PLAIN.items() if k != "label_smoothing"})
    linear.fit(rows, target)
    A = np.column_stack([rows, np.ones(60)])
    largest = np.linalg.eigvalsh(A.T @ A / 60)[-1]
    assert sharpness(linear, rows, target) == pytest.approx(largest, rel=2e-3)
    # Of the softmax classifier, the matrix of second derivatives from central differences of the gradient.
    wine, labels = load_wine(return_X_y=True)
    softmax = SoftmaxClassifier(alpha=0.1, dtype="float64").fit(wine, labels)
    objective = FittedObjective(softmax, wine, labels)
    steps = 1e-5 * np.eye(len(objective.theta))
    hessian = [(objective(objective.theta + h)[1] - objective(objective.theta - h)[1]) / 2e-5 for h in steps]
    assert sharpness(softmax, wine, labels) == pytest.approx(np.linalg.eigvalsh(np.array(hessian))[-1], rel=2e-3)


def test_the_surface_is_the_grid():
    display = LossLandscapeDisplay.from_function(bowl, (-1, 1), (-1, 1), n_points=5, kind="surface")
    assert display.ax_.get_zlabel() == "loss"
    assert display.ax_.get_zlim()[1] >= display.values.max()


def test_errors_say_what_to_give(network, path):
    with pytest.raises(ValueError, match=r"directions='trajectory' needs paths=\{name: networks\}"):
        LossLandscapeDisplay.from_estimator(network, X, y, directions="trajectory")
    with pytest.raises(ValueError, match="must be 'random', 'trajectory' or two triples"):
        LossLandscapeDisplay.from_estimator(network, X, y, directions="pca")
    with pytest.raises(ValueError, match=r"no weight \('hidden_2', 0, 0\).*'hidden_1': \(64, 5\)"):
        LossLandscapeDisplay.from_estimator(network, X, y, directions=[("hidden_2", 0, 0), ("output", 0, 0)])
    with pytest.raises(ValueError, match=r"or two triples \(layer, input, unit\)\. Got \['hidden_1', 'output'\]"):
        LossLandscapeDisplay.from_estimator(network, X, y, directions=["hidden_1", "output"])
    with pytest.raises(ValueError, match="two different weights"):
        LossLandscapeDisplay.from_estimator(network, X, y, directions=[("output", 0, 0), ("output", 0, 0)])
    other = MLPClassifier((3,), **PLAIN).initialize(X, y)
    with pytest.raises(ValueError, match="'other' must hold networks with the 349 parameters"):
        LossLandscapeDisplay.from_estimator(network, X, y, paths={"other": [other]})
    with pytest.raises(ValueError, match=r"'flat' must be points of shape \(n_points, 2\). Got shape \(3,\)"):
        LossLandscapeDisplay.from_function(bowl, (0, 1), (0, 1), n_points=2, paths={"flat": [1, 2, 3]})
    with pytest.raises(TypeError, match="LogisticRegression is not a network of skdl"):
        sharpness(LogisticRegression(max_iter=1000).fit(X, y), X, y)
