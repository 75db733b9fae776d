"""The public surface for authors of components."""

import importlib
import inspect

import pytest

from skdl import plugins
from skdl._registry import REGISTRIES


def test_it_has_the_base_of_every_family():
    bases = {registry.base.__name__ for registry in REGISTRIES.values()}
    assert bases <= set(plugins.__all__)
    assert {getattr(plugins, name) for name in bases} == {registry.base for registry in REGISTRIES.values()}


@pytest.mark.parametrize("family", REGISTRIES)
def test_the_constraints_and_helpers_of_the_built_in_components_are_public(family):
    """What a built-in component is written with, an author has too; NumPy's own functions are not ours to export."""
    modules = {inspect.getmodule(cls) for cls in REGISTRIES[family].built_in()}
    used = [value for module in modules for value in vars(module).values() if callable(value)]
    ours = [value for value in used if getattr(value, "__module__", "") in ("skdl._array", "skdl._constraints")]
    assert ours
    assert not [value for value in ours if getattr(plugins, value.__name__, None) is not value]


@pytest.mark.parametrize("family", REGISTRIES)
def test_every_built_in_component_is_exported_by_its_family(family):
    module = importlib.import_module(f"skdl.{family}")
    names = {cls.__name__ for cls in REGISTRIES[family].built_in()}
    assert names <= set(module.__all__)
    assert {"names", "resolve"} <= set(module.__all__)
    assert all(getattr(module, cls.__name__) is cls for cls in REGISTRIES[family].built_in())
    twice = [name for name in plugins.__all__ if getattr(module, name, None) is getattr(plugins, name)]
    assert not [name for name in twice if name in module.__all__], "authors find it in skdl.plugins, and there alone"


def test_what_is_exported_says_what_it_is():
    for name in plugins.__all__:
        value = getattr(plugins, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), name
