r"""
Batch, mini-batch, stochastic: how noisy is a gradient?
=======================================================

The gradient of a batch of B rows is an estimate of that of all n rows. It is right on average, and drawn without
repetition its variance is

.. math:: \frac{\sigma^2}{B} \, \frac{n - B}{n - 1},

with :math:`\sigma^2` the variance of the rows' own gradients: four times the rows halve the noise, for four times the
work. So many noisy steps mostly beat few exact ones.
"""

# %%
# Gradients of the rows of a softmax
# ----------------------------------
# By hand: the gradient of a row's cross entropy by W is :math:`x (p - t)'`.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl import MLPClassifier, SoftmaxClassifier
from skdl.inspection import TrainingCurveDisplay
from skdl.optimizers import SGD

X, y = load_digits(return_X_y=True)
X = X / 16
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
n = len(X_train)
start = SoftmaxClassifier(random_state=0).initialize(X_train, y_train)
error = start.predict_proba(X_train) - np.eye(10)[y_train]
rows = np.einsum("ni,nc->nic", X_train, error).reshape(n, -1)
full = rows.mean(axis=0)
variance = ((rows - full) ** 2).sum(axis=1).mean()

rng = np.random.default_rng(0)
sizes = np.array([1, 4, 16, 64, 256, n])
measured = []
for size in sizes:
    draws = [rows[rng.choice(n, size, replace=False)].mean(axis=0) for _ in range(400)]
    measured.append(((np.array(draws) - full) ** 2).sum(axis=1).mean())
formula = variance / sizes * (n - sizes) / (n - 1)
print(pd.DataFrame({"measured": measured, "formula": formula}, index=pd.Index(sizes, name="B")))
assert np.allclose(measured[:-1], formula[:-1], rtol=0.15)
assert measured[-1] < 1e-20  # all rows: no noise at all

fig, ax = plt.subplots(figsize=(5, 3.8), layout="constrained")
ax.loglog(sizes[:-1], measured[:-1], "o", label="measured, 400 batches each")
ax.loglog(sizes[:-1], formula[:-1], label="formula")
ax.axhline(full @ full, color="gray", linestyle=":", label="squared gradient of all rows")
ax.set(xlabel="rows of a batch", ylabel="variance of its gradient")
ax.legend()
plt.show()

# %%
# The same number of rows seen, in steps of other sizes
# -----------------------------------------------------
# Ten epochs each: one row a step, 32, and all. With a rate that suits each, the smaller batches are far ahead, since
# they take many more steps.

fits = {}
for name, size, rate in (("stochastic, 1", 1, 0.005), ("mini-batch, 32", 32, 0.1), ("batch, all", n, 1.0)):
    fits[name] = MLPClassifier(
        (32,), optimizer=SGD(rate), batch_size=size, max_iter=10, schedule="constant", early_stopping=False,
        encoding=None, random_state=0,
    ).fit(X_train, y_train)  # fmt: skip
    print(f"{name:15} loss {fits[name].loss_:.3f}, accuracy of other rows {fits[name].score(X_test, y_test):.3f}")
assert fits["mini-batch, 32"].loss_ < fits["batch, all"].loss_
TrainingCurveDisplay.from_estimator(fits)
plt.show()

# %%
# Classes in a batch
# ------------------
# A batch of 50 rows drawn at random may have none of a class, or a quarter; ``stratified_batches=True`` has five of
# each, so that this part of the noise is gone.

counts = np.array([np.bincount(y_train[rng.permutation(n)[:50]], minlength=10) for _ in range(200)])
print(f"of 50 rows, from {counts.min()} to {counts.max()} of a class")
stratified = MLPClassifier((32,), batch_size=50, stratified_batches=True, max_iter=5, random_state=0)
print(f"stratified: accuracy {stratified.fit(X_train, y_train).score(X_test, y_test):.3f}")
