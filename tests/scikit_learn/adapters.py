"""Our estimators under scikit-learn's constructors, for scikit-learn's own tests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.neighbors._base import KNeighborsMixin
from sklearn.utils.class_weight import compute_sample_weight

import skdl
from skdl._constraints import OneOf
from skdl.optimizers import LBFGS, SGD, Adam, Momentum, Nesterov
from skdl.penalties import ElasticNet
from skdl.schedules import Plateau, Polynomial


class Adapter(BaseEstimator):
    """Holds their parameters; trains one of ours, and asks it for everything else."""

    def ours(self, X: Any = None, y: Any = None, sample_weight: Any = None) -> Any:
        """Our estimator with what their parameters mean for these data."""
        raise NotImplementedError

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        self._train("fit", getattr(self, "warm_start", False), X, y, sample_weight)
        return self

    def _train(self, method: str, go_on: bool, X: Any, y: Any, sample_weight: Any = None, **options: Any) -> None:
        new = self.ours(X, y, sample_weight)
        old = self.__dict__.get("ours_")
        trained = old.set_params(**new.get_params(deep=False)) if go_on and old is not None else new
        if sample_weight is not None:
            options["sample_weight"] = sample_weight
        getattr(trained, method)(X, y, **options)
        self.ours_ = trained

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "ours_":
            raise AttributeError(name)
        return getattr(self.__dict__.get("ours_") or self.ours(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.endswith("_") and name != "ours_" and "ours_" in self.__dict__:
            setattr(self.ours_, name, value)  # edited coefficients
        else:
            super().__setattr__(name, value)

    def __sklearn_is_fitted__(self) -> bool:
        return "ours_" in self.__dict__

    def __sklearn_tags__(self) -> Any:
        return self.ours().__sklearn_tags__()


def total(X: Any, sample_weight: Any) -> float:
    """The sum of the weights: their penalties stand beside a sum over the rows, and ours beside its mean."""
    n = X.shape[0] if hasattr(X, "shape") else len(X)
    weight = np.ones(n) if sample_weight is None else np.broadcast_to(sample_weight, (n,))
    return float(np.sum(weight)) or 1.0


class LinearRegression(Adapter):
    def __init__(self, *, fit_intercept=True, copy_X=True, tol=1e-6, n_jobs=None, positive=False):
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.tol = tol
        self.n_jobs = n_jobs
        self.positive = positive

    def ours(self, X=None, y=None, sample_weight=None):
        return skdl.LeastSquaresRegressor(fit_intercept=self.fit_intercept, positive=self.positive)


class Ridge(Adapter):
    def __init__(
        self,
        alpha=1.0,
        *,
        fit_intercept=True,
        copy_X=True,
        max_iter=None,
        tol=1e-4,
        solver="auto",
        positive=False,
        random_state=None,
    ):
        self.alpha = alpha
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X
        self.max_iter = max_iter
        self.tol = tol
        self.solver = solver
        self.positive = positive
        self.random_state = random_state

    def ours(self, X=None, y=None, sample_weight=None):
        solver = {"svd": "svd", "cholesky": "cholesky"}.get(self.solver, "auto")
        alpha = self.alpha if X is None else np.multiply(self.alpha, 2 / total(X, sample_weight))
        if np.ndim(alpha) == 0:
            alpha = float(alpha)
        return skdl.LeastSquaresRegressor(
            alpha, fit_intercept=self.fit_intercept, solver=solver, positive=self.positive
        )


class LogisticRegression(Adapter):
    def __init__(
        self,
        penalty="deprecated",
        *,
        C=1.0,
        l1_ratio=0.0,
        dual=False,
        tol=1e-4,
        fit_intercept=True,
        intercept_scaling=1,
        class_weight=None,
        random_state=None,
        solver="lbfgs",
        max_iter=100,
        verbose=0,
        warm_start=False,
        n_jobs=None,
    ):
        self.penalty = penalty
        self.C = C
        self.l1_ratio = l1_ratio
        self.dual = dual
        self.tol = tol
        self.fit_intercept = fit_intercept
        self.intercept_scaling = intercept_scaling
        self.class_weight = class_weight
        self.random_state = random_state
        self.solver = solver
        self.max_iter = max_iter
        self.verbose = verbose
        self.warm_start = warm_start
        self.n_jobs = n_jobs

    @property
    def coef_(self):
        return self._one_row(self.ours_.coef_)

    @property
    def intercept_(self):
        return self._one_row(self.ours_.intercept_)

    @property
    def n_iter_(self):
        return np.array([self.ours_.n_iter_])

    def _one_row(self, rows):
        """Two classes have two rows here, and their difference there."""
        return rows[1:] - rows[:1] if rows.shape[0] == 2 and not issparse(rows) else rows

    def ours(self, X=None, y=None, sample_weight=None):
        """See SoftmaxClassifier's notes for the conversion of C."""
        ratio = {"l1": 1.0, "l2": 0.0, None: 0.0}.get(self.penalty, self.l1_ratio)
        alpha, n = 0.0, 1.0
        if X is not None and self.penalty is not None and np.isfinite(self.C):
            weight = None if self.class_weight is None else compute_sample_weight(self.class_weight, y)
            if sample_weight is not None:
                weight = sample_weight if weight is None else weight * sample_weight
            n = total(X, weight)
            l1, l2 = ratio / (self.C * n), (1 - ratio) / (self.C * n)
            if len(np.unique(y)) == 2:
                l2 *= 2
            alpha = l1 + l2
            ratio = l1 / alpha
        penalty = "l1" if ratio == 1 else "l2" if ratio == 0 else ElasticNet(ratio)
        return skdl.SoftmaxClassifier(
            alpha,
            penalty=penalty,
            tol=self.tol,
            fit_intercept=self.fit_intercept,
            standardize=False,
            class_weight=self.class_weight,
            random_state=self.random_state,
            max_iter=self.max_iter,
            verbose=self.verbose,
            warm_start=self.warm_start,
        )


