"""JSON that is not a record a line (an array, or objects over several lines) → JSON lines."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.logs.stream import KEPT, LONGEST, chunks
from mlops_cli.result.report import BadLine

_BETWEEN = " \t\r\n,"  # what may stand between two values


@dataclass(frozen=True)
class Rewritten:
    """What could not be read on the way."""

    bad: tuple[BadLine, ...]
    quarantined: int


def is_records(start: bytes) -> bool:
    """Whether a file that begins so is an array, or holds objects over several lines."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _lines(text) or not text.startswith((b"{", b"[")):
        return False
    if text.startswith(b"["):
        return True
    first = text.split(b"\n", 1)[0]
    try:
        json.loads(first)
    except ValueError:
        pass
    except RecursionError:  # one damaged line says nothing of the others
        return False
    else:
        return False
    whole = text.decode("utf-8", "replace")
    try:
        _, end = json.JSONDecoder().raw_decode(whole)
    except (ValueError, RecursionError):
        # An object larger than the start: its first line is only a part of it, and no line of its own.
        return first.rstrip() == b"{"
    return "\n" in whole[:end]


def _lines(text: bytes) -> bool:
    """Whether most lines after the first are objects by themselves: then that one is a damaged line."""
    further = [line for line in text.split(b"\n")[1:50] if line.strip()]
    return sum(map(_is_object, further)) > len(further) / 2


def _is_object(line: bytes) -> bool:
    if not line.startswith(b"{"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def in_lines(path: str, shown: str, target: str, start: bytes, named: int = KEPT) -> Rewritten | None:
    """Write one record a line to `target`; None where the file has that form already."""
    if not is_records(start):
        return None
    bad: list[BadLine] = []
    quarantined = 0
    with Path(target).open("w", encoding="utf-8") as out:
        for found in _values(path, shown):
            if isinstance(found, BadLine):
                quarantined += 1
                bad += [found] if len(bad) < named else []
            else:
                out.write(json.dumps(found, ensure_ascii=False))
                out.write("\n")
    return Rewritten(tuple(bad), quarantined)


class _Text:
    """A window on the decompressed text, with the place of its start."""

    def __init__(self, path: str, shown: str) -> None:
        self.pieces = chunks(path, shown)
        self.rest, self.text, self.at, self.cut, self.over = b"", "", 0, "", False
        self.line, self.byte = 1, 0

    def more(self) -> bool:
        """Read on; whether there was more."""
        for piece in self.pieces:
            if isinstance(piece, str):
                self.cut = piece
                break
            data = self.rest + piece
            # Up to the last newline or comma: a character is never cut in two there.
            end = max(data.rfind(b"\n"), data.rfind(b","), data.rfind(b"}")) + 1
            self.rest = data[end:]
            if end:
                self.text = self.text[self.at :] + data[:end].decode("utf-8", "surrogateescape")
                self.at = 0
                return True
        left, self.rest, self.over = self.rest, b"", True
        self.text, self.at = self.text[self.at :] + left.decode("utf-8", "surrogateescape"), 0
        return bool(left)

    def skip(self, end: int) -> None:
        """Go on to `end`."""
        gone = self.text[self.at : end]
        self.line += gone.count("\n")
        self.byte += len(gone.encode("utf-8", "surrogateescape"))
        self.at = end


def _values(path: str, shown: str) -> Iterator[Any]:
    """Objects of the file in order, those within arrays too; a part that is none is a BadLine."""
    text, decoder = _Text(path, shown), json.JSONDecoder()
    while True:
        end = text.at
        while end < len(text.text) and text.text[end] in _BETWEEN + "[]\ufeff":
            end += 1
        text.skip(end)
        if text.at == len(text.text):
            if text.over or not text.more():
                break
            continue
        try:
            value, end = decoder.raw_decode(text.text, text.at)
            json.dumps(value, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            if not text.over and len(text.text) - text.at < LONGEST and text.more():
                continue
            yield _broken(text, shown, error)
            continue
        if end == len(text.text) and not text.over and text.more():
            continue
        if not isinstance(value, dict):
            yield BadLine(shown, text.line, text.byte, end - text.at, "JSON, but no object")
        else:
            yield value
        text.skip(end)
    if text.cut:
        yield BadLine(shown, text.line, text.byte, 0, text.cut)


def _broken(text: _Text, shown: str, error: Exception) -> BadLine:
    """From here to the end of the line nothing can be read."""
    end = text.text.find("\n", text.at) + 1 or len(text.text)
    why = getattr(error, "msg", None) or "not UTF-8"
    bad = BadLine(shown, text.line, text.byte, end - text.at, f"no JSON: {str(why).lower()}")
    text.skip(end)
    return bad
