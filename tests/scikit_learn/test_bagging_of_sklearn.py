"""scikit-learn's sklearn.ensemble.tests.test_bagging on the bagged ensembles."""

from adapters import BaggingClassifier, BaggingRegressor
from borrow import borrow

_WORDS = "Warned of, or refused, too, in other words."
_ROWS = "Members get the drawn rows, not all rows with counts as weights."
DIFFERENT: dict[str, str] = {
    "test_sparse_classification[csc_*]": "Rows are drawn from the CSR form of a matrix, which is what members get.",
    "test_sparse_regression[csc_*]": "Rows are drawn from the CSR form of a matrix, which is what members get.",
    "test_oob_score_classification": _WORDS,
    "test_oob_score_regression": _WORDS,
    "test_warm_start_equal_n_estimators": _WORDS,
    "test_invalid_sample_weight_max_samples_bootstrap_combinations": _WORDS,
    "test_warm_start_with_oob_score_fails": "Out-of-bag scores follow a warm start, from the seeds that are kept.",
    "test_warning_bootstrap_sample_weight": "Without bootstrap the members are given the weights: nothing to warn of.",
    "test_estimator": "The default member is a network.",
    "test_draw_indices_using_sample_weight[*-True-Bagging*]": _ROWS,
    "test_metadata_routing_with_dynamic_method_selection": "predict takes X alone: what is routed goes to fit.",
    "test_max_samples_consistency": "Reads a private attribute.",
}
SWAPPED = {
    f"sklearn.ensemble.{ours.__name__}": ours
    for ours in (
        BaggingClassifier,
        BaggingRegressor,
    )
}
globals().update(borrow("sklearn.ensemble.tests.test_bagging", SWAPPED, DIFFERENT))
