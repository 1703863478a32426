"""uvicorn's access lines, as FastAPI, MLflow, LitServe, MLServer and vLLM write them, among messages."""

import re
from collections.abc import Iterator

import polars as pl

from mlops_cli.logs.format import Batch, Format, LogFile
from mlops_cli.logs.spool import Spool, Tally, batches
from mlops_cli.logs.text_lines import matched
from mlops_cli.logs.times import time_of

# INFO:     127.0.0.1:57644 - "POST /predict HTTP/1.1" 200 OK
# A time before it comes from a log configuration of one's own; colours from a terminal.
START = (
    r"^(?:\x1b\[[\d;]*m|\([^)]*\)|\s)*"
    r"(?:\[?(?<timestamp>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)\]?[ -]+)?"
    r"(?:\x1b\[[\d;]*m)*INFO(?:\x1b\[[\d;]*m)*:?\s+(?:\S+ +- +)?"
)
LINE = (
    START + r'\S+:\d+ - "(?:\x1b\[[\d;]*m)*(?<method>[A-Z]+) (?<path>\S+) HTTP/[\d.]+(?:\x1b\[[\d;]*m)*"'
    r" (?:\x1b\[[\d;]*m)*(?<status>[1-5]\d\d)\b[^\"]*$"
)
LIKE = START + r'\S+:\d+ - "'
_LINE = re.compile(LINE.replace("(?<", "(?P<"), re.MULTILINE)


def detect(start: bytes, _: str) -> float:
    """Sure where one of the first lines is such a line: startup messages come before them."""
    return 0.8 if _LINE.search(start.decode("utf-8", "replace")) else 0.0


def read(file: LogFile) -> Iterator[Batch]:
    """Requests; other lines (messages, tracebacks) are counted. Addresses of clients are not kept."""
    spool, tally = Spool(), Tally()
    for found in matched(file, LINE, "no whole line of a request", LIKE):
        rows = found.frame.select(
            pl.col("method", "path"),
            pl.col("status").cast(pl.Int16(), strict=False),
            time_of(pl.col("timestamp"), pl.String(), file.timezone).alias("timestamp"),
        ).with_columns(pl.col("path").str.extract(r"^([^?]*)"))
        spool.frame(rows)
        tally.bad += found.bad
        tally.quarantined, tally.other = tally.quarantined + found.quarantined, tally.other + found.other
    yield from batches(file, {"requests": spool}, tally)


FORMAT = Format(
    detect=detect,
    kinds=("requests",),
    unavailable={
        "timestamp": "uvicorn's own line has no time",
        "latency_ms": "uvicorn does not log how long a request took",
        "request_id": "uvicorn logs no id",
        "model_version": "uvicorn does not know the model",
    },
    read=read,
    appends=True,
)
