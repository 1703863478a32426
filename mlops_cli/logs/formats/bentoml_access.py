"""BentoML's access log: a line a request with status, sizes, latency and trace id, among other messages."""

import re
from collections.abc import Iterator

import polars as pl

from mlops_cli.logs.format import Batch, Format, LogFile
from mlops_cli.logs.text_lines import matched
from mlops_cli.logs.times import time_of

# 2026-11-23T13:21:33+0000 [INFO] [entry_service:flight_delay:2] 127.0.0.1:55416 (scheme=http,method=POST,
# path=/predict,type=application/json,length=118) (status=200,type=application/json,length=36) 107.495ms
# (trace=…,span=…,sampled=0,service.name=flight_delay)
LINE = (
    r"^(?<timestamp>\S+) \[\w+\] \[(?<logger>[^\]]*)\] (?<client>\S+)"
    r" \(scheme=(?<scheme>[^,]*),method=(?<method>[^,]*),path=(?<path>.*?),"
    r"type=(?<type>[^,]*),length=(?<input_bytes>\d*)\)"
    r" \(status=(?<status>\d+),type=(?<output_type>[^,]*),length=(?<output_bytes>\d*)\)"
    r" (?<latency_ms>[\d.]+)ms"
    r" \(trace=(?<trace_id>[0-9a-fA-F]*)[^)]*?(?:,service\.name=(?<service>[^,)]*))?\)\s*$"
)
# What BentoML writes of a request and of nothing else: a line with it that does not match is damaged.
LIKE = r"\(scheme=|\(status="
NUMBERS = ("input_bytes", "output_bytes", "latency_ms")


def detect(start: bytes, _: str) -> float:
    """Sure where one of the first lines is such a line: startup messages come before them."""
    text = start.decode("utf-8", "replace")
    pattern = re.compile(LINE.replace("(?<", "(?P<"), re.MULTILINE)
    return 0.9 if pattern.search(text) else 0.0


def read(file: LogFile) -> Iterator[Batch]:
    """Requests; other lines (messages, tracebacks) are counted."""
    for found in matched(file, LINE, "no whole line of a request", LIKE):
        typed = found.frame.select(
            "path",
            "method",
            time_of(pl.col("timestamp"), pl.String(), "UTC").alias("timestamp"),  # it always has its offset
            pl.col("status").cast(pl.Int16(), strict=False),
            *(pl.col(n).cast(pl.Float64(), strict=False) for n in NUMBERS),
            # With tracing off the id is all zeros, one for all requests.
            trace_id=pl.when(pl.col("trace_id").str.contains("[1-9a-fA-F]")).then("trace_id"),
            component=pl.coalesce("service", pl.col("logger").str.extract(r":([^:]+)(?::\d+)?$")),
        )
        yield Batch(typed, found.bad, "", found.quarantined, other=found.other)


FORMAT = Format(
    detect=detect,
    kinds=("requests",),
    unavailable={
        "request_id": "BentoML's access log has the trace id instead",
        "model_version": "BentoML does not log the model's version",
    },
    read=read,
    appends=True,
    columns=lambda _: {
        name: name
        for name in (
            "timestamp",
            "trace_id",
            "component",
            "latency_ms",
            "status",
            "path",
            "input_bytes",
            "output_bytes",
        )
    },
)
