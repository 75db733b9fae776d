r"""
Optimizers on one landscape
===========================

All first-order rules make a step of the gradient :math:`g_t`. Gradient descent goes against it; momentum adds up steps,
:math:`v \leftarrow \mu v + g`; AdaGrad divides by the root of the sum of all squares so far, RMSProp by that of a
running mean of squares, and Adam does both, with its start corrected. The lecture claims: in a narrow valley gradient
descent zig-zags, and momentum brings it on; rules that divide do not mind the size of gradients; a rate that falls lets
noise come to rest; and large steps do not stay in a sharp minimum. Each is a path here.
"""

# %%
# A narrow valley
# ---------------
# :math:`f(w) = \frac{1}{2} (w_1^2 + 30 w_2^2)`: the steep direction allows no rate above 2/30, and in the flat one this
# is slow. With momentum, steps across the valley cancel in part, and those along it add up.

import copy

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from skdl import MLPRegressor
from skdl.inspection import LossLandscapeDisplay, sharpness
from skdl.optimizers import LBFGS, SGD, AdaGrad, Adam, Momentum, Nesterov, RMSProp, minimize


def valley(w):
    return 0.5 * (w[0] ** 2 + 30 * w[1] ** 2)


start = np.array([-4.0, 0.8])
paths = {
    "gradient descent": minimize(valley, start, optimizer=SGD(0.06), n_steps=40),
    "momentum": minimize(valley, start, optimizer=Momentum(0.06, momentum=0.5), n_steps=40),
}
LossLandscapeDisplay.from_function(valley, (-4.5, 1.5), (-1.2, 1.2), paths=paths, labels=("flat", "steep"))
plt.show()
for name, path in paths.items():
    turns = int((np.diff(np.sign(path.points[:, 1])) != 0).sum())
    print(f"{name:17} crosses the valley {turns} times in 40 steps, and ends at {path.value:.2g}")
steps = np.arange(41)[:, None]
assert np.allclose(paths["gradient descent"].points, start * (1 - 0.06 * np.array([1, 30])) ** steps)  # in closed form
assert paths["momentum"].value < 0.1 * paths["gradient descent"].value

# %%
# Every optimizer on a banana
# ---------------------------
# Rosenbrock's function has a bent valley with steep walls; its minimum is at (1, 1).


def rosenbrock(w):
    return (1 - w[0]) ** 2 + 20 * (w[1] - w[0] ** 2) ** 2


rules = {
    "sgd": SGD(0.004),
    "momentum": Momentum(0.002, momentum=0.9),
    "nesterov": Nesterov(0.002, momentum=0.9),
    "adagrad": AdaGrad(0.4),
    "rmsprop": RMSProp(0.03),
    "adam": Adam(0.1),
}
paths = {name: minimize(rosenbrock, [-1.4, 1.6], optimizer=rule, n_steps=150) for name, rule in rules.items()}
paths["lbfgs"] = minimize(rosenbrock, [-1.4, 1.6], optimizer=LBFGS(), n_steps=150, tol=1e-8)
LossLandscapeDisplay.from_function(rosenbrock, (-2, 2), (-1, 3), paths=paths)
plt.show()
for name, path in paths.items():
    print(f"{name:9} {len(path.points) - 1:4} steps, f = {path.value:.2g} at {np.round(path.x, 2)}")
assert np.allclose(paths["lbfgs"].x, 1, atol=1e-4)
assert paths["momentum"].value < paths["sgd"].value

# %%
# The size of gradients
# ---------------------
# If the loss is multiplied by 1000, gradient descent takes steps that are 1000 times as long. AdaGrad, RMSProp and Adam
# take the same ones, up to their epsilon; and each coordinate has its own divisor.

for name, rule in {"sgd": SGD(0.01), "adagrad": AdaGrad(0.4), "rmsprop": RMSProp(0.03), "adam": Adam(0.1)}.items():
    found = minimize(valley, start, optimizer=rule, n_steps=30)
    scaled = minimize(lambda w: valley(w) * 1000.0, start, optimizer=rule, n_steps=30)  # gradients times 1000
    same = np.allclose(found.points, scaled.points, atol=1e-3)
    print(f"{name:8} takes {'the same' if same else 'another'} way when the loss is multiplied by 1000")
    assert same == (name != "sgd")

