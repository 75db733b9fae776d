"""
Augmentation
============

A network learns from images what it can find in them, and few images leave much open. What we know beforehand, that a
digit stays what it is when it is turned a little, moved, or written once more by another hand, can be told by examples:
a random change t of each training image, drawn anew in every epoch,

    minimise  E_t [ 1/n sum_i loss(f(t(x_i)), y_i) ].

Validation and test images stay as they are.
"""

# %%
# One image, as training sees it
# ------------------------------
# Each augmentation by itself, and what a list of them does. Those that move pixels are fused: together they are one
# map, p -> M_1 ... M_m p + d(p), by which each new pixel takes its value from between four old ones, once.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits

from skdl import MLPClassifier
from skdl.augmentations import (
    Brightness,
    Contrast,
    Crop,
    ElasticDeformation,
    GaussianNoise,
    LensDistortion,
    Rotation,
    Scaling,
    Shear,
    Translation,
    augmented,
)
from skdl.inspection import TrainingCurveDisplay
from skdl.optimizers import Adam

digits = load_digits()
X, y = digits.images, digits.target

several = [Rotation(15.0), Scaling(0.1), Translation(0.7), ElasticDeformation(6.0, 2.0)]
kinds = {
    "rotation": Rotation(30.0),
    "translation": Translation(2.0),
    "crop": Crop(1),
    "scaling": Scaling(0.3),
    "shear": Shear(30.0),
    "lens": LensDistortion(0.6),
    "elastic": ElasticDeformation(12.0, 2.0),
    "brightness": Brightness(0.6),
    "contrast": Contrast(0.6),
    "gaussian noise": GaussianNoise(2.0),
    "several": several,
}
five, n_draws = X[15:16], 8
figure, axes = plt.subplots(len(kinds), n_draws + 1, figsize=(7.5, 9))
for (name, kind), row in zip(kinds.items(), axes, strict=True):
    drawn = augmented(five.repeat(n_draws, axis=0), kind, random_state=0)
    for axis, image in zip(row, [*five, *drawn], strict=True):
        axis.imshow(image, cmap="gray_r", vmin=0, vmax=16)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(name, rotation=0, ha="right", va="center")
axes[0, 0].set_title("as it is")
plt.show()

# %%
# What is fused loses less
# ------------------------
# Each interpolation blurs. Turned, moved and scaled by one map, an image keeps more of its contrast than by three, one
# after the other; a map that moves nothing changes nothing.

assert (augmented(X[:50], [Rotation(0.0), Translation(0.0)]) == X[:50]).all()
once = augmented(X[:50], [Rotation(20.0), Translation(1.0), Scaling(0.1)], random_state=0)
twice = X[:50]
for kind in (Rotation(20.0), Translation(1.0), Scaling(0.1)):
    twice = augmented(twice, kind, random_state=0)
contrast = [np.abs(np.diff(images, axis=2)).mean() for images in (X[:50], once, twice)]
print(f"Mean step between neighbouring pixels: {contrast[0]:.2f}, after one map {contrast[1]:.2f}, after three steps "
      f"{contrast[2]:.2f}")  # fmt: skip
assert contrast[0] > contrast[1] > contrast[2]

# %%
# Accuracy with and without it, from few images
# ---------------------------------------------
# The same network on 5, 10, 20 and 50 images of each digit, over five draws of these, each with as many epochs as it
# takes to see 20000 images.

sizes, n_seeds = [5, 10, 20, 50], 5
accuracy = np.empty((2, len(sizes), n_seeds))
for j, size in enumerate(sizes):
    for seed in range(n_seeds):
        order = np.random.default_rng(seed).permutation(len(X))
        few = np.concatenate([order[y[order] == digit][:size] for digit in range(10)])
        others = np.setdiff1d(order, few)
        for i, augmentation in enumerate((None, several)):
            network = MLPClassifier(
                (64,), encoding=None, augmentation=augmentation, early_stopping=False, batch_size=50,
                max_iter=20000 // len(few), random_state=seed,
            )  # fmt: skip
            accuracy[i, j, seed] = network.fit(X[few], y[few]).score(X[others], y[others])
mean = accuracy.mean(axis=2)
for size, without, with_it in zip(sizes, *mean, strict=True):
    print(f"{size:2d} images of a digit: {without:.1%} without, {with_it:.1%} with augmentation")
assert (mean[1] > mean[0]).all()

figure, axis = plt.subplots(figsize=(6, 4))
for values, name, marker in zip(accuracy, ("as they are", "augmented"), "os", strict=True):
    axis.errorbar(sizes, values.mean(axis=1), values.std(axis=1), marker=marker, capsize=3, label=name)
axis.set(xscale="log", xticks=sizes, xticklabels=sizes, xlabel="images of each digit", ylabel="accuracy on all others")
axis.minorticks_off()
axis.legend()
plt.show()

# %%
# It is regularisation
# --------------------
# The network does not come to know its training images by heart: the loss of the training is higher, and that of images
# it has not seen is lower.

order = np.random.default_rng(0).permutation(len(X))
few, others = order[:150], order[150:]
networks = [
    MLPClassifier(
        (64,), encoding=None, augmentation=augmentation, early_stopping=False, max_iter=250, batch_size=50,
        schedule="constant", optimizer=Adam(0.003), random_state=0,
    ).fit(X[few], y[few], X_val=X[others], y_val=y[others])
    for augmentation in (None, several)
]  # fmt: skip
last = [network.history_.iloc[-1] for network in networks]
for name, record in zip(("as they are", "augmented"), last, strict=True):
    print(f"{name}: loss {record['loss']:.3f} in training, {record['validation_loss']:.3f} on other images")
assert last[0]["loss"] < last[1]["loss"]
assert last[0]["validation_loss"] > last[1]["validation_loss"]
TrainingCurveDisplay.from_estimator({"as they are": networks[0], "augmented": networks[1]})
plt.show()
