"""Layers taken from a fitted network, and layers that are not trained, as a user of the estimators sees them."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from plain import PLAIN
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import (
    BaggingClassifier,
    EnsembleClassifier,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    NetworkFeatures,
    SoftmaxClassifier,
    prune,
)
from skdl.neural._layer_values import layer_values

X, Y = load_digits(return_X_y=True)
LOW, HIGH = (X[Y < 5][:300], Y[Y < 5][:300]), (X[Y >= 5][:200], Y[Y >= 5][:200])
SHORT = {"max_iter": 6, "random_state": 0}
SOURCE = MLPClassifier((16, 8), **SHORT).fit(*LOW)
PLAIN_SOURCE = MLPClassifier((16, 8), normalization="batch", dtype="float64", **SHORT, **PLAIN).fit(*LOW)
SEEN = np.where(SOURCE.X_scale_ == 0, SOURCE.X_mean_, X)  # columns that were constant for the sources are so here


def taking(source=SOURCE, cls=MLPClassifier, **params):
    """A network built as the source, which takes its layers."""
    given = {name: value for name, value in source.get_params(deep=False).items() if name in cls().get_params()}
    given |= {"loss": "auto", "random_state": 1, "init": source, **params}
    return cls(**given)


def test_the_output_layer_of_frozen_layers_is_the_linear_model_of_their_values():
    """The optimum is scikit-learn's, of features that the source gives: probabilities by logistic regression."""
    features = NetworkFeatures(PLAIN_SOURCE, prefit=True).fit_transform(HIGH[0])
    network = taking(PLAIN_SOURCE, frozen="hidden", optimizer="lbfgs", alpha=1e-2, max_iter=1000, tol=1e-8)
    network.fit(*HIGH)
    linear = LogisticRegression(C=1 / (1e-2 * len(features)), tol=1e-10, max_iter=1000).fit(features, HIGH[1])
    np.testing.assert_allclose(network.predict_proba(HIGH[0]), linear.predict_proba(features), atol=1e-5)
    assert network.loss_ == pytest.approx(
        -np.log(linear.predict_proba(features)[np.arange(len(features)), HIGH[1] - 5]).mean()
        + 1e-2 / 2 * (linear.coef_**2).sum(),
        rel=1e-6,
    )  # the penalty is of the weights that are trained


