r"""
Bias and variance of an estimator
=================================

An estimator that is fitted to one sample of rows would have come out otherwise on another. Over all samples, the
expected squared error at a point is

.. math:: E (y - \hat f(x))^2 = \sigma^2 + (E \hat f(x) - f(x))^2 + \mathrm{Var} \hat f(x):

noise that nobody predicts, the squared bias of the average fit, and the variance of the fits around their average.
A simple model has bias, a flexible one variance.
"""

# %%
# Many samples of a known truth
# -----------------------------
# Bias needs the truth, so it is made: a smooth function with noise. A hundred and fifty samples of forty rows each.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skdl import BaggingRegressor, KNNRegressor, LeastSquaresRegressor, MLPRegressor, PolynomialRegressor

SIGMA, N_SAMPLES, N_ROWS = 0.3, 150, 40
rng = np.random.default_rng(0)
grid = np.linspace(-0.9, 0.9, 60)[:, None]


def truth(x):
    """What there is to learn."""
    return np.sin(3 * x[:, 0])


def samples(n_samples):
    """Samples of noisy rows."""
    for _ in range(n_samples):
        X = rng.uniform(-1, 1, (N_ROWS, 1))
        yield X, truth(X) + rng.normal(0, SIGMA, N_ROWS)


def decompose(predictions):
    """Squared bias, variance and both with the noise, means over the grid; predictions have a row a sample."""
    bias = ((predictions.mean(axis=0) - truth(grid)) ** 2).mean()
    variance = predictions.var(axis=0).mean()
    return {"bias^2": bias, "variance": variance, "noise": SIGMA**2, "sum": bias + variance + SIGMA**2}


estimators = {
    "line": LeastSquaresRegressor(),
    "degree 3": PolynomialRegressor(3),
    "degree 12": PolynomialRegressor(12, alpha=1e-6),
    "20 neighbours": KNNRegressor(20),
    "1 neighbour": KNNRegressor(1),
}
drawn = list(samples(N_SAMPLES))
fits = {name: np.array([model.fit(X, y).predict(grid) for X, y in drawn]) for name, model in estimators.items()}
table = pd.DataFrame({name: decompose(predictions) for name, predictions in fits.items()}).T
noisy = truth(grid) + rng.normal(0, SIGMA, (N_SAMPLES, len(grid)))  # new rows at the same points
table["measured"] = [((noisy - predictions) ** 2).mean() for predictions in fits.values()]
print(table.round(3))
assert np.allclose(table["sum"], table["measured"], rtol=0.05)  # the identity, on new rows
assert table.loc["line", "bias^2"] > table.loc["line", "variance"]
assert table.loc["1 neighbour", "bias^2"] < table.loc["1 neighbour", "variance"]

fig, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained", sharey=True)
for ax, name in zip(axes, ("line", "degree 3", "degree 12"), strict=True):
    ax.plot(grid, fits[name][:30].T, color="gray", alpha=0.3)
    ax.plot(grid, fits[name].mean(axis=0), label="average fit", linewidth=2)
    ax.plot(grid, truth(grid), "--", label="truth", linewidth=2)
    title = f"{name}: bias² {table.loc[name, 'bias^2']:.3f}, variance {table.loc[name, 'variance']:.3f}"
    ax.set(title=title, xlabel="x", ylim=(-2, 2), xticks=[-0.8, -0.4, 0, 0.4, 0.8])
axes[0].set(ylabel="y")
axes[0].legend()
plt.show()

# %%
# Averages have less variance
# ---------------------------
# Bagging averages fits to resampled rows: the bias stays, and the variance falls. This is why its members may be
# flexible ones.

few = drawn[:25]
single = decompose(np.array([KNNRegressor(1).fit(X, y).predict(grid) for X, y in few]))
bagged = BaggingRegressor(KNNRegressor(1), n_estimators=20, random_state=0)
averaged = decompose(np.array([bagged.fit(X, y).predict(grid) for X, y in few]))
print(pd.DataFrame({"one": single, "bagged": averaged}).T.round(3))
assert averaged["variance"] < 0.8 * single["variance"]

# %%
# The width of a network
# ----------------------
# The same two ways, by the number of hidden units.

widths, network = (1, 4, 32), {"max_iter": 40, "encoding": None, "early_stopping": False, "random_state": 0}
by_width = {
    width: decompose(np.array([MLPRegressor((width,), **network).fit(X, y).predict(grid) for X, y in drawn[:12]]))
    for width in widths
}
print(pd.DataFrame(by_width).T.round(3))
assert by_width[1]["bias^2"] > by_width[32]["bias^2"]
