"""The tape: arrays whose uses are recorded, and the walk back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin
from scipy import special

Pullback = Callable[[np.ndarray], np.ndarray]


class Variable(NDArrayOperatorsMixin):
    """An array whose uses are recorded.

    It takes operators (+ - * / ** @, comparisons), NumPy's functions of the tables below, indexing, and the methods
    `sum`, `mean`, `max`, `reshape`, `transpose`, `swapaxes`; other functions raise a TypeError.

    Parameters
    ----------
    value : array-like

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.autodiff import Variable, gradients
    >>> x = Variable([1.0, 2.0])
    >>> y = np.exp(x) * x  # x is used twice: what goes back adds up
    >>> gradients(y, [x])[0] / np.exp(x.value)
    array([2., 3.])
    """

    def __init__(self, value: Any, parents: Sequence[tuple[Variable, Pullback]] = ()):
        value = np.asarray(value)
        # A gradient is not a whole number, though the values be.
        self.value: np.ndarray = value.astype(np.float64) if value.dtype.kind in "biu" else value
        self.parents = parents

    def __repr__(self) -> str:
        return f"Variable({self.value!r})"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def dtype(self) -> np.dtype:
        return self.value.dtype

    @property
    def T(self) -> Variable:
        return self.transpose()

    def __len__(self) -> int:
        return len(self.value)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        values = [_value(x) for x in inputs]
        if method == "__call__" and not options:
            if ufunc in STEPWISE:
                return ufunc(*values)
            if ufunc in RULES:
                y = ufunc(*values)
                used = [(x, rule) for x, rule in zip(inputs, RULES[ufunc], strict=True) if isinstance(x, Variable)]
                return Variable(y, [(x, _pullback(x, rule, y, values)) for x, rule in used])
        raise TypeError(f"skdl.autodiff does not support this use of numpy.{ufunc.__name__}.")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in FUNCTIONS:
            raise TypeError(f"skdl.autodiff does not support numpy.{function.__name__}.")
        return FUNCTIONS[function](*args, **kwargs)

    def __getitem__(self, index: Any) -> Variable:
        def back(dy: np.ndarray) -> np.ndarray:
            dx = np.zeros_like(self.value)
            np.add.at(dx, index, dy)  # an index may come twice
            return dx

        return Variable(self.value[index], [(self, back)])

    def sum(self, axis: Any = None, keepdims: bool = False) -> Variable:
        """The sum over one axis, several, or all."""
        y = self.value.sum(axis=axis, keepdims=True)
        shape = y.shape if keepdims else self.value.sum(axis=axis).shape
        return Variable(y.reshape(shape), [(self, lambda dy: np.broadcast_to(dy.reshape(y.shape), self.shape))])

    def mean(self, axis: Any = None, keepdims: bool = False) -> Variable:
        """The mean over one axis, several, or all."""
        total = self.sum(axis, keepdims)
        mean: Variable = total * (total.value.size / self.value.size)
        return mean

    def max(self, axis: Any = None, keepdims: bool = False) -> Variable:
        """The largest number; equal ones share the gradient."""
        y = self.value.max(axis=axis, keepdims=True)
        largest = self.value == y
        share = largest / largest.sum(axis=axis, keepdims=True).astype(self.dtype)
        shape = y.shape if keepdims else self.value.max(axis=axis).shape
        return Variable(y.reshape(shape), [(self, lambda dy: dy.reshape(y.shape) * share)])

    def reshape(self, *shape: Any) -> Variable:
        """The same numbers in another shape."""
        return Variable(self.value.reshape(*shape), [(self, lambda dy: dy.reshape(self.shape))])

    def transpose(self, *axes: Any) -> Variable:
        """The axes in another order, reversed by default."""
        given = axes[0] if len(axes) == 1 and (axes[0] is None or np.ndim(axes[0])) else axes
        order = tuple(axis % self.ndim for axis in given) if given else tuple(reversed(range(self.ndim)))
        return Variable(self.value.transpose(order), [(self, lambda dy: dy.transpose(np.argsort(order)))])

    def swapaxes(self, a: int, b: int) -> Variable:
        return Variable(self.value.swapaxes(a, b), [(self, lambda dy: dy.swapaxes(a, b))])


def gradients(output: Variable, inputs: Sequence[Variable], seed: Any = None) -> list[np.ndarray]:
    """The gradients of sum(seed * output) by each of `inputs`; the seed is 1 by default.

    Examples
    --------
    >>> from skdl.autodiff import Variable, gradients
    >>> a, b = Variable([[1.0, 2.0]]), Variable([[3.0], [4.0]])
    >>> gradients(a @ b, [a, b])
    [array([[3., 4.]]), array([[1.],
           [2.]])]
    """
    seed = np.broadcast_to(np.asarray(1 if seed is None else seed, dtype=output.dtype), output.shape)
    found: dict[int, np.ndarray] = {id(output): seed}
    for node in reversed(_ordered(output)):
        dy = found[id(node)]
        for parent, pullback in node.parents:
            dx = pullback(dy)
            found[id(parent)] = found[id(parent)] + dx if id(parent) in found else dx
    return [np.array(found.get(id(x), np.zeros_like(x.value)), dtype=x.dtype) for x in inputs]


def _ordered(output: Variable) -> list[Variable]:
    """The nodes that the output depends on, each after its parents; without recursion, as formulas may be deep."""
    order: list[Variable] = []
    seen: set[int] = set()
    stack: list[tuple[Variable, bool]] = [(output, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent, _ in node.parents)
    return order


def _pullback(x: Variable, rule: Callable[..., Any], y: Any, values: Sequence[Any]) -> Pullback:
    """The way back through one input of a ufunc; what was broadcast is summed."""

    def back(dy: np.ndarray) -> np.ndarray:
        dx: np.ndarray = np.asarray(rule(dy, y, *values))
        dx = np.asarray(dx.sum(axis=tuple(range(dx.ndim - x.ndim))))
        stretched = tuple(i for i, n in enumerate(x.shape) if n == 1 and dx.shape[i] != 1)
        return np.asarray(dx.sum(axis=stretched, keepdims=True))

    return back


def _value(x: Any) -> Any:
    """A Variable's array; a Python number stays one, for with it float32 stays float32."""
    return x.value if isinstance(x, Variable) else np.asarray(x) if isinstance(x, (list, tuple)) else x


