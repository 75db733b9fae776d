"""Changes of rows as the network sees them, and of their targets."""

from __future__ import annotations

import math

import numpy as np

from skdl._constraints import OneOf, Real
from skdl._protocols import RowAugmentation, RowLayout
from skdl._registry import register

POSITIVE = Real(0, open_low=True)
BLOCK_NUMBERS = 25000  # of noise at a time, for which no new memory has to be taken from the system
Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


@register("gaussian_noise")
class GaussianNoise(RowAugmentation):
    """Normal noise on every number, in units of its column's standard deviation.

    Without standardisation it is in the units of X. Columns of categories, and constant ones, stay as they are. In the
    limit of small noise it is a penalty of the network's derivatives by its inputs.

    Parameters
    ----------
    sigma : float, default=0.1
        Standard deviation of the noise, in [0, inf).

    References
    ----------
    C. M. Bishop, "Training with noise is equivalent to Tikhonov regularization", Neural Computation 7, 1995.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdl import MLPClassifier
    >>> from skdl.augmentations import GaussianNoise
    >>> X, y = load_wine(return_X_y=True)
    >>> MLPClassifier((16,), augmentation=GaussianNoise(0.3), random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    constraints = {"sigma": Real(0)}
    per_member = ("sigma",)

    def __init__(self, sigma: float = 0.1):
        self.sigma = sigma

    def augment(
        self, x: np.ndarray, targets: np.ndarray, weight: np.ndarray, generator: np.random.Generator, layout: RowLayout
    ) -> Batch:
        units = (self.sigma * layout.is_number).astype(x.dtype)
        kind = np.float32 if x.dtype == np.float32 else np.float64
        size = max(1, BLOCK_NUMBERS // x.shape[1])
        for start in range(0, len(x), size):
            block = x[start : start + size]
            noise = generator.standard_normal(block.shape, kind)
            noise *= units
            block += noise
        return x, targets, weight


@register("masking")
class Masking(RowAugmentation):
    """Cells of each row replaced at random, each with the same probability.

    Parameters
    ----------
    probability : float, default=0.1
        Of a cell to be replaced, in [0, 1).
    fill : {"swap", "mean"}, default="swap"
        By the value that another row of the batch has in this column (swap noise), so that a column keeps its
        distribution, or by the column's mean (without standardisation by 0), for columns of numbers only.

    References
    ----------
    J. Yoon et al., "VIME: extending the success of self- and semi-supervised learning to tabular domain", NeurIPS 2020.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdl import MLPClassifier
    >>> from skdl.augmentations import Masking
    >>> X, y = load_wine(return_X_y=True)
    >>> MLPClassifier((16,), augmentation=Masking(0.2), random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    constraints = {"probability": Real(0, 1, open_high=True), "fill": OneOf("swap", "mean")}
    per_member = ("probability",)

    def __init__(self, probability: float = 0.1, fill: str = "swap"):
        self.probability = probability
        self.fill = fill

    def augment(
        self, x: np.ndarray, targets: np.ndarray, weight: np.ndarray, generator: np.random.Generator, layout: RowLayout
    ) -> Batch:
        is_replaced = generator.random(x.shape, np.float32) < self.probability
        if self.fill == "mean":
            x[is_replaced & layout.is_number] = 0
            return x, targets, weight
        row, column = np.nonzero(is_replaced)
        x[row, column] = x[generator.integers(len(x), size=len(row)), column]
        return x, targets, weight


class _Mix(RowAugmentation):
    """What two rows of a batch become together.

    The loss of the mixed row is to be l w_1 loss(y_1) + (1 - l) w_2 loss(y_2), with the share l of the first row and
    weights w: that of the mixed target, where the loss is linear in it (as cross entropy is).
    """

    constraints = {"alpha": POSITIVE}
    per_member = ("alpha",)

    def __init__(self, alpha: float):
        self.alpha = alpha

    @staticmethod
    def _mixed(
        targets: np.ndarray, weight: np.ndarray, other: np.ndarray, share: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        first, second = share * weight, (1 - share) * weight[other]
        together = first + second
        return (first * targets + second * targets[other]) / together, together

    def check(self, layout: RowLayout, has_categories: bool) -> None:
        if has_categories:
            raise ValueError(
                f"{type(self).__name__} mixes numbers, and X has columns of categories. Take 'masking', or encode them "
                "before as numbers."
            )


@register("mixup")
class Mixup(_Mix):
    """Each row of a batch mixed with another, x = l x_1 + (1 - l) x_2, and targets likewise.

    The share l is drawn from a Beta(alpha, alpha) distribution for each row. Targets of classes become probabilities;
    of several labels a row, each label or column does. Real targets are mixed as numbers. Weights w of rows enter as
    shares l w_1 and (1 - l) w_2. A label of one of several tasks, or a number of x, that is missing in one of the two
    is missing in what they become.

    Parameters
    ----------
    alpha : float, default=0.2
        In (0, inf); the smaller, the nearer are mixed rows to one of the two.

    References
    ----------
    H. Zhang, M. Cisse, Y. N. Dauphin, D. Lopez-Paz, "mixup: beyond empirical risk minimization", ICLR 2018.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdl import MLPClassifier
    >>> X, y = load_wine(return_X_y=True)
    >>> MLPClassifier((16,), augmentation="mixup", random_state=0).fit(X, y).score(X, y) > 0.95
    True
    """

    def __init__(self, alpha: float = 0.2):
        super().__init__(alpha)

    def augment(
        self, x: np.ndarray, targets: np.ndarray, weight: np.ndarray, generator: np.random.Generator, layout: RowLayout
    ) -> Batch:
        other = generator.permutation(len(x))
        share = generator.beta(self.alpha, self.alpha, (len(x), 1)).astype(x.dtype)
        mixed = x[other]
        x -= mixed
        x *= share
        x += mixed
        return (x, *self._mixed(targets, weight, other, share))


@register("cutmix")
class CutMix(_Mix):
    """A rectangle of each image replaced by that of another image of the batch, and targets mixed by area.

    The other image's share 1 - l is drawn from a Beta(alpha, alpha) distribution, and the rectangle has sqrt(1 - l) of
    the image's height and width, its middle uniform in the image, which cuts it off; l is then the share of pixels that
    are left. Targets and weights are those of mixup.

    Parameters
    ----------
    alpha : float, default=1.0
        In (0, inf).

    References
    ----------
    S. Yun et al., "CutMix: regularization strategy to train strong classifiers with localizable features", ICCV 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdl import MLPClassifier
    >>> digits = load_digits()
    >>> mlp = MLPClassifier((64,), augmentation="cutmix", random_state=0).fit(digits.images, digits.target)
    >>> mlp.score(digits.images, digits.target) > 0.9
    True
    """

    needs_images = True

    def __init__(self, alpha: float = 1.0):
        super().__init__(alpha)

    def augment(
        self, x: np.ndarray, targets: np.ndarray, weight: np.ndarray, generator: np.random.Generator, layout: RowLayout
    ) -> Batch:
        assert layout.image_shape is not None
        n, sizes = len(x), np.array(layout.image_shape[:2])
        other = generator.permutation(n)
        half = np.sqrt(generator.beta(self.alpha, self.alpha, n)) / 2
        middle = generator.random((n, 2)) * sizes
        low, high = (np.clip(np.rint(middle + side * half[:, None] * sizes), 0, sizes) for side in (-1, 1))
        inside = [
            (np.arange(size) >= low[:, axis, None]) & (np.arange(size) < high[:, axis, None])
            for axis, size in enumerate(sizes)
        ]
        replaced = inside[0][:, :, None] & inside[1][:, None, :]
        share = 1 - replaced.mean(axis=(1, 2)).astype(x.dtype)[:, None]
        n_channels = math.prod(layout.image_shape[2:])
        cells = np.repeat(replaced.reshape(n, -1), n_channels, axis=1)
        return (np.where(cells, x[other], x), *self._mixed(targets, weight, other, share))
