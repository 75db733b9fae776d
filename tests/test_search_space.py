"""Distributions that say what they are, and search spaces that fit into pipelines."""

import copy
import pickle

import numpy as np
import pytest
from scipy.stats import kstest, loguniform, uniform
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingRandomSearchCV, ParameterSampler, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import BaggingClassifier, KNNClassifier, MLPClassifier, SoftmaxClassifier
from skdl.model_selection import Integers, LogUniform, Uniform

DISTRIBUTIONS = {
    "Uniform(low=-1.5, high=2)": (Uniform(-1.5, 2), uniform(-1.5, 3.5)),
    "LogUniform(low=1e-06, high=0.1)": (LogUniform(1e-6, 0.1), loguniform(1e-6, 0.1)),
}


@pytest.mark.parametrize("text", DISTRIBUTIONS)
def test_distributions_are_those_of_scipy(text):
    found, expected = DISTRIBUTIONS[text]
    assert repr(found) == text
    for source in (np.random.default_rng(0), np.random.RandomState(0), 0):
        numbers = found.rvs(2000, random_state=source)
        assert kstest(numbers, expected.cdf).pvalue > 0.01
        assert found.low <= numbers.min() < numbers.max() <= found.high
    assert found.rvs((2, 3), 0).shape == (2, 3)
    assert type(found.rvs(random_state=0)) is float
    assert found.rvs(random_state=0) == found.rvs(random_state=0) != found.rvs()


def test_integers_have_both_ends_and_equal_shares():
    numbers = Integers(3, 6).rvs(4000, np.random.RandomState(0))
    values, counts = np.unique(numbers, return_counts=True)
    assert values.tolist() == [3, 4, 5, 6]
    assert abs(counts / 1000 - 1).max() < 0.1  # three standard deviations
    assert type(Integers(3, 3).rvs()) is int
    assert Integers(3, 3).rvs() == 3


@pytest.mark.parametrize("found", [Uniform(0, 1), LogUniform(1, 2), Integers(1, 2)])
def test_distributions_are_values(found):
    for same in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found), clone(found, safe=False)):
        assert same == found
        assert hash(same) == hash(found)
    assert Uniform(1, 2) != LogUniform(1, 2)
    search = RandomizedSearchCV(SoftmaxClassifier(), {"alpha": found})
    assert clone(search).param_distributions == search.param_distributions
    assert repr(found) in repr(search)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(1, 1), r"'low' parameter of Uniform\(low=1, high=1\) must be below"),
        (lambda: Uniform("a", 1), "'low' parameter of Uniform must be a float"),
        (lambda: Uniform(0, np.inf), "'high' parameter of Uniform must be a float"),
        (lambda: LogUniform(0, 1), "must be positive"),
        (lambda: Integers(1, 2.5), "'high' parameter of Integers must be an int"),
        (lambda: Integers(2, 1), "must not be above"),
        (lambda: MLPClassifier().search_space(prefix="mlpclassifier"), "ends with '__'.*Got 'mlpclassifier'"),
        (lambda: MLPClassifier().search_space(prefix=None), "'prefix' parameter must be a string"),
    ],
)
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("size", ["small", "large"])
def test_a_prefix_leads_into_a_pipeline(size):
    pipeline = make_pipeline(StandardScaler(), BaggingClassifier(MLPClassifier()))
    space = pipeline[-1].search_space(size, prefix="baggingclassifier__")
    assert set(space) <= set(pipeline.get_params())
    assert list(space) == [f"baggingclassifier__{name}" for name in pipeline[-1].search_space(size)]
    assert "baggingclassifier__estimator__alpha" in space
    for candidate in ParameterSampler(space, 3, random_state=0):
        clone(pipeline).set_params(**candidate)


def test_searches_take_a_space():
    X, y = load_iris(return_X_y=True)
    space = MLPClassifier().search_space(prefix="mlpclassifier__")
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(max_iter=3, random_state=0))
    for search in (
        RandomizedSearchCV(pipeline, space, n_iter=3, cv=2, random_state=0),
        HalvingRandomSearchCV(KNNClassifier(), KNNClassifier().search_space(), cv=2, min_resources=75, random_state=0),
    ):
        assert search.fit(X, y).best_score_ > 0.5


def test_every_distribution_says_what_it_is():
    assert MLPClassifier().search_space()["alpha"] == LogUniform(1e-6, 1e-1)
    text = repr(BaggingClassifier(MLPClassifier()).search_space("large"))
    assert "object at" not in text
    assert "frozen" not in text
