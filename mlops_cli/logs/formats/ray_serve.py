"""Ray Serve's JSON logs: status and latency stand in the message, predictions where the app logs them.

A line `CALL __call__ OK 35.5ms` or `POST /predict 200 434.1ms` is a request to a deployment, or to the
proxy. A record with features, scores or predictions of one request is a row each of them.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from mlops_cli.logs.format import Batch, Format, LogFile
from mlops_cli.logs.json_lines import parse
from mlops_cli.logs.records import records
from mlops_cli.logs.rows import rows_of
from mlops_cli.logs.spool import Spool, Tally, batches

OWN = ("message", "component_name", "timestamp_ns")
_CALL = re.compile(r"^CALL (?P<path>\S+) (?P<status>OK|ERROR|CANCELLED) (?P<latency>[\d.]+)ms$")
_HTTP = re.compile(r"^(?:[A-Z]+) (?P<path>\S*) (?P<status>\d{3}|OK|ERROR|CANCELLED) (?P<latency>[\d.]+)ms$")
_STATUS = {"OK": 200, "ERROR": 500, "CANCELLED": 499}  # 499: the client went away, as nginx has it
_LIKE = re.compile(r"^(?:CALL|GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS) .*ms$")
TYPES: Mapping[str, pl.DataType] = {
    "timestamp": pl.Datetime("us", "UTC"),
    "status": pl.Int16(),
    "latency_ms": pl.Float64(),
    "row": pl.UInt32(),
    **dict.fromkeys(("request_id", "component", "path", "model", "model_version"), pl.String()),
}


def detect(start: bytes, _: str) -> float:
    """Sure where the first record is one of Ray Serve's own."""
    record, _why = parse(start.split(b"\n", 1)[0])
    return 0.9 if record is not None and set(OWN) <= set(record) else 0.0


def kind_of(start: bytes) -> str:
    """A file of nothing but predictions is one of predictions; else they come beside its requests."""
    del start
    return "requests"


def read(file: LogFile) -> Iterator[Batch]:
    """Requests and predictions; other messages are counted."""
    spools, tally = {"requests": Spool(TYPES), "predictions": Spool(TYPES)}, Tally()
    for some in records(file):
        tally.refuse(file, *some.bad)
        requests, predictions = [], []
        for record, place in zip(some.records, some.places, strict=True):
            message = str(record.get("message", ""))
            found = _CALL.match(message) or _HTTP.match(message)
            if found:
                requests.append({**_common(record), **_request(found)})
                continue
            rows = rows_of(record)
            if rows:
                predictions += [{**_common(record), **row} for row in rows]
            elif _LIKE.match(message):
                tally.refuse(file, replace(place, reason="a message of a request in another form"))
            else:
                tally.other += 1
        spools["requests"].add(requests)
        spools["predictions"].add(predictions)
    yield from batches(file, spools, tally)


def _common(record: Mapping[str, Any]) -> dict[str, Any]:
    """Who and when. The component is the deployment; of the proxy, which serves them all, the proxy."""
    deployment = record.get("deployment") or record.get("component_name")
    application = record.get("application")
    if application and deployment:
        deployment = str(deployment).removeprefix(f"{application}_")
    nanos = record.get("timestamp_ns")
    out = {
        "timestamp": nanos // 1_000 if isinstance(nanos, int) else None,
        "request_id": record.get("request_id"),
        "component": deployment,
    }
    return out | {name: record[name] for name in ("model", "model_version") if record.get(name) is not None}


def _request(found: re.Match[str]) -> dict[str, Any]:
    word = found["status"]
    return {
        "status": _STATUS.get(word) or int(word),
        "latency_ms": float(found["latency"]),
        "path": found["path"] or None,
    }


FORMAT = Format(
    detect=detect,
    kinds=("requests", "predictions"),
    unavailable={
        "model_version": "Ray Serve does not log the model's version",
        "variant": "Ray Serve has no variants",
        "input_bytes": "Ray Serve does not log sizes",
        "output_bytes": "Ray Serve does not log sizes",
    },
    read=read,
    appends=True,
    kind=kind_of,
)
