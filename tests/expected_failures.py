"""The checks of scikit-learn's check_estimator that the neighbour estimators cannot pass, and why."""

_REASON = (
    "A sample weight multiplies a row's vote (as specified), so a row of weight 2 is one of the k neighbours while the "
    "row twice is two of them. With k neighbours no rule has both 'weight 2 equals the row twice' and 'the scale of "
    "all weights is free': rows at 0 (class a) and 1 (class b), k = 2, query 0 give 1/2 and 1/2, but both rows twice "
    "give 1 and 0. test_knn.py::test_weight_scale_and_repetition_exclude_each_other runs this example."
)
EXPECTED_FAILURES = {  # of KNNClassifier and KNNRegressor; no other estimator has any
    "check_sample_weight_equivalence_on_dense_data": _REASON,
    "check_sample_weight_equivalence_on_sparse_data": _REASON,
}
