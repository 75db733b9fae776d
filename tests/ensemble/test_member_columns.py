"""What the members of an average answer, as columns: equal to scikit-learn's voting, with names, in stacked models."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skdl import EnsembleClassifier, EnsembleRegressor, MLPClassifier, MLPRegressor, SoftmaxClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 3))
Y = np.array(list("abc"))[np.digitize(X[:, 0], [-0.5, 0.5])]
REAL = X @ [1.0, 2.0, 3.0]
CLASSIFIERS = [
    ("tree", DecisionTreeClassifier(max_depth=2, random_state=0)),
    ("out", "drop"),
    ("line", LogisticRegression()),
]
REGRESSORS = [("tree", DecisionTreeRegressor(max_depth=2, random_state=0)), ("line", LinearRegression())]


def renamed(names, ours, theirs):
    return [name.replace(ours, theirs) for name in names]


@pytest.mark.parametrize(
    "params", [{"voting": "soft"}, {"voting": "hard"}, {"voting": "soft", "weights": [1, 2, 0]}], ids=str
)
def test_columns_and_names_are_those_of_voting(params):
    ours = EnsembleClassifier(CLASSIFIERS, **params).fit(X, Y)
    theirs = VotingClassifier(CLASSIFIERS, **params).fit(X, Y)
    assert_array_equal(ours.transform(X), theirs.transform(X))
    assert_array_equal(EnsembleClassifier(CLASSIFIERS, **params).fit_transform(X, Y), theirs.transform(X))
    names = renamed(ours.get_feature_names_out(), "ensemble", "voting")
    assert names == theirs.get_feature_names_out().tolist()
    frame = ours.set_output(transform="pandas").transform(X)
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.tolist() == ours.get_feature_names_out().tolist()


def test_without_flattening_each_member_has_a_table():
    ours = EnsembleClassifier(CLASSIFIERS, flatten_transform=False).fit(X, Y)
    theirs = VotingClassifier(CLASSIFIERS, voting="soft", flatten_transform=False).fit(X, Y)
    assert_array_equal(ours.transform(X), theirs.transform(X))
    with pytest.raises(ValueError, match="Set flatten_transform=True"):
        ours.get_feature_names_out()
    with pytest.raises(ValueError, match=r"'flatten_transform' .* a bool"):
        EnsembleClassifier(CLASSIFIERS, flatten_transform="no").fit(X, Y)


def test_regressors():
    ours, theirs = EnsembleRegressor(REGRESSORS).fit(X, REAL), VotingRegressor(REGRESSORS).fit(X, REAL)
    assert_array_equal(ours.transform(X), theirs.transform(X))
    assert renamed(ours.get_feature_names_out(), "ensemble", "voting") == theirs.get_feature_names_out().tolist()
    two = EnsembleRegressor(REGRESSORS).fit(X, np.column_stack([REAL, -REAL]))
    columns = np.column_stack([member.predict(X) for member in two.estimators_])
    assert_array_equal(two.transform(X), columns)
    names = [f"ensembleregressor_{name}" for name in ("tree0", "tree1", "line0", "line1")]
    assert two.get_feature_names_out().tolist() == names


def test_members_made_of_one_estimator_are_numbered():
    mlp = EnsembleClassifier(estimator=MLPClassifier((3,), max_iter=2), n_estimators=11, random_state=0).fit(X, Y)
    names = mlp.get_feature_names_out().tolist()
    assert len(set(names)) == mlp.transform(X).shape[1] == 33
    assert names[0] == "ensembleclassifier_mlpclassifier-1_0"
    assert_array_equal(mlp.transform(X)[:, 3:6], mlp.estimators_[1].predict_proba(X))
    regressor = EnsembleRegressor(estimator=MLPRegressor((3,), max_iter=2), n_estimators=2, random_state=0)
    names = ["ensembleregressor_mlpregressor-1", "ensembleregressor_mlpregressor-2"]
    assert regressor.fit(X, REAL).get_feature_names_out().tolist() == names


def test_a_stacked_model_in_a_pipeline():
    pipeline = make_pipeline(EnsembleClassifier(CLASSIFIERS), SoftmaxClassifier())
    assert pipeline.set_output(transform="pandas").fit(X, Y).score(X, Y) > 0.9
    assert pipeline[-1].feature_names_in_.tolist() == pipeline[0].get_feature_names_out().tolist()


def test_members_by_name_before_and_after_the_fit():
    ensemble = EnsembleClassifier(CLASSIFIERS)
    assert ensemble.named_estimators.line is CLASSIFIERS[2][1]
    assert ensemble.named_estimators.out == "drop"
    assert EnsembleClassifier().named_estimators == {}
    with pytest.raises(NotFittedError):
        ensemble.transform(X)
    with pytest.raises(NotFittedError):
        ensemble.get_feature_names_out()
    assert ensemble.fit(X, Y).named_estimators_.line is ensemble.estimators_[1]
