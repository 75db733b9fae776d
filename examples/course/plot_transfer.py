"""
Transfer learning
=================

A network that has learned one task knows something of a like one. Its hidden layers, h = f(W x + b), turn pixels into
strokes and curves, whichever digits these belong to; only the output layer is about the classes. So a network for new
classes may begin with the hidden layers of an old one. They are *frozen*, and only the new output layer is learned, or
*fine-tuned*: trained on, too.

Here a network knows the digits 0 to 4, of which there are 901 images, and is to learn 5 to 9 from 1, 3 or 10 images of
each.
"""

# %%
# The source
# ----------
# A network for the digits 0 to 4. Inputs stay pixels (``encoding=None``), so that weights are images.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdl import MLPClassifier, NetworkFeatures
from skdl.inspection import WeightImageDisplay

X, y = load_digits(return_X_y=True)
known, new = y < 5, np.flatnonzero(y >= 5)
network = MLPClassifier((256,), encoding=None, early_stopping=False, max_iter=63, random_state=0)
source = MLPClassifier((256,), encoding=None, random_state=0).fit(X[known], y[known])


# %%
# The target
# ----------
# The same network, which begins from nothing, with the source's hidden layer frozen, or with all of it
# trained on. A hidden layer may also have a learning rate of its own, a third of the output layer's here, so that
# it is not forgotten while the new output layer still gives nonsense. Each is trained on eight draws of the few images,
# and judged by all others.

ways = {
    "from nothing": {},
    "frozen": {"init": source, "frozen": "hidden"},
    "fine-tuned": {"init": source},
    "fine-tuned, hidden layer slower": {"init": source, "learning_rate_factors": {"hidden_1": 0.3}},
}


def draw(n_images, seed):
    """So many images of each of the digits 5 to 9, and all others."""
    generator = np.random.default_rng(seed)
    few = np.concatenate([generator.permutation(np.flatnonzero(y == digit))[:n_images] for digit in range(5, 10)])
    return few, np.setdiff1d(new, few)


sizes, n_draws = [1, 3, 10], 8
accuracy = np.empty((len(ways), len(sizes), n_draws))
for j, size in enumerate(sizes):
    for k in range(n_draws):
        few, others = draw(size, seed=k)
        for i, params in enumerate(ways.values()):
            model = MLPClassifier(**{**network.get_params(deep=False), "random_state": k, **params})
            accuracy[i, j, k] = model.fit(X[few], y[few]).score(X[others], y[others])

mean, deviation = accuracy.mean(axis=2), accuracy.std(axis=2)
for i, name in enumerate(ways):
    shown = "   ".join(f"{a:.3f} +- {s:.3f}" for a, s in zip(mean[i], deviation[i], strict=True))
    print(f"{name:32s} {shown}")

# %%
# What it is worth
# ----------------
# Frozen layers are as good as training from nothing, though only the output layer is trained: 1285 numbers of 17925, in
# a fraction of the time, for what a frozen layer gives is computed once. Fine-tuned layers begin there and end higher
# than both, by the more, the fewer the images are: with ten of each, a network nearly learns its own features.

gain = 100 * (accuracy[2] - accuracy[0])  # of the same draws
error = gain.std(axis=1, ddof=1) / np.sqrt(n_draws)
shown = "   ".join(f"{g:.1f} +- {e:.1f}" for g, e in zip(gain.mean(axis=1), error, strict=True))
print("gain by fine-tuning, in points of accuracy:", shown)
assert (gain.mean(axis=1) > 0).all()
assert gain[0].mean() > gain[2].mean()
assert (np.abs(mean[1] - mean[0]) < 0.05).all()

figure, ax = plt.subplots(figsize=(6, 4))
for i, name in enumerate(ways):
    ax.errorbar(
        np.arange(len(sizes)) + 0.04 * (i - 1.5), mean[i], deviation[i] / np.sqrt(n_draws), marker="o", label=name
    )
ax.set_xticks(np.arange(len(sizes)), [f"{size}" for size in sizes])
ax.set_xlabel("images of each new digit")
ax.set_ylabel("accuracy on all other images")
ax.legend()
plt.show()

# %%
# Frozen layers are features
# --------------------------
# A frozen layer is a fixed map, and what stands above it a model of its values. ``NetworkFeatures`` gives these for any
# other model; and the weights of frozen layers are the source's, to the last bit.

few, others = draw(10, seed=0)
params = network.get_params(deep=False)
frozen, tuned, fresh = (
    MLPClassifier(**{**params, **ways[name]}).fit(X[few], y[few])
    for name in ("frozen", "fine-tuned, hidden layer slower", "from nothing")
)
assert np.array_equal(frozen.coefs_[0], source.coefs_[0])

features = NetworkFeatures(source, "hidden_1", prefit=True).fit(X)
assert np.allclose(features.transform(X) @ frozen.coefs_[1] + frozen.intercepts_[1], frozen.decision_function(X))

# %%
# What fine-tuning changes
# ------------------------
# Most units of the hidden layer stay what they were, where a network from nothing has units of its own. Drawn are the
# weights (times the deviation of each pixel) of the five that have changed most, before and after: what was noise
# has taken on strokes of the new digits.

spread = X.std(axis=0)[:, None]


def likeness(model):
    """The median correlation of a unit's weights with those that it has in the source."""
    pairs = zip((spread * source.coefs_[0]).T, (spread * model.coefs_[0]).T, strict=True)
    return np.median([np.corrcoef(before, after)[0, 1] for before, after in pairs])


print(f"correlation with the source's weights: fine-tuned {likeness(tuned):.2f}, from nothing {likeness(fresh):.2f}")
assert likeness(tuned) > 0.8 > 0.2 > abs(likeness(fresh))

units = np.argsort(-np.linalg.norm(spread * (tuned.coefs_[0] - source.coefs_[0]), axis=0))[:5]
figure, axes = plt.subplots(2, 1, figsize=(8, 4), layout="constrained")
for ax, each in zip(axes, (source, tuned), strict=True):
    WeightImageDisplay.from_estimator(each, units=units, X=X, ax=ax, n_columns=5)
plt.show()
