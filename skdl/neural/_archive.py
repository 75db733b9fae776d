"""Arrays and a header in one file: NumPy's archive (`.npz`) without compression and without pickles.

Of an array, only type and shape are read at first, its numbers when they are needed, and none takes more memory than it
has in the file: what is compressed is refused, and so are sizes that do not fit.
"""

from __future__ import annotations

import json
import math
import os
import re
from typing import Any, BinaryIO, NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy

HEADER = "header"
MEMBER = re.compile(rf"(array_(0|[1-9][0-9]*)|{HEADER})\.npy")
ENCRYPTED = 1  # a bit of a member's flags
KINDS = "biufU"  # of numbers, booleans and strings
READERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


class Stored(NamedTuple):
    """An array in the file; `read` gives its numbers."""

    archive: ZipFile
    member: ZipInfo
    dtype: np.dtype
    shape: tuple[int, ...]
    is_fortran: bool
    begin: int

    def read(self) -> np.ndarray:
        order: Any = "F" if self.is_fortran else "C"
        held = np.ndarray(self.shape, self.dtype, self.archive.read(self.member), self.begin, order=order)
        return held.astype(self.dtype.newbyteorder("="))


def write(file: BinaryIO, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write an archive."""
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    try:
        np.savez(file, **{HEADER: text, **arrays})  # type: ignore[arg-type]  # the stub takes an array for `allow_pickle`
    except ValueError as error:  # of the archive, which an interrupt has found with a part open and unfinished
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise


def read(file: BinaryIO, archive: ZipFile) -> tuple[Any, dict[str, Stored]]:
    """The header, and the arrays as they are stored; a ValueError for what `write` does not write."""
    members = archive.infolist()
    size = os.fstat(file.fileno()).st_size
    stored = all(
        member.compress_type == ZIP_STORED
        and member.compress_size == member.file_size
        and not member.flag_bits & ENCRYPTED
        for member in members
    )
    if not stored or sum(member.file_size for member in members) > size:
        raise ValueError("its parts are compressed, or overlap")
    if len({member.filename for member in members}) < len(members):
        raise ValueError("it has a part twice")
    if not all(MEMBER.fullmatch(member.filename) for member in members):
        raise ValueError("it has parts that do not belong there")
    arrays = {member.filename.removesuffix(".npy"): _stored(archive, member) for member in members}
    text = arrays.pop(HEADER).read()
    if text.dtype != np.uint8 or text.ndim != 1:
        raise ValueError("its header is not text")
    return json.loads(text.tobytes().decode(), object_pairs_hook=_without_repetition), arrays


def _stored(archive: ZipFile, member: ZipInfo) -> Stored:
    with archive.open(member) as file:
        shape, is_fortran, dtype = READERS[npy.read_magic(file)](file)
        begin = file.tell()
    if dtype.kind not in KINDS or dtype.itemsize == 0 or min(shape, default=0) < 0:
        raise ValueError(f"an array of type {dtype} and shape {shape}")
    if begin + math.prod(shape) * dtype.itemsize != member.file_size:
        raise ValueError(f"an array of shape {shape} in {member.file_size} bytes")
    return Stored(archive, member, dtype, shape, is_fortran, begin)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found
