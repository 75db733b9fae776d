"""The first half of a fit: validated and encoded data, and the specification for the engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from skdl._protocols import FullBatchOptimizer
from skdl._validation import in_units, validate_sample_weight
from skdl._warnings import warn
from skdl.engine import Progress, TrainingSpec
from skdl.neural._augmentation import augmenter_of, check_augmentation
from skdl.neural._early_stopping import check_alike, split, validation_score
from skdl.neural._effects import check_calibrates, check_effects
from skdl.neural._kind import NetworkKind
from skdl.neural._phases import is_first, judged_epochs, may_try, trial_time
from skdl.neural._rows import check_validation_rows, training_rows
from skdl.neural._settings import Settings
from skdl.neural._source import Source
from skdl.neural._spec import (
    alpha_in_training,
    check_alpha,
    check_range,
    check_roles,
    epoch_lines,
    flat_alpha,
    flat_prior,
    frozen_layers,
    state_to_go_on_from,
    taken_layers,
)
from skdl.neural._table import filled, makes_the_same, schema_of, takes_missing, with_holes
from skdl.neural.encoded_data import EncodedData
from skdl.tables import TableSchema, holds_plain_numbers, is_table, names_of

ValidationRows = tuple[Any, Any, Any]  # X_val, y_val and sample_weight_val as the user gave them
NO_ROWS: ValidationRows = (None, None, None)


class Preparation(NetworkKind):
    """The first half of a fit."""

    def _checks_of(
        self, X: Any, schema: TableSchema | None, *, reset: bool = False, source: Source | None = None
    ) -> dict[str, Any]:
        """How the border is to check X: by the schema, if there is one, and with missing numbers, if they may be.

        Where a fit (or that of the network that layers come from) has seen plain numbers, what comes later may be
        objects, or numbers of another kind.
        """
        takes_holes = takes_missing(self._missing, X)
        is_known = source is not None or not reset
        if schema is None and is_known and takes_holes and is_table(X) and not holds_plain_numbers(X):
            if source is not None:
                names, n_columns = source.names, source.n_columns
            else:
                names, n_columns = getattr(self, "feature_names_in_", None), self.n_features_in_
            schema = TableSchema.of_numbers(names, (False,) * n_columns, self._missing)
        return {"table": schema, "ensure_all_finite": "allow-nan" if takes_holes else True}

    def _with_all_numbers(self, X: Any) -> Any:
        """Checked rows; what is missing is filled in where the layers do not encode it, as none was in the fit."""
        training = self._training
        return X if training.architecture.columns else filled(X, training.shift)

    def _check_parameters(self, settings: Settings) -> None:
        """Raise for parameters that do not go together, before any work is done."""
        penalty, optimizer = settings.penalty, settings.optimizer
        smoothed = isinstance(optimizer, FullBatchOptimizer) and settings.splits_l1 and optimizer.takes_bounds
        if optimizer.full_batch and (penalty.projects or (np.any(penalty.l1_weight) and not smoothed)):
            raise ValueError(
                f"penalty={self.penalty!r} has kinks or bounds, and optimizer={self.optimizer!r} needs a smooth "
                "objective. Choose a first-order optimizer, such as 'adam', or penalty='l2'."
            )
        if np.ndim(self.alpha) and (penalty.of_activations is not None or not penalty.is_separable):
            raise ValueError(f"penalty={self.penalty!r} takes one number as 'alpha'.")
        check_effects(self, settings)
        check_augmentation(self, settings)

    def _generator(self) -> np.random.Generator:
        """The fit's stream of random numbers; scikit-learn's RandomState instances give a seed and move on."""
        seed = self.random_state
        return np.random.default_rng(seed.randint(2**31 - 1) if isinstance(seed, np.random.RandomState) else seed)

    def _prepare(
        self,
        settings: Settings,
        X: Any,
        y: Any,
        sample_weight: Any,
        validation: ValidationRows = NO_ROWS,
        *,
        reset: bool = True,
        classes: Any = None,
        n_rows: int | None = None,
        drawn_by: np.ndarray | None = None,
        like: EncodedData | None = None,
    ) -> EncodedData:
        """Validated and encoded data, which everything after it trusts. See `Trainable.prepare`."""
        source = settings.source if reset else None
        if source is not None or not reset:
            schema = self._schema if source is None else source.training.schema
        else:
            schema = schema_of(settings, X, sample_weight if drawn_by is None else drawn_by)
        if validation[0] is not None:
            check_alike(X, validation[0], by_name=schema is not None)
        names, checks = names_of(X), self._checks_of(X, schema, reset=reset, source=source)
        if like is not None and makes_the_same(schema, like.schema):
            X, checks["table"] = like.X, None
        X, y, weight = self._check_data(X, y, sample_weight, reset=reset, **checks)
        weight = None if weight is None else in_units(weight)
        counts = weight if drawn_by is None else drawn_by
        encoding = self._encoding_of(X, y, counts, classes) if reset else self._encoding_now(y, counts)
        kept = None if counts is None or counts.all() else np.flatnonzero(counts)
        weight = self._with_class_weight(y, weight, encoding, kept)
        if reset:
            n_rows = n_rows or (X.shape[0] if weight is None else int(np.count_nonzero(weight)))
            encoding = self._smoothed(settings, encoding, n_rows, is_validated=validation[0] is not None)
            dtype: Any = settings.training_dtype(X.dtype, n_rows)
            if source is None:
                schema = with_holes(schema, settings, X, names, kept)
            else:
                source.check_columns(X, names if schema is None else None)
                X = X if source.training.architecture.columns else filled(X, source.training.shift)
        else:
            dtype = self._training.dtype
            X = self._with_all_numbers(X)
        evaluated = self._prepare_validation(*validation, encoding, dtype, schema)
        targets = self._targets(y, encoding, dtype, weight if drawn_by is None else drawn_by)
        return EncodedData(X, y, targets, weight, encoding, dtype, evaluated, drawn_by, self._column_names, schema)

    def _targets(self, y: np.ndarray, encoding: Any, dtype: Any, weight: np.ndarray | None) -> np.ndarray:
        """Y as the loss takes it; what rows of weight zero hold does not matter."""
        with np.errstate(over="ignore"):
            targets: np.ndarray = encoding.encode(y, dtype)
        self._loss(encoding).check_targets(targets if weight is None else targets[weight > 0])
        return targets

    def _prepare_validation(
        self, X: Any, y: Any, sample_weight: Any, encoding: Any, dtype: Any, schema: TableSchema | None
    ) -> EncodedData | None:
        """The user's own validation rows, held to the columns and labels of the training rows."""
        if X is None and y is None and sample_weight is None:
            return None
        if X is None or y is None:
            raise ValueError("Validation data needs both X_val and y_val.")
        X, y, _ = self._check_data(X, y, None, reset=False, **self._checks_of(X, schema))
        weight = validate_sample_weight(sample_weight, X)
        if weight is not None:
            kept = np.flatnonzero(weight)
            X, y, weight = X[kept], y[kept], in_units(weight[kept])
        return EncodedData(X, y, self._targets(y, encoding, dtype, weight), weight, encoding, dtype)

    def _spec(
        self,
        settings: Settings,
        data: EncodedData,
        generator: np.random.Generator,
        *,
        n_epochs: int,
        go_on: bool = False,
        stopping: bool = True,
        index: np.ndarray | None = None,
        validation_index: np.ndarray | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> TrainingSpec:
        """The task for the engine: training on the rows `index` of the data (None for all).

        Rows of weight zero are left out, as if they were not there. See `Trainable.spec`. The second training of two
        begins with the `progress` that the trial has left.
        """
        is_sample = index is not None
        if index is None:
            index = data.kept
        elif data.weight is not None and data.kept is not None:
            index = index[data.weight[index] > 0]
        before = self._training if go_on else None
        if before is not None:
            generator = before.state.generators[0]
        n_inputs = data.X.shape[1]
        source = settings.source if before is None else None
        origin = before if source is None else source.training
        if origin is None:
            encoded = settings.encodes(n_inputs, data.columns, is_sparse=sparse.issparse(data.X))
        else:
            encoded = origin.is_encoded
        architecture = settings.architecture_for(n_inputs, data.encoding.n_outputs, data.columns, encoded=encoded)
        check_alpha(settings.alpha, architecture.n_inputs)
        check_roles(settings, architecture)
        frozen = frozen_layers(settings, architecture)
        if source is not None:
            source.check_network(architecture, standardize=settings.scales_columns)
        check_range(self, data.dtype)
        if before is not None and before.architecture.structure != architecture.structure:
            raise ValueError(
                f"{settings.name} cannot go on from its last training: the network's structure has changed. Call fit "
                "with warm_start=False."
            )
        loss, output_map = self._loss(data.encoding), self._output_map(data.encoding)
        evaluated, set_apart, is_trial = data.validation, None, False
        n_rows = data.X.shape[0] if index is None else len(index)
        if evaluated is None and stopping and validation_index is not None:
            set_apart = validation_index if data.kept is None else np.intersect1d(validation_index, data.kept)
        elif evaluated is None and stopping and settings.stops_early(n_rows):
            fraction, refits = settings.validation_fraction, settings.refits
            if not refits or may_try(before, resume=resume):
                index, set_apart = split(data, index, fraction, generator, is_sample=is_sample, required=not refits)
                is_trial = refits and set_apart is not None
        if set_apart is not None:
            evaluated = data.rows(set_apart)
        second = before.state.progress[0] if resume and before is not None else progress
        is_scaled = second is not None and second.phase == 2 and second.factors is not None
        if not settings.calibrates or (evaluated is None and not is_scaled):
            data = self._unsmoothed(data)
        rows = training_rows(settings, data, index, origin, getattr(self, "image_shape_", None))
        n_learned = rows.n + (len(set_apart) if is_trial and set_apart is not None else 0)  # in the end
        n_given = n_learned + (0 if data.kept is None else data.X.shape[0] - len(data.kept))
        if not isinstance(settings.batch_size, str) and settings.batch_size > n_given and progress is None:
            warn(
                f"batch_size={settings.batch_size} is larger than the {n_learned} training rows and is clipped to them."
            )
        validation = score = judged = scaling = None
        if evaluated is not None:
            if settings.calibrates:
                scaling = self._scaling(evaluated, loss)
                check_calibrates(self, scaling)
            if settings.refits and stopping and is_first(before, resume=resume):
                judged = judged_epochs(settings)
                n_epochs = min(n_epochs, judged[-1])
            if set_apart is not None:
                validation = replace(rows, index=set_apart, weight=data.weight)
            else:
                X = evaluated.X if data.columns else filled(evaluated.X, rows.shift)
                own = {"X": X, "targets": evaluated.targets, "weight": evaluated.weight}
                validation = replace(rows, **own, index=None, strata=None)
            check_validation_rows(settings, data, validation)
            if settings.scores_by_default:
                score = self._scorer(evaluated.y, evaluated.weight, evaluated.encoding)
            else:
                if scaling is not None:  # labels as they are, without smoothing
                    evaluated = replace(evaluated, targets=scaling.targets.astype(data.dtype))
                score = validation_score(self, settings.scoring, evaluated, validation, loss, output_map)
        idle = (None if rows.scale is None else rows.scale == 0, self._idle_outputs(data.encoding))
        state = watch = None
        taken: dict[str, Any] = {}
        if source is not None:
            taken = taken_layers(settings, source, architecture, data.encoding, loss, output_map, rows.scale)
        if before is not None:
            moved = idle if not frozen or frozen[-1] <= len(architecture.widths) else (idle[0], None)
            state = state_to_go_on_from(before, rows, self._idle_outputs(before.encoding), moved, generator)
        if is_trial:
            progress = Progress(phase=1)
        if settings.verbose:
            shown = progress if before is None else before.state.progress[0]
            watch = epoch_lines(settings, n_epochs, shown, resume=resume)
        return TrainingSpec(
            architecture=architecture,
            loss=loss,
            penalty=settings.penalty,
            optimizer=settings.optimizer,
            schedule=settings.schedule,
            alpha=flat_alpha(alpha_in_training(settings, rows), architecture, data.dtype),
            prior=flat_prior(self._prior(), architecture, rows, output_map),
            rows=rows,
            batch_size=settings.batch_rows(rows.n),
            dtype=data.dtype,
            generator=generator,
            n_epochs=n_epochs,
            max_epochs=settings.max_iter,
            max_time=trial_time(settings) if is_trial else settings.max_time,
            shuffle=settings.shuffle,
            tol=settings.tol,
            patience=settings.patience(is_evaluated=evaluated is not None) if stopping else None,
            validation=validation,
            score=score,
            judged=judged,
            evaluates_all=data.validation is not None,
            scaling=scaling,
            progress=progress,
            watch=watch,
            state=state,
            idle=idle,
            resume=resume,
            learning_rate_factors=settings.learning_rate_factors,
            weight_decay_factors=settings.weight_decay_factors,
            weight_decay_schedule=settings.weight_decay_schedule,
            dropout_schedule=settings.dropout_schedule,
            parametrization=settings.parametrization,
            frozen=frozen,
            augmenter=augmenter_of(self, settings, data, rows),
            **taken,
        )
