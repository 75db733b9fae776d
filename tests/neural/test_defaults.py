"""What "auto" stands for: each default against the value that it is to be, or against figures by hand."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.metrics import log_loss

from skdl import MLPClassifier, MLPRegressor
from skdl.encodings import Piecewise
from skdl.optimizers import SGD, AdamW
from skdl.schedules import Cosine

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, LABELS = make_classification(
    80, 4, n_informative=3, n_redundant=0, n_classes=3, n_clusters_per_class=1, random_state=0
)
REALS = X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2])
SMALL = {"hidden_layer_sizes": (6,), "max_iter": 4, "random_state": 0}
TASKS = [(MLPClassifier, LABELS), (MLPRegressor, REALS)]


def same(one, other):
    """Equal to the last bit in what was learned, and in the random numbers that come next."""
    state, wanted = one._training.state, other._training.state
    return (
        np.array_equal(state.theta, wanted.theta)
        and all(map(np.array_equal, one.coefs_, other.coefs_))
        and state.generators[0].bit_generator.state == wanted.generators[0].bit_generator.state
        and one.n_iter_ == other.n_iter_
        and one.validation_scores_ == other.validation_scores_
    )


@pytest.mark.parametrize(("network", "y"), TASKS)
def test_all_defaults_are_the_values_that_the_documentation_gives(network, y):
    params = {
        "encoding": Piecewise(2, clip=5.0),
        "input_scale": True,
        "optimizer": AdamW(0.02, beta_1=0.8, beta_2=0.95, weight_decay=0.1),
        "schedule": Cosine(n_cycles=3, growth=2.0, end=0.03),
        "max_iter": 21,
        "batch_size": 8,
        "alpha": 0.0,
        "early_stopping": "refit",
        "validation_fraction": 0.15,
        "calibrate": True,
        "scoring": "loss",
    }
    if network is MLPClassifier:
        params["label_smoothing"] = 0.05
    expected, found = network(**params, random_state=0).fit(X, y), network(random_state=0).fit(X, y)
    assert same(found, expected)
    assert_array_equal(found.predict(X), expected.predict(X))
    for changed in ({"encoding": Piecewise(2)}, {"input_scale": False}, {"alpha": 1e-3}, {"validation_fraction": 0.1}):
        assert not same(network(**{**params, **changed}, random_state=0).fit(X, y), found)


def test_cycles_of_one_two_and_four_sevenths():
    rate = MLPRegressor(random_state=0, early_stopping=False).fit(X, REALS).history_["learning_rate"].to_numpy()
    assert len(rate) == 21
    assert [e for e in range(2, 22) if rate[e - 1] > rate[e - 2]] == [4, 10]  # where it begins again
    # Ten steps an epoch of 8 rows: the last one of the first cycle is at 29 / 30 of it, and so on.
    due = [0.02 * (0.03 + 0.97 * (1 + np.cos(np.pi * (1 - 1 / n))) / 2) for n in (30, 60, 120)]
    assert_allclose(rate[[2, 8, 20]], due, rtol=1e-6)


# Encoding


def test_the_first_layer_sees_three_numbers_a_column_that_are_scaled():
    network = MLPRegressor((6,), random_state=0).fit(X, REALS)
    assert [coef.shape for coef in network.coefs_] == [(12, 6), (6, 1)]
    assert network.n_parameters_ == 12 + 12 * 6 + 6 + 6 + 1
    levels = [0, 0.25, 0.5, 0.75, 1]
    low, first, median, third, high = np.quantile(X, levels, axis=0, method="inverted_cdf")
    z = (X - median) / (third - first)
    encoded = [z / np.sqrt(1 + (z / 5) ** 2), (X - low) / (median - low), (X - median) / (high - median)]
    encoded[1:] = [np.clip(share, 0, 1) for share in encoded[1:]]
    [scale] = [named["scale"] for named in network._between if np.shape(named.get("scale")) == (1, 12)]
    hidden = np.stack(encoded, axis=2).reshape(len(X), 12) * scale @ network.coefs_[0] + network.intercepts_[0]
    hidden = np.where(hidden > 0, hidden, 0.01 * hidden)
    due = (hidden @ network.coefs_[1] + network.intercepts_[1])[:, 0]
    assert_allclose(network.predict(X), due, rtol=1e-5, atol=1e-5)


WIDE = np.random.default_rng(0).normal(size=(80, 501))
AS_THEY_ARE = {
    "sparse": ({}, sparse.csr_matrix(X)),
    "sparse array": ({}, sparse.csr_array(X)),
    "wide": ({}, WIDE),
    "linear": ({"hidden_layer_sizes": ()}, X),
    "alpha of each": ({"alpha": np.array([0.1, 0.2, 0.3, 0.4])}, X),
    "list of alphas": ({"alpha": [0.1, 0.2, 0.3, 0.4]}, X),
    "prior": ({"prior": [np.full((4, 6), 0.1)]}, X),
    "not standardised": ({"standardize": False}, X),
}


@pytest.mark.parametrize("kind", AS_THEY_ARE)
@pytest.mark.parametrize(("network", "y"), TASKS)
def test_inputs_stay_as_they_are(network, y, kind):
    params, rows = AS_THEY_ARE[kind]
    found = network(**{**SMALL, **params}).fit(rows, y)
    units = 6 if found.hidden_layer_sizes else found.n_outputs_
    assert found.coefs_[0].shape == (rows.shape[1], units)
    assert found.n_parameters_ == sum(c.size for c in found.coefs_) + sum(b.size for b in found.intercepts_)
    assert same(found, network(**{**SMALL, **params}, encoding=None, input_scale=False).fit(rows, y))


def test_at_most_500_numbers_are_encoded_whatever_the_categories():
    assert MLPRegressor(**SMALL).fit(WIDE[:, :500], REALS).coefs_[0].shape == (1500, 6)
    kinds = pd.DataFrame({f"kind_{i}": pd.Series(np.arange(80) % 2).map(["a", "b"].__getitem__) for i in range(3)})
    for n, width in ((500, 1500), (501, 501)):
        table = pd.concat([pd.DataFrame(WIDE[:, :n]).add_prefix("x"), kinds.astype("category")], axis=1)
        network = MLPRegressor(**SMALL).fit(table, REALS)
        assert len(network.get_encoded_feature_names_out()) == len(network.coefs_[0])
        assert sum(name.startswith("x") for name in network.get_encoded_feature_names_out()) == width


def test_scales_are_learned_where_they_are_asked_for_or_the_encoding_is_left_to_auto():
    def n_scales(rows=X, **params):
        network = MLPRegressor(**SMALL, **params).fit(rows, REALS)
        return network.n_parameters_ - sum(each.size for each in (*network.coefs_, *network.intercepts_))

    assert n_scales() == 12
    assert n_scales(input_scale=False) == 0
    assert n_scales(encoding="robust") == n_scales(encoding=None) == n_scales(sparse.csr_matrix(X)) == 0
    assert n_scales(encoding="robust", input_scale=True) == n_scales(encoding=None, input_scale=True) == 4
    assert n_scales(sparse.csr_matrix(X), input_scale=True) == 4


@pytest.mark.parametrize("first", ["dense", "sparse"])
def test_a_training_goes_on_with_the_inputs_that_it_began_with(first, tmp_path):
    """From a file too, to the last bit, with rows of either kind, and whatever is learned of standardize."""
    kinds = {"dense": X, "sparse": sparse.csr_matrix(X)}
    for network, y in TASKS:
        start = network(**SMALL)
        trained = clone(start).fit(kinds[first], y)
        assert len(trained.coefs_[0]) == (12 if first == "dense" else 4)
        trained.save_checkpoint(tmp_path / "network.npz")
        loaded = clone(start).load_checkpoint(tmp_path / "network.npz")
        for _ in range(2):
            assert same(loaded, trained)
            for rows in kinds.values():
                assert_array_equal(loaded.predict(rows), trained.predict(rows))
                assert_allclose(loaded.predict(rows), trained.predict(X), rtol=1e-6)
                loaded.partial_fit(rows, y)
                trained.partial_fit(rows, y)
            for each in (loaded, trained):
                each.set_params(warm_start=True, standardize=False).fit(kinds[first], y)
                each.set_params(standardize=True)
        assert same(loaded, trained)
        with pytest.raises(ValueError, match="the network's structure has changed"):
            trained.set_params(encoding="robust").partial_fit(X, y)


# Penalty and smoothing


@pytest.mark.parametrize(
    ("params", "alpha"),
    [
        ({}, 0.0),
        ({"optimizer": "adamw"}, 0.0),
        ({"optimizer": AdamW(0.01, weight_decay=0.3)}, 0.0),
        ({"optimizer": AdamW(0.01, weight_decay=0.0)}, 1e-3),
        ({"optimizer": "adam"}, 1e-3),
        ({"optimizer": SGD(0.1)}, 1e-3),
        ({"optimizer": "lbfgs"}, 1e-3),
        ({"penalty": "l1"}, 1e-3),
        ({"prior": [np.full((4, 6), 0.3)]}, 1e-3),
    ],
    ids=str,
)
@pytest.mark.parametrize(("network", "y"), TASKS)
def test_alpha_is_none_beside_the_decay_of_the_optimizer(network, y, params, alpha):
    found = network(**SMALL, **params).fit(X, y)
    assert same(found, network(**SMALL, **params, alpha=alpha).fit(X, y))
    if "prior" not in params:  # which needs one
        assert not same(found, network(**SMALL, **params, alpha=1e-3 - alpha).fit(X, y))


ONE_HOT = np.eye(3)[LABELS]
SMOOTHED = {
    "three classes": ({}, LABELS, {}),
    "two classes": ({}, LABELS > 0, {}),
    "rows of one's own": ({}, LABELS, {"X_val": X[:30], "y_val": LABELS[:30]}),
    "calibrated early stopping": ({"early_stopping": True, "calibrate": True}, LABELS, {}),
    "refit": ({"early_stopping": "refit"}, LABELS, {}),
}
AS_IT_IS = {
    "without a trial": ({"early_stopping": False}, LABELS, {}),
    "early stopping": ({"early_stopping": True}, LABELS, {}),
    "without calibration": ({"calibrate": False}, LABELS, {}),
    "labels present or absent": ({}, np.column_stack([LABELS > 0, LABELS > 1, LABELS == 1]).astype(int), {}),
    "columns of labels": ({}, np.column_stack([LABELS, LABELS % 2]), {}),
    "a loss": ({"loss": "cross_entropy"}, LABELS, {}),
    "full batches": ({"optimizer": "lbfgs"}, LABELS, {}),
}


@pytest.mark.parametrize("kind", [*SMOOTHED, *AS_IT_IS])
def test_labels_are_smoothed_where_probabilities_are_calibrated(kind):
    params, y, rows = {**SMOOTHED, **AS_IT_IS}[kind]
    found = MLPClassifier(**SMALL, **params).fit(X, y, **rows)
    due, other = (0.05, 0.0) if kind in SMOOTHED else (0.0, 0.05)
    assert same(found, MLPClassifier(**SMALL, **params, label_smoothing=due).fit(X, y, **rows))
    assert not same(found, MLPClassifier(**SMALL, **params, label_smoothing=other).fit(X, y, **rows))


def test_labels_of_few_rows_and_of_partial_fit_are_as_they_are():
    for change in (
        lambda network: network.fit(X[:39], LABELS[:39]),
        lambda network: network.partial_fit(X, LABELS),
        lambda network: network.partial_fit(X, LABELS, X_val=X, y_val=LABELS),
        lambda network: network.initialize(X, LABELS).partial_fit(X, LABELS),
    ):
        found = change(MLPClassifier(**SMALL))
        assert same(found, change(MLPClassifier(**SMALL, label_smoothing=0.0)))
        assert not same(found, change(MLPClassifier(**SMALL, label_smoothing=0.05)))


# The trial


@pytest.mark.parametrize(("network", "y"), TASKS)
def test_a_trial_has_forty_rows(network, y):
    for n, due, other in ((39, False, "refit"), (40, "refit", False)):
        found = network(**SMALL).fit(X[:n], y[:n])
        assert same(found, network(**SMALL, early_stopping=due).fit(X[:n], y[:n]))
        assert not same(found, network(**SMALL, early_stopping=other).fit(X[:n], y[:n]))
        assert (found.validation_scores_ is None) == (n < 40)
    weight = np.r_[np.zeros(6), np.ones(39)]  # rows that are absent are none
    few = network(**SMALL).fit(X[:45], y[:45], sample_weight=weight)
    assert few.validation_scores_ is None
    assert same(few, network(**SMALL).fit(X[6:45], y[6:45]))


@pytest.mark.parametrize(("network", "y"), TASKS)
def test_full_batch_optimizers_end_by_themselves(network, y):
    found = network((6,), optimizer="lbfgs", random_state=0).fit(X, y)
    assert found.validation_scores_ is None
    assert same(found, network((6,), optimizer="lbfgs", random_state=0, early_stopping=False, max_iter=200).fit(X, y))


@pytest.mark.parametrize(("network", "y"), TASKS)
def test_partial_fit_and_initialize_set_no_rows_apart(network, y):
    for change in (lambda each: each.partial_fit(X, y), lambda each: each.initialize(X, y)):
        found = change(network(**SMALL))
        assert same(found, change(network(**SMALL, early_stopping=False)))
        assert found.validation_scores_ is None
        assert_allclose(found.X_mean_, X.mean(axis=0), rtol=1e-12)
    steps = network(**SMALL)
    for _ in range(3):
        steps.partial_fit(X, y)
    assert steps.t_ == 3 * 80
    # Nor does a training that goes on, which has all rows from the beginning.
    assert steps.set_params(warm_start=True).fit(X, y).t_ == 7 * 80
    assert steps.validation_scores_ is None


@pytest.mark.parametrize("seed", range(4))
def test_rows_of_ones_own_choose_among_the_ends_of_cycles(seed):
    y = np.where(np.random.default_rng(seed).random(80) < 0.3, 2 - LABELS, LABELS)  # which can be overfitted
    given = {"X_val": X[::2], "y_val": y[::2]}
    network = MLPClassifier(random_state=seed).fit(X[1::2], y[1::2], **given)
    scores = network.history_["validation_score"]
    assert network.n_iter_ == len(scores) == 21
    assert scores.notna().all()
    assert network.best_epoch_ == max((3, 9, 21), key=lambda e: scores[e - 1])
    loss = log_loss(y[::2], network.predict_proba(X[::2]))  # of labels as they are, of calibrated probabilities
    assert loss == pytest.approx(-scores[network.best_epoch_ - 1], rel=1e-5)
    assert network.t_ == 40 * network.n_iter_  # there is no other training, and no row is set apart


# Batches


@pytest.mark.parametrize(
    ("n", "size"),
    [(1, 1), (31, 31), (32, 32), (33, 9), (34, 8), (256, 8), (287, 8), (288, 9), (1024, 32), (4096, 128), (9000, 128)],
)
def test_rows_of_a_batch(n, size):
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(n, 2)), rng.normal(size=n)
    found = MLPRegressor((2,), random_state=0).partial_fit(rows, y)
    assert found._training.state.step.tolist() == [-(-n // size)]
    assert same(found, MLPRegressor((2,), random_state=0, batch_size=size).partial_fit(rows, y))


# Toy problems


def test_a_smooth_curve_is_learned():
    rng = np.random.default_rng(0)
    x, new = rng.uniform(-3, 3, (400, 1)), np.linspace(-3, 3, 300)[:, None]
    network = MLPRegressor(random_state=0).fit(x, np.sin(x[:, 0]))
    assert network.score(new, np.sin(new[:, 0])) > 0.995


def test_a_plane_is_learned():
    rows = np.random.default_rng(0).normal(size=(100, 3))
    y = rows @ [1.0, -2.0, 0.5] + 3
    assert MLPRegressor(random_state=0).fit(rows, y).score(rows, y) > 0.999


def test_noise_is_not_learned():
    """Fifteen rows choose, so that they are mistaken at times; one training without them has -0.32 and 1.10."""
    r2, losses = [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        rows, y = rng.normal(size=(1100, 5)), rng.normal(size=1100)
        labels = (y > 0).astype(int)
        r2.append(MLPRegressor(random_state=seed).fit(rows[:100], y[:100]).score(rows[100:], y[100:]))
        network = MLPClassifier(random_state=seed).fit(rows[:100], labels[:100])
        losses.append(log_loss(labels[100:], network.predict_proba(rows[100:])))
    assert np.mean(r2) > -0.1
    assert np.mean(losses) < np.log(2) + 0.1
