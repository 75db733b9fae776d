"""Augmentations against SciPy's interpolation and filters, and against their definitions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from skdl import augmentations
from skdl._augmenting import Augmenter, composed, warped
from skdl._protocols import RowLayout
from skdl.augmentations import (
    Brightness,
    Contrast,
    Crop,
    CutMix,
    ElasticDeformation,
    GaussianNoise,
    HorizontalFlip,
    LensDistortion,
    Masking,
    Mixup,
    Rotation,
    Scaling,
    Shear,
    Translation,
    augmented,
)
from skdl.augmentations._fields import symmetric_uniforms

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 9, (7, 6, 9))
H, W = IMAGES.shape[1:]
OUTSIDE = {
    0.0: {"mode": "grid-constant", "cval": 0.0},
    4.5: {"mode": "grid-constant", "cval": 4.5},
    "edge": {"mode": "nearest"},
}


class Recorded(np.random.Generator):
    """A generator whose uniform numbers are all at one end of their range."""

    def uniform(self, low=0.0, high=1.0, size=None):
        return np.full(size, high)


def by_scipy(image, matrix, displacement, fill):
    """The definition, pixel by pixel, by SciPy's interpolation."""
    middle = np.array([(H - 1) / 2, (W - 1) / 2])
    at = np.indices((H, W)).reshape(2, -1) - middle[:, None]
    source = matrix[:, :2] @ at + matrix[:, 2:] + displacement.reshape(2, -1) + middle[:, None]
    return ndimage.map_coordinates(image, source.reshape(2, H, W), order=1, **OUTSIDE[fill])


@pytest.mark.parametrize("fill", OUTSIDE)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_the_warp_is_scipys_linear_interpolation(fill, n_channels):
    images = RNG.uniform(0, 9, (5, H, W, n_channels))
    matrix = np.eye(2, 3) + RNG.normal(scale=0.3, size=(5, 2, 3)) * [1, 1, 5]
    displacement = RNG.normal(scale=1.5, size=(5, 2, H, W)).astype(np.float32)
    found = warped(images, matrix, displacement, fill)
    for i in range(5):
        for channel in range(n_channels):
            expected = by_scipy(images[i, ..., channel], matrix[i], displacement[i], fill)
            assert_allclose(found[i, ..., channel], expected, atol=2e-4)  # positions are in float32


def test_no_motion_changes_no_bit():
    for kind in (Rotation(0.0), Translation(0.0), Scaling(0.0), LensDistortion(0.0), ElasticDeformation(0.0)):
        assert_array_equal(augmented(IMAGES, kind, random_state=0), IMAGES)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Rotation(30.0), lambda image: ndimage.rotate(image, 30.0, reshape=False, order=1, mode="grid-constant")),
        (Translation(2.0), lambda image: ndimage.shift(image, (-2, -2))),
        (HorizontalFlip(1.0), lambda image: image[:, ::-1]),
        (Brightness(0.5), lambda image: 1.5 * image),
        (Contrast(0.5), lambda image: image.mean() + 1.5 * (image - image.mean())),
    ],
)
def test_the_largest_change(kind, expected):
    generator = Recorded(np.random.PCG64(0))
    rows, out = IMAGES.reshape(len(IMAGES), -1), np.empty((len(IMAGES), H * W))
    Augmenter([kind], RowLayout((H, W), np.ones(H * W, bool))).pixels(rows, generator, out)
    for image, found in zip(IMAGES, out.reshape(IMAGES.shape), strict=True):
        assert_allclose(found, expected(image), atol=1e-4)


