"""A report's tables as records: what several formats read alike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlops_cli.result.report import Report, Table

KNOWN = ("models", "series", "windows", "unknown", "bounds", "changes", "distributions", "timeline", "labels")


@dataclass(frozen=True)
class Line:
    """The windows of one series, in order."""

    windows: tuple[str, ...]
    values: tuple[float | None, ...]
    levels: tuple[str | None, ...]


def records(table: Table | None) -> Iterator[Mapping[str, Any]]:
    """Rows by column; none where there is no table."""
    if table is not None:
        for row in table.rows:
            yield dict(zip(table.columns, row, strict=False))


def lines(report: Report) -> dict[str, Line]:
    """Series id → its windows."""
    out: dict[str, list[tuple[str, float | None, str | None]]] = {}
    for row in records(report.table("windows")):
        out.setdefault(str(row["series"]), []).append((row["window"], row["value"], row.get("level")))
    return {name: Line(*map(tuple, zip(*rows, strict=True))) for name, rows in out.items()}


def segment(text: str) -> tuple[tuple[str, str], ...]:
    """`origin=JFK,carrier=AA` of a table → pairs."""
    pairs = (pair.partition("=") for pair in text.split(",") if pair)
    return tuple((k, v) for k, _, v in pairs)


def several_models(report: Report) -> bool:
    """Whether names of models are worth saying."""
    table = report.table("models")
    names = {row[0] for row in table.rows} if table else set()
    names |= {f.scope.model for f in report.judgement.findings}
    return len(names - {""}) > 1
