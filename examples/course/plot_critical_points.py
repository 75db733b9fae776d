r"""
Critical points, directions and layouts: what derivatives say
=============================================================

Where :math:`\nabla f = 0` a function is flat to first order, and the eigenvalues of the Hessian decide whether the
point is a minimum, a maximum or a saddle point. Elsewhere the gradient tells the slope in every direction, :math:`D_v f
= v^\top \nabla f`, of which :math:`-\nabla f / |\nabla f|` is the steepest way down. This page shows both, and the two
ways of writing derivatives of vectors.
"""

# %%
# Minimum, maximum, saddle
# ------------------------
# Near a critical point :math:`f(x + d) - f(x) \approx \frac{1}{2} d^\top H d`. Along an eigenvector of :math:`H` this
# is a parabola with the eigenvalue for its curvature. With curvatures of both signs it is a saddle: a minimum in one
# direction, a maximum in the other.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes

from skdl.autodiff import classify_critical_point, directional_derivative, hessian, jacobian
from skdl.inspection import LossLandscapeDisplay
from skdl.optimizers import SGD, minimize

shapes = {
    "a bowl": lambda x: x[0] ** 2 + 2 * x[1] ** 2,
    "a hill": lambda x: -(x[0] ** 2) - x[0] * x[1] - x[1] ** 2,
    "a pass": lambda x: x[0] ** 2 - x[1] ** 2,
    "a monkey's saddle": lambda x: x[0] ** 3 - 3 * x[0] * x[1] ** 2,
}
figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
for ax, (name, f) in zip(axes.flat, shapes.items(), strict=True):
    point = classify_critical_point(f, [0.0, 0.0])
    print(f"{name:18} curvatures {point.eigenvalues.round(2)!s:14} {point.kind}")
    LossLandscapeDisplay.from_function(f, (-1.0, 1.0), (-1.0, 1.0), ax=ax)
    ax.set(title=f"{name}: {point.kind}", xlabel="$x_1$", ylabel="$x_2$")
plt.show()

assert classify_critical_point(shapes["a pass"], [0.0, 0.0]).kind == "saddle point"
assert classify_critical_point(shapes["a monkey's saddle"], [0.0, 0.0]).kind == "undecided"  # the curvatures are zero

# %%
# A saddle in a network
# ---------------------
# The smallest deep network, :math:`\hat y = w_2 w_1 x`, has a saddle point at zero, though with one layer the loss is a
# bowl: both weights have to grow together. Descent that starts exactly there stays; anything near it slides off,
# slowly at first.

data, target = load_diabetes(return_X_y=True)
x, y = data[:, 2] / data[:, 2].std(), (target - target.mean()) / target.std()
assert np.isclose(np.mean(x * y), 0.586, atol=1e-3)


def loss(w):
    return 0.5 * ((w[0] * w[1] * x - y) ** 2).mean()


at_zero = classify_critical_point(loss, [0.0, 0.0])
stays = minimize(loss, [0.0, 0.0], optimizer=SGD(learning_rate=0.2), n_steps=100)
slides = minimize(loss, [0.01, 0.0], optimizer=SGD(learning_rate=0.2), n_steps=100)
best = classify_critical_point(loss, slides.x, tol=1e-3)
print(f"at zero: {at_zero.kind}, curvatures {at_zero.eigenvalues.round(3)}")
print(f"from (0.01, 0): {slides}, w = {slides.x.round(3)}")
print(f"there: {best.kind}, curvatures {best.eigenvalues.round(3)}")
assert at_zero.kind == "saddle point"
assert np.allclose(at_zero.eigenvalues, [-np.mean(x * y), np.mean(x * y)])  # the Hessian is -mean(xy) off the diagonal
assert np.array_equal(stays.x, [0.0, 0.0])
assert np.isclose(np.prod(slides.x), np.mean(x * y) / np.mean(x * x), atol=1e-4)

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
LossLandscapeDisplay.from_function(loss, (-1.5, 1.5), (-1.5, 1.5), paths={"from (0.01, 0)": slides.points}, ax=axes[0])
axes[0].set(title="Two valleys and the saddle between them", xlabel="$w_1$", ylabel="$w_2$")
axes[1].plot(slides.values, label="loss")
axes[1].plot(slides.gradient_norms, "--", label="norm of the gradient")
axes[1].set(xlabel="step", title="Slow near the saddle, then fast")
axes[1].legend()
plt.show()