def test_the_largest_scale_shear_and_lens():
    """By the point that each maps to where another was."""
    generator = Recorded(np.random.PCG64(0))
    point = np.array([1.0, 2.0, 1.0])  # y, x from the middle
    [scale] = Scaling(0.25).matrices(generator, 1, (H, W))
    assert_allclose(scale @ (point * [1.25, 1.25, 1]), point[:2], rtol=1e-6)
    [shear] = Shear(45.0).matrices(generator, 1, (H, W))
    assert_allclose(shear @ point, [1, 3], rtol=1e-6)
    [field] = LensDistortion(0.3).displacements(generator, 1, (5, 9))
    assert_allclose(field[:, 0, 0], 0.3 * np.array([-2, -4]), rtol=1e-6)  # the corner, at R
    assert_allclose(field[:, 2, 8], 0.3 * np.array([0, 4]) * 16 / 20, rtol=1e-6)


def test_crop_shifts_by_all_whole_pixels():
    found = Crop(2).matrices(np.random.default_rng(0), 2000, (8, 8))
    assert_array_equal(found[:, :, :2], np.broadcast_to(np.eye(2), (2000, 2, 2)))
    values, counts = np.unique(found[:, :, 2], return_counts=True)
    assert_array_equal(values, [-2, -1, 0, 1, 2])
    assert counts.min() > 700


def test_elastic_displacements_are_simards():
    found = ElasticDeformation(34.0, 2.0).displacements(np.random.default_rng(5), 3, (12, 17))
    noise = symmetric_uniforms(np.random.default_rng(5), (3, 2, 12, 17))
    for image, fields in zip(found, noise, strict=True):
        for field, u in zip(image, fields, strict=True):
            expected = 34.0 * ndimage.gaussian_filter(u.astype(float), 2.0, mode="constant", truncate=4.0)
            assert_allclose(field, expected, atol=1e-5)


def test_the_noise_is_uniform():
    u = symmetric_uniforms(np.random.default_rng(0), (100000,)).astype(float)
    assert -1 < u.min() < -0.999
    assert 0.999 < u.max() < 1
    assert_allclose([u.mean(), u.var()], [0, 1 / 3], atol=0.01)
    far = ElasticDeformation(34.0, 4.0).displacements(np.random.default_rng(0), 400, (33, 33))[:, :, 16, 16]
    assert_allclose(far.std(), 34 / (2 * np.sqrt(3 * np.pi) * 4), rtol=0.1)  # as the docstring says


