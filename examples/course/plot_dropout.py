r"""
Dropout: an ensemble of thinned networks
========================================

In each step of training, dropout sets each of N units to zero with probability p. What is trained so are :math:`2^N`
networks that share their weights. At prediction nothing is dropped, and what comes out of a unit is multiplied by
:math:`1 - p`: the *weight scaling rule*. The lecture claims that this stands for the average of all these networks.
Here they are all enumerated: where nothing bends above the dropout the rule gives their mean exactly, below a softmax
their renormalised geometric mean, and with another layer above an approximation.
"""

# %%
# The probability to drop
# -----------------------
# In skdl, as in most libraries today, ``dropout`` is the probability p to *drop* a unit; some texts, and the paper of
# 2014, write p for the probability to *keep* it: their p is 1 - ``dropout``. ``dropout_mode="standard"`` is the form of
# the lecture, which scales at prediction. The default, ``"inverted"``, divides by 1 - p in training, so that nothing is
# left to do at prediction. It is the same model: weights above the units are those of the standard form times 1 - p.

import itertools

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import softmax
from sklearn.datasets import load_diabetes, load_wine
from sklearn.model_selection import train_test_split

from skdl import MLPClassifier, MLPRegressor
from skdl.optimizers import Adam

N = 8  # units that may be dropped
P = 0.4  # probability to drop
MASKS = np.array(list(itertools.product([0, 1], repeat=N)))  # all 2^N of them: 1 for a unit that is kept
probabilities = (1 - P) ** MASKS.sum(axis=1) * P ** (N - MASKS.sum(axis=1))
assert np.isclose(probabilities.sum(), 1)

plain = {
    "encoding": None,
    "early_stopping": False,
    "optimizer": Adam(learning_rate=0.01),
    "schedule": "constant",
    "activation": "relu",
    "dtype": "float64",
    "random_state": 0,
}
print(f"{len(MASKS)} networks, with {MASKS.sum(axis=1) @ probabilities:.2f} of {N} units in the mean = N (1 - p)")

# %%
# The rule is the mean of all networks ...
# ----------------------------------------
# ... for a network with one hidden layer and real outputs: the outputs are linear in what comes out of the units, and
# the mean of :math:`m_j h_j` over the masks m is :math:`(1 - p) h_j`.

X, y = load_diabetes(return_X_y=True)
regressor = MLPRegressor((N,), dropout=P, dropout_mode="standard", max_iter=60, clip_predictions=False, **plain)
regressor.fit(X, y)

hidden = np.maximum(X @ regressor.coefs_[0] + regressor.intercepts_[0], 0)
thinned = np.stack([(hidden * mask) @ regressor.coefs_[1] + regressor.intercepts_[1] for mask in MASKS])[:, :, 0]
mean = probabilities @ thinned
print(f"largest difference of the rule from the mean: {np.abs(regressor.predict(X) - mean).max():.1e}")
assert np.allclose(regressor.predict(X), mean)

# %%
# ... and the geometric mean below a softmax
# ------------------------------------------
# The scores are linear in the units, and the probabilities are not. The rule gives, of all networks, the geometric mean
# of the probabilities of each class, divided by its sum over the classes. The arithmetic mean, which an ensemble would
# predict, is less sure: one network that rules a class out has all to say in a product, and little in a sum.

X, y = load_wine(return_X_y=True)
classifier = MLPClassifier((N,), dropout=P, dropout_mode="standard", max_iter=30, **plain).fit(X, y)

hidden = np.maximum(X @ classifier.coefs_[0] + classifier.intercepts_[0], 0)
scores = np.stack([(hidden * mask) @ classifier.coefs_[1] + classifier.intercepts_[1] for mask in MASKS])
members = softmax(scores, axis=-1)
geometric = np.exp(np.tensordot(probabilities, np.log(members), 1))
geometric /= geometric.sum(axis=1, keepdims=True)
arithmetic = np.tensordot(probabilities, members, 1)
rule = classifier.predict_proba(X)
assert np.allclose(rule, geometric)
print(f"largest difference from the geometric mean: {np.abs(rule - geometric).max():.1e}")
print(f"largest difference from the arithmetic mean: {np.abs(rule - arithmetic).max():.2f}")

