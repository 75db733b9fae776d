"""The tape against central differences, and every hand-written adjoint against the tape of an independent formula."""

import pickle
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skdl import MLPClassifier, MLPRegressor, activations, losses, normalizations
from skdl.autodiff import Variable, erf, gradients, inverse, where
from skdl.testing import check_component, check_estimator_members, check_gradient

OPERATIONS = {
    "add": lambda a, b: a + b + 1.0,
    "subtract": lambda a, b: 2.0 - a - b,
    "multiply": lambda a, b: a * b * 3.0,
    "divide": lambda a, b: a / b + 1.0 / b,
    "power": lambda a, b: b**a + b**2 + 2.0**a + b**-0.5,
    "matmul": lambda a, b: a @ b.transpose(0, 2, 1),
    "matmul of matrices that are shared": lambda a, b: a[0].T @ b,
    "constant matmul": lambda a, b: a @ np.ones((4, 2)) + np.ones((3, 3)) @ b[..., :2],
    "maximum": lambda a, b: np.maximum(a, b) * np.minimum(a, 0.3),
    "max": lambda a, b: a.max(axis=-1, keepdims=True) * b + np.max(a, axis=(0, 1)) + b.max(),
    "exp and log": lambda a, b: np.exp(a) * np.log(b) + np.expm1(a) + np.log1p(b),
    "roots": lambda a, b: np.sqrt(b) + np.square(a) + np.reciprocal(b) + abs(a),
    "waves": lambda a, b: np.tanh(a) + np.sin(a) * np.cos(b) + erf(a) - np.logaddexp(a, b),
    "sum": lambda a, b: np.sum(a, axis=1, keepdims=True) * b + a.sum(axis=(0, 2))[:, None] + b.sum(),
    "mean": lambda a, b: (a - a.mean(axis=-1, keepdims=True)) * np.mean(b, axis=1, keepdims=True),
    "axes": lambda a, b: (
        a.transpose(2, 0, 1) + np.transpose(b, (2, 0, 1)) + np.swapaxes(a, 0, 1).T + b.T.T.swapaxes(0, 1).T
    ),
    "reshape": lambda a, b: a.reshape(2, 12) * np.reshape(b, (2, 12)),
    "index": lambda a, b: a[:, [0, 0, 2]] ** 2 * b + a[..., 1:2],
    "where": lambda a, b: np.where(a.value > 0, a * b, b**2) + where(a < b, a, 1.0),
    "broadcasting": lambda a, b: a[:, :1] * b + a[0] * b[..., :1] + a[0, 0, 0],
    "steps": lambda a, b: (a > 0) * a + np.sign(b) * b,
    "stack": lambda a, b: (
        np.stack([a, b, 2.0 * a], axis=1)[..., :1, :]
        * np.concatenate([b, a[:, :1] * a[:, 1:2], np.ones((2, 2, 4))], axis=1)[:, None]
    ),
    "stretched": lambda a, b: (
        np.broadcast_to(a[0], (5, 3, 4)).sum(axis=0) * np.expand_dims(b, (0, 2)) + np.sinh(+a[1]) * np.cosh(a[0])
    ),
    "inverse": lambda a, b: inverse(a[..., :3] + 4.0 * np.eye(3)) @ np.linalg.inv(b[..., :3] + np.eye(3)),
    "paths that meet": lambda a, b: (lambda c: c * c + np.exp(c) / (1.0 + c * c))(a * b + a),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation(name):
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3, 4)), rng.uniform(0.5, 2.0, size=(2, 3, 4))
    operation = OPERATIONS[name]
    given = Variable(a), Variable(b)
    y = operation(*given)
    seed = rng.normal(size=y.shape)
    da, db = gradients(y, given, seed)
    check_gradient(lambda a: (operation(Variable(a), Variable(b)).value * seed).sum(), da, a)
    check_gradient(lambda b: (operation(Variable(a), Variable(b)).value * seed).sum(), db, b)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_twice(name):
    """The gradients' own gradients, against central differences of the gradients."""
    rng = np.random.default_rng(0)
    x = np.stack([rng.normal(size=(2, 3, 4)), rng.uniform(0.5, 2.0, size=(2, 3, 4))])
    operation = OPERATIONS[name]
    seed = rng.normal(size=operation(Variable(x[0]), Variable(x[1])).shape)
    weights = rng.normal(size=x.shape)

    def slope(x):
        given = Variable(x[0]), Variable(x[1])
        return sum((w * g).sum() for w, g in zip(weights, gradients(operation(*given), given, seed), strict=True))

    given = Variable(x[0]), Variable(x[1])
    da, db = gradients(operation(*given), given, seed, as_variables=True)
    check_gradient(slope, np.array(gradients((weights[0] * da).sum() + (weights[1] * db).sum(), given)), x)


