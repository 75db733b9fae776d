"""The code in the documentation's pages runs as it stands."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from skdl._registry import REGISTRIES

PAGE = Path(__file__).parents[1] / "docs" / "plugins.md"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_plug_in_page_runs_from_top_to_bottom(tmp_path):
    """As one script, so that its class is one of `__main__` and its search has processes."""
    code = blocks("python")
    assert len(code) == 3
    script = tmp_path / "page.py"
    script.write_text("\n".join(code) + "\nprint(search.best_params_)\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("{'activation': ")


def test_the_entry_point_is_of_a_group_that_is_read():
    [block] = blocks("toml")
    groups = tomllib.loads(block)["project"]["entry-points"]
    assert {name.removeprefix("skdl.") for name in groups} <= set(REGISTRIES)
    assert groups == {"skdl.activations": {"softplus": "softplus:Softplus"}}


def test_the_page_names_every_group():
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`skdl.{family}`" in text for family in REGISTRIES)
