"""Training tools of the networks: own validation rows, scorers, priors, alphas, depth, batches, forms of dropout."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.datasets import load_breast_cancer, make_classification, make_regression
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Ridge
from sklearn.metrics import log_loss, mean_absolute_error, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdl import MLPClassifier, MLPRegressor
from skdl.engine import Network, Rows
from skdl.losses import Quantile
from skdl.normalizations import BatchNorm
from skdl.optimizers import SGD, Adam
from skdl.penalties import ElasticNet
from skdl.schedules import Plateau

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SMALL = {"hidden_layer_sizes": (8,), "random_state": 0, "max_iter": 8}


@pytest.fixture(scope="module")
def tumours():
    return train_test_split(*load_breast_cancer(return_X_y=True, as_frame=True), random_state=0)


@pytest.fixture(scope="module")
def reals():
    return make_regression(60, 5, noise=3.0, random_state=0)


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [
        (None, lambda mlp, X, y: mlp.score(X, y)),
        ("loss", lambda mlp, X, y: -log_loss(y, mlp.predict_proba(X))),
        ("roc_auc", lambda mlp, X, y: roc_auc_score(y, mlp.predict_proba(X)[:, 1])),
        (lambda mlp, X, y: -float((mlp.predict(X) != y).sum()), lambda mlp, X, y: -(mlp.predict(X) != y).sum()),
    ],
)
def test_own_validation_rows_judge_by_any_scorer(tumours, scoring, expected):
    X, X_val, y, y_val = tumours
    mlp = MLPClassifier(scoring=scoring, dtype="float64", **SMALL).fit(X, y, X_val=X_val, y_val=y_val)
    assert len(mlp.validation_scores_) == mlp.n_iter_
    best = max(mlp.validation_scores_)
    np.testing.assert_allclose(best, expected(mlp, X_val, y_val), rtol=1e-9)  # the best weights are the ones kept


def test_a_regressor_is_scored_in_the_units_of_its_targets(reals):
    X, y = reals
    mlp = MLPRegressor(scoring="neg_mean_absolute_error", dtype="float64", **SMALL).fit(X, y, X_val=X, y_val=y)
    np.testing.assert_allclose(max(mlp.validation_scores_), -mean_absolute_error(y, mlp.predict(X)), rtol=1e-9)


def test_validation_weights_count(tumours):
    X, X_val, y, y_val = tumours
    weight = np.where(y_val == 1, 1.0, 0.0)
    mlp = MLPClassifier(**SMALL).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weight)
    assert max(mlp.validation_scores_) == mlp.score(X_val, y_val, sample_weight=weight)


def test_validation_rows_reach_a_network_in_a_pipeline(tumours):
    X, X_val, y, y_val = tumours
    scaler = StandardScaler().set_output(transform="pandas").fit(X)
    with config_context(enable_metadata_routing=True):
        mlp = MLPClassifier(**SMALL).set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), mlp)
        pipeline.fit(X, y, X_val=scaler.transform(X_val), y_val=y_val)
    assert len(pipeline[-1].validation_scores_) == pipeline[-1].n_iter_


def test_validation_rows_that_do_not_fit_are_an_error(tumours):
    X, X_val, y, y_val = tumours
    mlp = MLPClassifier(**SMALL)
    with pytest.raises(ValueError, match="both X_val and y_val"):
        mlp.fit(X, y, X_val=X_val)
    with pytest.raises(ValueError, match="other columns than X"):
        mlp.fit(X, y, X_val=X_val.iloc[:, 1:], y_val=y_val)
    with pytest.raises(ValueError, match="not among the classes"):
        mlp.fit(X, y, X_val=X_val, y_val=y_val + 1)


def test_regression_goes_towards_a_prior(reals):
    """Ridge towards p is ridge of the residuals of p, plus p."""
    X, y = reals
    prior, alpha = np.array([10.0, -5.0, 0.0, 3.0, 80.0]), 0.3
    params = {"optimizer": "lbfgs", "tol": 1e-10, "max_iter": 1000, "standardize": False, "standardize_target": False}
    mlp = MLPRegressor((), alpha=alpha, prior=prior[:, None], **params).fit(X, y)
    ridge = Ridge(alpha=alpha * len(y), tol=1e-12).fit(X, y - X @ prior)
    np.testing.assert_allclose(mlp.coefs_[0][:, 0], ridge.coef_ + prior, rtol=1e-7)


def test_a_strong_prior_is_met_in_the_units_of_the_coefficients(reals):
    X, y = reals
    X, y = X * [1, 10, 1e-3, 1e3, 1] + 5, 1e4 + 100 * y
    prior = np.array([[1.0], [2.0], [-300.0], [0.1], [5.0]])
    mlp = MLPRegressor((), alpha=1e9, prior=[prior], optimizer="lbfgs", tol=1e-3, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(mlp.coefs_[0], prior, rtol=1e-5)


def test_one_alpha_a_feature(reals):
    """Ridge with factors a_j is ridge of the columns divided by the roots of a_j."""
    X, y = reals
    alpha = np.array([0.01, 0.1, 1.0, 3.0, 0.5])
    params = {"optimizer": "lbfgs", "tol": 1e-10, "max_iter": 1000, "standardize": False, "standardize_target": False}
    mlp = MLPRegressor((), alpha=alpha, **params).fit(X, y)
    ridge = Ridge(alpha=len(y), tol=1e-12).fit(X / np.sqrt(alpha), y)
    np.testing.assert_allclose(mlp.coefs_[0][:, 0], ridge.coef_ / np.sqrt(alpha), rtol=1e-6)
    with pytest.raises(ValueError, match="array of 5 such"):
        MLPRegressor(alpha=[1.0, 2.0]).fit(X, y)
    with pytest.raises(ValueError, match=r"shape \(5, 100\)"):
        MLPRegressor((100,), prior=np.ones((3, 2))).fit(X, y)


@pytest.mark.parametrize("optimizer", [SGD(0.3), Adam(0.01)])
@pytest.mark.parametrize(("penalty", "ratio"), [("l1", 1.0), (ElasticNet(0.7), 0.7)])
def test_l1_ends_at_the_lasso_with_its_exact_zeros(optimizer, penalty, ratio):
    X, y = make_regression(100, 12, n_informative=4, noise=10.0, random_state=0)
    y = y / y.std()
    params = {"batch_size": 100, "max_iter": 4000, "n_iter_no_change": 4000, "tol": 0.0, "standardize": False}
    mlp = MLPRegressor(
        (), penalty=penalty, alpha=0.1, optimizer=optimizer, standardize_target=False, random_state=0, **params
    ).fit(X, y)
    lasso = SklearnElasticNet(alpha=0.1, l1_ratio=ratio, tol=1e-12, max_iter=10000).fit(X, y)
    assert (lasso.coef_ == 0).sum() >= 4
    np.testing.assert_array_equal(mlp.coefs_[0][:, 0] == 0, lasso.coef_ == 0)
    np.testing.assert_allclose(mlp.coefs_[0][:, 0], lasso.coef_, atol=1e-5)


def test_full_batch_optimizers_refuse_kinks(reals):
    with pytest.raises(ValueError, match="has kinks"):
        MLPRegressor(penalty="l1", optimizer="lbfgs").fit(*reals)


def test_activity_penalty_makes_hidden_units_silent():
    X, y = make_classification(200, 10, random_state=0)
    active = {}
    for alpha in (0.0, 0.01):
        params = {"optimizer": Adam(0.01), "max_iter": 300, "random_state": 0}
        mlp = MLPClassifier((30,), penalty="activity_l1", alpha=alpha, **params).fit(X, y)
        active[alpha] = (np.maximum(X @ mlp.coefs_[0] + mlp.intercepts_[0], 0) > 1e-3).mean()
    assert active[0.01] < 0.6 * active[0.0]


def test_depth_repeats_a_width(reals):
    X, y = reals
    mlp = MLPRegressor(7, depth=3, max_iter=1).fit(X, y)
    assert [coef.shape for coef in mlp.coefs_] == [(5, 7), (7, 7), (7, 7), (7, 1)]
    with pytest.raises(ValueError, match="depth=2 repeats one width"):
        MLPRegressor((7, 7), depth=2).fit(X, y)


@pytest.mark.parametrize("shuffle", [False, True])
def test_stratified_batches_keep_the_shares(shuffle):
    strata = np.repeat([0, 1, 2], [100, 50, 10])
    rows = Rows(np.zeros((160, 1)), np.zeros((160, 1)), strata=strata)
    order = rows.order(np.random.default_rng(0), shuffle)
    assert sorted(order) == list(range(160))
    for start in range(0, 160, 32):
        counts = np.bincount(strata[order[start : start + 32]], minlength=3)
        assert (np.abs(counts - [20, 10, 2]) <= 1).all()
    if shuffle:
        other = rows.order(np.random.default_rng(1), shuffle)
        assert (order != other).mean() > 0.5


def test_stratified_batches_train(tumours):
    X, X_val, y, y_val = tumours
    mlp = MLPClassifier((16,), stratified_batches=True, batch_size=32, max_iter=30, random_state=0).fit(X, y)
    assert mlp.score(X_val, y_val) > 0.93


def test_both_forms_of_dropout_have_the_same_expected_output():
    """A linear network: the mean over masks is exact, and prediction is the network without them, scaled or not."""
    X, y = make_regression(50, 4, random_state=0)
    params = {"hidden_layer_sizes": (500,), "activation": "identity", "dropout": 0.4, "random_state": 0}
    inverted = MLPRegressor(**params).initialize(X, y)
    standard = MLPRegressor(**params, dropout_mode="standard").initialize(X, y)
    weights = inverted.coefs_[0] @ inverted.coefs_[1]
    np.testing.assert_allclose(inverted.predict(X), (X @ weights)[:, 0] + inverted.predict(0 * X), rtol=1e-9)
    np.testing.assert_allclose(
        standard.predict(X) - y.mean(), 0.6 * (inverted.predict(X) - y.mean()), rtol=1e-9, atol=1e-9 * np.ptp(y)
    )


def test_dropped_inputs_in_the_standard_mode_are_scaled_about_their_mean():
    """Scores of the network in training on standardised rows, as inputs are scaled down at prediction."""
    X, y = make_regression(60, 3, random_state=0)
    X = X + 5
    params = {"hidden_layer_sizes": (4,), "input_dropout": 0.4, "dropout_mode": "standard", "dtype": "float64"}
    mlp = MLPRegressor(**params, max_iter=2, random_state=0).fit(X, y)
    training = mlp._training
    network = Network([training.architecture], np.float64)
    rows = 0.6 * (X - training.shift) * training.scale
    hidden, _, last = network.layout.views(training.state.theta)[1:]
    h = rows @ hidden["weight"][0] + hidden["bias"][0]
    scores = np.where(h > 0, h, 0.01 * h) @ last["weight"][0] + last["bias"][0]
    expected = scores[:, 0] * training.encoding.scale + training.encoding.shift
    np.testing.assert_allclose(mlp.predict(X), expected, rtol=1e-9)


def test_a_frame_with_validation_frames_does_not_warn(tumours):
    X, X_val, y, y_val = tumours
    mlp = MLPClassifier(**SMALL).fit(X, pd.Series(y), X_val=X_val, y_val=pd.Series(y_val))
    assert mlp.predict(X_val).shape == y_val.shape


@pytest.mark.parametrize("statistics", ["running", "population"])
def test_batch_normalization_is_folded_and_exact_on_request(statistics):
    """Written out: each hidden layer standardised by the statistics that the training rows have in it."""
    X, y = make_regression(90, 5, n_targets=2, noise=1.0, random_state=0)
    weight = np.random.default_rng(0).uniform(0.2, 2, len(y))
    params = {"hidden_layer_sizes": (6, 4), "activation": "relu", "batch_size": 30, "max_iter": 5, "random_state": 0}
    params["dtype"] = "float64"
    mlp = MLPRegressor(normalization=BatchNorm(statistics=statistics), **params).fit(X, y, sample_weight=weight)
    training = mlp._training
    network = Network([training.architecture], np.float64)
    named = network.arrays(training.state.theta, training.state.buffers)
    h = (X - training.shift) * training.scale
    for i, layer in enumerate(network.leaves):
        arrays = {name: value[0] for name, value in named[i].items()}
        if "weight" in arrays:
            h = h @ arrays["weight"] + arrays["bias"]
        elif "gamma" in arrays:
            mean, variance = arrays["mean"], arrays["variance"]
            if statistics == "population":
                mean = np.average(h, axis=0, weights=weight)
                variance = np.average((h - mean) ** 2, axis=0, weights=weight)
            h = arrays["gamma"] * (h - mean) / np.sqrt(variance + 1e-5) + arrays["beta"]
        else:
            h = np.maximum(h, 0)
        assert layer is network.leaves[i]
    encoding = training.encoding
    np.testing.assert_allclose(mlp.predict(X), h * encoding.scale + encoding.shift, rtol=1e-9)
    by_hand = np.maximum(np.maximum(X @ mlp.coefs_[0] + mlp.intercepts_[0], 0) @ mlp.coefs_[1] + mlp.intercepts_[1], 0)
    np.testing.assert_allclose(mlp.predict(X), by_hand @ mlp.coefs_[2] + mlp.intercepts_[2], rtol=1e-9)


def test_a_plateau_lowers_the_rate_and_a_resumed_fit_remembers_it():
    X, y = make_classification(100, 6, flip_y=0.4, random_state=0)
    params = {"schedule": Plateau(patience=2, gamma=0.5), "optimizer": Adam(0.05), "random_state": 0}
    data = {"X_val": X[:40], "y_val": y[:40]}
    whole = MLPClassifier((10,), max_iter=40, n_iter_no_change=40, **params).fit(X[40:], y[40:], **data)
    history = whole.history_
    factors = [params["schedule"].epoch_factor(history["validation_loss"][:i].tolist()) for i in range(len(history))]
    assert min(factors) < 0.5
    np.testing.assert_allclose(history["learning_rate"], 0.05 * np.array(factors), rtol=1e-6)
    parts = MLPClassifier((10,), max_iter=15, n_iter_no_change=40, warm_start=True, **params)
    parts.fit(X[40:], y[40:], **data).set_params(max_iter=25).fit(X[40:], y[40:], **data)
    np.testing.assert_array_equal(parts._training.state.theta, whole._training.state.theta)


def test_losses_fit_what_they_are_for():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (800, 1))
    params = {"hidden_layer_sizes": (20,), "activation": "tanh", "batch_size": 50, "max_iter": 120, "random_state": 0}
    noise = rng.exponential(1.0, len(x))
    y = 1000 + 50 * (x[:, 0] + noise)
    high = MLPRegressor(loss=Quantile(0.9), **params).fit(x, y)
    np.testing.assert_allclose((y < high.predict(x)).mean(), 0.9, atol=0.02)
    middle = MLPRegressor(loss="absolute_error", **params).fit(x, y)
    np.testing.assert_allclose((y < middle.predict(x)).mean(), 0.5, atol=0.04)
    counts = rng.poisson(np.exp(1 + x[:, 0]))
    rates = MLPRegressor(loss="poisson", **params).fit(x, counts).predict(x)
    np.testing.assert_allclose(rates, np.exp(1 + x[:, 0]), rtol=0.25)
    with pytest.raises(ValueError, match="Poisson loss needs targets of 0 or more"):
        MLPRegressor(loss="poisson", **params).fit(x, -y)


def test_squared_error_of_a_classifier_is_that_of_its_probabilities():
    X, y = make_classification(80, 4, random_state=0)
    params = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
    one, two = (MLPClassifier(loss=loss, **params).fit(X, y) for loss in ("squared_error", "brier"))
    np.testing.assert_array_equal(one.coefs_[0], two.coefs_[0])
    first = MLPClassifier(
        loss="squared_error", optimizer=SGD(1e-12), batch_size=80, alpha=0, **{**params, "max_iter": 1}
    )
    expected = ((np.eye(2)[y] - first.initialize(X, y).predict_proba(X)) ** 2).sum(axis=1).mean() / 2
    np.testing.assert_allclose(first.fit(X, y).loss_, expected, rtol=1e-6)
