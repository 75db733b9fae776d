"""What the project says of itself in several files is the same in all: version, lower bounds, files that are named."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

import skdl

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENT = re.compile(r"([a-z-]+)(?:\[.*\])?>=([0-9.]+)")


def constraints():
    lines = (ROOT / ".ci" / "oldest.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def lower_bounds():
    """Of what the package needs, and of its extras with which the oldest versions are tested."""
    extras = PROJECT["project"]["optional-dependencies"]
    required = PROJECT["project"]["dependencies"] + [
        each for extra in ("fast", "plot", "progress", "test") for each in extras[extra]
    ]
    return dict(REQUIREMENT.fullmatch(each).groups() for each in required if not each.startswith("skdl["))


def numbers(version):
    """A version as a tuple without the zeros at its end: 2.0 is 2.0.0."""
    return tuple(map(int, re.sub(r"(\.0)+$", "", version).split(".")))


def test_the_version_is_written_once():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert "version" not in PROJECT["project"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"]["attr"] == "skdl.__version__"
    # What setuptools reads without importing the package: an assignment of a constant.
    source = ast.parse(Path(skdl.__file__).read_text(encoding="utf-8"))
    [found] = [
        node.value for node in source.body if isinstance(node, ast.Assign) and node.targets[0].id == "__version__"
    ]
    assert ast.literal_eval(found) == skdl.__version__
    assert not re.search(r"^version:", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_changelog_begins_with_this_version():
    [first, *_] = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert first == skdl.__version__


def test_the_oldest_versions_that_are_tested_are_the_oldest_allowed():
    bounds, pinned = lower_bounds(), constraints()
    assert set(bounds) == set(pinned)
    assert {name: numbers(version) for name, version in pinned.items()} == {
        name: numbers(version) for name, version in bounds.items()
    }


def test_the_tests_of_the_oldest_versions_exist():
    named = re.findall(r"\btests/\w+(?:/\w+)*\.py(?:::\w+)?", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert len(named) > 10
    for name in named:
        file, _, function = name.partition("::")
        assert f"def {function}" in (ROOT / file).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"])
def test_links_within_the_repository_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_and_the_index_list_each_page():
    readme, index = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/index.md"))
    pages = {page.stem for page in (ROOT / "docs").glob("*.md")} - {"index"}
    assert len(pages) > 5
    assert [page for page in pages if f"(docs/{page}.md)" not in readme] == []
    assert pages | {"api"} == set(re.findall(r"^(\w+)$", index, re.MULTILINE))


def test_the_readme_lists_each_target():
    readme, makefile = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "Makefile"))
    [targets] = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert set(targets.split()) - {"clean"} == set(re.findall(r"^make ([a-z-]+)", readme, re.MULTILINE))
