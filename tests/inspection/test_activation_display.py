"""Statistics of layers against passes forward and back that are written out in NumPy."""

import pickle

import matplotlib.pyplot as plt
import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdl import BaggingClassifier, MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.inspection import ActivationDisplay
from skdl.optimizers import SGD

X, y = load_digits(n_class=4, return_X_y=True)
X = X / 16
PLAIN = {
    "encoding": None, "standardize": False, "early_stopping": False, "max_iter": 3, "random_state": 0, "alpha": 0.0,
    "label_smoothing": 0.0, "dtype": "float64", "calibrate": False, "input_scale": False,
}  # fmt: skip


def rows_of(display, network="MLPClassifier"):
    table = display.statistics
    return table[table["network"] == network].set_index("layer")


def test_values_and_saturation_of_tanh_by_hand():
    network = MLPClassifier((7, 5), activation="tanh", **PLAIN).fit(X, y)
    network.coefs_ = [40 * network.coefs_[0], network.coefs_[1], network.coefs_[2]]
    display = ActivationDisplay.from_estimator(network, X)
    found = rows_of(display)
    z1 = X @ network.coefs_[0] + network.intercepts_[0]
    h1 = np.tanh(z1)
    z2 = h1 @ network.coefs_[1] + network.intercepts_[1]
    for name, z in (("hidden_1", z1), ("hidden_2", z2)):
        before, after = display.values["MLPClassifier"][name]
        assert np.allclose(before, z)
        assert np.allclose(after, np.tanh(z))
        assert found.loc[name, "pre_std"] == pytest.approx(z.std())
        assert found.loc[name, "std"] == pytest.approx(np.tanh(z).std())
        assert found.loc[name, "saturated"] == pytest.approx((1 - np.tanh(z) ** 2 < 0.05).mean())
    assert found.loc["hidden_1", "saturated"] > 2 * found.loc["hidden_2", "saturated"]
    assert found.loc["output", "std"] == pytest.approx((np.tanh(z2) @ network.coefs_[2] + network.intercepts_[2]).std())
    assert found["n_units"].tolist() == [64, 7, 5, 4]
    assert found[["gradient_std", "update_ratio"]].isna().all(axis=None)  # without targets


@pytest.mark.parametrize(
    ("activation", "dead"), [("relu", 2 / 6), ("leaky_relu", 0.0), ("softplus", 2 / 6), ("maxout", 0)]
)
def test_units_that_no_row_reaches_are_dead(activation, dead):
    network = MLPClassifier((6,), activation=activation, **PLAIN).fit(X, y)
    intercepts = network.intercepts_[0].copy()
    intercepts[:6] = [-1000.0, -1000.0, 5.0, 5.0, 5.0, 5.0]
    network.intercepts_ = [intercepts, network.intercepts_[1]]
    found = rows_of(ActivationDisplay.from_estimator(network, X)).loc["hidden_1"]
    assert found["dead"] == pytest.approx(dead)
    if activation == "relu":
        hidden = X @ network.coefs_[0] + network.intercepts_[0]
        assert found["saturated"] == pytest.approx((hidden <= 0).mean())
    if activation in ("leaky_relu", "maxout"):
        assert found["saturated"] == 0  # neither has a limit


def test_gradients_and_one_step_by_hand():
    """Softmax of tanh of an affine map: d loss / d scores = p - t, and back through the weights."""
    rate = 0.25
    network = MLPClassifier((6,), activation="tanh", optimizer=SGD(rate), schedule="constant", **PLAIN).fit(X, y)
    before = pickle.dumps(network)
    display = ActivationDisplay.from_estimator(network, X[:50], y[:50])
    assert pickle.dumps(network) == before
    hidden = np.tanh(X[:50] @ network.coefs_[0] + network.intercepts_[0])
    error = network.predict_proba(X[:50]) - (y[:50, None] == np.arange(4))
    by_hidden = error @ network.coefs_[1].T
    found = rows_of(display)
    assert found.loc["output", "gradient_std"] == pytest.approx(error.std())
    assert found.loc["hidden_1", "gradient_std"] == pytest.approx(by_hidden.std())
    steps = [X[:50].T @ (by_hidden * (1 - hidden**2)) / 50, hidden.T @ error / 50]
    for name, weight, step in zip(("hidden_1", "output"), network.coefs_, steps, strict=True):
        norm = np.linalg.norm(weight)
        assert found.loc[name, "weight_norm"] == pytest.approx(norm)
        assert found.loc[name, "update_ratio"] == pytest.approx(rate * np.linalg.norm(step) / norm)
    assert found.loc["input", ["weight_norm", "pre_std"]].isna().all()


def test_variance_travels_as_the_theory_says():
    """Of ReLU layers with n units: N(0, s^2) multiplies the mean square by n s^2 / 2, forward and back."""
    from skdl.initializers import Normal

    deep = MLPClassifier((200,) * 4, activation="relu", initializer=Normal(0.2), **PLAIN).initialize(X, y)
    display = ActivationDisplay.from_estimator(deep, X[:200], y[:200])
    found = rows_of(display)
    squares = [(display.values["MLPClassifier"][f"hidden_{i}"][1] ** 2).mean() for i in range(1, 5)]
    assert np.allclose(np.divide(squares[1:], squares[:-1]), 200 * 0.04 / 2, rtol=0.3)
    gradients = found.loc["hidden_1":"hidden_4", "gradient_std"].to_numpy() ** 2
    assert np.allclose(gradients[:-1] / gradients[1:], 200 * 0.04 / 2, rtol=0.4)


