"""The portfolio: the configurations of networks that a committee is made of, as a table of parameters.

Each preset is what differs from `COMMON`, in the words of `MLPClassifier` and `MLPRegressor`. `AUTO` names those of a
committee by default, in the order in which they are trained: with a time limit the last ones may not be begun. To try
others, give them to a committee and look at what each is worth: `TabularClassifier({"wide": {"hidden_layer_sizes":
(256, 256)}, "default": {}}).fit(X, y).leaderboard_`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from skdl._registry import encodings, schedules
from skdl.neural.mlp_classifier import MLPClassifier
from skdl.neural.mlp_regressor import MLPRegressor
from skdl.neural.trainable import is_trainable

Parameters = Mapping[str, Any]

NETWORKS: Mapping[str, Any] = {"classifier": MLPClassifier, "regressor": MLPRegressor}
COMMON: Mapping[str, Parameters] = {
    "classifier": {"label_smoothing": 0.05},  # the committee's temperature makes up for it
    "regressor": {"clip_predictions": True},
}
LONGER: Parameters = {
    "max_iter": 45,
    "schedule": schedules.resolve("cosine").with_params(n_cycles=4, growth=2.0, end=0.03),
}
PRESETS: Mapping[str, Parameters] = {
    "default": {},
    "plain": {"encoding": None, "input_scale": True},
    "robust": {"encoding": encodings.resolve("robust").with_params(clip=5.0), "input_scale": True},
    "bins": {"encoding": encodings.resolve("piecewise").with_params(n_bins=8, clip=5.0), "input_scale": True, **LONGER},
    "batch_norm": {
        "encoding": encodings.resolve("piecewise").with_params(n_bins=8, clip=5.0),
        "input_scale": True,
        "normalization": "batch",
        **LONGER,
    },
    "wide": {"hidden_layer_sizes": (256, 256), **LONGER},
    "periodic": {"encoding": "periodic"},
}
AUTO: Mapping[str, tuple[str, ...]] = {
    "classifier": ("default", "batch_norm"),
    "regressor": ("default", "batch_norm"),
}
REFIT_BELOW = 1000  # rows: with fewer, refit="auto" trains on all of them again


def configurations(portfolio: Any, kind: str, owner: str) -> list[tuple[str, Any]]:
    """The networks of a portfolio by their names.

    Parameters
    ----------
    portfolio : "auto", list or dict
        As the user gave it.
    kind : {"classifier", "regressor"}
    owner : str
        The estimator's name in messages.
    """
    found: dict[str, Any] = {}
    for name, entry in _entries(AUTO[kind] if isinstance(portfolio, str) and portfolio == "auto" else portfolio):
        network = _network(entry, kind)
        if network is None:
            raise ValueError(
                f"The 'portfolio' parameter of {owner} must be 'auto', a list of names of presets "
                f"({', '.join(map(repr, PRESETS))}), dicts of parameters of {NETWORKS[kind].__name__} and networks, or "
                f"a dict of these by names of your own. Got {entry!r} in it."
            )
        if name in found:
            raise ValueError(
                f"The 'portfolio' parameter of {owner} has {name!r} more than once. Give it as a dict, by names that "
                "differ."
            )
        found[name] = network
    return list(found.items())


def _entries(portfolio: Any) -> Iterator[tuple[str, Any]]:
    """Names and entries."""
    if isinstance(portfolio, Mapping):
        yield from portfolio.items()
        return
    entries = [portfolio] if isinstance(portfolio, str) else list(portfolio)
    for i, entry in enumerate(entries, 1):
        yield (entry if isinstance(entry, str) else f"network-{i}"), entry


def _network(entry: Any, kind: str) -> Any:
    """The unfitted network that an entry stands for; None for what is none."""
    if is_trainable(entry):
        return entry
    if isinstance(entry, str) and entry in PRESETS:
        entry = PRESETS[entry]
    if not isinstance(entry, Mapping):
        return None
    return NETWORKS[kind]().set_params(**deepcopy({**COMMON[kind], **entry}))
