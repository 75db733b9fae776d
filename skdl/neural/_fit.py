"""The parts of a network's fit, see `skdl.neural.trainable`."""

from __future__ import annotations

from typing import Any

import numpy as np

from skdl._constraints import check_params
from skdl._progress import EpochLines
from skdl._warnings import Warned
from skdl.engine import Progress, State, TrainingResult, TrainingSpec, with_batch_statistics
from skdl.neural import _outcomes, _phases
from skdl.neural._effects import check_validation_effects
from skdl.neural._epoch_estimator import EpochEstimator
from skdl.neural._preparation import NO_ROWS, Preparation, ValidationRows
from skdl.neural._spec import epoch_lines
from skdl.neural._training import Training
from skdl.neural.encoded_data import EncodedData


class NetworkFit:
    """One fit of one network, whose parameters are checked, and resolved, here and nowhere else.

    Parameters
    ----------
    network : Preparation
    has_trial : bool
        Whether the fit may set rows apart by default; one epoch of `partial_fit`, or none at all, may not.
    """

    def __init__(self, network: Preparation, *, has_trial: bool = True) -> None:
        check_params(network, network._constraints)
        self.network = network
        settings = network._settings()
        self.settings = settings if has_trial else settings.without_default_validation()
        network._check_parameters(self.settings)

    def check_validation_effects(self, *, given: bool = False, incremental: bool = False) -> None:
        check_validation_effects(self.network, self.settings, given=given, incremental=incremental)

    def prepare(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation: ValidationRows = NO_ROWS,
        *,
        reset: bool = True,
        classes: Any = None,
        n_rows: int | None = None,
        drawn_by: np.ndarray | None = None,
        like: EncodedData | None = None,
    ) -> EncodedData:
        return self.network._prepare(
            self.settings,
            X,
            y,
            sample_weight,
            validation,
            reset=reset,
            classes=classes,
            n_rows=n_rows,
            drawn_by=drawn_by,
            like=like,
        )

    def generator(self) -> np.random.Generator:
        return self.network._generator()

    def spec(
        self,
        data: EncodedData,
        *,
        index: np.ndarray | None = None,
        validation_index: np.ndarray | None = None,
        n_epochs: int | None = None,
        go_on: bool = False,
        stopping: bool = True,
        resume: bool = False,
    ) -> TrainingSpec:
        n_epochs = self.settings.max_iter if n_epochs is None else n_epochs
        if resume:
            n_epochs, stopping = _phases.left_of(self.network._training, n_epochs, stopping=stopping)
        return self.network._spec(
            self.settings,
            data,
            self.generator(),
            n_epochs=n_epochs,
            go_on=go_on,
            stopping=stopping,
            index=index,
            validation_index=validation_index,
            resume=resume,
        )

    def decoded(self, data: EncodedData, raw: np.ndarray) -> np.ndarray:
        output_map = self.network._output_map(data.encoding)
        if output_map is not None:
            raw = raw * output_map[0] + output_map[1]
        known = EpochEstimator(self.network, data.encoding, raw)
        answer: np.ndarray = (known.predict_proba if hasattr(self.network, "predict_proba") else known.predict)(raw)
        return answer

    def epochs_of_second(self, outcome: TrainingResult) -> int:
        return _phases.epochs_chosen(outcome)

    def second(
        self, data: EncodedData, outcome: TrainingResult, n_epochs: int, *, index: np.ndarray | None = None
    ) -> TrainingSpec:
        return self.network._spec(
            self.settings,
            data,
            _phases.second_stream(outcome.state.generators[0]),
            n_epochs=n_epochs,
            stopping=False,
            index=index,
            progress=_phases.second_progress(outcome, n_epochs),
        )

    def most_epochs(self, member: TrainingSpec) -> int:
        return member.n_epochs + (self.settings.max_iter if member.phase == 1 else 0)

    def stop_reason(self, outcome: TrainingResult) -> str:
        return _phases.reason_of_both(self.settings, outcome)

    def epoch_lines(self, n_epochs: int, before: Progress | None = None) -> EpochLines:
        return epoch_lines(self.settings, n_epochs, before)

    def check_outcome(self, outcome: TrainingResult) -> None:
        _outcomes.check_outcome(self.settings, outcome)

    def store(self, member: TrainingSpec, data: EncodedData, outcome: TrainingResult) -> None:
        training = Training.of(member, data, outcome.state, outcome.stop_reason)
        vars(self.network).update(self.network._results(self.settings, training))

    def warning(self, outcome: TrainingResult, *, incremental: bool = False) -> Warned | None:
        return _outcomes.outcome_warning(self.settings, outcome, incremental=incremental)

    def interrupt_note(self, outcome: TrainingResult) -> str:
        return _outcomes.interrupt_note(self.settings, outcome)

    def attributes_at(self, member: TrainingSpec, data: EncodedData, state: State) -> dict[str, Any]:
        ended = with_batch_statistics(member, TrainingResult.of(state, "interrupted"))
        return self.network._results(self.settings, Training.of(member, data, ended.state))

    def history_at(self, member: TrainingSpec, data: EncodedData, state: State) -> dict[str, Any]:
        return {"_training": Training.of(member, data, state)}
