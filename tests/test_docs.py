"""The code in the documentation's pages runs as it stands."""

import ast
import doctest
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import skdl
from skdl._registry import REGISTRIES
from skdl.plugins import (
    Augmentation,
    FirstOrderOptimizer,
    FullBatchOptimizer,
    Optimizer,
    PixelAugmentation,
    RowAugmentation,
)

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "plugins.md"
PUBLIC = [f"skdl.{name}" for name in dir(skdl) if isinstance(getattr(skdl, name), ModuleType)]


def blocks(language, page=PAGE):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def run(code, folder):
    """The output of the blocks as one script, so that a class is one of `__main__` and a search has processes."""
    script = folder / "page.py"
    script.write_text("\n".join(code), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def code_for_users():
    """Python of the documentation: blocks of all pages, examples, and examples of docstrings, by where they are."""
    root = DOCS.parent
    for page in (*sorted(DOCS.glob("*.md")), root / "README.md"):
        yield from ((page.name, code) for code in blocks("python", page))
    for path in sorted((root / "examples").glob("*.py")):
        yield path.name, path.read_text(encoding="utf-8")
    finder = doctest.DocTestFinder(exclude_empty=True)
    modules = [skdl, *(importlib.import_module(name) for name in PUBLIC)]
    for module in modules:
        for exported in module.__all__:
            for test in finder.find(getattr(module, exported), exported):
                yield f"{module.__name__}.{test.name}", "".join(example.source for example in test.examples)


def private_imports(code):
    """Names with an underscore that code takes from skdl, by import or as an attribute."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Attribute):
            found.add(ast.unparse(node))
    return {name for name in found if re.match(r"skdl\.(\w+\.)*_(?!_version__)", name)}


def test_what_users_read_imports_nothing_private():
    places = dict.fromkeys(name for name, _ in code_for_users())
    assert {"plugins.md", "README.md", "quickstart.py", "skdl.testing.check_component"} <= places.keys()
    assert not [(name, private) for name, code in code_for_users() if (private := private_imports(code))]


@pytest.mark.parametrize(
    "code", ["from skdl._constraints import Real", "import skdl._array as a", "from skdl import _registry", "skdl._a.b"]
)
def test_private_imports_are_seen(code):
    assert private_imports(code)
    assert not private_imports(code.replace("_", ""))


# The optimizer and the penalty of the page, by NumPy and compiled.
BOTH_WAYS = """
from skdl._compiled import COMPILER

fitted = []
for way in ("off", "eager"):
    with COMPILER.using(way):
        fitted.append(lion.set_params(penalty=PseudoHuber(), alpha=0.1).fit(X, y).coefs_)
assert COMPILER.trouble is None and not COMPILER.failures
assert all(np.array_equal(a, b) for a, b in zip(*fitted))
"""


def test_the_plug_in_page_runs_from_top_to_bottom(tmp_path):
    code = blocks("python")
    assert len(code) == 9
    assert run([*code, BOTH_WAYS, "print(search.best_params_)"], tmp_path).startswith("{'layer__rank': ")


def test_the_page_on_networks_runs_from_top_to_bottom(tmp_path):
    code = blocks("python", DOCS / "networks.md")
    assert len(code) > 20
    assert "epochs to an accuracy of 0.95" in run(code, tmp_path)


def test_the_page_on_linear_models_runs_from_top_to_bottom(tmp_path):
    code = blocks("python", DOCS / "linear.md")
    assert len(code) == 4
    found = run(code, tmp_path)
    assert "columns that count: ['sex', 'bmi', 'bp', 's3', 's5']" in found
    assert "feature weights 1 / variance: accuracy 0.9" in found


def test_the_page_on_ensembles_runs_from_top_to_bottom(tmp_path):
    code = blocks("python", DOCS / "ensembles.md")
    assert len(code) == 10
    assert "of 32 members" in run(code, tmp_path)


def test_the_page_on_several_tasks_runs_from_top_to_bottom(tmp_path):
    code = blocks("python", DOCS / "multitask.md")
    assert len(code) == 3
    assert "'cultivar': 1.0" in run(code, tmp_path)


def test_the_page_on_tables_runs_from_top_to_bottom(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is in the extra 'test'")
    code = blocks("python", DOCS / "tables.md")
    assert len(code) == 7
    found = run(code, tmp_path)
    assert "'year_missing'" in found
    assert "of the prices lie in intervals for 0.90" in found


def test_the_page_on_pictures_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    code = blocks("python", DOCS / "inspection.md")
    assert len(code) == 9
    assert "rate 100: Learning rate too high" in run(code, tmp_path)


def test_the_page_on_derivatives_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    code = blocks("python", DOCS / "mathematics.md")
    assert len(code) == 7
    found = run(code, tmp_path)
    assert "CriticalPoint('minimum'" in found
    assert "v1 -> x: dv1/dx = 1, times -4 = -4" in found
    assert "[0.      0.00124 0.00391]" in found


def test_the_entry_point_is_of_a_group_that_is_read():
    [block] = blocks("toml")
    groups = tomllib.loads(block)["project"]["entry-points"]
    assert {name.removeprefix("skdl.") for name in groups} <= set(REGISTRIES)
    assert groups == {"skdl.activations": {"sharp_softplus": "sharp_softplus:SharpSoftplus"}}


def test_the_page_names_every_group():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`skdl.{family}`" in text for family in REGISTRIES)


def test_the_page_names_what_each_family_asks_for():
    text = PAGE.read_text(encoding="utf-8")
    families = {registry.base for registry in REGISTRIES.values()}
    bases = families - {Augmentation, Optimizer} | {
        FirstOrderOptimizer,
        FullBatchOptimizer,
        PixelAugmentation,
        RowAugmentation,
    }
    for base in bases:
        [row] = re.findall(rf"^\| `{base.__name__}` \|.*$", text, re.MULTILINE)
        asked = [name for name, member in vars(base).items() if getattr(member, "__isabstractmethod__", False)]
        asked += [name for name in ("rule", "derivative") if name in vars(base)]  # in place of array code
        assert asked
        assert all(f"`{name}`" in row for name in asked), base


def test_the_page_on_searches_runs_from_top_to_bottom(tmp_path):
    code = blocks("python", DOCS / "searches.md")
    assert len(code) == 6
    found = run(code[:-1], tmp_path)
    assert "draws at random and has random_state=None" in found
    assert "mlpclassifier__alpha LogUniform(low=1e-05, high=0.1)" in found


def test_the_recipe_for_optuna_prunes(tmp_path):
    pytest.importorskip("optuna", reason="optuna is in the extra 'test'")
    *_, recipe = code = blocks("python", DOCS / "searches.md")
    pruned, n_trials = map(
        int, re.search(r"(\d+) of (\d) trials were pruned", run([code[0], recipe], tmp_path)).groups()
    )
    assert 0 < pruned < n_trials == 8


def test_the_page_on_stacks_runs_from_top_to_bottom(tmp_path):
    code = blocks("python", DOCS / "stacks.md")
    assert len(code) == 3
    found, passed = map(float, re.search(r"([0-9.]+) of ([0-9.]+) s", run(code, tmp_path)).groups())
    assert 0 < found <= passed + 0.01


def test_the_page_on_architecture_runs_and_names_each_room(tmp_path):
    page = DOCS / "architecture.md"
    code = blocks("python", page)
    assert len(code) == 1
    assert run([*code, "print(len(search.cv_results_['params']))"], tmp_path) == "2\n"
    rows = re.findall(r"^\| (`.*?) \|", page.read_text(encoding="utf-8"), re.MULTILINE)
    rooms = set(re.findall(r"`(\w+)`", " ".join(rows)))
    package = DOCS.parent / "skdl"
    assert all((package / room).is_dir() or (package / f"{room}.py").is_file() for room in rooms)
    families = {family for family in REGISTRIES if (package / family).is_dir()}
    assert {path.parent.name for path in package.glob("*/__init__.py")} - families <= rooms


def test_the_reference_lists_all_that_is_public():
    import skdl

    reference = set(re.findall(r"^   (\w+)$", (DOCS / "api.rst").read_text(encoding="utf-8"), re.MULTILINE))
    assert reference == {name for name in dir(skdl) if name != "__version__"}


def test_the_page_of_migration_has_a_table_of_each_estimator_that_has_a_counterpart():
    page = (DOCS / "migration.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    for name in skdl.__all__:
        cls = getattr(skdl, name)
        alone = ("Autoencoder", "MLPMultitask", "NetworkFeatures", "Snapshot", "Tabular")
        if isinstance(cls, type) and not name.startswith(alone):
            assert any(f"`{name}`" in heading for heading in headings), name
            assert "docs/migration.md" in cls.__doc__, name
    assert "(docs/migration.md)" in (DOCS.parent / "README.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\((\w+\.md)\)", page):
        assert (DOCS / link).is_file()
    for row in re.findall(r"^\|.*$", page, re.MULTILINE):
        assert len(re.findall(r"(?<!\\)\|", row)) == 4, row


def test_no_letter_follows_a_name_in_backticks():
    """Markup does not end there: the page would show the backticks, with a warning."""
    for path in (DOCS.parent / "skdl").rglob("*.py"):
        found = re.findall(r"`\w+`\w", path.read_text(encoding="utf-8"))
        assert not found, f"{path.name}: {found}"
