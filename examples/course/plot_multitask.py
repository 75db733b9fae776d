r"""
Several tasks, one trunk
========================

Labels are dear, and some are dearer than others. *Multitask learning* trains one network on several tasks: the hidden
layers :math:`z = g(x)` are shared, and each task :math:`h` has an output layer, its *head*, of its own. The loss is a
weighted mean,

.. math:: L = \sum_h v_h \, \frac{1}{n_h} \sum_{i \in I_h} \ell_h\big(f_h(g(x_i)), y_{ih}\big),
          \qquad \sum_h v_h = 1,

where the :math:`n_h` rows :math:`I_h` are those that have a label of task :math:`h`. What many cheap labels teach the
trunk, the task with few labels need not learn again.
"""

# %%
# The tasks
# ---------
#
# Handwritten digits, of which somebody has read only 50: that is the task we care for. Two questions are cheaper, and
# were answered for 600 images: how many loops the figure has (8 has two, 0, 6 and 9 have one), and whether the number
# is even. They are related to the digit, and leave it open: 1, 3, 5 and 7 are all odd and without a loop.
#
# The column of strings is a task of classes, that of floats one of reals, and that of booleans one of two classes.
# Where a digit was not read its label is missing.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

from skdl import MLPClassifier, MLPMultitask

X, digit = load_digits(return_X_y=True)
LOOPS = np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 2.0, 1.0])
N_IMAGES, N_READ = 600, 50


def training_labels(rows, n_read):
    """The labels of the tasks, of which that of the digit is missing after the first rows."""
    y = pd.DataFrame({"digit": digit[rows].astype(str), "loops": LOOPS[digit[rows]], "even": digit[rows] % 2 == 0})
    y.loc[n_read:, "digit"] = None
    return y


order = np.random.default_rng(0).permutation(len(X))
train, test = order[:N_IMAGES], order[N_IMAGES:]
y = training_labels(train, N_READ)
print(y.iloc[[0, 1, N_READ, N_READ + 1]])

# %%
# One network
# -----------
#
# Predictions are a frame like `y`, with its columns and their types, and `score_tasks` tells accuracy or :math:`R^2` of
# each task.

network = MLPMultitask((64,), random_state=0).fit(X[train], y)
print(network.predict(X[test]).head(3))
truth = training_labels(test, len(test))
print({name: round(score, 3) for name, score in network.score_tasks(X[test], truth).items()})

# %%
# With the digit as its only task it is `MLPClassifier`, to the last bit: rows without the label are as absent.

read = train[:N_READ]
alone = MLPClassifier((64,), random_state=0).fit(X[read], digit[read].astype(str))
lone_task = MLPMultitask((64,), random_state=0).fit(X[train], y[["digit"]])
assert np.array_equal(lone_task.predict_proba(X[test])["digit"], alone.predict_proba(X[test]))

# %%
# Does the trunk help?
# --------------------
#
# For each number of digits that were read, three times: other images, and other initial weights. One network learns the
# digit alone, the other one from the same labels and, beside them, the two cheap tasks of 600 images.

SIZES, SEEDS = (25, 50, 100, 600), range(3)
separate, shared = np.empty((2, len(SIZES), len(SEEDS)))
for j in SEEDS:
    order = np.random.default_rng(j).permutation(len(X))
    train, test = order[:N_IMAGES], order[N_IMAGES:]
    for i, n_read in enumerate(SIZES):
        read = train[:n_read]
        separate[i, j] = MLPClassifier((64,), random_state=j).fit(X[read], digit[read]).score(X[test], digit[test])
        network = MLPMultitask((64,), random_state=j).fit(X[train], training_labels(train, n_read))
        shared[i, j] = np.mean(network.predict(X[test])["digit"] == digit[test].astype(str))

for i, n_read in enumerate(SIZES):
    better = np.sum(shared[i] > separate[i])
    print(
        f"{n_read:4} digits read: alone {separate[i].mean():.3f}, with the trunk shared {shared[i].mean():.3f} "
        f"(better for {better} of {len(SEEDS)} seeds)"
    )
assert shared[:3].mean() > separate[:3].mean() + 0.03

figure, ax = plt.subplots(figsize=(6.4, 4.0))
for accuracy, marker, label in ((separate, "o", "the digit alone"), (shared, "s", "with loops and parity, one trunk")):
    [line] = ax.plot(SIZES, accuracy.mean(axis=1), marker=marker, label=label)
    ax.fill_between(SIZES, accuracy.min(axis=1), accuracy.max(axis=1), color=line.get_color(), alpha=0.2, linewidth=0)
ax.set(xscale="log", xlabel="digits read, of 600 images", ylabel="test accuracy of the digit")
ax.set_xticks(SIZES, [str(size) for size in SIZES])
ax.minorticks_off()
ax.legend(loc="lower right")
ax.set_title("Mean over three seeds, from the worst to the best")
plt.show()

# %%
# With 50 or 100 digits read, it takes nearly twice as many to do as well without the other tasks. Once all are read the
# other tasks bring nothing, for then the digit says all that they say. Tasks that have nothing in common do not help
# each other either: they share a trunk that would have to be larger. How much a task counts is `task_weights`, and a
# search finds it like any other parameter:
# ``GridSearchCV(MLPMultitask(), {"task_weights": [{"digit": 1}, {"digit": 0.3}]})``.
