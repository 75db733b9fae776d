"""Sums of penalties, and weights that are drawn to each other."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from plain import PLAIN
from sklearn.base import clone
from sklearn.datasets import load_digits, make_regression
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.model_selection import GridSearchCV

from skdl import MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.optimizers import SGD
from skdl.penalties import L1, L2, ActivityL1, ElasticNet, MaxNorm, Sum, Tied
from skdl.testing import check_component

EXACT = {"optimizer": "lbfgs", "tol": 1e-6, "max_iter": 2000, "standardize": False, "standardize_target": False}


@pytest.mark.parametrize(
    "penalty",
    [
        Sum([L2(), L1()], [1.0, 0.3]),
        Sum([ElasticNet(0.3), Tied()]),
        Sum([L2(), MaxNorm()]),
        Sum([ActivityL1(), L2()], [0.1, 1.0]),
        Tied(columns=[[0, 1], [1, 2]]),
        Tied(layers=[["hidden_1", -1]]),
    ],
)
def test_contract(penalty):
    check_component(penalty)


def test_a_sum_of_l2_and_l1_is_the_elastic_net():
    X, y = make_regression(100, 12, n_informative=4, noise=10.0, random_state=0)
    y = y / y.std()
    params = {"batch_size": 100, "max_iter": 3000, "n_iter_no_change": 3000, "tol": 0.0, "standardize": False}
    mlp = MLPRegressor(
        (), penalty=Sum([L1(), L2()], [0.7, 0.3]), alpha=0.1, optimizer=SGD(0.3), standardize_target=False, **params
    ).fit(X, y)
    net = SklearnElasticNet(alpha=0.1, l1_ratio=0.7, tol=1e-12, max_iter=10000).fit(X, y)
    np.testing.assert_array_equal(mlp.coefs_[0][:, 0] == 0, net.coef_ == 0)
    np.testing.assert_allclose(mlp.coefs_[0][:, 0], net.coef_, atol=1e-5)


def test_each_part_of_a_list_acts_as_alone():
    X, y = load_digits(return_X_y=True)
    params = {**PLAIN, "hidden_layer_sizes": (20,), "max_iter": 3, "random_state": 0, "standardize": False}
    both = MLPClassifier(penalty=["activity_l1", MaxNorm(0.5)], alpha=0.01, **params).fit(X[:300], y[:300])
    bounded = MLPClassifier(penalty=MaxNorm(0.5), alpha=0.01, **params).fit(X[:300], y[:300])
    norms = np.linalg.norm(both.coefs_[0], axis=0)
    assert norms.max() <= 0.5 + 1e-6
    hidden = [np.maximum(X @ each.coefs_[0] + each.intercepts_[0], 0).mean() for each in (both, bounded)]
    assert hidden[0] < 0.7 * hidden[1]
    assert both.loss_ > bounded.loss_  # the activity's share is in the objective


def test_a_list_is_a_parameter_like_others():
    network = MLPRegressor((), penalty=["l2", L1()])
    assert clone(network).penalty[0] == "l2"
    X, y = make_regression(40, 3, random_state=0)
    grid = {"penalty": [["l2", "l1"], "l2", [ElasticNet(0.2), ElasticNet(0.7)]]}
    params = {**PLAIN, "hidden_layer_sizes": (), "alpha": 0.1, "max_iter": 5, "random_state": 0}
    search = GridSearchCV(MLPRegressor(**params), grid, cv=2, error_score="raise").fit(X, y)
    assert len(search.cv_results_["params"]) == 3
    with pytest.raises(ValueError, match="Unknown name 'l3'"):
        MLPRegressor(penalty=["l2", "l3"]).fit(X, y)
    with pytest.raises(ValueError, match=r"one entry for each of its 2 penalties\. Got 1"):
        MLPRegressor(penalty=Sum([L1(), L2()], [1.0])).fit(X, y)
    with pytest.raises(ValueError, match="lists no penalty"):
        MLPRegressor(penalty=[]).fit(X, y)


def test_members_of_a_stack_keep_their_own_numbers():
    """Sums of the same kinds share a stack, each with its own ratio."""
    import joblib

    X, y = make_regression(60, 4, random_state=0)
    params = {**PLAIN, "hidden_layer_sizes": (5,), "alpha": 0.1, "max_iter": 3, "random_state": 0}
    grid = {"penalty": [[ElasticNet(0.1), "l1"], [ElasticNet(0.9), "l1"]]}
    searches = []
    for backend in ("skdl", "threading"):
        with joblib.parallel_config(backend=backend, n_jobs=1):
            searches.append(GridSearchCV(MLPRegressor(**params), grid, cv=2, refit=False).fit(X, y))
    scores = [search.cv_results_["mean_test_score"] for search in searches]
    np.testing.assert_array_equal(*scores)
    assert scores[0][0] != scores[0][1]


def test_tied_columns_are_a_penalised_least_squares():
    """The minimum of 1/(2n) ||y - Xw||^2 + alpha/2 w'Lw, L the Laplacian of the ties, by its linear equations."""
    X, y = make_regression(50, 5, noise=5.0, random_state=0)
    X, y = X - X.mean(0), y - y.mean()
    laplacian = np.zeros((5, 5))
    laplacian[:3, :3] = 3 * np.eye(3) - 1  # three columns in a group: each pair of them
    laplacian[3:, 3:] = [[1, -1], [-1, 1]]
    expected = np.linalg.solve(X.T @ X / 50 + 0.7 * laplacian, X.T @ y / 50)
    tied = Tied(columns=[[0, 1, 2], [3, 4]])
    mlp = MLPRegressor((), penalty=tied, alpha=0.7, **EXACT).fit(X, y)
    np.testing.assert_allclose(mlp.coefs_[0][:, 0], expected, rtol=1e-6)
    apart = np.linalg.lstsq(X, y, rcond=None)[0]
    assert np.ptp(expected[:3]) < 0.7 * np.ptp(apart[:3])


