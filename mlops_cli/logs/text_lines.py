"""Lines of text logs → columns by one regular expression; lines that do not match are named."""

from collections.abc import Iterator

import polars as pl

from mlops_cli.logs.sift import lines_of
from mlops_cli.logs.stream import KEPT, Block, blocks
from mlops_cli.result.report import BadLine


def matched(
    path: str, shown: str, pattern: str, reason: str
) -> Iterator[tuple[pl.DataFrame, list[BadLine], int]]:
    """A block at a time: the groups of `pattern` as text columns, the bad lines, and how many there are.

    Empty lines are neither. At most KEPT bad lines a file are named.
    """
    named = 0
    for block in blocks(path, shown):
        if isinstance(block, BadLine):
            bad = [block] if named < KEPT else []
            named += len(bad)
            yield pl.DataFrame(schema=_schema(pattern)), bad, 1
            continue
        lines = _lines(block)
        found = lines.select(pl.col("text").str.extract_groups(pattern)).to_series().struct.unnest()
        good = lines["text"].str.contains(pattern).fill_null(value=False)
        wrong = lines.filter(~good & (lines["size"] > 0))
        rows = wrong.select("line", "byte", "size").head(KEPT - named).rows()
        bad = [BadLine(shown, line, byte, size, reason) for line, byte, size in rows]
        named += len(bad)
        yield found.filter(good), bad, wrong.height


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
