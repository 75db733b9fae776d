"""The parts of a recipe for tables together: RealMLP's, in a stack, in files, broken off and gone on with."""

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.metrics import r2_score

import skdl
from skdl import BaggingRegressor, EnsembleRegressor, MLPRegressor
from skdl.activations import Parametric
from skdl.optimizers import AdamW
from skdl.schedules import FlatCos
from skdl.testing import check_estimator_members

rng = np.random.default_rng(0)
TABLE = pd.DataFrame(rng.uniform(-2, 2, (150, 3)), columns=["a", "b", "c"])
TABLE["kind"] = rng.choice(["u", "v", "w"], 150)
TABLE.loc[::9, "b"] = np.nan
Y = np.sin(3 * TABLE["a"]) + TABLE["c"] * (TABLE["kind"] == "u")
RECIPE = MLPRegressor(
    (16, 12),
    encoding="periodic",
    input_scale=True,
    activation=Parametric("mish"),
    initializer="data_driven",
    parametrization="ntk",
    dropout=0.15,
    input_dropout=0.05,
    dropout_schedule="flat_cos",
    optimizer=AdamW(0.1, beta_2=0.95, weight_decay=0.02),
    schedule="cos_log",
    learning_rate_factors={"bias": 0.1, "scale": 6.0, "encoding": 0.1, "activation": 0.1},
    weight_decay_factors={"scale": 1.0, "activation": 0.1},
    weight_decay_schedule="flat_cos",
    alpha=0.0,
    early_stopping=False,
    clip_predictions=True,
    max_iter=8,
    random_state=0,
)


def same(one, two):
    return np.array_equal(one.predict(TABLE), two.predict(TABLE))


def test_members_of_a_stack_equal_their_lone_fits():
    members = []
    for i in range(3):
        member = clone(RECIPE).set_params(random_state=i, dropout=0.1 + i / 10, learning_rate_factors__scale=i + 1.0)
        member.set_params(dropout_schedule=FlatCos(i / 4), optimizer__weight_decay=i / 10)
        members.append(member)
    check_estimator_members(members, TABLE, Y, np.arange(150) % 3)


def test_however_it_is_cut_it_ends_in_the_same_bits(tmp_path):
    path = tmp_path / "recipe.npz"
    whole, steps = clone(RECIPE).fit(TABLE, Y), clone(RECIPE)
    for _ in range(8):
        steps.partial_fit(TABLE, Y)
    assert same(steps, whole)
    clone(RECIPE).set_params(max_time=1e-9).fit(TABLE, Y).save_checkpoint(path)
    assert same(clone(RECIPE).set_params(warm_start=True).load_checkpoint(path).fit(TABLE, Y), whole)
    assert same(skops.io.loads(skops.io.dumps(whole), trusted=skdl.trusted_types()), whole)


def test_rows_of_weight_zero_are_absent():
    weight = (np.arange(150) % 4 > 0).astype(float)
    kept = weight > 0
    assert same(clone(RECIPE).fit(TABLE, Y, weight), clone(RECIPE).fit(TABLE[kept], Y[kept]))


def test_weight_two_is_the_row_twice():
    """Where each step takes all rows, and no mask is drawn; also in what is learned of rows before the training."""
    recipe = clone(RECIPE).set_params(dropout=0.0, input_dropout=0.0, dropout_schedule=None, dtype="float64")
    weight = 1 + np.arange(150) % 2
    twice = np.repeat(np.arange(150), weight)
    weighted = clone(recipe).set_params(batch_size=150).fit(TABLE, Y, weight)
    repeated = clone(recipe).set_params(batch_size=len(twice)).fit(TABLE.iloc[twice], Y.iloc[twice])
    np.testing.assert_allclose(weighted.predict(TABLE), repeated.predict(TABLE), rtol=1e-6)


@pytest.mark.parametrize("ensemble", [
    BaggingRegressor(RECIPE, 3),
    EnsembleRegressor(
        estimator=clone(RECIPE).set_params(initializer="auto"), share="batch_ensemble", share_batches=False
    ),
])  # fmt: skip
def test_in_ensembles(ensemble):
    ensemble = clone(ensemble).set_params(random_state=0, estimator__max_iter=40).fit(TABLE[:110], Y[:110])
    assert r2_score(Y[110:], ensemble.predict(TABLE[110:])) > 0.5
    assert ensemble.predict_members(TABLE).max() <= Y[:110].max()
