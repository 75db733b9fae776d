"""From least squares to ensembles of neural networks, as scikit-learn estimators."""

import importlib
from types import ModuleType

from skdl import (
    activations,
    augmentations,
    autodiff,
    callbacks,
    category_encodings,
    encodings,
    initializers,
    layers,
    losses,
    normalizations,
    optimizers,
    parallel,
    penalties,
    plugins,
    schedules,
)
from skdl._trusted import trusted_types
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
    "trusted_types",
]

# Imported when they are asked for: most programs do without.
_ON_DEMAND = ("inspection", "likelihood", "model_selection", "testing")


def __getattr__(name: str) -> ModuleType:
    if name in _ON_DEMAND:
        return importlib.import_module(f"skdl.{name}")
    raise AttributeError(f"module 'skdl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, *_ON_DEMAND, "__version__"])