# Every point of the valley w1 w2 = const is as low, so that one curvature is zero there, but for what is left to
# descend.
assert best.kind in ("undecided", "minimum")
assert abs(best.eigenvalues[0]) < 1e-3 < best.eigenvalues[1]

# %%
# Directional derivatives and the steepest descent
# ------------------------------------------------
# The slope along a unit vector at the angle :math:`\phi` to the gradient is :math:`|\nabla f| \cos\phi`: largest along
# the gradient, zero along the contour line, smallest against the gradient.


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


place = np.array([-0.5, 1.0])
slope = jacobian(rosenbrock, place)
angles = np.linspace(0, 2 * np.pi, 73)
directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
slopes = np.array([directional_derivative(rosenbrock, place, v) for v in directions])
assert np.allclose(slopes, directions @ slope)
downhill = directions[slopes.argmin()]
print(f"gradient {slope}, steepest way down {downhill.round(3)}, exactly {(-slope / np.linalg.norm(slope)).round(3)}")
assert downhill @ -slope > 0.999 * np.linalg.norm(slope)

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.plot(np.degrees(angles), slopes)
ax.axhline(0, linewidth=0.8, linestyle="--")
ax.axvline(np.degrees(np.arctan2(*-slope[::-1]) % (2 * np.pi)), linestyle=":", label="against the gradient")
ax.set(xlabel="direction, degrees", ylabel="slope", title="Rosenbrock's function at (-0.5, 1)")
ax.legend()
plt.show()

# %%
# How long a step may be
# ----------------------
# Descent on a parabola of curvature :math:`\lambda` converges for rates below :math:`2 / \lambda`. In several variables
# the largest eigenvalue of the Hessian sets the rate, and the smallest the time that it takes: their ratio, the
# condition number, is why narrow valleys are slow.


def valley(x):
    return 0.5 * (x[0] ** 2 + 10 * x[1] ** 2)


largest = np.linalg.eigvalsh(hessian(valley, np.zeros(2))).max()
for share in (0.5, 0.99, 1.01):
    path = minimize(valley, [1.0, 1.0], optimizer=SGD(learning_rate=share * 2 / largest), n_steps=500)
    print(f"rate {share:.2f} of 2 / largest curvature: f = {path.value:.1e} after {len(path.points) - 1} steps")
    assert (path.value < valley([1.0, 1.0])) == (share < 1)

# %%
# Numerator and denominator layout
# --------------------------------
# The derivatives of an m-vector by an n-vector are written as an (m, n) matrix, the Jacobian, in *numerator layout*,
# and as its transpose, (n, m), in *denominator layout*. The first makes the chain rule read like the functions,
# :math:`J_{g \circ f} = J_g J_f`; the second gives the derivative of a number the shape of its argument, so that
# :math:`\theta - \epsilon \nabla_\theta L` adds up for matrices too. A vector by a matrix is a tensor, :math:`\partial
# (Wx)_k / \partial W_{ij} = [k = i]\, x_j`: of shape (m, n, m) in denominator layout.

random = np.random.default_rng(0)
W, V, a = random.normal(size=(4, 3)), random.normal(size=(2, 4)), random.normal(size=3)


def network(a):
    return V @ np.tanh(W @ a)


J = jacobian(network, a)
by_hand = V @ np.diag(1 - np.tanh(W @ a) ** 2) @ W
assert J.shape == (2, 3)
assert np.allclose(J, by_hand)
assert np.allclose(jacobian(network, a, layout="denominator"), by_hand.T)
tensor = jacobian(lambda W: W @ a, W, layout="denominator")
print(f"d network / dx: {J.shape}; in denominator layout {J.T.shape}; d Wx / dW: {tensor.shape}")
assert np.allclose(tensor, np.einsum("ik,j->ijk", np.eye(4), a))

# Which is why nobody forms the tensor in backpropagation: contracted with dL/dz it is an outer product.
upstream = random.normal(size=4)
assert np.allclose(tensor @ upstream, np.outer(upstream, a))