def test_several_are_one_map_in_their_order():
    """Composed matrices act as one after the other, but for the interpolation that is spared."""
    first = np.array([[[0.0, 1.0, 2.0], [-1.0, 0.0, 0.0]]])  # a quarter turn and a shift: no interpolation
    second = np.array([[[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]])
    square = RNG.normal(size=(1, 7, 7, 1))
    in_turn = warped(warped(square, first, None, 0.0), second, None, 0.0)
    assert_allclose(warped(square, composed(first, second), None, 0.0), in_turn, atol=1e-5)
    other = warped(warped(square, second, None, 0.0), first, None, 0.0)
    assert abs(in_turn - other).max() > 0.1


def test_one_fill_for_all():
    turned = augmented(np.ones((4, 5, 5)), [Rotation(45.0), Translation(3.0, fill=7.0)], random_state=0)
    assert turned.max() == 7
    assert_allclose(augmented(np.ones((4, 5, 5)), [Rotation(45.0, fill="edge"), "lens"], random_state=0), 1)
    with pytest.raises(ValueError, match=r"different values of 'fill', \['0.0', 'edge'\].*one map"):
        augmented(IMAGES, [Rotation(fill="edge"), Shear(fill=0.0)])


def test_large_batches_are_cut_into_blocks():
    large = RNG.normal(size=(3, 120, 130))  # larger than a block
    assert_allclose(augmented(large, HorizontalFlip(1.0)), large[:, :, ::-1], atol=1e-12)


LAYOUT = RowLayout((2, 3), np.array([True] * 5 + [False]))
ROWS, WEIGHT = RNG.normal(size=(4000, 6)), np.full((4000, 1), 1 / 4000)
CLASSES = np.eye(3)[RNG.integers(3, size=4000)]


def rows_of(kind, weight=WEIGHT, rows=ROWS):
    return kind.augment(rows.copy(), CLASSES.copy(), weight.copy(), np.random.default_rng(0), LAYOUT)


def test_noise_has_its_deviation_where_there_are_numbers():
    noise = rows_of(GaussianNoise(0.3))[0] - ROWS
    assert_array_equal(noise[:, 5], 0)
    assert_allclose(noise[:, :5].std(axis=0), 0.3, rtol=0.05)
    assert abs(np.corrcoef(noise[:, :5].T) - np.eye(5)).max() < 0.08


def test_masked_cells_are_those_of_other_rows():
    swapped, targets, _ = rows_of(Masking(0.25))
    assert_array_equal(targets, CLASSES)
    changed = swapped != ROWS
    assert_allclose(changed.mean(axis=0), 0.25, atol=0.03)
    assert all(set(swapped[:, j]) <= set(ROWS[:, j]) for j in range(6))
    emptied = rows_of(Masking(0.25, "mean"))[0]
    assert_array_equal(emptied[:, 5], ROWS[:, 5])
    assert_allclose((emptied[:, :5] == 0).mean(), 0.25, atol=0.02)


def test_mixup_mixes_rows_and_targets_alike():
    """Targets that are a linear function of the rows still are so."""
    slope = RNG.normal(size=(6, 2))
    x, targets, weight = Mixup(0.4).augment(ROWS.copy(), ROWS @ slope, WEIGHT.copy(), np.random.default_rng(0), LAYOUT)
    assert_allclose(x @ slope, targets, atol=1e-12)
    assert_allclose(weight, WEIGHT)
    assert_allclose(x.var(axis=0), ROWS.var(axis=0) * (1 - 2 * 0.16 / (0.8 * 1.8)), rtol=0.05)


def test_weights_of_mixed_rows_are_shares_of_the_loss():
    weight = RNG.uniform(0.1, 3, (4000, 1))
    scores = RNG.normal(size=(4000, 3))
    losses = np.log(np.exp(scores).sum(axis=1, keepdims=True)) - scores  # of each class
    generator = np.random.default_rng(0)
    other = generator.permutation(4000)
    share = generator.beta(0.2, 0.2, (4000, 1))
    _, targets, together = rows_of(Mixup(0.2), weight)
    expected = share * weight * (losses * CLASSES).sum(axis=1, keepdims=True)
    expected += (1 - share) * weight[other] * (losses * CLASSES[other]).sum(axis=1, keepdims=True)
    assert_allclose(together * (losses * targets).sum(axis=1, keepdims=True), expected, atol=1e-12)


def test_cutmix_replaces_a_rectangle_and_counts_its_pixels():
    kind, layout = CutMix(1.0), RowLayout((8, 9, 2), np.ones(144, bool))
    rows = np.repeat(np.arange(500.0), 144).reshape(500, 144)
    x, targets, _ = kind.augment(
        rows.copy(), rows[:, :1].copy(), np.full((500, 1), 0.1), np.random.default_rng(1), layout
    )
    assert_allclose(x.mean(axis=1), targets[:, 0])  # targets are the mean of the pixels, as they are here
    other = (x != rows).reshape(500, 8, 9, 2)
    assert_array_equal(other[..., 0], other[..., 1])
    for image in other[..., 0]:
        y, x = np.nonzero(image)
        if len(y):
            assert image[y.min() : y.max() + 1, x.min() : x.max() + 1].all()
    assert 0.2 < other.mean() < 0.5


def test_augmented_says_what_it_takes():
    with pytest.raises(ValueError, match=r"images must be numbers of shape .* Got shape \(7, 54\)"):
        augmented(IMAGES.reshape(7, -1), "rotation")
    with pytest.raises(ValueError, match="Unknown name 'rotate'"):
        augmented(IMAGES, "rotate")
    assert augmented(IMAGES.astype(np.float32), ["elastic", "gaussian_noise"]).dtype == np.float32
    assert len(augmentations.names()) >= 15
