"""What `init` and `frozen` stand for: the network that layers are taken from, and the layers that are not trained."""

from __future__ import annotations

import numbers
import os
from typing import Any, Self

from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator

from skdl._layer_names import OUTPUT, find_layer, layer_names
from skdl._typing import FrozenLayers
from skdl.neural._base import BaseNetwork
from skdl.neural._coefficients import unfold
from skdl.neural._source import Source
from skdl.neural._stored_source import stored_source

HIDDEN = "hidden"


class TransferMixin:
    """A network that may begin with the layers of a fitted one."""

    init: Any = None  # of a kind of network without these parameters
    frozen: Any = None

    def _beginning(self) -> Any:
        """The numbers that a fit begins with, besides those that the parameters describe; None where there are none."""
        source = source_of(self)
        return None if source is None else source.content

    def set_params(self, **params: object) -> Self:
        """Set parameters of this estimator, and with `slot__parameter` those of the components in its slots.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self : estimator
        """
        inner = next((name for name in params if name.startswith("init__")), None)
        if inner is not None:  # they would be set on the fitted network, for whoever has it, and change no fit
            raise ValueError(
                f"Cannot set {inner}: the network in 'init' is taken as it was fitted. Give another network as 'init'."
            )
        return super().set_params(**params)  # type: ignore[misc]  # the estimator's

    def __sklearn_clone__(self) -> Any:
        """A copy without the fit, which begins with the layers of the same fitted network."""
        if "init" not in vars(self):
            return super().__sklearn_clone__()  # type: ignore[misc]  # the estimator's
        bare = type(self).__new__(type(self))
        bare.__dict__.update(self.__dict__)
        bare.init = None  # a copy of it would not be fitted
        cloned = super(TransferMixin, bare).__sklearn_clone__()  # type: ignore[misc]
        cloned.init = self.init
        return cloned


def source_of(network: Any) -> Source | None:
    """The network in the parameter `init` of a network, as a source of layers; None where there is none."""
    given = network.init.estimator if isinstance(network.init, FrozenEstimator) else network.init
    if given is None:
        return None
    if isinstance(given, (str, os.PathLike)):
        return stored_source(given, network)
    if not isinstance(given, BaseNetwork):
        raise TypeError(
            f"The 'init' parameter of {type(network).__name__} must be a fitted network, the path of a checkpoint of "
            f"one, or None. Got {type(given).__name__} instead."
        )
    if not hasattr(given, "_training"):
        raise NotFittedError(
            f"The 'init' parameter of {type(network).__name__} holds a {type(given).__name__} that is not fitted. Fit "
            "it first. (scikit-learn's copies of what is in a list of candidates are not fitted: give a "
            "sklearn.frozen.FrozenEstimator of it there.)"
        )
    training, output_map = given._training, given._output_map(given._training.encoding)
    if given._is_edited():
        training = unfold(training, *given._coefficients(), output_map)
        output_map = given._output_map(training.encoding)
    loss, names = given._loss(training.encoding), getattr(given, "feature_names_in_", None)
    return Source(training, output_map, loss, given.n_features_in_, names)


def frozen_places(frozen: FrozenLayers | None, n_hidden: int) -> tuple[int, ...]:
    """The places of frozen layers among the names of a network's layers."""
    names = layer_names(n_hidden)
    if frozen is None:
        return ()
    given: list[Any] = [frozen] if isinstance(frozen, (str, int, numbers.Integral)) else list(frozen)
    chosen: set[str] = set()
    for each in given:
        if isinstance(each, str) and each == HIDDEN:
            if not n_hidden:
                raise ValueError("frozen='hidden' freezes hidden layers, and hidden_layer_sizes=() has none.")
            chosen |= {name for name in names if name != OUTPUT}
        else:
            chosen.add(find_layer(each, names, "frozen"))
    return tuple(i for i, name in enumerate(names) if name in chosen)
