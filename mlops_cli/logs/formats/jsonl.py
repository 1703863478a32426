"""JSON lines, flat or nested, and JSON arrays of records; one object a record."""

from collections.abc import Iterator

import polars as pl

from mlops_cli.logs.canon import KINDS
from mlops_cli.logs.format import Batch, Converted, Format, LogFile
from mlops_cli.logs.json_lines import Sifted, bulk, frames, parse
from mlops_cli.logs.json_records import is_records
from mlops_cli.logs.scratch import fresh
from mlops_cli.logs.shape import MOST_KEYS
from mlops_cli.logs.write import write

SURE = 0.6  # of a special format of JSON lines more is asked, so it goes first


def detect(start: bytes, _: str) -> float:
    """Sure by the share of the first lines that are JSON objects; half of them must be."""
    lines = [line for line in start.split(b"\n")[:50] if line.strip()]
    if not lines or not start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
        good = [parse(line)[0] is not None for line in lines[:-1]]
        return SURE * sum(good) / len(good) if good and sum(good) > len(good) / 2 else 0.0
    if is_records(start):
        return SURE
    whole = lines[:-1] or lines  # the last may be cut
    good = [parse(line)[0] is not None for line in whole]
    alone = len(lines) == 1 and not start.endswith(b"\n")
    return SURE if alone else SURE * (sum(good) / len(good) if sum(good) >= len(good) / 2 else 0.0)


def read(file: LogFile) -> Iterator[Batch]:
    """All records in order, exactly."""
    sifted = Sifted(file.path, file.shown, fresh("json"), file.named)
    try:
        said = _said(sifted)
        first = Batch(pl.DataFrame(schema=sifted.schema()), said.bad, "", said.quarantined, said.notes)
        yield first
        for frame in frames(sifted):
            yield Batch(frame)
    finally:
        sifted.remove()


def convert(file: LogFile, target: str) -> Converted:
    """In bulk, where the file is worth it and reads the same; else exactly."""
    sifted = Sifted(file.path, file.shown, f"{target}.json", file.named)
    try:
        if not bulk(sifted, target):
            write(frames(sifted), target, pl.Schema(sifted.schema()))
        return _said(sifted)
    finally:
        sifted.remove()


def _said(sifted: Sifted) -> Converted:
    sieve = sifted.sieve
    notes = [f"more than {MOST_KEYS:,} different keys: the further ones are not read"] * sifted.shape.full
    mixed = [name for _, kind, name in sifted.leaves() if kind == "mixed"]
    notes += [f"{', '.join(mixed)}: values of several types, read as text"] if mixed else []
    return Converted(sieve.rows, tuple(sieve.bad), sieve.quarantined, tuple(notes))


FORMAT = Format(detect=detect, kinds=tuple(KINDS), unavailable={}, read=read, convert=convert, appends=True)
