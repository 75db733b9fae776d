r"""
The learning rate, read from the loss curve
===========================================

Gradient descent takes steps :math:`\theta \leftarrow \theta - \varepsilon \nabla L(\theta)`. The lecture claims: a rate
:math:`\varepsilon` that is too low shows in a loss that falls slowly and straight, one that is too high in a loss that
rises, oscillates or becomes infinite, and the good ones lie between, over a decade or so. Here are all three on the
digits, the verdict of :class:`skdl.inspection.TrainingCurveDisplay` on them, and the range test, which finds a rate to
begin with in some hundred steps.
"""

# %%
# Where the limit comes from
# --------------------------
# For a parabola :math:`L = \frac{1}{2} \lambda \theta^2` a step multiplies :math:`\theta` by
# :math:`1 - \varepsilon\lambda`. It shrinks for :math:`\varepsilon < 2 / \lambda`, fastest for
# :math:`\varepsilon = 1 / \lambda`, and grows beyond.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdl import MLPClassifier
from skdl.inspection import LearningRateRangeDisplay, TrainingCurveDisplay, learning_rate_range
from skdl.optimizers import SGD, minimize

curvature = 4.0
figure, ax = plt.subplots(layout="constrained")
for rate, style in ((0.02, ":"), (0.2, "-"), (0.45, "--"), (0.52, "-.")):
    path = minimize(lambda w: 0.5 * curvature * (w**2).sum(), [1.0], optimizer=SGD(rate), n_steps=12)
    assert np.allclose(path.points[:, 0], (1 - rate * curvature) ** np.arange(13))
    ax.plot(path.values, style, label=f"rate {rate}, factor {1 - rate * curvature:.2f}")
ax.set(xlabel="step", ylabel="loss", ylim=(-0.1, 4.5), title="a parabola of curvature 4: the limit is 2 / 4")
ax.legend()
plt.show()

# %%
# Three rates on the digits
# -------------------------
# A network of 32 units and plain stochastic gradient descent. Some rows are set apart, to see the validation loss, too.

X, y = load_digits(return_X_y=True)
textbook = {"encoding": None, "schedule": "constant", "activation": "tanh", "random_state": 0, "max_iter": 20}
fits = {}
for rate in (1e-4, 0.1, 100.0):
    network = MLPClassifier((32,), optimizer=SGD(rate), early_stopping=True, n_iter_no_change=float("inf"), **textbook)
    fits[f"rate {rate:g}"] = network.fit(X, y)
display = TrainingCurveDisplay.from_estimator(fits, log_scale=True, show=["loss"])
plt.show()
print(display.verdict_)
found = [verdict.learning_rate for verdict in display.verdicts_.values()]
assert found == ["too low", "good", "too high"]

# %%
# The first curve is nearly flat, which looks as if training had ended. It has hardly begun: the loss falls in each
# epoch as much as in the one before. The third does not come below where it began.
#
# With rectifiers, which have no limit, the rate of 100 does not even end its first epoch:

try:
    MLPClassifier((32,), optimizer=SGD(100.0), early_stopping=False, **{**textbook, "activation": "relu"}).fit(X, y)
except ValueError as error:
    print(error)
else:
    raise AssertionError("it should have diverged")

# %%
# The range test
# --------------
# Instead of a training for each rate: one short training, in which the rate grows geometrically from step to step
# (Smith, 2017). The loss begins to fall at the rates that do something, and to rise at those that do too much.

network = MLPClassifier((32,), optimizer="sgd", **textbook)
found = learning_rate_range(network, X, y)
print(f"steepest fall at {found.steepest:.2g}, above its start from {found.diverged:.2g} on")
print(f"to begin with: {found.suggestion:.2g}")
networks = {name: MLPClassifier((32,), optimizer=name, **textbook) for name in ("sgd", "momentum", "adam")}
LearningRateRangeDisplay.from_estimator(networks, X, y)
plt.show()

# %%
# What it suggests trains well, and each optimizer has a scale of its own: Adam's steps are as long as its rate,
# whatever the gradient is, and its rate is the lowest.

for name, network in networks.items():
    rate = learning_rate_range(network, X, y).suggestion
    fitted = network.set_params(optimizer__learning_rate=rate, early_stopping=False, max_iter=10).fit(X, y)
    print(f"{name:9} rate {rate:.3g}: loss {fitted.loss_curve_[0]:.3f} -> {fitted.loss_:.3f}")
    assert fitted.loss_ < 0.15
display = TrainingCurveDisplay.from_estimator(networks)
assert {verdict.learning_rate for verdict in display.verdicts_.values()} == {"good"}
plt.show()