def test_batch_normalization_of_an_untrained_network_has_statistics_of_the_rows():
    deep = MLPClassifier((20,) * 3, activation="tanh", initializer="he_normal", normalization="batch", **PLAIN)
    deep.initialize(X, y)
    before = pickle.dumps(deep)
    found = rows_of(ActivationDisplay.from_estimator(deep, X[:200], y[:200]))
    assert np.allclose(found.loc["hidden_1":"hidden_3", "pre_std"], 1, atol=0.01)  # gamma = 1, beta = 0
    assert pickle.dumps(deep) == before
    alone = rows_of(ActivationDisplay.from_estimator(deep, X[:200]))
    assert abs(alone.loc["hidden_1", "pre_std"] - 1) > 0.1  # its initial statistics


def test_every_kind_of_network_has_all_numbers():
    kinds = {
        "default": MLPClassifier((6, 5), max_iter=4, random_state=0),
        "residual": MLPClassifier((6, 6), layer="residual", max_iter=4, random_state=0),
        "batch": MLPClassifier((6, 5), normalization="batch", dropout=0.2, **PLAIN),
        "learned": MLPClassifier((6, 5), activation="prelu", normalization="layer", **PLAIN),
        "lbfgs": MLPClassifier(
            (6, 5), optimizer="lbfgs", activation="swish", max_iter=4, tol=1.0, early_stopping=False
        ),
        "frozen": MLPClassifier((6, 5), frozen=[0], **PLAIN),
    }
    for network in kinds.values():
        network.fit(X, y)
    display = ActivationDisplay.from_estimator(kinds, X[:60], y[:60])
    hidden = display.statistics[display.statistics["layer"].str.startswith("hidden")]
    assert hidden.notna().all(axis=None)
    assert (display.statistics.set_index(["network", "layer"])["update_ratio"].dropna() >= 0).all()
    assert rows_of(display, "frozen").loc["hidden_1", "update_ratio"] == 0
    regressor = MLPRegressor((5,), max_iter=4, random_state=0).fit(X, y)
    assert rows_of(ActivationDisplay.from_estimator(regressor, X, y), "MLPRegressor")["gradient_std"].notna().all()


@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_what_is_drawn(style):
    networks = {
        "one": MLPClassifier((6, 5), activation="tanh", **PLAIN).fit(X, y),
        "two": make_pipeline(MinMaxScaler(), MLPClassifier((6,), activation="relu", **PLAIN)).fit(X, y),
    }
    with plt.style.context(style):
        display = ActivationDisplay.from_estimator(networks, X[:100], y[:100], n_bins=20)
        assert display.axes_.shape == (2, 2)
        assert display.axes_[0, 0].get_title().startswith("one\nhidden 1, deviation ")
        assert "saturated" in display.axes_[0, 1].get_title()
        assert not display.axes_[1, 1].axison
        assert len(display.axes_[1, 0].patches) == 21  # an outline and 20 bars
        assert sum(bar.get_height() * bar.get_width() for bar in display.axes_[1, 0].patches[1:]) == pytest.approx(1)
        low, high = display.axes_[1, 0].get_xlim()
        before, after = display.values["one"]["hidden_2"]
        assert low < after.min() < after.max() < high
        assert high - low < 4 * np.ptp(after) < 10 * np.ptp(before)
        display.plot(kind="statistics", show=["std", "gradient_std"])
    lines = {line.get_label(): line for line in display.axes_[1].lines}
    table = rows_of(display, "one")["gradient_std"].dropna()
    assert lines["one"].get_ydata().tolist() == table.tolist()
    assert [text.get_text() for text in display.axes_[0].get_xticklabels()] == [
        "input",
        "hidden_1",
        "hidden_2",
        "output",
    ]
    assert len(display.plot(kind="statistics").axes_) == 5


def test_errors_say_what_to_give():
    with pytest.raises(TypeError, match="MLPClassifier is not a network of skdl"):
        ActivationDisplay.from_estimator(
            TheirClassifier((2,), solver="lbfgs", max_iter=2000, random_state=0).fit(X[:40], y[:40]), X
        )
    bagging = BaggingClassifier(MLPClassifier((3,), **PLAIN), n_estimators=2, random_state=0).fit(X, y)
    with pytest.raises(TypeError, match=r"BaggingClassifier is an ensemble: give one of its members, such as estim"):
        ActivationDisplay.from_estimator(bagging, X)
    with pytest.raises(ValueError, match="SoftmaxClassifier has no hidden layer"):
        ActivationDisplay.from_estimator(SoftmaxClassifier().fit(X, y), X)
    display = ActivationDisplay.from_estimator(bagging.estimators_[0], X)
    with pytest.raises(ValueError, match="Got 'deviation'"):
        display.plot(kind="statistics", show=["deviation"])
