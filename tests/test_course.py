"""Every page of the course runs, with warnings as errors, makes a picture, and is in the table of contents."""

import runpy
from pathlib import Path

import pytest

plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is in the extra 'plot'")

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "examples" / "course").glob("*.py"))


@pytest.fixture
def canvas():
    """A canvas without a screen, and figures that are gone afterwards."""
    plt.switch_backend("agg")
    with plt.rc_context():
        yield
    plt.close("all")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive")  # plt.show() on this canvas
def test_page(page, canvas, capsys):
    runpy.run_path(str(page), run_name="__main__")
    assert plt.get_fignums()
    assert capsys.readouterr().out


def test_the_table_of_contents_has_every_page():
    contents = (ROOT / "docs" / "course.md").read_text(encoding="utf-8")
    assert PAGES
    assert not [page.name for page in PAGES if page.name not in contents]


def test_every_display_is_on_a_page():
    from skdl import inspection

    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    displays = [name for name in inspection.__all__ if name.endswith("Display")]
    assert len(displays) >= 10
    assert not [name for name in displays if f"{name}." not in texts and f"{name}(" not in texts]
