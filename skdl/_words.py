"""Words of other libraries for parameters and components, and what they are called here: for error messages only."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from types import MappingProxyType

RATE = "the learning rate is the optimizer's: set_params(optimizer__learning_rate=...), or optimizer=Adam(...)"
HIDDEN = "hidden_layer_sizes=(100, 50), or an int for its width and depth= for their number"
SMALL_ALPHA = "alpha, a factor of the penalty beside the mean loss"

# For each parameter of another library, what to write. An entry counts where the estimator has the parameter that it
# begins with (or names after "set_params(").
OF_NETWORKS: Mapping[str, str] = MappingProxyType(
    {
        "learning_rate": f"{RATE}; its course over time is schedule=",
        **dict.fromkeys(("learning_rate_init", "lr", "eta", "eta0", "step_size"), RATE),
        **dict.fromkeys(("lr_schedule", "lr_scheduler", "scheduler", "power_t", "decay"), "schedule"),
        **dict.fromkeys(("epochs", "n_epochs", "max_epochs", "num_epochs", "nb_epoch", "n_iter"), "max_iter"),
        "max_fun": "max_iter",
        **dict.fromkeys(
            ("n_hidden", "hidden_size", "hidden_sizes", "hidden_units", "hidden_dim", "hidden_dims", "layers", "units"),
            HIDDEN,
        ),
        **dict.fromkeys(("n_layers", "n_hidden_layers", "num_layers"), "depth, for hidden_layer_sizes as an int"),
        **dict.fromkeys(("dropout_rate", "dropout_p", "drop_rate", "p_dropout"), "dropout"),
        **dict.fromkeys(("solver", "optim", "optimiser"), "optimizer"),
        "momentum": 'optimizer="momentum" or "nesterov", with set_params(optimizer__momentum=...)',
        "nesterovs_momentum": 'optimizer="nesterov"',
        **dict.fromkeys(("beta_1", "beta_2", "epsilon", "weight_decay"), "set_params(optimizer__{word}=...)"),
        **dict.fromkeys(("loss_function", "criterion", "objective", "loss_fn"), "loss"),
        **dict.fromkeys(("l2", "l2_reg", "reg_lambda", "lambda_", "l2_regularization"), SMALL_ALPHA),
        **dict.fromkeys(("regularizer", "regularization"), "penalty"),
        "l1_ratio": 'penalty="elastic_net" with set_params(penalty__l1_ratio=...)',
        **dict.fromkeys(("weight_init", "kernel_initializer"), "initializer"),
        **dict.fromkeys(("activation_function", "nonlinearity", "hidden_activation"), "activation"),
        **dict.fromkeys(("batch_norm", "batchnorm", "use_batch_norm"), 'normalization="batch"'),
        "layer_norm": 'normalization="layer"',
        **dict.fromkeys(("patience", "early_stopping_rounds", "n_iter_without_progress"), "n_iter_no_change"),
        **dict.fromkeys(("validation_split", "val_fraction", "val_size", "test_size"), "validation_fraction"),
        **dict.fromkeys(("normalize", "scale_inputs", "standardise"), "standardize"),
        **dict.fromkeys(("tied_weights", "tie_weights", "share_weights"), "tied"),
        **dict.fromkeys(("noise_std", "noise_level", "gaussian_noise", "sigma"), "noise"),
        **dict.fromkeys(("time_limit", "max_train_time", "timeout"), "max_time"),
        "batchsize": "batch_size",
        **dict.fromkeys(("embedding", "num_emb_type", "num_embeddings", "numerical_encoding"), "encoding"),
        **dict.fromkeys(("categorical_encoding", "cat_encoding", "cat_embedding"), "category_encoding"),
    }
)
OF_ALL: Mapping[str, str] = MappingProxyType(
    {
        "C": "alpha, the other way round: it goes as 1 / (C * n_samples). The class's docstring has the conversion",
        **dict.fromkeys(("seed", "random_seed"), "random_state"),
        **dict.fromkeys(("n_threads", "num_threads", "nthread", "thread_count", "n_workers"), "n_jobs"),
        **dict.fromkeys(("k", "n_neighbours", "num_neighbors"), "n_neighbors"),
        **dict.fromkeys(("base_estimator", "base_learner", "model"), "estimator"),
        **dict.fromkeys(("n_models", "n_members", "n_learners", "num_models"), "n_estimators"),
        **dict.fromkeys(("order", "deg"), "degree"),
        **dict.fromkeys(("intercept", "include_bias", "bias"), "fit_intercept"),
        **dict.fromkeys(("l2", "ridge", "reg_lambda", "lambda_", "regularization"), SMALL_ALPHA),
        **dict.fromkeys(("lr", "learning_rate", "optimizer"), "solver, which takes an optimizer too: solver=Adam(...)"),
        **dict.fromkeys(("class_weights",), "class_weight"),
    }
)
OF_FIT = {"sample_weight", "X_val", "y_val", "classes", "sample_weight_val"}

# For each family of components, names of other libraries and ours.
NAMES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "losses": {
            **dict.fromkeys(("mse", "l2", "mean_squared_error", "squared_loss", "rmse"), "squared_error"),
            **dict.fromkeys(("mae", "l1", "mean_absolute_error"), "absolute_error"),
            **dict.fromkeys(("pinball", "pinball_loss", "quantile_loss"), "quantile"),
            **dict.fromkeys(("log_loss", "logloss", "nll", "categorical_crossentropy", "softmax"), "cross_entropy"),
            **dict.fromkeys(("sparse_categorical_crossentropy", "crossentropy", "multinomial"), "cross_entropy"),
            **dict.fromkeys(("bce", "binary_crossentropy", "logistic", "bernoulli"), "binary_cross_entropy"),
            **dict.fromkeys(("smooth_l1", "huber_loss"), "huber"),
        },
        "activations": {
            **dict.fromkeys(("logistic", "expit"), "sigmoid"),
            **dict.fromkeys(("linear", "none", "id"), "identity"),
            "silu": "swish",
            "leakyrelu": "leaky_relu",
            **dict.fromkeys(("step", "heaviside", "sign"), "threshold"),
        },
        "augmentations": {
            **dict.fromkeys(("shift", "translate", "random_translation"), "translation"),
            **dict.fromkeys(("rotate", "random_rotation"), "rotation"),
            **dict.fromkeys(("flip", "hflip", "random_flip", "mirror"), "horizontal_flip"),
            **dict.fromkeys(("vflip",), "vertical_flip"),
            **dict.fromkeys(("scale", "zoom", "random_zoom"), "scaling"),
            **dict.fromkeys(("noise", "gaussian"), "gaussian_noise"),
            **dict.fromkeys(("elastic_deformation", "elastic_transform", "elastic_distortion"), "elastic"),
            **dict.fromkeys(("radial", "distortion", "barrel", "fisheye"), "lens"),
            **dict.fromkeys(("random_crop", "pad_and_crop"), "crop"),
            **dict.fromkeys(("mask", "swap_noise", "cutout", "erasing"), "masking"),
        },
        "optimizers": {
            **dict.fromkeys(("l-bfgs", "bfgs", "l_bfgs", "newton-cg", "newton-cholesky"), "lbfgs"),
            **dict.fromkeys(("saga", "sag", "gd"), "sgd"),
        },
        "schedules": {
            **dict.fromkeys(("adaptive", "reduce_on_plateau"), "plateau"),
            **dict.fromkeys(("invscaling", "inverse"), "inverse_time"),
            **dict.fromkeys(("cosine_annealing", "cosineannealing"), "cosine"),
            **dict.fromkeys(("onecycle", "1cycle"), "one_cycle"),
            **dict.fromkeys(("coslog", "coslog4", "cos_log4"), "cos_log"),
            "flatcos": "flat_cos",
            "linear": "polynomial",
        },
        "normalizations": {
            **dict.fromkeys(("batchnorm", "batch_norm", "batch_normalization"), "batch"),
            **dict.fromkeys(("layernorm", "layer_norm", "layer_normalization"), "layer"),
            **dict.fromkeys(("groupnorm", "group_norm"), "group"),
        },
        "initializers": {
            **dict.fromkeys(("he", "kaiming", "kaiming_uniform"), "he_uniform"),
            "kaiming_normal": "he_normal",
            **dict.fromkeys(("glorot", "xavier_uniform"), "glorot_uniform"),
            "xavier_normal": "glorot_normal",
        },
        "encodings": {
            **dict.fromkeys(("ple", "piecewise_linear", "bins", "quantile_bins"), "piecewise"),
            **dict.fromkeys(("plr", "pbld", "pl", "fourier", "sinusoidal"), "periodic"),
            **dict.fromkeys(("quantile_transformer", "quantile_normal", "rank", "ranks"), "quantile"),
            **dict.fromkeys(("robust_scaler", "smooth_clip", "robust_scale_smooth_clip"), "robust"),
        },
        "category_encodings": {
            **dict.fromkeys(("onehot", "one-hot", "ohe", "dummies", "dummy"), "one_hot"),
            **dict.fromkeys(("embeddings", "entity_embedding", "emb"), "embedding"),
        },
        "penalties": {
            **dict.fromkeys(("elasticnet", "elastic-net"), "elastic_net"),
            "lasso": "l1",
            "ridge": "l2",
            "maxnorm": "max_norm",
        },
    }
)
# Parameters of components.
OF_COMPONENTS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("lr", "eta", "alpha", "step_size"), "learning_rate"),
        **dict.fromkeys(("eps",), "epsilon"),
        **dict.fromkeys(("beta1", "momentum"), "beta_1"),
        "beta2": "beta_2",
        **dict.fromkeys(("tau", "q", "quantiles"), "quantile"),
        **dict.fromkeys(("negative_slope", "slope"), "alpha"),
        **dict.fromkeys(("clipnorm", "max_norm", "grad_clip"), "clip_norm"),
    }
)


def our_word(word: str, known: Collection[str]) -> str:
    """A sentence with the name that a parameter has here, one of `known`; empty where nothing is like it."""
    if word in OF_FIT:
        return f" {word} is an argument of fit."
    for words in (OF_NETWORKS, OF_ALL):
        text = words.get(word, "").format(word=word)
        names = (
            {"optimizer"} if text == RATE or "set_params(optimizer__" in text else {text.split("=")[0].split(",")[0]}
        )
        if text and {name.split(".")[0] for name in names} & set(known):
            return f" Here it is {text}." if not text.startswith("the ") else f" Here {text}."
    slot, _, inner = word.partition("__")
    if inner and slot in known:
        return f" It is set by set_params({word}=...), or in the component that {slot} takes."
    return nearest(word, known)


def our_name(family: str, name: str, known: Collection[str]) -> str:
    """A sentence with the name that a component has here; empty where nothing is like it."""
    ours = NAMES.get(family, {}).get(name.lower())
    return f" Here it is {ours!r}." if ours in known else nearest(name, known)


def our_hyperparameter(word: str, known: Collection[str]) -> str:
    """A sentence with the name that a parameter of a component has here; empty where nothing is like it."""
    ours = OF_COMPONENTS.get(word)
    return f" Here it is {ours!r}." if ours in known else nearest(word, known)


def nearest(word: str, known: Collection[str]) -> str:
    """A question for the most similar known word, if there is one."""
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(word.lower(), by_lower, 1)
    return f" Did you mean {by_lower[found[0]]!r}?" if found else ""