def test_another_task_is_ridge_regression_of_frozen_layers():
    reals = HIGH[0][:, 20:22] @ [[1.0, 2.0], [-1.0, 0.5]] + 3
    network = taking(PLAIN_SOURCE, MLPRegressor, frozen="hidden", optimizer="lbfgs", alpha=0.1, max_iter=1000, tol=1e-7)
    weight = np.arange(200) % 3
    network.fit(HIGH[0], reals, sample_weight=weight)
    features = layer_values(PLAIN_SOURCE, HIGH[0], -2)
    scaled = (reals - network.y_mean_) / network.y_scale_
    ridge = Ridge(alpha=0.1 * 2 * weight.sum()).fit(features, scaled, sample_weight=weight)  # a mean over two outputs
    np.testing.assert_allclose(
        network.predict(HIGH[0]), ridge.predict(features) * network.y_scale_ + network.y_mean_, rtol=1e-5, atol=1e-5
    )
    twice = np.repeat(np.arange(200), weight)  # the row twice, and rows of weight zero are absent
    again = clone(network).fit(HIGH[0][twice], reals[twice])
    np.testing.assert_allclose(again.predict(HIGH[0]), network.predict(HIGH[0]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("source", [SOURCE, PLAIN_SOURCE], ids=["encoded", "plain"])
@pytest.mark.parametrize("frozen", [None, "hidden"])
def test_all_hidden_layers_and_what_is_below_them_come_over(source, frozen):
    network = taking(source, frozen=frozen).initialize(*HIGH)
    rows = X if frozen else SEEN
    for layer in source.layer_names_[:-1]:
        np.testing.assert_array_equal(layer_values(network, rows, layer), layer_values(source, rows, layer))
    assert list(network.classes_) == [5, 6, 7, 8, 9]
    np.testing.assert_array_equal(network.X_mean_, source.X_mean_)
    network.partial_fit(*HIGH)
    for layer in source.layer_names_[1:-1]:
        stays = np.array_equal(layer_values(network, rows, layer), layer_values(source, rows, layer))
        assert stays == (frozen == "hidden")


def test_an_output_layer_that_means_the_same_comes_over_too():
    same = taking(SOURCE).initialize(*LOW)
    np.testing.assert_allclose(same.predict_proba(X), SOURCE.predict_proba(X), rtol=1e-5, atol=1e-6)
    other = taking(SOURCE).initialize(LOW[0], LOW[1] + 1)
    assert np.abs(other.predict_proba(X) - SOURCE.predict_proba(X)).max() > 0.1
    reals = LOW[0][:, 20] + LOW[0][:, 21] - LOW[0][:, 30]
    regressor = MLPRegressor((6,), **SHORT).fit(LOW[0], reals)
    far = MLPRegressor((6,), init=regressor, random_state=1).initialize(HIGH[0], 100 * HIGH[0][:, 20] - 1000)
    np.testing.assert_allclose(
        far.predict(SEEN), regressor.predict(SEEN), rtol=1e-5, atol=1e-4
    )  # float32, 60 times as wide


def test_more_layers_stand_above_and_fewer_are_taken():
    residual = MLPClassifier((8, 8), layer="residual", normalization="layer", **SHORT).fit(*LOW)
    for source, sizes, layer in (
        (SOURCE, (16, 8, 5), "hidden_2"),
        (SOURCE, (16,), "hidden_1"),
        (residual, (8, 8, 8), "hidden_1"),  # above the source's last layer are a normalization and an activation
    ):
        network = taking(source, hidden_layer_sizes=sizes).initialize(*HIGH)
        np.testing.assert_array_equal(layer_values(network, SEEN, layer), layer_values(source, SEEN, layer))


@pytest.mark.parametrize(
    ("frozen", "moved"),
    [
        (0, ["hidden_2", "output"]),
        (["hidden_1"], ["hidden_2", "output"]),
        (np.array([0, 1]), ["output"]),
        (("hidden_1", -2), ["output"]),
        ("hidden", ["output"]),
        ("output", ["hidden_1", "hidden_2"]),
        (-1, ["hidden_1", "hidden_2"]),
    ],
)
def test_frozen_layers_are_given_by_name_and_index(frozen, moved):
    network = MLPClassifier((16, 8), frozen=frozen, calibrate=False, **SHORT, **PLAIN)
    start, end = clone(network).initialize(*LOW), network.fit(*LOW)
    pairs = zip(start.layer_names_[1:], start.coefs_, end.coefs_, strict=True)
    assert [name for name, before, after in pairs if (before != after).any()] == moved


def test_training_goes_on_frozen_and_unfrozen_and_resumes_in_the_same_bits(tmp_path):
    base = taking(SOURCE, frozen="hidden", schedule="constant", early_stopping=False, max_iter=4, warm_start=True)
    whole = clone(base).set_params(max_iter=8).fit(*HIGH)
    parts = clone(base).fit(*HIGH)
    parts.save_checkpoint(tmp_path / "four.npz")
    loaded = clone(base).set_params(max_iter=8).load_checkpoint(tmp_path / "four.npz").fit(*HIGH)
    for each in (loaded, pickle.loads(pickle.dumps(parts)).fit(*HIGH)):
        np.testing.assert_array_equal(each.predict_proba(X), whole.predict_proba(X))
        np.testing.assert_array_equal(each._training.state.theta, whole._training.state.theta)
    tuned = parts.set_params(frozen=None).fit(*HIGH)
    assert (layer_values(tuned, X, "hidden_1") != layer_values(SOURCE, X, "hidden_1")).any()
    values = layer_values(tuned, X, "hidden_2")
    again = tuned.set_params(frozen=["input", "hidden_1", "hidden_2"]).fit(*HIGH)
    np.testing.assert_array_equal(layer_values(again, X, "hidden_2"), values)


def test_weights_that_are_kept_from_an_earlier_training_are_whole():
    rows = {"X_val": HIGH[0][150:], "y_val": HIGH[1][150:]}
    params = {"schedule": "constant", "early_stopping": True, "warm_start": True, "max_iter": 3, "scoring": "loss"}
    network = MLPClassifier((8,), random_state=0, optimizer="sgd", **params).fit(HIGH[0][:150], HIGH[1][:150], **rows)
    before, epoch = network.predict_proba(X), network.best_epoch_
    network.set_params(frozen="hidden", optimizer__learning_rate=10.0).fit(HIGH[0][:150], HIGH[1][:150], **rows)
    assert network.best_epoch_ == epoch  # what came after was worse
    np.testing.assert_array_equal(network.predict_proba(X), before)


def test_a_column_that_the_source_never_saw_move_is_learned_where_nothing_forbids_it():
    still = LOW[0].copy()
    still[:, 20] = 3.0
    for encoding in ("auto", None):
        source = MLPClassifier((8,), encoding=encoding, **SHORT).fit(still, LOW[1])
        moved = X.copy()
        moved[:, 20] = 16 - moved[:, 20]
        for frozen, sees in ((None, True), ("hidden", False)):
            network = taking(source, frozen=frozen).fit(*HIGH)
            assert (network.predict_proba(moved) != network.predict_proba(X)).any() == sees


def test_a_table_keeps_its_categories_and_its_columns():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(size=200), "town": rng.choice(["Bonn", "Rom", "Ulm"], 200)})
    frame.loc[::7, "age"] = np.nan
    source = MLPClassifier((5,), category_encoding="embedding", **SHORT).fit(frame, rng.integers(0, 2, 200))
    later = frame[["town", "age"]].iloc[50:150].replace({"town": {"Rom": "Wien"}})
    network = taking(source, MLPRegressor, frozen="hidden").fit(later, rng.normal(size=100))
    assert [None if each is None else list(each) for each in network.categories_] == [None, ["Bonn", "Rom", "Ulm"]]
    np.testing.assert_array_equal(
        layer_values(network, network._validated(frame), -2), layer_values(source, source._validated(frame), -2)
    )
    holes = pd.DataFrame(HIGH[0]).add_prefix("pixel ")
    holes.iloc[3, 20] = np.nan
    named = MLPClassifier((16, 8), **SHORT).fit(pd.DataFrame(LOW[0]).add_prefix("pixel "), LOW[1])
    assert taking(named).fit(holes, HIGH[1]).score(holes, HIGH[1]) > 0.3  # as the mean, which the source saw as zero


