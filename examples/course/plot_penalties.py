r"""
Penalties: L2, L1, elastic net, priors and tied weights
=======================================================

A penalty is added to the loss, :math:`L(w) + \alpha R(w)`, so that of two fits which are nearly as good the one with
smaller weights wins. L2 is :math:`R = \frac12 \|w\|^2`, L1 :math:`\|w\|_1`, the elastic net a mixture of both, and
:math:`\frac12 \|w - b\|^2` draws to a prior b. The lecture claims that large weights make a model sensitive, that L2
shrinks all weights, and that L1 makes some exactly zero: it selects features.
"""

# %%
# Large weights are sensitive
# ---------------------------
# If noise of standard deviation s is added to each input, the prediction of a linear model moves by noise of standard
# deviation :math:`s \|w\|`. So that is what :math:`\|w\|^2` penalises. The blood measurements s1 to s6 of the diabetes
# data nearly depend on each other, and without a penalty they have large weights of opposite signs.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

from skdl import LeastSquaresRegressor, MLPRegressor
from skdl.penalties import ElasticNet, Tied

data, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X = StandardScaler().fit_transform(data)
names = list(data.columns)

random = np.random.default_rng(0)
noise = 0.3 * random.normal(size=(200, *X.shape))
alphas, norms, moved = np.geomspace(1e-3, 1e2, 12), [], []
for alpha in alphas:
    model = LeastSquaresRegressor(alpha).fit(X, y)
    norms.append(np.linalg.norm(model.coef_))
    changes = (noise @ model.coef_).ravel()  # of predictions, as the model is linear
    assert np.allclose(model.predict(X + noise[0]) - model.predict(X), noise[0] @ model.coef_)
    moved.append(changes.std())
print("  alpha   norm of w   change of predictions under noise of 0.3   0.3 * norm")
for row in zip(alphas[::4], norms[::4], moved[::4], strict=True):
    print("{:7.3f} {:11.1f} {:25.1f} {:27.1f}".format(*row, 0.3 * row[1]))
assert np.allclose(moved, 0.3 * np.array(norms), rtol=0.02)
assert norms == sorted(norms, reverse=True)

# %%
# Paths of the coefficients
# -------------------------
# From right to left the penalty falls from one that leaves nothing to none. L2 shrinks all together, and no
# coefficient is zero. L1 lets them in one after the other. The elastic net has both: correlated columns come in
# together. For each point of L1 the ``dual_gap_`` proves that no better coefficients exist.

penalties = {"L2": "l2", "L1": "l1", "elastic net (half L1)": ElasticNet(0.5)}
strengths = np.geomspace(1e-1, 1e3, 60)
figure, axes = plt.subplots(1, 3, figsize=(13, 4), sharey=True, layout="constrained")
for ax, (title, penalty) in zip(axes, penalties.items(), strict=True):
    models = [LeastSquaresRegressor(alpha, penalty=penalty).fit(X, y) for alpha in strengths]
    path = np.array([model.coef_ for model in models])
    for j, name in enumerate(names):
        ax.semilogx(strengths, path[:, j], linestyle=["-", "--"][j % 2], label=name)
    ax.set(xlabel="alpha", title=title)
    zeros = (path == 0).sum(axis=1)
    print(f"{title:22} zeros of {len(names)} along the path: {zeros[::12].tolist()}")
    if penalty == "l2":
        assert not zeros.any()
    else:
        assert zeros[-1] > 0
        assert max(model.dual_gap_ for model in models) < 1e-12 * np.mean(y**2)
axes[0].set_ylabel("coefficient for standardised columns")
axes[0].legend(fontsize="small", ncols=2)
plt.show()

# %%
# Why L1 makes zeros
# ------------------
# With columns that are orthogonal and standardised, each coefficient has its own problem. L2 divides the least-squares
# coefficient c by a constant. L1 subtracts a constant from its size and stops at zero: the slope of ``|w|`` at zero
# does not vanish, so that a weight that gains less than this is not worth having.

