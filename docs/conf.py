"""The HTML of these pages: `make docs`, then docs/_build/index.html."""

from __future__ import annotations

import inspect
import math
import re
from typing import Any

import skdl

project = "skdl"
author = "The skdl developers"
project_copyright = "2026, The skdl developers"
version = release = skdl.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "_templates", "sg_execution_times.rst"]
templates_path = ["_templates"]
html_theme = "pydata_sphinx_theme"
html_title = f"skdl {version}"
html_theme_options = {"show_toc_level": 2, "navbar_end": ["theme-switcher"]}
html_show_sourcelink = False

autosummary_generate = True
autosummary_imported_members = True  # a family exports what its modules define
autosummary_ignore_module_all = False
autosummary_context = {"for_authors": skdl.plugins.__all__}  # described there, wherever else they are exported
autodoc_typehints = "none"  # the docstrings say more: units, ranges and shapes
napoleon_custom_sections = ["Shape"]
napoleon_use_ivar = True  # attributes that are properties are listed among the members, too
myst_heading_anchors = 3
suppress_warnings = ["config.cache"]  # the gallery's own settings hold a function

sphinx_gallery_conf = {
    "examples_dirs": "../examples/course",
    "gallery_dirs": "course_pages",
    "filename_pattern": "/plot_",
    "remove_config_comments": True,
    "show_memory": False,
    "download_all_examples": False,
    "within_subsection_order": "FileNameSortKey",
}


MARKUP = re.compile(r"(?<=\w)_+(?!\w)|\||(?<!\\)\*(?=\S)")
LITERAL = re.compile(r"(``.+?``|`[^`]+`)")


def setup(app: Any) -> None:
    app.connect("source-read", to_gallery)
    app.connect("autodoc-skip-member", of_another_library)
    app.connect("autodoc-process-docstring", as_plain_text, priority=900)  # after napoleon


def to_gallery(app: Any, page: str, content: list[str]) -> None:
    """Let links to the course's scripts, as a reader of the repository follows them, lead to the gallery's pages."""
    content[0] = re.sub(r"\.\./examples/course/(plot_\w+)\.py", r"course_pages/\1.rst", content[0])


def of_another_library(app: Any, what: str, name: str, member: Any, skip: bool, options: Any) -> bool | None:
    """Leave out what estimators inherit from scikit-learn, whose docstrings refer to its own pages."""
    function = inspect.unwrap(member) if callable(member) else member
    return None if (getattr(function, "__module__", None) or "skdl").startswith("skdl") else True


def as_plain_text(app: Any, what: str, name: str, described: Any, options: Any, lines: list[str]) -> None:
    """Escape what names of attributes and formulas in plain text have in common with markup: coef_, |x|, 2*x."""
    example, formula = False, math.inf  # the indentation of a displayed formula, whose lines are further in
    for number, line in enumerate(lines):
        text = line.lstrip()
        indentation = len(line) - len(text) if text else math.inf
        example = text.startswith(">>>") or (example and bool(text))
        if text.startswith(".. math::"):
            formula = indentation
        elif indentation <= formula:
            formula = math.inf
        if not example and formula == math.inf:
            parts = LITERAL.split(line)
            parts[::2] = [MARKUP.sub(escaped, part) for part in parts[::2]]
            lines[number] = "".join(parts)


def escaped(found: re.Match[str]) -> str:
    return "".join(f"\\{character}" for character in found[0])