def inverse(x: Variable) -> Variable:
    """The inverses of square matrices; dX = -Y^T dY Y^T."""
    y = np.linalg.inv(x.value)
    flipped = y.swapaxes(-1, -2)
    return Variable(y, [(x, lambda dy: -(flipped @ dy @ flipped))])


def erf(x: Variable) -> Variable:
    """The error function, which NumPy lacks."""
    return Variable(special.erf(x.value), [(x, lambda dy: dy * np.exp(-x.value * x.value) * (2 / np.pi**0.5))])


def where(condition: Any, a: Any, b: Any) -> Any:
    """Elements of a where the condition holds, else of b; the others have no gradient, but must be finite."""
    chosen = np.asarray(_value(condition), dtype=bool)
    return chosen * a + ~chosen * b


def _of_taken(dy: Any, y: Any, this: Any, other: Any) -> Any:
    """The gradient by one of two numbers of which the extreme was taken as y; equal ones share it."""
    return dy * (this == y) / (1 + (this == other))


def dot(a: Any, b: Any) -> Any:
    """The sum over a's last axis and b's last but one (its only one), of numbers the product."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    if np.ndim(b) <= 2:
        return np.matmul(a, b)
    b = b if isinstance(b, Variable) else np.asarray(b)
    shape = (*np.shape(a)[:-1], *b.shape[:-2], b.shape[-1])
    columns = b.swapaxes(-1, -2).reshape(-1, b.shape[-2])
    return np.matmul(np.reshape(a, (-1, np.shape(a)[-1])), columns.T).reshape(shape)


def outer(a: Any, b: Any) -> Any:
    """The outer product of two vectors."""
    return np.reshape(a, (-1, 1)) * np.reshape(b, (1, -1))


def _matmul_parts(dy: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    """A product of matrices, where a stands for a row if it is a vector, and b for a column."""
    a, b, dy = np.asarray(a), np.asarray(b), np.asarray(dy)
    dy = dy[..., None] if b.ndim == 1 else dy
    dy = dy[..., None, :] if a.ndim == 1 else dy
    return dy, a[None] if a.ndim == 1 else a, b[:, None] if b.ndim == 1 else b


def _matmul_left(dy: Any, y: Any, a: Any, b: Any) -> Any:
    dy, _, columns = _matmul_parts(dy, a, b)
    da = dy @ np.swapaxes(columns, -1, -2)
    return da[..., 0, :] if np.ndim(a) == 1 else da


def _matmul_right(dy: Any, y: Any, a: Any, b: Any) -> Any:
    dy, rows, _ = _matmul_parts(dy, a, b)
    db = np.swapaxes(rows, -1, -2) @ dy
    return db[..., 0] if np.ndim(b) == 1 else db


def _power_base(dy: Any, y: Any, a: Any, b: Any) -> Any:
    return dy * b * np.where(b == 0, 1, a) ** (b - 1)  # a^0 is constant, at a = 0 too


def _log_or_0(x: Any) -> np.ndarray:
    return np.log(np.where(x > 0, x, 1))


# For each function, the gradient by each input: from dy, the result y, and the inputs.
RULES: dict[np.ufunc, tuple[Callable[..., Any], ...]] = {
    np.add: (lambda dy, y, a, b: dy, lambda dy, y, a, b: dy),
    np.subtract: (lambda dy, y, a, b: dy, lambda dy, y, a, b: -dy),
    np.multiply: (lambda dy, y, a, b: dy * b, lambda dy, y, a, b: dy * a),
    np.divide: (lambda dy, y, a, b: dy / b, lambda dy, y, a, b: -dy * y / b),
    np.power: (_power_base, lambda dy, y, a, b: dy * y * _log_or_0(a)),
    np.maximum: (lambda dy, y, a, b: _of_taken(dy, y, a, b), lambda dy, y, a, b: _of_taken(dy, y, b, a)),
    np.minimum: (lambda dy, y, a, b: _of_taken(dy, y, a, b), lambda dy, y, a, b: _of_taken(dy, y, b, a)),
    np.matmul: (_matmul_left, _matmul_right),
    np.logaddexp: (lambda dy, y, a, b: dy * np.exp(a - y), lambda dy, y, a, b: dy * np.exp(b - y)),
    np.negative: (lambda dy, y, x: -dy,),
    np.reciprocal: (lambda dy, y, x: -dy * y * y,),
    np.square: (lambda dy, y, x: 2 * dy * x,),
    np.sqrt: (lambda dy, y, x: dy / (2 * y),),
    np.absolute: (lambda dy, y, x: dy * np.sign(x),),
    np.exp: (lambda dy, y, x: dy * y,),
    np.expm1: (lambda dy, y, x: dy * (y + 1),),
    np.log: (lambda dy, y, x: dy / x,),
    np.log1p: (lambda dy, y, x: dy / (1 + x),),
    np.tanh: (lambda dy, y, x: dy * (1 - y * y),),
    np.sin: (lambda dy, y, x: dy * np.cos(x),),
    np.cos: (lambda dy, y, x: -dy * np.sin(x),),
}
# Functions whose derivative is 0, or that give no reals: their results are constants.
STEPWISE = {np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal, np.sign, np.floor}
FUNCTIONS: dict[Any, Callable[..., Any]] = {
    np.sum: Variable.sum,
    np.mean: Variable.mean,
    np.max: Variable.max,
    np.reshape: Variable.reshape,
    np.transpose: Variable.transpose,
    np.swapaxes: Variable.swapaxes,
    np.where: where,
    np.dot: dot,
    np.outer: outer,
    np.ndim: lambda x: x.ndim,
    np.shape: lambda x: x.shape,
    np.linalg.inv: inverse,
}