Q = np.linalg.qr(X - X.mean(axis=0))[0] * np.sqrt(len(y))
c = LeastSquaresRegressor().fit(Q, y).coef_
alpha = 20.0
assert np.allclose(LeastSquaresRegressor(alpha).fit(Q, y).coef_, c / (1 + alpha / 2))
soft = np.sign(c) * np.maximum(np.abs(c) - alpha / 2, 0)
lasso = LeastSquaresRegressor(alpha, penalty="l1").fit(Q, y)
assert np.allclose(lasso.coef_, soft)
print(f"exact zeros of the lasso on orthogonal columns: {(lasso.coef_ == 0).sum()}, and {(soft == 0).sum()} by hand")

# %%
# L1 selects features
# -------------------
# Fifty columns of noise are added to the ten of the diabetes data. Least squares gives all of them a weight, and its
# predictions suffer; L1 finds most of those that matter, and nearly none of the noise.

many = np.hstack([X, random.normal(size=(len(y), 50))])
candidates = {"no penalty": (0.0, "l2"), "L2": (0.5, "l2"), "L1": (10.0, "l1")}
scores, weights = {}, {}
for title, (alpha, penalty) in candidates.items():
    model = LeastSquaresRegressor(alpha, penalty=penalty)
    scores[title] = cross_val_score(model, many, y, cv=10).mean()
    weights[title] = model.fit(many, y).coef_
    used = weights[title] != 0
    print(f"{title:10} uses {used[:10].sum():2} of 10 columns and {used[10:].sum():2} of 50 of noise, "
          f"R2 {scores[title]:.3f} by cross-validation")  # fmt: skip
assert scores["L1"] > scores["no penalty"] + 0.02
assert (weights["L1"][10:] == 0).mean() > 0.7 > (weights["L1"][:10] == 0).mean()

figure, axes = plt.subplots(1, 2, figsize=(12, 4), layout="constrained")
for title, marker in zip(weights, "x.o", strict=True):
    axes[0].plot(weights[title], marker, fillstyle="none", label=title)
axes[0].axvline(9.5, linestyle=":")
axes[0].set(xlabel="column, those from 10 on are noise", ylabel="coefficient", title="Who gets a weight")
axes[0].legend()

# %%
# A prior
# -------
# A penalty to zero says that small weights are likely. If a similar task is known, :math:`\frac12 \|w - b\|^2` draws to
# its weights b. Here they are from one half of the rows, and the task are 15 of the others.

first, few, rest = np.arange(0, 220), np.arange(220, 235), np.arange(235, len(y))
b = LeastSquaresRegressor(0.5).fit(X[first], y[first]).coef_
strengths = np.geomspace(1e-2, 1e3, 30)
r2 = {
    title: [LeastSquaresRegressor(a, prior=prior).fit(X[few], y[few]).score(X[rest], y[rest]) for a in strengths]
    for title, prior in {"drawn to zero": None, "drawn to b": b}.items()
}
for (title, values), style in zip(r2.items(), ("--", "-"), strict=True):
    print(f"{title:13} best R2 {max(values):.3f}, with the strongest penalty {values[-1]:.3f}")
    axes[1].semilogx(strengths, values, style, label=title)
axes[1].set(xlabel="alpha", ylabel="R2 on other rows", ylim=(-0.3, 0.6), title="15 rows and a prior")
axes[1].legend()
plt.show()

assert max(r2["drawn to b"]) > max(r2["drawn to zero"])
strongest = LeastSquaresRegressor(1e9, prior=b).fit(X[few], y[few])
assert np.allclose(strongest.coef_, b, atol=1e-4)

# %%
# Tied weights
# ------------
# What is said of two tasks can be said of two weights: :math:`\frac12 (w_1 - w_2)^2` draws them to each other. With a
# large alpha the two columns share one weight, as if their sum were one column.

print("alpha    weights of bmi and bp")
apart = []
for alpha in (0.0, 0.1, 1.0, 1e4):
    model = MLPRegressor(
        (), penalty=Tied(columns=[[2, 3]]), alpha=alpha, encoding=None, optimizer="lbfgs", max_iter=500, dtype="float64"
    ).fit(X, y)
    pair = model.coefs_[0][2:4, 0]
    apart.append(abs(pair[0] - pair[1]))
    print(f"{alpha:7.1f} {pair.round(2)}")
assert apart == sorted(apart, reverse=True)
assert apart[-1] < 0.01
summed = LeastSquaresRegressor().fit(np.column_stack([X[:, 2] + X[:, 3], np.delete(X, [2, 3], axis=1)]), y)
assert np.allclose(pair, summed.coef_[0], rtol=1e-2)
