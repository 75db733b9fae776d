"""Jacobians, Hessians and slopes against closed forms and differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skdl.autodiff import (
    Variable,
    classify_critical_point,
    compare_gradients,
    directional_derivative,
    gradients,
    hessian,
    inverse,
    jacobian,
    numerical_gradient,
)
from skdl.testing import check_gradient

RNG = np.random.default_rng(0)
A = RNG.normal(size=(3, 3))
x = RNG.normal(size=3)


def test_forms_of_matrix_calculus():
    """grad(theta'x) = theta, grad(x'Ax) = (A + A')x and its Hessian A + A', grad(|Ax - b|^2) = 2A'(Ax - b)."""
    theta, b = RNG.normal(size=(2, 3))
    assert_allclose(jacobian(lambda x: theta @ x, x), theta, rtol=1e-14)
    assert_allclose(jacobian(lambda x: x @ A @ x, x), (A + A.T) @ x, rtol=1e-12)
    assert_allclose(hessian(lambda x: x @ A @ x, x), A + A.T, rtol=1e-12)
    assert_allclose(jacobian(lambda x: ((A @ x - b) ** 2).sum(), x), 2 * A.T @ (A @ x - b), rtol=1e-12)
    assert_allclose(hessian(lambda x: ((A @ x - b) ** 2).sum(), x), 2 * A.T @ A, rtol=1e-12)
    assert_allclose(jacobian(lambda X: np.sum(inverse(X) * A), A), -inverse(A).T @ A @ inverse(A).T, rtol=1e-9)
    assert_allclose(
        hessian(lambda x: np.log(np.exp(x).sum()), x), np.diag(p := softmax(x)) - np.outer(p, p), atol=1e-14
    )


def softmax(x):
    return np.exp(x) / np.exp(x).sum()


def test_layouts():
    """V tanh(Wx): numerator layout V diag(1 - tanh^2) W, denominator layout its transpose; a matrix gives a tensor."""
    W, V = RNG.normal(size=(4, 3)), RNG.normal(size=(2, 4))
    expected = V @ np.diag(1 - np.tanh(W @ x) ** 2) @ W
    assert_allclose(jacobian(lambda x: V @ np.tanh(W @ x), x), expected, rtol=1e-12)
    assert_allclose(jacobian(lambda x: V @ np.tanh(W @ x), x, layout="denominator"), expected.T, rtol=1e-12)
    by_W, by_x = jacobian(lambda W, x: W @ x, W, x)
    assert_allclose(by_W, np.einsum("ki,j->kij", np.eye(4), x))  # d(Wx)_k / dW_ij = [k = i] x_j
    assert_array_equal(by_x, W)
    by_W, by_x = jacobian(lambda W, x: W @ x, W, x, layout="denominator")
    assert by_W.shape == (4, 3, 4)
    assert_allclose(by_W, np.einsum("ki,j->ijk", np.eye(4), x))
    assert_array_equal(by_x, W.T)
    for layout in ("numerator", "denominator"):  # of a number both are the gradient
        assert_allclose(jacobian(lambda W: (W @ x).sum(), W, layout=layout), np.tile(x, (4, 1)))
    with pytest.raises(ValueError, match=r"The 'layout' parameter of jacobian must be one of .*Got 'rows' instead"):
        jacobian(np.sum, x, layout="rows")


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def test_rosenbrock():
    a, b = point = np.array([-1.2, 1.0])
    assert_allclose(jacobian(rosenbrock, point), [-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)], rtol=1e-13)
    assert_allclose(hessian(rosenbrock, point), [[1200 * a * a - 400 * b + 2, -400 * a], [-400 * a, 200]], rtol=1e-13)


def test_blocks_of_several_arguments():
    """For u'Mv: d2/du dv = M, d2/dv du = M', and the blocks on the diagonal are zero."""
    u, v, M = RNG.normal(size=2), RNG.normal(size=3), RNG.normal(size=(2, 3))
    (uu, uv), (vu, vv) = hessian(lambda u, v: u @ M @ v, u, v)
    assert_allclose(uv, M)
    assert_allclose(vu, M.T)
    assert_array_equal(uu, np.zeros((2, 2)))
    assert_array_equal(vv, np.zeros((3, 3)))


