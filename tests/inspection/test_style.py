"""Colours that are seen on white and on black, and the places that displays draw in."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from skdl.inspection import _style


def luminance(color):
    """Relative luminance of WCAG 2."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


@pytest.mark.parametrize("color", _style.COLORS)
def test_series_are_seen_on_paper_and_in_the_dark(color):
    assert 1.05 / (luminance(color) + 0.05) > 3
    assert (luminance(color) + 0.05) / 0.05 > 3


def test_series_differ_without_colour():
    assert len({str(_style.line(i)["linestyle"]) for i in range(6)}) == 6
    assert len({_style.dots(i)["marker"] for i in range(6)}) == 6
    assert _style.line(7)["color"] == _style.COLORS[1]


@pytest.mark.parametrize(("style", "zero"), [("default", 1.0), ("dark_background", 0.0)])
def test_zero_has_the_colour_of_the_axes(style, zero):
    with plt.style.context(style):
        assert _style.is_dark() == (style == "dark_background")
        assert np.allclose(_style.diverging()(0.5)[:3], zero, atol=0.02)
        assert _style.foreground() == plt.rcParams["text.color"]


def test_panels_are_new_or_given_or_in_the_place_of_one():
    figure, axes = _style.panels(None, 5, 3)
    assert len(axes) == 5
    assert len(figure.axes) == 6
    assert not figure.axes[5].axison
    figure, ax = plt.subplots()
    found, axes = _style.panels(ax, 2, 2)
    assert found is figure
    assert not ax.axison
    assert len(axes) == 2
    figure, given = plt.subplots(1, 2)
    assert _style.panels(given, 2, 1)[1].tolist() == given.tolist()
    with pytest.raises(ValueError, match="ax holds 2 axes, and 3 are drawn in"):
        _style.panels(given, 3, 1)
    assert _style.panel(ax) == (ax.figure, ax)


def test_without_matplotlib_an_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skdl\[plot\]"):
        _style.pyplot()
