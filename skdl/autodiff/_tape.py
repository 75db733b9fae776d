"""The tape: arrays whose uses are recorded, and the walk back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from skdl.autodiff._rules import RULES, STEPWISE

# From the gradient by a result, and the result, to the gradient by one operand: of arrays, or of Variables.
Pullback = Callable[[Any, Any], Any]


class Variable(NDArrayOperatorsMixin):
    """An array whose uses are recorded.

    It takes operators (+ - * / ** @, comparisons), the functions of NumPy that this module has rules for, indexing, and
    the methods `sum`, `mean`, `max`, `reshape`, `transpose`, `swapaxes`, `astype`; other functions raise a TypeError.
    Its value is a copy that cannot be written to: what was recorded holds.

    Parameters
    ----------
    value : array-like
        Whole numbers become float64; float32 stays float32.

    Attributes
    ----------
    value : array
    operation : str
        What it is the result of: "input", or the name of a function.
    operands : tuple
        What that function was called with: Variables, and constants.

    Examples
    --------
    >>> import numpy as np
    >>> from skdl.autodiff import Variable, gradients
    >>> x = Variable([1.0, 2.0])
    >>> y = np.exp(x) * x  # x is used twice: what goes back adds up
    >>> gradients(y, [x])[0] / np.exp(x.value)
    array([2., 3.])
    """

    __pandas_priority__ = 5000  # above a frame's: series - x is ours to compute
    value: np.ndarray
    operation: str
    operands: tuple[Any, ...]
    parents: Sequence[tuple[Variable, Pullback]]

    def __init__(self, value: Any):
        value = np.array(value)
        if value.dtype.kind not in "biuf":
            raise TypeError(f"A Variable takes real numbers, not {value.dtype}; np.stack puts Variables together.")
        # A gradient is not a whole number, though the values be.
        self._set(value if value.dtype.kind == "f" else value.astype(np.float64), "input", (), ())

    def _set(self, value: np.ndarray, operation: str, operands: tuple[Any, ...], parents: Any) -> None:
        value.flags.writeable = False
        self.value, self.operation, self.operands, self.parents = value, operation, operands, parents

    def __repr__(self) -> str:
        return f"Variable({self.value!r})"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.value.shape

    @property
    def ndim(self) -> int:
        return self.value.ndim

    @property
    def size(self) -> int:
        return self.value.size

    @property
    def dtype(self) -> np.dtype:
        return self.value.dtype

    @property
    def T(self) -> Variable:
        return self.transpose()

    def __len__(self) -> int:
        return len(self.value)

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            "A Variable is not made an array, which would lose its gradient. np.stack puts several together, a frame "
            "is multiplied as X.to_numpy() @ x, and the numbers are in `.value`."
        )

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method == "__call__" and not options:
            inputs = tuple(x if isinstance(x, KEPT) else np.asarray(x) for x in inputs)
            values = [value_of(x) for x in inputs]
            if ufunc in STEPWISE:
                return ufunc(*values)
            if ufunc in RULES:
                used = [(x, rule) for x, rule in zip(inputs, RULES[ufunc], strict=True) if isinstance(x, Variable)]
                parents = [(x, _pullback(x.shape, rule, inputs, values)) for x, rule in used]
                return recorded(ufunc(*values), ufunc.__name__, inputs, parents)
        if options.get("out", (None,))[0] is self:
            raise TypeError(
                f"A Variable is not changed in place; write x = np.{ufunc.__name__}(x, ...), or x = x + ..."
            )
        raise TypeError(f"skdl.autodiff does not support this use of numpy.{ufunc.__name__}.")

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if function not in FUNCTIONS:
            raise TypeError(f"skdl.autodiff does not support numpy.{function.__name__}.")
        return FUNCTIONS[function](*args, **kwargs)

    def __getitem__(self, index: Any) -> Variable:
        parents = [(self, lambda dy, y: spread(dy, index, self.shape))]
        return recorded(self.value[index], "index", (self, index), parents)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError("A Variable is not changed in place; np.where, np.stack and np.concatenate make new ones.")

    def sum(self, axis: Any = None, keepdims: bool = False) -> Variable:
        """The sum over one axis, several, or all."""
        y = self.value.sum(axis=axis, keepdims=True)
        shape = y.shape if keepdims else self.value.sum(axis=axis).shape
        parents = [(self, lambda dy, _: np.broadcast_to(dy.reshape(y.shape), self.shape))]
        return recorded(y.reshape(shape), "sum", (self,), parents)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Variable:
        """The mean over one axis, several, or all."""
        total = self.sum(axis, keepdims)
        mean: Variable = total * (total.value.size / self.value.size)
        return mean

    def max(self, axis: Any = None, keepdims: bool = False) -> Variable:
        """The largest number; equal ones share the gradient."""
        y = self.value.max(axis=axis, keepdims=True)
        largest = self.value == y
        share = (largest / largest.sum(axis=axis, keepdims=True)).astype(self.dtype)
        shape = y.shape if keepdims else self.value.max(axis=axis).shape
        return recorded(y.reshape(shape), "max", (self,), [(self, lambda dy, _: dy.reshape(y.shape) * share)])

    def reshape(self, *shape: Any) -> Variable:
        """The same numbers in another shape."""
        parents = [(self, lambda dy, y: dy.reshape(self.shape))]
        return recorded(self.value.reshape(*shape), "reshape", (self,), parents)

    def transpose(self, *axes: Any) -> Variable:
        """The axes in another order, reversed by default."""
        given = axes[0] if len(axes) == 1 and (axes[0] is None or np.ndim(axes[0])) else axes
        order = tuple(axis % self.ndim for axis in given) if given else tuple(reversed(range(self.ndim)))
        back = tuple(int(i) for i in np.argsort(order))
        parents = [(self, lambda dy, y: dy.transpose(back))]
        return recorded(self.value.transpose(order), "transpose", (self,), parents)

    def swapaxes(self, a: int, b: int) -> Variable:
        return recorded(self.value.swapaxes(a, b), "swapaxes", (self,), [(self, lambda dy, y: dy.swapaxes(a, b))])

    def astype(self, dtype: Any) -> Variable:
        """The same numbers in another precision."""
        parents = [(self, lambda dy, y: dy.astype(self.dtype))]
        return recorded(self.value.astype(dtype), "astype", (self,), parents)


KEPT = (Variable, np.ndarray, int, float, np.generic)
# What NumPy's functions do with Variables; `skdl.autodiff._functions` fills it.
FUNCTIONS: dict[Any, Callable[..., Any]] = {}


def recorded(value: Any, operation: str, operands: tuple[Any, ...], parents: Any) -> Variable:
    """The result of an operation, with the way back to each operand that is a Variable."""
    result = Variable.__new__(Variable)
    result._set(np.asarray(value).view(), operation, operands, parents)
    return result


def value_of(x: Any) -> Any:
    """A Variable's array; a Python number stays one, for with it float32 stays float32."""
    return x.value if isinstance(x, Variable) else x


