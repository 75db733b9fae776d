r"""
Nearest neighbours: distances, and where they fail
==================================================

A k-nearest-neighbours classifier stores the training rows and lets the k nearest ones of a query vote. Everything is in
the distance :math:`d(a, b) = (\sum_j w_j |a_j - b_j|^p)^{1/p}`: its order p, the weights of the features, and whether
near means alike at all. The lecture's claims are that training is free and prediction expensive, that in many
dimensions all points are equally far, and that images which look alike may be far apart.
"""

# %%
# Three distances
# ---------------
# What is at distance 1 from the origin is a circle for the Euclidean distance (p = 2), a diamond for the Manhattan
# distance (p = 1) and a square for the Chebyshev distance (p = inf). So the same data have different neighbours.

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits, load_wine
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.preprocessing import StandardScaler

from skdl import KNNClassifier

wine = load_wine(as_frame=True)
two = StandardScaler().set_output(transform="pandas").fit_transform(wine.data[["color_intensity", "proline"]])
figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
angle = np.linspace(0, 2 * np.pi, 401)
circle = np.column_stack([np.cos(angle), np.sin(angle)])
for p, style in ((1, "--"), (2, "-"), (np.inf, ":")):
    unit = circle / np.linalg.norm(circle, ord=p, axis=1, keepdims=True)
    axes[0].plot(*unit.T, style, label=f"p = {p}")
axes[0].set(title="Distance 1 from the origin", aspect="equal", xlim=(-1.6, 1.6), ylim=(-1.6, 1.6))
axes[0].legend(loc="upper right", fontsize="small")
for ax, (p, name) in zip(axes[1:], {1: "L1", 2: "L2", np.inf: "Linf"}.items(), strict=True):
    model = KNNClassifier(1, p=p).fit(two, wine.target)
    DecisionBoundaryDisplay.from_estimator(
        model, two, response_method="predict", multiclass_colors="viridis", alpha=0.5, ax=ax, grid_resolution=150
    )
    ax.scatter(*two.to_numpy().T, c=wine.target, s=8, cmap="viridis")
    ax.set(title=f"Nearest neighbour by {name}")
plt.show()

queries, rows = two.to_numpy()[:5], two.to_numpy()
for p in (1, 2, np.inf):
    distances, _ = KNNClassifier(3, p=p).fit(rows, wine.target).kneighbors(queries)
    brute = np.linalg.norm(queries[:, None] - rows[None], ord=p, axis=2)
    assert np.allclose(distances, np.sort(brute, axis=1)[:, :3])

# %%
# Some features count more
# ------------------------
# Wine's proline is in hundreds and its hue near one, so that plain distances are those of proline. Weights
# :math:`w_j = 1 / \mathrm{var}_j` are what standardising does; larger ones than that say which features matter. Names
# of columns may be left out, and have the weight 1; a weight of 0 takes a column out of the distance.

weights = {"none": None, "1 / variance": dict(1 / wine.data.var())}
informative = ["proline", "flavanoids", "color_intensity"]
weights["1 / variance, three of them times 4"] = {
    name: (4 if name in informative else 1) / wine.data[name].var() for name in wine.data
}
accuracy = {}
for name, feature_weights in weights.items():
    model = KNNClassifier(5, feature_weights=feature_weights)
    accuracy[name] = cross_val_score(model, wine.data, wine.target, cv=10).mean()
    print(f"feature weights {name}: accuracy {accuracy[name]:.3f}")
assert accuracy["1 / variance"] > accuracy["none"] + 0.2

scaled = KNNClassifier(5).fit(wine.data / wine.data.std(), wine.target)
weighted = KNNClassifier(5, feature_weights=weights["1 / variance"]).fit(wine.data, wine.target)
assert np.allclose(scaled.kneighbors(wine.data / wine.data.std())[0], weighted.kneighbors(wine.data)[0])

# %%
# Training stores, prediction searches
# ------------------------------------
# ``fit`` keeps the rows and little else; a prediction has to look at them. Its time grows with their number, where a
# linear model's stays. (Times differ from run to run, so nothing here depends on them.)

