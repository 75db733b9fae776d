"""Derivatives of functions: Jacobians, Hessians and along a direction, in either layout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from skdl._constraints import OneOf
from skdl.autodiff._tape import Variable, gradients

LAYOUT = OneOf("numerator", "denominator")


def jacobian(f: Callable[..., Any], *x: Any, layout: str = "numerator") -> Any:
    """The derivatives of an array y = f(x) by its arguments, by one backward pass for each number of y.

    J[i, j] = dy_i / dx_j  in numerator layout, J[j, i] = dy_i / dx_j  in denominator layout,

    with as many axes as y and x have. In numerator layout J is the matrix of the linear map that y follows nearby,
    dy = J dx, and the chain rule reads as the functions do, J_g(f(x)) J_f(x): it is the usual meaning of "Jacobian".
    In denominator layout the axes of x come first, so that the derivative of a number has the shape of x, and
    x - rate * gradient makes sense for matrices too; the chain rule reads from the inside out, dz/dx = dy/dx dz/dy, and
    backpropagation is written dL/dx = W' dL/dy. The two differ by a transposition only, and not at all where y is a
    number: its Jacobian is the gradient, with the shape of x.

    Parameters
    ----------
    f : callable
        From arrays to an array, in NumPy's functions; it is called with Variables.
    *x : array-like
        Where to differentiate.
    layout : {"numerator", "denominator"}, default="numerator"
        Whose axes come first: those of y, above the line in dy/dx, or those of x, below it.

    Returns
    -------
    J : array, or tuple of arrays, one for each x
        Of shape (*y.shape, *x.shape) in numerator layout, (*x.shape, *y.shape) in denominator layout, and of the type
        of x. Zero for an argument that f does not use.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.autodiff import jacobian
    >>> A = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> jacobian(lambda x: A @ x, np.zeros(3))
    array([[1., 2., 3.],
           [4., 5., 6.]])
    >>> jacobian(lambda x: x @ x, [1.0, 2.0])  # the gradient, 2 x
    array([2., 4.])

    A vector by a matrix is a tensor, (m, n, m) in denominator layout: d(W x)_k / dW_ij is x_j where k = i, else 0.

    >>> jacobian(lambda W, x: W @ x, A, np.ones(3), layout="denominator")[0].shape
    (2, 3, 2)
    """
    if not LAYOUT.accepts(layout):
        raise ValueError(f"The 'layout' parameter of jacobian must be {LAYOUT}. Got {layout!r} instead.")
    given = _variables(x)
    y = _called(f, given)
    found = _rows(y, given)
    if layout == "denominator":
        found = [np.moveaxis(J, range(y.ndim), range(-y.ndim, 0)).copy() for J in found]
    return found[0] if len(x) == 1 else tuple(found)


def hessian(f: Callable[..., Any], *x: Any) -> Any:
    """The second derivatives of a number f(x), by differentiating its gradient: the tape records the way back too.

    H[i, j] = d^2 f / dx_i dx_j

    It is symmetric where the second derivatives are continuous, so that both layouts agree. It takes one backward pass
    for the gradient and one for each number of x.

    Parameters
    ----------
    f : callable
        From arrays to a number, in NumPy's functions; it is called with Variables.
    *x : array-like
        Where to differentiate.

    Returns
    -------
    H : array of shape (*x.shape, *x.shape)
        For several arguments a tuple of tuples: H[a][b], of shape (*x_a.shape, *x_b.shape), differentiates by x_a and
        x_b.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.autodiff import hessian
    >>> A = np.array([[1.0, 2.0], [0.0, 3.0]])
    >>> hessian(lambda x: x @ A @ x, np.ones(2))  # A + A'
    array([[2., 2.],
           [2., 6.]])
    """
    given = _variables(x)
    y = _called(f, given)
    if y.size != 1:
        raise ValueError(f"hessian differentiates a number. f gave an array of shape {y.shape}.")
    blocks = tuple(tuple(_rows(slope, given)) for slope in gradients(y, given, as_variables=True))
    return blocks[0][0] if len(x) == 1 else blocks


def directional_derivative(f: Callable[[Any], Any], x: Any, v: Any) -> np.ndarray:
    """The rate of change of f(x) along v, d/dt f(x + t v) at t = 0: of a number v' grad f, of an array J v.

    v is taken as it is: for the slope in a direction divide it by its length. Of all directions of length 1 that of the
    gradient has the largest, |grad f|, and the opposite is that of steepest descent.

    Parameters
    ----------
    f : callable
        From an array to a number or an array, in NumPy's functions; it is called with a `Variable`.
    x : array-like
        Where.
    v : array-like
        Along what, of the shape of x.

    Returns
    -------
    derivative : array of the shape of f(x)

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.autodiff import directional_derivative
    >>> directional_derivative(lambda x: x[0] ** 2 + 3 * x[1], [1.0, 5.0], [0.6, 0.8])  # 2 * 0.6 + 3 * 0.8
    array(3.6)
    """
    [given] = _variables([x])
    v = np.asarray(v, dtype=given.dtype)
    if v.shape != given.shape:
        raise ValueError(f"v must have the shape of x, {given.shape}. Got {v.shape}.")
    y = _called(f, [given])
    # u'J is linear in u: its derivative by u along v is J v, at any u.
    u = Variable(np.zeros(y.shape, y.dtype))
    [back] = gradients(y, [given], u, as_variables=True)
    return gradients(back, [u], v)[0]


def _variables(x: Any) -> list[Variable]:
    if not x:
        raise TypeError("Where to differentiate? Give the arguments of f after it.")
    return [Variable(each) for each in x]


def _called(f: Callable[..., Any], given: list[Variable]) -> Variable:
    """What f gives, where constants count as Variables that nothing leads to."""
    y = f(*given)
    if isinstance(y, Variable):
        return y
    if y is None:
        raise TypeError("f must give an array. It gave None: does it return its result?")
    if isinstance(y, (list, tuple)):
        raise TypeError(f"f must give one array. It gave a {type(y).__name__}; np.stack makes an array of its entries.")
    return Variable(y)


def _rows(y: Variable, given: list[Variable]) -> list[np.ndarray]:
    """The derivatives of each number of y, one after the other, with the axes of y first."""
    found = [np.empty((*y.shape, *x.shape), x.dtype) for x in given]
    for index in np.ndindex(*y.shape):
        seed = np.zeros(y.shape, y.dtype)
        seed[index] = 1
        for J, row in zip(found, gradients(y, given, seed), strict=True):
            J[index] = row
    return found