def test_copies_searches_and_ensembles_begin_with_the_source():
    network = taking(SOURCE, frozen="hidden", max_iter=3)
    assert clone(network).init is SOURCE
    search = GridSearchCV(
        make_pipeline(FrozenEstimator(StandardScaler().fit(X)), taking(SOURCE, max_iter=3)),
        {
            "mlpclassifier__learning_rate_factors__hidden_1": [0.0, 0.1],
            "mlpclassifier__init": [None, FrozenEstimator(SOURCE)],
        },
        cv=2,
        error_score="raise",
    ).fit(*HIGH)
    assert len(set(search.cv_results_["mean_test_score"])) > 1
    alone = clone(network).fit(*HIGH)
    for ensemble in (EnsembleClassifier(estimator=network, n_estimators=2), BaggingClassifier(network, 2)):
        for member in ensemble.fit(*HIGH).estimators_:
            np.testing.assert_array_equal(layer_values(member, X, -2), layer_values(alone, X, -2))
    with pytest.raises(ValueError, match="takes no init and no frozen layers"):
        EnsembleClassifier(estimator=network, n_estimators=2, share="batch_ensemble").fit(*HIGH)


def test_factors_by_layer_multiply_those_of_roles():
    """One step of plain gradient descent on all rows: what moves is the rate times the factors times the gradient."""

    def step(**factors):
        params = {**PLAIN, "standardize": False, "alpha": 0.0, "batch_size": 200, "schedule": "constant"}
        network = MLPClassifier((16, 8), optimizer="sgd", max_iter=1, dtype="float64", random_state=0, **params)
        network.set_params(learning_rate_factors=factors or None)
        rows = HIGH[0] / 16, HIGH[1]
        before, after = clone(network).initialize(*rows), network.fit(*rows)
        pairs = zip([*before.coefs_, *before.intercepts_], [*after.coefs_, *after.intercepts_], strict=True)
        return [new - old for old, new in pairs]

    plain, scaled = step(), step(hidden_1=0.5, bias=0.1, hidden_2=0.0, output=2.0, last_weight=3.0)
    for move, expected, factor in zip(scaled, plain, [0.5, 0.0, 6.0, 0.05, 0.0, 0.2], strict=True):
        np.testing.assert_allclose(move, factor * expected, rtol=1e-6, atol=1e-12)


