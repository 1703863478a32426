"""OTLP as JSON (OpenTelemetry's file exporter): spans, logs and metrics, a batch of records a line.

A log record with inputs or outputs of a model is a prediction, a span of a language model is one beside
its span. Many lines become columns at once; where a value among them is odd, its line is found by halves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec
import polars as pl

from mlops_cli.logs.format import Batch, Format, LogFile
from mlops_cli.logs.otlp_columns import Columns, columns_of
from mlops_cli.logs.otlp_records import EXPORT
from mlops_cli.logs.records import records
from mlops_cli.logs.spool import Spool, Tally, batches
from mlops_cli.logs.stream import HEAD
from mlops_cli.result.report import BadLine

KINDS = {b'"resourceSpans"': "spans", b'"resourceLogs"': "predictions", b'"resourceMetrics"': "gauges"}
AT_ONCE = 4 << 20  # bytes of lines; as objects they take about four times as much
ODD = "OTLP, but a value is not what its field wants"
TYPES: Mapping[str, pl.DataType] = {
    "timestamp": pl.Datetime("us", "UTC"),
    "latency_ms": pl.Float64(),
    "status": pl.Int16(),
    "row": pl.UInt32(),
    "value": pl.Float64(),
    "trace_id": pl.String(),
    "request_id": pl.String(),
}


def detect(start: bytes, _: str) -> float:
    """Sure where the file begins with a batch of OTLP."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return 0.95 if text.startswith(b"{") and any(name in text[:200] for name in KINDS) else 0.0


def kind_of(start: bytes) -> str:
    """By the first batch; what else there is comes beside it."""
    found = {start.find(name): kind for name, kind in KINDS.items() if name in start[:HEAD]}
    return found[min(found)] if found else "spans"


def read(file: LogFile) -> Iterator[Batch]:
    """Spans, predictions, readings, feedback and decisions; log records of anything else are counted."""
    spools: dict[str, Spool] = {}
    tally = Tally()
    for exports, places in _lines(file, tally):
        for found in _columns(exports, places):
            if isinstance(found, BadLine):
                tally.refuse(file, found)
                continue
            tally.other += found.other
            for kind, frame in found.frames:
                spools.setdefault(kind, Spool(TYPES)).frame(frame)
    yield from batches(file, spools, tally)


def _lines(file: LogFile, tally: Tally) -> Iterator[tuple[list[Any], list[BadLine]]]:
    """Some lines at a time; those that are no OTLP are told."""
    exports, places, size = [], [], 0
    for some in records(file, EXPORT):
        tally.refuse(file, *some.bad)
        exports += some.records
        places += some.places
        size += sum(place.length for place in some.places)
        if size > AT_ONCE:
            yield exports, places
            exports, places, size = [], [], 0
    yield exports, places


def _columns(exports: Sequence[Any], places: Sequence[BadLine]) -> Iterator[Columns | BadLine]:
    """Columns of all lines but the odd ones, in order."""
    try:
        yield columns_of(exports)
    except (ValueError, TypeError, OverflowError, msgspec.MsgspecError):
        if len(exports) == 1:
            yield replace(places[0], reason=ODD)
            return
        half = len(exports) // 2
        yield from _columns(exports[:half], places[:half])
        yield from _columns(exports[half:], places[half:])


FORMAT = Format(
    detect=detect,
    kinds=("spans", "predictions", "gauges", "feedback", "decisions"),
    unavailable={
        "latency_ms": "a log record has no duration; its trace has",
        "status": "a log record has no status; its trace has",
        "request_id": "no attribute has it: only the trace_id joins",
    },
    read=read,
    appends=True,
    kind=kind_of,
)
