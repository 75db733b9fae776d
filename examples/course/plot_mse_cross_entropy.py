r"""
Squared error against cross entropy on probabilities
====================================================

A classifier may be trained by the squared error of its probabilities (the Brier score) or by their cross entropy. Both
are least where the probabilities are right. But the derivative by the score a of the squared error, :math:`(p - y)\, p
(1 - p)`, vanishes where the sigmoid is saturated, *even if it is saturated on the wrong side*; that of the cross
entropy is :math:`p - y`: the logarithm undoes the exponential.
"""

# %%
# Two gradients
# -------------
# For the label 1 and a score of -10 the cross entropy says: up, with full strength. The squared error says next to
# nothing, as if all were well. It is not even convex: left of :math:`p = 1/3` its curvature is negative.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl import MLPClassifier
from skdl.autodiff import Variable, gradients
from skdl.initializers import Normal
from skdl.optimizers import SGD, minimize


def squared_error(a):
    return 0.5 * (1 / (1 + np.exp(-a)) - 1) ** 2


def cross_entropy(a):
    return np.log(1 + np.exp(-a))


scores = np.linspace(-12, 12, 241)
p = 1 / (1 + np.exp(-scores))
figure, axes = plt.subplots(1, 3, figsize=(13, 3.6), layout="constrained")
for name, loss, style in (("squared error", squared_error, "-"), ("cross entropy", cross_entropy, "--")):
    a = Variable(scores)
    value = loss(a)
    [slope] = gradients(value, [a], as_variables=True)  # each score by itself: the sum's gradient has one for each
    [curvature] = gradients(slope, [a])
    for ax, line in zip(axes, (value.value, slope.value, curvature), strict=True):
        ax.plot(scores, line, style, label=name)
    print(f"{name}: slope at score -10: {np.interp(-10, scores, slope.value):.6f}")
    if name == "squared error":
        assert np.allclose(slope.value, (p - 1) * p * (1 - p))
        assert (curvature[p < 0.33] < 0).all()
        assert (curvature[(p > 0.34) & (p < 0.999)] > 0).all()
    else:
        assert np.allclose(slope.value, p - 1)
        assert (curvature > 0).all()
for ax, title in zip(axes, ("loss for the label 1", "slope", "curvature"), strict=True):
    ax.set(xlabel="score", title=title)
axes[0].set(ylim=(-0.2, 6))
axes[0].legend()
plt.show()

# %%
# Descent from the wrong side
# ---------------------------
# From a score of -5 (p = 0.007, the label is 1) descent with the same rate takes a few steps by the cross entropy, and
# hundreds by the squared error, most of them on the plateau. From 0 both are quick.

figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained", sharey=True)
for ax, start in zip(axes, (0.0, -5.0), strict=True):
    for name, loss, style in (("squared error", squared_error, "-"), ("cross entropy", cross_entropy, "--")):
        path = minimize(loss, start, optimizer=SGD(learning_rate=1.0), n_steps=600)
        probability = 1 / (1 + np.exp(-path.points))
        needed = int(np.argmax(probability > 0.5))
        print(f"from score {start:4.1f} by {name}: p > 1/2 after {needed} steps")
        ax.plot(probability, style, label=name)
        if start < 0:
            assert needed < 10 if name == "cross entropy" else needed > 100
    ax.set(xlabel="step", title=f"from score {start:g}", xscale="symlog")
axes[0].set(ylabel="probability of the label")
axes[0].legend()
plt.show()

# %%
# Training a network
# ------------------
# Large initial weights saturate the softmax of a network on digits, most rows on a wrong class. Trained by the cross
# entropy it recovers within five epochs; by the squared error most rows have no gradient at first, and it takes three
# times as long, with a far higher rate. With small initial weights no output is saturated, and both losses learn alike.
# Each has the best of six rates, by the mean accuracy on validation rows; what is shown is the accuracy on test rows,
# which had no say.

X, y = load_digits(return_X_y=True)
X_train, X_rest, y_train, y_rest = train_test_split(X, y, test_size=0.4, random_state=0, stratify=y)
X_val, X_test, y_val, y_test = train_test_split(X_rest, y_rest, test_size=0.5, random_state=0, stratify=y_rest)
textbook = {"encoding": None, "early_stopping": False, "schedule": "constant", "alpha": 0.0, "random_state": 0}
N_EPOCHS = 15


def curve(loss, std, rate):
    network = MLPClassifier(
        (32,), activation="tanh", loss=loss, initializer=Normal(std=std), optimizer=SGD(learning_rate=rate), **textbook
    )
    accuracy = []
    for _ in range(N_EPOCHS):
        network.partial_fit(X_train, y_train, classes=np.arange(10))
        accuracy.append((network.score(X_val, y_val), network.score(X_test, y_test)))
    return np.transpose(accuracy)


figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained", sharey=True)
found = {}
for ax, std in zip(axes, (0.1, 3.0), strict=True):
    for loss, style in (("brier", "-"), ("cross_entropy", "--")):
        tried = {rate: curve(loss, std, rate) for rate in (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)}
        rate = max(tried, key=lambda rate: np.mean(tried[rate][0]))
        shown = found[loss, std] = tried[rate][1]
        print(f"initial std {std}: {loss:13} rate {rate:4}, accuracy after 1, 5, 15 epochs "
              f"{shown[0]:.3f} {shown[4]:.3f} {shown[14]:.3f}")  # fmt: skip
        ax.plot(range(1, N_EPOCHS + 1), shown, style, label=f"{loss}, rate {rate}")
    ax.set(xlabel="epoch", title=f"initial weights of standard deviation {std}")
    ax.legend()
axes[0].set(ylabel="accuracy on test rows")
plt.show()

for loss in ("brier", "cross_entropy"):
    assert found[loss, 0.1][-1] > 0.95
    assert found[loss, 3.0][-1] > 0.8
assert found["cross_entropy", 3.0][4] > found["brier", 3.0][4] + 0.15
