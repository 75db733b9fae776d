"""scikit-learn's sklearn.neural_network.tests.test_mlp on the networks."""

from adapters import MLPClassifier, MLPRegressor
from borrow import borrow

_PRIVATE = "Reads or sets private attributes of scikit-learn's network."
_EPOCHS = "n_iter_ counts all epochs that the weights have seen, those before a warm start too."
_SPLIT = "Too few rows for a stratified validation set are not an error: the split takes what there is, and says so."
DIFFERENT: dict[str, str] = {
    "test_fit": _PRIVATE,
    "test_gradient": _PRIVATE,
    "test_learning_rate_warmstart": _PRIVATE,
    "test_adaptive_learning_rate": _PRIVATE,
    "test_n_iter_no_change": _PRIVATE,
    "test_n_iter_no_change_inf": _PRIVATE,
    "test_lbfgs_classification_maxfun": "There is max_iter, and max_time, but no max_fun.",
    "test_lbfgs_regression_maxfun": "There is max_iter, and max_time, but no max_fun.",
    "test_partial_fit_errors": "partial_fit is there for every optimizer: of a full-batch one, it does one iteration.",
    "test_nonfinite_params": "Values that the sums of squares cannot hold are refused before training, by column.",
    "test_mlp_diverging_loss": "A training that diverges in its first epoch has learned nothing, and is an error.",
    "test_verbose_sgd": "verbose=1 prints one line per epoch, in other words.",
    "test_early_stopping": "best_loss_ is the least training loss, with early stopping too.",
    "test_warm_start": "A warm start takes a y that lacks one of the classes; new classes are an error in other words.",
    "test_warm_start_full_iteration": _EPOCHS,
    "test_mlp_warm_start_no_convergence": _EPOCHS,
    "test_early_stopping_stratified": _SPLIT,
    "test_minimum_input_sample_size": _SPLIT,
    "test_mlp_partial_fit_after_fit": "partial_fit does not validate by itself; X_val and y_val do.",
}
SWAPPED = {
    f"sklearn.neural_network.{ours.__name__}": ours
    for ours in (
        MLPClassifier,
        MLPRegressor,
    )
}
globals().update(borrow("sklearn.neural_network.tests.test_mlp", SWAPPED, DIFFERENT))
