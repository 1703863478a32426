"""What a scan of a text log leaves: the bad lines by name, and a file that holds the good ones only."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from mlops_cli.logs.stream import KEPT, chunks
from mlops_cli.result.report import BadLine


@dataclass
class Sieve:
    """Counts lines as they pass. Until the first bad one the file itself is `clean`, after it a copy.

    `rows` + `quarantined` + `empty` is the number of lines of the file.
    """

    path: str
    shown: str
    target: str  # where the copy goes, if one is needed
    rows: int = 0
    empty: int = 0
    quarantined: int = 0
    bad: list[BadLine] = field(default_factory=list)
    copy: BinaryIO | None = None
    named: int = KEPT  # bad lines that are kept by name

    @property
    def clean(self) -> str:
        """The file without its bad lines."""
        return self.target if self.copy else self.path

    def refuse(self, line: BadLine) -> None:
        """Name a bad line; all before it has been kept, or is kept now."""
        self.quarantined += 1
        if len(self.bad) < self.named:
            self.bad.append(line)
        self.begin(line.byte)

    def begin(self, byte: int) -> None:
        """From here on a copy is kept, of all before it too."""
        if self.copy is None:
            self.copy = Path(self.target).open("wb")  # noqa: SIM115 - closed by close()
            for data in _first(self.path, self.shown, byte):
                self.copy.write(data)

    def keep(self, data: bytes) -> None:
        """Good lines."""
        if self.copy is not None:
            self.copy.write(data if data.endswith(b"\n") else data + b"\n")

    def close(self) -> None:
        """All lines have passed."""
        if self.copy is not None:
            self.copy.close()

    def remove(self) -> None:
        """Delete the copy, if there is one."""
        self.close()
        if self.copy is not None:
            Path(self.target).unlink(missing_ok=True)


def _first(path: str, shown: str, size: int) -> Iterator[bytes]:
    for data in chunks(path, shown):
        if size <= 0 or isinstance(data, str):
            return
        yield data[:size]
        size -= len(data)


def lines_of(data: bytes, line: int, byte: int) -> Iterator[tuple[int, int, bytes]]:
    """Number, place and text of each line of a block."""
    for text in data.splitlines(keepends=True) if b"\r" not in data else _split(data):
        yield line, byte, text
        line, byte = line + 1, byte + len(text)


def _split(data: bytes) -> list[bytes]:
    """By newlines only: bytes.splitlines would cut at a lone carriage return as well."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])
