"""Rules of encodings: what breaks one fails, with that rule in the message."""

from dataclasses import dataclass

import numpy as np
import pytest

from skdl.category_encodings import OneHot
from skdl.encodings import Periodic, Piecewise, Robust
from skdl.encodings._piecewise import PiecewiseLayer
from skdl.encodings._robust import RobustLayer
from skdl.layers import Categories
from skdl.plugins import weighted_quantiles
from skdl.testing import check_component


def building(layer, base=Robust):
    """An encoding that builds this layer."""

    class Builds(base):
        def build(self, n_inputs):
            return layer(n_inputs)

    return Builds


class OtherMoments(RobustLayer):
    """Takes one median for all columns."""

    def from_rows(self, x, weight, targets, arrays, generator):
        arrays["centre"][...] = weighted_quantiles(x, weight, np.array([0.5])).mean()


class StopsAtNaN(RobustLayer):
    def from_rows(self, x, weight, targets, arrays, generator):
        arrays["centre"][...] = np.average(x, axis=0, weights=weight)


class WithoutLimit(RobustLayer):
    def forward(self, x, arrays, context):
        slope = np.exp(x)
        return slope.copy(), lambda dy, gradients, needed: dy * slope


class SharesTooMuch(RobustLayer):
    """Takes the first member's arrays for all that have rows in common."""

    def forward(self, x, arrays, context):
        return super().forward(x, {name: value[: len(x)] for name, value in arrays.items()}, context)


class IgnoresWeights(PiecewiseLayer):
    def from_rows(self, x, weight, targets, arrays, generator):
        super().from_rows(x, None, targets, arrays, generator)


class TooNarrow(Robust):
    @property
    def width(self):
        return 2


class Unordered(Piecewise):
    """Has all columns' first numbers first."""

    def build(self, n_inputs):
        layer = super().build(n_inputs)

        @dataclass(frozen=True)
        class Turned(PiecewiseLayer):
            def forward(self, x, arrays, context):
                y, backprop = super().forward(x, arrays, context)
                shape = (*y.shape[:2], n_inputs, -1)

                def turned(dy, gradients, needed):
                    dy = dy.reshape(*dy.shape[:2], -1, n_inputs).swapaxes(2, 3)
                    return backprop(dy.reshape(*dy.shape[:2], -1), gradients, needed)

                return y.reshape(shape).swapaxes(2, 3).reshape(y.shape).copy(), turned

            def __reduce__(self):
                return build_turned, (n_inputs,)

        return Turned(*layer.__dict__.values())


def build_turned(n_inputs):
    return Unordered(2).build(n_inputs)


@pytest.mark.parametrize(
    ("encoding", "rule"),
    [
        (building(OtherMoments), "each column becomes what it does without the others"),
        (building(StopsAtNaN), "finite for numbers far away, and where some were missing"),
        (building(WithoutLimit), "finite for numbers far away|number_encoding: raised FloatingPointError"),
        (building(SharesTooMuch), "rows in common are rows of each member"),
        (
            building(lambda n: IgnoresWeights(n, 2, "quantile", True, 3.0), Piecewise),
            "a row of weight 2 is the row twice",
        ),
        (TooNarrow, "the output is as wide as the encoding says"),
        (Unordered(2), "each column becomes what it does without the others"),
    ],
)
def test_numbers(encoding, rule):
    with pytest.raises(AssertionError, match=rule):
        check_component(encoding)


class Mixes(OneHot):
    def build(self, n_categories):
        return Sums(tuple(n_categories), (False,) * len(n_categories))


class Sums(Categories):
    def forward(self, x, arrays, context):
        y, backprop = super().forward(x, arrays, context)
        return y + 1e-3 * x.sum(axis=-1, keepdims=True), backprop


class Forgets(OneHot):
    def widths(self, n_categories):
        return tuple(n + 1 for n in n_categories)


class NoLimit(OneHot):
    def __init__(self, max_categories=2.5):
        super().__init__(max_categories)


@pytest.mark.parametrize(
    ("encoding", "rule"),
    [
        (Mixes, "gradient by x|each column becomes what it does without the others"),
        (Forgets, "the output is as wide as the encoding says"),
        (NoLimit, "validate passes|max_categories is a number of categories or None"),
    ],
)
def test_categories(encoding, rule):
    with pytest.raises(AssertionError, match=rule):
        check_component(encoding)


def test_what_is_right_passes():
    check_component(Periodic(2, n_units=1, sigma=0.3))
    check_component(OneHot(max_categories=2))
