"""scikit-learn's sklearn.linear_model.tests.test_logistic on SoftmaxClassifier."""

from adapters import LogisticRegression
from borrow import borrow

_SOLVERS = "There is one exact search here, and no solver= to be named in an error or a warning."
_CV = "Compares with LogisticRegressionCV, or sets what it sets: of scikit-learn only, and 1e-7 from the minimum."
_WORDS = "alpha and penalty= take the place of C, l1_ratio and their deprecated combinations."
_STEPS = "Counts the steps of scikit-learn's own Newton or L-BFGS; ours are others, and the minimum is the same."
DIFFERENT: dict[str, str] = {
    "test_check_solver_option[LogisticRegression]": _SOLVERS,
    "test_dtype_match[*liblinear*]": "liblinear computes in float64; here float32 data have float32 coefficients.",
    "test_large_sparse_matrix[*liblinear]": "Indices of 64 bits are taken.",
    "test_large_sparse_matrix[*sag]": "Indices of 64 bits are taken.",
    "test_large_sparse_matrix[*saga]": "Indices of 64 bits are taken.",
    "test_liblinear_dual_random_state": _SOLVERS,
    "test_liblinear_multiclass_raises[LogisticRegression]": _SOLVERS,
    "test_liblinear_with_large_values": _SOLVERS,
    "test_newton_cholesky_fallback_to_lbfgs": _SOLVERS,
    "test_max_iter": _SOLVERS,
    "test_logisticregression_warns_with_n_jobs": _SOLVERS,
    "test_logistic_regression_callback_support_warning": "Every optimizer takes callbacks.",
    "test_logistic_regression_callback_support": "An iteration is a subtask; there is no empty one after the last.",
    "test_logistic_regression_callback_fitted_estimator": _STEPS,
    "test_warm_start_newton_solver": _STEPS,
    "test_zero_max_iter": "max_iter is at least 1; initialize(X, y) builds a model that is not trained.",
    "test_elasticnet_l1_ratio_err_helpful[LogisticRegression-l1_ratio]": _WORDS,
    "test_l1_ratio_None_deprecated": _WORDS,
    "test_l1_ratio_non_elasticnet": _WORDS,
    "test_lr_penalty_l1ratio_incompatible": _WORDS,
    "test_penalty_deprecated[LogisticRegression]": _WORDS,
    "test_penalty_none": _WORDS,
    "test_LogisticRegressionCV_on_folds": _CV,
    "test_logistic_cv": _CV,
    "test_logistic_cv_folds_with_classes_missing[2-*]": _CV,
    "test_logistic_cv_multinomial_score[neg_log_loss-multiclass_agg_list3]": _CV,
    "test_logistic_regression_cv_refit": _CV,
    "test_scores_attribute_layout_elasticnet": _CV,
    "test_logreg_l1": "Two of its columns are equal and share a weight in many ways; coefficients are compared.",
    "test_logreg_predict_proba_multinomial": "Calls a private method of scikit-learn's.",
    "test_write_parameters": "Two classes have two rows of coefficients here, of which the adapter shows a copy.",
}
SWAPPED = {f"sklearn.linear_model.{ours.__name__}": ours for ours in (LogisticRegression,)}
globals().update(borrow("sklearn.linear_model.tests.test_logistic", SWAPPED, DIFFERENT))