# %%
# Annealing
# ---------
# With noisy gradients a constant rate keeps the point in motion, in proportion to the rate; a rate that falls lets it
# come to rest. Here each gradient has normal noise of deviation 2.


def noisy(seed):
    rng = np.random.default_rng(seed)
    return lambda w: np.array([1.0, 30.0]) * w + rng.normal(0, 2, 2)


ends = {}
for schedule in ("constant", "cosine", "inverse_time"):
    runs = [
        minimize(valley, start, optimizer=SGD(0.05), schedule=schedule, n_steps=300, gradient=noisy(seed)).value
        for seed in range(10)
    ]
    ends[schedule] = np.mean(runs)
    print(f"{schedule:12} mean loss after 300 noisy steps {ends[schedule]:.3f}")
assert ends["cosine"] < 0.3 * ends["constant"]

# %%
# Flat and sharp minima
# ---------------------
# Near a minimum of curvature :math:`\lambda` steps of the rate :math:`\varepsilon` grow if
# :math:`\varepsilon\lambda > 2`. This function has a sharp minimum on the left and a flat one on the right. On
# the same way down, past the sharp one, a low rate stays there; a high rate, or momentum's impulse, does not.


def two_minima(w):
    sharp, flat = np.exp(-20 * (w[0] + 1) ** 2 - w[1] ** 2 / 2), np.exp(-((w[0] - 1) ** 2) - w[1] ** 2 / 2)
    return -sharp - flat + 0.05 * ((w[0] - 1) ** 2 + w[1] ** 2)


begin = [-2.4, 0.8]
paths = {
    "low rate": minimize(two_minima, begin, optimizer=SGD(0.02), n_steps=300),
    "high rate": minimize(two_minima, begin, optimizer=SGD(0.35), n_steps=300),
    "momentum": minimize(two_minima, begin, optimizer=Momentum(0.02, momentum=0.95), n_steps=300),
}
LossLandscapeDisplay.from_function(two_minima, (-2.6, 2.5), (-1.5, 1.5), paths=paths)
plt.show()
for name, path in paths.items():
    print(f"{name:10} ends at {np.round(path.x, 2)}")
assert paths["low rate"].x[0] < -0.5
assert paths["high rate"].x[0] > 0.5
assert paths["momentum"].x[0] > 0.5

# %%
# The same in a network
# ---------------------
# Full-batch gradient descent on a table. While the loss falls, the largest eigenvalue of the Hessian rises, until it
# comes to 2 / rate: further up the point cannot stay, and it is thrown to where it is flatter. So a higher rate learns
# in flatter places (J. Cohen and others, "Gradient descent on neural networks typically occurs at the edge of
# stability", ICLR 2021).

X, y = load_diabetes(return_X_y=True)
X, y = X[:150], y[:150]
textbook = {"encoding": None, "schedule": "constant", "early_stopping": False, "activation": "tanh", "alpha": 0.0}
ROUND = 40
figure, ax = plt.subplots(layout="constrained")
trails = {}
for i, rate in enumerate((0.1, 0.2, 0.4)):
    network = MLPRegressor(
        (32, 32), optimizer=SGD(rate), batch_size=150, max_iter=ROUND, warm_start=True, dtype="float64", random_state=0,
        **textbook,
    )  # fmt: skip
    trail, curvature = [copy.deepcopy(network.initialize(X, y))], []
    for _ in range(18):
        trail.append(copy.deepcopy(network.fit(X, y)))
        curvature.append(sharpness(network, X, y))
    trails[f"rate {rate}"] = trail
    ax.plot(ROUND * np.arange(1, 19), curvature, f"C{i}o-", markersize=3, label=f"rate {rate}")
    ax.axhline(2 / rate, color=f"C{i}", linestyle=":")
    print(f"rate {rate}: limit {2 / rate:4.1f}, curvature in the end {np.median(curvature[-6:]):4.1f}")
    assert 0.7 < np.median(curvature[-6:]) / (2 / rate) < 1.3
ax.set(xlabel="step", ylabel="largest curvature", title="dotted: 2 / rate")
ax.legend()
plt.show()

# %%
# Their paths, in the plane in which they extend most. Each point is 40 steps after the one before.

LossLandscapeDisplay.from_estimator(network, X, y, directions="trajectory", paths=trails)
plt.show()
