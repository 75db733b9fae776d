r"""
XOR and circles: what no line can part
======================================

A linear model draws a line, a hyperplane, between classes. Two corners of a square against the other two (XOR), or a
ring around a disc, have no such line: the model is as good as a coin. Either the columns are changed by hand, as to
polar coordinates, or a hidden layer learns such columns by itself.
"""

# %%
# XOR
# ---
# No line parts the classes: a w + b must be positive at (0, 1) and (1, 0), so that their sum is, and not positive at
# (0, 0) and (1, 1), whose sum is the same. Four hidden units are enough, and two would be.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_circles
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skdl import KNNClassifier, MLPClassifier, SoftmaxClassifier

rng = np.random.default_rng(0)
X = rng.uniform(size=(400, 2))
y = (X[:, 0] > 0.5) ^ (X[:, 1] > 0.5)
models = {
    "softmax": SoftmaxClassifier(),
    "8 hidden units": MLPClassifier((8,), random_state=0, max_iter=100, early_stopping=False),
    "7 nearest neighbours": KNNClassifier(7),
}
fig, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
scores = {}
for ax, (name, model) in zip(axes, models.items(), strict=True):
    scores[name] = model.fit(X, y).score(X, y)
    DecisionBoundaryDisplay.from_estimator(
        model, X, ax=ax, response_method="predict_proba", cmap="RdBu", alpha=0.5, eps=0.1
    )
    ax.scatter(*X.T, c=y, s=8, cmap="RdBu", edgecolors="none")
    ax.set(title=f"{name}: accuracy {scores[name]:.2f}", xlabel="$x_1$", ylabel="$x_2$")
print(scores)
assert scores["softmax"] < 0.65 < 0.95 < scores["8 hidden units"]
plt.show()

# %%
# The four corners alone, by hand
# -------------------------------
# :math:`h_1 = [x_1 + x_2 > 1/2]` is OR, :math:`h_2 = [x_1 + x_2 > 3/2]` is AND, and XOR is their difference: the hidden
# layer has moved the corners to where a line parts them.

corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
total = corners.sum(axis=1)
h_or, h_and = total > 0.5, total > 1.5
assert ((h_or & ~h_and) == (corners[:, 0] ^ corners[:, 1])).all()

# %%
# Circles, and polar coordinates
# ------------------------------
# In :math:`(r, \varphi)` the ring and the disc lie side by side, and r alone tells them apart.

X, y = make_circles(400, factor=0.5, noise=0.08, random_state=0)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)


def polar(X):
    """Radius and angle of points in the plane."""
    return np.column_stack([np.hypot(X[:, 0], X[:, 1]), np.arctan2(X[:, 1], X[:, 0])])


plain = SoftmaxClassifier().fit(X_train, y_train)
by_hand = make_pipeline(FunctionTransformer(polar), SoftmaxClassifier()).fit(X_train, y_train)
learned = MLPClassifier(random_state=0).fit(X_train, y_train)
circles = {"x, y": plain, "polar": by_hand, "a hidden layer": learned}
for name, model in circles.items():
    print(f"{name:15} {model.score(X_test, y_test):.2f}")
assert plain.score(X_test, y_test) < 0.65
assert by_hand.score(X_test, y_test) > 0.95
assert learned.score(X_test, y_test) > 0.9

fig, axes = plt.subplots(1, 2, figsize=(8, 3.6), layout="constrained")
axes[0].scatter(*X.T, c=y, s=8, cmap="RdBu")
axes[0].set(title="as given", xlabel="x", ylabel="y", aspect="equal")
axes[1].scatter(*polar(X).T, c=y, s=8, cmap="RdBu")
axes[1].set(title="in polar coordinates", xlabel="r", ylabel="angle")
plt.show()
