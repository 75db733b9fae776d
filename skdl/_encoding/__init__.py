"""Labels and reals as targets of a network, and its scores as predictions.

An encoding is fixed by the y of the first training and serves every later one. All have

    validate(y)            raises a ValueError for a y that is not of this kind, else gives it back
    encode(y, dtype)       targets (n, n_outputs)
    strata(y)              what a random split keeps the shares of, or None
    decode(scores)         predictions, in y's shape and types

and those of classes have moreover

    classes                the estimator's `classes_`
    probabilities(linked)  from what the loss's link makes of the scores
    log_odds(scores)       what `decision_function` gives
    class_weights(w, y)    weights of rows from weights of classes
    score(y, scores, w)    accuracy: the share of the rows in which all is right
    check_declared(c, y)   raises where `classes` given in a later call are not those of the first

`Tasks` holds one of them for each column of a y of several tasks.
"""

from skdl._encoding.arrays import check_declaration, check_several, lies_between, unique_labels
from skdl._encoding.kinds import Encoding, encoding_of_labels
from skdl._encoding.labels import Labels
from skdl._encoding.reals import Reals
from skdl._encoding.several import Columns, Indicator
from skdl._encoding.task_columns import check_mapping, layout_of, task_array
from skdl._encoding.tasks import KINDS, TaskColumn, TaskLayout, Tasks, labelled, present
from skdl._encoding.values import plain_labels

__all__ = [
    "KINDS",
    "Columns",
    "Encoding",
    "Indicator",
    "Labels",
    "Reals",
    "TaskColumn",
    "TaskLayout",
    "Tasks",
    "check_declaration",
    "check_mapping",
    "check_several",
    "encoding_of_labels",
    "labelled",
    "layout_of",
    "lies_between",
    "plain_labels",
    "present",
    "task_array",
    "unique_labels",
]
