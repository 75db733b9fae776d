"""From least squares to ensembles of neural networks, as scikit-learn estimators."""

import importlib
from typing import TYPE_CHECKING, Any

from joblib import register_parallel_backend

from skdl import (
    activations,
    augmentations,
    autodiff,
    category_encodings,
    encodings,
    initializers,
    layers,
    losses,
    normalizations,
    optimizers,
    penalties,
    plugins,
    schedules,
)

if TYPE_CHECKING:
    from skdl import callbacks, parallel
    from skdl import inspection as inspection
    from skdl import likelihood as likelihood
    from skdl import model_selection as model_selection
    from skdl import testing as testing
    from skdl._trusted import trusted_types
    from skdl._versions import show_versions
    from skdl.ensemble.bagging import BaggingClassifier, BaggingRegressor
    from skdl.ensemble.ensemble_classifier import EnsembleClassifier
    from skdl.ensemble.ensemble_regressor import EnsembleRegressor
    from skdl.ensemble.snapshot import SnapshotEnsembleClassifier, SnapshotEnsembleRegressor
    from skdl.linear.least_squares.estimator import LeastSquaresRegressor
    from skdl.linear.polynomial.estimator import PolynomialRegressor
    from skdl.linear.softmax.estimator import SoftmaxClassifier
    from skdl.neighbors.knn_classifier import KNNClassifier
    from skdl.neighbors.knn_regressor import KNNRegressor
    from skdl.neural.autoencoder import Autoencoder
    from skdl.neural.mlp_classifier import MLPClassifier
    from skdl.neural.mlp_multitask import MLPMultitask
    from skdl.neural.mlp_regressor import MLPRegressor
    from skdl.neural.network_features import NetworkFeatures
    from skdl.neural.pruning import prune
    from skdl.parallel import StackBackend
    from skdl.tabular.classifier import TabularClassifier
    from skdl.tabular.regressor import TabularRegressor

__version__ = "0.1.0"

__all__ = [
    "Autoencoder",
    "BaggingClassifier",
    "BaggingRegressor",
    "EnsembleClassifier",
    "EnsembleRegressor",
    "KNNClassifier",
    "KNNRegressor",
    "LeastSquaresRegressor",
    "MLPClassifier",
    "MLPMultitask",
    "MLPRegressor",
    "NetworkFeatures",
    "PolynomialRegressor",
    "SnapshotEnsembleClassifier",
    "SnapshotEnsembleRegressor",
    "SoftmaxClassifier",
    "TabularClassifier",
    "TabularRegressor",
    "activations",
    "augmentations",
    "autodiff",
    "callbacks",
    "category_encodings",
    "encodings",
    "initializers",
    "layers",
    "losses",
    "normalizations",
    "optimizers",
    "parallel",
    "penalties",
    "plugins",
    "prune",
    "schedules",
    "show_versions",
    "trusted_types",
]

# Imported when they are asked for: no program needs all of them, and they take far longer than what is imported above,
# which registers the names of components and of the backend.
_MODULES = ("callbacks", "inspection", "likelihood", "model_selection", "parallel", "testing")
_HOMES = {
    "Autoencoder": "skdl.neural.autoencoder",
    "BaggingClassifier": "skdl.ensemble.bagging",
    "BaggingRegressor": "skdl.ensemble.bagging",
    "EnsembleClassifier": "skdl.ensemble.ensemble_classifier",
    "EnsembleRegressor": "skdl.ensemble.ensemble_regressor",
    "KNNClassifier": "skdl.neighbors.knn_classifier",
    "KNNRegressor": "skdl.neighbors.knn_regressor",
    "LeastSquaresRegressor": "skdl.linear.least_squares.estimator",
    "MLPClassifier": "skdl.neural.mlp_classifier",
    "MLPMultitask": "skdl.neural.mlp_multitask",
    "MLPRegressor": "skdl.neural.mlp_regressor",
    "NetworkFeatures": "skdl.neural.network_features",
    "PolynomialRegressor": "skdl.linear.polynomial.estimator",
    "SnapshotEnsembleClassifier": "skdl.ensemble.snapshot",
    "SnapshotEnsembleRegressor": "skdl.ensemble.snapshot",
    "SoftmaxClassifier": "skdl.linear.softmax.estimator",
    "TabularClassifier": "skdl.tabular.classifier",
    "TabularRegressor": "skdl.tabular.regressor",
    "prune": "skdl.neural.pruning",
    "show_versions": "skdl._versions",
    "trusted_types": "skdl._trusted",
}

if not TYPE_CHECKING:  # type checkers see the imports, and a misspelt name

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return importlib.import_module(f"skdl.{name}")
        if name in _HOMES:
            found = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
            return found
        raise AttributeError(f"module 'skdl' has no attribute {name!r}")


def _stack_backend(**settings: Any) -> "StackBackend":
    """The backend that joblib makes when "skdl" is named, and before that nothing of it is imported."""
    from skdl.parallel import StackBackend

    return StackBackend(**settings)


register_parallel_backend("skdl", _stack_backend)


def __dir__() -> list[str]:
    return sorted({*__all__, *_MODULES, "__version__"})
