"""Coefficients that a user has set: what is public is what training goes on from."""

import pickle

import numpy as np
import pytest
from plain import PLAIN

from skdl import MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.neural._coefficients import fingerprint, is_edited
from skdl.optimizers import SGD, Momentum

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RATE = 0.05
STILL = SGD(learning_rate=1e-300)  # steps that change no weight


def rows(seed, n=40):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3)) * [1.0, 30.0, 0.01] + [5.0, -7.0, 0.3]
    return X, 100 + X @ [4.0, 0.2, 500.0] + rng.normal(size=n)


def whole_batches(n=40, **params):
    """Steps of plain gradient descent over all rows in float64, which can be done by hand."""
    return {
        "activation": "tanh",
        "optimizer": SGD(learning_rate=RATE),
        "schedule": "constant",
        "batch_size": n,
        "alpha": 0.1,
        "dtype": "float64",
        "random_state": 0,
        **PLAIN,
        **params,
    }


def step_by_hand(X, y, X_scaled_like, y_scaled_like, coefs, intercepts, velocity=None, momentum=0.0):
    """One step on mean((network - y)^2) / 2 + alpha / 2 |W|^2 of the standardised problem, back in raw units."""
    m, s = X_scaled_like.mean(0), X_scaled_like.std(0)
    my, sy = y_scaled_like.mean(), y_scaled_like.std()
    x, t = (X - m) / s, ((y - my) / sy)[:, None]
    W1, b1 = coefs[0] * s[:, None], intercepts[0] + m @ coefs[0]
    W2, b2 = coefs[1] / sy, (intercepts[1] - my) / sy
    h = np.tanh(x @ W1 + b1)
    r = (h @ W2 + b2 - t) / len(x)
    d = (r @ W2.T) * (1 - h**2)
    gradient = [x.T @ d + 0.1 * W1, d.sum(0), h.T @ r + 0.1 * W2, r.sum(0)]
    if velocity is not None:
        gradient = [momentum * v + g for v, g in zip(velocity, gradient, strict=True)]
    W1, b1, W2, b2 = (p - RATE * g for p, g in zip((W1, b1, W2, b2), gradient, strict=True))
    coef = W1 / s[:, None]
    return [coef, W2 * sy], [b1 - m @ coef, b2 * sy + my]


def assert_coefficients(network, expected, rtol=1e-9):
    for found, due in zip((*network.coefs_, *network.intercepts_), (*expected[0], *expected[1]), strict=True):
        np.testing.assert_allclose(found, due, rtol=rtol, atol=1e-12)


def test_federated_averaging_is_the_step_by_hand_from_the_average():
    clients = [MLPRegressor((4,), **whole_batches()).set_params(random_state=i).fit(*rows(i)) for i in (1, 2)]
    average = (
        [np.mean(layers, axis=0) for layers in zip(*(client.coefs_ for client in clients), strict=True)],
        [np.mean(layers, axis=0) for layers in zip(*(client.intercepts_ for client in clients), strict=True)],
    )
    X, y = rows(3)
    server = MLPRegressor((4,), **whole_batches()).initialize(X, y)
    server.coefs_, server.intercepts_ = average
    before = server.predict(X)
    server.partial_fit(X, y)
    assert_coefficients(server, step_by_hand(X, y, X, y, *average))
    assert np.abs(server.predict(X) - before).max() > 1e-3


def test_edits_in_place_count_and_the_optimizer_keeps_its_memory():
    X, y = rows(0)
    params = whole_batches(optimizer=Momentum(learning_rate=RATE, momentum=0.9))
    mlp = MLPRegressor((4,), **params).initialize(X, y)
    start = [c.copy() for c in mlp.coefs_], [b.copy() for b in mlp.intercepts_]
    mlp.partial_fit(X, y)

    def inside(coefs, intercepts):
        return (
            coefs[0] * X.std(0)[:, None],
            intercepts[0] + X.mean(0) @ coefs[0],
            coefs[1] / y.std(),
            (intercepts[1] - y.mean()) / y.std(),
        )

    velocity = [(a - b) / RATE for a, b in zip(inside(*start), inside(mlp.coefs_, mlp.intercepts_), strict=True)]
    mlp.coefs_[1][2] = 1.5
    mlp.intercepts_[0] += 0.25
    edited = [c.copy() for c in mlp.coefs_], [b.copy() for b in mlp.intercepts_]
    mlp.partial_fit(X, y)
    assert_coefficients(mlp, step_by_hand(X, y, X, y, *edited, velocity, 0.9))


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("normalization", [None, "layer", "group"])
def test_a_training_that_moves_nothing_gives_back_what_was_set(standardize, dtype, tolerance, normalization):
    X, y = rows(0)
    params = {"normalization": normalization, "standardize": standardize, "dtype": dtype, "optimizer": STILL}
    networks = (
        MLPRegressor((4, 2), **params, random_state=0),
        MLPRegressor((), **{**params, "normalization": None}, random_state=0),
        MLPClassifier((4, 2), **params, early_stopping=True, max_iter=3, random_state=0),
    )
    for network in networks:
        target = y if isinstance(network, MLPRegressor) else np.digitize(y, np.quantile(y, [0.3, 0.6]))
        network.fit(X, target)
        rng = np.random.default_rng(1)
        network.coefs_ = [rng.normal(size=coef.shape).tolist() for coef in network.coefs_]
        network.intercepts_ = [rng.normal(size=each.shape).tolist() for each in network.intercepts_]
        scores = network.predict if isinstance(network, MLPRegressor) else network.decision_function
        due = scores(X)
        scale = max(np.abs(due).max(), np.abs(y).max())  # the weights' precision is that of standardised targets
        network.set_params(early_stopping=False).partial_fit(X, target)
        np.testing.assert_allclose(scores(X), due, rtol=tolerance, atol=tolerance * scale)
        network.set_params(warm_start=True).fit(X, target)
        np.testing.assert_allclose(scores(X), due, rtol=tolerance, atol=tolerance * scale)