figure, axes = plt.subplots(1, 2, figsize=(8, 4), sharex=True, sharey=True, layout="constrained")
for ax, values, name in zip(axes, (geometric, arithmetic), ("geometric mean", "arithmetic mean"), strict=True):
    ax.plot([0, 1], [0, 1], linewidth=0.8, color="gray")
    ax.plot(values.ravel(), rule.ravel(), ".", markersize=4)
    ax.set(xlabel=f"{name} of {len(MASKS)} networks", aspect="equal")
axes[0].set_ylabel("weight scaling rule")
figure.suptitle("Class probabilities of the wines")
plt.show()

# %%
# Samples in place of all
# -----------------------
# With 128 units there are :math:`2^{128}` networks, and ``predict_members`` draws some of them. Each is one network for
# all rows, so that with few units it must be one of those that were enumerated. Their average comes to the arithmetic
# mean as :math:`1/\sqrt{n}`.

drawn = classifier.predict_members(X, n_samples=3000, random_state=0)
assert drawn.shape == (3000, len(X), 3)
for member in drawn[:20]:
    assert np.abs(members - member).max(axis=(1, 2)).min() < 1e-9
n_samples = np.array([3, 10, 30, 100, 300, 1000, 3000])
errors = [np.sqrt(np.mean((drawn[:n].mean(axis=0) - arithmetic) ** 2)) for n in n_samples]
distance = np.sqrt(np.mean((rule - arithmetic) ** 2))
print("samples   ", *(f"{n:7}" for n in n_samples))
print("their rmse", *(f"{error:7.4f}" for error in errors), f"   that of the rule: {distance:.4f}")
assert errors[-1] < 0.2 * errors[0]

figure, ax = plt.subplots(layout="constrained")
ax.loglog(n_samples, errors, marker="o", label="mean of n drawn networks")
ax.loglog(n_samples, errors[0] * np.sqrt(n_samples[0] / n_samples), linestyle=":", label=r"$\propto 1 / \sqrt{n}$")
ax.axhline(distance, linestyle="--", color="gray", label="weight scaling rule, one pass")
ax.set(xlabel="networks drawn", ylabel=f"rmse of the mean of all {len(MASKS)}")
ax.legend()
plt.show()

# %%
# The rule costs one pass, and is as near to the mean as the average of a handful of samples.
#
# What the network does not know
# ------------------------------
# The samples disagree where the data have said little (Monte Carlo dropout). Here a network has seen the disease's
# progression for a middle range of the body mass index, and is asked beyond it.

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
bmi = X[["bmi"]]
seen = bmi["bmi"].between(20, 32)
X_train, X_rest, y_train, y_rest = train_test_split(bmi[seen], y[seen], test_size=0.3, random_state=0)
network = MLPRegressor((128, 128), dropout=0.2, max_iter=100, clip_predictions=False, **plain).fit(X_train, y_train)
grid = np.linspace(14, 46, 120)
asked = bmi.iloc[[0] * len(grid)].assign(bmi=grid)
functions = network.predict_members(asked, n_samples=200, random_state=0)
spread = network.predict_uncertainty(asked, n_samples=200, random_state=0)["member_spread"].to_numpy()
assert np.allclose(spread, functions.std(axis=0))
inside = (grid > 20) & (grid < 32)
print(f"spread of the members: {spread[inside].mean():.0f} where rows were seen, {spread[~inside].mean():.0f} beyond")
assert spread[~inside].mean() > spread[inside].mean()

figure, ax = plt.subplots(layout="constrained")
middle = functions.mean(axis=0)
ax.plot(X_train["bmi"], y_train, ".", markersize=3, color="gray", label="training rows")
ax.plot(grid, functions[:15].T, linewidth=0.6, alpha=0.5, color="C0")
ax.plot(grid, middle, color="C0", label="mean of 200 networks")
ax.fill_between(grid, middle - 2 * spread, middle + 2 * spread, alpha=0.2, color="C0", label="twice their spread")
ax.plot(grid, network.predict(asked), "--", color="C1", label="weight scaling rule")
ax.set(xlabel="body mass index", ylabel="progression of the disease")
ax.legend()
plt.show()

# %%
# It is the spread of the mean, not of the patients: the rows scatter much more widely than the band, and no number of
# samples will show that. The size of the spread follows from p as well as from the data, and has to be compared with
# errors on other rows before one relies on it.

errors = np.abs(network.predict(X_rest) - y_rest)
covered = errors < 2 * network.predict_uncertainty(X_rest, n_samples=200, random_state=0)["member_spread"].to_numpy()
print(f"rows that were held out within twice the spread: {covered.mean():.0%}")