def spread(dy: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of a shape, to which dy is added at an index: what goes back from x[index]."""
    value = value_of(dy)
    dx = np.zeros(shape, value.dtype)
    np.add.at(dx, index, value)  # an index may come twice
    return recorded(dx, "spread", (dy,), [(dy, lambda g, y: g[index])]) if isinstance(dy, Variable) else dx


def summed_to(dx: Any, shape: tuple[int, ...]) -> Any:
    """What was broadcast from a shape, summed to it."""
    if dx.shape == shape:
        return dx
    leading = dx.ndim - len(shape)
    stretched = (i for i, n in enumerate(shape, leading) if n == 1 and dx.shape[i] != 1)
    return dx.sum(axis=(*range(leading), *stretched), keepdims=True).reshape(shape)


def _pullback(shape: tuple[int, ...], rule: Callable[..., Any], inputs: Any, values: Sequence[Any]) -> Pullback:
    """The way back from a ufunc to one of its inputs, by arrays or by Variables as dy is one or the other."""

    def back(dy: Any, y: Any) -> Any:
        dx = rule(dy, y, *(inputs if isinstance(dy, Variable) else values))
        return summed_to(dx if isinstance(dx, Variable) else np.asarray(dx), shape)

    return back


@overload
def gradients(
    output: Variable, inputs: Sequence[Variable], seed: Any = None, *, as_variables: Literal[False] = False
) -> list[np.ndarray]: ...
@overload
def gradients(
    output: Variable, inputs: Sequence[Variable], seed: Any = None, *, as_variables: Literal[True]
) -> list[Variable]: ...
def gradients(
    output: Variable, inputs: Sequence[Variable], seed: Any = None, *, as_variables: bool = False
) -> list[Any]:
    """The gradients of sum(seed * output) by each of `inputs`, of the shape and the type of the input.

    Parameters
    ----------
    output : Variable
    inputs : sequence of Variable
        One that the output does not depend on has gradient zero.
    seed : array-like, Variable or None, default=None
        Of the output's shape, or one that broadcasts to it; 1 by default.
    as_variables : bool, default=False
        Whether the way back is recorded too: then the gradients are Variables, which can be differentiated again.

    Examples
    --------
    >>> from skdl.autodiff import Variable, gradients
    >>> a, b = Variable([[1.0, 2.0]]), Variable([[3.0], [4.0]])
    >>> gradients(a @ b, [a, b])
    [array([[3., 4.]]), array([[1.],
           [2.]])]
    >>> x = Variable(2.0)
    >>> [slope] = gradients(x**4, [x], as_variables=True)
    >>> gradients(slope, [x])  # 12 x^2
    [array(48.)]
    """
    if not isinstance(output, Variable):
        raise TypeError(f"The output must be a Variable. Got {type(output).__name__}.")
    found = upstream(output, seed, as_variables=as_variables)
    results: list[Any] = []
    for x in inputs:
        dx = found.get(id(x), np.zeros_like(x.value))
        if not as_variables:
            results.append(np.array(dx, dtype=x.dtype))
        else:
            dx = dx if isinstance(dx, Variable) else Variable(dx)
            results.append(dx if dx.dtype == x.dtype else dx.astype(x.dtype))
    return results


def upstream(output: Variable, seed: Any = None, *, as_variables: bool = False) -> dict[int, Any]:
    """The gradient by each node that the output depends on, by the node's id."""
    if not isinstance(seed, Variable):
        seed = np.asarray(1 if seed is None else seed, dtype=output.dtype)
        seed = Variable(seed) if as_variables else seed
    found: dict[int, Any] = {id(output): np.broadcast_to(seed, output.shape)}
    for node in reversed(ordered(output)):
        dy, y = found[id(node)], node if as_variables else node.value
        for parent, pullback in node.parents:
            dx = pullback(dy, y)
            found[id(parent)] = found[id(parent)] + dx if id(parent) in found else dx
    return found


def ordered(output: Variable) -> list[Variable]:
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
