"""JSON records of a file as Python objects, a block of lines at a time, each with its place."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from mlops_cli.logs.format import LogFile
from mlops_cli.logs.json_lines import parse
from mlops_cli.logs.json_records import in_lines
from mlops_cli.logs.scratch import fresh
from mlops_cli.logs.sift import lines_of
from mlops_cli.logs.stream import Block, blocks, head
from mlops_cli.result.report import BadLine


@dataclass(frozen=True)
class Records:
    """Some records in order, their places, and the lines between that hold none."""

    records: list[Any]
    places: list[BadLine]  # of the records, without a reason
    bad: tuple[BadLine, ...] = ()


def records(file: LogFile, decoder: msgspec.json.Decoder[Any] | None = None) -> Iterator[Records]:
    """All records: of a line each, of an array, or over several lines. Empty lines are none.

    With a `decoder` records are of its type, and what does not fit is a bad line.
    """
    path, lines = file.path, fresh("records")
    rewritten = in_lines(path, file.shown, lines, head(path, file.shown), file.named)
    if rewritten is not None:
        path = lines
        yield Records([], [], rewritten.bad)
    try:
        for block in blocks(path, file.shown):
            yield Records([], [], (block,)) if isinstance(block, BadLine) else _read(block, file, decoder)
    finally:
        Path(lines).unlink(missing_ok=True)


def _read(block: Block, file: LogFile, decoder: msgspec.json.Decoder[Any] | None) -> Records:
    good, places, bad = [], [], []
    for line, byte, text in lines_of(block.data, block.line, block.byte):
        if not text.strip():
            continue
        place = BadLine(file.shown, line, byte, len(text.rstrip(b"\r\n")), "")
        record, why = _record(text, decoder)
        if why:
            bad.append(replace(place, reason=why))
        else:
            good.append(record)
            places.append(place)
    return Records(good, places, tuple(bad))


def _record(text: bytes, decoder: msgspec.json.Decoder[Any] | None) -> tuple[Any, str]:
    if decoder is None:
        return parse(text)
    try:
        if not text.isascii():
            text.decode()  # a decoder does not look at the text of what it passes over
        return decoder.decode(text), ""
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        record, why = parse(text)
        if record is None:
            return None, why
        try:  # NaN and infinities, as Python's json writes them: missing
            return decoder.decode(msgspec.json.encode(record)), ""
        except (msgspec.MsgspecError, OverflowError, RecursionError) as other:
            return None, f"JSON of another shape: {other}"
