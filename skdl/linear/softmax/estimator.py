"""The linear maximum-likelihood classifier.

It is a network without hidden layers: data, encodings, first-order training, checkpoints and callbacks are those of the
networks. What it adds is a full-batch search of its own, in `objective`, `preconditioner` and `search`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_is_fitted

from skdl import _registry
from skdl._constraints import NONE, ArrayLike, Boolean, Instance, Integer, OneOf, RandomState, Real
from skdl._encoding import Labels
from skdl._layer_names import OUTPUT
from skdl._search_space import LogUniform, SearchSpaceMixin
from skdl._table_input import CONSTRAINTS as TABLES
from skdl._threads import n_threads
from skdl._typing import (
    CategoricalLike,
    ClassWeight,
    OptimizerLike,
    PenaltyLike,
    RandomStateLike,
    ScheduleLike,
    VectorLike,
)
from skdl.engine import TrainingSpec
from skdl.layers.architecture import Architecture
from skdl.linear.softmax.search import SoftmaxSearch
from skdl.linear.softmax.sparse_coef import SparseCoefMixin
from skdl.linear.softmax.summary import SoftmaxSummaryMixin
from skdl.linear.softmax.tables import SoftmaxTablesMixin, design_width, with_alpha_of_columns
from skdl.neural._classifier import NetworkClassifier
from skdl.neural._coefficients import unfold
from skdl.neural._rows import training_rows
from skdl.neural._settings import Settings
from skdl.neural._training import Training
from skdl.neural.encoded_data import EncodedData


class SoftmaxClassifier(SoftmaxTablesMixin, SparseCoefMixin, SoftmaxSummaryMixin, SearchSpaceMixin, NetworkClassifier):
    """Softmax (multinomial logistic) regression: the linear classifier of maximum likelihood.

    minimise  -1/n sum_i w_i log p(y_i | x_i) + alpha/2 sum_jk (s_j W_kj)^2,  p(. | x) = softmax(W x + b)

    with w_i the sample weights divided by their mean, and s_j the standard deviation of column j: the penalty is that
    on the coefficients for standardised columns, so that their units play no role. The intercepts b are free. With
    `standardize=False` all s_j are 1, and the objective is that of scikit-learn's `LogisticRegression`, see the notes.

    Parameters
    ----------
    alpha : float or array-like of shape (n_features,), default=1e-3
        Factor of the penalty, in [0, inf); an array holds one for each feature.
    fit_intercept : bool, default=True
        Whether to estimate the intercepts b; without, they are 0.
    standardize : bool, default=True
        Whether the penalty is on the coefficients for columns of standard deviation 1 (without intercepts: of mean
        square 1), by the sample weights of the training. Else it is on those for X as it is, and the units of columns
        decide how much each is penalised. `coef_` is for X as it is in both cases.
    optimizer : str or Optimizer, default="lbfgs"
        Name or instance of any optimizer. Full-batch ones take all rows at once, others batches of `batch_size`. See
        the notes for what makes the default fast.
    schedule : str or Schedule, default="constant"
        The learning rate over time, for first-order optimizers.
    penalty : str, Penalty or list of these, default="l2"
        Function of the weights in the objective: "l2", "l1", "elastic_net" or another, and of a list the sum; see the
        notes for the default optimizer's way with kinks.
    prior : array-like of shape (n_classes, n_features) or None, default=None
        Coefficients, for X as it is, that the penalty draws to, rather than to zero.
    batch_size : int or "auto", default="auto"
        Rows of a step of a first-order optimizer, at least 1; "auto" is min(200, n_samples).
    max_iter : int, default=1000
        Most iterations (for a first-order optimizer: epochs), at least 1.
    max_time : float or None, default=None
        Seconds, in (0, inf), after which no further iteration begins; at least one is done.
    tol : float, default=1e-5
        A full-batch optimizer has converged when no component of the objective's gradient is larger, in [0, inf). The
        gradient is that by the intercepts and by the coefficients of centred columns divided by
        sqrt(variance + 4 alpha), so that units play no role; with `standardize`, the variance is 1. A first-order one
        stops after more than `n_iter_no_change` epochs in a row that gain no more than this on the best loss.
    n_iter_no_change : int, default=10
        See `tol`; at least 1.
    shuffle : bool, default=True
        Whether each epoch takes the rows in a new random order.
    warm_start : bool, default=False
        Whether fit goes on from the last fit, to the same minimum as a fit from the start. Along 20 alphas from 0.1
        to 1e-5 it takes a fifth to a third of the iterations with "l2", up to a half with "l1"; more, where alphas
        are further apart.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, times `sample_weight`; "balanced" is n_samples / (n_classes * class count).
    dtype : {"auto", "float32", "float64"}, default="auto"
        Precision of the training; "auto" is X's, and float32 for mini-batches.
    random_state : int, RandomState instance or None, default=None
        The order of rows; a full-batch optimizer uses no random numbers.
    verbose : int, default=0
        1 prints one line per iteration: the loss, the time passed, and about how much is left.
    n_jobs : int or None, default=None
        Threads over blocks of rows in a full-batch search; None are as many as BLAS has. It changes no bit of the
        result.
    categorical_features : "from_dtype", None, or array-like of bool, int or str, default="from_dtype"
        Columns of X that hold categories: "from_dtype" takes those of a frame with categories, strings or objects; a
        list has their names, their numbers or a bool for each.
    missing : {"auto", "encode", "error"}, default="auto"
        Missing cells: "auto" takes them in frames, where NaN in an array is an error; "encode" takes them in both,
        "error" in neither.

    Attributes
    ----------
    coef_ : array of shape (n_classes, n_features)
        W. Two classes have two rows too, which sum to zero when alpha > 0; their difference is the one row of
        scikit-learn's `LogisticRegression`.
    intercept_ : array of shape (n_classes,)
        b, which sum to zero; all zero without intercepts.
    classes_ : array of shape (n_classes,)
        Labels, sorted.
    n_iter_ : int
        Iterations done, in all fits that went on from each other.
    best_epoch_ : int
        The iteration, from 1, whose coefficients these are: the best one on given validation rows, else the last one.
    loss_curve_ : list of float
        Objective after each iteration.
    loss_ : float
        The last of them.
    solver_ : str
        Solver that ran: the optimizer, and how a full-batch one searched: "lbfgs (bohning)", "lbfgs (hessian)", "lbfgs
        (diagonal)" or "lbfgs (split)", see the notes.
    history_ : DataFrame
        One row per iteration: `epoch`, `loss`, `validation_loss` and `validation_score` (NaN: this estimator sets no
        rows apart), `learning_rate` (NaN for a full-batch optimizer), `gradient_norm` and `seconds`.
    layer_names_ : list of str
        The name of its one layer, "output".
    n_features_in_ : int
        Columns of X.
    feature_names_in_ : array of shape (n_features_in_,)
        Their names, when X had names that are all strings.
    image_shape_ : tuple of int
        Height, width and, where there is a third axis, channels, where X held images (n_samples, height, width) or
        (n_samples, height, width, channels), which are rows of height * width * channels numbers.

    See Also
    --------
    MLPClassifier : The same with hidden layers.

    Notes
    -----
    A y of shape (n_samples, n_classes) holds class probabilities: floats, each row with a sum of one. The classes are
    the argument `classes` of `fit`, else the names of a frame's columns, else 0, 1, 2, ...; `classes_` and the columns
    of `predict_proba` are sorted. For rows that are all zeros and a one, `classes` is needed. `score` counts the most
    probable label as true, and `class_weight` gives a row the expectation over its classes. A row has one label: for
    several there is `MLPClassifier(hidden_layer_sizes=())`.

    With `standardize=False`, or on columns that are standardised, scikit-learn's `LogisticRegression` has the same
    minimum. With n the sum of its sample weights, C and l1_ratio = r are here:

    - for three and more classes, alpha = 1 / (C n), whatever the penalty, and `penalty=ElasticNet(r)`;
    - for two classes, of which it has one row of coefficients, the difference of the two here: alpha = 2 / (C n) with
      "l2", alpha = 1 / (C n) with "l1", and alpha = (2 - r) / (C n) with `penalty=ElasticNet(r / (2 - r))`;
    - for C = inf, alpha = 0.

    A full-batch optimizer searches in variables that the rows' Gram matrix has made alike ("bohning" in `solver_`):
    in the coefficients' own terms, L-BFGS starts from (c X'X/n + alpha I)^-1, Böhning's bound of the curvature up
    to the constant c, rather than from a multiple of I, and takes several times fewer iterations. X is neither
    copied nor scaled for it. With more than 5000 columns, with fewer rows than columns, for a sparse X, and where
    the matrix would cost more than it saves, columns are scaled only ("diagonal"). A fit that goes on from another
    one searches by the Hessian's block for each class there ("hessian"), where that costs less than it saves. A
    penalty with kinks, such as "l1", is met by bounds on the positive and the negative part of each coefficient
    ("split"), whose zeros are exact; a fit that goes on from another one scales them by the Hessian's diagonal there.

    What differs from scikit-learn's estimator is in one table of docs/migration.md.

    Each category of a table's column has an indicator with a coefficient, which the penalty and `standardize` treat as
    all others; missing cells are a category of their own. A missing number counts as the mean of the others, and has a
    flag if there were any in `fit`. What `fit` has not seen counts as average, without intercept as zero.
    `get_encoded_feature_names_out` names the columns of `coef_`, and their matrix is sparse.

    With float32 data, products are computed in float32 and summed in float64.

    References
    ----------
    C. M. Bishop, "Pattern Recognition and Machine Learning", 2006, section 4.3.4. D. Böhning, "Multinomial logistic
    regression algorithm", Annals of the Institute of Statistical Mathematics 44, 1992.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdl import SoftmaxClassifier
    >>> X, y = load_iris(return_X_y=True, as_frame=True)
    >>> softmax = SoftmaxClassifier().fit(X, y)
    >>> softmax.coef_.shape
    (3, 4)
    >>> round(softmax.score(X, y), 2)
    0.98

    The log odds of one class against another, and how sure one may be of them, of a fit without penalty:

    >>> width, kind = X.loc[y > 0, ["petal width (cm)"]], y[y > 0]
    >>> summary = SoftmaxClassifier(alpha=0).fit(width, kind).summary(width, reference=1)
    >>> print(summary.loc[2, ["coefficient", "standard_error", "z"]].rename_axis(None).round(1))
                      coefficient  standard_error    z
    intercept               -21.1             4.6 -4.6
    petal width (cm)         12.9             2.8  4.6
    """

    _slots = {
        "optimizer": _registry.optimizers,
        "schedule": _registry.schedules,
        "penalty": _registry.penalties,
    }
    _constraints = {
        "alpha": Real(0) | ArrayLike(),
        "fit_intercept": Boolean(),
        "standardize": Boolean(),
        "prior": NONE | ArrayLike(),
        "batch_size": OneOf("auto") | Integer(1),
        "max_iter": Integer(1),
        "max_time": NONE | Real(0, open_low=True),
        "tol": Real(0),
        "n_iter_no_change": Integer(1) | OneOf(math.inf),
        "shuffle": Boolean(),
        "warm_start": Boolean(),
        "class_weight": NONE | OneOf("balanced") | Instance(dict),
        "dtype": OneOf("auto", "float32", "float64"),
        "random_state": RandomState(),
        "verbose": Boolean() | Integer(0),
        "n_jobs": NONE | Integer(),
        **TABLES,
    }

    def __init__(
        self,
        alpha: VectorLike = 1e-3,
        *,
        fit_intercept: bool = True,
        standardize: bool = True,
        optimizer: OptimizerLike = "lbfgs",
        schedule: ScheduleLike = "constant",
        penalty: PenaltyLike = "l2",
        prior: VectorLike | None = None,
        batch_size: int | str = "auto",
        max_iter: int = 1000,
        max_time: float | None = None,
        tol: float = 1e-5,
        n_iter_no_change: float = 10,
        shuffle: bool = True,
        warm_start: bool = False,
        class_weight: ClassWeight | None = None,
        dtype: str = "auto",
        random_state: RandomStateLike | None = None,
        verbose: int = 0,
        n_jobs: int | None = None,
        categorical_features: CategoricalLike | None = "from_dtype",
        missing: str = "auto",
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.standardize = standardize
        self.optimizer = optimizer
        self.schedule = schedule
        self.penalty = penalty
        self.prior = prior
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.max_time = max_time
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.class_weight = class_weight
        self.dtype = dtype
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs
        self.categorical_features = categorical_features
        self.missing = missing

    def _search_spaces(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"alpha": LogUniform(1e-7, 1e1)}, {"class_weight": [None, "balanced"]}

    def _settings(self) -> Settings:
        return replace(
            super()._settings(),
            scales_columns=True,  # for the search
            centres_columns=self.fit_intercept,
            drops_constants=self.standardize and self.fit_intercept and self.prior is None,
            penalises_raw=not self.standardize,
            splits_l1=True,
            design_width=design_width,
        )

    def _architecture(self, n_inputs: int, n_outputs: int) -> Architecture:
        zeros = _registry.initializers.resolve("zeros")  # the objective is convex: where it starts does not matter
        return Architecture(n_inputs, (), n_outputs, (), (), (zeros,), (0.0,), output_bias=self.fit_intercept)

    def _spec(
        self, settings: Settings, data: EncodedData, generator: np.random.Generator, **options: Any
    ) -> TrainingSpec:
        settings = with_alpha_of_columns(settings, data)
        shape = (data.encoding.n_outputs, data.X.shape[1])
        if self.prior is not None and np.shape(self.prior) != shape:
            raise ValueError(
                f"The 'prior' parameter must have the shape {shape} of coef_, (n_classes, n_features). "
                f"Got {np.shape(self.prior)}."
            )
        if options.get("go_on") and options.get("stopping") and settings.optimizer.full_batch:
            self._take_units_of(settings, data)
        member = super()._spec(settings, data, generator, **options)
        if not member.optimizer.full_batch:
            return member
        threads = None if self.n_jobs is None else n_threads(self.n_jobs)
        return replace(member, function=SoftmaxSearch.of(member, raw=settings.penalises_raw, n_threads=threads))

    def _take_units_of(self, settings: Settings, data: EncodedData) -> None:
        """Let a fit that goes on see columns as these rows and alpha scale them, to come to the minimum of any fit."""
        rows, training = training_rows(settings, data, None, before=None), self._training
        known = replace(rows, shift=training.shift, scale=training.scale)
        if known.standardisation != rows.standardisation and training.architecture.output_bias == self.fit_intercept:
            changed = replace(training, shift=rows.shift, scale=rows.scale)
            self._training = unfold(changed, *self._coefficients(), None)

    @property
    def layer_names_(self) -> list[str]:
        """The name of its one layer."""
        check_is_fitted(self)
        return [OUTPUT]

    def _results(self, settings: Settings, training: Training) -> dict[str, Any]:
        optimizer = type(settings.optimizer).__name__.lower()
        solver = optimizer if training.search is None else f"{optimizer} ({training.search})"
        return {**super()._results(settings, training), "solver_": solver}

    def _prior(self) -> Sequence[Any] | None:
        return None if self.prior is None else [np.transpose(np.asarray(self.prior))]

    def _loss(self, encoding: Labels) -> Any:
        return _registry.losses.resolve("cross_entropy")

    def _named(self, coefs: list[np.ndarray], intercepts: list[np.ndarray]) -> dict[str, Any]:
        return {"coef_": np.ascontiguousarray(coefs[0].T), "intercept_": intercepts[0]}

    def _public_coefficients(self) -> tuple[Sequence[Any], Sequence[Any]]:
        return [np.transpose(self._dense_coef())], [self.intercept_]

    def _raw_scores(self, X: Any) -> np.ndarray:
        return self._sparse_scores(self._with_all_numbers(X)) if sparse.issparse(self.coef_) else super()._raw_scores(X)
