r"""
Over- and underfitting by degree
================================

A polynomial of a higher degree never fits its own rows worse, for the lower ones are among those that it may choose
from. On other rows it does: over- and underfitting are seen in two curves. A degree is therefore chosen on rows that no
model has seen, and judged on rows that had no say in the choice.
"""

# %%
# Training and validation
# -----------------------
# Cells of breast tumours: from their mean radius, the largest area among them, which grows with the square. Forty rows
# are learned; the others are divided into rows to choose by and rows to judge by.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score, learning_curve, train_test_split

from skdl import PolynomialRegressor
from skdl.inspection import SweepDisplay

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X, y = X[["mean radius"]], X["worst area"]
X_train, X_rest, y_train, y_rest = train_test_split(X, y, train_size=40, random_state=1)
X_val, X_test, y_val, y_test = train_test_split(X_rest, y_rest, test_size=0.5, random_state=0)

degrees = np.arange(1, 10)
models = [PolynomialRegressor(degree).fit(X_train, y_train) for degree in degrees]


def errors(X, y):
    """The mean squared error of each degree."""
    return np.array([np.mean((y - model.predict(X)) ** 2) for model in models])


table = pd.DataFrame({"training": errors(X_train, y_train), "validation": errors(X_val, y_val)}, index=degrees)
print(table.round(0).to_string())
assert (np.diff(table["training"]) <= 1e-6).all()  # never worse on its own rows

# %%
# To the left both errors are high: the model is too simple. To the right the training's goes on to fall, and the
# validation's rises.

best = int(table["validation"].idxmin())
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
table.plot(ax=left, logy=True, marker="o")
left.axvline(best, color="gray", linestyle=":")
left.set(xlabel="degree", ylabel="mean squared error", title=f"the validation rows choose degree {best}")
grid = pd.DataFrame({"mean radius": np.linspace(*X_rest["mean radius"].quantile([0, 1]), 200)})
right.scatter(X_train["mean radius"], y_train, s=12, color="gray")
for degree in (1, best, 9):
    right.plot(grid, models[degree - 1].predict(grid), label=f"degree {degree}")
right.set(xlabel="mean radius", ylabel="largest area", ylim=(0, 4500))
right.legend()
plt.show()

# %%
# Validation against test
# -----------------------
# The chosen degree's validation error is too good to be true: of many noisy numbers the least was taken. Only rows that
# did not choose tell the truth. Over many splits the two differ by the price of the choice.

gaps = []
for seed in range(200):
    X_a, X_b, y_a, y_b = train_test_split(X_rest, y_rest, train_size=30, random_state=seed)
    chosen = int(errors(X_a, y_a).argmin())
    gaps.append((np.mean((y_a - models[chosen].predict(X_a)) ** 2), np.mean((y_b - models[chosen].predict(X_b)) ** 2)))
on_validation, on_test = np.median(gaps, axis=0)
print(f"chosen by 30 rows: error on them {on_validation:.0f}, on others {on_test:.0f}")
assert on_validation < on_test

# %%
# k-fold
# ------
# With few rows each of them should serve for both: k-fold cross-validation sets each fold apart once. A second one
# around it judges the whole procedure, choice and all.

search = GridSearchCV(PolynomialRegressor(), {"degree": degrees[:6]}, cv=KFold(5, shuffle=True, random_state=0))
nested = cross_val_score(search, X, y, cv=KFold(5, shuffle=True, random_state=1))
search.fit(X, y)
print(f"degree {search.best_params_['degree']}: R2 {search.best_score_:.3f}, of the nested folds {nested.mean():.3f}")
SweepDisplay.from_search(search)
plt.show()

# %%
# More rows
# ---------
# The cure of overfitting that needs no thought: a degree that is too high for thirty rows is not so for four hundred.

sizes, train_scores, test_scores = learning_curve(
    PolynomialRegressor(6), X, y, train_sizes=[30, 60, 120, 240, 450], cv=KFold(5, shuffle=True, random_state=0)
)
print(
    pd.DataFrame({"training": train_scores.mean(axis=1), "test": np.median(test_scores, axis=1)}, index=sizes).round(3)
)
gap = train_scores.mean(axis=1) - np.median(test_scores, axis=1)
assert gap[-1] < gap[0]
