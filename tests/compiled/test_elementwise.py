"""Random rules in all ways against NumPy's own evaluation of the same function, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skdl._compiled import COMPILER, elementwise_loop, trace
from skdl._compiled.loop_code import loop_source
from skdl._compiled.numpy_code import BLOCK, numpy_executor

FLAT = {"x": "element", "y": "element", "m": "member", "n": "member"}
GRID = {"x": "element", "y": "element", "u": "unit", "r": "row", "m": "member"}
CONSTANTS = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-3, -7.25, 1e30, 1e-30, float("inf"), float("nan"))
BINARY = (
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / b,
    np.maximum,
    np.minimum,
)
UNARY = (
    np.negative,
    np.positive,
    np.abs,
    np.sqrt,
    np.sign,
    np.square,
    lambda a: a**2,
    lambda a: 1.0 - a,
    lambda a: 2.0 / a,
)
COMPARISONS = (
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a == b,
    lambda a, b: a != b,
)


def number(choose, names, depth):
    """A random formula: a function of the values of names."""
    kind = choose(8) if depth else 0
    if kind == 0:
        name = names[choose(len(names))]
        return lambda given: given[name]
    a = number(choose, names, depth - 1)
    if kind <= 2:
        f = UNARY[choose(len(UNARY))]
        return lambda given: f(a(given))
    if choose(4) == 0:
        constant = CONSTANTS[choose(len(CONSTANTS))]
        b = lambda given: constant  # noqa: E731
    else:
        b = number(choose, names, depth - 1)
    if kind <= 5:
        g = BINARY[choose(len(BINARY))]
        return lambda given: g(a(given), b(given))
    c = condition(choose, names, depth - 1)
    if kind == 6:
        return lambda given: np.where(c(given), a(given), b(given))
    return lambda given: a(given) * c(given)


def condition(choose, names, depth):
    kind = choose(6) if depth else 0
    if kind <= 2:
        a, b = (number(choose, names, depth) for _ in range(2))
        compare = COMPARISONS[choose(len(COMPARISONS))]
        return lambda given: compare(a(given), b(given))
    a, b = (condition(choose, names, depth - 1) for _ in range(2))
    if kind == 3:
        return lambda given: ~a(given)
    return (lambda given: a(given) & b(given)) if kind == 4 else (lambda given: a(given) | b(given))


def rule_of(kinds, formulas):
    return lambda *values: tuple(each(dict(zip(kinds, values, strict=True))) for each in formulas)


def numbers(rng, shape, dtype):
    """Numbers of all kinds: of every size, zeros of both signs, subnormal, infinite, none."""
    info = np.finfo(dtype)
    values = rng.normal(size=shape) * 10.0 ** rng.integers(-20, 20, shape)
    values = np.where(rng.random(shape) < 0.4, rng.normal(size=shape), values).astype(dtype)
    special = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, info.max, info.tiny, info.smallest_subnormal]
    return np.where(rng.random(shape) < 0.25, rng.choice(np.array([*special, -special[-1]], dtype), shape), values)


SHAPES = {"element": (3, 5), "unit": (1, 5), "row": (3, 1), "member": (1, 1)}


def arrays_of(kinds, n_new, k, dtype, seed, width=21):
    """Arrays of the inputs, for the rule and as they are given to NumPy, and of outputs that are only written."""
    rng = np.random.default_rng(seed)
    if kinds is FLAT:
        found = [numbers(rng, (k, width if kind == "element" else 3), dtype) for kind in kinds.values()]
        new = [np.full((k, width), 7, dtype) for _ in range(n_new)]
    else:
        found = [numbers(rng, (k, *SHAPES[kind]), dtype) for kind in kinds.values()]
        new = [np.full((k, *SHAPES["element"]), 7, dtype) for _ in range(n_new)]
    return found, new


def expected(kinds, rule, found, new, column, start, stop):
    """What NumPy makes of the function itself."""
    if kinds is FLAT:
        given = [
            array[:, start:stop] if kind == "element" else array[:, column : column + 1]
            for array, kind in zip(found, kinds.values(), strict=True)
        ]
    else:
        given = found
    results = rule(*given)
    after = [array.copy() for array in (*found, *new)]
    for array, result in zip([after[0], after[1], *after[len(found) :]], results, strict=True):
        array[:, start:stop] = result
    return after


def run(function, kinds, found, new, column, start, stop):
    after = [array.copy() for array in (*found, *new)]
    function(*((column, start, stop) if kinds is FLAT else ()), *after)
    return after


def assert_same(found, wanted):
    """Equal bits; which of many a NaN is, does not count."""
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype
        assert np.where(np.isnan(a), 0, a).tobytes() == np.where(np.isnan(b), 0, b).tobytes(), (a, b)
        assert np.array_equal(np.isnan(a), np.isnan(b))


def by_python(expression, real):
    """The source that is compiled, run as it stands."""
    names = {}
    exec(loop_source(expression, real), names)
    return names["loop"]


@pytest.mark.parametrize("kinds", [FLAT, GRID], ids=["flat", "grid"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(data=st.data())
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
def test_both_executors_do_what_numpy_does(kinds, dtype, data):
    def choose(n):
        return data.draw(st.integers(0, n - 1))

    formulas = [number(choose, list(kinds), 3) for _ in range(3)]
    if choose(3) == 0:  # what is exchanged has to be read before it is written
        formulas[:2] = [lambda given: given["y"], lambda given: given["x"]]
    rule, k = rule_of(kinds, formulas), 1 + 2 * choose(2)
    expression = trace(rule, kinds, ["x", "y", "new"])
    found, new = arrays_of(kinds, 1, k, dtype, choose(1000))
    where = (choose(3), *((choose(8), 8 + choose(13)) if kinds is FLAT else (None, None)))
    with np.errstate(all="ignore"):
        wanted = expected(kinds, rule, found, new, *where)
        assert_same(run(numpy_executor(expression), kinds, found, new, *where), wanted)
        assert_same(run(by_python(expression, np.dtype(dtype).name), kinds, found, new, *where), wanted)


@pytest.mark.parametrize("kinds", [FLAT, GRID], ids=["flat", "grid"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_rules_do_what_numpy_does(kinds, dtype):
    """Many at once, for a compiler takes its time; long enough for packed instructions, and what is left of them."""
    rng = np.random.default_rng(5)
    n = 40
    formulas = [number(rng.integers, list(kinds), 3) for _ in range(n)]
    rule = rule_of(kinds, formulas)
    outputs = ["x", "y", *(f"new {i}" for i in range(n - 2))]
    with COMPILER.using("eager"):
        loop = elementwise_loop(trace(rule, kinds, outputs), dtype)
        assert loop.compiled is not None, COMPILER.failures
        for k, width in ((1, 77), (3, 77), (1, 2 * BLOCK + 5), (2, 1)):
            found, new = arrays_of(kinds, n - 2, k, dtype, k, width)
            for where in ((0, 0, width), (2, 3, width - 1)) if kinds is FLAT else ((0, None, None),):
                if where[1] is not None and where[1] > where[2]:
                    continue
                with np.errstate(all="ignore"):
                    wanted = expected(kinds, rule, found, new, *where)
                    assert_same(run(loop.by_numpy, kinds, found, new, *where), wanted)
                    assert_same(run(loop.run, kinds, found, new, *where), wanted)


def test_one_column_of_numbers_serves_all_steps():
    rule = lambda x, m: x * m  # noqa: E731
    expression = trace(rule, {"x": "element", "m": "member"}, ["x"])
    for function in (numpy_executor(expression), by_python(expression, "float64")):
        x = np.ones((2, 3))
        function(5, 0, 3, x, np.array([[2.0], [3.0]]))
        assert x.tolist() == [[2.0] * 3, [3.0] * 3]


# Rules of comparisons and constants alone, and the same of the comparisons as numbers.
OF_BOOLEANS = [
    (lambda a, b: (a > 0) + (b < 1), lambda p, q: p + q),
    (lambda a, b: (a > 0) - (b < 1), lambda p, q: p - q),
    (lambda a, b: -(a > 0), lambda p, q: -p),
    (lambda a, b: 0.1 + (a > 0), lambda p, q: 0.1 + p),
    (lambda a, b: (a > 0) * 0.1 + 0.7, lambda p, q: p * 0.1 + 0.7),
    (lambda a, b: (a > 0) / 3.0, lambda p, q: p / 3.0),
    (lambda a, b: np.sqrt(a > 0) * 0.3, lambda p, q: np.sqrt(p) * 0.3),
    (lambda a, b: np.maximum(a > 0, 0.1), lambda p, q: np.maximum(p, 0.1)),
    (lambda a, b: (a > 0) <= 1 - 1e-9, lambda p, q: p <= 1 - 1e-9),
    (lambda a, b: np.where(a > 0, 0.1, 0.7), lambda p, q: np.where(p != 0, p * 0.1, p + 0.7)),
    (lambda a, b: np.where(a > 0, b < 1, True), lambda p, q: np.where(p != 0, q, p + 1)),
    (lambda a, b: np.where((a > 0) - (b < 1), 0.1, 0.7), lambda p, q: np.where(p - q != 0, p * 0 + 0.1, p * 0 + 0.7)),
]


@pytest.mark.parametrize("kind", ["element", "member"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index", range(len(OF_BOOLEANS)))
def test_comparisons_count_as_numbers_of_the_precision(index, dtype, kind):
    rule, of_numbers = OF_BOOLEANS[index]
    x = np.array([[-1.0, 0.3, 2.0]], dtype)
    for a, b in ((-2.0, 3.0), (2.0, -3.0), (0.5, 0.5)):
        given = [np.full((1, 3) if kind == "element" else (1, 1), value, dtype) for value in (a, b)]
        p, q = (given[0] > 0).astype(dtype), (given[1] < 1).astype(dtype)
        wanted = x * of_numbers(p, q).astype(dtype)
        expression = trace(lambda x, a, b: x * rule(a, b), {"x": "element", "a": kind, "b": kind}, ["x"])
        for function in (numpy_executor(expression), by_python(expression, np.dtype(dtype).name)):
            found = x.copy()
            function(0, 0, 3, found, *given)
            assert found.tobytes() == wanted.tobytes(), (found, wanted)


@pytest.mark.parametrize(("condition", "expected"), [(True, 2.0), (0.0, 3.0), ("x", 2.0)])
def test_a_condition_may_be_a_number(condition, expected):
    expression = trace(lambda x: np.where(x if condition == "x" else condition, x * 2, x * 3), {"x": "element"}, ["x"])
    for function in (numpy_executor(expression), by_python(expression, "float64")):
        x = np.ones((1, 3))
        function(0, 0, 3, x)
        assert (x == expected).all()


def test_an_empty_range_changes_nothing():
    expression = trace(lambda x: x + 1, {"x": "element"}, ["x"])
    x = np.ones((2, 3))
    for function in (numpy_executor(expression), by_python(expression, "float64")):
        function(0, 2, 2, x)
    assert (x == 1).all()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (lambda x, m: np.exp(x), r"np\.exp cannot be in a rule that is compiled: its last digits depend on who"),
        (lambda x, m: x if x > 0 else m, r"A rule is the same for all numbers: choose by np\.where"),
        (lambda x, m: np.add.reduce(x), r"np\.add has no options and methods in it"),
        (lambda x, m: np.add(x, m, where=True), r"np\.add has no options"),
        (lambda x, m: x.__iadd__(m), r"A rule changes nothing in place: write a = a \+ b, not a \+= b"),
        (lambda x, m: np.add(x, m, out=m), "A rule changes nothing in place"),
        (lambda x, m: np.sum(x), "sum cannot be in a rule"),
        (lambda x, m: x + np.ones(3), "A rule is made of its arguments and numbers, not of ndarray"),
        (lambda x, m: (x, m), r"A rule has to give 1 values, for x\. It gave 2"),
    ],
)
def test_what_is_no_rule_is_told_why(rule, message):
    with pytest.raises(TypeError, match=message):
        trace(rule, {"x": "element", "m": "member"}, ["x"])