random = np.random.default_rng(0)
print("training rows   fit      predict 200 rows")
for n in (1000, 4000, 16000):
    X, y = random.normal(size=(n, 30)), random.integers(0, 2, n)
    model = KNNClassifier(5)
    start = perf_counter()
    model.fit(X, y)
    fitted = perf_counter()
    model.predict(X[:200])
    print(f"{n:13} {1e3 * (fitted - start):5.1f} ms {1e3 * (perf_counter() - fitted):9.1f} ms")
    assert model.n_samples_fit_ == n

# %%
# The curse of dimensionality
# ---------------------------
# Of n random points in d dimensions, the squared distance to each is a sum of d independent terms: its mean grows as d
# and its spread as :math:`\sqrt d`. So the farthest point is at last as near as the nearest one, and "nearest" says
# nothing. Data that lie near a surface of few dimensions, such as images of digits, escape.

dimensions = 2 ** np.arange(1, 12)
ratio = []
for d in dimensions:
    X = random.normal(size=(500, d))
    distances = KNNClassifier(499).fit(X, np.zeros(500)).kneighbors()[0]
    ratio.append(np.median(distances[:, -1] / distances[:, 0]))
digits, labels = load_digits(return_X_y=True)
distances = KNNClassifier(499).fit(digits[:500], labels[:500]).kneighbors()[0]
of_digits = np.median(distances[:, -1] / distances[:, 0])
print(f"farthest over nearest of 500 points: {ratio[0]:.0f} for d=2, {ratio[-1]:.2f} for d={dimensions[-1]}")
print(f"of 500 digits (d=64): {of_digits:.2f}; of 500 random points in as many dimensions: {ratio[5]:.2f}")
assert ratio == sorted(ratio, reverse=True)
assert ratio[-1] < 1.2 < ratio[5] < of_digits

# %%
# Near is not alike
# -----------------
# A distance of pixels compares pixel with pixel. A digit moved by two pixels is the same digit to us, and farther from
# itself than from digits of other classes: shifted queries are classified far worse.

images = digits.reshape(-1, 8, 8)
padded = np.pad(images, ((0, 0), (0, 0), (2, 0)))[:, :, :8]  # two pixels to the right
shifted = padded.reshape(len(digits), -1)
train, test = train_test_split(np.arange(len(digits)), random_state=0, stratify=labels)
model = KNNClassifier(1).fit(digits[train], labels[train])
plain, moved = model.score(digits[test], labels[test]), model.score(shifted[test], labels[test])
print(f"accuracy on digits {plain:.3f}, on the same digits two pixels to the right {moved:.3f}")
assert plain > 0.97
assert moved < 0.5

to_itself = np.linalg.norm(shifted[test] - digits[test], axis=1)
other = np.array([np.linalg.norm(digits[labels != labels[i]] - digits[i], axis=1).min() for i in test])
print(f"farther from itself, shifted, than from the nearest digit of another class: {np.mean(to_itself > other):.0%}")
assert np.mean(to_itself > other) > 0.9

i = test[np.argmax(to_itself - other)]
stranger = np.where(labels != labels[i], np.linalg.norm(digits - digits[i], axis=1), np.inf).argmin()
figure, axes = plt.subplots(1, 4, figsize=(11, 3), layout="constrained")
axes[0].semilogx(dimensions, ratio, "o-", base=2)
axes[0].plot(64, of_digits, "s", label="digits")
axes[0].axhline(1, linestyle=":")
axes[0].set(xlabel="dimensions", ylabel="farthest / nearest", yscale="log", title="The curse")
axes[0].legend()
shown = {
    f"a {labels[i]}": digits[i],
    f"moved: distance {np.linalg.norm(shifted[i] - digits[i]):.0f}": shifted[i],
    f"a {labels[stranger]}: distance {np.linalg.norm(digits[stranger] - digits[i]):.0f}": digits[stranger],
}
for ax, (title, image) in zip(axes[1:], shown.items(), strict=True):
    ax.imshow(image.reshape(8, 8), cmap="gray_r")
    ax.set(title=title, xticks=[], yticks=[])
plt.show()
