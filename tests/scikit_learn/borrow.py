"""scikit-learn's own tests, run on other classes: a test module is loaded once more with its imports swapped."""

from __future__ import annotations

import importlib.util
import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from fnmatch import fnmatchcase
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest


def borrow(name: str, swapped: Mapping[str, type], different: Mapping[str, str]) -> dict[str, Any]:
    """The tests of the module `name` that use a swapped class, for the namespace of a test module.

    Parameters
    ----------
    name : str
        A test module of scikit-learn.
    swapped : dict
        Our class by the full name of scikit-learn's, such as "sklearn.neighbors.KNeighborsClassifier".
    different : dict
        Why a test does not apply, by its name or by a pattern of its name with parameters, "test_x[*brute*]". Each is
        run all the same and has to fail: a reason that no longer holds is an error.
    """
    importlib.import_module(name)  # all that it imports is there, and stays as it is, before anything is swapped
    module = _load_again(name, swapped)
    words = {full.rpartition(".")[2] for full in swapped}
    ours = set(swapped.values())
    tests = {key: value for key, value in vars(module).items() if key.startswith("test") and inspect.isfunction(value)}
    tests = {key: test for key, test in tests.items() if _mentions(test, words, ours, module)}
    unknown = {pattern.partition("[")[0] for pattern in different} - set(tests)
    if unknown:
        raise ValueError(f"{name} has no such tests of the swapped classes: {sorted(unknown)}.")
    fixtures = {
        key: value for key, value in vars(module).items() if type(value).__name__ == "FixtureFunctionDefinition"
    }
    return {**fixtures, **tests, "DIFFERENT": dict(different)}


def mark(items: list[pytest.Item]) -> None:
    """Expect the failures that each test module's DIFFERENT names."""
    for item in items:
        for pattern, reason in getattr(item.module, "DIFFERENT", {}).items():
            if (
                item.name == pattern
                or item.name.partition("[")[0] == pattern
                or fnmatchcase(item.name, _literal(pattern))
            ):
                item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
                break


def _literal(pattern: str) -> str:
    """The pattern with its outer brackets as they are, for fnmatch reads them as a set of characters."""
    return pattern.replace("[", "[[]", 1)


def _load_again(name: str, swapped: Mapping[str, type]) -> ModuleType:
    original = importlib.util.find_spec(name)
    assert original is not None
    spec = importlib.util.spec_from_file_location(f"borrowed_{name.rpartition('.')[2]}", original.origin)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with ExitStack() as stack:
        for full, ours in swapped.items():  # for "from sklearn.neighbors import ..." and the decorators' arguments
            stack.enter_context(patch(full, ours))
        spec.loader.exec_module(module)
    for package, classes in _by_package(swapped).items():  # for neighbors.KNeighborsClassifier when a test runs
        for key, value in list(vars(module).items()):
            if isinstance(value, ModuleType) and value.__name__ == package:
                setattr(module, key, SimpleNamespace(**{**vars(value), **classes}))
    return module


def _by_package(swapped: Mapping[str, type]) -> dict[str, dict[str, type]]:
    found: dict[str, dict[str, type]] = {}
    for full, ours in swapped.items():
        package, _, word = full.rpartition(".")
        found.setdefault(package, {})[word] = ours
    return found


def _mentions(
    function: Callable[..., Any], words: set[str], ours: set[type], module: ModuleType, depth: int = 2
) -> bool:
    """Whether the source of a test, its parameters included, or of a helper that it calls, uses a swapped class."""
    names = set(re.findall(r"\w+", inspect.getsource(function)))
    if names & words:
        return True
    for name in names if depth else ():
        value = vars(module).get(name)
        if inspect.isfunction(value) and value is not function and value.__module__ == module.__name__:
            if _mentions(value, words, ours, module, depth - 1):
                return True
        elif isinstance(value, (list, tuple)) and any(isinstance(item, type) and item in ours for item in value):
            return True
    return False