@pytest.mark.parametrize("standardize", [True, False])
def test_tied_pixels_of_a_softmax(standardize):
    """The gradient of the mean cross entropy balances that of the ties, which is alpha L W."""
    X, y = load_digits(return_X_y=True)
    X, y = X[:400, 34:38], y[:400]
    X = X / X.std(axis=0) * [1, 2, 1, 1]
    scale = X.std(axis=0) if standardize else 1.0
    tied = Tied(columns=[[0, 1], [2, 3]])
    model = SoftmaxClassifier(penalty=tied, alpha=0.05, standardize=standardize, tol=1e-6, max_iter=5000).fit(X, y)
    error = model.predict_proba(X) - np.eye(10)[y]
    by_weight = (X / scale).T @ error / len(X)
    pairs = np.kron(np.eye(2), [[1, -1], [-1, 1]])
    coef = model.coef_.T * np.reshape(scale, (-1, 1))
    np.testing.assert_allclose(by_weight, -0.05 * pairs @ coef, atol=3e-6)
    assert abs(pairs @ coef).max() > 0.01


def test_tied_layers_become_one():
    X, y = make_regression(80, 6, random_state=0)
    params = {**PLAIN, "hidden_layer_sizes": (6, 6, 6), "max_iter": 60, "random_state": 0}
    apart = MLPRegressor(alpha=0.0, **params).fit(X, y)
    tied = MLPRegressor(penalty=Tied([["hidden_2", "hidden_3"]]), alpha=1.0, **params).fit(X, y)
    distances = [np.linalg.norm(each.coefs_[1] - each.coefs_[2]) for each in (apart, tied)]
    assert distances[1] < 0.05 * distances[0]
    by_shape = MLPRegressor(penalty="tied", alpha=1.0, **params).fit(X, y)
    assert np.linalg.norm(by_shape.coefs_[1] - by_shape.coefs_[2]) < 0.05 * distances[0]


