"""Texts that the docstrings of several network estimators share, written once."""

from __future__ import annotations

from skdl._docstrings import documented_by

TEXTS = {
    "hidden": """
hidden_layer_sizes : int or list of int, default=(128, 128)
    Units of each hidden layer, at least 1; `()` is the linear model. One int stands for `depth` layers of that width.
depth : int, default=1
    Number of hidden layers, at least 1, when `hidden_layer_sizes` is an int: width and depth are two plain numbers to
    search over.
layer : str, Block or list of these, default="dense"
    How a hidden layer is built, one for all or one for each: "dense" is the ordinary one, "residual" adds what it has
    learned to its input. See `skdl.layers`.
encoding : str, NumberEncoding or None, default="auto"
    Map of each number of X by itself, before the first hidden layer: "robust" draws in extremes, "quantile" takes
    ranks, "piecewise" makes shares of bins, "periodic" waves of learned frequencies. None for the number itself. "auto"
    is `Piecewise(2, clip=5.0)` for dense X with at most 500 numbers a row, and None for sparse or wider X, and beside
    `hidden_layer_sizes=()`, `standardize=False`, a `prior` or an array as `alpha`, which are about X as it is, and
    where `augmentation` changes images. See `skdl.encodings`.
category_encoding : str or CategoryEncoding, default="one_hot"
    Map of each category: "one_hot", or "embedding" for learned points. See `skdl.category_encodings`.
input_scale : bool or "auto", default="auto"
    Whether each input, encoded, is multiplied by a factor that begins at 1 and is learned, so that the network can
    weigh its inputs as a whole. "auto" is True where encoding="auto" encodes, else False.
activation : str, Activation or list of these, default="leaky_relu"
    Function between the layers, one for all or one for each hidden layer.
initializer : str or Initializer, default="auto"
    Distribution of the initial weights; "auto" is He's (uniform) for rectifiers and Glorot's (uniform) for the rest.
    Intercepts start at zero.
init : fitted network, str, path-like or None, default=None
    A fitted perceptron, or the path of its checkpoint, whose hidden layers this one begins with, from the first one on,
    as many as both have; with them come its table's categories, the standardisation and the encoding of its inputs. All
    of that has to be built alike, and X has the same columns. The output layer is taken, too, where it means the same:
    for the same classes, or as many reals, in the units of y. See "Transfer learning" in docs/networks.md.
frozen : str, int, list of these, or None, default=None
    Layers that are not trained, by name ("input", "hidden_1", ..., "output") or by index, which counts hidden layers
    from 0 on; "hidden" stands for all of them and the inputs' encoding below. Nothing moves them: no gradient, decay,
    penalty (of which they are no part) or bound, and normalizations use the statistics that they have.
parametrization : {"standard", "ntk"}, default="standard"
    What steps are taken in: the weights W, or with "ntk" (the neural tangent parametrisation) w = sqrt(n_in) W, where a
    unit has n_in inputs. The network, its objective and `coefs_` are the same; one learning rate then fits all widths,
    since a step of a rule such as "adam" moves what a unit gives by as much, whatever n_in: W moves by 1 / sqrt(n_in)
    of the step.
normalization : str, Normalization, None or list of these, default=None
    Normalization between a hidden layer's affine map and its activation.
dropout : float or list of float, default=0.0
    Probability in [0, 1) that a hidden unit's output is dropped in a training step; one for all or one for each hidden
    layer. Where a text's p is the probability to keep, it is 1 - p.
input_dropout : float, default=0.0
    The same for the inputs.
dropout_mode : {"inverted", "standard"}, default="inverted"
    "inverted" scales what is kept by 1 / (1 - p) in training; "standard" scales by 1 - p at prediction. The expected
    output is the same.
dropout_schedule : str, Schedule or None, default=None
    Factor of both probabilities over time, such as "flat_cos", with which they fall to zero in the second half; None
    for one in all steps. For "inverted" only.
optimizer : str or Optimizer, default="auto"
    Rule for the steps; its learning rate is `optimizer__learning_rate`. "auto" is `AdamW(learning_rate=0.02,
    beta_1=0.8, beta_2=0.95, weight_decay=0.1)`.
schedule : str or Schedule, default="auto"
    The learning rate over time, as a factor of the optimizer's. "auto" is `Cosine(n_cycles=3, growth=2.0, end=0.03)`,
    which falls to 3 % three times, in cycles of 1/7, 2/7 and 4/7 of `max_iter` epochs.
learning_rate_factors : dict or None, default=None
    Factors of the learning rate in [0, inf) by the role of parameters, such as `{"bias": 0.1}`; 1 where there is none,
    and 0 keeps parameters as they begin. Roles are "weight" and "bias" (of the affine maps), "first_weight" and
    "last_weight" (of the first and the last one, in place of "weight"), and what is learned besides: "scale",
    "encoding", "embedding" (of categories), "activation" and "normalization". Layers may have a factor, too, by the
    names "input", "hidden_1", ..., "output", times that of the role. `learning_rate_factors__bias` sets one.
weight_decay_factors : dict or None, default=None
    The same for the optimizer's weight decay, beside the learning rate's: 1 for weights and 0 for all else where there
    is none.
weight_decay_schedule : str, Schedule or None, default=None
    Factor of the optimizer's weight decay over time, beside the learning rate's; None for one in all steps.
penalty : str, Penalty or list of these, default="l2"
    Function R of the weights; of a list the sum, see `skdl.penalties.Sum`.
alpha : float, array-like of shape (n_features,) or "auto", default="auto"
    Factor of the penalty, in [0, inf), of the weights as the notes define them, which convert scikit-learn's `alpha`;
    an array holds one for each feature's weights (the layers above take its mean). "auto" is 0 beside an optimizer with
    weight decay, such as the default one, for penalty="l2" without a `prior`, else 1e-3.
prior : array-like, list of array-like or None, default=None
    Coefficients that the penalty draws to, rather than to zero: one array of the first layer's shape (n_in, n_out), or
    a list with one for each layer (None for zero), in the units of `coefs_`.
""",
    "training": """
augmentation : str, Augmentation, list of these or None, default=None
    Random changes of the rows of each training batch, of images such as "rotation", "translation" and "elastic", and of
    any rows, such as "gaussian_noise" and "mixup". Rows are as they are wherever they are measured: in validation,
    prediction and moments of the inputs. Of several, those that move pixels are one map. See `skdl.augmentations` and
    docs/networks.md. `augmentation__rotation__max_angle` sets a parameter of one of them.
image_shape : (int, int) or (int, int, int), default=None
    Height, width and, where there are several, channels of the image that a row of X is, for X whose rows are flat.
    Images (n_samples, height, width) or (n_samples, height, width, channels) say it themselves.
categorical_features : "from_dtype", array-like of bool, int or str, or None, default="from_dtype"
    Which columns of X hold categories: "from_dtype" those of a frame whose type is one of categories or strings, or of
    objects that are not all numbers; else a bool for each column, numbers of columns, or names of a frame's; with None
    all columns are numbers. See the notes.
missing : {"auto", "encode", "error"}, default="auto"
    Whether cells of X may be missing: "auto" in frames, where an array with NaN is an error; "encode" in arrays, too.
standardize : bool, default=True
    Whether the network sees inputs less their mean, in units of their standard deviation, and the penalty acts on the
    weights for these. It is folded into the first layer afterwards: `coefs_` and predictions work on X as it is. A
    column that is constant in training has no effect, its coefficients are 0; in `partial_fit` it is learned from the
    first call on in which it moves. Where `augmentation` changes images, which moves what is seen from pixel to pixel,
    all pixels of a channel are in units of one deviation. With False, the network sees X as it is: a constant column
    has weights like any other, and changes predictions when it moves.
batch_size : int or "auto", default="auto"
    Rows of a training step, at least 1; "auto" is n_samples / 32, but at least 8 and at most 128, and all rows of 32 or
    fewer. Full-batch optimizers take all rows.
max_iter : int or "auto", default="auto"
    Most epochs (for a full-batch optimizer: iterations), at least 1; "auto" is 21 (200).
max_time : float or None, default=None
    Seconds, in (0, inf), after which no further epoch begins; at least one is trained. A member of an ensemble counts
    from the start of its own training. A trial of early_stopping="refit" has a little less than half of them.
shuffle : bool, default=True
    Whether each epoch takes the rows in a new random order.
tol : float, default=1e-4
    An epoch that gains no more than this, in [0, inf), on the best loss (or validation score) counts as no progress.
    For a full-batch optimizer: on the largest component of the gradient.
n_iter_no_change : int, inf or None, default=None
    The fit ends after more than this many epochs in a row without progress, at least 1; with inf only at `max_iter`.
    None is 10 with validation rows, else inf: with a learning rate that falls, there is progress up to the last epoch.
    With early_stopping="refit" and a schedule of cycles they are counted at the end of each cycle.
early_stopping : bool, "refit" or "auto", default="auto"
    Whether part of the rows is set apart to measure progress; the weights that scored best are kept, of equal scores
    the last ones. Each class gives its share, and keeps at least one row to learn. Validation rows of your own, given
    to fit, do the same. With "refit" the rows set apart only choose how many epochs to train, in a trial, and a second
    training on all rows has that many (see docs/networks.md); where none can be spared, it is False. It chooses among
    the epochs at the end of a cycle of the schedule, if that has cycles, and needs no second training with rows of your
    own. Trainings that go on (`partial_fit`, `warm_start`) have none. "auto" is "refit" of at least 40 rows, and with
    rows of your own; it is False with a full-batch optimizer.
scoring : str, callable or None, default=None
    Measure of progress on validation rows: None is accuracy or R^2, "loss" the loss, else any scorer of scikit-learn
    by name or as a callable. Where it is the same in every epoch, or NaN (R^2 of one row), the loss is used instead.
    With early_stopping="refit", also where "auto" is that, None is the loss.
validation_fraction : float, default=0.15
    That part, in (0, 1).
calibrate : bool or "auto", default="auto"
    Whether the outputs are scaled by the one factor that is best on the validation rows, after the epoch that is kept:
    the scores of classes by 1 / `temperature_`, the predictions of standardised targets, less their mean, by
    `shrinkage_`. It is a part of `coefs_`, and scores and losses of validation rows are of the scaled outputs. "auto"
    is True with early_stopping="refit", and so by default, but leaves several labels a row, and losses of a regressor
    other than the squared error, as they are, which is an error with True; else it is False.
warm_start : bool, default=False
    Whether fit goes on from the last fit, with all of its state.
""",
    "running": """
dtype : {"auto", "float32", "float64"}, default="auto"
    Precision of the training; "auto" is float32, and X's own where each step takes all rows. Predictions are computed
    in X's.
random_state : int, RandomState instance or None, default=None
    Initial weights, shuffles, dropout masks and the validation split; with an int, fits are equal to the last bit.
verbose : int, default=0
    1 prints one line per epoch: losses, the validation score, the time passed, and about how much is left.
n_jobs : int or None, default=None
    Threads over members, for ensembles of networks; a lone network uses BLAS's threads where its products are large.
""",
    "attributes": """
categories_ : list with one entry a column
    None for numbers; of categories an array of the values that have a code of their own, sorted.
is_categorical_ : array of bool of shape (n_features_in_,)
    Which columns hold categories.
coefs_ : list of arrays of shape (n_in, n_out)
    Weights of each affine map, in the order in which a row passes them, for X as it is. A residual block has those of
    its branch, then that of its shortcut, where widths differ. Where X is encoded first, as it is by default, or
    normalized, they are for what it becomes, standardised; `get_encoded_feature_names_out` names the rows of the first.
intercepts_ : list of arrays of shape (n_out,)
    Intercepts of each.
X_mean_, X_scale_ : arrays of shape (n_features_in_,)
    Mean and standard deviation of the training inputs, see the notes; without `standardize` 0 and 1.
n_iter_ : int
    Epochs trained.
best_epoch_ : int
    The epoch, from 1, whose weights these are: the best on validation rows (of equals, the last), else the last one.
    With early_stopping="refit", and so by default, it is the number of epochs that the trial has chosen; with rows of
    your own, the best of those at the end of a cycle.
loss_ : float
    Objective of the last epoch, as it went along.
loss_curve_ : list of float
    Objective of each epoch.
best_loss_ : float
    The smallest of them.
history_ : DataFrame
    One row per epoch (for a full-batch optimizer: iteration), over all calls of fit and partial_fit that went on from
    each other: `epoch`; `loss`, as in `loss_curve_`; `validation_loss` (the mean loss of the validation rows, without
    penalty) and `validation_score`, NaN without such rows; `learning_rate` of the last step, NaN for a full-batch
    optimizer; `gradient_norm` of the objective in the last step; `seconds`, of networks that were trained together
    each one's share. With early_stopping="refit" it is that of the training on all rows, beside the validation columns
    of the trial in the same epochs, NaN after those that were not evaluated.
validation_scores_ : list of float or None
    Score on the validation rows after each epoch (that is evaluated), with `early_stopping`; with "refit" of the trial.
best_validation_score_ : float or None
    That of `best_epoch_`, the largest of those that can be chosen; NaN where the score is not defined.
n_parameters_ : int
    Number of trained numbers, with those of frozen layers.
n_nonzero_parameters_ : int
    Those of them that are not zero, fewer after `skdl.prune` or with an L1 penalty.
n_layers_ : int
    Number of layers, with the inputs and the outputs.
layer_names_ : list of str
    Their names: "input", "hidden_1", ..., "output".
n_outputs_ : int
    Units of the output layer.
out_activation_ : str
    Function that makes predictions of scores: "softmax", "logistic", "identity" or "exp".
t_ : int
    Training rows that were seen, each once in an epoch (of a full-batch optimizer: once in an iteration).
n_features_in_ : int
    Columns of X.
feature_names_in_ : array of shape (n_features_in_,)
    Their names, when X had names that are all strings.
image_shape_ : tuple of int
    Height, width and, where there is a third axis, channels, where X held images (n_samples, height, width) or
    (n_samples, height, width, channels), which are rows of height * width * channels numbers.
""",
    "data": """
X : {array-like, sparse matrix, frame} of shape (n_samples, n_features)
    Training data; sparse rows are made dense batch by batch.
""",
    "initial_data": """
X : {array-like, sparse matrix} of shape (n_samples, n_features)
    Data that the input standardisation is taken from.
""",
    "reals": """
y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    Targets.
""",
    "weight": """
sample_weight : array-like of shape (n_samples,), default=None
    Weight of each row in the mean loss.
""",
    "validation": """
X_val, y_val : like X and y, default=None
    Validation rows: each epoch is evaluated on them, by `scoring`, and the weights of the best epoch are kept.
sample_weight_val : array-like of shape (n_validation_samples,), default=None
    Weight of each validation row in the score.
""",
    "validation_of_epoch": """
X_val, y_val : like X and y, default=None
    Validation rows, on which the epoch is evaluated; the weights of the best epoch so far predict.
sample_weight_val : array-like of shape (n_validation_samples,), default=None
    Weight of each validation row in the score.
""",
    "labels": """
A y may be, with the columns of y in the order of their names or of `classes`, an argument of `fit`:

- labels, of shape (n_samples,): strings, integers or booleans;
- class probabilities, of shape (n_samples, n_classes): floats, each row with a sum of one. The classes are `classes`,
  else the names of a frame's columns, else 0, 1, 2, ...; `classes_` and the columns of `predict_proba` are sorted. For
  rows that are all zeros and a one, `classes` is needed. Scores count the most probable label as true;
- a multilabel indicator, of shape (n_samples, n_labels): zeros and ones as integers or booleans, or as floats where
  some row has none or several ones; dense or sparse. Each label has a sigmoid of its own, and the loss is summed over
  them;
- columns of labels, of shape (n_samples, n_columns): anything else, of any type, or zeros and ones with a list of
  arrays as `classes`. Each column has a softmax of its own, and the loss is the mean over them. scikit-learn's searches
  need `cv=KFold()` for a frame whose columns have different types.

Where a row has several labels, it is right in `score` and `early_stopping` when all of them are.
""",
    "objective": """
With inputs x' = (x - m) / s as the network sees them, the objective is

    1/n sum_i w_i loss(f(x'_i), y_i) + alpha R(W'),

with w_i the sample weights divided by their mean (rows of weight zero are left out), m and s the columns' mean and
standard deviation, `X_mean_` and `X_scale_`, and R(W') the penalty of all weights of f, 1/2 sum W'^2 for "l2". `coefs_`
are the weights W for X as it is: W'_1 = s W_1, each row times its column's deviation, and W' = W in the layers above
(between normalizations, which `coefs_` hold folded in, W' is not defined by W). So `alpha` means the same in all units.
With standardize=False, m is 0 and s is 1, and the penalty acts on `coefs_` themselves. `loss_` is this objective: of a
full-batch optimizer at the weights that it ended at, in mini-batches as it went along.

scikit-learn's MLP of the same inputs (a `StandardScaler` before it) divides its penalty by the rows of a batch: its
`alpha` corresponds to alpha / n_batch here, with n_batch all rows for its "lbfgs".
""",
    "objective_reals": """
With inputs x' = (x - m) / s and targets y' = (y - m_y) / s_y as the network sees them, the objective is

    1/n sum_i w_i loss(f(x'_i), y'_i) + alpha R(W'),

with w_i the sample weights divided by their mean (rows of weight zero are left out), m, s, m_y and s_y the means and
standard deviations `X_mean_`, `X_scale_`, `y_mean_` and `y_scale_`, and R(W') the penalty of all weights of f,
1/2 sum W'^2 for "l2". `coefs_` are the weights W for X and y as they are: W'_1 = s W_1, each row times its column's
deviation, then W'_L = W_L / s_y in the last layer, each column over its target's, and W' = W between them (between
normalizations, which `coefs_` hold folded in, W' is not defined by W). So `alpha` means the same in all units. With
standardize=False, m is 0 and s is 1; with standardize_target=False, and for losses with a link such as "poisson", m_y
is 0 and s_y is 1. `loss_` is this objective: of a full-batch optimizer at the weights that it ended at, in mini-batches
as it went along.

Targets that are all equal are predicted exactly: s_y is 0, and m_y their value.

scikit-learn's MLP of the same inputs and targets (a `StandardScaler` before it, and a `TransformedTargetRegressor`
around it) divides its penalty by the rows of a batch, and its steps follow the errors' sum over k targets, where its
`loss_` and the objective here have their mean: its `alpha` corresponds to alpha / (n_batch k) here, with n_batch all
rows for its "lbfgs", and its learning rate with "sgd" to k times as much here ("adam" has steps without a scale).
""",
    "tables": """
A frame may have columns of categories (by `categorical_features`), whose values become codes, and these become units
or learned points (by `category_encoding`); a value that the fit has not seen becomes one of the infrequent ones, if
there were any, else zeros. Missing numbers become zeros of the standardised ones, with a flag where the fit had any;
missing categories are a category. Statistics of columns are of what is there, and count rows by their weights.
Columns of a frame are found by their names. `get_encoded_feature_names_out` tells what the first layer sees.
""",
    "notes": """
What differs from scikit-learn's estimator is in one table of docs/migration.md.

The weight decay of an optimizer, such as the default one, is no part of the objective, nor of `loss_`.

Weights of rows enter the mean loss: where each step takes all rows (`batch_size` at least n_samples, or a full-batch
optimizer) and none are set apart (`early_stopping`), weight 2 equals the row twice, as it does otherwise in
expectation. Rows of weight zero are as absent.
""",
}

document = documented_by(TEXTS)
