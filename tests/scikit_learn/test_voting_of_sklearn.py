"""scikit-learn's sklearn.ensemble.tests.test_voting on the ensembles of named members."""

from adapters import VotingClassifier, VotingRegressor
from borrow import borrow

_WORDS = "An error or a line of verbose, too, in other words."
DIFFERENT: dict[str, str] = {
    "test_voting_classifier_estimator_init": _WORDS,
    "test_predictproba_hardvoting": "predict_proba of a hard vote is each class's share of the votes.",
    "test_predict_proba_on_toy_problem": "predict_proba of a hard vote is each class's share of the votes.",
    "test_multilabel": _WORDS,
    "test_sample_weight": _WORDS,
    "test_sample_weight_kwargs": "A member has predict: here it is a class with fit alone.",
    "test_set_estimator_drop": _WORDS,
    "test_voting_verbose": _WORDS,
    "test_get_features_names_out_classifier_error": _WORDS,
    "test_routing_passed_metadata_not_supported": "Its estimators are no list of pairs, which is what the error says.",
}
SWAPPED = {
    f"sklearn.ensemble.{ours.__name__}": ours
    for ours in (
        VotingClassifier,
        VotingRegressor,
    )
}
globals().update(borrow("sklearn.ensemble.tests.test_voting", SWAPPED, DIFFERENT))
