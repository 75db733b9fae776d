r"""
The threshold neuron, the perceptron, and layers that collapse
==============================================================

McCulloch and Pitts' neuron fires where :math:`w'x + b > 0`. Rosenblatt's rule finds the weights if there are any: a row
on the wrong side is added to the weights, or taken off. The rule knows only one layer: through a threshold no
derivative comes, and without any bend several layers are one.
"""

# %%
# Rosenblatt's rule
# -----------------
# As a loss, it is the distance of a score from zero on the wrong side. A step of gradient descent with one row a batch
# and the rate 1 *is* the rule, here by hand and in skdl.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

from skdl import MLPClassifier, MLPRegressor
from skdl.activations import Threshold
from skdl.optimizers import SGD

X, y = load_iris(return_X_y=True)
X, y = X[:100, [0, 3]], y[:100]  # setosa against versicolor, sepal length and petal width
order = np.random.default_rng(0).permutation(100)
X, y = X[order], y[order]

w, b, paths = np.zeros(2), 0.0, []
for _ in range(5):
    for row, label in zip(X, 2 * y - 1, strict=True):
        if label * (row @ w + b) <= 0:
            w, b = w + label * row, b + label
            paths.append((w, b))

network = MLPClassifier(
    (),
    loss="perceptron",
    optimizer=SGD(1.0),
    schedule="constant",
    initializer="zeros",
    alpha=0.0,
    batch_size=1,
    max_iter=5,
    shuffle=False,
    standardize=False,
    early_stopping=False,
    dtype="float64",
).fit(X, y)
print(f"by hand w = {w}, b = {b}; accuracy {network.score(X, y):.2f}")
assert np.allclose(network.coefs_[0][:, 0], w)
assert np.allclose(network.intercepts_[0], b)

fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
ax.scatter(*X.T, c=y, cmap="RdBu", s=14)
line = np.array([X[:, 0].min(), X[:, 0].max()])
for count, (w_then, b_then) in enumerate(paths, start=1):
    last = count == len(paths)
    ax.plot(
        line,
        -(w_then[0] * line + b_then) / w_then[1],
        color="black" if last else "gray",
        alpha=1.0 if last else 0.3,
        label=f"after {count} corrections" if last else None,
    )
ax.set(xlabel="sepal length", ylabel="petal width", ylim=(-0.2, 2))
ax.legend()
plt.show()

# %%
# No gradient comes through a threshold
# -------------------------------------
# The derivative is zero on both sides. Hidden threshold units stay as they were drawn, whatever the loss, and only the
# layer above learns; sigmoid units, which are soft thresholds, learn.

y, backprop = Threshold().forward(np.array([[[-2.0, 0.5, 3.0]]]))
print("values", y, "gradient", backprop(np.ones_like(y))[0])

X, y = load_iris(return_X_y=True)
plain = {"optimizer": SGD(0.1), "early_stopping": False, "encoding": None, "max_iter": 30, "random_state": 0}
for activation in ("threshold", "sigmoid"):
    start = MLPClassifier((8,), activation=activation, **plain).initialize(X, y)
    end = MLPClassifier((8,), activation=activation, **plain).fit(X, y)
    moved = np.abs(end.coefs_[0] - start.coefs_[0]).max() / np.abs(start.coefs_[0]).max()
    print(f"{activation:10} hidden weights moved by {moved:.1%}, accuracy {end.score(X, y):.2f}")
    assert (moved < 0.05) == (activation == "threshold")  # what is left is the penalty's pull

# %%
# Linear layers collapse
# ----------------------
# :math:`W_3'(W_2'(W_1'x + b_1) + b_2) + b_3` is one affine map: depth alone brings nothing.

deep = MLPRegressor(
    (16, 16), activation="identity", encoding=None, random_state=0, clip_predictions=False, **{"max_iter": 20}
)
deep.fit(X, X[:, 0] * 2 - X[:, 1])
W1, W2, W3 = deep.coefs_
b1, b2, b3 = deep.intercepts_
W, b = W1 @ W2 @ W3, (b1 @ W2 + b2) @ W3 + b3
print("three layers as one:", W.ravel().round(3), b.round(3))
assert np.allclose(deep.predict(X), (X @ W + b).ravel(), rtol=1e-4, atol=1e-4)
