"""Autoencoders against principal components, networks by hand and plain NumPy, and the laws of all networks."""

import inspect
import pickle
import re

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io as skops
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import subspace_angles
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import PCA
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import Autoencoder, MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl.callbacks import Checkpoint
from skdl.layers.noise import GaussianNoise
from skdl.optimizers import SGD
from skdl.testing import check_estimator_members, check_layer

DIGITS = load_digits()
X, IMAGES, LABELS = DIGITS.data[:300], DIGITS.images[:300], DIGITS.target[:300]
IRIS = load_iris().data
SMALL = {"hidden_layer_sizes": (6, 2), "max_iter": 4, "random_state": 0}
FULL = {  # one batch in each epoch, none set apart
    **SMALL,
    "batch_size": 200,
    "early_stopping": False,
    "dtype": "float64",
    "optimizer": SGD(0.05),
    "schedule": "constant",
}
pytestmark = pytest.mark.filterwarnings("ignore:batch_size=200 is larger")


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("standardize", [False, True])
def test_linear_ones_span_the_principal_components(tied, standardize):
    """As they are, shares of ink, or standardised; the search ends at a gradient of 1e-6, from which errors are."""
    shares = X / 16
    deviations = np.where(X.std(axis=0) > 0, shares.std(axis=0), 1) if standardize else np.ones(64)
    rows = StandardScaler().fit_transform(shares) if standardize else shares
    pca = PCA(4).fit(rows)
    autoencoder = Autoencoder(4, tied=tied, standardize=standardize, optimizer="lbfgs", alpha=0, random_state=0)
    autoencoder.set_params(max_iter=1000, tol=1e-6).fit(shares)
    decoder = autoencoder.coefs_[1] / deviations
    assert subspace_angles(decoder.T, pca.components_.T).max() < 2e-3  # in radians
    expected = pca.inverse_transform(pca.transform(rows)) * deviations + (shares.mean(axis=0) if standardize else 0)
    assert_allclose(autoencoder.reconstruct(shares), expected, atol=0.01)
    assert autoencoder.score(shares) == pytest.approx(pca.explained_variance_ratio_.sum(), abs=1e-5)


def test_it_is_the_network_that_its_coefficients_say():
    autoencoder = Autoencoder((10, 6, 3), activation="tanh", code_activation="sigmoid", max_iter=3, random_state=0)
    autoencoder.fit(X)
    shapes = [coef.shape for coef in autoencoder.coefs_]
    assert shapes == [(64, 10), (10, 6), (6, 3), (3, 6), (6, 10), (10, 64)]
    values = [X]
    for i, (coef, intercept) in enumerate(zip(autoencoder.coefs_, autoencoder.intercepts_, strict=True)):
        z = values[-1] @ coef + intercept
        values.append(1 / (1 + np.exp(-z)) if i == 2 else z if i == 5 else np.tanh(z))
    assert_allclose(autoencoder.transform(X), values[3], rtol=1e-9)
    assert_allclose(autoencoder.inverse_transform(values[3]), values[6], rtol=1e-9, atol=1e-9)
    assert_allclose(autoencoder.reconstruct(X), values[6], rtol=1e-9, atol=1e-9)
    network = MLPRegressor(  # the same training of rows as targets
        (10, 6, 3, 6, 10),
        activation=["tanh", "tanh", "sigmoid", "tanh", "tanh"],
        encoding=None,
        calibrate=False,
        max_iter=3,
        random_state=0,
    ).fit(X, X)
    assert_array_equal(network.coefs_[0], autoencoder.coefs_[0])


