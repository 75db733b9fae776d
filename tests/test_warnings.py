"""Warnings point to the line of the user, whatever lies between it and what warns."""

import re
import warnings

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skdl import (
    BaggingClassifier,
    BaggingRegressor,
    EnsembleClassifier,
    EnsembleRegressor,
    KNNClassifier,
    KNNRegressor,
    LeastSquaresRegressor,
    MLPClassifier,
    MLPRegressor,
    PolynomialRegressor,
    SnapshotEnsembleClassifier,
    SnapshotEnsembleRegressor,
    SoftmaxClassifier,
)
from skdl._warnings import warn
from skdl.model_selection import SearchLedger, _records

X, Y = load_iris(return_X_y=True)
Z = X @ [1.0, 2.0, 0.0, -1.0]
COLUMN = Y[:, None]
ONE_COLUMN = "column-vector"
MLP, REG = MLPClassifier((3,), max_iter=2, random_state=0), MLPRegressor((3,), max_iter=2, random_state=0)
KNN = KNNClassifier(3, metric="jaccard")
LARGE = {"batch_size": 1000, "max_iter": 2}


def overflowing(model, y):
    return model.fit(X, y).predict(np.full((3, 4), 1e308))


def without_votes():
    weight = np.ones(150)
    return KNNClassifier(3, weights=np.zeros_like).fit(X, Y, weight).predict(X)


def grown(ensemble, y):
    return ensemble.set_params(warm_start=True, n_estimators=2).fit(X, y).fit(X, y)


def damaged(path, use):
    path.write_bytes(_records.START + b"what is not a record\n")
    return use(SearchLedger(path))


def column(model):
    return lambda path: model.fit(X, COLUMN)