def test_a_checkpoint_is_a_source(tmp_path):
    path = tmp_path / "source.npz"
    SOURCE.save_checkpoint(path)
    for cls in (MLPClassifier, MLPRegressor):
        by_path, by_itself = (taking(SOURCE, cls, frozen="hidden", max_iter=3, init=each) for each in (path, SOURCE))
        np.testing.assert_array_equal(by_path.fit(*HIGH).predict(X), by_itself.fit(*HIGH).predict(X))
    same = taking(SOURCE, init=str(path), optimizer="sgd").initialize(*LOW)
    np.testing.assert_allclose(same.predict_proba(X), SOURCE.predict_proba(X), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"source\.npz was written by a network .* activation=LeakyReLU"):
        taking(SOURCE, init=path, activation="tanh").fit(*HIGH)
    with pytest.raises(ValueError, match=r"hidden_layer_sizes=\(9,\), and the hidden layers .* have \(16, 8\)"):
        taking(SOURCE, init=path, hidden_layer_sizes=(9,)).fit(*HIGH)
    SoftmaxClassifier().fit(*LOW).save_checkpoint(tmp_path / "linear.npz")
    with pytest.raises(ValueError, match="checkpoint of SoftmaxClassifier, which has no hidden layers"):
        taking(SOURCE, init=tmp_path / "linear.npz").fit(*HIGH)
    (tmp_path / "broken.npz").write_bytes(b"not an archive")
    with pytest.raises(ValueError, match="is not a checkpoint of skdl, or is damaged"):
        taking(SOURCE, init=tmp_path / "broken.npz").fit(*HIGH)
    with pytest.raises(FileNotFoundError):
        taking(SOURCE, init=tmp_path / "nowhere.npz").fit(*HIGH)


def test_a_trained_network_does_without_its_source(tmp_path):
    """A file may have moved since, and a network have been trained on other data: who has begun needs it no more."""
    path = tmp_path / "source.npz"
    SOURCE.save_checkpoint(path)
    network = taking(init=path, frozen="hidden").fit(*HIGH)
    expected = clone(network).fit(*HIGH).partial_fit(*HIGH).predict_proba(X)
    path.unlink()
    network.save_checkpoint(tmp_path / "network.npz")
    loaded = clone(network).load_checkpoint(tmp_path / "network.npz")
    assert np.array_equal(loaded.partial_fit(*HIGH).predict_proba(X), expected)
    assert prune(network, 0.5).n_nonzero_parameters_ < network.n_nonzero_parameters_
    assert np.array_equal(network.partial_fit(*HIGH).predict_proba(X), expected)
    with pytest.raises(FileNotFoundError):
        clone(network).fit(*HIGH)


def test_coefficients_that_were_set_by_hand_are_taken():
    edited = clone(PLAIN_SOURCE).set_params(normalization=None).fit(*LOW)
    edited.coefs_[0] = 0.5 * edited.coefs_[0]
    network = taking(edited, frozen="hidden", max_iter=2).fit(*HIGH)
    np.testing.assert_allclose(layer_values(network, X, -2), layer_values(edited, X, -2), rtol=1e-6, atol=1e-9)