def test_layers_of_the_decoder():
    assert [c.shape[1] for c in Autoencoder(3, max_iter=1).fit(X).coefs_] == [3, 64]
    explicit = Autoencoder((8, 3), decoder_layer_sizes=(5, 7), activation=["relu", "tanh", "elu"], max_iter=1).fit(X)
    assert [c.shape[1] for c in explicit.coefs_] == [8, 3, 5, 7, 64]
    assert explicit.layer_names_ == ["input", "hidden_1", "hidden_2", "hidden_3", "hidden_4", "output"]
    assert [c.shape[1] for c in Autoencoder((8, 3), decoder_layer_sizes=(), max_iter=1).fit(X).coefs_] == [8, 3, 64]
    with pytest.raises(ValueError, match="has no code"):
        Autoencoder(()).fit(X)
    assert Autoencoder((9, 4, 2)).fit(X).get_feature_names_out().tolist() == ["autoencoder0", "autoencoder1"]


@pytest.mark.parametrize("params", [{}, {"normalization": "batch"}, {"standardize": False}])
def test_tied_weights_are_the_encoder_transposed(params):
    tied = Autoencoder((8, 3), tied=True, max_iter=5, random_state=0, **params).fit(X)
    free = Autoencoder((8, 3), max_iter=5, random_state=0, **params).fit(X)
    assert free.n_parameters_ - tied.n_parameters_ == 64 * 8 + 8 * 3
    deviations = tied.X_scale_
    if params != {"normalization": "batch"}:  # which is folded into the maps below it
        encoder, decoder = tied.coefs_[:2], tied.coefs_[2:]
        assert_allclose(decoder[0], encoder[1].T, rtol=1e-6)
        varies = deviations > 0
        below, above = encoder[0][varies] * deviations[varies, None], decoder[1][:, varies] / deviations[varies]
        assert_allclose(above, below.T, rtol=1e-5, atol=1e-8)
    scores = tied._raw_scores(X)
    assert_allclose(tied.reconstruct(X), scores)
    assert tied.score(X) > 0.2


def test_tied_training_goes_on_from_coefficients_that_are_tied():
    tied = Autoencoder(**FULL, tied=True).fit(IRIS)
    other = Autoencoder(**FULL, tied=True).fit(IRIS)
    other.coefs_ = [2 * coef for coef in other.coefs_]
    expected = [2 * coef for coef in tied.coefs_]
    assert_allclose(other.set_params(optimizer=SGD(1e-12)).partial_fit(IRIS).coefs_[0], expected[0], rtol=1e-6)
    tied.coefs_[0] = 2 * tied.coefs_[0]
    with pytest.raises(ValueError, match="tied=True the weights of the decoder must be those of the encoder"):
        tied.partial_fit(IRIS)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"decoder_layer_sizes": (7,)}, r"does not mirror hidden_layer_sizes=\(6, 2\)"),
        ({"activation": "maxout"}, "several numbers a unit"),
        ({"encoding": "piecewise"}, "other columns than X"),
        ({"layer": "residual"}, "other maps than that of one layer"),
    ],
)
def test_what_cannot_be_tied(params, message):
    with pytest.raises(ValueError, match=f"tied=True gives the decoder the weights of the encoder, and .*{message}"):
        Autoencoder(**SMALL, tied=True).set_params(**params).fit(IRIS)


def test_images_in_images_out():
    autoencoder = Autoencoder((16, 4), max_iter=3, random_state=0).fit(IMAGES)
    rows = Autoencoder((16, 4), max_iter=3, random_state=0).fit(X)
    assert_array_equal(autoencoder.transform(IMAGES), rows.transform(X))
    code = rows.transform(X)
    assert autoencoder.inverse_transform(code).shape == autoencoder.reconstruct(IMAGES).shape == IMAGES.shape
    assert_array_equal(autoencoder.inverse_transform(code).reshape(300, 64), rows.inverse_transform(code))
    assert autoencoder.reconstruct(X).shape == (300, 64)
    assert rows.reconstruct(IMAGES.tolist()).shape == IMAGES.shape
    assert autoencoder.score(IMAGES) == rows.score(X)
    coloured = np.stack([IMAGES, IMAGES.max() - IMAGES, IMAGES**2], axis=-1)
    assert Autoencoder(2, max_iter=1).fit(coloured).reconstruct(coloured).shape == coloured.shape