PRODUCTS = [((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 3), (3, 4))]
STACKED = [
    ((5, 2, 3), (3,)),
    ((3,), (5, 3, 2)),
    ((1, 2, 3), (5, 3, 2)),
    ((4, 1, 2, 3), (5, 3, 2)),
    ((3,), (4, 5, 3, 2)),
]
TENSORS = [((), ()), ((), (3,)), ((2, 3), ()), ((4, 2, 3), (5, 3, 2)), ((3,), (5, 3, 2)), ((2, 3), (4, 5, 3, 2))]
ELEMENTS = [((), ()), ((3,), ()), ((2, 3), (3,)), ((2, 1), (1, 3)), ((4, 1, 3), (2, 1)), ((1, 1), (3,)), ((0, 3), (3,))]
BY_SHAPE = [
    *((np.matmul, shapes) for shapes in PRODUCTS + STACKED),
    *((np.dot, shapes) for shapes in PRODUCTS + TENSORS),
    *((np.outer, shapes) for shapes in [((), ()), ((3,), (2,)), ((2, 3), (4,)), ((), (3,))]),
    *(
        (function, shapes)
        for function in (np.add, np.subtract, np.multiply, np.divide, np.power, np.maximum, np.logaddexp)
        for shapes in ELEMENTS
    ),
]


@pytest.mark.parametrize(("function", "shapes"), BY_SHAPE)
def test_functions_of_two_arrays_of_any_shapes(function, shapes):
    rng = np.random.default_rng(0)
    a, b = (rng.uniform(0.5, 2.0, size=shape) for shape in shapes)
    given = Variable(a), Variable(b)
    y = function(*given)
    assert_allclose(y.value, function(a, b))
    assert y.shape == np.shape(function(a, b))
    seed = rng.normal(size=y.shape)
    da, db = gradients(y, given, seed)
    check_gradient(lambda a: (function(a, b) * seed).sum(), da, a)
    check_gradient(lambda b: (function(a, b) * seed).sum(), db, b)


@pytest.mark.parametrize("function", [np.sum, np.mean, np.max])
def test_reductions_over_any_axes(function):
    rng = np.random.default_rng(0)
    for shape in ((), (3,), (2, 3), (2, 3, 4), (1, 3)):
        x = rng.normal(size=shape)
        sets = [c for n in range(1, len(shape) + 1) for c in permutations(range(-len(shape), len(shape)), n)]
        distinct = [axes for axes in sets if len({axis % len(shape) for axis in axes}) == len(axes)]
        for axis in (None, *distinct, *range(-len(shape), len(shape))):
            for keepdims in (False, True):
                given = Variable(x)
                y = function(given, axis=axis, keepdims=keepdims)
                due = function(x, axis=axis, keepdims=keepdims)
                assert_allclose(y.value, due)
                assert y.shape == np.shape(due)
                seed = rng.normal(size=y.shape)
                spread = np.broadcast_to(seed if keepdims or not shape else _with_axes(seed, axis, shape), shape)
                if function is np.max:
                    spread = spread * (x == function(x, axis=axis, keepdims=True))
                share = x.size / y.value.size if function is np.mean else 1
                assert_allclose(gradients(y, [given], seed)[0], spread / share)


