"""Words of other libraries: every error for a name that is not ours says what it is called here."""

import inspect
import pickle

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import skdl
from skdl import (
    Autoencoder,
    BaggingClassifier,
    EnsembleClassifier,
    KNNClassifier,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    PolynomialRegressor,
    SoftmaxClassifier,
)
from skdl._component import constructor_arguments
from skdl._registry import REGISTRIES
from skdl._words import NAMES, OF_ALL, OF_COMPONENTS, OF_NETWORKS
from skdl.losses import Quantile
from skdl.optimizers import SGD, Adam

ESTIMATORS = [value for name in skdl.__all__ if isinstance(value := getattr(skdl, name), type)]
X, Y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 0, 1]
PARAMETERS = [
    (MLPClassifier, "learning_rate", "optimizer__learning_rate=.*schedule="),
    (MLPClassifier, "learning_rate_init", "optimizer__learning_rate="),
    (MLPClassifier, "solver", "Here it is optimizer"),
    (MLPClassifier, "C", r"Here it is alpha, .* 1 / \(C \* n_samples\)"),
    (MLPClassifier, "n_hidden", "Here it is hidden_layer_sizes="),
    (MLPRegressor, "epochs", "Here it is max_iter"),
    (MLPRegressor, "lr", "optimizer__learning_rate="),
    (MLPRegressor, "dropout_rate", "Here it is dropout"),
    (MLPRegressor, "momentum", 'optimizer="momentum" or "nesterov"'),
    (MLPRegressor, "optimizer__learning_rate", r"set_params\(optimizer__learning_rate=\.\.\.\)"),
    (MLPRegressor, "sample_weight", "sample_weight is an argument of fit"),
    (MLPRegressor, "hiden_layer_sizes", "Did you mean 'hidden_layer_sizes'?"),
    (MLPRegressor, "nothing_like_it", r"\. Its parameters are: \['hidden_layer_sizes'"),
    (Autoencoder, "tied_weights", "Here it is tied"),
    (Autoencoder, "sigma", "Here it is noise"),
    (SoftmaxClassifier, "C", "Here it is alpha"),
    (SoftmaxClassifier, "solver", "Here it is optimizer"),
    (LeastSquaresRegressor, "learning_rate", "Here it is solver, which takes an optimizer"),
    (LeastSquaresRegressor, "l2", "Here it is alpha"),
    (PolynomialRegressor, "order", "Here it is degree"),
    (KNNClassifier, "k", "Here it is n_neighbors"),
    (BaggingClassifier, "base_estimator", "Here it is estimator"),
    (EnsembleClassifier, "n_models", "Here it is n_estimators"),
    (Adam, "lr", "Here it is 'learning_rate'"),
    (SGD, "lr", "Here it is 'learning_rate'"),
    (Adam, "eps", "Here it is 'epsilon'"),
    (Quantile, "q", "Here it is 'quantile'"),
]


@pytest.mark.parametrize(("cls", "word", "message"), PARAMETERS)
def test_unknown_parameters_name_ours(cls, word, message):
    with pytest.raises(TypeError, match=f"Invalid parameter '{word}' for {cls.__name__}.*{message}"):
        cls(**{word: 1})
    if "__" not in word:
        with pytest.raises(ValueError, match=f"Invalid parameter '{word}' for {cls.__name__}.*{message}"):
            cls().set_params(**{word: 1})


def test_nested_parameters_name_ours():
    for estimator, name in (
        (MLPClassifier(), "optimizer__lr"),
        (BaggingClassifier(MLPClassifier()), "estimator__lr"),
        (make_pipeline(MLPClassifier()), "mlpclassifier__lr"),
    ):
        with pytest.raises(ValueError, match="learning_rate"):
            estimator.set_params(**{name: 0.1})
        with pytest.raises(ValueError, match="learning_rate"):
            GridSearchCV(estimator, {name: [0.1]}, cv=2, error_score="raise").fit(X, Y)


@pytest.mark.parametrize(
    ("estimator", "ours"),
    [
        (MLPRegressor(loss="mse"), "squared_error"),
        (MLPRegressor(loss="mae"), "absolute_error"),
        (MLPClassifier(loss="log_loss"), "cross_entropy"),
        (MLPClassifier(activation="logistic"), "sigmoid"),
        (MLPClassifier(optimizer="newton-cg"), "lbfgs"),
        (MLPClassifier(schedule="adaptive"), "plateau"),
        (MLPClassifier(normalization="batch_norm"), "batch"),
        (MLPClassifier(initializer="kaiming_normal"), "he_normal"),
        (SoftmaxClassifier(penalty="elasticnet"), "elastic_net"),
    ],
)
def test_unknown_names_of_components_name_ours(estimator, ours):
    with pytest.raises(ValueError, match=f"Unknown name .* Here it is '{ours}'"):
        estimator.fit(X, Y)


def test_each_word_of_the_tables_leads_to_something_that_exists():
    for family, names in NAMES.items():
        known = REGISTRIES[family].names()
        assert not set(names) & set(known)
        assert set(names.values()) <= set(known)
    everywhere = {name for cls in ESTIMATORS for name in constructor_arguments(cls)}
    for words in (OF_NETWORKS, OF_ALL):
        for word, text in words.items():
            assert any(name in text for name in everywhere), word
    assert not set(OF_NETWORKS) & set(constructor_arguments(MLPClassifier))
    components = {
        name
        for registry in REGISTRIES.values()
        for known in registry.names()
        for name in constructor_arguments(registry.get(known))
    }
    assert set(OF_COMPONENTS.values()) <= components


@pytest.mark.parametrize("cls", [*ESTIMATORS, Adam, Quantile])
def test_signatures_and_clones_are_as_if_nothing_stood_between(cls):
    parameters = inspect.signature(cls).parameters
    assert "args" not in parameters
    assert "kwargs" not in parameters
    assert "self" not in parameters
    required = [name for name, each in parameters.items() if each.default is each.empty]
    made = cls(**dict.fromkeys(required, MLPClassifier()))
    assert list(parameters) == list(constructor_arguments(cls))
    assert repr(clone(made, safe=False)) == repr(pickle.loads(pickle.dumps(made))) == repr(made)


def test_errors_of_the_constructor_itself_stay_as_they_are():
    with pytest.raises(TypeError, match="positional"):
        MLPClassifier((3,), 1)

    class Derived(MLPClassifier):
        def __init__(self, hidden_layer_sizes=(3,), extra=None):
            if extra == 0:
                raise TypeError("mine")
            super().__init__(hidden_layer_sizes)
            self.extra = extra

    with pytest.raises(TypeError, match="mine"):
        Derived(extra=0)
    with pytest.raises(TypeError, match="Invalid parameter 'alpha' for Derived"):
        Derived(alpha=1)
    assert clone(Derived(extra=2)).extra == 2
