"""Texts that the docstrings of several ensembles share, written once."""

from __future__ import annotations

from skdl._docstrings import documented_by

TEXTS = {
    "bagging": """
n_estimators : int, default=10
    Number of members, at least 1.
max_samples : int, float or None, default=1.0
    Rows of a member: an int in [1, inf) is their number; a float in (0, 1] is a fraction of n_samples or, when rows are
    drawn by `sample_weight`, of the sum of the weights, which then are counts (a sum of more than 100 per row is of
    another scale: after a warning the fraction is one of n_samples). None is n_samples, whatever the weights sum to.
    Rows without weight do not count.
max_features : int or float, default=1.0
    Columns of a member, drawn at random: an int in [1, n_features] is their number, a float in (0, 1] a fraction. A
    frame's columns keep their names. Of distances or kernels (`metric="precomputed"`) a member gets a column for each
    row that it has drawn, and this stays at 1.0.
bootstrap : bool, default=True
    Whether rows are drawn with replacement.
bootstrap_features : bool, default=False
    Whether columns are drawn with replacement.
oob_score : bool, default=False
    Whether to score the ensemble on the rows that its members have not seen.
warm_start : bool, default=False
    Whether fit keeps the members that there are and adds up to `n_estimators`.
n_jobs : int or None, default=None
    Cores that a stack of networks is spread over, by threads, or by processes where the training takes more than
    about a second; jobs of joblib for other members. No result depends on it.
random_state : int, RandomState instance or None, default=None
    The samples and every `random_state` of the members; with an int, fits are equal to the last bit.
verbose : int, default=0
    1 prints how far the members are, at most about once a second, and how much time is left. With `verbose` of their
    own, networks print one line per epoch, with the member's number.
""",
    "fitted": """
estimators_ : list of estimators
    The fitted members.
estimators_samples_ : list of int arrays
    Rows of each member, with repetitions.
estimators_features_ : list of int arrays
    Columns of each member, in their order; of distances, those of its rows.
estimator_ : estimator
    The unfitted estimator that the members are clones of.
""",
    "correlated": """
member_correlation_ : array of shape (n_estimators, n_estimators)
    `member_correlation` of each two members on the training rows that neither has seen; NaN where there are
    none. (Of large data, on as many rows, evenly spread, as 128 MB of residuals hold.) Only with `oob_score`.
""",
    "seen": """
n_features_in_ : int
    Columns of X.
feature_names_in_ : array of shape (n_features_in_,)
    Their names, when X had names that are all strings.
image_shape_ : tuple of int
    Height, width and, where there is a third axis, channels, where X held images (n_samples, height, width) or
    (n_samples, height, width, channels), which are rows of height * width * channels numbers.
""",
    "laws": """
What differs from scikit-learn's estimator is in one table of docs/migration.md.

Seeds of member j depend on `random_state` and j alone: a `warm_start` that adds members equals, bit for bit, a fit of
all of them at once.

A network of a stack has the bits that it has when trained alone: on its rows and columns, standardised by their own
mean and variance, with the encoding of y (classes; mean and scale of targets) and a "balanced" `class_weight` taken
from all rows, so that the members speak of the same things. For a classifier with `standardize=False` and
`early_stopping=False` this is `fit(X[rows], y[rows])` with the member's parameters. Other members are exactly that:
clones fitted on those rows (not on all rows with counts as weights, as scikit-learn's bagging fits them).

Rows are drawn by content: their order does not matter, and weight 2 equals the row twice (with `bootstrap` and
`max_samples` as an int, or as a fraction of the sum of the weights; for networks with `early_stopping=False`, since
rows that are set apart differ). Weights that are not counts need an int or None.
Without `bootstrap`, rows of positive weight are drawn uniformly, and the weights go to the members' fits.

Rows of weight zero are in no sample and in no score; only their labels count, as classes that are known (`classes_`)
and not learned.

Networks have a trial of their own by default (`early_stopping="auto"`). They validate on rows of their sample that
were drawn once, so that none is a copy of a training row, and none is out of the bag; one that can spare none is
trained without. Members' warnings come once, with the number of members that they came from.

With `enable_metadata_routing=True`, what the members have requested (`set_fit_request`) reaches them, each with the
part that belongs to its rows. `sample_weight` that rows are drawn by needs no request.
""",
    "snapshots": """
n_estimators : int, default=5
    Number of cycles, and of members, at least 1.
cycle : int or "auto", default="auto"
    Epochs of a cycle, at least 1; "auto" divides the `max_iter` of the network, so that all cycles together have as
    many epochs as one training of its own.
random_state : int, RandomState instance or None, default=None
    Every `random_state` of the network; with an int, fits are equal to the last bit.
verbose : int, default=0
    1 prints one line per epoch.
""",
    "taken": """
estimators_ : list of estimators
    The network at the end of each cycle, as fitted estimators of their own; fewer than `n_estimators` after a warning,
    where the training ended early.
""",
    "snapshot_laws": """
The learning rate of cycle j falls from the optimizer's to zero along half a cosine, step by step. Member j equals, bit
for bit, its own fit: that of the network with `early_stopping=False`, the cosine's `cycle`, and `max_iter` j times
that. It has the state of the training, and `partial_fit` goes on from there. No rows are set apart, and nothing is
calibrated.

A cycle has to be long enough to come to rest: with few epochs in all, fewer cycles are better.
""",
    "members": """
estimators : list of (str, estimator) pairs, default=None
    Members and their names. `name__parameter` reaches a member's parameter; "drop" in a member's place leaves it out.
estimator : estimator, default=None
    Estimator that is cloned into `n_estimators` members, which differ in their `random_state` only. Give this or
    `estimators`; with neither, it is skdl's MLP.
n_estimators : int, default=5
    Number of members made of `estimator`, at least 1.
""",
    "averaging": """
weights : array-like of shape (n_estimators,), "validation", "greedy" or None, default=None
    Weight w_j of each member in the average; None for equal ones. An array holds them, in [0, inf), those left out by
    "drop" included. "validation" and "greedy" set rows apart and choose the weights by these: "validation" those of the
    least loss (log loss of probabilities, squared error of predictions) among all that are not negative and sum to one;
    "greedy" by 100 times taking the member, taken before or not, that brings the average's loss furthest down.
validation_fraction : float, default=0.1
    Share of the rows (of each class; by `sample_weight`), in (0, 1), that are set apart for the `weights`; the members
    do not learn them. Equal rows stay together. With `prefit`, all rows given to fit are such.
share : {"batch_ensemble"} or None, default=None
    "batch_ensemble" trains the networks made of `estimator` together, with shared weights in the hidden layers: each
    has scalings of the layers' inputs and outputs, intercepts and a last layer of its own, and what is minimised is the
    mean of their losses. It takes a fraction of the parameters, and as long as networks of their own.
share_batches : bool, default=True
    With `share`, whether the members see the same rows in a training step; with False each goes through all rows of an
    epoch in an order of its own, and they become more different.
prefit : bool, default=False
    Whether the `estimators` are fitted and are taken as they are: fit only checks that they go together, and chooses
    the `weights`. A clone of the ensemble keeps them, too.
warm_start : bool, default=False
    Whether fit keeps the members made of `estimator` that there are, and adds up to `n_estimators`.
n_jobs : int or None, default=None
    Cores that a stack of networks is spread over, by threads, or by processes where the training takes more than
    about a second; jobs of joblib for other members. No result depends on it.
random_state : int, RandomState instance or None, default=None
    Every `random_state` of members made of `estimator`, and those of `estimators` that are None.
verbose : int, default=0
    1 prints how far the members are, at most about once a second, and how much time is left; with `share`, one line
    per epoch. With `verbose` of their own, networks print one line per epoch, with the member's number.
""",
    "averaged": """
estimators_ : list of estimators
    The fitted members, without those left out.
named_estimators_ : Bunch
    The members of `estimators` by their names.
weights_ : array of shape (n_members,)
    Their weights in the average: as given, ones for None; chosen ones sum to one.
validation_indices_ : int array
    The rows that the weights were chosen by. Only with weights="validation" or "greedy".
member_correlation_ : array of shape (n_members, n_members)
    `member_correlation` on these rows, which the members have not learned. Only where there are such; for
    rows of your own there is the method.
""",
    "averaging_laws": """
What differs from scikit-learn's estimator is in one table of docs/migration.md.

Networks of equal structure are trained as one stack, whether made of `estimator` or given in `estimators`. That changes
no bit: each equals its own `fit(X, y)` with the same parameters and `random_state`, on all rows but those that are set
apart for the `weights`. Members' warnings come once, with the number of members that they came from.

With `enable_metadata_routing=True`, members get `sample_weight`, and whatever else is given to fit, if they have
requested it (`set_fit_request`), and none of it if they have refused it.

Seeds of member j made of `estimator` depend on `random_state` and j alone, and so do the rows set apart: a `warm_start`
that adds members on the same data equals, bit for bit, a fit of all of them at once.

With share="batch_ensemble", the seed of the first member is that of the training. Afterwards the members are networks
of their own: `coefs_` hold the shared weights times the scalings, and `partial_fit` trains a member alone.
`early_stopping`, also the trial by default, goes by the score of the members' average, and what `calibrate` finds is
the factor of that average, for all members. Normalizations by batches see the rows of all members.

Chosen weights help where members differ in quality, as those of different kinds do. Members that are alike but for
their random numbers are best averaged with equal weights: what a choice gains there is mostly chance, and the rows set
apart are lost to the training.
""",
}

document = documented_by(TEXTS)