def _with_axes(seed, axis, shape):
    return np.expand_dims(seed, tuple(range(len(shape))) if axis is None else axis)


def test_axes_in_any_words():
    x = np.arange(24.0).reshape(2, 3, 4)
    for axes in ((), (None,), ((2, 0, 1),), (2, 0, 1), ([-1, 0, 1],), (np.int64(2), np.int64(0), np.int64(1))):
        given = Variable(x)
        y = given.transpose(*axes)
        assert_allclose(y.value, x.transpose(*axes))
        assert_allclose(gradients(y * x.transpose(*axes), [given])[0], x)


def test_powers_of_zero_lists_whole_numbers_and_conditions():
    x = Variable([0.0, 1.0, 2.0])
    assert gradients(x**0, [x])[0].tolist() == [0, 0, 0]
    assert gradients(x ** [1, 2, 2], [x])[0].tolist() == [1, 2, 4]
    whole = Variable([1, 2])  # a gradient is not a whole number
    assert_allclose(gradients(np.exp(whole), [whole])[0], np.exp([1, 2]))
    assert gradients(whole * whole, [whole], 2.0)[0].tolist() == [4, 8]  # one seed for all
    assert gradients(np.where(x, x * 3, 5.0), [x])[0].tolist() == [0, 3, 3]
    assert where([1, 0, 1], x, 7.0).value.tolist() == [0, 7, 2]


def test_equal_ones_share_the_gradient():
    x = Variable([1.0, 2.0, 2.0])
    assert gradients(x.max(), [x])[0].tolist() == [0, 0.5, 0.5]
    assert gradients(np.maximum(x, 2.0), [x])[0].tolist() == [0, 0.5, 0.5]


def test_what_is_not_used_has_gradient_0():
    x, y = Variable([1.0]), Variable([[2.0]])
    assert [g.tolist() for g in gradients(x * 2, [x, y])] == [[2.0], [[0.0]]]
    assert gradients(x, [x])[0].tolist() == [1.0]


def test_deep_formulas():
    """Longer than Python's recursion, and doubling: each node is gone through once."""
    x = y = Variable([1.0])
    for _ in range(5000):
        y = (y + y) * 0.5
    assert gradients(y, [x])[0].tolist() == [1.0]


def test_single_precision_stays_single():
    x = Variable(np.ones((2, 3), np.float32))
    y = np.tanh(x * 0.5 + 1) ** 2 / (1 + np.maximum(x, 0)).sum(axis=1, keepdims=True)
    assert y.dtype == np.float32
    assert gradients(y, [x])[0].dtype == np.float32
    [slope] = gradients(y, [x], as_variables=True)
    assert slope.dtype == np.float32
    assert gradients(slope, [x])[0].dtype == np.float32
    mixed = np.where(x > 0, x, 0.0) * np.arange(3.0)  # a constant in double precision
    assert mixed.dtype == np.float64
    assert gradients(mixed, [x], as_variables=True)[0].dtype == np.float32
    assert where(np.array([True, False, True]), x, 1).dtype == np.float32


@pytest.mark.parametrize(
    "function", [np.arctan2, np.cumsum, np.add.reduce, np.sort, lambda x: np.add(x, x, out=None, where=True)]
)
def test_what_has_no_rule_says_so(function):
    with pytest.raises(TypeError, match=r"skdl.autodiff does not support .*numpy\.|argument"):
        function(Variable([1.0, 2.0])) if function is not np.arctan2 else function(Variable([1.0]), 1.0)


