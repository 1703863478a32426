"""The errors a user can meet: what happened, where, what to do.

MlopsError
├── UsageError    the command line or the configuration is wrong    exit 2
└── DataError     the data cannot be read                           exit 4
"""

from collections.abc import Iterable
from difflib import get_close_matches


class MlopsError(Exception):
    """One sentence each: what happened, where (file, line, column), what to do."""

    exit_code = 5

    def __init__(self, what: str, where: str = "", do: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.do = do

    def __str__(self) -> str:
        """The three lines a user reads on stderr."""
        lines = [f"mlops: {self.what}"]
        if self.where:
            lines.append(f"  at: {self.where}")
        if self.do:
            lines.append(f"  do: {self.do}")
        return "\n".join(lines)


class UsageError(MlopsError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class DataError(MlopsError):
    """The data cannot be read."""

    exit_code = 4


def nearest(name: str, known: Iterable[str]) -> str:
    """The known word nearest to `name`, or an empty text where none is near."""
    words = list(known)
    near = get_close_matches(name.lower().replace("_", "-"), words, n=1, cutoff=0.6)
    if not near:
        near = get_close_matches(name, words, n=1, cutoff=0.6)
    return near[0] if near else ""


def unknown(thing: str, name: str, known: Iterable[str], where: str = "") -> UsageError:
    """An unknown word is an error that offers the nearest known one."""
    words = list(known)
    near = nearest(name, words)
    do = f"write '{near}'?" if near else f"choose one of: {', '.join(words)}"
    return UsageError(f"unknown {thing} '{name}'", where, do)
