"""Factors of the learning rate and of weight decay, by the roles of parameters."""

import joblib
import numpy as np
import pandas as pd
import pytest
from plain import PLAIN
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skdl import MLPClassifier, MLPRegressor, optimizers
from skdl.testing import check_estimator_members

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4))
Y = X[:, 0] * X[:, 1]
LABELS = (Y > 0).astype(int)
FIRST_ORDER = [name for name in optimizers.names() if not optimizers.resolve(name).full_batch]
ROLES = ("weight", "bias", "activation", "normalization")


def mlp(**params):
    return MLPRegressor((6, 5), max_iter=4, random_state=0, **PLAIN).set_params(**params)


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_a_factor_of_all_is_one_of_the_learning_rate(name):
    """With a power of two the products are exact, so that both end in the same bits, decay included."""
    shared = {"optimizer": name, "activation": "prelu", "normalization": "layer"}
    expected = mlp(**shared).set_params(optimizer__learning_rate=0.001).fit(X, Y)
    found = mlp(**shared, learning_rate_factors=dict.fromkeys(ROLES, 0.25)).set_params(optimizer__learning_rate=0.004)
    assert np.array_equal(found.fit(X, Y)._training.state.theta, expected._training.state.theta)


def test_what_has_a_factor_of_zero_stays():
    start = mlp(activation="prelu").initialize(X, Y)
    still = mlp(activation="prelu", learning_rate_factors={"first_weight": 0, "bias": 0, "activation": 0}).fit(X, Y)
    layout = [dict(named) for named in still._between]
    assert [value.tolist() for named in layout for value in named.values()] == [[[0.25] * 6], [[0.25] * 5]]
    assert np.array_equal(still.coefs_[0], start.coefs_[0])
    assert not np.array_equal(still.coefs_[1], start.coefs_[1])
    assert np.array_equal(still.intercepts_[1], start.intercepts_[1])


def test_decay_of_chosen_roles():
    """With a learning rate of zero but for what decays, parameters shrink by (1 - rate decay factor) in each step."""
    network = MLPRegressor(
        (6,),
        optimizer=optimizers.AdamW(0.01, weight_decay=0.5),
        schedule="constant",
        alpha=0.0,
        normalization="layer",
        batch_size=80,
        max_iter=3,
        dtype="float64",
        random_state=0,
    )
    plain = clone(network).set_params(weight_decay_factors={"weight": 0.0}).fit(X, 0 * Y)
    decayed = clone(network).set_params(weight_decay_factors={"weight": 0.0, "normalization": 3.0}).fit(X, 0 * Y)
    gamma = next(named["gamma"] for named in plain._between if "gamma" in named)
    shrunk = next(named["gamma"] for named in decayed._between if "gamma" in named)
    np.testing.assert_allclose(gamma, 1.0)  # constant targets have no gradient
    np.testing.assert_allclose(shrunk, (1 - 0.01 * 0.5 * 3) ** 3, rtol=1e-12)


def test_parameters_are_set_by_name_and_searched():
    network = MLPClassifier((5,), max_iter=3, random_state=0, learning_rate_factors={"bias": 0.5})
    assert network.get_params()["learning_rate_factors__bias"] == 0.5
    given = network.learning_rate_factors
    network.set_params(learning_rate_factors__weight=2.0)
    assert network.learning_rate_factors == {"bias": 0.5, "weight": 2.0}
    assert given == {"bias": 0.5}  # which others may hold
    assert clone(network).get_params() == network.get_params()
    grid = {"learning_rate_factors": [None, {"bias": 3.0}], "alpha": [1e-3, 1.0]}
    by_name = {"learning_rate_factors__bias": [1.0, 3.0], "alpha": [1e-3, 1.0]}
    plain = GridSearchCV(clone(network).set_params(learning_rate_factors=None), grid, cv=2).fit(X, LABELS)
    with joblib.parallel_config(backend="skdl"):
        stacked = GridSearchCV(clone(plain.estimator), by_name, cv=2).fit(X, LABELS)
    for column in ("split0_test_score", "split1_test_score"):
        scores = plain.cv_results_[column].reshape(2, 2), stacked.cv_results_[column].reshape(2, 2)
        assert np.array_equal(*scores)


def test_members_of_a_stack_equal_their_lone_fits():
    members = [
        mlp(optimizer="adamw", random_state=i, learning_rate_factors=rates, weight_decay_factors=decays)
        for i, (rates, decays) in enumerate([(None, None), ({"bias": 0.1}, None), ({"weight": 0.3}, {"bias": 1.0})])
    ]
    check_estimator_members(members, X, Y)


