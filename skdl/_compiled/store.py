"""Where compiled loops are kept: a cache directory of the user's, with one folder for each compiler and processor."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from pathlib import Path

CACHE_VARIABLE = "SKDL_CACHE_DIR"


def cache_directory() -> Path:
    """The directory of this user's, which need not exist: `SKDL_CACHE_DIR`, or the system's place for such files."""
    given = os.environ.get(CACHE_VARIABLE)
    if given:
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "skdl" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "skdl"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skdl"


class Store:
    """The folder of loops for one compiler on one processor.

    Code that was compiled is executed when it is found again. So a folder that belongs to somebody else, or that others
    may write to, is not used.

    Parameters
    ----------
    compiler : str
        What compiles, with its versions, and for which processor.
    """

    def __init__(self, compiler: str) -> None:
        key = hashlib.sha256(compiler.encode()).hexdigest()[:12]
        tag = f"{sys.implementation.cache_tag}-{platform.machine().lower()}-{key}"
        self.folder = cache_directory() / "loops" / tag
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if hasattr(os, "getuid"):
            owner = self.folder.stat()
            if owner.st_uid not in (os.getuid(), 0) or owner.st_mode & 0o022:
                raise PermissionError(f"{self.folder} may be written to by others")
        if not os.access(self.folder, os.W_OK):
            raise PermissionError(f"{self.folder} is not writable")

    def source(self, text: str, signatures: list[str]) -> Path:
        """The file of a loop's source, which is written where it is missing."""
        name = hashlib.sha256("\n".join([text, *signatures]).encode()).hexdigest()[:24]
        path = self.folder / f"loop_{name}.py"
        if not path.exists():
            self._write(path, text)
        return path

    def _write(self, path: Path, text: str) -> None:
        """A file that is whole wherever it is seen, and stays the same: Numba asks when it was changed."""
        with tempfile.NamedTemporaryFile("w", dir=self.folder, suffix=".part", delete=False) as part:
            part.write(text)
        try:
            os.link(part.name, path)  # fails where another process was faster
        except FileExistsError:
            pass
        except OSError:  # a file system without links
            Path(part.name).replace(path)
            return
        Path(part.name).unlink()
