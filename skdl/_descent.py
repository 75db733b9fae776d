"""One step of a first-order rule, the same for the weights of networks and for the variables of any function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from skdl._array import Array, in_order, norms_within
from skdl._compiled import Kind, Loop, Rule, elementwise_loop, trace
from skdl._protocols import FirstOrderOptimizer


@dataclass(frozen=True)
class Term:
    """A penalty's part of the gradient, alpha R'(theta - prior), with all that it depends on.

    Parameters
    ----------
    derivative : Rule
        Of the weight, then of numbers of the penalty.
    n_penalised : int
        The first W parameters have the penalty.
    alpha : array of shape (k, 1) or (k, W)
    prior : array of shape (k, W) or None
    numbers : mapping of arrays of shape (k, 1)
    """

    derivative: Rule
    n_penalised: int
    alpha: Array
    prior: Array | None
    numbers: Mapping[str, Array]


@dataclass(frozen=True)
class Recipe:
    """What is done to the parameters of one segment in a step: all that the source of its loop depends on.

    Each name is that of an array which the loop takes; None or False for what is left out.
    """

    rule: Rule | None = None
    memory: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    derivative: Rule | None = None
    penalty_numbers: tuple[str, ...] = ()
    prior: bool = False
    alpha: Kind = "member"
    mask: bool = False
    units: bool = False
    limit: bool = False
    factor: bool = False
    updates: bool = True  # else the gradient is what is written
    rate_factors: bool = False
    decay: Kind | None = None

    @property
    def inputs(self) -> dict[str, Kind]:
        """The arrays in order: the parameters, the gradient, the memory, then what the parts ask for."""
        found: dict[str, Kind] = {"theta": "element", "gradient": "element"}
        if self.rule is not None:
            found |= {f"memory {name}": "element" for name in self.memory}
            found |= {f"number {name}": "member" for name in self.numbers}
        if self.derivative is not None:
            found["alpha"] = self.alpha
            found |= {f"penalty {name}": "member" for name in self.penalty_numbers}
        elements = {"prior": self.prior, "mask": self.mask, "units": self.units, "rate_factors": self.rate_factors}
        found |= {name: "element" for name, has in elements.items() if has}
        members = {"limit": self.limit, "factor": self.factor, "rate": self.updates}
        found |= {name: "member" for name, has in members.items() if has}
        if self.decay is not None:
            found["decay"] = "member"
        if self.decay == "element":
            found["decay_factors"] = "element"
        return found

    @property
    def outputs(self) -> list[str]:
        return ["theta", *(f"memory {name}" for name in self.memory)] if self.updates else ["gradient"]

    def __call__(self, *arrays: Any) -> Any:
        """The step itself, of numbers, arrays, or what stands for them."""
        given = dict(zip(self.inputs, arrays, strict=True))
        theta, d = given["theta"], given["gradient"]
        if self.derivative is not None:
            weight = theta - given["prior"] if self.prior else theta
            numbers = {name: given[f"penalty {name}"] for name in self.penalty_numbers}
            d = d + given["alpha"] * self.derivative(weight, **numbers)
        if self.mask:
            d = d * given["mask"]
        if self.units:
            d = d * given["units"]
        if self.limit:
            d = np.clip(d, -given["limit"], given["limit"])
        if self.factor:
            d = d * given["factor"]
        if not self.updates:
            return d
        memory: Sequence[Any] = ()
        if self.rule is not None:
            states = {name: given[f"memory {name}"] for name in self.memory}
            numbers = {name: given[f"number {name}"] for name in self.numbers}
            results = self.rule(d, **states, **numbers)
            d, *memory = results if isinstance(results, tuple | list) else (results,)
        d = d * given["rate"]
        if self.rate_factors:
            d = d * given["rate_factors"]
        if self.decay is not None:
            share = given["decay"] * given["decay_factors"] if self.decay == "element" else given["decay"]
            theta = theta * (1 - share)
        theta = theta - d
        return (theta * given["mask"] if self.mask else theta, *memory)


@lru_cache(maxsize=256)
def _loop(recipe: Recipe, dtype: Any) -> Loop:
    return elementwise_loop(trace(recipe, recipe.inputs, recipe.outputs), dtype)


class Descent:
    """The steps of k members: theta <- theta - rate (d + weight_decay theta), d from the clipped gradient.

    Parameters
    ----------
    optimizer : FirstOrderOptimizer
        Of a stack.
    theta : array of shape (k, P)
        Changed in place by each step, in float32 or float64.
    memory : mapping of arrays of shape (k, P)
        The optimizer's, changed in place too.
    term : Term or None
        A penalty's part of the gradient. What other penalties add is in the gradient before.
    n_decayed : int
        The weight decay acts on so many parameters, the first ones.
    decay_factors, rate_factors, units, mask : arrays of shape (k, P) or None
        Factors of the decay, then of all parameters; of the learning rate; of the gradient, before it is clipped; and
        zeros where gradient and parameter are held at zero.
    """

    def __init__(
        self,
        optimizer: FirstOrderOptimizer,
        theta: Array,
        memory: Mapping[str, Array],
        *,
        term: Term | None = None,
        n_decayed: int | None = None,
        decay_factors: Array | None = None,
        rate_factors: Array | None = None,
        units: Array | None = None,
        mask: Array | None = None,
    ) -> None:
        self.optimizer, self.theta, self.memory = optimizer, theta, memory
        size, self.dtype = theta.shape[1], theta.dtype
        self.rule = optimizer.elementwise_rule
        self.n_decayed = n_decayed if n_decayed is not None and decay_factors is None else size
        if not np.any(optimizer.weight_decay):
            self.n_decayed = 0
        self.n_penalised = 0 if term is None else term.n_penalised
        self.arrays: dict[str, Array] = {"theta": theta}
        self.arrays |= {f"memory {name}": array for name, array in memory.items()}
        given = {"decay_factors": decay_factors, "rate_factors": rate_factors, "units": units, "mask": mask}
        self.arrays |= {name: self._elements(value) for name, value in given.items() if value is not None}
        if optimizer.clip_value is not None:
            self.arrays["limit"] = self._numbers(optimizer.clip_value)
        if optimizer.clip_norm is not None:
            self.arrays["factor"] = np.ones((len(theta), 1), self.dtype)
        if term is not None:
            self.arrays["alpha"] = in_order(term.alpha, self.dtype)
            self.arrays |= {f"penalty {name}": self._numbers(value) for name, value in term.numbers.items()}
            if term.prior is not None:
                self.arrays["prior"] = in_order(term.prior, self.dtype)
        self.changing: dict[str, Array] = {}  # numbers of the steps that are planned
        values: dict[str, Any] = {}
        if self.rule is not None:
            of_steps = optimizer.numbers(np.ones((len(theta), 1), self.dtype))
            values = self.rule.numbers(optimizer, of_steps, optimizer.state_names)
            self.arrays |= {f"number {name}": self._numbers(each) for name, each in values.items()}
        before = Recipe(
            derivative=None if term is None else term.derivative,
            penalty_numbers=() if term is None else tuple(term.numbers),
            prior=term is not None and term.prior is not None,
            alpha="member" if term is None or term.alpha.shape[1] == 1 else "element",
            mask=mask is not None,
            updates=False,
        )
        limiting = Recipe(units=units is not None, limit="limit" in self.arrays, updates=False)
        after = Recipe(
            rule=self.rule,
            memory=() if self.rule is None else optimizer.state_names,
            numbers=tuple(values),
            mask=mask is not None,
            factor=self.rule is not None and optimizer.clip_norm is not None,
            rate_factors=rate_factors is not None,
            decay=None if not self.n_decayed else "member" if decay_factors is None else "element",
        )
        last = replace(after, units=limiting.units, limit=limiting.limit)
        whole = replace(
            last,
            derivative=before.derivative,
            penalty_numbers=before.penalty_numbers,
            prior=before.prior,
            alpha=before.alpha,
        )
        self.before, self.limiting, self.after, self.last, self.whole = (
            _Pass(recipe, self) for recipe in (before, limiting, after, last, whole)
        )

    def plan(self, rates: Array, steps: Array, decays: Array | None = None) -> None:
        """Take the learning rates, the numbers of the steps from 1 on, and factors of the decay, all (k, S)."""
        self.steps = np.ascontiguousarray(steps, self.dtype)
        self.changing["rate"] = rates = self._numbers(rates)
        if self.n_decayed:
            share = rates * self.optimizer.weight_decay
            self.changing["decay"] = self._numbers(share if decays is None else share * decays)
        if self.rule is not None:
            values = self.optimizer.numbers(self.steps)
            self.changing |= {f"number {name}": self._numbers(value) for name, value in values.items()}
        for each in (self.before, self.limiting, self.after, self.last, self.whole):
            each.is_bound = False

    def step(self, i: int, gradient: Array, before_limits: Callable[[Array], None] | None = None) -> None:
        """The step of column i of what was planned; the gradient is used up.

        `before_limits` is called with the gradient of the whole objective, before units and limits, and may change it.
        """
        limit = self.optimizer.clip_norm
        in_one_pass = limit is None and self.rule is not None
        if in_one_pass and before_limits is None and self.whole.is_compiled:
            self.whole.run(i, gradient)
            return
        self.before.run(i, gradient)
        if before_limits is not None:
            before_limits(gradient)
        if in_one_pass:  # which takes fewer of NumPy's calls: but for the penalty, all parameters are alike
            self.last.run(i, gradient)
            return
        self.limiting.run(i, gradient)
        if limit is not None:
            self.arrays["factor"][...] = norms_within(gradient, limit)
        if self.rule is None:
            if limit is not None:
                gradient *= self.arrays["factor"]
            direction = self.optimizer.direction(gradient, self.memory, self.steps[:, i : i + 1])
            gradient = in_order(direction, self.dtype)
        self.after.run(i, gradient)

    def _elements(self, value: Array) -> Array:
        return in_order(np.broadcast_to(value, self.theta.shape), self.dtype)

    def _numbers(self, value: Any) -> Array:
        """Numbers of members, (k, 1) or (k, S), to read from."""
        value = np.asarray(value, self.dtype)
        if value.ndim < 2 or len(value) != len(self.theta):
            value = np.broadcast_to(value, (len(self.theta), value.size))
        return np.ascontiguousarray(value)


class _Pass:
    """A recipe on all parameters: on those with a penalty or decay, and on the others, without."""

    def __init__(self, recipe: Recipe, descent: Descent) -> None:
        self.recipe, self.descent = recipe, descent
        self.is_bound = False  # whether the arrays are those of what is planned

    @property
    def is_compiled(self) -> bool:
        """Whether all of its loops are, at the moment."""
        return all(loop.run is not loop.by_numpy for loop, *_ in self._prepared)

    def run(self, i: int, gradient: Array) -> None:
        if not self.is_bound:
            self._bind()
        for loop, start, stop, _, arrays in self._prepared:
            arrays[1] = gradient
            loop.run(i, start, stop, *arrays)

    def _bind(self) -> None:
        # the gradient is each step's own
        given = {**self.descent.arrays, **self.descent.changing, "gradient": self.descent.theta}
        for *_, names, arrays in self._prepared:
            arrays[:] = [given[name] for name in names]
        self.is_bound = True

    @cached_property
    def _prepared(self) -> list[tuple[Loop, int, int, tuple[str, ...], list[Array]]]:
        """Each loop, where it begins and ends, the names of its arrays, and these."""
        descent, recipes = self.descent, dict[int, Recipe]()
        for start in sorted({0, descent.n_penalised, descent.n_decayed} - {descent.theta.shape[1]}):
            own = self.recipe
            if start >= descent.n_penalised:
                own = replace(own, derivative=None, penalty_numbers=(), prior=False, alpha="member")
            if start >= descent.n_decayed:
                own = replace(own, decay=None)
            if own not in list(recipes.values())[-1:]:  # else it goes on
                recipes[start] = own
        return [
            (_loop(own, descent.dtype), start, stop, tuple(own.inputs), [])
            for (start, own), stop in zip(recipes.items(), [*list(recipes)[1:], descent.theta.shape[1]], strict=True)
            if own != Recipe(updates=False)
        ]
