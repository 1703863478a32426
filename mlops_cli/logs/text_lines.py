"""Lines of text logs → columns by one regular expression; damaged lines are named, others counted."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from mlops_cli.logs.format import LogFile
from mlops_cli.logs.sift import lines_of
from mlops_cli.logs.stream import Block, blocks
from mlops_cli.result.report import BadLine


@dataclass(frozen=True)
class Matched:
    """Of a block of lines: the groups as text columns, the bad lines, their number, that of other lines."""

    frame: pl.DataFrame
    bad: tuple[BadLine, ...]
    quarantined: int
    other: int = 0


def matched(file: LogFile, pattern: str, reason: str, like: str = "") -> Iterator[Matched]:
    """A block at a time. Empty lines are neither bad nor other.

    Parameters
    ----------
    file : the log
    pattern : of a whole record, with named groups
    reason : why a line is no record
    like : of a line that was meant as a record; one without is another message. Empty: all are meant so

    """
    named = 0
    for block in blocks(file.path, file.shown):
        if isinstance(block, BadLine):
            yield Matched(pl.DataFrame(schema=_schema(pattern)), (block,) if named < file.named else (), 1)
            named += 1
            continue
        lines = _lines(block)
        found = lines.select(pl.col("text").str.extract_groups(pattern)).to_series().struct.unnest()
        good = lines["text"].str.contains(pattern).fill_null(value=False)
        wrong = lines.filter(~good & (lines["size"] > 0))
        meant = wrong.filter(pl.col("text").str.contains(like)) if like else wrong
        rows = meant.select("line", "byte", "size").head(max(0, file.named - named)).rows()
        bad = tuple(BadLine(file.shown, line, byte, size, reason) for line, byte, size in rows)
        named += len(bad)
        yield Matched(found.filter(good), bad, meant.height, wrong.height - meant.height)


def _schema(pattern: str) -> dict[str, pl.DataType]:
    empty = pl.DataFrame({"text": []}, schema={"text": pl.String()})
    return dict(empty.select(pl.col("text").str.extract_groups(pattern)).to_series().struct.unnest().schema)


def _lines(block: Block) -> pl.DataFrame:
    """`line`, `byte`, `text` and `size` without the end of the line; what is not UTF-8 has marks for it."""
    numbers, places, texts = zip(*lines_of(block.data, block.line, block.byte), strict=True)
    stripped = [text.rstrip(b"\r\n") for text in texts]
    return pl.DataFrame(
        {
            "line": numbers,
            "byte": places,
            "text": [text.decode("utf-8", "replace") for text in stripped],
            "size": [len(text) for text in stripped],
        }
    )
