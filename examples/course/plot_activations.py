r"""
Activations: saturation, dead units, zig-zag
============================================

A unit is :math:`h = f(w \cdot x + b)`, and what its weights learn from comes back through the slope:
:math:`\partial L / \partial w = \partial L / \partial h \; f'(z) \; x`. The lecture claims: without :math:`f`, layers
collapse into one; sigmoid and tanh saturate, where :math:`f'` is nearly zero; a product of many slopes below one
vanishes; inputs that are all positive let the weights of a unit move only all up or all down (zig-zag); a rectifier has
no upper limit, but a unit that no row reaches is dead; and leaky or learned slopes keep it alive.
"""

# %%
# The functions and their slopes
# ------------------------------

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdl import MLPClassifier, activations
from skdl.autodiff import Variable, gradients
from skdl.initializers import Normal
from skdl.inspection import ActivationDisplay
from skdl.optimizers import SGD, Adam, minimize

z = np.linspace(-5, 5, 401)
figure, axes = plt.subplots(1, 2, figsize=(9, 3.5), layout="constrained")
slopes = {}
for name, style in {"sigmoid": "-", "tanh": "--", "relu": "-.", "leaky_relu": ":", "elu": "-", "swish": "--"}.items():
    f = activations.resolve(name)
    y, backprop = f.forward(z[None, :, None].copy())
    values = y[0, :, 0].copy()
    slopes[name] = backprop(np.ones((1, 401, 1)))[0][0, :, 0]
    axes[0].plot(z, values, style, label=name)
    axes[1].plot(z, slopes[name], style)
axes[0].set(title="f", xlabel="z", ylim=(-1.5, 3))
axes[1].set(title="slope f'", xlabel="z")
axes[0].legend()
plt.show()
assert np.isclose(slopes["sigmoid"].max(), 0.25)  # each sigmoid layer takes at least three quarters of a gradient
assert np.isclose(slopes["tanh"].max(), 1.0)

# %%
# Layers without an activation collapse
# -------------------------------------
# :math:`W_3 (W_2 (W_1 x + b_1) + b_2) + b_3` is one affine map. Two linear hidden layers predict what it does.

X, y = load_digits(return_X_y=True)
plain = {"encoding": None, "early_stopping": False, "schedule": "constant", "random_state": 0, "dtype": "float64"}
linear = MLPClassifier((32, 16), activation="identity", max_iter=5, **plain).fit(X, y)
W1, W2, W3 = linear.coefs_
b1, b2, b3 = linear.intercepts_
assert np.allclose(linear.decision_function(X), X @ (W1 @ W2 @ W3) + (b1 @ W2 + b2) @ W3 + b3)

# %%
# Saturation and the vanishing gradient
# -------------------------------------
# Eight layers before training. Sigmoid units take at least three quarters of the gradient at each layer: the first ones
# learn nothing. Weights that are too large push tanh to its limits.

deep = {"encoding": None, "random_state": 0}
networks = {
    "sigmoid": MLPClassifier((60,) * 8, activation="sigmoid", initializer="glorot_normal", **deep),
    "tanh": MLPClassifier((60,) * 8, activation="tanh", initializer="glorot_normal", **deep),
    "tanh, large weights": MLPClassifier((60,) * 8, activation="tanh", initializer=Normal(std=1.0), **deep),
    "relu": MLPClassifier((60,) * 8, activation="relu", initializer="he_normal", **deep),
}
for network in networks.values():
    network.initialize(X, y)
display = ActivationDisplay.from_estimator(
    networks, X[:300], y[:300], kind="statistics", show=["std", "gradient_std", "saturated"]
)
plt.show()
back = display.statistics.pivot(index="network", columns="layer", values="gradient_std")
print((back["hidden_1"] / back["hidden_8"]).rename("gradient at layer 1 / at layer 8").to_string())
assert back.loc["sigmoid", "hidden_1"] < 1e-4 * back.loc["sigmoid", "hidden_8"]
assert back.loc["relu", "hidden_1"] > 0.2 * back.loc["relu", "hidden_8"]

# %%
# Zig-zag
# -------
# Where all inputs of a unit are positive, such as those that a sigmoid layer gives, the gradient by its weights is
# :math:`\delta x`: all of one sign. To go one weight up and another down takes turns. Here two weights are to go from
# (0, 0) to (1, -1), by single rows; with inputs of mean zero the way is straight.

rng = np.random.default_rng(0)
positive = rng.uniform(0.2, 1.0, (200, 2))
rows = {"positive inputs": positive, "mean zero": (positive - positive.mean(axis=0)) * 2}
figure, ax = plt.subplots(layout="constrained")
for (name, inputs), style in zip(rows.items(), ("o-", "s--"), strict=True):
    target = inputs @ [1.0, -1.0]
    turn = iter(range(10000))

    def by_one_row(w, inputs=inputs, target=target, turn=turn):
        i = next(turn) % len(inputs)
        return (inputs[i] @ w - target[i]) * inputs[i]

    path = minimize(
        lambda w, inputs=inputs, target=target: 0.5 * ((inputs @ w - target) ** 2).mean(),
        [0.0, 0.0], optimizer=SGD(0.9), n_steps=60, gradient=by_one_row,
    )  # fmt: skip
    steps = np.diff(path.points, axis=0)
    same_sign = np.mean(steps[:, 0] * steps[:, 1] >= 0)
    turns = np.mean(np.sign(steps[1:, 0]) != np.sign(steps[:-1, 0]))
    print(f"{name:16} both weights the same way in {same_sign:.0%} of the steps, loss {path.value:.2g} after 60")
    ax.plot(*path.points.T, style, markersize=3, label=name)
    if name == "positive inputs":
        assert same_sign == 1
    else:
        assert same_sign < 0.7
ax.set(xlabel="first weight", ylabel="second weight")
ax.legend()
plt.show()

# %%
# The same from the tape: with positive inputs all partial derivatives have the sign of what comes back.

x, w = Variable(positive), Variable(np.array([[0.3], [0.2]]))
loss = ((x @ w - 1.0) ** 2).sum()
per_row = 2 * (positive @ w.value - 1.0) * positive
assert np.allclose(gradients(loss, [w])[0][:, 0], per_row.sum(axis=0))
assert (np.sign(per_row[:, 0]) == np.sign(per_row[:, 1])).all()

# %%
# Dead units, and cures
# ---------------------
# A rate that is too high throws rectifiers to where no row reaches them: they give zero for all, and no gradient ever
# comes back. An exponential one dies too, if it is thrown far enough; leaky and learned slopes are never zero.

textbook = {"encoding": None, "early_stopping": False, "schedule": "constant", "random_state": 0, "max_iter": 4}
fits = {
    name: MLPClassifier((50, 50), activation=name, optimizer=Adam(0.1), batch_size=32, **textbook).fit(X, y)
    for name in ("relu", "elu", "leaky_relu", "prelu")
}
display = ActivationDisplay.from_estimator(fits, X, kind="statistics", show=["dead"])
display.figure_.suptitle("after four epochs with Adam's rate at 0.1")
dead = display.statistics.pivot(index="network", columns="layer", values="dead")["hidden_2"]
for name, network in fits.items():
    print(f"{name:10} dead units {dead[name]:4.0%}, accuracy {network.score(X, y):.3f}")
assert dead["relu"] > 0.3
assert dead["leaky_relu"] == dead["prelu"] == 0
plt.show()