def test_score_is_the_share_of_variance_explained():
    autoencoder = Autoencoder((16, 4), max_iter=3, random_state=0).fit(X)
    weight = np.random.default_rng(0).uniform(0.1, 2, len(X))
    varies, unit = X.std(axis=0) > 0, X.std(axis=0)
    rows, again = (each[:, varies] / unit[varies] for each in (X, autoencoder.reconstruct(X)))
    expected = r2_score(rows, again, sample_weight=weight, multioutput="variance_weighted")
    assert autoencoder.score(X, sample_weight=weight) == pytest.approx(expected, rel=1e-9)
    errors = ((rows - again) ** 2).mean(axis=1)
    assert_allclose(autoencoder.reconstruction_errors(X), errors, rtol=1e-9)
    strange = X[:1, ::-1] + 30
    assert autoencoder.reconstruction_errors(strange) > errors.max()
    plain = Autoencoder((16, 4), max_iter=3, standardize=False, random_state=0).fit(X)
    assert plain.score(X) == pytest.approx(r2_score(X, plain.reconstruct(X), multioutput="variance_weighted"))
    assert Autoencoder(1, max_iter=1).fit(np.ones((50, 2))).score(np.ones((3, 2))) == 1.0


def test_columns_without_variance():
    rows = np.column_stack([IRIS, np.full(150, 7.5)])
    for tied in (False, True):
        autoencoder = Autoencoder(**SMALL, tied=tied, noise=0.5).fit(rows)
        assert_allclose(autoencoder.reconstruct(rows + np.eye(5)[4])[:, 4], 7.5)
        assert_array_equal(autoencoder.transform(rows), autoencoder.transform(rows + np.eye(5)[4]))


@pytest.mark.parametrize(
    "params", [{}, {"noise": 0.3}, {"tied": True, "noise": 0.2}, {"encoding": "piecewise", "noise": 0.1}]
)
def test_a_column_that_begins_to_move_is_learned(params):
    still = IRIS.copy()
    still[:, 2] = 7.0
    autoencoder = Autoencoder((8, 3), random_state=0, **params).partial_fit(still)
    assert_allclose(autoencoder.reconstruct(IRIS)[:, 2], 7.0)
    for _ in range(30):
        autoencoder.partial_fit(IRIS)
    assert np.corrcoef(autoencoder.reconstruct(IRIS)[:, 2], IRIS[:, 2])[0, 1] > 0.9


def test_noise_is_on_inputs_alone():
    rng = np.random.default_rng(0)
    check_layer(lambda members: GaussianNoise(4, [(0.5, 0.1, 0.2)[i] for i in members]), 4)
    clean = Autoencoder(1, noise=1e-12, alpha=0, max_iter=30, random_state=0).set_params(optimizer="adam")
    assert_allclose(clean.fit(IRIS).transform(IRIS), clean.set_params(noise=0).fit(IRIS).transform(IRIS), atol=0.05)
    # The best linear map of x + e to x has the factor var(x) / (var(x) + s^2): noise shrinks what is reconstructed.
    line = rng.normal(size=(2000, 1))
    shrunk = Autoencoder(1, noise=1.0, alpha=0, max_iter=40, early_stopping=False, random_state=0)
    shrunk.set_params(optimizer="adam", optimizer__learning_rate=0.01).fit(line)
    slope = (shrunk.coefs_[0] @ shrunk.coefs_[1]).item()
    assert slope == pytest.approx(0.5, abs=0.06)
    with pytest.raises(ValueError, match=r"noise=0\.1 makes the loss random"):
        Autoencoder(2, noise=0.1, optimizer="lbfgs").fit(IRIS)


