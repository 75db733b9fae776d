"""How estimators look in a notebook."""

import importlib.metadata
import re
import warnings
from pathlib import Path
from urllib.parse import urlparse
from urllib.request import url2pathname

import numpy as np
import pytest
from plain import PLAIN
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skdl
from skdl import EnsembleRegressor, KNNRegressor, LeastSquaresRegressor, MLPClassifier, MLPRegressor, SoftmaxClassifier
from skdl._estimator import _page

ESTIMATORS = [value for name in skdl.__all__ if isinstance(value := getattr(skdl, name), type)]
REQUIRED = {skdl.NetworkFeatures: (MLPClassifier(),)}  # arguments of constructors, where there must be any
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = X[:, 0] + X[:, 1] ** 2


def set_by_user(estimator):
    rows = re.findall(r'<tr class="user-set">.*?</tr>', estimator._repr_html_(), re.DOTALL)
    return [re.search(r"copyToClipboard\('(\w+)'", row).group(1) for row in rows]


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_nothing_shows_as_set_that_nobody_set(cls):
    given = REQUIRED.get(cls, ())
    assert set_by_user(cls(*given)) == ["estimator"] * len(given)


def test_what_was_set_shows_as_set():
    assert set_by_user(MLPClassifier((16,), alpha=0.5)) == ["hidden_layer_sizes", "alpha"]
    changed = MLPClassifier().set_params(optimizer__learning_rate=0.1, normalization="batch")
    assert set_by_user(changed) == ["normalization", "optimizer"]
    assert "AdamW(learning_rate=0.1, weight_decay=0.1, beta_1=0.8, beta_2=0.95)" in changed._repr_html_()
    assert set_by_user(LeastSquaresRegressor(solver="sgd").set_params(solver__learning_rate=0.1)) == ["solver"]
    assert set_by_user(make_pipeline(StandardScaler(), SoftmaxClassifier(alpha=1.0))) == ["steps", "alpha"]


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_each_links_to_a_page_that_exists_with_its_parameters_explained(cls):
    estimator = cls(*REQUIRED.get(cls, ()))
    text = estimator._repr_html_()
    address = urlparse(estimator._get_doc_link())
    assert address.scheme == "file"
    assert Path(url2pathname(address.path)).read_text(encoding="utf-8")
    assert "param-doc-description" in text
    [name, *_] = estimator._get_param_names()
    assert f"{name}: " in text


def test_a_declared_address_of_the_documentation_is_taken(monkeypatch):
    class Declared:
        def get_all(self, name):
            return ["Source, https://source.invalid", "Documentation, https://docs.invalid/skdl/"]

    monkeypatch.setattr(importlib.metadata, "metadata", lambda name: Declared())
    _page.cache_clear()
    try:
        assert MLPClassifier()._get_doc_link() == "https://docs.invalid/skdl/docs/networks.md"
    finally:
        _page.cache_clear()


def test_fitted_attributes_are_short_and_whole():
    mlp = MLPRegressor((4,), max_iter=3, random_state=0, **PLAIN).fit(X, Y)
    text = mlp._repr_html_()
    assert "DataFrame[columns](3, 7)" in text
    assert "&#x27;validation_loss&#x27;" in text
    assert "(3, 4)" in text  # the shapes of coefs_, rather than the beginning of their numbers
    assert "(4, 1)" in text
    softmax = SoftmaxClassifier().fit(X, Y > 1)
    assert softmax.solver_ in softmax._repr_html_()


def test_a_display_warns_of_nothing():
    constant = LeastSquaresRegressor().fit(X[:3], np.ones(3))  # whose r2_ and residual_std_ warn
    members = [("a", KNNRegressor()), ("b", LeastSquaresRegressor())]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for fitted in (constant, EnsembleRegressor(members).fit(X, Y)):
            assert "Fitted attributes" in fitted._repr_html_()