def test_batch_normalization_is_unfolded_and_folded_with_its_new_statistics():
    X, y = rows(0)
    params = whole_batches(normalization="batch", optimizer=STILL, standardize=False, standardize_target=False)
    mlp = MLPRegressor((4,), **params).initialize(X, y)
    rng = np.random.default_rng(0)
    coef, intercept = rng.normal(size=(3, 4)), rng.normal(size=4)
    mlp.coefs_[0], mlp.intercepts_[0] = coef, intercept
    mlp.partial_fit(X, y)
    # At first the running mean is 0 and the variance 1; one batch is a tenth of the new ones.
    root = np.sqrt(1 + 1e-5)
    before = X @ (coef * root) + intercept * root
    mean, variance = 0.1 * before.mean(0), 0.9 + 0.1 * before.var(0)
    new_root = np.sqrt(variance + 1e-5)
    np.testing.assert_allclose(mlp.coefs_[0], coef * root / new_root, rtol=1e-10)
    np.testing.assert_allclose(mlp.intercepts_[0], (intercept * root - mean) / new_root, rtol=1e-10)


def test_softmax_goes_on_from_its_public_coefficients():
    X, _ = rows(0)
    y = np.arange(len(X)) % 3
    softmax = SoftmaxClassifier(
        alpha=0.0, optimizer=SGD(learning_rate=RATE), batch_size=len(X), max_iter=1, warm_start=True, dtype="float64"
    ).fit(X, y)
    coef, intercept = np.arange(9.0).reshape(3, 3) / 9, np.array([0.5, -0.5, 0.0])
    softmax.coef_, softmax.intercept_ = coef.tolist(), intercept.tolist()
    due = X @ coef.T + intercept
    np.testing.assert_allclose(softmax.decision_function(X), due, rtol=1e-12)
    softmax.fit(X, y)
    p = np.exp(due - due.max(1, keepdims=True))
    g = (p / p.sum(1, keepdims=True) - np.eye(3)[y]) / len(X)
    m, s = X.mean(0), X.std(0)
    W = coef * s - RATE * g.T @ ((X - m) / s)
    b = intercept + coef @ m - RATE * g.sum(0)
    np.testing.assert_allclose(softmax.coef_, W / s, rtol=1e-9)
    np.testing.assert_allclose(softmax.intercept_, b - (W / s) @ m, rtol=1e-9)


def test_a_full_batch_search_starts_from_what_was_set():
    X, _ = rows(0)
    y = np.arange(len(X)) % 3
    params = {"alpha": 1e-2, "tol": 1e-9, "warm_start": True}
    found = SoftmaxClassifier(**params).fit(X, y)
    other = SoftmaxClassifier(**params, max_iter=1).fit(X, y)
    other.coef_, other.intercept_ = found.coef_, found.intercept_
    n_before = other.n_iter_
    other.set_params(max_iter=1000, tol=1e-7).fit(X, y)
    assert other.n_iter_ == n_before  # it starts at the minimum
    np.testing.assert_allclose(other.coef_, found.coef_, rtol=1e-12)


@pytest.mark.parametrize("copy", [lambda network: network, lambda network: pickle.loads(pickle.dumps(network))])
@pytest.mark.parametrize("normalization", [None, "batch"])
def test_equal_coefficients_resume_to_the_bit(copy, normalization):
    X, y = rows(0)
    params = {"normalization": normalization, "dropout": 0.3, "schedule": "constant", "random_state": 0}
    plain, given = (MLPRegressor((8, 4), **params, max_iter=3, warm_start=True).fit(X, y) for _ in range(2))
    given = copy(given)
    given.coefs_ = [coef.tolist() for coef in given.coefs_]
    given.intercepts_ = tuple(given.intercepts_)
    for network in (plain, given):
        network.partial_fit(X, y)
        network.fit(X, y)
    for a, b in zip(plain.coefs_, given.coefs_, strict=True):
        assert a.tobytes() == b.tobytes()


