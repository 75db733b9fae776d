"""The base of the network estimators: fit, what it stores, and raw scores."""

from __future__ import annotations

from abc import ABCMeta
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self, TypeVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdl._callbacks_adapter import CallbackMixin, with_callbacks
from skdl._estimator import RootEstimator
from skdl._interrupts import columns_kept, interrupted, to_the_end
from skdl._layer_names import layer_names
from skdl._threads import n_threads
from skdl._typing import MatrixLike, VectorLike, WeightLike
from skdl._validation import validate_X, warn_of_overflow
from skdl._warnings import warn
from skdl.engine import TrainingSpec
from skdl.execution.predict import predict
from skdl.execution.stacker import interned
from skdl.neural._calibration import scaled
from skdl.neural._checkpoint import CheckpointMixin
from skdl.neural._coefficients import checked, fingerprint, is_edited, unfold
from skdl.neural._docs import document
from skdl.neural._fit import NetworkFit
from skdl.neural._parameters import fold, layer_arrays, layers_at_prediction
from skdl.neural._preparation import NO_ROWS, ValidationRows
from skdl.neural._settings import Settings
from skdl.neural._training import Training
from skdl.neural.refitting import train_fits
from skdl.neural.trainable import in_parts

Method = TypeVar("Method", bound=Callable[..., Any])


def from_scores(decode: str) -> Callable[[Method], Method]:
    """Decorator of a method that predicts: declare that it is the method `decode` of the raw scores, and no more."""

    def declare(method: Method) -> Method:
        method.__dict__["decode"] = decode
        return method

    return declare


