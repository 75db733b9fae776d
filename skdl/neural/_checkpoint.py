"""A training as a file of arrays and JSON, written in one step: a checkpoint.

The file is a NumPy archive (`.npz`) without pickles. Its entry `header` is JSON in UTF-8: the parameters, and the
training as a tree. What is read may be damaged, or made up: it is compared with what a training of the network with
these parameters can be, and the network is left as it was where it is not.
"""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import os
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self
from zipfile import ZipFile

import numpy as np

from skdl._component import Component
from skdl._files import replacing
from skdl.neural._archive import Stored, read, write
from skdl.neural._fit import NetworkFit
from skdl.neural._preparation import Preparation
from skdl.neural._restoring import contents, image_shape, training_of
from skdl.neural._settings import Settings
from skdl.neural._tree import Tree

FORMAT, VERSION = "skdl checkpoint", 5
# May differ when training goes on: how long it lasts and what is printed.
FREE = {"max_iter", "max_time", "tol", "n_iter_no_change", "warm_start", "verbose", "n_jobs"}
FIELDS = {
    "format",
    "version",
    "estimator",
    "parameters",
    "n_features_in_",
    "feature_names_in_",
    "image_shape_",
    "training",
    "edited",
}
SHORT = 64  # numbers of an array that a header spells out


