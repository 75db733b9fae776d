r"""
Ensembles: why the average is better
====================================

With errors :math:`e_i` of k models on a row, their average has the error :math:`\frac{1}{k} \sum_i e_i`, and

.. math:: E\Bigl[\Bigl(\frac{1}{k} \sum_i e_i\Bigr)^2\Bigr] = \frac{1}{k} E[e^2] + \frac{k-1}{k} E[e_i e_j].

The first term falls with k, the second one stays. If errors had nothing in common, the error would be the k-th part; if
they were equal, nothing would be gained. So members must differ: by their initial weights, or by the rows they learn.
Bagging draws N rows with replacement for each; a row is among them with the probability
:math:`1 - (1 - 1/N)^N \to 1 - 1/e = 0.632`.
"""

# %%
# The formula on a table
# ----------------------
# Twenty small networks on resampled rows, judged on rows that none of them has seen. Dots are the members alone.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import mean_squared_error
from sklearn.model_selection import train_test_split

from skdl import BaggingClassifier, BaggingRegressor, MLPClassifier, MLPRegressor
from skdl.inspection import EnsembleDisplay
from skdl.optimizers import Adam

X, y = load_diabetes(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
textbook = {"encoding": None, "early_stopping": False, "schedule": "constant", "optimizer": Adam(0.01)}
member = MLPRegressor((20,), max_iter=80, **textbook)
bagging = BaggingRegressor(member, n_estimators=20, random_state=0).fit(X_train, y_train)
display = EnsembleDisplay.from_estimator(bagging, X_test, y_test)
plt.show()
errors = display.errors.set_index("k")
print(errors.loc[[1, 2, 5, 10, 20]].round(0).to_string())

# %%
# The line of the formula is the mean over all choices of k members, the other one takes the first k. At k = 20 they
# meet, and both are the error of the ensemble.

assert np.isclose(errors.loc[20, "first"], mean_squared_error(y_test, bagging.predict(X_test)))
assert np.isclose(errors.loc[20, "expected"], errors.loc[20, "first"])
terms = bagging.error_decomposition(X_test, y_test)
assert np.isclose(terms["variance_term"] + terms["covariance_term"], terms["ensemble_error"])
mean, product = terms["mean_member_error"], terms["mean_error_product"]
assert np.isclose(mean / 20 + 19 / 20 * product, terms["ensemble_error"])
print(f"a member has {mean:.0f}, twenty have {terms['ensemble_error']:.0f}, and however many, about {product:.0f}")

# %%
# The share of rows that a member sees
# ------------------------------------

shares = [len(np.unique(rows)) / len(X_train) for rows in bagging.estimators_samples_]
N = len(X_train)
print(f"distinct rows: {np.mean(shares):.3f} of all; 1 - (1 - 1/N)^N = {1 - (1 - 1 / N) ** N:.3f}, 1 - 1/e = 0.632")
assert abs(np.mean(shares) - (1 - np.exp(-1))) < 0.02

# %%
# What makes members differ
# -------------------------
# Initial weights alone, or resampled rows too. Rows make the single member worse, and errors less alike: what is better
# in the end is a matter of the data, and of how much a member overfits.

ways = {"initial weights": {"bootstrap": False}, "and resampled rows": {"bootstrap": True}}
figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained", sharey=True)
for ax, (name, way) in zip(axes, ways.items(), strict=True):
    ensemble = BaggingRegressor(member, n_estimators=20, random_state=0, **way).fit(X_train, y_train)
    EnsembleDisplay.from_estimator(ensemble, X_test, y_test, ax=ax)
    ax.set_title(name)
    correlation = ensemble.member_correlation(X_test, y_test)
    between = correlation[~np.eye(20, dtype=bool)].mean()
    terms = ensemble.error_decomposition(X_test, y_test)
    print(
        f"{name:19} a member {terms['mean_member_error']:.0f}, correlation of errors {between:.2f}, "
        f"the average {terms['ensemble_error']:.0f}"
    )
    assert terms["ensemble_error"] < terms["mean_member_error"]
plt.show()

# %%
# Classes
# -------
# Of class probabilities the same holds for the Brier score, the mean of the squared differences to the labels. And
# errors are fewer, though no formula promises that.

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=300, random_state=0)
member = MLPClassifier((20,), max_iter=60, **textbook)
bagging = BaggingClassifier(member, n_estimators=15, random_state=0).fit(X_train, y_train)
display = EnsembleDisplay.from_estimator(bagging, X_test, y_test)
plt.show()
alone = np.mean([each.score(X_test, y_test) for each in bagging.estimators_])
print(f"accuracy of a member {alone:.3f}, of the average {bagging.score(X_test, y_test):.3f}")
assert display.errors["expected"].is_monotonic_decreasing
assert bagging.score(X_test, y_test) > alone
