r"""
Backpropagation on a drawn graph
================================

A computation is a graph of simple operations. The way forward computes a value at every node; the way back multiplies
what comes from above by the derivative of each operation, *upstream times local gradient*, and adds up where paths
meet. One way back gives the gradient by all inputs. This page draws it, checks the rules, shows what the numerical
gradient costs in comparison, and does a network's backpropagation by hand, :math:`\partial L / \partial W = x^\top \,
\partial L / \partial z`, against automatic differentiation and against the step that a network takes.
"""

# %%
# Value and gradient at every node
# --------------------------------
# The classical example :math:`f = (x + y) z`. In each box stand the value (blue) and the gradient of f (orange), beside
# each arrow the local derivative. Addition passes the gradient on, multiplication exchanges the factors.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import StandardScaler

from skdl import MLPRegressor
from skdl.autodiff import compare_gradients, jacobian, trace
from skdl.inspection import GraphDisplay
from skdl.optimizers import SGD


def f(x, y, z):
    return (x + y) * z


graph = trace(f, -2.0, 5.0, -4.0)
print(graph)
assert [float(graph[name].gradient) for name in "xyz"] == [-4.0, -4.0, 3.0]
GraphDisplay(graph).plot()
plt.show()

# %%
# A neuron with the sigmoid: the local gradients of exp and of 1/x, one after the other, multiply to the known
# :math:`\sigma' = \sigma (1 - \sigma)`.


def neuron(w0, x0, w1, x1, b):
    return 1 / (1 + np.exp(-(w0 * x0 + w1 * x1 + b)))


point = 2.0, -1.0, -3.0, -2.0, -3.0
display = GraphDisplay.from_function(neuron, *point)
plt.show()

y = 1 / (1 + np.exp(-1.0))
assert np.isclose(display.graph["b"].gradient, y * (1 - y))

# %%
# Where paths meet, gradients add up
# ----------------------------------
# x goes into :math:`x^2`, into the product with :math:`\sin y`, and into the maximum, which lets the gradient through
# to the larger argument only: nothing comes back to x that way. The printed sums show the parts.


def tangled(x, y):
    return (x * x + x * np.sin(y)) * np.maximum(x, y)


graph = trace(tangled, 1.5, 2.0)
print(graph)
GraphDisplay(graph).plot()
plt.show()

x, y = 1.5, 2.0
assert np.isclose(graph["x"].gradient, (2 * x + np.sin(y)) * y)  # of 2 x^2 y ... where the maximum is y
assert np.isclose(graph["y"].gradient, x * np.cos(y) * y + x * x + x * np.sin(y))
parts = [edge.passed for edge in graph.edges if edge.source == "x"]
assert np.isclose(sum(parts), graph["x"].gradient)
assert 0.0 in parts

# %%
# The numerical gradient, and its cost
# ------------------------------------
# Central differences need two values of the function for every variable; the tape needs one way forward and one back,
# whatever their number. The errors are small enough to check a gradient by, and too costly to train with.


def chain(x):
    return np.log(1 + (np.tanh(x) ** 2).sum()) * x[0]


print("variables  values of f    differences      tape")
for n in (10, 100, 1000):
    comparison = compare_gradients(chain, np.linspace(-1, 1, n))
    times = f"{1e3 * comparison.numerical_seconds:11.2f} ms {1e3 * comparison.analytic_seconds:6.2f} ms"
    print(f"{n:9} {comparison.n_evaluations:12} {times}")
    assert comparison.n_evaluations == 2 * n
    assert comparison.relative_error < 1e-7
print(f"\n{compare_gradients(chain, np.linspace(-1, 1, 6))}")

# %%
# A network by hand
# -----------------
# For :math:`z = X W + b`, with rows of data, :math:`\partial L/\partial W = X^\top \partial L/\partial z`,
# :math:`\partial L/\partial b = 1^\top \partial L/\partial z`, :math:`\partial L/\partial X = \partial L/\partial z\,
# W^\top`, and through an activation the gradient is multiplied by its derivative, element by element. That is all of
# backpropagation in a network.

data, target = load_diabetes(return_X_y=True)
X, t = StandardScaler().fit_transform(data), (target[:, None] - target.mean()) / target.std()
# All rows make one batch, and a step takes the raw gradient: so each epoch is one step of the lecture's descent.
textbook = {
    "activation": "tanh", "optimizer": SGD(learning_rate=0.1), "schedule": "constant", "batch_size": len(X),
    "alpha": 0.0, "standardize": False, "encoding": None, "early_stopping": False, "dtype": "float64",
    "random_state": 0,
}  # fmt: skip


def trained(n_steps):
    network = MLPRegressor((5,), max_iter=n_steps, **textbook).fit(X, t[:, 0])
    return [each.copy() for each in (*network.coefs_, *network.intercepts_)]


W1, W2, b1, b2 = trained(1)
z1 = X @ W1 + b1  # forward, and what the way back needs is kept
h = np.tanh(z1)
z2 = h @ W2 + b2
loss = 0.5 * ((z2 - t) ** 2).mean()

dz2 = (z2 - t) / len(X)  # backward, each line the adjoint of one above
d_w2, d_b2 = h.T @ dz2, dz2.sum(axis=0)
dh = dz2 @ W2.T
dz1 = dh * (1 - h**2)
d_w1, d_b1 = X.T @ dz1, dz1.sum(axis=0)

# %%
# The tape finds the same numbers from the forward pass alone, and so does the network: its next step is
# :math:`W - 0.1\, \partial L / \partial W`.


def forward(W1, W2, b1, b2):
    return 0.5 * ((np.tanh(X @ W1 + b1) @ W2 + b2 - t) ** 2).mean()


by_tape = jacobian(forward, W1, W2, b1, b2)
by_hand = d_w1, d_w2, d_b1, d_b2
steps = [(before - after) / 0.1 for before, after in zip((W1, W2, b1, b2), trained(2), strict=True)]
print(f"loss {loss:.4f}; largest differences to the gradient by hand")
for name, one, other, third in zip(("W1", "W2", "b1", "b2"), by_hand, by_tape, steps, strict=True):
    print(f"  {name}: tape {abs(one - other).max():.1e}, step of the network {abs(one - third).max():.1e}")
    assert np.allclose(one, other, rtol=1e-10, atol=1e-13)
    assert np.allclose(one, third, rtol=1e-7, atol=1e-10)

GraphDisplay.from_function(forward, W1, W2, b1, b2)
plt.show()