def test_an_edited_network_is_pickled_and_written_to_checkpoints_as_it_is(tmp_path):
    X, y = rows(0)
    params = whole_batches(random_state=3)
    mlp = MLPRegressor((4,), **params).fit(X, y)
    mlp.coefs_[0] = mlp.coefs_[0] + np.pi
    mlp.save_checkpoint(tmp_path / "edited.npz")
    loaded = MLPRegressor((4,), **params).load_checkpoint(tmp_path / "edited.npz")
    pickled = pickle.loads(pickle.dumps(mlp))
    due = step_by_hand(X, y, X, y, mlp.coefs_, mlp.intercepts_)
    for network in (loaded, pickled):
        np.testing.assert_array_equal(network.predict(X), mlp.predict(X))
    for network in (mlp, loaded, pickled):
        assert_coefficients(network.partial_fit(X, y), due)


def test_what_was_best_before_the_edit_is_forgotten():
    X, y = rows(0)
    mlp = MLPRegressor((8,), early_stopping=True, max_iter=30, random_state=0).fit(X, y)
    mlp.coefs_[-1][...], mlp.intercepts_[-1][...] = 0.0, 1e4  # far worse than any epoch before
    mlp.set_params(optimizer=STILL, warm_start=True, max_iter=2).fit(X, y)
    np.testing.assert_allclose(mlp.predict(X), 1e4, rtol=1e-6)


def test_coefficients_of_other_shapes_are_an_error_that_names_the_right_ones():
    X, y = rows(0)
    mlp = MLPRegressor((4,), encoding=None, max_iter=1).fit(X, y)
    for wrong in (mlp.coefs_[:1], [mlp.coefs_[0].T, mlp.coefs_[1]], None, [[1, 2], [3]], [["a"], ["b"]]):
        edited = pickle.loads(pickle.dumps(mlp))
        edited.coefs_ = wrong
        for call in (edited.predict, lambda X, edited=edited: edited.partial_fit(X, y)):
            with pytest.raises(ValueError, match=r"coefs_ must hold real numbers in .*\(3, 4\), \(4, 1\)"):
                call(X)
    mlp.coefs_[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="coefficients hold NaN or infinity"):
        mlp.partial_fit(X, y)
    softmax = SoftmaxClassifier().fit(X, y > y.mean())
    softmax.coef_ = softmax.coef_[1:]  # as scikit-learn has it for two classes
    with pytest.raises(ValueError, match=r"coef_ must hold real numbers in an array of shape \(2, 3\)"):
        softmax.predict(X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_edits_in_place_are_seen_wherever_they_are_and_whatever_they_leave_alike(dtype):
    """A network so large that its bytes are summed block by block: single elements, and several that could cancel."""
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(210, 200)).astype(dtype), np.zeros(200, dtype)
    stored = fingerprint([weight], [bias])
    flat = weight.reshape(-1)

    def seen(places, values):
        before = flat[places].copy()
        flat[places] = values
        found = is_edited(stored, [weight], [bias])
        flat[places] = before
        return found

    places = np.concatenate([np.arange(0, flat.size, 501), [1, flat.size - 1]])
    assert all(
        seen(i, change(flat[i])) for i in places for change in (np.negative, lambda v: np.nextafter(v, dtype(9)))
    )
    some = rng.choice(flat.size, 2000, replace=False)
    for group in (some[:2], some[:100], some, np.arange(flat.size)):
        assert seen(group, -flat[group])
        assert seen(group, 2 * flat[group])
        assert seen(group, flat[group][::-1])
        assert seen(group, np.nextafter(flat[group], dtype(9)))
    assert seen(slice(None), np.roll(weight, 128, axis=0).reshape(-1))
    assert not is_edited(stored, [weight], [bias])
    bias[7] = -0.5
    assert is_edited(stored, [weight], [bias])


def test_equal_numbers_of_another_type_are_no_edit_and_such_as_are_nearer_than_it_resolves_are_one():
    weight, bias = np.random.default_rng(0).normal(size=(30, 20)).astype(np.float32), np.ones(20, np.float32)
    stored = fingerprint([weight], [bias])
    wide = weight.astype(np.float64)
    assert not is_edited(stored, [wide], [bias.astype(int)])
    assert not is_edited(stored, [wide.tolist()], [np.longdouble(bias)])
    assert not is_edited(fingerprint([wide], [bias]), [weight], [bias])
    wide[3, 4] *= 1 + 1e-12  # float32 rounds it to what it was
    assert is_edited(stored, [wide], [bias])
    assert is_edited(stored, [weight], [np.where(bias == 1, np.nan, bias).astype(np.float64)])