class CheckpointMixin(Preparation):
    """Networks that are written to a checkpoint and read from it."""

    n_features_in_: int
    feature_names_in_: np.ndarray
    image_shape_: tuple[int, ...]

    @abstractmethod
    def _named(self, coefs: list[np.ndarray], intercepts: list[np.ndarray]) -> dict[str, Any]:
        """The coefficients under their public names."""

    @abstractmethod
    def _coefficients(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """The public coefficients as arrays (n_in, n_out) and (n_out,) of each layer, checked."""

    @abstractmethod
    def _is_edited(self) -> bool:
        """True if the public coefficients are no longer those that the training gave."""

    def save_checkpoint(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted network and the whole state of its training to a file.

        The file holds arrays and JSON, no pickle. It is written beside its place and moved there in one step, so that
        there is never half a file. `skdl.callbacks.Checkpoint` does this during training.

        Parameters
        ----------
        path : str or path-like
            The file to write, usually with the suffix `.npz`.
        """
        tree = Tree()
        header = {
            "format": FORMAT,
            "version": VERSION,
            "estimator": type(self).__name__,
            "parameters": self._described_parameters(),
            "n_features_in_": self.n_features_in_,
            "feature_names_in_": tree.pack(getattr(self, "feature_names_in_", None)),
            "image_shape_": tree.pack(getattr(self, "image_shape_", None)),
            "training": tree.pack(contents(self._settings(), self._training)),
            "edited": tree.pack(self._named(*self._coefficients()) if self._is_edited() else None),
        }
        try:
            with replacing(path) as file:
                write(file, header, tree.arrays)
        except OSError as error:
            raise type(error)(
                error.errno,
                f"{error.strerror}. The checkpoint was not written, and what was there before is unchanged",
                os.fspath(path),
            ) from error

    def load_checkpoint(self, path: str | os.PathLike[str]) -> Self:
        """Take over the network and the state of its training from a file of `save_checkpoint`.

        The network predicts as it did when the file was written. With `warm_start=True`, the next fit on the same data
        brings the fit that was written to its end, up to `max_iter` epochs in total: it ends in the same bits as if it
        had not been broken off (with a full-batch optimizer, which forgets its past steps, at the same minimum). A fit
        that had ended by itself or by a callback is left as it is; one that had come to the end of `max_iter` or
        `max_time` goes on if there is more of it now. `partial_fit` trains a further epoch.

        Parameters
        ----------
        path : str or path-like
            A checkpoint of an estimator of this class with the same parameters (`max_iter`, `max_time`, `tol`,
            `n_iter_no_change`, `warm_start`, `verbose` and `n_jobs` may differ).

        Returns
        -------
        self : estimator
            The network in training.

        Raises
        ------
        ValueError
            When the file is damaged, is not a checkpoint, or is that of an estimator with other parameters.
        """
        settings = NetworkFit(self).settings
        with open(path, "rb") as file:
            try:
                with ZipFile(file) as archive:
                    loaded = self._loaded(settings, *read(file, archive))
            except _OtherNetworkError as error:
                raise ValueError(f"{path} {error}") from None
            except Exception as error:  # an archive can be broken in any layer: zip, NumPy's, JSON, values
                if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                    raise
                raise ValueError(f"{path} is not a checkpoint of skdl, or is damaged: {error}") from error
        self.__dict__.clear()
        self.__dict__.update(loaded)
        return self

    def _loaded(self, settings: Settings, header: dict[str, Any], arrays: dict[str, Any]) -> dict[str, Any]:
        """The attributes that this network has with the training of a file."""
        _check_same(type(self).__name__, self._described_parameters(), header)
        tree = Tree(arrays)
        given = {
            name: tree.unpack(header[name]) for name in ("training", "feature_names_in_", "image_shape_", "edited")
        }
        n_features, names, edited = header["n_features_in_"], given["feature_names_in_"], given["edited"]
        training = training_of(settings, given["training"], n_features, self._accepts_encoding)
        self._loss(training.encoding)  # raises for a loss that does not go with it
        loaded = copy.copy(self)
        vars(loaded).pop("feature_names_in_", None)
        if names is not None:
            if len(set(names.tolist())) != n_features or len(names) != n_features:
                raise ValueError("its feature_names_in_ are not one for each column")
            loaded.feature_names_in_ = names
        vars(loaded).pop("image_shape_", None)
        if given["image_shape_"] is not None:
            loaded.image_shape_ = image_shape(given["image_shape_"], n_features)
        loaded.n_features_in_ = n_features
        loaded.__dict__.update(loaded._results(settings, training))
        if edited is not None:  # coefficients that were set by hand, which training has not gone on from
            loaded.__dict__.update(_read_all(edited, like=loaded._named(*loaded._coefficients())))
            loaded._coefficients()
        if tree.arrays or json.dumps(Tree().pack(contents(settings, loaded._training))) != json.dumps(
            header["training"]
        ):
            raise ValueError("it holds more than a training has")
        return vars(loaded)

    def _described_parameters(self) -> dict[str, Any]:
        """The parameters that a training depends on, as values of JSON that can be compared."""
        return {
            name: _words((self._held(name, value) if name in self._slots else None) or value)
            for name, value in self.get_params(deep=False).items()
            if name not in FREE
        }


class _OtherNetworkError(ValueError):
    """A file that is intact, but not of this network."""


def _read_all(edited: Any, like: dict[str, Any]) -> dict[str, Any]:
    """The numbers of coefficients, under the names and in the lists that they have in `like`."""
    if edited.keys() != like.keys() or not all(type(edited[name]) is _kind_of(like[name]) for name in like):
        raise ValueError("other coefficients")
    return {
        name: [each.read() for each in value] if isinstance(value, list) else value.read()
        for name, value in edited.items()
    }


def _kind_of(value: Any) -> type:
    return list if isinstance(value, list) else Stored


def _check_same(estimator: str, parameters: dict[str, Any], header: dict[str, Any]) -> None:
    """Raise unless the header is that of a class of this name with these parameters."""
    if header["format"] != FORMAT or header["version"] != VERSION:
        raise _OtherNetworkError("is not a checkpoint that this version of skdl reads.")
    if header.keys() != FIELDS:
        raise ValueError("other fields")
    if header["estimator"] != estimator:
        raise _OtherNetworkError(f"is a checkpoint of {header['estimator']}, not of {estimator}.")
    given, written = json.loads(json.dumps(parameters)), header["parameters"]
    names = [name for name in sorted({*given, *written}) if given.get(name) != written.get(name)]
    if names:
        found = ", ".join(f"{name}={written.get(name)} (here {given.get(name)})" for name in names)
        raise _OtherNetworkError(
            f"was written with other parameters: {found}. Load it with those, and change what you wish by "
            "set_params afterwards."
        )


def _words(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.size > SHORT:
        return f"array {value.shape} {value.dtype} {hashlib.sha256(value.tobytes()).hexdigest()[:16]}"
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, (list, tuple)):
        return [_words(item) for item in value]
    if isinstance(value, Mapping):
        return {repr(_words(key)): _words(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, Component) or not callable(value):
        # A generator of random numbers has moved on when the file is written.
        return type(value).__name__ if isinstance(value, np.random.RandomState) else repr(value)
    return getattr(value, "__qualname__", None) or repr(value)