def test_denoising_takes_noise_away():
    rng = np.random.default_rng(1)
    noisy = X + rng.normal(size=X.shape) * X.std(axis=0)
    params = {"hidden_layer_sizes": 100, "code_activation": "relu", "max_iter": 30, "random_state": 0}

    def error(autoencoder):
        again = autoencoder.fit(X).reconstruct(noisy)
        unit = np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
        return (((again - X) / unit) ** 2).mean()

    plain, denoising = error(Autoencoder(**params)), error(Autoencoder(**params, noise=1.0))
    assert denoising < 0.5 * plain
    assert error(Autoencoder(**params, input_dropout=0.3)) < plain


def test_a_penalty_on_activations_makes_codes_sparse():
    params = {"hidden_layer_sizes": 40, "code_activation": "relu", "max_iter": 15, "random_state": 0}
    dense = Autoencoder(**params).fit(X).transform(X)
    sparse = Autoencoder(**params, penalty="activity_l1", alpha=0.5).fit(X).transform(X)
    assert np.abs(sparse).mean() < 0.5 * np.abs(dense).mean()
    assert (sparse == 0).mean() > (dense == 0).mean()


def test_cells_may_be_missing():
    rng = np.random.default_rng(0)
    holed = pd.DataFrame(IRIS, columns=list("abcd"))
    mask = rng.uniform(size=IRIS.shape) < 0.2
    mask[:, 3] = False
    holed = holed.mask(mask)
    autoencoder = Autoencoder((16, 2), max_iter=60, random_state=0).fit(holed)
    again = autoencoder.reconstruct(holed)
    assert np.isfinite(again).all()
    assert np.isfinite(autoencoder.transform(holed)).all()
    # What is filled in is nearer to the truth than the columns' means are.
    unit = IRIS.std(axis=0)
    filled, means = (
        np.abs((each - IRIS) / unit)[mask].mean() for each in (again, np.nanmean(holed, axis=0) + 0 * IRIS)
    )
    assert filled < 0.6 * means
    known = ~mask
    rows = (IRIS - holed.mean().to_numpy()) / holed.std(ddof=0).to_numpy()
    errors = (IRIS - again) / holed.std(ddof=0).to_numpy()
    expected = 1 - (errors[known] ** 2).sum() / (rows[known] ** 2).sum()
    assert autoencoder.score(holed) == pytest.approx(expected, rel=1e-6)
    with pytest.raises(ValueError, match=r"tied=True .* a flag more for each column of X with missing cells"):
        Autoencoder(2, tied=True).fit(holed)
    with pytest.raises(ValueError, match="Column 'town' of X holds categories, and Autoencoder reconstructs numbers"):
        Autoencoder(2).fit(holed.assign(town="Bonn"))


def test_missing_targets_have_no_gradient():
    """Of two rows in which one cell is missing, the network that sees all but the loss of it, by hand."""
    rows = pd.DataFrame({"a": [1.0, 2.0, 4.0, 3.0], "b": [2.0, 1.0, np.nan, 5.0]})
    autoencoder = Autoencoder(1, **{name: FULL[name] for name in FULL if name != "hidden_layer_sizes"})
    autoencoder.set_params(max_iter=1, alpha=0, optimizer__learning_rate=1.0, standardize=False)
    before = clone(autoencoder).initialize(rows)
    after = autoencoder.fit(rows)
    values = rows.to_numpy()
    inputs = np.column_stack([np.nan_to_num(values), np.isnan(values[:, 1])])
    encoder, decoder = before.coefs_
    code = inputs @ encoder
    error = np.where(np.isnan(values), 0, code @ decoder - np.nan_to_num(values)) / 2 / 4  # a mean of columns and rows
    assert_allclose(after.coefs_[1], decoder - code.T @ error, rtol=1e-9)
    assert_allclose(after.coefs_[0], encoder - inputs.T @ (error @ decoder.T), rtol=1e-9)
    assert_allclose(after.intercepts_[1], -error.sum(axis=0), rtol=1e-9)


