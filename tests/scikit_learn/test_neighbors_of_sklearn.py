"""scikit-learn's sklearn.neighbors.tests.test_neighbors on KNNClassifier and KNNRegressor."""

from adapters import KNeighborsClassifier, KNeighborsRegressor
from borrow import borrow

BELOW_ONE = "With p below 1 there is no triangle inequality, hence no distance: the range of p begins at 1."
NO_WEIGHTS = "weights=None has another name here: 'uniform'."
DIFFERENT = {
    "test_neigh_predictions_algorithm_agnosticity[*-DM_euclidean-*]": "A metric is a name or a function.",
    "test_unsupervised_inputs[*KNeighbors*]": "X is a table of numbers, not a fitted NearestNeighbors or a tree.",
    "test_KNeighborsClassifier_multioutput": NO_WEIGHTS,
    "test_KNeighborsRegressor_multioutput_uniform_weight": NO_WEIGHTS,
    "test_neighbors_validate_parameters[*KNeighbors*]": "The error about 'haversine' lists the metrics there are.",
    "test_neighbors_minkowski_semimetric_algo_warn[*KNeighbors*]": BELOW_ONE,
    "test_neighbors_minkowski_semimetric_algo_error[*KNeighbors*]": BELOW_ONE,
    "test_metric_params_interface": "p in metric_params is an error that names the parameter p, not a warning.",
    "test_predict_sparse_ball_kd_tree": "Sparse queries of the dense rows of a tree are answered.",
    "test_KNeighborsClassifier_raise_on_all_zero_weights": (
        "Where all votes have weight zero, the classes' shares are the answer, with a warning."
    ),
}
SWAPPED = {
    f"sklearn.neighbors.{ours.__name__}": ours
    for ours in (
        KNeighborsClassifier,
        KNeighborsRegressor,
    )
}
globals().update(borrow("sklearn.neighbors.tests.test_neighbors", SWAPPED, DIFFERENT))