def test_any_order():
    """The n-th derivatives of exp(2x) are 2^n exp(2x), of sin they go around."""
    given = Variable([0.3, -1.0])
    y, s = np.exp(2.0 * given), np.sin(given)
    for order in range(1, 6):
        y = gradients(y, [given], as_variables=True)[0]
        s = gradients(s, [given], as_variables=True)[0]
        assert_allclose(y.value, 2.0**order * np.exp(2 * given.value), rtol=1e-13)
        assert_allclose(s.value, np.sin(given.value + order * np.pi / 2), rtol=1e-13)


def test_the_hessian_of_a_network_is_that_of_the_differences_of_its_gradient():
    W, X, t = RNG.normal(size=(4, 3)), RNG.normal(size=(6, 3)), RNG.normal(size=6)

    def loss(W, v):
        return ((np.tanh(X @ W.T) @ v - t) ** 2).mean()

    v = RNG.normal(size=4)
    blocks = hessian(loss, W, v)
    weights = RNG.normal(size=(4, 3)), RNG.normal(size=4)
    for i in range(2):
        along = sum(np.tensordot(weights[j], blocks[j][i], np.ndim(weights[j])) for j in range(2))

        def slope(moved, i=i):
            at = (moved, v) if i == 0 else (W, moved)
            return sum((w * g).sum() for w, g in zip(weights, jacobian(loss, *at), strict=True))

        check_gradient(slope, along, (W, v)[i])
    assert_allclose(blocks[0][1], np.moveaxis(blocks[1][0], 0, -1), atol=1e-14)


def test_constants_and_what_is_not_used():
    assert_array_equal(jacobian(lambda x: 3.0, x), np.zeros(3))
    assert_array_equal(hessian(lambda x: 3.0, x), np.zeros((3, 3)))
    assert_array_equal(hessian(lambda x: x.sum(), x), np.zeros((3, 3)))
    assert_array_equal(hessian(lambda x: x[0] ** 2, x), np.diag([2.0, 0, 0]))
    used, unused = jacobian(lambda a, b: a * 2.0, x, A)
    assert_array_equal(used, 2 * np.eye(3))
    assert_array_equal(unused, np.zeros((3, 3, 3)))
    assert_array_equal(directional_derivative(lambda x: 3.0, x, x), 0.0)
    assert_array_equal(jacobian(lambda x: x, 2.0), 1.0)


def test_single_precision():
    single = x.astype(np.float32)
    assert jacobian(lambda x: np.tanh(x) * 2, single).dtype == np.float32
    assert hessian(lambda x: (np.tanh(x) ** 3).sum(), single).dtype == np.float32
    assert directional_derivative(lambda x: np.tanh(x) * 2, single, np.ones(3)).dtype == np.float32


def test_directional_derivatives():
    W, v = RNG.normal(size=(4, 3)), RNG.normal(size=3)
    assert_allclose(
        directional_derivative(lambda x: np.tanh(W @ x), x, v), jacobian(lambda x: np.tanh(W @ x), x) @ v, rtol=1e-12
    )
    h = 1e-5
    expected = (np.tanh(W @ (x + h * v)) - np.tanh(W @ (x - h * v))) / (2 * h)
    assert_allclose(directional_derivative(lambda x: np.tanh(W @ x), x, v), expected, rtol=1e-8)
    slope = jacobian(rosenbrock, x[:2])
    steepest = directional_derivative(rosenbrock, x[:2], slope / np.linalg.norm(slope))
    assert_allclose(steepest, np.linalg.norm(slope), rtol=1e-12)
    with pytest.raises(ValueError, match=r"v must have the shape of x, \(3,\). Got \(2,\)"):
        directional_derivative(np.sum, x, [1.0, 2.0])