@pytest.mark.parametrize("tied", [False, True])
def test_weights_are_counts(tied):
    weight = np.array([0, 1, 2] * 50)
    weighted = Autoencoder(**FULL, tied=tied).fit(IRIS, sample_weight=weight)
    repeated = Autoencoder(**FULL, tied=tied).set_params(batch_size=150).fit(IRIS.repeat(weight, axis=0))
    assert_allclose(weighted.transform(IRIS), repeated.transform(IRIS), rtol=1e-9)
    assert weighted.score(IRIS, sample_weight=weight) == pytest.approx(repeated.score(IRIS.repeat(weight, axis=0)))


@pytest.mark.parametrize("params", [{}, {"tied": True}, {"noise": 0.3, "normalization": "batch"}])
def test_stacks_change_no_bit(params):
    check_estimator_members([Autoencoder(**SMALL, alpha=10.0**-i, **params) for i in range(3)], IRIS, None)


@pytest.mark.parametrize(
    "params", [{"tied": True}, {"noise": 0.3, "normalization": "batch"}, {"encoding": "piecewise"}]
)
def test_a_training_that_is_cut_ends_in_the_same_bits(params, tmp_path):
    plain = Autoencoder(**SMALL, **params, schedule="constant", early_stopping=False)
    whole = clone(plain).fit(IRIS)
    half = clone(plain).set_params(max_iter=2).set_callbacks(Checkpoint(tmp_path / "a.npz", every=1)).fit(IRIS)
    resumed = clone(plain).set_params(warm_start=True).load_checkpoint(tmp_path / "a.npz")
    assert_array_equal(resumed.transform(IRIS), half.transform(IRIS))
    pieces, warm = clone(plain), clone(plain).set_params(warm_start=True, max_iter=2)
    for _ in range(4):
        pieces.partial_fit(IRIS)
    for other in (resumed.fit(IRIS), pieces, warm.fit(IRIS).fit(IRIS)):
        assert_array_equal(other.coefs_[0], whole.coefs_[0])
        assert_array_equal(other.reconstruct(IRIS), whole.reconstruct(IRIS))
    for copy in (pickle.loads(pickle.dumps(whole)), skops.loads(skops.dumps(whole), trusted=skdl.trusted_types())):
        assert_array_equal(copy.reconstruct(IRIS), whole.reconstruct(IRIS))
        assert_array_equal(copy.partial_fit(IRIS).coefs_[0], clone(plain).set_params(max_iter=5).fit(IRIS).coefs_[0])


def test_rows_that_validate():
    apart = Autoencoder((8, 3), early_stopping=True, max_iter=30, n_iter_no_change=2, random_state=0).fit(X)
    assert len(apart.validation_scores_) == apart.n_iter_
    assert apart.best_validation_score_ == max(apart.validation_scores_)
    given = Autoencoder((8, 3), early_stopping=False, max_iter=5, random_state=0).fit(X[:200], X_val=X[200:])
    assert given.validation_scores_[given.best_epoch_ - 1] == pytest.approx(given.score(X[200:]), abs=1e-5)
    assert given.history_["validation_loss"].notna().all()
    default = Autoencoder((8, 3), random_state=0).fit(X)
    assert default._training.state.progress[0].phase == 2  # a trial, and then all rows


def test_in_pipelines_and_searches():
    pipeline = make_pipeline(Autoencoder((32, 10), random_state=0), SoftmaxClassifier()).fit(IMAGES, LABELS)
    assert pipeline.score(IMAGES, LABELS) > 0.8
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    codes = Autoencoder(**SMALL).set_output(transform="pandas").fit_transform(frame)
    assert list(codes.columns) == ["autoencoder0", "autoencoder1"]
    assert codes.index.equals(frame.index)
    grid = {"hidden_layer_sizes": [(8, 1), (8, 3)]}
    search = GridSearchCV(Autoencoder(max_iter=10, random_state=0), grid, cv=3).fit(IRIS)
    assert search.best_params_["hidden_layer_sizes"] == (8, 3)
    assert search.best_estimator_.transform(IRIS).shape == (150, 3)
    with joblib.parallel_config(backend="skdl"):
        together = GridSearchCV(Autoencoder(max_iter=10, random_state=0), grid, cv=3).fit(IRIS)
    assert_array_equal(together.cv_results_["mean_test_score"], search.cv_results_["mean_test_score"])


