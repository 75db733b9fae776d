"""Rules of classes: the nearest class decides, and arguments are found by their names."""

from functools import partial, wraps

import numpy as np
import pytest

from skdl._compiled import Rule, rule_of, trace


class Numbers:
    memory, alpha, nothing = 1.0, 3.0, None


class Base:
    rule = None

    def code(self, x): ...


class Written(Base):
    @staticmethod
    def rule(x, memory, alpha):
        return x * alpha, memory


class Altered(Written):
    def code(self, x): ...


class WrittenAgain(Altered):
    @staticmethod
    def rule(x):
        return -x


@pytest.mark.parametrize(("cls", "expected"), [(Base, None), (Written, 2), (Altered, None), (WrittenAgain, 0)])
def test_the_nearest_class_decides(cls, expected):
    found = rule_of(cls, "rule", "code")
    assert (found if found is None else len(found.numbers(Numbers()))) == expected


def test_array_code_is_not_asked_for_where_it_is_not_named():
    assert rule_of(Altered, "rule") == Rule(Written.rule)


def test_arguments_go_by_name():
    rule = rule_of(Written, "rule", "code")
    assert rule.numbers(Numbers(), memory=("memory",)) == {"alpha": 3.0}
    assert rule.numbers(Numbers(), {"alpha": 4.0}) == {"memory": 1.0, "alpha": 4.0}
    assert rule(2.0, alpha=3.0, memory=1.0) == (6.0, 1.0)


def given_an_unknown(x, unknown): ...


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x, alpha=1.0: None, {"alpha": 3.0}),
        (lambda x, unknown=1.0, alpha=1.0: None, {"alpha": 3.0}),
        (lambda x, nothing=1.0: None, {}),
        (lambda *args, **more: None, {}),
        (partial(given_an_unknown, unknown=2.0), {}),
        (
            wraps(given_an_unknown)(lambda *args, **more: None),
            "nothing gives the argument 'unknown' of given_an_unknown",
        ),
        (given_an_unknown, "Numbers: nothing gives the argument 'unknown' of given_an_unknown, which has no default"),
        (lambda x, nothing: None, "nothing gives the argument 'nothing'"),
    ],
)
def test_an_argument_that_nothing_gives_has_a_default(function, expected):
    if isinstance(expected, str):
        with pytest.raises(TypeError, match=expected):
            Rule(function).numbers(Numbers())
    else:
        assert Rule(function).numbers(Numbers()) == expected


def test_what_is_not_needed_is_not_computed():
    expression = trace(lambda x, m: (np.sqrt(m) * x, x / m)[0], {"x": "element", "m": "member"}, ["x"])
    assert [node.operation for node in expression.nodes if node.operation != "input"] == [np.sqrt, np.multiply]
    assert [node.axes for node in expression.nodes][2] == {"member"}  # once a member


def test_what_is_asked_for_twice_is_computed_once():
    expression = trace(lambda x: x * x + x * x, {"x": "element"}, ["x"])
    assert [node.operation for node in expression.nodes[1:]] == [np.multiply, np.add]


def test_zeros_of_both_signs_are_two_constants():
    expression = trace(lambda x: (x + 0.0) / (x + -0.0), {"x": "element"}, ["x"])
    assert [str(node.operands[1]) for node in expression.nodes[1:3]] == ["0.0", "-0.0"]