def test_what_was_recorded_stays():
    """A Variable holds a copy that nobody writes to: changes in place would make its gradients wrong, unseen."""
    array = np.array([1.0, 2.0])
    x = Variable(array)
    y = x * x
    array[0] = 7.0
    assert gradients(y, [x])[0].tolist() == [2.0, 4.0]
    for change in (lambda: x.value.fill(0), lambda: y.value.fill(0), lambda: x.T.value.fill(0)):
        with pytest.raises(ValueError, match="read-only"):
            change()
    with pytest.raises(TypeError, match=r"not changed in place; np\.where, np\.stack"):
        x[0] = 1.0
    with pytest.raises(TypeError, match=r"not changed in place; write x = np\.add\(x"):
        x += 1.0
    found = gradients(y, [x])[0]
    found += 1.0  # what is given back is the caller's


def test_arrays_of_variables_say_what_to_write():
    x = Variable([1.0, 2.0])
    for attempt in (lambda: np.array([x, x]), lambda: np.asarray(x), lambda: Variable([x])):
        with pytest.raises(TypeError, match=r"np\.stack puts several together, a frame is multiplied as X\.to_numpy"):
            attempt()
    with pytest.raises(TypeError, match="takes real numbers, not complex128"):
        Variable([1j])
    with pytest.raises(TypeError, match="The output must be a Variable"):
        gradients(1.0, [x])


def test_frames_as_constants():
    frame, y = pd.DataFrame(np.arange(6.0).reshape(3, 2)), pd.Series([1.0, 2.0, 4.0])
    w = Variable([1.0, 2.0])
    expected = 2 * frame.to_numpy().T @ (frame.to_numpy() @ w.value - y.to_numpy())
    for error in (w @ frame.T - y, y - w @ frame.T):
        assert_allclose(gradients((error**2).sum(), [w])[0], expected)
    with pytest.raises(TypeError, match=r"X\.to_numpy\(\) @ x"):
        frame @ w


def logistic(z):
    return 1 / (1 + np.exp(-z))


SELU_ALPHA, SELU_LAMBDA = 1.6732632423543772848, 1.0507009873554804934
PLAIN = {
    "identity": lambda x: x * 1.0,
    "sigmoid": logistic,
    "tanh": lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.maximum(x, 0) + 0.01 * np.minimum(x, 0),
    "prelu": lambda x, alpha: np.maximum(x, 0) + alpha * np.minimum(x, 0),
    "elu": lambda x: np.where(x > 0, x, np.exp(x) - 1),
    "selu": lambda x: SELU_LAMBDA * np.where(x > 0, x, SELU_ALPHA * (np.exp(x) - 1)),
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "swish": lambda x, beta=1.0: x * logistic(beta * x),
    "gelu": lambda x: x * (1 + erf(x / 2**0.5)) / 2,
    "maxout": lambda x: np.maximum(x[..., :2], x[..., 2:]),
    "mish": lambda x: x * np.tanh(np.log(1 + np.exp(x))),
    "threshold": lambda x: np.where(x > 0, 1.0, 0.0) + 0 * x,
}
PLAIN["parametric"] = lambda x, share: (1 - share) * x + share * PLAIN["selu"](x)
ACTIVATIONS = [
    *((name, activations.resolve(name)) for name in activations.names() if name != "maxout"),  # not elementwise
    ("prelu", activations.PReLU(shared=True)),
    ("swish", activations.Swish(learned=True)),
    ("swish", activations.Swish(learned=True, shared=False)),
]


@pytest.mark.parametrize(("name", "activation"), ACTIVATIONS, ids=lambda value: str(value))
def test_every_activation_against_the_tape(name, activation):
    rng = np.random.default_rng(0)
    x, dy = rng.normal(0, 3, (2, 2, 7, 4))
    learned = {
        key: np.repeat(value[None], 2, axis=0) + rng.uniform(0, 0.5, (2, *value.shape))
        for key, value in activation.parameters(4).items()
    }
    given, recorded = Variable(x.copy()), {key: Variable(value) for key, value in learned.items()}
    expected = PLAIN[name](given, **recorded)
    dy = dy[..., : expected.shape[-1]]
    y, backprop = activation.forward(x.copy(), **learned)
    assert_allclose(y, expected.value, rtol=1e-11, atol=1e-14)
    dx, by_name = backprop(dy.copy())
    expected_dx, *others = gradients(expected, [given, *recorded.values()], dy)
    assert_allclose(dx, expected_dx, rtol=1e-9, atol=1e-13)
    for key, gradient in zip(recorded, others, strict=True):
        assert_allclose(by_name[key], gradient, rtol=1e-10, atol=1e-13)