class BaseNetwork(CheckpointMixin, CallbackMixin, RootEstimator, metaclass=ABCMeta):
    """Base of the estimators that the engine trains.

    A fit goes through the parts of `NetworkFit`: data (the border), a task for the engine, the engine, and every
    `name_`. An ensemble of networks calls the same, with one preparation for all of its members.
    """

    _doc_page = "docs/networks.md"

    @in_parts(NetworkFit)
    @document
    def fit(
        self,
        X: MatrixLike,
        y: VectorLike,
        sample_weight: WeightLike | None = None,
        X_val: MatrixLike | None = None,
        y_val: VectorLike | None = None,
        sample_weight_val: WeightLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        {data}
        {reals}
        {weight}
        {validation}

        Returns
        -------
        self : estimator
            The fitted network.
        """
        go_on = self.warm_start and hasattr(self, "_training")
        validation = (X_val, y_val, sample_weight_val)
        return self._train(X, y, sample_weight, validation, go_on=go_on)

    @document
    def initialize(self, X: MatrixLike, y: VectorLike) -> Self:
        """Build the network for data like X and y with its initial weights, and train nothing; `partial_fit` goes on.

        Parameters
        ----------
        {initial_data}
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Targets, which fix the outputs.

        Returns
        -------
        self : estimator
            The untrained network, which predicts.
        """
        return self._train(X, y, None, go_on=False, n_epochs=0)

    @with_callbacks
    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: ValidationRows = NO_ROWS,
        *,
        go_on: bool,
        n_epochs: int | None = None,
        incremental: bool = False,
        classes: Any = None,
    ) -> Self:
        fit = NetworkFit(self, has_trial=not incremental and n_epochs != 0)
        n_epochs = fit.settings.max_iter if n_epochs is None else n_epochs
        resume = False
        broken_off = not incremental and go_on and self._training.stop_reason == "interrupted"
        if not incremental and hasattr(self, "_training") and (self._training.loaded or broken_off):
            resume = go_on
            if resume:
                n_epochs = n_epochs if self._training.epochs_left(n_epochs) else 0
            else:
                warn("This fit starts anew. To go on from the checkpoint that was loaded, set warm_start=True.")
        if go_on:
            self._take_over_public(resume=resume)
        if n_epochs:
            fit.check_validation_effects(given=validation[0] is not None, incremental=incremental)
        with columns_kept(self):
            data = fit.prepare(X, y, sample_weight, validation, reset=not go_on, classes=classes)
            stopping = not incremental and (n_epochs > 0 or resume)
            member = fit.spec(data, n_epochs=n_epochs, go_on=go_on, stopping=stopping, resume=resume)
            # What `initialize` builds is not the end of a fit; one that was loaded may have no epochs left, and is.
            most = fit.most_epochs(member)
            given = self._as_given(data.y, data.encoding)
            task = self._fit_task(most, X, given, sample_weight) if n_epochs or resume else None

            def observe(i: int, member: TrainingSpec) -> TrainingSpec:
                return member if task is None else task.observe(member, partial(fit.attributes_at, member, data))

            if task is not None:
                task.begin()
            members = [observe(0, member)]
            [(member, outcome)] = train_fits([fit], [data], members, n_threads(self.n_jobs), observe=observe)
            fit.check_outcome(outcome)
            interrupt = to_the_end(partial(fit.store, member, data, outcome))
        if task is not None:
            try:
                task.end()
            except KeyboardInterrupt as error:  # a callback's own, or one that came just now: hooks are called once
                interrupt = error
        if interrupt is not None or outcome.stop_reason == "interrupted":
            self._training.stop_reason = "interrupted"  # the next fit knows that this one is not to be added to
            raise interrupted(interrupt, fit.interrupt_note(outcome))
        warning = fit.warning(outcome, incremental=incremental or n_epochs == 0)
        if warning is not None:
            category, message = warning
            warn(message, category)
        return self

    @property
    def layer_names_(self) -> list[str]:
        """The names of the layers, by which `NetworkFeatures` finds them: "input", "hidden_1", ..., "output"."""
        check_is_fitted(self)
        return layer_names(len(self._training.architecture.widths))

    @property
    def history_(self) -> Any:
        """The epochs as a DataFrame: losses, validation score, learning rate, gradient norm, seconds."""
        check_is_fitted(self)
        return self._training.history()

    def _results(self, settings: Settings, training: Training) -> dict[str, Any]:
        """Every attribute of a network that was trained so far."""
        progress = training.state.progress[0]
        folded = fold(training, scaled(self._output_map(training.encoding), progress.factors))
        losses, scores = progress.losses, progress.scores
        best = float(np.fmax.reduce(scores)) if scores else None
        if progress.kept_by == "validation_score" and progress.kept_epoch:  # others are evaluated for the record
            best = progress.history[progress.kept_epoch - 1]["validation_score"]
        return {
            "_training": training,
            "_between": folded.between,
            "_stored": fingerprint(folded.coefs, folded.intercepts),
            **self._named(folded.coefs, folded.intercepts),
            "n_iter_": progress.epoch,
            "best_epoch_": progress.chosen or progress.kept_epoch or progress.epoch,
            "loss_curve_": losses,
            "loss_": progress.loss,
            "best_loss_": min([progress.loss, *losses]),
            "validation_scores_": scores or None,
            "best_validation_score_": best,
            "n_layers_": len(training.architecture.widths) + 2,
            "n_outputs_": training.architecture.n_outputs,
            "out_activation_": self._loss(training.encoding).link_name,
            "t_": progress.seen,
            "n_parameters_": training.state.theta.size,
        }

    def _named(self, coefs: list[np.ndarray], intercepts: list[np.ndarray]) -> dict[str, Any]:
        """The coefficients under their public names."""
        return {"coefs_": coefs, "intercepts_": intercepts}

    def _public_coefficients(self) -> tuple[Sequence[Any], Sequence[Any]]:
        """The coefficients of each layer under their public names, which a user may have set."""
        return self.coefs_, self.intercepts_

    def _coefficients(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The public coefficients as arrays (n_in, n_out) and (n_out,) of each layer, checked."""
        return checked(self._training.architecture, self._public_coefficients, self._named, vars(self))

    def _is_edited(self) -> bool:
        """True if the public coefficients are no longer those that the training gave."""
        return is_edited(self._stored, *self._coefficients())

    def _take_over_public(self, *, resume: bool) -> None:
        """Let the training go on from the public coefficients, where they are not those that it gave.

        One on all rows that has ended has given others than its own, where they were scaled: these are gone on from.
        """
        progress = self._training.state.progress[0]
        is_scaled = progress.phase == 2 and progress.factors is not None
        if self._is_edited() or (is_scaled and not resume):
            coefs, intercepts = self._coefficients()
            output_map = self._output_map(self._training.encoding)
            self._training = unfold(self._training, coefs, intercepts, output_map)
            self._stored = fingerprint(coefs, intercepts)

    def _raw_scores(self, X: Any) -> np.ndarray:
        """Scores (n, n_outputs) of checked rows, in X's precision."""
        X = self._with_all_numbers(X)
        layers = layers_at_prediction(self._training, X.dtype)
        scores = predict(layers, X, layer_arrays(layers, *self._coefficients(), self._between, X.dtype))
        return warn_of_overflow(self, X, scores)

    def _validated(self, X: Any) -> Any:
        check_is_fitted(self)
        return validate_X(self, X, shared=interned, accept_sparse="csr", **self._checks_of(X, self._schema))

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_training")  # the columns' names alone, which a failed fit leaves, are not a model

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
