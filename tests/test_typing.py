"""Signatures of what users call say what it takes and gives: for editors, type checkers and help()."""

import inspect
import re

import pytest

import skdl

ESTIMATORS = {name: getattr(skdl, name) for name in skdl.__all__ if isinstance(getattr(skdl, name), type)}
UNTYPED = {"get_params"}  # a dict of parameters holds anything


def signatures(cls):
    """The constructor and the public methods that are ours, by name; those of scikit-learn have no types."""
    for name in ["__init__", *(name for name in dir(cls) if not name.startswith("_"))]:
        function = inspect.unwrap(getattr(cls, name, None)) if callable(getattr(cls, name, None)) else None
        if function is not None and function.__module__.startswith("skdl") and name not in UNTYPED:
            yield name, inspect.signature(function)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_parameters_and_results_have_types(name):
    found = dict(signatures(ESTIMATORS[name]))
    uses = {"predict", "score"} if hasattr(ESTIMATORS[name], "predict") else {"transform", "get_feature_names_out"}
    assert {"__init__", "fit", "set_params", *uses} <= set(found)
    for method, signature in found.items():
        types = {each.name: each.annotation for each in signature.parameters.values() if each.name != "self"}
        if method != "__init__":
            types["return"] = signature.return_annotation
        for parameter, annotation in types.items():
            assert annotation is not inspect.Parameter.empty, f"{name}.{method}: {parameter} has no type"
            assert not re.search(r"\bAny\b", str(annotation)), f"{name}.{method}: {parameter} is {annotation}"


@pytest.mark.parametrize("name", ESTIMATORS)
def test_types_of_parameters_admit_their_defaults(name):
    """None is declared where it is the default, and numbers and strings where these are."""
    for parameter in inspect.signature(ESTIMATORS[name]).parameters.values():
        annotation, default = parameter.annotation, parameter.default
        if default is inspect.Parameter.empty:
            continue
        kind = "None" if default is None else type(default).__name__
        admits = {
            "None": r"\bNone\b|Scoring|VoteLike",
            "bool": r"\bbool\b",
            "int": r"\bint\b|\bfloat\b",
            "float": r"\bfloat\b|VectorLike",
            "str": r"\bstr\b|Activations|Blocks|Like\b",
            "tuple": r"Sequence",
        }[kind]
        assert re.search(admits, annotation), f"{name}: {parameter}"
