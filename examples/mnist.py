"""Handwritten digits: a multilayer perceptron without convolutions, 98.7 % on MNIST, and 99.4 % with augmentation.

Run it from a checkout with ``python examples/mnist.py``, or ``python examples/mnist.py --augment``. The images are read
from ``../shared/data/mnist.npz`` where that file is, and else downloaded from OpenML. It takes about two minutes of one
core, and with ``--augment`` seven and a half. ``--epochs`` and ``--validate`` are for those who look for a
better recipe: by the last 10000 training images, which are then left out of the training.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml

from skdl import MLPClassifier
from skdl.augmentations import ElasticDeformation, Rotation, Scaling, Shear, Translation
from skdl.optimizers import Adam

IMAGES = Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--augment", action="store_true", help="train on images that are turned, moved and bent")
    parser.add_argument("--epochs", type=int, help="in place of 20, or of 100 with --augment")
    parser.add_argument("--validate", action="store_true", help="judge by 10000 training images")
    arguments = parser.parse_args()
    X_train, y_train, X_test, y_test = mnist()
    judged = "Test"
    if arguments.validate:
        judged, X_test, y_test = "Validation", X_train[50000:], y_train[50000:]
        X_train, y_train = X_train[:50000], y_train[:50000]
    network = with_augmentation() if arguments.augment else without_augmentation()
    if arguments.epochs:
        network.set_params(max_iter=arguments.epochs)
    start = time.perf_counter()
    network.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    print(
        f"{judged} accuracy {network.score(X_test, y_test):.2%} on {len(y_test)} images, after {network.n_iter_} "
        f"epochs in {seconds:.0f} s, with {network.n_parameters_} parameters."
    )


def without_augmentation() -> MLPClassifier:
    return MLPClassifier(
        (800, 800),
        # One training of all images as they are: the number of epochs is known, so that no trial has to find it.
        encoding=None,
        early_stopping=False,
        normalization="batch",
        # Noise on units and inputs, and soft labels: 60000 images are few for this many parameters.
        dropout=0.4,
        input_dropout=0.1,
        label_smoothing=0.1,
        alpha=0,
        # Batch normalization bears a high learning rate, which a cosine takes to zero over the planned epochs.
        optimizer=Adam(0.005),
        schedule="cosine",
        batch_size=256,
        max_iter=20,
        standardize=False,  # pixels share a unit; in units of its own deviation, a pixel of the rim would be loudest
        random_state=0,
    )


def with_augmentation() -> MLPClassifier:
    return MLPClassifier(
        (800, 800),
        early_stopping=False,
        normalization="batch",
        # New images in each epoch leave nothing to learn by heart: units need no noise, and epochs may be many.
        augmentation=[
            Rotation(12.0),
            Translation(1.5),
            Scaling(0.12, keeps_aspect=False),
            Shear(8.0),
            ElasticDeformation(34.0, sigma=4.0),  # Simard's
        ],
        label_smoothing=0.05,
        alpha=0,
        optimizer=Adam(0.005),
        schedule="cosine",
        batch_size=256,
        max_iter=100,
        random_state=0,
    )


def mnist() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pixels from 0 to 1 and labels: MNIST's 60000 images for training, its 10000 for testing."""
    if IMAGES.exists():
        images = np.load(IMAGES)
        X, y = (
            np.concatenate([images["x_train"], images["x_test"]]),
            np.concatenate([images["y_train"], images["y_test"]]),
        )
    else:
        X, y = fetch_openml("mnist_784", version=1, return_X_y=True, as_frame=False)
    X = (X.reshape(-1, 28, 28) / 255).astype(np.float32)
    return X[:60000], y[:60000], X[60000:], y[60000:]


if __name__ == "__main__":
    main()
