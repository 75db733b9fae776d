"""Rules of augmentations: what breaks one fails, with that rule in the message."""

import numpy as np
import pytest

from skdl.augmentations import Brightness, ElasticDeformation, GaussianNoise, Mixup, Rotation
from skdl.plugins import GeometricAugmentation, PixelAugmentation
from skdl.testing import check_component


class FlatMatrices(Rotation):
    def matrices(self, generator, n, shape):
        return super().matrices(generator, n, shape).reshape(n, 6)


class ShiftedFields(ElasticDeformation):
    def displacements(self, generator, n, shape):
        return super().displacements(generator, n, shape)[:, :1]


class Infinite(Rotation):
    def matrices(self, generator, n, shape):
        return super().matrices(generator, n, shape) + np.inf


class Nothing(GeometricAugmentation):
    pass


class OtherNumbers(Brightness):
    def adjust(self, images, generator):
        return super().adjust(images, np.random.default_rng(np.random.randint(1 << 30)))  # noqa: NPY002


class Wider(Brightness):
    def adjust(self, images, generator):
        return super().adjust(images, generator).astype(np.float64)


class Counting(GaussianNoise):
    def augment(self, x, targets, weight, generator, layout):
        self.calls = getattr(self, "calls", 0) + 1
        return super().augment(x, targets, weight, generator, layout)


class Overshooting(Mixup):
    def augment(self, x, targets, weight, generator, layout):
        x, targets, weight = super().augment(x, targets, weight, generator, layout)
        return x, targets * targets.dtype.type(1.5), weight


class Weightless(Mixup):
    def augment(self, x, targets, weight, generator, layout):
        x, targets, weight = super().augment(x, targets, weight, generator, layout)
        return x, targets, weight * 0


class Fewer(GaussianNoise):
    def augment(self, x, targets, weight, generator, layout):
        return x[1:], targets[1:], weight[1:]


class BothKinds(Rotation, PixelAugmentation):
    def adjust(self, images, generator):
        return images


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (FlatMatrices, r"shape of matrices: \(6, 6\), must be \(6, 2, 3\)"),
        (ShiftedFields, "shape of displacements"),
        (Infinite, "finite results: matrices is not"),
        (Nothing, "a share in the map: neither matrices nor displacements"),
        (OtherNumbers, "all random numbers are those of the generator"),
        (Wider, "dtype kept: adjust is float64 for float32"),
        (Counting, "a call changes no hyperparameter"),
        (Overshooting, "targets stay between the batch's: 0.0 to 1"),
        (Weightless, "weights are positive: the smallest is 0"),
        (Fewer, "shape of x"),
        (BothKinds, "its kind: must derive from exactly one of GeometricAugmentation, PixelAugmentation"),
    ],
)
def test_what_breaks_a_rule_fails_with_it(kind, message):
    with pytest.raises(AssertionError, match=rf"{kind.__name__}: {message}"):
        check_component(kind)
