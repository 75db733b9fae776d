"""Where compiled loops are kept: a cache directory of the user's, with one folder for each compiler and processor."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from skdl._compiled import _build

VARIABLE = "SKDL_CACHE_DIR"
CLAIM_HOLDS = 20.0  # seconds for which others trust that a process compiles what it said, after it last said so


class Store:
    """The folder of loops for one compiler on one processor.

    It is in `SKDL_CACHE_DIR`, or in the system's place for a user's cache, or in that for temporary files: the first of
    them that can be written to. Where the first ones can be read only, what they have is copied.

    Parameters
    ----------
    compiler : str
        What compiles, with its versions, and for which processor.
    """

    def __init__(self, compiler: str) -> None:
        key = hashlib.sha256(compiler.encode()).hexdigest()[:12]
        tag = f"{sys.implementation.cache_tag}-{platform.machine().lower()}-{key}"
        self._to_copy: list[Path] = []
        reasons = []
        for root, own in places():
            try:
                self.folder = _own_folder(root, (*own, "loops", tag))
                return
            except OSError as error:
                reasons.append(str(error))
                folder = root.joinpath(*own, "loops", tag)
                if _is_trusted(folder):
                    self._to_copy.append(folder)
        raise PermissionError("no place for what is compiled: " + "; ".join(reasons))

    def load(self, name: str, signatures: list[str]) -> Any:
        """The compiled form of a loop; None where there is none yet, or none that is whole."""
        folder = self.folder / name
        if not folder.exists():
            self._copy(name)
        if not folder.exists():
            return None
        if not _build.is_whole(folder):
            self._discard(folder)
            return None
        return _build.load(folder, signatures)

    def has(self, name: str) -> bool:
        """True if there is something to load."""
        return any((folder / name).exists() for folder in (self.folder, *self._to_copy))

    def failure(self, name: str) -> str | None:
        """Why a loop cannot be compiled; None if this is not known."""
        try:
            return _build.failure_of(self.folder, name).read_text(encoding="utf-8")
        except OSError:
            return None

    def requests(self, loops: Sequence[tuple[str, str, list[str]]]) -> Path | None:
        """A file of requests for `_build.main`, of loops that no other process is at; None if there are none."""
        claimed = [each for each in loops if _claim(_build.claim_of(self.folder, each[0]))]
        if not claimed:
            return None
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=self.folder, prefix=_build.PARTS, suffix=".json", delete=False
        ) as file:
            json.dump({"path": sys.path, "loops": claimed}, file)
        return Path(file.name)

    def _copy(self, name: str) -> None:
        for folder in self._to_copy:
            if (folder / name).exists():
                unfinished = Path(tempfile.mkdtemp(prefix=_build.PARTS, dir=self.folder))
                shutil.copytree(folder / name, unfinished / name)
                _build.move(unfinished / name, self.folder / name)
                shutil.rmtree(unfinished, ignore_errors=True)
                return

    def _discard(self, folder: Path) -> None:
        """Remove a folder at once, wherever another process is in removing or reading it."""
        unfinished = Path(tempfile.mkdtemp(prefix=_build.PARTS, dir=self.folder))
        with suppress(FileNotFoundError):
            folder.rename(unfinished / folder.name)
        shutil.rmtree(unfinished, ignore_errors=True)


def name_of(text: str, signatures: list[str]) -> str:
    """A loop's name in a store, which changes with all that it does."""
    return "loop_" + hashlib.sha256("\n".join([text, *signatures]).encode()).hexdigest()[:24]


def places() -> list[tuple[Path, tuple[str, ...]]]:
    """Directories, which need not exist, and what is ours below them, from the best one on."""
    found: list[tuple[Path, tuple[str, ...]]] = []
    given = os.environ.get(VARIABLE)
    try:
        if given:
            found.append((Path(given), ()))
        elif sys.platform == "win32":
            local = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
            found.append((Path(local), ("skdl", "Cache")))
        elif sys.platform == "darwin":
            found.append((Path.home() / "Library" / "Caches", ("skdl",)))
        else:
            found.append((Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"), ("skdl",)))
    except RuntimeError:  # a user without a home
        pass
    user = os.getuid() if hasattr(os, "getuid") else "cache"
    found.append((Path(tempfile.gettempdir()), (f"skdl-{user}",)))
    return found


def _own_folder(root: Path, own: tuple[str, ...]) -> Path:
    """A folder that is ours, as all are that lead to it from `root`: what it has will be executed."""
    root.mkdir(parents=True, exist_ok=True)
    folder = root
    for name in own:
        folder = folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        if not _is_trusted(folder):
            raise PermissionError(f"{folder} may be written to by others")
    tempfile.TemporaryFile(dir=folder).close()
    return folder


def _is_trusted(folder: Path) -> bool:
    """True if nobody else can put something into a folder."""
    try:
        found = folder.stat()
    except OSError:
        return False
    return not hasattr(os, "getuid") or (found.st_uid in (os.getuid(), 0) and not found.st_mode & 0o022)


def _claim(path: Path) -> bool:
    """True for the one process that is to have a loop compiled."""
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        try:
            if time.time() - path.stat().st_mtime < CLAIM_HOLDS:
                return False
            path.touch()
        except FileNotFoundError:
            return False  # done, just now
    return True
