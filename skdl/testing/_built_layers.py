"""Rules for layers that are built for a stack."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from skdl._protocols import Fold, ForwardContext, Layer
from skdl.testing._from_rows import Leaves, arrays_of, check_from_rows, initial_arrays, learn_from_rows
from skdl.testing._gradient import check_gradient
from skdl.testing._rules import B, K, require, require_close, require_same_bits

Build = Callable[[Sequence[int]], Layer]  # from numbers of members, below K, to their layer
LEARNED_ROWS = 20
MOST_NUMBERS = 60  # of a parameter whose gradient is compared with differences; all of it must be written


def check_layer(build: Build, n_inputs: int, *, name: str | None = None, x: np.ndarray | None = None) -> None:
    """Check that a layer keeps the contract of `skdl.plugins.Layer`.

    Its parameters have the shapes that it declares, and their initial values come from the given generator only. The
    gradient by x and by each parameter is that of central differences, also where that by x is not needed, and all of
    it is written. float32 stays float32; what the layer is not said to own stays as it is; a second call gives the
    same bits, and so does a copy that was pickled; member i of a stack of 3 gives the same bits as alone. At
    prediction buffers stay and rows do not feel each other, and the layer with a fold, if it has one, does what the
    scale and shift did beside it. What it learns from rows is finite, comes from them and the generator only, and a row
    of weight 2 is the row twice.

    Parameters
    ----------
    build : callable
        From a sequence of members' numbers, out of 0, 1 and 2, to the layer of a stack of these.
    n_inputs : int
        Columns of its x.
    name : str or None, default=None
        What the layer is called in messages; None for its class.
    x : array of shape (3, 5, n_inputs) or None, default=None
        Inputs of a layer that does not take any numbers, such as codes of categories; None for random ones.

    Raises
    ------
    AssertionError
        For the first rule that is broken, with what was measured and the bound.

    Examples
    --------
    >>> from skdl.initializers import HeNormal
    >>> from skdl.layers import Dense
    >>> from skdl.testing import check_layer
    >>> check_layer(lambda members: Dense(4, 3, [HeNormal()] * len(members)), 4)
    >>> class Wrong(Dense):
    ...     def forward(self, x, arrays, context):
    ...         y, backprop = super().forward(x, arrays, context)
    ...         return y, lambda dy, gradients, needed: backprop(2 * dy, gradients, needed)
    >>> check_layer(lambda members: Wrong(4, 3, [HeNormal()] * len(members)), 4)
    Traceback (most recent call last):
        ...
    AssertionError: Wrong: gradient by x, training: relative error 1.0e+00 against central differences, allowed 1.0e-06
    """
    _Check(build, n_inputs, name, x).all()


class _Named:
    """The name of a layer that is checked, for messages."""


class _Check:
    """One layer, its inputs, and what it makes of them."""

    def __init__(self, build: Build, n_inputs: int, name: str | None, x: np.ndarray | None):
        self.build, self.n_inputs = build, n_inputs
        self.layer = build(range(K))
        self.named = type(name or type(self.layer).__name__, (_Named,), {})()
        rng = np.random.default_rng(0)
        self.x = rng.normal(0.3, 1.0, (K, B, n_inputs)) if x is None else x
        self._check_specs()
        self._check_initial()
        self.arrays = self._initial_arrays(rng)
        y, _ = self.layer.forward(
            self.x.copy(), arrays_of(self.layer, self.arrays), self._context(range(K), training=False)
        )
        self.dy = rng.normal(size=y.shape)
        due = (K, B * self.layer.repeats)
        require(y.shape[:2] == due, self.named, "members and rows come first", f"y has shape {y.shape}, not {due}")

    def _initial_arrays(self, rng: np.random.Generator) -> Leaves:
        """Each member's arrays as it has them from rows of its own, and then a little other ones."""
        arrays = initial_arrays(self.layer, [np.random.default_rng(10 + i) for i in range(K)])
        for i in range(K):
            own = [{name: value[i : i + 1] for name, value in named.items()} for named in arrays]
            generator = np.random.default_rng(20 + i)
            rows, targets = self._rows(i, generator), generator.normal(size=(LEARNED_ROWS, 2))
            learn_from_rows(self.build([i]), own, rows, None, targets, generator)
        for leaf, named in zip(self.layer.leaves(), arrays, strict=True):
            for name, value in named.items():
                if not (leaf.learns_from_rows and name in leaf.buffers()):
                    value += rng.uniform(0.0, 0.2, value.shape)  # moved upwards only: a buffer may have to be positive
        return arrays

    def _rows(self, i: int, rng: np.random.Generator) -> np.ndarray:
        """Rows near those of member i, but not at them, where a layer that learned them might have a kink."""
        rows = rng.permuted(self.x[i].repeat(LEARNED_ROWS // B, axis=0), axis=0)
        return rows + rng.uniform(-0.2, 0.2, rows.shape)

    def all(self) -> None:
        """Every rule."""
        check_from_rows(self.build([0]), self.named, self._rows(0, np.random.default_rng(4)).repeat(2, axis=0))
        for training in (True, False):
            mode = "training" if training else "prediction"
            self._check_ownership(training, mode)
            self._check_types(training)
            self._check_gradients(training, mode)
            self._check_copy(training)
        self._check_rows()
        self._check_shared_rows()
        self._check_folds()
        self._check_input_weights()

    def _context(self, members: Sequence[int], *, training: bool) -> ForwardContext:
        generators = [np.random.default_rng(100 + i) for i in members]
        weight = np.full((len(members), B, 1), 1 / B)
        return ForwardContext(training=training, generators=generators, weight=weight)

    def _run(
        self,
        x: np.ndarray,
        arrays: Leaves,
        dy: np.ndarray,
        *,
        training: bool,
        members: Sequence[int] = range(K),
        layer: Layer | None = None,
        needed: bool = True,
    ) -> dict[str, np.ndarray]:
        """Forward and backprop on copies: y, the gradients, the buffers afterwards."""
        layer = layer or (self.layer if len(members) == K else self.build(members))
        arrays = [{name: value.copy() for name, value in named.items()} for named in arrays]
        specs = [(i, spec) for i, leaf in enumerate(layer.leaves()) for spec in leaf.parameters()]
        gradients: Leaves = [{} for _ in arrays]
        for i, spec in specs:
            gradients[i][spec.name] = np.full_like(arrays[i][spec.name], np.nan)  # what is not written shows
        context = self._context(members, training=training)
        y, backprop = layer.forward(x.copy(), arrays_of(layer, arrays), context)
        results = {"y": y.copy()}
        if layer.gives_y:
            y[...] = np.nan
        dx = backprop(dy.copy(), arrays_of(layer, gradients), needed)
        if needed:
            require(dx is not None, self.named, "the gradient by x is given where it is needed", "None")
            results["gradient by x"] = np.asarray(dx)
        results |= {f"gradient by {spec.name} of leaf {i}": gradients[i][spec.name] for i, spec in specs}
        for i, leaf in enumerate(layer.leaves()):
            results |= {f"buffer {name} of leaf {i}": arrays[i][name] for name in leaf.buffers()}
        return results

    def _check_specs(self) -> None:
        for leaf in self.layer.leaves():
            require(not leaf.children, self.named, "a leaf has no children", type(leaf).__name__)
            names = [*(spec.name for spec in leaf.parameters()), *leaf.buffers()]
            require(len(set(names)) == len(names), self.named, "a leaf's arrays have a name each", str(names))
            roles = [spec.role for spec in leaf.parameters()]
            for role in ("weight", "bias"):
                require(roles.count(role) <= 1, self.named, f"a leaf has one {role} at most", str(roles))
            for spec in leaf.parameters():
                rule = "n_blocks divides the rows of a parameter"
                require(spec.shape[0] % spec.n_blocks == 0, self.named, rule, f"{spec.name}: {spec}")
        if self.layer.children:
            own = [spec.name for spec in self.layer.parameters()] + list(self.layer.buffers())
            require(not own, self.named, "a layer has parameters of its own or children, not both", str(own))
        counted = len(self.layer.leaves())
        require(self.layer.n_leaves == counted, self.named, "n_leaves counts them", f"{self.layer.n_leaves}, {counted}")

    def _check_initial(self) -> None:
        for leaf in self.layer.leaves():
            first, again = (leaf.initial(1, np.random.default_rng(7)) for _ in range(2))
            for spec in leaf.parameters():
                shape = np.shape(first[spec.name])
                rule = "initial values have the shape of the spec"
                require(shape == spec.shape, self.named, rule, f"{spec.name}: {shape}, must be {spec.shape}")
                rule = f"initial values come from the given generator only ({spec.name})"
                require_same_bits(again[spec.name], first[spec.name], self.named, rule)

    def _check_types(self, training: bool) -> None:
        for dtype in (np.float32, np.float64):
            x, dy = self.x.astype(dtype), self.dy.astype(dtype)
            arrays = [{name: value.astype(dtype) for name, value in named.items()} for named in self.arrays]
            together = self._run(x, arrays, dy, training=training)
            for name, result in together.items():
                require(result.dtype == dtype, self.named, "dtype kept", f"{name}: {result.dtype}")
                require(len(result) == K, self.named, "member axis kept", f"{name} has shape {result.shape}")
                require(np.isfinite(result).all(), self.named, "finite results, all written", f"{name} is not")
            for name, again in self._run(x, arrays, dy, training=training).items():
                require_same_bits(again, together[name], self.named, f"a second call agrees ({name})")
            for i in range(K):
                own = [{name: value[i : i + 1] for name, value in named.items()} for named in arrays]
                alone = self._run(x[i : i + 1], own, dy[i : i + 1], training=training, members=[i])
                for name, result in alone.items():
                    rule = f"member {i} of a stack equals it alone ({name}, {np.dtype(dtype)})"
                    require_same_bits(together[name][i : i + 1], result, self.named, rule)

    def _check_gradients(self, training: bool, mode: str) -> None:
        def run(x: np.ndarray, arrays: Leaves) -> float:
            return float((self._run(x, arrays, self.dy, training=training)["y"] * self.dy).sum())

        found = self._run(self.x, self.arrays, self.dy, training=training)
        title = f"{type(self.named).__name__}: gradient by x, {mode}"
        check_gradient(lambda x: run(x, self.arrays), found["gradient by x"], self.x, name=title)
        spared = self._run(self.x, self.arrays, self.dy, training=training, needed=False)
        for i, leaf in enumerate(self.layer.leaves()):
            for spec in leaf.parameters():
                key, at = f"gradient by {spec.name} of leaf {i}", self.arrays[i][spec.name]
                some = np.random.default_rng(0).permutation(at.size)[:MOST_NUMBERS]

                def along(values: np.ndarray, i: int = i, name: str = spec.name, some: Any = some) -> float:
                    arrays = [dict(named) for named in self.arrays]
                    arrays[i][name] = arrays[i][name].copy()
                    arrays[i][name].flat[some] = values
                    return run(self.x, arrays)

                title = f"{type(self.named).__name__}: {key}, {mode}"
                check_gradient(along, found[key].flat[some], at.flat[some], name=title)
                rule = f"the same gradients where that by x is not needed ({key})"
                require_same_bits(spared[key], found[key], self.named, rule)

    def _check_ownership(self, training: bool, mode: str) -> None:
        x, arrays = self.x.copy(), [{name: value.copy() for name, value in named.items()} for named in self.arrays]
        _, backprop = self.layer.forward(x, arrays_of(self.layer, arrays), self._context(range(K), training=training))
        gradients = [{name: np.empty_like(value) for name, value in named.items()} for named in self.arrays]
        backprop(self.dy.copy(), arrays_of(self.layer, gradients), True)
        if not self.layer.overwrites_x:
            kept = np.array_equal(x, self.x)
            require(kept, self.named, f"x stays as it is, or overwrites_x says so, {mode}", "x has changed")
        for i, leaf in enumerate(self.layer.leaves()):
            tracked = leaf.buffers() if training else {}
            for name, before in self.arrays[i].items():
                if name not in tracked:
                    rule = f"only buffers change, and only in training ({name}, {mode})"
                    require(np.array_equal(arrays[i][name], before), self.named, rule, "it has changed")

    def _check_copy(self, training: bool) -> None:
        copy = pickle.loads(pickle.dumps(self.layer))
        expected = self._run(self.x, self.arrays, self.dy, training=training)
        for name, result in self._run(self.x, self.arrays, self.dy, training=training, layer=copy).items():
            require_same_bits(result, expected[name], self.named, f"a pickled copy agrees ({name})")

    def _predict(self, layer: Layer, x: np.ndarray, arrays: Leaves) -> np.ndarray:
        y, _ = layer.forward(x.copy(), arrays_of(layer, arrays), self._context(range(len(x)), training=False))
        return np.asarray(y)

    def _check_rows(self) -> None:
        together = self._predict(self.layer, self.x, self.arrays).reshape(K, self.layer.repeats, B, -1)
        for row in range(B):
            alone = self._predict(self.layer, self.x[:, row : row + 1], self.arrays)
            rule = f"at prediction a row does not depend on the others (row {row})"
            require_close(alone, together[:, :, row], self.named, rule, 1e-12)

    def _check_shared_rows(self) -> None:
        if not self.layer.takes_shared_rows:
            return
        alike = [{name: value[:1].repeat(K, axis=0) for name, value in named.items()} for named in self.arrays]
        for arrays in (self.arrays, alike):
            expected = self._predict(self.layer, np.repeat(self.x[:1], K, axis=0), arrays)
            found = self.layer.forward(
                self.x[:1].copy(), arrays_of(self.layer, arrays), self._context(range(K), training=False)
            )[0]
            if self.layer.gives_shared_rows:
                found = np.broadcast_to(found, expected.shape)
            require_same_bits(found, expected, self.named, "rows in common are rows of each member")

    def _check_folds(self) -> None:
        layer, x = self.build([0]), self.x[:1]
        own = [{name: value[0] for name, value in named.items()} for named in self.arrays]
        y, rng = self._predict(layer, x, _with_members(own)), np.random.default_rng(3)
        scale, shift = rng.uniform(0.5, 2.0, self.n_inputs), rng.normal(size=self.n_inputs)
        fold = layer.input_fold()
        if fold is not None:
            offset = shift if fold.takes_shift else np.zeros_like(shift)
            expected = self._predict(layer, (x - offset) * scale, _with_members(own))
            self._check_fold("input_fold", layer, fold, own, expected, (scale, offset))
        fold = layer.output_fold()
        if fold is not None:
            out_scale, out_shift = rng.uniform(0.5, 2.0, (1, y.shape[-1])), rng.normal(size=(1, y.shape[-1]))
            out_shift *= fold.takes_shift
            self._check_fold("output_fold", layer, fold, own, y * out_scale + out_shift, (out_scale, out_shift))
        fixed = layer.fixed_map()
        if fixed is not None:
            factor, offset = fixed(arrays_of(layer, own))
            rule = "fixed_map is what the layer does at prediction"
            require_close(y, x * factor + offset, self.named, rule, 1e-10)
        passed = layer.passed_map(scale, shift)
        if passed is not None:
            factor, offset = passed
            expected = self._predict(layer, (x - shift) * scale, _with_members(own))
            require_close((y - offset) * factor, expected, self.named, "passed_map goes through the layer", 1e-10)

    def _check_fold(
        self, name: str, layer: Layer, fold: Fold, own: Leaves, expected: np.ndarray, by: tuple[np.ndarray, np.ndarray]
    ) -> None:
        folded = [{key: value.copy() for key, value in named.items()} for named in own]
        fold.apply(arrays_of(layer, folded), *by)
        found = self._predict(layer, self.x[:1], _with_members(folded))
        require_close(found, expected, self.named, f"{name} does what scale and shift do", 1e-10)
        fold.undo(arrays_of(layer, folded), *by)
        for named, before in zip(folded, own, strict=True):
            for key, value in named.items():
                require_close(value, before[key], self.named, f"{name} is undone ({key})", 1e-10)

    def _check_input_weights(self) -> None:
        x = self.x.copy()
        x[:, :, 0] = 0.0
        arrays = [{name: value.copy() for name, value in named.items()} for named in self.arrays]
        before = self._predict(self.layer, x, arrays)
        for view in self.layer.input_weights(arrays_of(self.layer, arrays)) or []:
            due = (self.n_inputs, K)
            require(view.shape[:2] == due, self.named, "input_weights are views (n_in, k, ...)", f"{view.shape}")
            view[0] += 1.0
        after = self._predict(self.layer, x, arrays)
        require_close(after, before, self.named, "weights of an input that is zero mean nothing", 1e-12)


def _with_members(own: Leaves) -> Leaves:
    return [{name: value[None] for name, value in named.items()} for named in own]
