"""nginx's access log as text: `combined`, and what is often added to it (times, ids) at its end."""

import re
from collections.abc import Iterator

import polars as pl

from mlops_cli.logs.format import Batch, Format, LogFile
from mlops_cli.logs.spool import Spool, Tally, batches
from mlops_cli.logs.text_lines import matched

# 127.0.0.1 - - [23/Nov/2026:13:38:10 +0000] "POST /predict HTTP/1.1" 200 49 "-" "agent" rt=0.134 urt="0.134"
LINE = (
    r"^(?<client>\S+) \S+ (?<user>.*?) \[(?<time>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\]"
    r' "(?<request>(?:[^"\\]|\\.)*)" (?<status>\d{3}) (?<bytes>\d+|-)'
    r'(?: "(?<referer>(?:[^"\\]|\\.)*)" "(?<agent>(?:[^"\\]|\\.)*)")?(?<rest>(?: .*)?)$'
)
_LINE = re.compile(LINE.replace("(?<", "(?P<"))
_TIME = r'(?:^|[ ,;])(?:rt|request_time|req_time|duration)[=:]"?(\d+(?:\.\d+)?)'
_BARE = r'(?:^|[ "])(\d+\.\d{3})(?:[ "]|$)'  # $request_time has three decimals, and no name of its own
_UPSTREAM = r'(?:^|[ ,;])(?:urt|upstream_response_time)[=:]"?(\d+(?:\.\d+)?)'
_ID = r'(?:^|[ ,;])(?:x_request_id|request_id|req_id|reqid|rid)[=:]"?([^" ,;]+)'
_VARIANT = r'(?:^|[ ,;])(?:variant|upstream_name|arm)[=:]"?([^" ,;]+)'
_VERSION = r'(?:^|[ ,;])(?:model_version|version)[=:]"?([^" ,;]+)'
_CLF = "%d/%b/%Y:%H:%M:%S %z"


def detect(start: bytes, _: str) -> float:
    """Sure where most of the first lines are such lines."""
    lines = [line for line in start.decode("utf-8", "replace").split("\n")[:50] if line.strip()]
    whole = lines[:-1] or lines
    good = sum(bool(_LINE.match(line.rstrip("\r"))) for line in whole)
    return 0.9 if whole and good >= len(whole) / 2 else 0.0


def read(file: LogFile) -> Iterator[Batch]:
    """Requests. Addresses, users and agents of clients are not kept, nor what follows a `?`."""
    spool, tally = Spool(), Tally()
    for found in matched(file, LINE, "no whole line of an access log"):
        rest = pl.col("rest")
        seconds = pl.coalesce(rest.str.extract(_TIME), rest.str.extract(_BARE)).cast(
            pl.Float64(), strict=False
        )
        rows = found.frame.select(
            pl.col("time")
            .str.to_datetime(_CLF, time_unit="us", time_zone="UTC", strict=False)
            .alias("timestamp"),
            (seconds * 1_000).round(3).alias("latency_ms"),
            (rest.str.extract(_UPSTREAM).cast(pl.Float64(), strict=False) * 1_000).alias("upstream_ms"),
            pl.col("status").cast(pl.Int16(), strict=False),
            pl.col("bytes").cast(pl.Float64(), strict=False).alias("output_bytes"),
            pl.col("request").str.extract(r"^([A-Z]+) ").alias("method"),
            pl.col("request").str.extract(r"^[A-Z]+ ([^ ?]+)").alias("path"),
            *(
                rest.str.extract(pattern).replace(["-", ""], None).alias(name)
                for name, pattern in (("request_id", _ID), ("variant", _VARIANT), ("model_version", _VERSION))
            ),
        )
        spool.frame(rows)
        tally.bad += found.bad
        tally.quarantined, tally.other = tally.quarantined + found.quarantined, tally.other + found.other
    yield from batches(file, {"requests": spool}, tally)


FORMAT = Format(
    detect=detect,
    kinds=("requests",),
    unavailable={
        "latency_ms": "nginx's `combined` has none: log $request_time",
        "request_id": "nginx's `combined` has none: log $http_x_request_id",
        "variant": "log the variable of split_clients",
    },
    read=read,
    appends=True,
)
