r"""
Likelihood: the coin, the chain rule, and why least squares squares
====================================================================

A model gives data a probability that depends on its parameters, :math:`L(\theta) = \prod_i p(x_i; \theta)`. The
lecture's principle is to choose the parameters under which the data are most probable, :math:`\theta_{ML} =
\arg\max_\theta \log L(\theta)`. For a coin that is the share of heads, for the mean of a Gaussian it is least squares,
for classes it is cross entropy. How sharp the maximum is says how far the estimate may be off.
"""

# %%
# The likelihood of a coin
# ------------------------
# The sequence HTHHTTHT has the probability :math:`\theta^4 (1 - \theta)^4` if heads comes with probability
# :math:`\theta`. It is impossible for :math:`\theta = 0`, and three times as probable for a half as for a quarter.
# After 6 heads in 8 flips the likelihood is largest at 6/8.

from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes

from skdl import LeastSquaresRegressor, SoftmaxClassifier
from skdl.autodiff import hessian, jacobian
from skdl.inspection import LikelihoodDisplay
from skdl.likelihood import Bernoulli, Categorical, Gaussian

coin = Bernoulli("H")
for theta in (Fraction(0), Fraction(1, 4), Fraction(1, 2)):
    found, exact = float(coin.likelihood(float(theta), "HTHHTTHT")), theta**4 * (1 - theta) ** 4
    print(f"L({float(theta):.2f}) = {found:.5f} = {exact}")
    assert np.isclose(found, float(exact), rtol=1e-14)
six_of_eight = "HHTHHHTH"
print(f"6 of 8 heads: theta_ML = {coin.estimate(six_of_eight):.2f}")
assert coin.estimate(six_of_eight) == 0.75

# %%
# More flips make the same maximum sharper. The curvature of :math:`-\log L` there is the observed information
# :math:`n / \theta (1 - \theta)`, and the inverse of its root the standard error. The curves are divided by their
# maxima, since the likelihood of 800 flips is below :math:`10^{-195}`.

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
LikelihoodDisplay.from_data(coin, {"4 of 8": "HTHHTTHT", "6 of 8": six_of_eight}, ax=axes[0])
longer = {f"{6 * n} of {8 * n}": six_of_eight * n for n in (1, 10, 100)}
LikelihoodDisplay.from_data(coin, longer, ax=axes[1], scale="relative")
axes[0].set(title="Two sequences of eight")
axes[1].set(title="The same share of heads, more flips")
plt.show()

for n in (1, 10, 100):
    assert np.isclose(coin.standard_errors(six_of_eight * n), np.sqrt(0.75 * 0.25 / (8 * n)))
assert coin.log_likelihood(0.75, six_of_eight * 100) < -195 * np.log(10)

# %%
# The chain rule of probability
# -----------------------------
# :math:`p(a, b) = p(a)\, p(b \mid a) = p(b)\, p(a \mid b)`. On the table of 569 tumours, with the size in thirds: joint
# frequencies are the product of a marginal and a conditional one, whichever is split off first. Bayes' rule is the
# second equation divided by a marginal.

tumours, benign = load_breast_cancer(return_X_y=True, as_frame=True)
kind = pd.Series(np.where(benign, "benign", "malignant"), name="kind")
size = pd.qcut(tumours["mean radius"], 3, labels=["small", "medium", "large"]).rename("size")
joint = pd.crosstab(kind, size) / len(kind)
p_kind, p_size = joint.sum(axis=1), joint.sum(axis=0)
size_given_kind, kind_given_size = joint.div(p_kind, axis=0), joint.div(p_size, axis=1)
print(joint.round(3), kind_given_size.round(3), sep="\n\n")
assert np.allclose(size_given_kind.mul(p_kind, axis=0), joint)
assert np.allclose(kind_given_size.mul(p_size, axis=1), joint)
assert np.allclose(size_given_kind.mul(p_kind, axis=0).div(p_size, axis=1), kind_given_size)  # Bayes

# Frequencies are the probabilities of maximum likelihood, of each kind by itself.
sizes = Categorical(["small", "medium", "large"])
for name, row in size_given_kind.iterrows():
    assert np.allclose(sizes.estimate(size[kind == name]), row)