@pytest.mark.parametrize("named", [["hidden_2", "hidden_3"], [1, 2], [-3, -2]])
@pytest.mark.parametrize("below", ["frozen", "embedding"])
def test_indices_count_the_same_layers_whatever_is_trained(named, below):
    X, y = make_regression(60, 4, random_state=0)
    params = {**PLAIN, "hidden_layer_sizes": (4, 4, 4), "max_iter": 60, "random_state": 0}
    if below == "frozen":
        params |= {"init": MLPRegressor(**params).fit(X, y), "frozen": "hidden_1"}
    else:
        X = pd.DataFrame(X, columns=list("abcd")).assign(town=pd.Categorical(np.arange(60) % 3))
        params["category_encoding"] = "embedding"
    tied = MLPRegressor(penalty=Tied([named]), alpha=10.0, **params).fit(X, y)
    by_name = MLPRegressor(penalty=Tied([["hidden_2", "hidden_3"]]), alpha=10.0, **params).fit(X, y)
    np.testing.assert_array_equal(tied.coefs_[2], by_name.coefs_[2])
    W_2, W_3 = tied.coefs_[-3:-1]
    assert np.linalg.norm(W_2 - W_3) < 0.05 * np.linalg.norm(W_2)


def test_a_layer_that_is_not_trained_is_tied_to_none():
    X, y = make_regression(60, 4, random_state=0)
    source = MLPRegressor((4, 4, 4), max_iter=1, **PLAIN).fit(X, y)
    other = clone(source).set_params(init=source, frozen=1, penalty=Tied([[1, 2]]), alpha=1.0)
    with pytest.raises(ValueError, match="holds 1, and layer 'hidden_2' has no weights of its own that are trained"):
        other.fit(X, y)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"penalty": Tied([["hidden_1", "hidden_2"]])},
            r"one shape\. Got hidden_1 \[\(3, 4\)\], hidden_2 \[\(4, 5\)\]",
        ),
        ({"penalty": Tied([["hidden_1", "hidden_9"]])}, "holds 'hidden_9'.* has no such layer"),
        ({"penalty": Tied([[0, 3]])}, "holds 3, and indices"),
        ({"penalty": Tied(columns=[[0, 7]])}, "holds 7, and X has 3 columns"),
        ({"penalty": Tied(columns=[[0]])}, "must hold two or more"),
        ({"penalty": Tied()}, "ties trained layers of one shape"),
        ({"penalty": Tied(columns=[[0, 1]]), "encoding": "periodic"}, "Set encoding=None"),
        ({"penalty": Tied(columns=[[0, 1]]), "alpha": [1.0, 2.0, 3.0]}, "takes one number as 'alpha'"),
    ],
)
def test_mistakes(params, message):
    X, y = make_regression(30, 3, random_state=0)
    params = {**PLAIN, "alpha": 1.0, **params}
    with pytest.raises(ValueError, match=message):
        MLPRegressor((4, 5), max_iter=1, **params).fit(X, y)


@pytest.mark.parametrize(
    ("base", "method"), [(L2, "gradient"), (L2, "smooth_gradient"), (ElasticNet, "smooth_gradient")]
)
def test_array_code_may_ask_the_rule_that_it_takes_the_place_of(base, method):
    def twice(self, weights):
        return 2 * getattr(super(Doubled, self), method)(weights)

    Doubled = type("Doubled", (base,), {method: twice})
    weights = np.array([[-2.0, 0.5, 3.0]])
    expected = 2 * getattr(base(), method)(weights)
    assert_array_equal(getattr(Doubled(), method)(weights), expected)
    if base is L2:
        assert_array_equal(Doubled().gradient(weights), 2 * weights)
        assert_array_equal(Doubled().smooth_gradient(weights), 2 * weights)