def test_what_was_pruned_in_the_source_stays_zero():
    source = prune(PLAIN_SOURCE, 0.5)
    network = taking(source, cls=MLPRegressor, normalization="batch").fit(*HIGH)
    for ours, theirs in zip(network.coefs_[:2], source.coefs_[:2], strict=True):
        np.testing.assert_array_equal(ours == 0, theirs == 0)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"hidden_layer_sizes": (16, 9)}, r"hidden_layer_sizes=\(16, 9\), and the hidden layers .* have \(16, 8\)"),
        ({"hidden_layer_sizes": ()}, r"hidden_layer_sizes=\(\) has none. Set hidden_layer_sizes=\(16, 8\)"),
        ({"activation": ["leaky_relu", "tanh"]}, r"activation=LeakyReLU\(\) in layer 'hidden_2', and this one .*Tanh"),
        ({"normalization": "batch"}, r"has normalization=None in layer 'hidden_1', and this one normalization=BatchN"),
        ({"layer": "residual"}, "has layer=DenseBlock"),
        ({"encoding": None}, r"has encoding=Piecewise\(.*, and this one encoding=None. .*set the same encoding"),
        ({"input_scale": False}, "has input_scale=True, and this one input_scale=False"),
        ({"standardize": False}, "and this one"),
        ({"frozen": "hidden_3"}, r"'frozen' parameter holds 'hidden_3', .* Did you mean 'hidden_2'"),
        ({"frozen": [5]}, r"'frozen' parameter holds 5, and indices of this network's layers go from -3 to 2"),
        ({"frozen": ["hidden", "output"]}, "the other layers have nothing to learn"),
        ({"frozen": "output"}, "freezes 'output', which is new"),
        ({"frozen": 2.5}, "The 'frozen' parameter of MLPClassifier must be"),
        ({"hidden_layer_sizes": (16, 8, 4), "frozen": "hidden"}, "freezes 'hidden_3', which is new"),
        ({"hidden_layer_sizes": (), "init": None, "frozen": "hidden"}, r"hidden_layer_sizes=\(\) has none"),
        ({"init": MLPClassifier()}, "MLPClassifier that is not fitted. Fit it first"),
        ({"init": LeastSquaresRegressor()}, "must be a fitted network.*Got LeastSquaresRegressor instead"),
        ({"init": SoftmaxClassifier().fit(*LOW)}, "has no hidden layers"),
        ({"init": 3}, "Got int instead"),
        ({"learning_rate_factors": {"hiden_1": 0.1}}, r"Did you mean 'hidden_1'\?.*its layers, .*'output'"),
    ],
)
def test_mistakes_are_named(params, message):
    with pytest.raises((ValueError, TypeError, NotFittedError)) as error:
        taking(SOURCE, **params).fit(*HIGH)
    assert re.search(message, str(error.value), re.DOTALL), error.value


def test_parameters_of_the_source_are_not_set_through_its_heirs():
    """A search over them would change the network that the user has, and no fit."""
    alpha = SOURCE.alpha
    with pytest.raises(ValueError, match="Cannot set init__alpha: the network in 'init' is taken as it was fitted"):
        GridSearchCV(taking(), {"init__alpha": [0.1, 1.0]}, cv=2, error_score="raise").fit(*HIGH)
    assert SOURCE.alpha == alpha


def test_columns_that_are_not_those_of_the_source_are_named():
    with pytest.raises(ValueError, match="X has 63 columns, and the network in 'init' was trained on 64"):
        taking(SOURCE).fit(HIGH[0][:, 1:], HIGH[1])
    named = MLPClassifier((4,), max_iter=2).fit(pd.DataFrame(LOW[0]).add_prefix("p"), LOW[1])
    other = pd.DataFrame(HIGH[0]).add_prefix("p").rename(columns={"p3": "q3"})
    with pytest.raises(ValueError, match="Column 3 of X is 'q3', and the network in 'init' was trained on 'p3'"):
        taking(named).fit(other, HIGH[1])