def test_going_on_is_exact(tmp_path):
    factors = {"learning_rate_factors": {"bias": 0.1}, "weight_decay_factors": {"last_weight": 3.0}}
    whole = mlp(optimizer="adamw", **factors).fit(X, Y)
    steps = mlp(optimizer="adamw", **factors)
    for i in range(4):
        steps.partial_fit(X, Y)
        if i == 1:
            steps.save_checkpoint(tmp_path / "factors.npz")
            steps = mlp(optimizer="adamw", **factors).load_checkpoint(tmp_path / "factors.npz")
    assert np.array_equal(steps._training.state.theta, whole._training.state.theta)
    with pytest.raises(ValueError, match="other parameters: learning_rate_factors="):
        mlp(optimizer="adamw").load_checkpoint(tmp_path / "factors.npz")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"learning_rate_factors": {"bais": 0.1}}, r"factor for 'bais', .* Did you mean 'bias'\? Its roles are: \['bi"),
        ({"learning_rate_factors": {"frequency": 0.1}}, r"'frequency', and no parameter of this network has that role"),
        ({"optimizer": "adamw", "weight_decay_factors": {"scale": 1}}, "'weight_decay_factors' parameter has a factor"),
        ({"learning_rate_factors": {"bias": -1.0}}, r"must be None or a dict from str to values that are each a float"),
        ({"learning_rate_factors": [1.0]}, "a dict from str"),
        ({"optimizer": "lbfgs", "learning_rate_factors": {"bias": 1}}, "no effect: optimizer='lbfgs'"),
        ({"optimizer": "lbfgs", "weight_decay_factors": {"bias": 1}}, "no effect: optimizer='lbfgs'"),
        ({"optimizer": "adam", "weight_decay_factors": {"bias": 1}}, "no effect: optimizer='adam' has no weight decay"),
        ({"learning_rate_factors": {"bias": 1e300}}, "learning_rate_factors__bias holds 1e.300"),
    ],
)
def test_errors(params, message):
    with pytest.raises(ValueError, match=message):
        mlp(**params).fit(X, Y)


@pytest.mark.parametrize("optimizer", ["adam", "momentum"])
def test_the_neural_tangent_parametrisation_of_equal_layers_is_another_learning_rate(optimizer):
    """With four inputs and four units in each layer, 1 / sqrt(n_in) is 1/2: W moves by 1/4 (sgd) or 1/2 (adam)."""
    params = {"hidden_layer_sizes": (4, 4), "optimizer": optimizer, "alpha": 0.0, "dtype": "float64"}
    power = 1 if optimizer == "adam" else 2
    ntk = mlp(**params, parametrization="ntk").set_params(optimizer__learning_rate=0.01).fit(X, Y)
    factors = {"weight": 0.5**power}
    plain = mlp(**params, learning_rate_factors=factors).set_params(optimizer__learning_rate=0.01).fit(X, Y)
    rtol = 1e-5 if optimizer == "adam" else 1e-12  # its epsilon is not scaled
    for found, expected in zip(ntk.coefs_, plain.coefs_, strict=True):
        np.testing.assert_allclose(found, expected, rtol=rtol)
    with pytest.raises(ValueError, match="parametrization='ntk' has no effect: optimizer='lbfgs'"):
        mlp(parametrization="ntk", optimizer="lbfgs").fit(X, Y)


def test_parametrisations_never_share_a_stack():
    members = [mlp(parametrization=name, random_state=i) for i, name in enumerate(["ntk", "standard", "ntk"])]
    members[0].set_params(learning_rate_factors={"bias": 0.1})
    check_estimator_members(members, X, Y)


def test_factors_do_not_depend_on_whether_blocks_would_fit_other_tables():
    """A residual block normalizes what it is given: groups have to divide the number of these columns, not of any."""
    params = {"normalization": "group", "layer": "residual", "random_state": 0, "max_iter": 1, **PLAIN}
    network = MLPRegressor((6, 6), learning_rate_factors={"output": 0.0}, **params)
    start = clone(network).initialize(X, Y)
    assert np.array_equal(network.fit(X, Y).coefs_[-1], start.coefs_[-1])


def test_one_recipe_is_for_tables_of_all_kinds():
    """Roles that another table would give a network of these parameters are known, and those of none are not."""
    factors = {"encoding": 0.1, "scale": 6.0, "embedding": 0.5}
    recipe = mlp(encoding="periodic", category_encoding="embedding", input_scale=True, learning_rate_factors=factors)
    numbers = pd.DataFrame(X, columns=list("pqrs"))
    mixed = numbers.assign(kind=pd.Series(np.arange(80) % 20).astype(str))
    for table in (X, numbers, mixed, mixed[["kind"]]):
        assert np.isfinite(clone(recipe).fit(table, Y).predict(table)).all()
    still = clone(recipe).set_params(learning_rate_factors={"embedding": 0.0, "encoding": 0.0}).fit(mixed, Y)
    start = clone(still).initialize(mixed, Y)
    learned = [still._between[0], start._between[0]]
    assert learned[0].keys() == learned[1].keys() != set()
    assert [np.array_equal(*pair) for pair in zip(*(named.values() for named in learned), strict=True)] == [True] * len(
        learned[0]
    )
    with pytest.raises(ValueError, match="factor for 'embedding', and no parameter of this network has that role"):
        clone(recipe).set_params(category_encoding="one_hot").fit(mixed, Y)
