"""What networks for real targets have in common: units of the targets, and what scores mean in these."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from skdl._encoding import Reals
from skdl._weights import require_spread_seen
from skdl.neural._base import BaseNetwork
from skdl.neural._rows import LIMITS, check_scales
from skdl.neural._standardize import mean_and_scale, row_weights, scale_about


class RealTargets(BaseNetwork):
    """A network whose scores are linked to real targets, which are standardised."""

    standardize_target: bool
    clip_predictions: bool

    def _accepts_encoding(self, encoding: Any) -> bool:
        return isinstance(encoding, Reals)

    def _encoding_of(self, X: Any, y: np.ndarray, weight: np.ndarray | None, classes: Any) -> Reals:
        return self._with_range(self._standardising(y, weight), y, weight)

    def _with_range(self, encoding: Reals, y: np.ndarray, weight: np.ndarray | None) -> Reals:
        """The encoding that holds predictions to the range of these targets, and of those that it knows."""
        if not self.clip_predictions:
            return replace(encoding, lower=None, upper=None)
        columns = y.reshape(len(y), -1)
        seen = (columns if weight is None else columns[weight > 0]).astype(np.float64)
        lower, upper = seen.min(axis=0), seen.max(axis=0)
        if encoding.lower is not None and encoding.upper is not None:
            lower, upper = np.minimum(lower, encoding.lower), np.maximum(upper, encoding.upper)
        return replace(encoding, lower=lower, upper=upper)

    def _standardising(self, y: np.ndarray, weight: np.ndarray | None) -> Reals:
        columns = y.reshape(len(y), -1)
        kept = None if weight is None or weight.all() else np.flatnonzero(weight)
        shift, reciprocal = mean_and_scale(columns, row_weights(len(y), None, weight), kept)
        constant = reciprocal == 0
        if not (self.standardize_target and self._loss(None).standardizes):
            inside = self._loss(None).unlink(shift) is not None
            return Reals(np.where(constant & inside, shift, 0.0), np.where(constant & inside, 0.0, 1.0), y.ndim == 1)
        name = partial(self._target_name, columns.shape[1])
        require_spread_seen(columns, weight, None, name)
        check_scales(reciprocal, LIMITS[y.dtype], columns, name)
        return Reals(shift, 1 / np.where(constant, np.inf, reciprocal), y.ndim == 1)

    def _encoding_now(self, y: np.ndarray, weight: np.ndarray | None) -> Reals:
        """That of the first training; an output that was constant takes its scale from the first other targets."""
        encoding = self._with_range(self._training.encoding, y, weight)
        idle = np.flatnonzero(encoding.scale == 0)
        if not len(idle):
            return encoding
        columns = encoding.validate(y).reshape(len(y), -1)
        reciprocal = np.zeros(encoding.n_outputs)
        reciprocal[idle] = scale_about(columns, row_weights(len(y), None, weight), encoding.shift, idle)
        check_scales(reciprocal, LIMITS[y.dtype], columns, partial(self._target_name, columns.shape[1]))
        moves = np.flatnonzero(reciprocal)
        if not len(moves):
            return encoding
        shift, scale = encoding.shift.copy(), encoding.scale.copy()
        scale[moves] = 1 / reciprocal[moves] if self.standardize_target else 1.0
        if not self._loss(encoding).standardizes:
            shift[moves], scale[moves] = 0.0, 1.0
        return replace(encoding, shift=shift, scale=scale)

    def _targets(self, y: np.ndarray, encoding: Reals, dtype: Any, weight: np.ndarray | None) -> np.ndarray:
        learned = encoding
        if not self._loss(encoding).standardizes:  # with a link they are learned as they are, also where all are equal
            learned = replace(encoding, shift=np.zeros(encoding.n_outputs), scale=np.ones(encoding.n_outputs))
        targets = super()._targets(y, learned, dtype, weight)
        seen, of = (targets, y) if weight is None else (targets[weight > 0], y[weight > 0])
        lost = of.any() and encoding.scale.all() and not seen.any()
        if lost or not (np.isfinite(seen).all() and self._holds_loss(seen, encoding)):
            advice = ["multiply y by a constant, or replace a value that stands for a missing one"]
            if np.dtype(dtype) != np.float64:
                advice.insert(0, "set dtype='float64'")
            if self._loss(encoding).standardizes and not self.standardize_target:
                advice.insert(0, "set standardize_target=True")
            text = ", or ".join(advice)
            raise ValueError(
                f"y holds numbers up to {np.abs(of).max():.4g}, and {np.dtype(dtype)} cannot hold them or their loss. "
                f"{text[0].upper()}{text[1:]}."
            )
        return targets

    def _holds_loss(self, targets: np.ndarray, encoding: Reals) -> bool:
        """True if the loss of the largest targets is finite in their precision; a square may not be."""
        sizes = np.abs(targets)
        if not (sizes.size and sizes.max() > np.sqrt(np.finfo(targets.dtype).max) / 2):
            return True
        worst = targets[None, sizes.argmax(axis=0)]
        weight = np.ones((1, worst.shape[1], 1), targets.dtype)
        with np.errstate(all="ignore"):
            value, _ = self._loss(encoding).value_and_gradient(np.zeros_like(worst), worst, weight)
        return bool(np.isfinite(value).all())

    def _idle_outputs(self, encoding: Reals) -> np.ndarray | None:
        return encoding.scale == 0 if self._loss(encoding).standardizes else None

    def _output_map(self, encoding: Reals) -> tuple[np.ndarray, np.ndarray]:
        loss, constant = self._loss(encoding), encoding.scale == 0
        if loss.standardizes or not constant.any():
            return encoding.scale, encoding.shift
        scores: Any = loss.unlink(encoding.shift)  # of the constants, which there are only where the link has them
        return encoding.scale, np.where(constant, scores, encoding.shift)

    def _predictions(self, scores: np.ndarray) -> np.ndarray:
        encoding: Reals = self._training.encoding
        with np.errstate(invalid="ignore"):  # of scores that are not finite, which a warning was given of
            return encoding.decode(self._loss(encoding).link(scores))

    def _target_name(self, n_outputs: int, j: int) -> str:
        """The name of a target in messages."""
        return "y" if n_outputs == 1 else f"Column {j} of y"