def softmax(scores):
    exponentials = np.exp(scores)
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


ROWS = {
    "cross_entropy": lambda s, t: -(t * np.log(softmax(s))).sum(axis=-1),
    "binary_cross_entropy": lambda s, t: -(t * np.log(logistic(s)) + (1 - t) * np.log(1 - logistic(s))).sum(axis=-1),
    "focal": lambda s, t: -(t * (1 - softmax(s)) ** 2 * np.log(softmax(s))).sum(axis=-1),
    "brier": lambda s, t: ((softmax(s) - t) ** 2).sum(axis=-1) / 2,
    "perceptron": lambda s, t: (t * np.maximum(-s, 0) + (1 - t) * np.maximum(s, 0)).sum(axis=-1),
    "squared_error": lambda s, t: ((s - t) ** 2).mean(axis=-1) / 2,
    "absolute_error": lambda s, t: abs(s - t).mean(axis=-1),
    "huber": lambda s, t: where(abs(s - t) <= 1, (s - t) ** 2 / 2, abs(s - t) - 0.5).mean(axis=-1),
    "quantile": lambda s, t: np.maximum((t - s) / 2, (s - t) / 2).mean(axis=-1),
    "poisson": lambda s, t: (np.exp(s) - t * s).mean(axis=-1),
}


@pytest.mark.parametrize("name", losses.names())
def test_every_loss_against_the_tape(name):
    rng = np.random.default_rng(0)
    loss = losses.resolve(name)
    scores, weight = rng.normal(0, 2, (2, 20, 3)), rng.uniform(size=(2, 20, 1))
    targets = rng.dirichlet(np.ones(3), (2, 20)) if loss.task != "regression" else rng.uniform(0, 3, (2, 20, 3))
    given = Variable(scores.copy())
    rows = ROWS[name](given, targets)
    value, gradient = loss.value_and_gradient(scores.copy(), targets, weight)
    assert_allclose(value, (rows.value * weight[..., 0]).sum(axis=1), rtol=1e-11)
    assert_allclose(gradient, gradients(rows, [given], weight[..., 0])[0], rtol=1e-8, atol=1e-13)


def standardised(x, axis):
    centred = x - x.mean(axis=axis, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(axis=axis, keepdims=True) + 1e-5)


NORMALIZATIONS = {
    "batch": lambda x, gamma, beta: gamma * standardised(x, 1) + beta,
    "layer": lambda x, gamma, beta: gamma * standardised(x, 2) + beta,
    "group": lambda x, gamma, beta: gamma * standardised(x.reshape(2, 9, 2, 3), 3).reshape(2, 9, 6) + beta,
}


@pytest.mark.parametrize("name", normalizations.names())
def test_every_normalization_against_the_tape(name):
    rng = np.random.default_rng(0)
    normalization = normalizations.resolve(name)
    x, dy = rng.normal(1, 3, (2, 2, 9, 6))
    learned = {"gamma": rng.uniform(0.5, 2, (2, 1, 6)), "beta": rng.normal(size=(2, 1, 6))}
    buffers = {key: np.repeat(value[None], 2, axis=0) for key, value in normalization.buffers(6).items()}
    given, recorded = Variable(x.copy()), {key: Variable(value) for key, value in learned.items()}
    expected = NORMALIZATIONS[name](given, **recorded)
    y, backprop = normalization.forward(x.copy(), training=True, **learned, **buffers)
    assert_allclose(y, expected.value, rtol=1e-10, atol=1e-12)
    dx, by_name = backprop(dy.copy())
    for found, gradient in zip(
        (dx, by_name["gamma"], by_name["beta"]), gradients(expected, [given, *recorded.values()], dy), strict=True
    ):
        assert_allclose(found, gradient, rtol=1e-8, atol=1e-12)