def test_frames_sparse_rows_and_single_precision():
    frame = pd.DataFrame(IRIS, columns=list("abcd"))
    from_frame, from_array = (Autoencoder(**SMALL).fit(rows) for rows in (frame, IRIS))
    assert list(from_frame.feature_names_in_) == list("abcd")
    assert_array_equal(from_frame.transform(frame), from_array.transform(IRIS))
    counts = csr_array(X)
    dense, sparse = Autoencoder(**SMALL).fit(X), Autoencoder(**SMALL).fit(counts)
    assert_allclose(sparse.transform(counts), dense.transform(X), rtol=1e-4, atol=1e-5)
    assert sparse.score(counts) == pytest.approx(dense.score(X), abs=1e-5)
    single = Autoencoder(**SMALL).fit(IRIS.astype(np.float32))
    code = single.transform(IRIS.astype(np.float32))
    assert code.dtype == single.inverse_transform(code).dtype == np.float32


def test_every_parameter_is_described():
    named = re.findall(r"^    ((?:\w+, )*\w+) : ", Autoencoder.__doc__.split("Attributes\n")[0], flags=re.MULTILINE)
    assert sorted(named) == sorted(inspect.signature(Autoencoder).parameters)
    found = re.findall(r"^    (image_shape_|n_parameters_) : ", Autoencoder.__doc__, flags=re.MULTILINE)
    assert sorted(found) == ["image_shape_", "n_parameters_"]


def test_messages():
    autoencoder = Autoencoder(**SMALL).fit(IRIS)
    with pytest.raises(ValueError, match="X has 4 columns, and the code of this Autoencoder has 2 units"):
        autoencoder.inverse_transform(IRIS)
    with pytest.raises(ValueError, match="'loss' parameter of Autoencoder: 'poisson' is of targets as they are"):
        Autoencoder(loss="poisson").fit(IRIS)
    with pytest.raises(ValueError, match="an autoencoder learns real targets"):
        Autoencoder(loss="cross_entropy").fit(IRIS)
    with pytest.raises(
        ValueError, match="lists 1 entries for the 2 hidden layers of encoder and decoder beside the code"
    ):
        Autoencoder((8, 2), activation=["relu"]).fit(IRIS)
    with pytest.raises(ValueError, match="there are none: give X_val"):
        Autoencoder(**SMALL).fit(IRIS, sample_weight_val=np.ones(3))
    with pytest.raises(ValueError, match="'noise' parameter of Autoencoder must be"):
        Autoencoder(noise=-1).fit(IRIS)
    rows = IRIS.copy()
    rows[3, 2] = 1e305
    with pytest.raises(ValueError, match="Column 2 of X holds 1e"):
        Autoencoder(**SMALL).fit(rows)
    absolute = Autoencoder(**SMALL, loss="absolute_error").fit(IRIS)
    assert absolute.score(IRIS) > 0


def test_a_classifier_begins_with_its_layers():
    """Unsupervised training first, on rows without labels."""
    autoencoder = Autoencoder((32, 10), random_state=0).fit(DIGITS.data)
    network = MLPClassifier((32, 10), activation=["leaky_relu", "identity"], encoding=None, init=autoencoder)
    network.set_params(frozen="hidden", random_state=0).fit(X[:100], LABELS[:100])
    assert_allclose(network.coefs_[0], autoencoder.coefs_[0], rtol=1e-5, atol=1e-7)
    assert network.score(X, LABELS) > 0.6
