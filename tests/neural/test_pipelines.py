"""Validation rows of one's own behind the steps of a pipeline."""

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skdl import MLPClassifier, MLPRegressor, SoftmaxClassifier

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(RNG.normal(size=(60, 2)) * [1, 50] + [3, 700], columns=["a", "b"])
VALIDATION = pd.DataFrame(RNG.normal(size=(20, 2)) * [1, 50] + [3, 700], columns=["a", "b"])
Y, Y_VAL = FRAME["a"] > 3, VALIDATION["a"] > 3
NETWORKS = [MLPClassifier((4,), max_iter=5, random_state=0), MLPRegressor((4,), max_iter=5, random_state=0)]
TOLD = r"transform_input=\['X_val'\].*set_fit_request\(X_val=True, y_val=True\)"


@pytest.mark.parametrize("network", NETWORKS)
def test_the_documented_way_is_the_steps_by_hand(network):
    y, y_val = Y.astype(float if isinstance(network, MLPRegressor) else int), Y_VAL.astype(int)
    with config_context(enable_metadata_routing=True):
        asking = type(network)(**network.get_params(deep=False)).set_fit_request(X_val=True, y_val=True)
        steps = Pipeline([("scale", StandardScaler()), ("mlp", asking)], transform_input=["X_val"])
        steps.fit(FRAME, y, X_val=VALIDATION, y_val=y_val)
    scaler = StandardScaler().fit(FRAME)
    by_hand = type(network)(**network.get_params(deep=False))
    by_hand.fit(scaler.transform(FRAME), y, X_val=scaler.transform(VALIDATION), y_val=y_val)
    np.testing.assert_array_equal(steps[-1].coefs_[0], by_hand.coefs_[0])
    assert steps[-1].validation_scores_ == by_hand.validation_scores_


@pytest.mark.parametrize("network", NETWORKS)
def test_rows_that_have_not_passed_the_steps_are_an_error_where_it_shows(network):
    y, y_val = Y.astype(int), Y_VAL.astype(int)
    own = {"mlp__X_val": VALIDATION, "mlp__y_val": y_val}
    with pytest.raises(ValueError, match=f"X_val is a frame, and X an array: .*{TOLD}"):
        Pipeline([("scale", StandardScaler()), ("mlp", network)]).fit(FRAME, y, **own)
    named = PolynomialFeatures(2, include_bias=False).set_output(transform="pandas")
    with pytest.raises(ValueError, match=rf"X_val has other columns than X \(without \['a\^2'.*{TOLD}"):
        Pipeline([("more", named), ("mlp", network)]).fit(FRAME, y, **own)
    arrays = {"mlp__X_val": VALIDATION.to_numpy(), "mlp__y_val": y_val}
    with pytest.raises(ValueError, match=f"X_val has 2 columns, and X 5: .*{TOLD}"):
        Pipeline([("more", PolynomialFeatures(2, include_bias=False)), ("mlp", network)]).fit(FRAME, y, **arrays)
    with pytest.raises(ValueError, match="X_val is an array, and X a frame"):
        network.partial_fit(FRAME, y, X_val=VALIDATION.to_numpy(), y_val=y_val)


def test_softmax_too():
    with pytest.raises(ValueError, match="X_val has 1 columns, and X 2"):
        SoftmaxClassifier(optimizer="adam", max_iter=2).fit(
            FRAME.to_numpy(), Y, X_val=VALIDATION[["a"]].to_numpy(), y_val=Y_VAL
        )
