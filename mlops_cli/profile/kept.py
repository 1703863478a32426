"""Kept: arrays under a name in the state folder, which can be computed again."""

import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LARGEST = 400_000_000  # bytes: what is larger is computed again


class Kept:
    """A folder of arrays; None: nothing is kept. A file that cannot be read or written is none."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, name: str) -> Mapping[str, NDArray[Any]] | None:
        """The arrays of this name."""
        if self.folder is None:
            return None
        try:
            with np.load(self.folder / f"{name}.npz", allow_pickle=False) as data:
                return {key: data[key] for key in data.files}
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
            return None

    def put(self, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Keep arrays in place of what had this name."""
        if self.folder is None or sum(a.nbytes for a in arrays.values()) > LARGEST:
            return
        part = self.folder / f".{name}.part.npz"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            np.savez(part, allow_pickle=False, **dict(arrays))
            part.replace(self.folder / f"{name}.npz")
        except OSError:
            with suppress(OSError):
                part.unlink(missing_ok=True)
