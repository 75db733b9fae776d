"""
What makes images difficult
===========================

An image is a vector of pixels, and the same thing can give very different ones: seen from elsewhere, in other light,
half hidden, before a background, bent, near or far. Each is a perturbation x' = t_a(x) of a strength a, and what a
classifier that has seen only plain images makes of it says what it has understood.

Here ten digits are perturbed in six ways, and k nearest neighbours, softmax regression and a network are asked.
"""

# %%
# Six difficulties
# ----------------
# Viewpoint, deformation and scale are maps of the plane, light is a change of all values, and what hides or surrounds a
# digit is put on top of it. All of them leave no doubt to us which digit it is, until they become strong.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skdl import KNNClassifier, MLPClassifier, SoftmaxClassifier
from skdl.augmentations import ElasticDeformation, Rotation, Scaling, augmented

digits = load_digits()
X_train, X_test, y_train, y_test = train_test_split(digits.images, digits.target, test_size=600, random_state=0)


def viewpoint(images, strength, generator):
    """Turned by up to 90 degrees."""
    return augmented(images, Rotation(90 * strength), random_state=0)


def light(images, strength, generator):
    """Darker, with light that falls off to one side."""
    falling = np.linspace(1, 1 - strength, images.shape[2])
    return images * falling * (1 - 0.5 * strength)


def occlusion(images, strength, generator):
    """A square of up to 5 x 5 pixels, somewhere, is white."""
    side, hidden = round(5 * strength), images.copy()
    for image in hidden:
        top, left = generator.integers(9 - side, size=2)
        image[top : top + side, left : left + side] = 0
    return hidden


def clutter(images, strength, generator):
    """Noise in the background, and in the digit."""
    return np.clip(images + generator.normal(0, 10 * strength, images.shape), 0, 16)


def deformation(images, strength, generator):
    """Bent by an elastic deformation of up to 2.4 pixels."""
    return augmented(images, ElasticDeformation(30 * strength, 2.0), random_state=0)


def scale(images, strength, generator):
    """Larger or smaller by up to 70 %."""
    return augmented(images, Scaling(0.7 * strength), random_state=0)


DIFFICULTIES = (viewpoint, light, occlusion, clutter, deformation, scale)
strengths = np.linspace(0, 1, 6)
figure, axes = plt.subplots(len(DIFFICULTIES), len(strengths), figsize=(5.5, 6))
for perturb, row in zip(DIFFICULTIES, axes, strict=True):
    for strength, axis in zip(strengths, row, strict=True):
        axis.imshow(perturb(X_test[7:8], strength, np.random.default_rng(3))[0], cmap="gray_r", vmin=0, vmax=16)
        axis.set(xticks=[], yticks=[])
    row[0].set_ylabel(perturb.__name__, rotation=0, ha="right", va="center")
for strength, axis in zip(strengths, axes[0], strict=True):
    axis.set_title(f"{strength:.1f}")
plt.show()

# %%
# What each difficulty costs
# --------------------------
# Without perturbation all three know nearly every digit. How fast they lose it differs from one difficulty to the next:
# a distance between pixels knows nothing of a digit that has moved by one of them.

classifiers = {
    "nearest neighbours": KNNClassifier(3),
    "softmax": SoftmaxClassifier(alpha=0.01),
    "network": MLPClassifier((128,), encoding=None, random_state=0),
    "network, augmented": MLPClassifier(
        (128,), encoding=None, early_stopping=False, max_iter=60, random_state=0,
        augmentation=[Rotation(40.0), Scaling(0.3), ElasticDeformation(10.0, 2.0)],
    ),
}  # fmt: skip
fitted = {name: classifier.fit(X_train, y_train) for name, classifier in classifiers.items()}
accuracy = np.empty((len(fitted), len(DIFFICULTIES), len(strengths)))
for j, perturb in enumerate(DIFFICULTIES):
    for k, strength in enumerate(strengths):
        images = perturb(X_test, strength, np.random.default_rng(1))
        for i, classifier in enumerate(fitted.values()):
            accuracy[i, j, k] = classifier.score(images, y_test)
for j, perturb in enumerate(DIFFICULTIES):
    middle = ", ".join(f"{name} {accuracy[i, j, 3]:.2f}" for i, name in enumerate(fitted))
    print(f"{perturb.__name__} of 0.6: {middle}")
assert (accuracy[:, :, 0] > 0.92).all()
assert (accuracy[:, :, -1] < accuracy[:, :, 0]).all()

figure, axes = plt.subplots(2, 3, figsize=(8, 5), sharex=True, sharey=True, layout="constrained")
for j, (perturb, axis) in enumerate(zip(DIFFICULTIES, axes.flat, strict=True)):
    for i, (name, dashes) in enumerate(zip(fitted, ("-", "--", "-.", ":"), strict=True)):
        axis.plot(strengths, accuracy[i, j], dashes, label=name)
    axis.set(title=perturb.__name__, ylim=(0, 1.02))
axes[0, 0].set_ylabel("accuracy")
axes[1, 0].set(xlabel="strength", ylabel="accuracy")
axes[0, 2].legend(fontsize="small", loc="lower left")
plt.show()

# %%
# The network that was trained with augmentation has seen digits that were turned, scaled and bent, and knows these far
# better. Of light and of hidden parts nobody told it, and it has come to need all of a digit: there it is worse. In
# clutter the plain network fails for another reason: it sees each pixel in units of its own deviation, and at the rim,
# where there is hardly ever ink, a little noise is many of these. With augmentation of images all pixels have one unit.

moved = [DIFFICULTIES.index(perturb) for perturb in (viewpoint, deformation, scale)]
gain = accuracy[3, moved, 3] - accuracy[2, moved, 3]
names = [DIFFICULTIES[j].__name__ for j in moved]
print("Gain by augmentation at 0.6:", ", ".join(f"{name} {each:+.2f}" for name, each in zip(names, gain, strict=True)))
assert (gain > 0).all()