@pytest.mark.parametrize(
    ("f", "point", "kind"),
    [
        (rosenbrock, [1.0, 1.0], "minimum"),
        (lambda x: -rosenbrock(x), [1.0, 1.0], "maximum"),
        (lambda x: x[0] * x[1], [0.0, 0.0], "saddle point"),
        (lambda x: x[0] ** 3 - 3 * x[0] * x[1] ** 2, [0.0, 0.0], "undecided"),
        (lambda x: x[0] ** 2 - x[1] ** 2 + 0 * x[2], [0.0, 0.0, 0.0], "saddle point"),
        (lambda x: x[0] ** 2 + 1e-12 * x[1] ** 2, [0.0, 0.0], "undecided"),
        (lambda X: -(X**2).sum(), np.zeros((2, 2)), "maximum"),
        (rosenbrock, [1.0, 1.1], "not critical"),
        (np.cos, np.pi, "minimum"),
        (lambda x: 1.0, [1.0], "undecided"),
    ],
)
def test_critical_points(f, point, kind):
    found = classify_critical_point(f, point)
    assert found.kind == kind
    assert found.gradient.shape == np.shape(point)
    H = hessian(f, point).reshape(len(found.eigenvalues), -1)
    assert_allclose(found.eigenvectors @ np.diag(found.eigenvalues) @ found.eigenvectors.T, H, atol=1e-10)
    assert repr(found).startswith(f"CriticalPoint('{kind}'")


def test_the_step_of_numerical_gradients():
    """For x^3 the error of central differences is h^2 exactly."""
    for step in (1e-1, 1e-2):
        assert_allclose(numerical_gradient(lambda x: x[0] ** 3, [1.0], step=step), 3 + step**2, rtol=1e-12)
    assert_allclose(numerical_gradient(lambda x: x[0] ** 3, [10.0], step=0.1), 300 + 1, rtol=1e-12)  # h = 0.1 * 10
    with pytest.raises(ValueError, match="The 'step' parameter of numerical_gradient must be a float in"):
        numerical_gradient(np.sum, [1.0], step=0.0)


def test_gradients_side_by_side():
    calls = []

    def f(x):
        calls.append(isinstance(x, Variable))
        return (np.sin(x) ** 2).sum()

    point = RNG.normal(size=(4, 3))
    comparison = compare_gradients(f, point)
    assert calls.count(True) == 1
    assert calls.count(False) == comparison.n_evaluations + 1 == 25
    assert_allclose(comparison.analytic, np.sin(2 * point), rtol=1e-12)
    assert_allclose(comparison.numerical, np.sin(2 * point), rtol=1e-8)
    assert comparison.relative_error < 1e-9
    assert_allclose(comparison.value, (np.sin(point) ** 2).sum())
    text = str(comparison)
    assert "24 values of f" in text
    assert "4 more" in text
    wrong = compare_gradients(f, point, gradient=lambda x: 1.5 * np.sin(2 * x))
    assert_allclose(wrong.relative_error, 1 / 3, rtol=1e-6)
    with pytest.raises(ValueError, match=r"gradient must give an array of the shape of x, \(4, 3\). It gave \(\)"):
        compare_gradients(f, point, gradient=lambda x: 1.0)


def test_mistakes():
    with pytest.raises(ValueError, match=r"hessian differentiates a number. f gave an array of shape \(3,\)"):
        hessian(np.tanh, x)
    with pytest.raises(TypeError, match=r"f must give one array. It gave a list; np\.stack makes"):
        jacobian(lambda x: [x[0], x[1]], x)
    with pytest.raises(TypeError, match="Where to differentiate"):
        jacobian(np.tanh)
    with pytest.raises(ValueError, match="The 'tol' parameter of classify_critical_point"):
        classify_critical_point(rosenbrock, [1.0, 1.0], tol=-1)


@pytest.mark.parametrize("of_numbers", [numerical_gradient, compare_gradients])
def test_functions_that_give_no_number(of_numbers):
    with pytest.raises(ValueError, match=r"f must give a number. It gave an array of shape \(3,\)"):
        of_numbers(lambda x: x, x)
    with pytest.raises(TypeError, match=r"f must give a number\. It gave None: does it return its result"):
        of_numbers(lambda x: None, x)
    with pytest.raises(TypeError, match=r"f must give an array\. It gave None: does it return its result"):
        jacobian(lambda x: None, x)
