r"""
Class templates: the rows of W as images
========================================

A linear classifier gives the scores :math:`y = W x + b`, one for each class, and chooses the largest. Row :math:`w_i`
of :math:`W` has a number for each pixel: it is an image, and the score is how well the input fits that template. The
lecture claims: a class has one template only; between two classes the boundary is a hyperplane, at right angles to the
difference of their templates; and hidden layers lift both limits.
"""

# %%
# Ten templates
# -------------
# Orange: ink here speaks for the class. Blue: it speaks against it. The zero is a ring around a blue hole.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import train_test_split

from skdl import MLPClassifier, SoftmaxClassifier
from skdl.inspection import WeightImageDisplay

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
softmax = SoftmaxClassifier(alpha=0.01, standardize=False).fit(X_train, y_train)
WeightImageDisplay.from_estimator(softmax)
plt.show()
W, b = softmax.coef_, softmax.intercept_
print(f"accuracy {softmax.score(X_test, y_test):.3f}")
assert np.allclose(softmax.decision_function(X_test), X_test @ W.T + b)

# %%
# An image is a vector: its pixels row by row. Estimators take images of shape (n, height, width), and mean the same.

images = X_train.reshape(-1, 8, 8)
as_images = SoftmaxClassifier(alpha=0.01, standardize=False).fit(images, y_train)
assert np.array_equal(as_images.coef_, W)

# %%
# A score is a sum over pixels of template times image. For one zero, what each pixel adds to the scores of 0 and of 8:

zero = X_test[y_test == 0][0]
parts = {f"for {label}": W[label] * zero for label in (0, 8)}
display = WeightImageDisplay(
    images=np.array([zero - 0.5, *parts.values()]).reshape(-1, 8, 8), titles=["image", *parts]
).plot(same_scale=False)
plt.show()
for label, part in zip((0, 8), parts.values(), strict=True):
    print(f"score of {label}: {part.sum() + b[label]:.2f}")
    assert np.isclose(part.sum() + b[label], softmax.decision_function(zero[None])[0, label])

# %%
# The boundary is a line
# ----------------------
# In the plane of two features one sees it. Between classes i and j the scores are equal where
# :math:`(w_i - w_j) \cdot x + b_i - b_j = 0`. Here are three digits by their ink in the middle and in the left half.

three = np.isin(y, (0, 1, 7))
images = X[three].reshape(-1, 8, 8)
plane, labels = np.column_stack([images[:, 2:6, 3:5].mean(axis=(1, 2)), images[:, :, :4].mean(axis=(1, 2))]), y[three]
linear = SoftmaxClassifier(alpha=1e-4).fit(plane, labels)
bent = MLPClassifier((32, 32), random_state=0, max_iter=60, early_stopping=False).fit(plane, labels)
colors = ["tab:blue", "tab:orange", "tab:green"]
figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout="constrained", sharey=True)
for ax, (name, model) in zip(axes, {"linear": linear, "with hidden layers": bent}.items(), strict=True):
    look = {"response_method": "predict", "alpha": 0.35, "eps": 0.1, "multiclass_colors": colors}
    DecisionBoundaryDisplay.from_estimator(model, plane, ax=ax, **look)
    for marker, label, color in zip("o^s", (0, 1, 7), colors, strict=True):
        ax.scatter(*plane[labels == label].T, s=10, marker=marker, color=color, label=label)
    ax.set(title=f"{name}: {model.score(plane, labels):.2f}", xlabel="ink in the middle")
axes[0].set_ylabel("ink on the left")
axes[0].legend()
plt.show()

# %%
# On the boundary the two scores are equal, and along it they stay so: it is at right angles to the difference.

difference, offset = linear.coef_[0] - linear.coef_[1], linear.intercept_[0] - linear.intercept_[1]
point = -offset * difference / (difference @ difference)
along = np.array([-difference[1], difference[0]])
for t in (-3.0, 0.0, 3.0):
    scores = linear.decision_function((point + t * along)[None])[0]
    assert np.isclose(scores[0], scores[1])

# %%
# Units of a hidden layer
# -----------------------
# A network has a template for each unit of its first layer, and combines them: a class may have several. They are drawn
# times the deviation of each pixel, for pixels at the rim, nearly always blank, have large weights that do nothing.

network = MLPClassifier((20,), encoding=None, random_state=0).fit(X_train, y_train)
WeightImageDisplay.from_estimator(network, units=10, X=X_train)
plt.show()
print(f"accuracy {network.score(X_test, y_test):.3f} with 20 units")
