"""Handwritten digits: a multilayer perceptron without convolutions or augmentation, 98.7 % on MNIST.

Run it from a checkout with ``python examples/mnist.py``. The images are read from ``../shared/data/mnist.npz`` where
that file is, and else downloaded from OpenML. It takes about two minutes of one core.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml

from skdl import MLPClassifier
from skdl.optimizers import Adam

IMAGES = Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"


def main() -> None:
    X_train, y_train, X_test, y_test = mnist()
    network = MLPClassifier(
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
    start = time.perf_counter()
    network.fit(X_train, y_train)
    seconds = time.perf_counter() - start
    print(
        f"Test accuracy {network.score(X_test, y_test):.2%} on {len(y_test)} images, after {network.n_iter_} epochs in "
        f"{seconds:.0f} s, with {network.n_parameters_} parameters."
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
    X = (X.reshape(-1, 784) / 255).astype(np.float32)
    return X[:60000], y[:60000], X[60000:], y[60000:]


if __name__ == "__main__":
    main()
