"""Data frames with sparse columns."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from scipy import sparse

from skdl import KNNClassifier, KNNRegressor

BOTH = [KNNClassifier, KNNRegressor]
rng = np.random.default_rng(0)
X, Q = rng.normal(size=(90, 5)), rng.normal(size=(25, 5))
Y = rng.integers(0, 3, 90)


@pytest.mark.parametrize("cls", BOTH)
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_sparse_frames_are_sparse_rows(cls, metric):
    rows, queries = np.where(X > 0.5, X, 0), np.where(Q > 0.5, Q, 0)
    frame, asked = (pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(part), columns=list("abcde"))
                    for part in (rows, queries))  # fmt: skip
    model, plain = cls(4, metric=metric).fit(frame, Y), cls(4, metric=metric).fit(sparse.csr_array(rows), Y)
    assert model.feature_names_in_.tolist() == list("abcde")
    assert_array_equal(model.predict(asked), plain.predict(sparse.csr_array(queries)))
    assert_array_equal(model.predict(pd.DataFrame(queries, columns=list("abcde"))), model.predict(asked))
    dense = cls(4, metric=metric).fit(pd.DataFrame(rows, columns=list("abcde")), Y)
    assert_array_equal(dense.predict(asked), model.predict(asked))


@pytest.mark.parametrize("metric", ["manhattan", "chebyshev", "nan_euclidean", "hamming", lambda a, b: 0.0])
@pytest.mark.parametrize("cls", BOTH)
def test_sparse_frames_for_other_metrics_are_an_error(cls, metric):
    frame = pd.DataFrame.sparse.from_spmatrix(sparse.csr_array(np.where(X > 0.5, X, 0)))
    with pytest.raises(ValueError, match="Sparse X works only with the metrics 'euclidean' and 'cosine'"):
        cls(metric=metric).fit(frame, Y)
    model = cls(metric=metric).fit(X, Y)
    with pytest.raises(ValueError, match="Sparse X works only with the metrics 'euclidean' and 'cosine'"):
        model.predict(frame)
