"""The network as it is after an epoch, for scorers of scikit-learn."""

from __future__ import annotations

from types import FunctionType, MethodType, SimpleNamespace
from typing import Any

import numpy as np

OF_PARAMETERS = {"get_params", "set_params", "__sklearn_clone__"}  # methods that read the constructor of their class


class EpochEstimator:
    """A proxy of a network in training: its methods predict from the raw scores of one epoch's validation rows.

    Everything but the rows' scores is the network's own: methods that a subclass overrides, parameters, and the class
    as `isinstance` sees it.

    Parameters
    ----------
    network : BaseNetwork
    encoding : encoding
        Of the targets, which the network itself may not have before it is fitted.
    raw : array of shape (n, n_outputs)
        Raw scores of the validation rows, the only rows that it predicts.
    """

    def __init__(self, network: Any, encoding: Any, raw: np.ndarray) -> None:
        self._network = network
        self._raw = raw
        self._training = SimpleNamespace(encoding=encoding)
        if hasattr(encoding, "classes"):
            self.classes_ = encoding.classes

    @property  # type: ignore[misc]  # so that it passes for the network's class
    def __class__(self) -> Any:
        return type(self._network)

    def __getattr__(self, name: str) -> Any:
        network = vars(self).get("_network")
        if network is None:  # while it is copied
            raise AttributeError(name)
        method = getattr(type(network), name, None)
        if isinstance(method, FunctionType) and name not in vars(network) and name not in OF_PARAMETERS:
            return MethodType(method, self)
        return getattr(network, name)

    def __repr__(self) -> str:
        return repr(self._network)

    def _validated(self, X: Any) -> Any:
        return X

    def _raw_scores(self, X: Any) -> np.ndarray:
        return self._raw