class _Perceptron(Adapter):
    def __init__(
        self,
        hidden_layer_sizes=(100,),
        activation="relu",
        *,
        solver="adam",
        alpha=0.0001,
        batch_size="auto",
        learning_rate="constant",
        learning_rate_init=0.001,
        power_t=0.5,
        max_iter=200,
        shuffle=True,
        random_state=None,
        tol=1e-4,
        verbose=False,
        warm_start=False,
        momentum=0.9,
        nesterovs_momentum=True,
        early_stopping=False,
        validation_fraction=0.1,
        beta_1=0.9,
        beta_2=0.999,
        epsilon=1e-8,
        n_iter_no_change=10,
        max_fun=15000,
        loss="squared_error",
    ):
        names = [name for name in locals() if name not in ("self", "names")]
        for name in names:
            setattr(self, name, locals()[name])

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        options = {} if classes is None else {"classes": classes}
        self._train("partial_fit", True, X, y, sample_weight, **options)
        return self

    def ours(self, X=None, y=None, sample_weight=None):
        rate = self.learning_rate_init
        velocity = Nesterov if self.nesterovs_momentum else Momentum
        optimizer = {
            "lbfgs": LBFGS(),
            "sgd": velocity(rate, momentum=self.momentum) if self.momentum else SGD(rate),
            "adam": Adam(rate, beta_1=self.beta_1, beta_2=self.beta_2, epsilon=self.epsilon),
        }[self.solver]
        schedule = {"constant": "constant", "invscaling": Polynomial(self.power_t), "adaptive": Plateau()}
        n = 1 if X is None else X.shape[0] if hasattr(X, "shape") else len(X)
        n -= math.ceil(n * self.validation_fraction) if self.early_stopping else 0
        batch_size = min(200, n) if self.batch_size == "auto" else self.batch_size
        first_order = {"schedule": schedule[self.learning_rate], "batch_size": batch_size}
        alpha = self.alpha if X is None else self.alpha / total(X, sample_weight)
        return self.kind(
            self.hidden_layer_sizes,
            encoding=None,
            activation={"logistic": "sigmoid"}.get(self.activation, self.activation),
            optimizer=optimizer,
            **({} if self.solver == "lbfgs" else first_order),
            alpha=alpha,
            max_iter=self.max_iter,
            standardize=False,
            shuffle=self.shuffle,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
            early_stopping=self.early_stopping,
            **({"validation_fraction": self.validation_fraction} if self.early_stopping else {}),
            warm_start=self.warm_start,
            random_state=self.random_state,
            verbose=self.verbose,
            **self.special(),
        )


class MLPClassifier(_Perceptron):
    kind = skdl.MLPClassifier

    def special(self):
        return {}


class MLPRegressor(_Perceptron):
    kind = skdl.MLPRegressor

    def special(self):
        return {"loss": self.loss, "standardize_target": False}


def neighbors(ours: type) -> type:
    """Our class by their constructor."""

    class Adapted(ours, KNeighborsMixin):  # by which a test tells what takes a number of neighbours
        # A ball tree is not among ours: any search has the same neighbours.
        _constraints = {**ours._constraints, "algorithm": OneOf("auto", "brute", "kd_tree", "ball_tree")}

        def __init__(
            self,
            n_neighbors=5,
            *,
            weights="uniform",
            algorithm="auto",
            leaf_size=30,  # of their trees; ours choose by themselves
            p=2,
            metric="minkowski",
            metric_params=None,
            n_jobs=None,
        ):
            super().__init__(
                n_neighbors,
                weights=weights,
                algorithm=algorithm,
                p=p,
                metric=metric,
                metric_params=metric_params,
                n_jobs=n_jobs,
            )
            self.leaf_size = leaf_size

    Adapted.__name__ = Adapted.__qualname__ = ours.__name__.replace("KNN", "KNeighbors")
    return Adapted


KNeighborsClassifier, KNeighborsRegressor = neighbors(skdl.KNNClassifier), neighbors(skdl.KNNRegressor)
BaggingClassifier, BaggingRegressor = skdl.BaggingClassifier, skdl.BaggingRegressor


class VotingClassifier(skdl.EnsembleClassifier):
    def __init__(self, estimators, *, voting="hard", weights=None, n_jobs=None, flatten_transform=True, verbose=False):
        super().__init__(estimators, voting=voting, weights=weights, n_jobs=n_jobs)
        self.flatten_transform = flatten_transform
        self.verbose = verbose


class VotingRegressor(skdl.EnsembleRegressor):
    def __init__(self, estimators, *, weights=None, n_jobs=None, verbose=False):
        super().__init__(estimators, weights=weights, n_jobs=n_jobs)
        self.verbose = verbose
