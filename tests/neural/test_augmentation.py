"""Augmentation in training: the laws of all networks hold for it, and it is nowhere but in training batches."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import (
    BaggingClassifier,
    EnsembleClassifier,
    MLPClassifier,
    MLPMultitask,
    MLPRegressor,
    SnapshotEnsembleClassifier,
)
from skdl._augmenting import Augmenter
from skdl.augmentations import Brightness, GaussianNoise, Masking, Rotation
from skdl.engine import TrainingSpec
from skdl.neural.trainable import trainable
from skdl.plugins import PixelAugmentation, RowAugmentation, register
from skdl.testing import check_component, check_members

DIGITS = load_digits()
IMAGES, LABELS = DIGITS.images[:150], DIGITS.target[:150]
FLAT = IMAGES.reshape(150, -1)
ALL = ["rotation", "elastic", "lens", "brightness", "contrast", "gaussian_noise", "masking", "mixup", "cutmix"]
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 4, "batch_size": 32, "random_state": 0}


def network(**params):
    return MLPClassifier(**{**SMALL, "augmentation": ALL, **params})


def same(one, other):
    for name in ("coefs_", "intercepts_", "loss_curve_"):
        for a, b in zip(getattr(one, name), getattr(other, name), strict=True):
            assert_array_equal(a, b)


def test_images_and_flat_rows_of_a_shape_are_one():
    images = network().fit(IMAGES, LABELS)
    shaped = network(image_shape=(8, 8))
    for rows in (FLAT, pd.DataFrame(FLAT, columns=DIGITS.feature_names)):
        fitted = clone(shaped).fit(rows, LABELS)
        assert_array_equal(fitted.coefs_[0], images.coefs_[0])
        assert fitted.image_shape_ == (8, 8)
    fitted = clone(shaped).fit(sparse.csr_array(FLAT), LABELS)  # whose moments are rounded otherwise
    assert_allclose(fitted.coefs_[0], images.coefs_[0], atol=1e-4)
    assert_array_equal(fitted.predict(IMAGES), images.predict(FLAT))
    same(pickle.loads(pickle.dumps(images)).fit(IMAGES, LABELS), images)


@pytest.mark.parametrize("augmentation", [ALL, "rotation", "mixup"])
def test_members_of_a_stack_end_as_alone(augmentation):
    """With one order of the rows in common, and so one x, and with orders of their own."""
    members = []
    for seed, other in ((0, augmentation), (1, augmentation), (0, augmentation), (2, GaussianNoise(0.3))):
        fit = trainable(network(augmentation=other, random_state=seed, early_stopping=False, shuffle=seed < 2))
        members.append(fit.spec(fit.prepare(IMAGES, LABELS)))
    members = [replace(member, rows=replace(member.rows, X=members[0].rows.X)) for member in members]
    outcomes = check_members(members)
    assert not np.array_equal(outcomes[0].theta, outcomes[1].theta)


def test_networks_of_an_ensemble_are_told_the_shape():
    bagging = BaggingClassifier(network(), 3, random_state=0).fit(IMAGES, LABELS)
    assert [member.image_shape for member in bagging] == [(8, 8)] * 3
    alone = clone(bagging[1]).fit(FLAT[bagging.estimators_samples_[1]], LABELS[bagging.estimators_samples_[1]])
    assert alone.image_shape_ == (8, 8)
    ensemble = EnsembleClassifier(estimator=network(), n_estimators=2, random_state=0).fit(IMAGES, LABELS)
    same(clone(ensemble[1]).fit(IMAGES, LABELS), ensemble[1])
    for share in (True, False):
        shared = EnsembleClassifier(
            estimator=network(), n_estimators=2, share="batch_ensemble", share_batches=share, random_state=0
        )
        assert shared.fit(IMAGES, LABELS).predict(IMAGES).shape == (150,)
    snapshots = SnapshotEnsembleClassifier(network(), n_estimators=2, random_state=0).fit(IMAGES, LABELS)
    assert snapshots.predict(IMAGES).shape == (150,)
    with pytest.raises(ValueError, match="Rotation augments images, and X holds rows of 32 numbers"):
        BaggingClassifier(network(), 2, max_features=0.5, random_state=0).fit(IMAGES, LABELS)


def test_a_training_that_is_cut_ends_in_the_same_bits(tmp_path):
    whole = network(early_stopping=False).fit(IMAGES, LABELS)
    half = network(early_stopping=False, max_iter=2, schedule="constant").fit(IMAGES, LABELS)
    half.save_checkpoint(tmp_path / "half.npz")
    constant = network(early_stopping=False, schedule="constant").fit(IMAGES, LABELS)
    loaded = network(early_stopping=False, schedule="constant", warm_start=True).load_checkpoint(tmp_path / "half.npz")
    same(loaded.fit(IMAGES, LABELS), constant)
    parts = clone(constant)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(IMAGES, LABELS)))
    for a, b in zip(parts.coefs_, constant.coefs_, strict=True):
        assert_array_equal(a, b)
    assert whole.loss_ != constant.loss_


def test_rows_of_weight_zero_are_not_there():
    weight = np.arange(150) % 3.0
    wild = IMAGES.copy()
    wild[weight == 0] = 1e6
    same(
        network().fit(wild, LABELS, sample_weight=weight),
        network().fit(IMAGES[weight > 0], LABELS[weight > 0], sample_weight=weight[weight > 0]),
    )


class Counted(PixelAugmentation):
    """Counts the images that it sees, and makes them useless."""

    seen = 0

    def adjust(self, images, generator):
        Counted.seen += len(images)
        return np.zeros_like(images)


def test_only_training_batches_are_augmented():
    """A network that never sees an image as it is, but for statistics: scores of validation rows are of plain ones."""
    Counted.seen = 0
    blind = MLPClassifier((4,), max_iter=3, batch_size=30, augmentation=Counted(), early_stopping=False, random_state=0)
    blind.fit(IMAGES, LABELS, X_val=IMAGES, y_val=LABELS)
    assert Counted.seen == 3 * 150
    assert_allclose(blind.X_mean_, FLAT.mean(axis=0))
    blind.predict(IMAGES)
    assert Counted.seen == 450
    # What it was trained on is one input: the mean image's opposite, and its loss is that of the classes' shares.
    halves = MLPClassifier((4,), max_iter=1, augmentation=GaussianNoise(0.0), **{"random_state": 0, "batch_size": 30})
    plain = MLPClassifier((4,), max_iter=1, random_state=0, batch_size=30)
    assert_array_equal(halves.fit(FLAT, LABELS).coefs_[0], plain.fit(FLAT, LABELS).coefs_[0])  # no change, no bit


def test_pixels_of_a_channel_have_one_scale():
    coloured = np.stack([IMAGES, 5 - 3 * IMAGES], axis=-1)
    fitted = network(augmentation=Rotation()).fit(coloured, LABELS)
    assert_allclose(fitted.X_mean_, coloured.mean(axis=0).ravel(), atol=1e-12)
    common = np.sqrt(coloured.var(axis=0).mean(axis=(0, 1)))
    assert_allclose(fitted.X_scale_.reshape(64, 2), np.broadcast_to(common, (64, 2)), rtol=1e-6)
    weight = np.arange(150) % 3.0
    weighted = network(augmentation=Brightness()).fit(IMAGES, LABELS, sample_weight=weight)
    mean = np.average(FLAT, axis=0, weights=weight)
    assert_allclose(weighted.X_mean_, mean, atol=1e-12)
    assert_allclose(
        weighted.X_scale_, np.sqrt(np.average((FLAT - mean) ** 2, axis=0, weights=weight).mean()), rtol=1e-6
    )
    plain = MLPClassifier(**SMALL, encoding=None).fit(IMAGES, LABELS)
    assert_allclose(plain.X_mean_, FLAT.mean(axis=0))  # and without augmentation its own
    dark = np.where(np.arange(64) < 40, 0, FLAT)
    moved = network(augmentation="translation").fit(dark.reshape(-1, 8, 8), LABELS)
    assert (moved.coefs_[0] != 0).any(axis=1).all()  # ink comes to where there was none


def test_it_helps_where_images_move():
    shifted = np.array([np.roll(image, (i % 3 - 1, i // 3 % 3 - 1), (0, 1)) for i, image in enumerate(DIGITS.images)])
    scores = [
        MLPClassifier(
            (64,), encoding=None, early_stopping=False, max_iter=60, random_state=0, augmentation=augmentation
        )
        .fit(DIGITS.images[:300], DIGITS.target[:300])
        .score(shifted[300:], DIGITS.target[300:])
        for augmentation in (None, "crop")
    ]
    assert scores[1] > scores[0] + 0.05


@pytest.mark.parametrize("augmentation", ["mixup", "gaussian_noise", Masking(0.2, "mean")])
def test_targets_of_every_kind(augmentation):
    several = np.column_stack([LABELS % 2, LABELS % 3])
    for y in (LABELS, several > 0, several, 0.9 * np.eye(10)[LABELS] + 0.01):
        assert np.isfinite(network(augmentation=augmentation).fit(FLAT, y).loss_)
    for loss in ("squared_error", "absolute_error", "poisson"):
        regressor = MLPRegressor((8,), max_iter=2, loss=loss, augmentation=augmentation, random_state=0)
        assert np.isfinite(regressor.fit(FLAT, several * 1.0).loss_)


def test_several_tasks():
    y = pd.DataFrame({"digit": pd.Categorical(LABELS), "even": LABELS % 2 * 1.5})
    y.loc[::5, "even"] = np.nan
    tasks = MLPMultitask((8,), max_iter=3, augmentation=["crop", "mixup"], random_state=0).fit(IMAGES, y)
    assert np.isfinite(tasks.loss_)


def test_tables():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=80), "b": rng.choice(list("xyz"), 80), "c": 1.0})
    frame.loc[::7, "a"] = np.nan
    for augmentation in ("gaussian_noise", "masking", Masking(0.3, "mean")):
        fitted = MLPClassifier((5,), max_iter=2, augmentation=augmentation, random_state=0).fit(
            frame, np.arange(80) % 2
        )
        assert np.isfinite(fitted.predict_proba(frame)).all()
    with pytest.raises(ValueError, match=r"Mixup mixes numbers, and X has columns of categories. Take 'masking'"):
        MLPClassifier((5,), max_iter=2, augmentation="mixup").fit(frame, np.arange(80) % 2)
    with pytest.raises(ValueError, match="Rotation augments images, and X has columns of categories or missing"):
        MLPClassifier((5,), max_iter=2, augmentation="rotation", image_shape=(1, 3)).fit(frame, np.arange(80) % 2)


def test_searches_reach_into_the_list():
    pipeline = make_pipeline(StandardScaler(), network(image_shape=(8, 8)))
    grid = {"mlpclassifier__augmentation__rotation__max_angle": [5.0, 20.0]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(FLAT, LABELS)
    held = search.best_estimator_[-1].augmentation
    assert held[0].max_angle == search.best_params_["mlpclassifier__augmentation__rotation__max_angle"]
    params = network().get_params()
    assert params["augmentation__gaussian_noise__sigma"] == 0.1
    assert network().set_params(**params).augmentation == ALL  # nothing has changed: names stay names
    assert network(augmentation="elastic").set_params(augmentation__elastic__alpha=3.0).augmentation.alpha == 3
    two = network(augmentation=[Rotation(3.0), Rotation(5.0)]).set_params(augmentation__rotation_2__max_angle=9.0)
    assert [each.max_angle for each in two.augmentation] == [3, 9]
    with pytest.raises(ValueError, match=r"Cannot set augmentation__shear__max_angle: .* holds \['rotation'\]"):
        network(augmentation=["rotation"]).set_params(augmentation__shear__max_angle=3.0)
    with pytest.raises(ValueError, match="holds None"):
        MLPClassifier().set_params(augmentation__shear__max_angle=3.0)


MISTAKES = [
    ({"augmentation": "rotate"}, IMAGES, "The 'augmentation' parameter of MLPClassifier: Unknown name 'rotate'"),
    ({"augmentation": Rotation(-1.0)}, IMAGES, "The 'max_angle' parameter of Rotation must be .*Got -1.0"),
    ({"augmentation": ["elastic"]}, FLAT, r"ElasticDeformation augments images.* image_shape=\(height, width\)"),
    ({"image_shape": (8, 7)}, FLAT, r"image_shape=\(8, 7\) is that of rows of 56 numbers, and X has 64 columns"),
    ({"image_shape": (8, 7)}, IMAGES, r"images of shape \(8, 8\), and image_shape=\(8, 7\) says another"),
    ({"image_shape": (64,)}, FLAT, r"image_shape=\(64,\) must be \(height, width\)"),
    ({"optimizer": "lbfgs"}, IMAGES, "Augmentation makes the loss random, and optimizer='lbfgs' needs the same loss"),
    ({"augmentation": [Rotation(fill=1.0), Rotation(fill=2.0)]}, IMAGES, "different values of 'fill'"),
]


@pytest.mark.parametrize(("params", "X", "message"), MISTAKES)
def test_messages(params, X, message):
    params = {"batch_size": "auto", **params} if "optimizer" in params else params
    with pytest.raises(ValueError, match=message):
        network(**params).fit(X, LABELS)


def test_a_plug_in():
    @register("salt")
    class Salt(RowAugmentation):
        """Nothing but a test."""

        def augment(self, x, targets, weight, generator, layout):
            x[generator.random(x.shape) < 0.1] = 3
            return x, targets, weight

    try:
        check_component(Salt)
        assert network(augmentation=["salt", "rotation"]).fit(IMAGES, LABELS).n_iter_ == 4
    finally:
        del skdl._registry.augmentations._classes["salt"], skdl._registry.augmentations._plug_ins["salt"]


def test_the_specification_without_augmentation_has_none():
    fit = trainable(MLPClassifier(**SMALL))
    member = fit.spec(fit.prepare(IMAGES, LABELS))
    assert isinstance(member, TrainingSpec)
    assert member.augmenter is None
    fit = trainable(network())
    assert isinstance(fit.spec(fit.prepare(IMAGES, LABELS)).augmenter, Augmenter)


def test_frozen_layers_see_augmented_rows():
    """Of a frozen network all of whose inputs are made zero, the output learns the shares of the classes."""
    start = MLPClassifier((6,), max_iter=5, encoding=None, random_state=0).fit(IMAGES, LABELS)
    blind = MLPClassifier(
        (6,), init=start, frozen=["input", "hidden_1"], augmentation=Counted(), max_iter=5, batch_size=30,
        early_stopping=False, random_state=0,
    )  # fmt: skip
    Counted.seen = 0
    blind.fit(IMAGES, LABELS)
    assert Counted.seen == 5 * 150
    assert_array_equal(blind.coefs_[0], start.coefs_[0])