# A classifier splits off the other way round: p(x, y) = p(x) p(y | x), and has only the second factor. Its likelihood
# is a product over the rows again, and the mean of -log p(y | x) is the cross entropy that it is trained by.
radius = tumours[["mean radius"]].to_numpy()
softmax = SoftmaxClassifier(alpha=0.0).fit(radius, kind)
picked = softmax.predict_proba(radius)[np.arange(len(kind)), (kind == "malignant").astype(int)]
print(
    f"\nlog likelihood of the classifier {softmax.log_likelihood(radius, kind):.2f}, by hand {np.log(picked).sum():.2f}"
)
assert np.isclose(softmax.log_likelihood(radius, kind), np.log(picked).sum())

# %%
# Gaussian noise makes least squares
# ----------------------------------
# If :math:`y_i` is Gaussian about :math:`x_i^\top \theta` with one variance, then :math:`\log L = -\frac{n}{2} \log
# 2\pi v - \frac{1}{2v} \sum_i (y_i - x_i^\top \theta)^2`: for every v the likeliest :math:`\theta` is the one of least
# squares. So the gradient of the log likelihood vanishes at its coefficients, and the inverse of its curvature is their
# covariance. (The usual standard errors divide the squared residuals by n - d in place of n, since a fit leaves
# residuals that are too small.)

data, y = load_diabetes(return_X_y=True, as_frame=True)
table, y = data[["bmi", "bp", "s5"]], y.to_numpy()
model = LeastSquaresRegressor().fit(table, y)
X = np.column_stack([np.ones(len(y)), table])
theta = np.append(model.intercept_, model.coef_)
residuals = y - model.predict(table)
_, variance = Gaussian().estimate(residuals)


def log_likelihood(theta):
    errors = y - X @ theta
    return -0.5 * len(y) * np.log(2 * np.pi * variance) - (errors**2).sum() / (2 * variance)


print(f"log likelihood {log_likelihood(theta):.3f}, the model's own {model.log_likelihood(table, y):.3f}")
assert np.isclose(log_likelihood(theta), model.log_likelihood(table, y))
assert np.allclose(jacobian(log_likelihood, theta), 0, atol=1e-9 * abs(jacobian(log_likelihood, 0 * theta)).max())
errors = np.sqrt(np.diag(np.linalg.inv(-hessian(log_likelihood, theta))))
usual = errors * np.sqrt(len(y) / (len(y) - X.shape[1]))
print(model.summary()[["coefficient", "standard_error"]].assign(by_curvature=usual).round(3))
assert np.allclose(usual, model.summary()["standard_error"])

# %%
# Does the standard error tell the truth? In 300 samples of 100 rows whose noise is drawn from all residuals, the slopes
# vary as much as each sample says of its own, and 95 of 100 intervals hold the slope that the samples were made with.

random = np.random.default_rng(0)
bmi = table[["bmi"]].to_numpy()
line = LeastSquaresRegressor().fit(bmi, y)
noise, slope = y - line.predict(bmi), line.coef_[0]
slopes, said, held = [], [], 0
for _ in range(300):
    rows = random.integers(0, len(y), 100)
    target = line.predict(bmi[rows]) + random.choice(noise, 100)
    row = LeastSquaresRegressor().fit(bmi[rows], target).summary().iloc[1]
    slopes.append(row["coefficient"])
    said.append(row["standard_error"])
    held += row["lower_95"] <= slope <= row["upper_95"]
said = np.mean(said)
print(
    f"the slopes vary by {np.std(slopes):.0f}, they said {said:.0f}; {held / 3:.0f} % of the intervals hold the slope"
)
assert 0.9 < np.std(slopes) / said < 1.1
assert 0.92 < held / 300 < 0.98

figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
ax.hist(slopes, bins=30, density=True, alpha=0.6, label="slopes of 300 samples")
grid = np.linspace(min(slopes), max(slopes), 200)
normal = np.exp(-0.5 * ((grid - slope) / said) ** 2) / (said * np.sqrt(2 * np.pi))
ax.plot(grid, normal, label="normal, by the mean standard error")
ax.axvline(slope, linestyle="--", label="slope of all rows")
ax.set(xlabel="slope of the body mass index", yticks=[], ylim=(0, 1.5 * normal.max()))  # room for the legend
ax.legend(loc="upper left")
plt.show()
