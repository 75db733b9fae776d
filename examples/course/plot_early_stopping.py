r"""
Early stopping
==============

A network learns what rows have in common before it learns their noise. Rows set apart show where the one ends and the
other begins: their loss falls, and then rises. Early stopping keeps the weights of the epoch in which it was least.
"""

# %%
# The loss of rows set apart
# --------------------------
# A network that is far too large for two hundred digits with wrong labels among them.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdl import MLPClassifier
from skdl.inspection import TrainingCurveDisplay
from skdl.optimizers import Adam

X, y = load_digits(return_X_y=True)
X_train, X_rest, y_train, y_rest = train_test_split(X, y, train_size=250, random_state=0)
X_val, X_test, y_val, y_test = train_test_split(X_rest, y_rest, test_size=0.7, random_state=0)
rng = np.random.default_rng(0)
wrong = rng.random(len(y_train)) < 0.2
y_noisy = np.where(wrong, rng.integers(10, size=len(y_train)), y_train)

params = {
    "hidden_layer_sizes": (128,),
    "optimizer": Adam(0.003),
    "schedule": "constant",
    "encoding": None,
    "max_iter": 60,
    "n_iter_no_change": np.inf,  # to see the whole curve
    "scoring": "loss",
    "random_state": 0,
}
stopped = MLPClassifier(early_stopping=True, **params).fit(X_train, y_noisy, X_val=X_val, y_val=y_val)
curve = stopped.history_["validation_loss"]
best = stopped.best_epoch_
print(f"least validation loss {curve.min():.3f} in epoch {best}, {curve.iloc[-1]:.3f} in the last one")
assert best == curve.idxmin() + 1
assert curve.iloc[-1] > curve.min()
display = TrainingCurveDisplay.from_estimator(stopped)
print(display.verdict_)
plt.show()

# %%
# Kept, or trained to the end
# ---------------------------
# The weights that are kept are those of the best epoch, although training went on.

to_the_end = MLPClassifier(**{**params, "scoring": None, "n_iter_no_change": None}, early_stopping=False)
to_the_end.fit(X_train, y_noisy)
losses = {}
for name, network in {"best epoch": stopped, "last epoch": to_the_end}.items():
    losses[name] = log_loss(y_test, network.predict_proba(X_test))
    print(f"{name}: accuracy {network.score(X_test, y_test):.3f}, log loss {losses[name]:.3f} on new rows")
assert losses["best epoch"] < losses["last epoch"]

# %%
# No row is lost
# --------------
# Rows that judge do not teach. ``early_stopping="refit"``, the default, sets some apart in a trial, takes the number of
# epochs from it, and then begins anew with all rows.

refit = MLPClassifier(random_state=0).fit(X_train, y_noisy)
print(f"{refit.best_epoch_} epochs on all rows: accuracy {refit.score(X_test, y_test):.3f}")

# %%
# Why it regularises
# ------------------
# Weights begin small and go on their way in steps: a few of them cannot leave a ball around the start, much as with a
# penalty on the distance from it.

network = MLPClassifier((128,), optimizer=Adam(0.003), schedule="constant", encoding=None, alpha=0.0, random_state=0)
start = np.concatenate([weights.ravel() for weights in network.initialize(X_train, y_noisy).coefs_])
distances = []
for _ in range(40):
    network.partial_fit(X_train, y_noisy)
    distances.append(np.linalg.norm(np.concatenate([weights.ravel() for weights in network.coefs_]) - start))
print(f"way from the start: {distances[0]:.1f} after one epoch, {distances[-1]:.1f} after forty")
assert np.all(np.diff(distances) > 0)
fig, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
ax.plot(range(1, 41), distances)
ax.set(xlabel="epoch", ylabel="distance of the weights from the start")
plt.show()
