"""The network of a checkpoint as a source of layers, whatever it was trained for and by."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from zipfile import ZipFile

from skdl._constraints import check_params
from skdl.neural._archive import read
from skdl.neural._base import BaseNetwork
from skdl.neural._checkpoint import FORMAT, VERSION
from skdl.neural._restoring import training_of
from skdl.neural._source import Source
from skdl.neural._tree import Tree

SIZES = ("hidden_layer_sizes", "depth")  # which a file has as they were given
# What it describes in words: these have to be those of the network that takes the layers.
BUILT_BY = ("layer", "encoding", "category_encoding", "input_scale", "activation", "normalization", "standardize")


class OtherLayersError(ValueError):
    """A checkpoint that is intact, and whose layers are not for the network that is to take them."""


def stored_source(path: str | os.PathLike[str], network: Any) -> Source:
    """The network of a checkpoint, whose hidden layers have to be built as those of the `network` that takes them."""
    with open(path, "rb") as file:
        try:
            with ZipFile(file) as archive:
                return _source(network, *read(file, archive))
        except OtherLayersError as error:
            raise ValueError(f"The 'init' parameter of {type(network).__name__}: {path} {error}") from None
        except Exception as error:  # see `load_checkpoint`
            if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
                raise
            raise ValueError(
                f"The 'init' parameter of {type(network).__name__}: {path} is not a checkpoint of skdl, or is damaged: "
                f"{error}"
            ) from error


def _source(network: Any, header: dict[str, Any], arrays: dict[str, Any]) -> Source:
    if header["format"] != FORMAT or header["version"] != VERSION:
        raise OtherLayersError("is not a checkpoint that this version of skdl reads.")
    kind: Any = next((each for each in _kinds(BaseNetwork) if each.__name__ == header["estimator"]), None)
    written, own = header["parameters"], network._described_parameters()
    if kind is None or not {*SIZES, *BUILT_BY} <= written.keys():
        raise OtherLayersError(f"is a checkpoint of {header['estimator']}, which has no hidden layers to take.")
    if header["edited"] is not None:
        raise OtherLayersError(
            "holds coefficients that were set by hand. Load it with load_checkpoint, and give the network itself."
        )
    names = [name for name in BUILT_BY if written[name] != own[name]]
    if names:
        found = ", ".join(f"{name}={written[name]} (here {own[name]})" for name in names)
        raise OtherLayersError(f"was written by a network that is built otherwise: {found}. Set the same.")
    sizes = {name: written[name] for name in SIZES}
    writer: Any = kind(**sizes, **{name: getattr(network, name) for name in BUILT_BY})
    loss_is_known = written.get("loss") in ("auto", own.get("loss"))
    if loss_is_known and written.get("loss") != "auto":
        writer.loss = network.loss
    check_params(writer, writer._constraints)
    tree = Tree(arrays)
    given = tree.unpack(header["training"])
    settings: Any = writer._settings()
    settings = replace(settings, optimizer=SimpleNamespace(state_names=tuple(given["optimizer_state"])))
    columns = tree.unpack(header["feature_names_in_"])
    training = training_of(settings, given, header["n_features_in_"], writer._accepts_encoding)
    loss = writer._loss(training.encoding) if loss_is_known else None
    return Source(training, writer._output_map(training.encoding), loss, header["n_features_in_"], columns)


def _kinds(cls: type[Any]) -> Iterator[type[Any]]:
    for each in cls.__subclasses__():
        yield each
        yield from _kinds(each)
