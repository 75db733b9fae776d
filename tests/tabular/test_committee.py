"""The fit of a committee: its members are networks on folds, and all that it publishes is out of fold."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import make_classification, make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, RepeatedKFold, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

import skdl
from skdl import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor
from skdl.tabular.portfolio import AUTO, COMMON, PRESETS, configurations

X, LABELS = make_classification(120, 5, n_informative=3, n_classes=3, n_clusters_per_class=1, random_state=0)
NAMES = np.array(["a", "b", "c"])[LABELS]
X_REAL, REALS = make_friedman1(150, 6, noise=0.5, random_state=0)
STEADY = {
    "optimizer": "adam",
    "optimizer__learning_rate": 0.002,
    "schedule": "constant",
}  # each epoch is the best so far
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 8, "batch_size": 16, "encoding": None, **STEADY}
RNG = np.random.default_rng(0)
TWO = {"small": SMALL, "smooth": {**SMALL, "activation": "tanh"}}


def classifier(portfolio=TWO, **params):
    return TabularClassifier(portfolio, **{"cv": 4, "random_state": 0, "refit": False, **params})


def regressor(portfolio=TWO, **params):
    return TabularRegressor(portfolio, **{"cv": 4, "random_state": 0, "refit": False, **params})


@pytest.mark.parametrize("kind", ["classifier", "regressor"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # of the one that is trained alone
def test_a_member_is_the_network_trained_alone_with_its_fold_as_validation_rows(kind):
    splits = [(np.arange(40, 120), np.arange(40)), (np.arange(90), np.arange(90, 120))]
    if kind == "classifier":
        model, network, data = classifier({"small": SMALL}, cv=splits).fit(X, NAMES), MLPClassifier(), (X, NAMES)
        method = "predict_proba"
    else:  # moments and the range of the targets are those of all rows
        centred, raw = REALS[:120], {"standardize_target": False, "clip_predictions": False}
        model = regressor({"small": {**SMALL, **raw}}, cv=splits).fit(X_REAL[:120], centred)
        network, data, method = MLPRegressor(), (X_REAL[:120], centred), "predict"
    for k, (training, unseen) in enumerate(splits):
        member = model.fold_estimators_["small"][k]
        own_rows = {"early_stopping": "refit", "calibrate": False, "random_state": member.random_state}
        alone = network.set_params(**COMMON[kind] | SMALL | own_rows)
        alone.set_params(**({} if kind == "classifier" else raw))
        alone.fit(data[0][training], data[1][training], X_val=data[0][unseen], y_val=data[1][unseen])
        assert_array_equal(getattr(member, method)(data[0]), getattr(alone, method)(data[0]))
        assert member.n_iter_ == alone.n_iter_


def test_probabilities_are_the_tempered_weighted_average():
    model = classifier().fit(X, NAMES)
    by_name = {
        name: np.mean([member.predict_proba(X) for member in members], axis=0)
        for name, members in model.fold_estimators_.items()
    }
    mixed = sum(model.weights_[name] * average for name, average in by_name.items())
    powers = mixed ** (1 / model.temperature_)
    assert_allclose(model.predict_proba(X), powers / powers.sum(axis=1, keepdims=True), rtol=1e-6)
    assert_array_equal(model.predict(X), model.classes_[mixed.argmax(axis=1)])
    assert_allclose(sum(model.weights_.values()), 1)


def test_out_of_fold_predictions_come_from_members_that_did_not_see_the_row():
    splits = [(np.setdiff1d(np.arange(150), rows), rows) for rows in np.array_split(np.arange(150), 5)]
    model = regressor(cv=splits).fit(X_REAL, REALS)
    expected = np.empty(150)
    for k, (_, unseen) in enumerate(splits):
        outputs = [members[k].predict(X_REAL[unseen]) for members in model.fold_estimators_.values()]
        expected[unseen] = model._fold_weights[k] @ outputs
    assert_allclose(model.oof_predictions_, expected)
    assert_allclose(model.loss_, np.mean((REALS - expected) ** 2))
    assert_allclose(model.score_, 1 - np.mean((REALS - expected) ** 2) / REALS.var())
    by_fold = [np.mean((REALS - expected)[unseen] ** 2) for _, unseen in splits]
    assert_allclose(model.loss_std_, np.std(by_fold, ddof=1))


def test_log_loss_out_of_fold_is_that_of_its_predictions():
    model = classifier(calibrate=True).fit(X, NAMES)
    assert_allclose(model.loss_, log_loss(NAMES, model.oof_predictions_))
    assert_allclose(model.score_, np.mean(model.classes_[model.oof_predictions_.argmax(axis=1)] == NAMES))
    board = model.leaderboard_
    assert set(board.index) == {"committee", "small", "smooth"}
    assert board["loss"].is_monotonic_increasing
    assert_allclose(board.loc["committee", "loss"], model.loss_)
    assert (board.loc[["small", "smooth"], "epochs"] >= 1).all()
    assert classifier(calibrate=False).fit(X, NAMES).temperature_ == 1


@pytest.mark.parametrize("params", [{}, {"refit": True}, {"members": [("forest", RandomForestClassifier(5))]}])
def test_fits_are_equal_to_the_last_bit_whatever_n_jobs_is(params):
    model = classifier(**params).fit(X, NAMES)
    with parallel_config("threading"):
        assert_array_equal(classifier(n_jobs=2, **params).fit(X, NAMES).predict_proba(X), model.predict_proba(X))
    for other in (clone(model), pickle.loads(pickle.dumps(model))):
        again = other if hasattr(other, "classes_") else other.fit(X, NAMES)
        assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert_array_equal(again.oof_predictions_, model.oof_predictions_)
        assert_array_equal(again.feature_importances_, model.feature_importances_)
    assert (classifier(random_state=1, **params).fit(X, NAMES).predict_proba(X) != model.predict_proba(X)).any()


def test_refitted_members_have_learned_all_rows_for_the_joint_number_of_epochs():
    model = regressor({"small": SMALL}, refit=True).fit(X_REAL, REALS)
    best = [int(np.argmax(member.validation_scores_)) + 1 for member in model.fold_estimators_["small"]]
    assert model.refitted_
    assert {member.n_iter_ for member in model.estimators_} == {round(np.mean(best))}
    assert len(model.estimators_) == 4
    assert_allclose(model.predict(X_REAL), np.mean([member.predict(X_REAL) for member in model.estimators_], axis=0))
    alone = MLPRegressor().set_params(**COMMON["regressor"] | SMALL, random_state=model.estimators_[0].random_state)
    alone.set_params(early_stopping=False, scoring=None, n_iter_no_change=None, max_iter=round(np.mean(best)))
    assert_array_equal(model.estimators_[0].predict(X_REAL), alone.fit(X_REAL, REALS).predict(X_REAL))
    assert regressor({"small": SMALL}, refit="auto").fit(X_REAL, REALS).refitted_


def test_rows_of_weight_zero_are_absent():
    weight = (RNG.random(150) < 0.7).astype(float)
    kept = np.flatnonzero(weight)
    model = regressor().fit(X_REAL, REALS, sample_weight=weight)
    without = regressor().fit(X_REAL[kept], REALS[kept])
    assert_array_equal(model.predict(X_REAL), without.predict(X_REAL))
    assert_array_equal(model.oof_predictions_[kept], without.oof_predictions_)
    assert np.isnan(model.oof_predictions_[weight == 0]).all()
    assert_array_equal(model.predict_interval(X_REAL), without.predict_interval(X_REAL))
    assert_array_equal(model.feature_importances_, without.feature_importances_)


def test_weight_two_is_the_row_twice_but_for_the_batches():
    weight = RNG.integers(1, 3, size=150)
    members = [("line", LinearRegression()), ("tree", HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=1))]
    twice = np.repeat(np.arange(150), weight)
    weighted = regressor(None, members=members[:1]).fit(X_REAL, REALS, sample_weight=weight)
    copies = regressor(None, members=members[:1]).fit(X_REAL[twice], REALS[twice])
    assert_allclose(weighted.predict(X_REAL), copies.predict(X_REAL), rtol=1e-9)
    assert_allclose(weighted.oof_predictions_[twice], copies.oof_predictions_, rtol=1e-9)
    assert_allclose(weighted.score_, copies.score_)
    assert_allclose(weighted.predict_interval(X_REAL), copies.predict_interval(X_REAL), rtol=1e-9)


def test_class_weight_is_a_weight_of_rows():
    own = {"a": 1.0, "b": 3.0, "c": 0.5}
    weighted = classifier(class_weight=own).fit(X, NAMES)
    same = classifier().fit(X, NAMES, sample_weight=[own[label] for label in NAMES])
    assert_array_equal(weighted.predict_proba(X), same.predict_proba(X))


def test_groups_and_splitters():
    groups = RNG.integers(12, size=120)
    model = classifier(members=[("line", LogisticRegression())]).fit(X, NAMES, groups=groups)
    assert np.isfinite(model.oof_predictions_).all()
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        classifier().fit(X, NAMES, groups=groups[:-1])
    repeated = regressor(cv=RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)).fit(X_REAL, REALS)
    assert len(repeated.fold_estimators_["small"]) == 6
    assert np.isfinite(repeated.oof_predictions_).all()
    series = regressor(cv=TimeSeriesSplit(3)).fit(X_REAL, REALS)
    assert np.isnan(series.oof_predictions_[:39]).all()
    assert np.isfinite(series.oof_predictions_[39:]).all()
    assert np.isfinite(series.predict_interval(X_REAL, 0.8)).all()


def test_scoring_chooses_the_weights_and_is_the_score():
    y = NAMES == "a"
    model = classifier(scoring="roc_auc").fit(X, y)
    assert_allclose(model.score_, roc_auc_score(y, model.oof_predictions_[:, 1]))
    board = model.leaderboard_
    assert 0 <= board["score"].min() <= 1
    with pytest.raises(ValueError, match=r"scoring='roc' is not the name of a scorer.*'roc_auc'"):
        classifier(scoring="roc").fit(X, y)
    absolute = regressor(scoring="neg_mean_absolute_error").fit(X_REAL, REALS)
    assert_allclose(absolute.score_, -np.mean(np.abs(REALS - absolute.oof_predictions_)))


def test_members_of_other_kinds_join():
    members = [
        ("forest", RandomForestClassifier(10)),
        ("pipeline", make_pipeline(skdl.SoftmaxClassifier())),
        ("votes", LinearSVC()),
        ("own", MLPClassifier((4,), max_iter=3)),
    ]
    model = classifier({"small": SMALL}, members=members, refit=True).fit(X, NAMES)
    assert list(model.weights_) == ["small", "forest", "pipeline", "votes", "own"]
    assert len(model.estimators_) == sum(
        (4 if name in ("small", "own") else 1) for name, weight in model.weights_.items() if weight
    )
    only = classifier(None, members=members[:1]).fit(X, NAMES)
    assert only.weights_ == {"forest": 1.0}
    assert only.leaderboard_.loc["forest", "seconds"] > 0


def test_parameters_of_members_are_reached_by_their_names():
    model = classifier(None, members=[("forest", RandomForestClassifier(5)), ("line", LogisticRegression())])
    assert model.get_params()["forest__n_estimators"] == 5
    search = GridSearchCV(model, {"forest__n_estimators": [2, 3], "line__C": [0.1]}, cv=2).fit(X, NAMES)
    best = search.best_estimator_
    assert len(best.fold_estimators_["forest"][0]) == search.best_params_["forest__n_estimators"]
    assert dict(model.members)["forest"].n_estimators == 5
    with pytest.raises(ValueError, match=r"no '__'"):
        classifier(None, members=[("a__b", LogisticRegression())]).fit(X, NAMES)


def test_importances_follow_the_columns():
    columns = [f"x{j}" for j in range(6)]
    frame = pd.DataFrame(X_REAL, columns=columns)
    model = regressor({"one": {"max_iter": 60}}).fit(frame, REALS)
    importances = pd.Series(model.feature_importances_, model.feature_names_in_)
    assert importances.idxmin() == "x5"  # the only one without a part in Friedman's function
    assert_allclose(importances.sum(), 1)
    assert (importances >= 0).all()
    selected = SelectFromModel(model, threshold=0.03).set_output(transform="pandas").fit_transform(frame, REALS)
    assert "x5" not in selected.columns
    from_polars = regressor({"one": {"max_iter": 60}}).fit(pl.from_pandas(frame), REALS)
    assert_array_equal(from_polars.feature_importances_, model.feature_importances_)
    from_array = regressor({"one": {"max_iter": 60}}).fit(X_REAL, REALS)
    assert_array_equal(from_array.feature_importances_, model.feature_importances_)


def test_the_portfolio_may_be_names_parameters_or_networks():
    network = MLPClassifier((4,), max_iter=3)
    found = configurations(["plain", {"alpha": 0.1}, network], "classifier", "")
    assert [name for name, _ in found] == ["plain", "network-2", "network-3"]
    assert found[1][1].alpha == 0.1
    assert found[1][1].label_smoothing == COMMON["classifier"]["label_smoothing"]
    assert found[2][1] is network
    for kind in ("classifier", "regressor"):
        assert [name for name, _ in configurations("auto", kind, "")] == list(AUTO[kind])
        assert len(configurations(list(PRESETS), kind, "")) == len(PRESETS)
    with pytest.raises(ValueError, match=r"'portfolio' parameter.*'plain'.*Got 'plane'"):
        classifier(["plane"]).fit(X, NAMES)
    with pytest.raises(ValueError, match="more than once"):
        classifier(["plain", "plain"]).fit(X, NAMES)
    with pytest.raises(ValueError, match="names of members and configurations"):
        classifier(members=[("small", LogisticRegression())]).fit(X, NAMES)
    with pytest.raises(ValueError, match=r"list of \(name, estimator\) pairs"):
        classifier(members=[LogisticRegression()]).fit(X, NAMES)
    with pytest.raises(ValueError, match="needs a configuration"):
        classifier(None).fit(X, NAMES)
    with pytest.raises(ValueError, match="averages classifiers"):
        classifier(members=[("line", LinearRegression())]).fit(X, NAMES)
    with pytest.raises(ValueError, match="dense tables"):
        classifier().fit(csr_array(X), NAMES)


def test_a_rare_class_is_known_to_all_members():
    labels = NAMES.astype(object)
    labels[:1] = "rare"
    model = classifier(members=[("forest", RandomForestClassifier(5))]).fit(X, labels)
    assert_array_equal(model.classes_, ["a", "b", "c", "rare"])
    assert_allclose(model.predict_proba(X).sum(axis=1), 1)


def test_a_configuration_that_diverges_is_left_out():
    wild = {**SMALL, "optimizer": "sgd", "optimizer__learning_rate": 1e30}
    with pytest.warns(UserWarning, match=r"4 of 8 members: .*learned nothing.*It is left out"):
        model = regressor({"small": SMALL, "wild": wild}).fit(X_REAL, REALS)
    alone = regressor({"small": SMALL}).fit(X_REAL, REALS)
    assert model.weights_ == {"small": 1.0, "wild": 0.0}
    assert_array_equal(model.predict(X_REAL), alone.predict(X_REAL))
    with (
        pytest.raises(ValueError, match="all of its networks diverged"),
        pytest.warns(UserWarning, match="It is left out"),
    ):
        regressor({"wild": wild}).fit(X_REAL, REALS)


def test_predictions_that_are_not_finite_have_no_weight():
    class Infinite(LinearRegression):
        def predict(self, X):
            return np.full(len(X), np.inf)

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scores of infinities in the leaderboard
        model = regressor(None, members=[("line", LinearRegression()), ("wild", Infinite())]).fit(X_REAL, REALS)
    assert model.weights_ == {"line": 1.0, "wild": 0.0}
    assert np.isfinite(model.predict(X_REAL)).all()
    assert np.isfinite(model.score_)


@pytest.mark.parametrize("early_stopping", ["auto", "refit"])
def test_networks_that_set_rows_apart_are_judged_by_those_of_their_fold(early_stopping):
    network = MLPRegressor((8,), max_iter=14, batch_size=16, early_stopping=early_stopping)
    splits = [(np.arange(50, 150), np.arange(50)), (np.arange(100), np.arange(100, 150))]
    model = regressor({"own": network}, cv=splits).fit(X_REAL, REALS)
    assert network.early_stopping == early_stopping
    for member, (_, unseen) in zip(model.fold_estimators_["own"], splits, strict=True):
        scores = member.history_["validation_score"].dropna()
        assert list(member.history_["epoch"][scores.index]) == [2, 6, 14][: len(scores)]  # the ends of cycles
        assert member.t_ == 100 * member.n_iter_  # no row is set apart, and there is no second training
        assert member.shrinkage_.tolist() == [1.0]
        spread = np.var(REALS)  # by which losses of standardised targets are measured, half of the squares
        error = np.mean((member.predict(X_REAL[unseen]) - REALS[unseen]) ** 2) / spread / 2
        assert -scores.max() == pytest.approx(error, rel=1e-4)


def test_the_default_portfolio_learns_few_rows():
    for n in (3, 5, 30, 38):  # of 38 rows, batches of 32 would leave a single one, of which there is no variance
        model = TabularClassifier(random_state=0).fit(X[:n], NAMES[:n])
        assert np.isfinite(model.predict_proba(X)).all()
        assert np.isfinite(TabularRegressor(random_state=0).fit(X_REAL[:n], REALS[:n]).predict(X_REAL)).all()
