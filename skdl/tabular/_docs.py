"""Texts that the docstrings of both committees share, written once."""

from __future__ import annotations

from skdl._docstrings import documented_by

TEXTS = {
    "candidates": """
portfolio : "auto", list, dict or None, default="auto"
    Configurations of networks. "auto" is the default one. A list holds names of presets (`skdl.tabular.portfolio`),
    dicts of parameters of skdl's MLP, or networks; a dict holds these by names of your own. Dicts say what differs from
    the presets' common parameters: AdamW, and a learning rate that falls in cycles of 2, 4, 8 and 16 epochs, of which
    the rows that the member does not see choose. Networks with `early_stopping` stop by these rows as well. None for no
    networks.
members : list of (str, estimator) pairs, default=None
    Other estimators that join, of any kind: boosted trees, forests, neighbours, pipelines. As with the networks, one
    of each is fitted for each fold. `name__parameter` reaches a member's parameter. Pipelines and skdl's estimators get
    a frame as it is. Where it has categories or missing cells, all others get it as they can take it: those with
    `categorical_features="from_dtype"`, as scikit-learn's boosting, with columns of categories, else with a column of
    zeros and ones for each category; missing numbers stay where they are taken, else there are means and flags.
cv : int, splitter or iterable, default=8
    The folds. An int of at least 2 is their number (fewer where there are not so many different rows); equal rows, or
    those of one of the `groups` of fit, share a fold, and classes or sizes of targets are spread evenly. A splitter of
    scikit-learn, or an iterable of (rows to learn, rows not to see), says so itself; rows that no fold leaves out have
    no say in the weights.
scoring : str, callable or None, default=None
    What the weights are chosen by, and what `score_` is: a scorer of scikit-learn. None for weights of {loss}, and
    the {score} as score.
time_limit : float or None, default=None
    Seconds, in (0, inf), after which nothing more is begun: `members` are trained first (one that would take more than
    half of the time left is left out), then the configurations in their order. Networks end with their current epoch
    and have the best one so far; what was not begun has weight zero. One candidate is always trained. Fits with
    a limit depend on the speed of the machine.
refit : bool or "auto", default="auto"
    Whether candidates with a weight are trained again on all rows, networks for the number of epochs that is best by
    all folds, and these predict: about twice the time, for a gain where rows are few. "auto" does so below 1000 rows.
""",
    "running": """
n_jobs : int or None, default=None
    Cores that a stack of networks is spread over, by threads, or by processes where the training takes more than
    about a second; jobs of joblib for other members. No result depends on it.
random_state : int, RandomState instance or None, default=None
    Of the folds, and of all members whose own is None; with an int, fits are equal to the last bit.
verbose : int, default=0
    1 prints how far the members are, at most about once a second, and how much time is left.
""",
    "fitted": """
weights_ : dict
    The weight of each candidate in the average, by its name; they sum to one.
leaderboard_ : pandas.DataFrame
    The committee and its candidates on rows that their members did not see, by their loss.
oof_predictions_ : array of shape (n_samples,) or (n_samples, {width})
    {predictions} of the training rows by members that did not see them, with weights chosen on the
    other folds. NaN for rows that no fold leaves out, and for those of weight zero.
score_, score_std_ : float
    {score_text} of `oof_predictions_`, or `scoring`, and its standard deviation over the folds.
loss_, loss_std_ : float
    {loss_text} of `oof_predictions_`, and its standard deviation over the folds.
feature_importances_ : array of shape (n_features_in_,)
    Importance of each column of X, at least 0 with a sum of one: the rise of the loss where its values change places
    among rows that the members did not see. Computed when asked for.
estimators_ : list of estimators
    The fitted members that predict.
fold_estimators_ : dict of lists
    Those of each candidate that was chosen, one a fold, by its name; with `refitted_` they serve estimates only.
refitted_ : bool
    Whether the members that predict were trained on all rows.
n_features_in_ : int
    Columns of X.
feature_names_in_ : array of shape (n_features_in_,)
    Their names, when X had names that are all strings.
""",
    "laws": """
Members of one candidate differ in the fold that they do not see, and in their random numbers. All of them are trained
as one stack, candidates of one structure together, and rows are kept once.

The weights of candidates are those of least {loss} of the averages out of fold, none negative, summing to one, drawn
by a few rows' worth to equal weights of those that are not worse than the best. What is published as `score_`,
`loss_` and `oof_predictions_` uses, for each fold, weights{and_temperature} that were chosen on the others,
so that no row's own error has a part in the choice that it is predicted by. The same holds for the number of epochs: a
member keeps the epoch that is best for the fold that it does not see, and what counts out of fold is what it predicted
after the epoch that was best for the other folds. (Only with `early_stopping`, and on large data, where predictions
after each epoch would take more than 128 MB, a member's own best epoch counts.)

Rows of weight zero are left out, but for their labels. Folds depend on the rows' contents: their order does not
matter, and a row of weight 2 is in the fold that the row given twice would be in. Weight 2 equals the row twice where
the members' own fits do, which of networks is as far as their batches hold all rows.

`predict_members` and `predict_uncertainty` are of the members that predict{calibration}.

An interrupt (Ctrl-C) leaves a committee of the candidates that were trained to their current epoch, and is raised
again.
""",
}

FILLED = {
    "classifier": {
        "loss": "log loss",
        "score": "accuracy",
        "width": "n_classes",
        "predictions": "Class probabilities",
        "score_text": "Accuracy",
        "loss_text": "Log loss",
        "and_temperature": " and temperature",
        "calibration": ", before their average is calibrated",
    },
    "regressor": {
        "loss": "squared error",
        "score": "coefficient of determination R^2",
        "width": "n_outputs",
        "predictions": "Predictions",
        "score_text": "R^2",
        "loss_text": "Mean squared error",
        "and_temperature": "",
        "calibration": "",
    },
}


def _texts(kind: str) -> dict[str, str]:
    texts = dict(TEXTS)
    for name, text in texts.items():
        for field, value in FILLED[kind].items():
            text = text.replace("{" + field + "}", value)
        texts[name] = text
    return texts


document_classifier = documented_by(_texts("classifier"))
document_regressor = documented_by(_texts("regressor"))
