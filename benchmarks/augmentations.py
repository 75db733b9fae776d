"""What augmentation costs: seconds of an epoch of MNIST with it and without, in pairs.

Run from a checkout: ``OMP_NUM_THREADS=1 python benchmarks/augmentations.py [pairs]``. The images are read from
``../shared/data/mnist.npz`` where that file is; else as many random ones are taken, which cost the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from skdl import MLPClassifier

IMAGES = Path(__file__).parents[2] / "shared" / "data" / "mnist.npz"
KINDS = {
    "rotation": "rotation",
    "elastic": "elastic",
    "rotation, translation, elastic": ["rotation", "translation", "elastic"],
    "the same, scaling, shear, lens": ["rotation", "translation", "elastic", "scaling", "shear", "lens"],
    "brightness, contrast": ["brightness", "contrast"],
    "gaussian noise": "gaussian_noise",
    "masking": "masking",
    "mixup": "mixup",
    "cutmix": "cutmix",
}


def main(n_pairs: int = 5) -> None:
    X, y = mnist()
    plain = network().initialize(X, y)
    print("An epoch of 60000 images, a network 784-256-128-10, batches of 128, float32; median of the pairs' ratios")
    for name, augmentation in KINDS.items():
        with_it = network(augmentation=augmentation).initialize(X, y)
        pairs = np.array([[seconds_of_an_epoch(each, X, y) for each in (plain, with_it)] for _ in range(n_pairs)])
        ratios = pairs[:, 1] / pairs[:, 0]
        print(
            f"{name:32s} {np.median(pairs[:, 0]):5.2f} s -> {np.median(pairs[:, 1]):5.2f} s, ratio "
            f"{np.median(ratios):.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
        )


def network(**params: object) -> MLPClassifier:
    return MLPClassifier(
        (256, 128), encoding=None, early_stopping=False, optimizer="adam", schedule="constant", batch_size=128,
        dtype="float32", random_state=0, **params,
    )  # fmt: skip


def seconds_of_an_epoch(mlp: MLPClassifier, X: np.ndarray, y: np.ndarray) -> float:
    return float(mlp.partial_fit(X, y).history_["seconds"].iloc[-1])


def mnist() -> tuple[np.ndarray, np.ndarray]:
    if not IMAGES.exists():
        generator = np.random.default_rng(0)
        return generator.random((60000, 28, 28), np.float32), generator.integers(10, size=60000)
    images = np.load(IMAGES)
    return (images["x_train"] / 255).astype(np.float32), images["y_train"]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