OTHER_VALUES = "X holds values other than 0 and 1"
CASES = {
    **{
        f"{ONE_COLUMN} {type(model).__name__}": (column(model), ONE_COLUMN)
        for model in (
            MLP,
            SoftmaxClassifier(),
            KNNClassifier(),
            BaggingClassifier(KNNClassifier(), 2),
            EnsembleClassifier(estimator=MLP, n_estimators=2),
            SnapshotEnsembleClassifier(MLP, 2),
        )
    },
    "search": (
        lambda path: GridSearchCV(make_pipeline(StandardScaler(), MLP), {"mlpclassifier__alpha": [0.1]}).fit(X, COLUMN),
        ONE_COLUMN,
    ),
    "score": (lambda path: MLP.fit(X, Y) and cross_val_score(KNN, X, Y), OTHER_VALUES),
    "jaccard": (lambda path: KNN.fit(X, Y), OTHER_VALUES),
    "dice": (lambda path: KNNRegressor(3, metric="dice").fit(X, Z), OTHER_VALUES),
    "online": (lambda path: KNNClassifier(3, metric="dice").partial_fit(X, Y, classes=[0, 1, 2]), OTHER_VALUES),
    "jaccard in an ensemble": (lambda path: EnsembleClassifier([("a", KNN), ("b", MLP)]).fit(X, Y), OTHER_VALUES),
    "votes": (lambda path: without_votes(), "votes of weight zero"),
    "batch of a network": (lambda path: MLPClassifier((3,), **LARGE).fit(X, Y), "=1000 is larger than the 150 "),
    "batch of a part": (lambda path: MLPRegressor((3,), **LARGE).partial_fit(X, Z), "batch_size=1000"),
    "batch of least squares": (lambda path: LeastSquaresRegressor(solver="adam", **LARGE).fit(X, Z), "batch_size=1000"),
    "batch of snapshots": (
        lambda path: SnapshotEnsembleRegressor(MLPRegressor((3,), **LARGE), 2).fit(X, Z), "batch_size=1000"
    ),
    "batch of members": (lambda path: EnsembleRegressor(estimator=MLPRegressor((3,), **LARGE)).fit(X, Z), "batch_size"),
    "batch of shares": (
        lambda path: EnsembleRegressor(estimator=MLPRegressor((3,), **LARGE), share="batch_ensemble").fit(X, Z),
        "batch_size=1000",
    ),
    "search of batches": (
        lambda path: GridSearchCV(MLPRegressor((3,), **LARGE), {"alpha": [0.1]}, cv=2).fit(X, Z), "batch_size=1000"
    ),
    "outputs": (lambda path: MultiOutputRegressor(MLPRegressor((3,), **LARGE)).fit(X, Z[:, None]), "batch_size=1000"),
    "convergence": (lambda path: SoftmaxClassifier(max_iter=1).fit(X, Y), "max_iter=1"),
    "convergence of least squares": (
        lambda path: LeastSquaresRegressor(solver="lbfgs", max_iter=1).fit(X, Z), "max_iter=1"
    ),
    "convergence of members": (
        lambda path: BaggingClassifier(SoftmaxClassifier(max_iter=1), 2).fit(X, Y), "of 2 members: .*max_iter=1"
    ),
    "overflow": (lambda path: overflowing(LeastSquaresRegressor(), Z * 1e9), "not finite|overflow|range"),
    "overflow of members": (
        lambda path: overflowing(EnsembleRegressor([("a", LeastSquaresRegressor())]), Z * 1e9),
        "not finite|overflow|range",
    ),
    "bagging has not grown": (lambda path: grown(BaggingRegressor(REG), Z), "has not grown"),
    "average has not grown": (lambda path: grown(EnsembleClassifier(estimator=MLP), Y), "has not grown"),
    "in every bag": (
        lambda path: BaggingClassifier(DecisionTreeClassifier(), 2, oob_score=True, random_state=0).fit(X, Y),
        "in the bag of every member",
    ),
    "weights that are not counts": (
        lambda path: BaggingClassifier(DecisionTreeClassifier(), 2).fit(X, Y, np.full(150, 1e-3)), "as counts"
    ),
    "few rows": (lambda path: MLPClassifier((3,), normalization="batch", **LARGE).fit(X[[0, 50, 100]][:1], [1]), "row"),
    "coefficients": (
        lambda path: PolynomialRegressor(3, basis="monomial").fit(X * 1e-150, Z), "out of the range"
    ),
    "degrees of freedom": (lambda path: LeastSquaresRegressor().fit(X[:3], Z[:3]).summary(), "not defined are NaN"),
    "ledger": (lambda path: damaged(path, lambda ledger: ledger.results()), "damaged"),
    "ledger of a search": (
        lambda path: damaged(path, lambda ledger: ledger.fit(GridSearchCV(KNNClassifier(), {}, cv=2), X, Y)), "damaged"
    ),
    "tasks": (lambda path: joblib.Parallel(1)(joblib.delayed(KNN.fit)(X, Y) for _ in range(2)), OTHER_VALUES),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_warnings_point_to_the_line_of_the_user(name, tmp_path):
    use, message = CASES[name]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        use(tmp_path / "ledger.jsonl")
    assert any(re.search(message, str(each.message)) for each in caught)
    assert {each.filename for each in caught} == {__file__}


@pytest.mark.parametrize("n_rows", [33, 73, 86, 129])
@pytest.mark.parametrize("network", [MLPClassifier, MLPRegressor])
def test_no_batch_is_a_single_row_by_default(network, n_rows):
    """Neither of all rows nor, by default, of those of the trial: 86 rows less 13 are 9 batches of 8 and one row."""
    rows = np.random.default_rng(0).permutation(150)[:n_rows]
    network((3,), normalization="batch", max_iter=1, random_state=0).fit(X[rows], Y[rows])


def test_where_there_is_no_line_of_the_user_that_of_the_first_caller_is_pointed_to():
    with joblib.parallel_config("threading", n_jobs=2), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        joblib.Parallel()(joblib.delayed(warn)("something") for _ in range(2))
    assert len(caught) == 2
    assert all("joblib" in each.filename for each in caught)
