"""A search with a ledger against the same search without: the same results, and nothing fitted twice."""

import json
import re
import warnings

import cloudpickle
import numpy as np
import pandas as pd
import polars as pl
import pytest
from joblib import parallel_config
from scipy import sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    ShuffleSplit,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC

import skdl
from skdl.callbacks import EarlyStopping
from skdl.model_selection import SearchLedger

X, y = load_iris(return_X_y=True)
FITS = []


class Bayes(GaussianNB):
    """An estimator that counts its fits in this process, and may be broken."""

    def __init__(self, *, var_smoothing=1e-9, broken=None):
        super().__init__(var_smoothing=var_smoothing)
        self.broken = broken

    def fit(self, X, y, sample_weight=None):
        FITS.append((self.var_smoothing, len(X)))
        if self.broken is not None and self.var_smoothing >= self.broken:
            raise OverflowError("broken")
        return super().fit(X, y, sample_weight)


GRID = {"var_smoothing": [1e-9, 0.1, 1.0, 10.0]}


@pytest.fixture
def path(tmp_path):
    FITS.clear()
    return tmp_path / "sweep.jsonl"


def n_fits():
    """The fits since the last call."""
    number = len(FITS)
    FITS.clear()
    return number


def warned(run):
    """What a call returns, and the text of every warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        return run(), [str(warning.message) for warning in caught]


def assert_same(search, plain):
    """All attributes but the times; `cv_results_` bit for bit, in the same order."""
    assert type(search) is type(plain)
    assert set(vars(search)) == set(vars(plain))
    assert list(search.cv_results_) == list(plain.cv_results_)
    for name, expected in plain.cv_results_.items():
        if not name.endswith("_time"):
            found = search.cv_results_[name]
            assert type(found) is type(expected)
            if isinstance(expected, list) or expected.dtype == object:  # estimators are equal when they read so
                assert repr(found) == repr(expected)
            else:
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found, expected, err_msg=name)
    for name in set(vars(plain)) - {"cv_results_", "refit_time_"}:
        assert repr(getattr(search, name)) == repr(getattr(plain, name)), name
    assert not re.search(rb"skdl.model_selection", cloudpickle.dumps(search))


SEARCHES = {
    "grid": GridSearchCV(Bayes(), GRID),
    "train scores": GridSearchCV(Bayes(), GRID, return_train_score=True),
    "no refit": GridSearchCV(Bayes(), GRID, refit=False),
    "refit function": GridSearchCV(Bayes(), GRID, refit=lambda results: int(results["mean_train_score"].argmin()),
                                   return_train_score=True),
    "scorer": GridSearchCV(Bayes(), GRID, scoring="neg_log_loss"),
    "metrics": GridSearchCV(Bayes(), GRID, scoring=["accuracy", "neg_log_loss"], refit="neg_log_loss"),
    "metrics by name": GridSearchCV(
        Bayes(), GRID, scoring={"train_score": "accuracy", "score": get_scorer("f1_macro")}, refit=False,
        return_train_score=True,
    ),
    "function": GridSearchCV(Bayes(), GRID, scoring=lambda estimator, X, y: -float(estimator.theta_.sum())),
    "function of several": GridSearchCV(
        Bayes(), GRID, scoring=lambda estimator, X, y: {"a": estimator.score(X, y), "b": np.float32(len(X))}, refit="a"
    ),
    "pipeline": GridSearchCV(make_pipeline(StandardScaler(), Bayes()), {"bayes__var_smoothing": [0.1, 1, 10]}, cv=3),
    "whole steps": GridSearchCV(
        make_pipeline(StandardScaler(), Bayes()), {"bayes": [Bayes(), Bayes(var_smoothing=0.1)], "standardscaler":
                                                   [None, StandardScaler()]}
    ),
    "random": RandomizedSearchCV(
        Bayes(), {"var_smoothing": np.logspace(-9, 2, 50)}, n_iter=6, random_state=3,
        cv=ShuffleSplit(4, random_state=1),
    ),
    "halving": HalvingGridSearchCV(Bayes(), GRID, random_state=0, factor=2, cv=3),
    "halving a parameter": HalvingRandomSearchCV(
        skdl.SoftmaxClassifier(tol=0), {"alpha": np.logspace(-4, 0, 30)}, resource="max_iter", max_resources=18,
        random_state=0, cv=3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEARCHES)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_same_results_and_no_fit_twice(name, path):
    plain = clone(SEARCHES[name]).fit(X, y)
    n_fits_plain = n_fits()
    ledger = SearchLedger(path)
    first = clone(SEARCHES[name])
    assert ledger.fit(first, X, y) is first
    assert n_fits() == n_fits_plain
    assert_same(first, plain)
    again = ledger.fit(clone(SEARCHES[name]), X, y)
    assert n_fits() <= bool(plain.refit)
    assert_same(again, plain)
    for time in ("fit_time", "score_time"):
        np.testing.assert_array_equal(again.cv_results_[f"mean_{time}"], first.cv_results_[f"mean_{time}"])
        np.testing.assert_array_equal(again.cv_results_[f"std_{time}"], first.cv_results_[f"std_{time}"])
    if plain.refit:
        np.testing.assert_array_equal(again.predict(X), plain.predict(X))
        assert again.score(X, y) == plain.score(X, y)


@pytest.mark.parametrize("half", [{"var_smoothing": [1e-9, 0.1]}, {"var_smoothing": [10.0, 0.1, 3.0]}])
def test_what_is_in_common_with_another_grid_is_found(half, path):
    ledger = SearchLedger(path)
    ledger.fit(GridSearchCV(Bayes(), half, refit=False), X, y)
    n_fits()
    whole = ledger.fit(GridSearchCV(Bayes(), GRID, refit=False), X, y)
    assert n_fits() == 2 * 5
    assert_same(whole, GridSearchCV(Bayes(), GRID, refit=False).fit(X, y))


def test_times_are_those_of_the_original_fits(path):
    ledger = SearchLedger(path)
    ledger.fit(GridSearchCV(Bayes(), GRID), X, y)
    again = ledger.fit(GridSearchCV(Bayes(), GRID), X, y)
    recorded = ledger.results().groupby("param_var_smoothing")
    np.testing.assert_allclose(again.cv_results_["mean_fit_time"], recorded["fit_time"].mean(), rtol=1e-12)
    np.testing.assert_allclose(again.cv_results_["std_fit_time"], recorded["fit_time"].std(ddof=0), rtol=1e-9)
    np.testing.assert_allclose(again.cv_results_["mean_score_time"], recorded["score_time"].mean(), rtol=1e-12)


@pytest.mark.parametrize(
    ("backend", "kind"),
    [("loky", "array"), ("loky", "table"), ("threading", "array"), ("skdl", "array"), ("skdl", "table")],
)
def test_backends_find_the_records_of_each_other(backend, kind, path):
    """Also of data that are mapped from a file in the workers (10 kB here, and 1 MB by default)."""
    rng = np.random.default_rng(0)
    if kind == "array":
        rows, target = np.asfortranarray(rng.normal(size=(300, 8))), rng.integers(2, size=300)
        estimator = Bayes()
    else:
        rows = pd.DataFrame({"word": rng.choice(["a", "b", "c"], 300), "number": rng.normal(size=300)})
        rows["kind"] = rows["word"].astype("category")
        target = pd.Series(rng.choice(["yes", "no"], 300), name="answer")
        encoder = make_column_transformer(
            (OneHotEncoder(sparse_output=False), ["word", "kind"]), remainder="passthrough"
        )
        estimator = make_pipeline(encoder, Bayes())
    grid = {("bayes__" if kind == "table" else "") + "var_smoothing": [0.1, 1.0]}
    search = GridSearchCV(estimator, grid, cv=3, return_train_score=True, scoring=["accuracy", "roc_auc"], refit=False)
    plain = clone(search).fit(rows, target)
    ledger = SearchLedger(path)
    n_fits()
    memory = {"max_nbytes": 10_000} if backend == "loky" else {}
    with parallel_config(backend, n_jobs=2, **memory):
        assert_same(ledger.fit(clone(search), rows, target), plain)
    assert len(ledger.results()) == 6
    n_fits()
    assert_same(ledger.fit(clone(search), rows, target), plain)
    assert n_fits() == 0
    path.unlink()
    ledger.fit(clone(search), rows, target)
    with parallel_config(backend, n_jobs=2, **memory):
        assert_same(ledger.fit(clone(search), rows, target), plain)
    assert len(ledger.results()) == 6


@pytest.mark.parametrize(
    ("estimator", "grid", "rows"),
    [
        (LogisticRegression(max_iter=3), {"C": [0.1, 1]}, sparse.csr_array(X)),
        (GaussianNB(), {"var_smoothing": [0.1, 1]}, pl.DataFrame(X, schema=list("abcd"))),
        (GaussianNB(), {"var_smoothing": [0.1, 1]}, X.tolist()),
        (SVC(kernel="precomputed"), {"C": [0.1, 1]}, X @ X.T),
        (skdl.MLPClassifier((4,), max_iter=3, random_state=0), {"optimizer__learning_rate": [0.1, 0.01]}, X),
        (skdl.KNNClassifier(), {"n_neighbors": [1, 3], "weights": ["uniform", np.exp]}, X + 0.01),
    ],
    ids=["sparse", "polars", "list", "kernel", "network", "neighbors"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_data_and_estimators_of_all_kinds(estimator, grid, rows, path):
    search = GridSearchCV(estimator, grid, cv=3)
    plain = clone(search).fit(rows, y)
    ledger = SearchLedger(path)
    assert_same(ledger.fit(clone(search), rows, y), plain)
    n_records = len(ledger.results())
    assert n_records == 3 * len(plain.cv_results_["params"])
    assert_same(ledger.fit(clone(search), rows, y), plain)
    assert len(ledger.results()) == n_records


def test_without_targets(path):
    from sklearn.mixture import GaussianMixture

    search = GridSearchCV(GaussianMixture(random_state=0), {"n_components": [1, 2]}, cv=3)
    ledger = SearchLedger(path)
    ledger.fit(clone(search), X)
    assert_same(ledger.fit(clone(search), X), clone(search).fit(X))
    assert len(ledger.results()) == 6


CHANGES = {
    "a cell": lambda search, data: data.update(X=X + np.eye(*X.shape)),
    "a target": lambda search, data: data.update(y=np.roll(y, 1)),
    "the dtype": lambda search, data: data.update(X=X.astype(np.float32)),
    "the memory's order": lambda search, data: data.update(X=pd.DataFrame(X)),
    "weights": lambda search, data: data.update(sample_weight=np.linspace(1, 2, len(y))),
    "folds": lambda search, data: search.set_params(cv=KFold(5, shuffle=True, random_state=0)),
    "a fixed parameter": lambda search, data: search.set_params(estimator__broken=11.0),
    "the class": lambda search, data: search.set_params(estimator=GaussianNB()),
    "the scoring": lambda search, data: search.set_params(scoring="balanced_accuracy"),
    "the scoring's setting": lambda search, data: search.set_params(
        scoring=make_scorer(len_of, response_method="predict")
    ),
    "training scores": lambda search, data: search.set_params(return_train_score=True),
}


def len_of(y_true, y_predicted):
    return float(len(y_true))


@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_mixed_up(change, path):
    ledger = SearchLedger(path)
    search, data = GridSearchCV(Bayes(), GRID, refit=False), {"X": X, "y": y}
    ledger.fit(clone(search), **data)
    CHANGES[change](search, data)
    assert_same(ledger.fit(clone(search), **data), clone(search).fit(**data))
    assert len(ledger.results()) == 40
    assert_same(ledger.fit(clone(search), **data), clone(search).fit(**data))
    assert len(ledger.results()) == 40


def test_how_it_is_computed_does_not_count(path):
    ledger = SearchLedger(path)
    ledger.fit(GridSearchCV(KNeighborsClassifier(n_jobs=1), {"n_neighbors": [1, 3]}), X, y)
    search = GridSearchCV(KNeighborsClassifier(n_jobs=2), {"n_neighbors": [1, 3]}, pre_dispatch=7, error_score="raise")
    ledger.fit(search, X, y)
    assert len(ledger.results()) == 10
    assert search.best_estimator_.n_jobs == 2


def test_folds_that_share_their_training_rows(path):
    train, test = np.arange(0, 150, 2), np.arange(1, 150, 2)
    search = GridSearchCV(Bayes(), GRID, cv=[(train, test[:30]), (train, test[30:]), (np.arange(150), np.arange(150))])
    plain = clone(search).fit(X, y)
    ledger = SearchLedger(path)
    ledger.fit(clone(search).set_params(cv=search.cv[:1]), X, y)
    for _ in range(2):
        assert_same(ledger.fit(clone(search), X, y), plain)
    assert len(ledger.results()) == 12


def test_training_scores_asked_for_later_replace_the_records(path):
    ledger = SearchLedger(path)
    forest = skdl.MLPClassifier((3,), max_iter=2)  # another net each time
    search = GridSearchCV(forest, {"alpha": [0.0, 0.1]}, cv=3, refit=False)
    without = ledger.fit(clone(search), X, y)
    np.testing.assert_array_equal(ledger.fit(clone(search), X, y).cv_results_["split0_test_score"],
                                  without.cv_results_["split0_test_score"])  # fmt: skip
    both = ledger.fit(clone(search).set_params(return_train_score=True), X, y)
    again = ledger.fit(clone(search).set_params(return_train_score=True), X, y)
    assert_same(again, both)
    np.testing.assert_array_equal(ledger.fit(clone(search), X, y).cv_results_["mean_test_score"],
                                  both.cv_results_["mean_test_score"])  # fmt: skip
    assert len(ledger.results()) == 12


def test_groups_and_weights(path):
    groups, weight = np.arange(150) % 7, np.linspace(0.1, 2, 150)
    search = GridSearchCV(Bayes(), GRID, cv=GroupKFold(3), scoring=["accuracy", "neg_log_loss"], refit="accuracy")
    plain = clone(search).fit(X, y, groups=groups, sample_weight=weight)
    ledger = SearchLedger(path)
    for _ in range(2):
        assert_same(ledger.fit(clone(search), X, y, groups=groups, sample_weight=weight), plain)
    assert len(ledger.results()) == 12


def test_metadata_routing(path):
    weight = np.linspace(0.1, 2, 150)
    with config_context(enable_metadata_routing=True):
        estimator = Bayes().set_fit_request(sample_weight="wf").set_score_request(sample_weight="ws")
        scorer = get_scorer("accuracy").set_score_request(sample_weight="ws")
        for scoring in (
            None,
            scorer,
            {"a": scorer, "b": get_scorer("f1_macro").set_score_request(sample_weight=False)},
        ):
            search = GridSearchCV(estimator, GRID, scoring=scoring, refit=False, cv=3)
            plain = clone(search).fit(X, y, wf=weight, ws=weight[::-1])
            ledger = SearchLedger(path)
            for _ in range(2):
                assert_same(ledger.fit(clone(search), X, y, wf=weight, ws=weight[::-1]), plain)
    assert len(ledger.results()) == 36


@pytest.mark.parametrize("scoring", [None, ["accuracy", "f1_macro"]])
@pytest.mark.parametrize("error_score", [np.nan, 0.5])
def test_failed_fits_are_recorded_and_tried_again(scoring, error_score, path):
    search = GridSearchCV(Bayes(broken=1.0), GRID, scoring=scoring, refit=False, error_score=error_score,
                          return_train_score=True)  # fmt: skip
    ledger = SearchLedger(path)

    def fit(run):
        result, messages = warned(run)
        assert sum("10 fits failed out of a total of 20" in message for message in messages) == 1
        return result

    plain = fit(lambda: clone(search).fit(X, y))
    n_fits()
    assert_same(fit(lambda: ledger.fit(clone(search), X, y)), plain)
    assert n_fits() == 20
    again = fit(lambda: ledger.fit(clone(search), X, y))
    assert n_fits() == 10
    assert_same(again, plain)
    results = ledger.results()
    assert results["error"].value_counts().to_dict() == {"OverflowError: broken": 20}
    assert (results["param_var_smoothing"][results["error"].notna()] >= 1).all()
    assert results["fold"].notna().sum() == 10
    with pytest.raises(OverflowError, match="broken"):
        ledger.fit(clone(search).set_params(error_score="raise"), X, y)


def fails_for_much(estimator, X, y):
    if estimator.var_smoothing > 1:
        raise ZeroDivisionError("no score")
    return estimator.score(X, y)


@pytest.mark.parametrize("train_scores", [False, True])
@pytest.mark.parametrize("scoring", [fails_for_much, {"a": "accuracy", "b": fails_for_much}], ids=["one", "two"])
def test_failed_scores_are_computed_again(scoring, train_scores, path):
    search = GridSearchCV(Bayes(), GRID, scoring=scoring, refit=False, return_train_score=train_scores)
    ledger = SearchLedger(path)
    plain, expected = warned(lambda: clone(search).fit(X, y))
    assert any("no score" in message for message in expected)
    for n_new in (20, 5):
        n_fits()
        found, messages = warned(lambda: ledger.fit(clone(search), X, y))
        assert_same(found, plain)
        assert n_fits() == n_new
        assert len(messages) == len(expected)
    with pytest.raises(ZeroDivisionError, match="no score"):
        ledger.fit(clone(search).set_params(error_score="raise"), X, y)


def test_scores_that_are_not_finite(path):
    values = {1e-9: np.inf, 0.1: -np.inf, 1.0: np.nan, 10.0: 1.0}
    search = GridSearchCV(Bayes(), GRID, scoring=lambda estimator, X, y: values[estimator.var_smoothing], refit=False)
    ledger = SearchLedger(path)
    for _ in range(2):
        found, _ = warned(lambda: ledger.fit(search, X, y))
        np.testing.assert_array_equal(found.cv_results_["split0_test_score"], list(values.values()))
    assert len(ledger.results()) == 20
    for line in path.read_text().splitlines():  # what other readers of JSON read, too
        json.loads(line, parse_constant=pytest.fail)


class Impatient(GaussianNB):
    """The user presses Ctrl-C in the seventh fit."""

    def fit(self, X, y):
        FITS.append(0)
        if len(FITS) == 7:
            raise KeyboardInterrupt
        return super().fit(X, y)


def test_an_interrupted_search_goes_on(path):
    ledger, search = SearchLedger(path), GridSearchCV(Impatient(), GRID)
    before = dict(vars(search))
    with pytest.raises(KeyboardInterrupt):
        ledger.fit(search, X, y)
    assert vars(search) == before
    assert len(ledger.results()) == 6
    ledger.fit(search, X, y)
    assert len(FITS) == 7 + 14 + 1
    FITS.clear()
    FITS.extend([0] * 10)
    assert_same(search, GridSearchCV(Impatient(), GRID).fit(X, y))


def test_callbacks_of_the_search(path, capsys):
    """Those of scikit-learn only watch; early stopping is part of what is computed."""
    net = skdl.MLPClassifier((4,), max_iter=30, random_state=0)
    search = GridSearchCV(net, {"alpha": [0.0, 0.1]}, cv=3, refit=False)
    stopping = EarlyStopping(patience=1, min_delta=0.5)
    plain = clone(search).set_callbacks(stopping).fit(X, y)
    ledger = SearchLedger(path)
    ledger.fit(clone(search), X, y)
    for callbacks in ([stopping], [stopping, ProgressBar()], [EarlyStopping(patience=1, min_delta=0.5)]):
        found = ledger.fit(clone(search).set_callbacks(*callbacks), X, y)
        np.testing.assert_array_equal(found.cv_results_["mean_test_score"], plain.cv_results_["mean_test_score"])
        assert len(ledger.results()) == 12
    capsys.readouterr()


@pytest.mark.parametrize("train_scores", [False, True])
def test_verbose_messages_are_those_of_the_search(train_scores, path, capsys):
    search = GridSearchCV(Bayes(), GRID, verbose=3, refit=False, return_train_score=train_scores)
    clone(search).fit(X, y)
    expected = re.sub(r"total time=.*", "", capsys.readouterr().out)
    ledger = SearchLedger(path)
    for n_before in (0, 20):
        ledger.fit(clone(search), X, y)
        printed = re.sub(r"total time=.*", "", capsys.readouterr().out)
        assert printed == f"{path} has {n_before} finished fits to these data\n{expected}"


def test_a_search_inside_a_search(path):
    inner = GridSearchCV(Bayes(), GRID, cv=2)
    search = GridSearchCV(inner, {"cv": [2, 3]}, cv=2)
    ledger = SearchLedger(path)
    plain = clone(search).fit(X, y)
    for _ in range(2):
        assert_same(ledger.fit(clone(search), X, y), plain)
    assert len(ledger.results()) == 4


def test_results(path):
    ledger = SearchLedger(str(path))
    search = GridSearchCV(make_pipeline(StandardScaler(), Ridge()), {"ridge__alpha": [0.1, 1.0]}, cv=2,
                          scoring=["r2", "neg_mean_squared_error"], refit="r2", return_train_score=True)  # fmt: skip
    ledger.fit(search, X[:, :3], X[:, 3])
    ledger.fit(RandomizedSearchCV(Bayes(), {"var_smoothing": [1.0]}, n_iter=1, random_state=0, cv=2), X, y)
    results = ledger.results()
    assert list(results["estimator"]) == ["Pipeline"] * 4 + ["Bayes"] * 2
    assert list(results["fold"]) == [0, 1, 0, 1, 0, 1]
    assert list(results["param_ridge__alpha"])[:4] == [0.1, 0.1, 1.0, 1.0]
    for rows in ("test", "train"):
        for metric in ("r2", "neg_mean_squared_error"):
            expected = [search.cv_results_[f"split{fold}_{rows}_{metric}"][row] for row in (0, 1) for fold in (0, 1)]
            assert list(results[f"{rows}_{metric}"])[:4] == expected
    assert set(results["n_training_rows"]) == {75}
    assert results["data"].nunique() == 2
    assert (results["fit_time"] > 0).all()
    assert results["finished"].dt.tz is not None
    assert results["error"].isna().all()


def test_mistakes_are_named(tmp_path, path):
    ledger = SearchLedger(path)
    with pytest.raises(TypeError, match=r"must be a search of scikit-learn, .* Got LogisticRegression\(\)"):
        ledger.fit(LogisticRegression(), X, y)
    with pytest.raises(TypeError, match="must be a search"):
        ledger.fit(X, y)
    with pytest.raises(ValueError, match=r"The search, RandomizedSearchCV, .* Set its random_state to an int"):
        ledger.fit(RandomizedSearchCV(Bayes(), GRID), X, y)
    with pytest.raises(ValueError, match=r"The search's cv, KFold, draws at random"):
        ledger.fit(GridSearchCV(Bayes(), GRID, cv=KFold(shuffle=True)), X, y)
    with pytest.raises(ValueError, match="refit must be set to a scorer key"):
        ledger.fit(GridSearchCV(Bayes(), GRID, scoring=["accuracy"]), X, y)
    with pytest.raises(ValueError, match="scoring"):
        ledger.fit(GridSearchCV(Bayes(), GRID, scoring="acuracy"), X, y)
    assert n_fits() == 0
    assert not path.exists() or not path.read_text()
    with pytest.raises(ValueError, match="'path' parameter of SearchLedger must be"):
        SearchLedger(3).fit(GridSearchCV(Bayes(), GRID), X, y)
    with pytest.raises(FileNotFoundError):
        SearchLedger(tmp_path / "none.jsonl").results()
    with pytest.raises(FileNotFoundError):
        SearchLedger(tmp_path / "none" / "sweep.jsonl").fit(GridSearchCV(Bayes(), GRID), X, y)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n")
    for call in (
        lambda: SearchLedger(table).results(),
        lambda: SearchLedger(table).fit(GridSearchCV(Bayes(), GRID), X, y),
    ):
        with pytest.raises(ValueError, match="is not a search ledger"):
            call()
    assert table.read_text() == "a,b\n1,2\n"
