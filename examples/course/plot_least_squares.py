r"""
Least squares: what to sum, and the line it leads to
====================================================

A line :math:`\hat y = a x + b` is to fit data. The lecture asks how to measure the misfit, finds that the plain sum of
errors is useless, squares them, and solves :math:`\nabla_\theta \|X\theta - y\|^2 = 0` for the normal equation
:math:`\theta = (X^\top X)^{-1} X^\top y`. This page does each step by hand and checks it against
``LeastSquaresRegressor``, and ends with what the square does to outliers.
"""

# %%
# Signed errors cancel
# --------------------
# Any line through the point of means :math:`(\bar x, \bar y)` has errors that sum to zero, however bad it is: the sum
# of the errors is :math:`\sum_i (y_i - a x_i - b) = n (\bar y - a \bar x - b)`. It cannot tell a line from its
# opposite. Absolute values and squares can.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from skdl import LeastSquaresRegressor
from skdl.autodiff import Variable, gradients
from skdl.inspection import LossLandscapeDisplay
from skdl.losses import Huber

data, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
y = y.to_numpy()
x = data["bmi"].to_numpy()  # body mass index; the target is how far the disease went a year later

print(" slope    sum of errors   mean |e|   mean e^2")
for a in (-10.0, 0.0, 10.0):
    error = y - (y.mean() + a * (x - x.mean()))
    print(f"{a:6.1f} {error.sum():16.1e} {np.abs(error).mean():10.1f} {np.mean(error**2):10.1f}")
    assert abs(error.sum()) < 1e-9 * np.abs(error).sum()

# %%
# The loss is a parabola
# ----------------------
# In one parameter the mean squared error is a parabola, in two a bowl. It has one minimum, and the slope there is
# zero. With the column of ones appended, :math:`\hat x = (x, 1)`, the intercept is a coefficient like any other.

ones = np.column_stack([x, np.ones_like(x)])


def mean_square(theta):
    return np.mean((ones @ theta - y) ** 2)


line = LeastSquaresRegressor().fit(data[["bmi"]], y)
best = np.array([line.coef_[0], line.intercept_])
slopes = best[0] + np.linspace(-15, 15, 101)
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
values = [mean_square([a, y.mean() - a * x.mean()]) for a in slopes]
axes[0].plot(slopes, values)
axes[0].plot(best[0], mean_square(best), "o")
axes[0].set(xlabel="slope a, the line through the means", ylabel="mean squared error", title="A parabola")
curvature = np.var(x)  # the second difference of a parabola is constant: twice this
assert np.allclose(np.diff(values, 2), 2 * curvature * (slopes[1] - slopes[0]) ** 2)

LossLandscapeDisplay.from_function(
    lambda centred: mean_square([centred[0], centred[1] - centred[0] * x.mean()]),
    (best[0] - 15, best[0] + 15),
    (y.mean() - 80, y.mean() + 80),
    ax=axes[1],
)
axes[1].set(xlabel="slope a", ylabel="height of the line at the mean of x", title="A bowl")
plt.show()

# %%
# Two identities, checked by automatic differentiation
# ----------------------------------------------------
# :math:`\nabla_x (\theta^\top x) = \theta` and :math:`\nabla_x (x^\top A x) = (A + A^\top) x`. With them,
# :math:`\|X\theta - y\|^2 = \theta^\top X^\top X \theta - 2 \theta^\top X^\top y + y^\top y` has the gradient
# :math:`2 X^\top X \theta - 2 X^\top y`.

random = np.random.default_rng(0)
theta, point, A = random.normal(size=3), Variable(random.normal(size=3)), random.normal(size=(3, 3))
assert np.allclose(gradients(theta @ point, [point])[0], theta)
assert np.allclose(gradients(point @ A @ point, [point])[0], (A + A.T) @ point.value)

table = data.drop(columns="sex").to_numpy()
X = np.column_stack([table, np.ones(len(y))])
at = Variable(random.normal(size=X.shape[1]))
by_tape = gradients(((X @ at - y) ** 2).sum(), [at])[0]
by_hand = 2 * X.T @ X @ at.value - 2 * X.T @ y
print(f"largest relative difference of the gradients: {np.abs(by_tape / by_hand - 1).max():.1e}")
assert np.allclose(by_tape, by_hand)

# %%
# The normal equation
# -------------------
# Setting the gradient to zero gives :math:`X^\top X \theta = X^\top y`. Solved as it stands it is least squares, if X
# is not ill-conditioned: the product squares its condition number. ``LeastSquaresRegressor`` notices, and takes an
# orthogonal decomposition of X itself where it matters. The residuals are orthogonal to every column.

theta = np.linalg.solve(X.T @ X, X.T @ y)
model = LeastSquaresRegressor().fit(table, y)
residual = y - model.predict(table)
print(f"condition of X {np.linalg.cond(X):.1e}, of X'X {np.linalg.cond(X.T @ X):.1e}")
print(f"largest relative difference of the coefficients: {np.abs(theta[:-1] / model.coef_ - 1).max():.1e}")
assert np.allclose(theta, np.append(model.coef_, model.intercept_))
assert np.allclose(X.T @ residual / (np.abs(X).T @ np.abs(residual)), 0, atol=1e-10)

# %%
# The square and outliers
# -----------------------
# An error of 10 counts a hundred times as much as one of 1, so that a few wrong targets pull the line to them. The
# absolute error counts each by its sign alone, and Huber's loss is the square up to ``delta`` and the absolute error
# beyond. All three are minimised exactly: the absolute error by a linear program, whose ``dual_gap_`` bounds how far
# it is from the minimum.

wrong = y.copy()
far = np.argsort(x)[-20:]  # in the 20 rows with the largest x, a digit too many
wrong[far] = 10 * y[far]
losses = {"squared_error": "-", "absolute_error": "--", Huber(delta=50.0): "-."}
figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
ax.plot(x, wrong, ".", alpha=0.4, label="data; the 20 wrong targets are above")
ends = np.array([[x.min()], [x.max()]])
found = {}
for loss, style in losses.items():
    clean, fitted = (LeastSquaresRegressor(loss=loss).fit(x[:, None], target) for target in (y, wrong))
    name = loss if isinstance(loss, str) else "huber"
    found[name] = clean.coef_[0], fitted.coef_[0]
    print(f"{name:15} slope {clean.coef_[0]:6.2f} without and {fitted.coef_[0]:6.2f} with wrong targets")
    ax.plot(ends, fitted.predict(ends), style, linewidth=2, label=f"{name}: slope {fitted.coef_[0]:.1f}")
    if name == "absolute_error":
        assert fitted.dual_gap_ < 1e-12
ax.set(xlabel="body mass index", ylabel="target", ylim=(0, 1000))
ax.legend()
plt.show()

assert found["squared_error"][1] > 3 * found["squared_error"][0]
assert found["absolute_error"][1] < 1.5 * found["absolute_error"][0]
