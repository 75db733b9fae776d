r"""
Label smoothing
===============

With targets of exactly 0 and 1 the cross entropy never comes to rest: scores grow without end on rows that are right
already. Label smoothing asks for :math:`1 - a` of the row's class and :math:`a / (C - 1)` of each other one, which
finite scores meet.
"""

# %%
# Finite optimum
# --------------
# The loss of a row is least where the softmax equals the targets: the score of the class is
# :math:`\log\frac{(1 - a)(C - 1)}{a}` above the others. With a = 0 there is no such score.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skdl import MLPClassifier
from skdl.losses import CrossEntropy
from skdl.optimizers import Adam

C, a = 10, 0.1
scores = np.linspace(0, 12, 241)
rows = np.zeros((1, len(scores), C))
rows[0, :, 0] = scores
fig, ax = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
for share in (0.0, a, 0.3):
    targets = np.full((1, len(scores), C), share / (C - 1))
    targets[..., 0] = 1 - share
    values = np.array(
        [
            CrossEntropy().value_and_gradient(rows[:, [i]].copy(), targets[:, [i]], np.ones((1, 1, 1)))[0][0]
            for i in range(len(scores))
        ]
    )
    ax.plot(scores, values, label=f"a = {share:g}")
    if share:
        optimum = np.log((1 - share) * (C - 1) / share)
        assert abs(scores[values.argmin()] - optimum) < 0.05
        ax.axvline(optimum, color="gray", linestyle=":")
ax.set(xlabel="score of the class above the others", ylabel="loss")
ax.legend()
plt.show()

# %%
# On digits with wrong labels
# ---------------------------
# A network that is trained for long on labels of which a fifth are wrong: with smoothing its probabilities are less
# extreme, and the log loss of clean new rows is lower. Which class is the most probable one it does not mend: the
# accuracy is no better here. (``early_stopping`` and the temperature that it finds cure the same illness, and more of
# it; both are off.)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, train_size=400, random_state=0)
found = []
for seed in range(3):
    rng = np.random.default_rng(seed)
    noisy = np.where(rng.random(len(y_train)) < 0.2, rng.integers(10, size=len(y_train)), y_train)
    for share in (0.0, 0.1, 0.3):
        network = MLPClassifier(
            (64,), label_smoothing=share, early_stopping=False, encoding=None, max_iter=120, optimizer=Adam(0.01),
            schedule="constant", alpha=0.0, random_state=seed,
        ).fit(X_train, noisy)  # fmt: skip
        p, scores = network.predict_proba(X_test), network.decision_function(X_test)
        found.append(
            (share, abs(scores).mean(), p.max(axis=1).mean(), log_loss(y_test, p), network.score(X_test, y_test))
        )
columns = ["smoothing", "mean |score|", "mean largest p", "log loss", "accuracy"]
table = pd.DataFrame(found, columns=columns).groupby("smoothing").mean()
print(table.round(3))
assert table["mean largest p"].is_monotonic_decreasing
assert table.loc[0.1, "log loss"] < table.loc[0.0, "log loss"]
