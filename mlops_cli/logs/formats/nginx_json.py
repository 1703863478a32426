"""nginx's access log as JSON (`log_format … escape=json`): its variables under any names.

Response headers may carry what the model said (a score, a prediction): such a line is a request and a
prediction.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from mlops_cli.logs.format import Batch, Format, LogFile
from mlops_cli.logs.json_lines import parse
from mlops_cli.logs.records import records
from mlops_cli.logs.roles import normal
from mlops_cli.logs.spool import Spool, Tally, batches, value
from mlops_cli.logs.times import time_of

# Variables that only nginx has; two of them make an access log of nginx.
OWN = frozenset(
    {
        "upstreamaddr", "upstreamstatus", "upstreamresponsetime", "upstreamconnecttime", "upstreamheadertime",
        "httpuseragent", "httpreferer",
        "bodybytessent", "requesttime", "requestlength", "remoteaddr", "remoteuser", "timeiso8601",
        "timelocal",
        "msec",
    }
)  # fmt: skip
# Canonical name → names of variables, the likeliest first. A client's own id joins labels, nginx's does not.
NAMES: Mapping[str, tuple[str, ...]] = {
    "request_id": ("xrequestid", "httpxrequestid", "clientrequestid", "upstreamhttpxrequestid", "requestid",
    "id"),
    "trace_id": ("traceid", "xtraceid", "httpxtraceid"),
    "timestamp": ("msec", "timeiso8601", "timelocal", "timestamp", "time", "ts"),
    "variant": ("variant", "arm", "upstreamname"),
    "model": ("model", "modelname", "upstreamhttpxmodel"),
    "model_version": ("modelversion", "upstreamhttpxmodelversion", "version"),
    "latency_ms": ("requesttime", "duration", "latency"),
    "status": ("status", "statuscode"),
    "path": ("uri", "requesturi", "path", "url"),
    "request": ("request",),
    "input_bytes": ("requestlength",),
    "output_bytes": ("bodybytessent", "bytessent"),
}  # fmt: skip
PREDICTED: Mapping[str, tuple[str, ...]] = {
    "score": ("score", "upstreamhttpxscore", "probability", "confidence"),
    "prediction": ("prediction", "upstreamhttpxprediction", "label"),
    "features.segment": ("segment", "httpxsegment"),
}
REQUEST = ("request_id", "trace_id", "timestamp", "variant", "model", "model_version")
MEASURED = ("latency_ms", "status", "path", "input_bytes", "output_bytes")
ABSENT = ("", "-")
TYPES: Mapping[str, pl.DataType] = {
    "status": pl.Int16(),
    "row": pl.UInt32(),
    **dict.fromkeys(("latency_ms", "input_bytes", "output_bytes", "score"), pl.Float64()),
    **dict.fromkeys(("request_id", "trace_id", "variant", "model", "model_version", "path"), pl.String()),
    "timestamp": pl.Datetime("us", "UTC"),
}


def detect(start: bytes, _: str) -> float:
    """Sure where the first record has a status and two variables of nginx."""
    record, _why = parse(start.split(b"\n", 1)[0])
    names = {normal(name) for name in record or ()}
    return 0.85 if len(names & OWN) >= 2 and names & set(NAMES["status"]) else 0.0


def read(file: LogFile) -> Iterator[Batch]:
    """Requests, and predictions of those whose response told the score. No addresses and no agents."""
    spools, tally = {"requests": Spool(TYPES), "predictions": Spool(TYPES)}, Tally()
    for some in records(file):
        tally.refuse(file, *some.bad)
        rows = [_row(record) for record in some.records]
        for kind, spool in spools.items():
            chosen = rows if kind == "requests" else [one for r in rows for one in _predicted(r)]
            if chosen:
                spool.frame(_frame(chosen, kind, file.timezone))
    yield from batches(file, spools, tally)


def _row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Of each canonical name the first variable that has a value."""
    found = {normal(name): v for name, v in record.items() if v is not None and v not in ABSENT}
    if "xrequestid" in {normal(n) for n in record} and "xrequestid" not in found:
        found.pop("requestid", None)  # nginx's own id names no request of a client
    out = {}
    for name, variables in {**NAMES, **PREDICTED}.items():
        first = next((found[v] for v in variables if v in found), None)
        if first is not None:
            out[name] = first
    words = str(out.pop("request", "")).split(" ")
    return {"path": words[1], **out} if len(words) > 1 else out


def _predicted(row: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row each of a batch, whose headers hold a list: `0.1, 0.7`."""
    told = {n: str(row[n]).split(",") for n in ("score", "prediction") if n in row}
    for i in range(max((len(v) for v in told.values()), default=0)):
        yield {**row, "row": i, **{n: value(v[i]) if i < len(v) else None for n, v in told.items()}}


def _frame(rows: list[dict[str, Any]], kind: str, timezone: str) -> pl.DataFrame:
    out = Spool()
    names = [*REQUEST, *MEASURED] if kind == "requests" else [*REQUEST, "row", *PREDICTED]
    texts = {"request_id", "trace_id", "variant", "model", "model_version", "path"}
    listed = [
        {
            n: (
                str(r[n])
                if n in texts
                else value(r[n])
                if isinstance(r[n], str) and n != "timestamp"
                else r[n]
            )
            for n in names
            if n in r
        }
        for r in rows
    ]
    out.add(listed)
    frame = next(iter(out.frames()), pl.DataFrame())
    seconds = [n for n in ("latency_ms",) if n in frame.columns]
    return frame.with_columns(
        *((pl.col(n).cast(pl.Float64(), strict=False) * 1_000).round(3) for n in seconds),
        *(
            time_of(pl.col(n), frame.schema[n], timezone).alias(n)
            for n in ("timestamp",)
            if n in frame.columns
        ),
        *(pl.col(n).str.extract(r"^([^?]*)") for n in ("path",) if n in frame.columns),
    )


FORMAT = Format(
    detect=detect,
    kinds=("requests", "predictions"),
    unavailable={
        "latency_ms": "the log_format has no $request_time",
        "request_id": "the log_format has no $http_x_request_id",
        "variant": "the log_format has no variable of split_clients",
    },
    read=read,
    appends=True,
    kind=lambda _: "requests",
)