def softsign(x):
    return x / (1 + abs(x))


def log_cosh(scores, targets):
    error = abs(scores - targets)
    return (error + np.log1p(np.exp(-2 * error))).mean(axis=-1)


def my_cross_entropy(scores, targets):
    scores = scores - scores.max(axis=-1, keepdims=True)
    return np.log(np.exp(scores).sum(axis=-1)) - (targets * scores).sum(axis=-1)


def my_binary_cross_entropy(scores, targets):
    return (np.logaddexp(0 * scores, scores) - targets * scores).sum(axis=-1)


FROM_FUNCTIONS = [
    activations.from_function(softsign),
    activations.from_function(np.tanh, name="hyperbolic tangent"),
    losses.from_function(log_cosh),
    losses.from_function(my_cross_entropy, task="classification"),
    losses.from_function(my_binary_cross_entropy, task="binary"),
]


@pytest.mark.parametrize("component", FROM_FUNCTIONS, ids=repr)
def test_components_from_functions_keep_the_contract(component):
    if component.function is not np.tanh:  # whose name in repr is numpy.tanh's own
        check_component(component)
    for copy in (clone(component), pickle.loads(pickle.dumps(component))):
        assert copy.get_params() == component.get_params()
        assert copy.structure == component.structure


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 3))
    return X, X[:, 0] * X[:, 1]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
class TestInEstimators:
    def test_the_same_function_trains_the_same_network(self, data):
        X, y = data
        params = {"max_iter": 10, "random_state": 0, "dtype": "float64"}
        by_hand = MLPClassifier((6,), activation="tanh", loss="cross_entropy", **params).fit(X, y > 0)
        by_tape = MLPClassifier(
            (6,),
            activation=activations.from_function(np.tanh),
            loss=losses.from_function(my_cross_entropy, task="classification"),
            **params,
        ).fit(X, y > 0)
        assert_allclose(by_tape.predict_proba(X), by_hand.predict_proba(X), rtol=1e-9)

    def test_pickle_clone_search_and_stack(self, data):
        X, y = data
        mlp = MLPRegressor(
            (6,),
            activation=activations.from_function(softsign),
            loss=losses.from_function(log_cosh),
            max_iter=3,
            random_state=0,
        )
        fitted = clone(mlp).fit(X, y)
        assert np.array_equal(pickle.loads(pickle.dumps(fitted)).predict(X), fitted.predict(X))
        search = GridSearchCV(mlp, {"activation": [mlp.activation, "relu"]}, cv=2, error_score="raise").fit(X, y)
        assert search.best_params_["activation"] in (search.best_estimator_.activation, mlp.activation)
        check_estimator_members([clone(mlp).set_params(random_state=i) for i in range(3)], X, y)


def test_functions_that_compute_something_else():
    x = np.ones((1, 2, 3))
    with pytest.raises(TypeError, match=r"zeros_like must return a Variable. Got ndarray"):
        activations.from_function(lambda x: x.value, name="zeros_like").forward(x)
    with pytest.raises(ValueError, match=r"must return a Variable of shape \(1, 2, 3\). Got \(1, 2\)"):
        activations.from_function(lambda x: x.sum(axis=-1)).forward(x)
    with pytest.raises(ValueError, match=r"must return a Variable of shape \(1, 2\). Got \(1, 2, 3\)"):
        losses.from_function(lambda s, t: s - t).value_and_gradient(x, x, x[..., :1])
    with pytest.raises(ValueError, match="'function' parameter of FunctionActivation must be a callable"):
        activations.from_function("tanh").validate()
