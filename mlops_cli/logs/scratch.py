"""A folder for what lives only as long as the process: spooled input, copies without bad lines."""

import atexit
import shutil
import tempfile
from functools import cache
from itertools import count
from pathlib import Path

_numbers = count()


@cache
def folder() -> Path:
    """Made on first use, deleted when the process ends."""
    path = Path(tempfile.mkdtemp(prefix="mlops-"))
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def fresh(name: str) -> str:
    """A path in it that was not given out before."""
    return str(folder() / f"{next(_numbers)}-{name}")
