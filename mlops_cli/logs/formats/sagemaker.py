"""SageMaker Data Capture (endpoints and batch transform), and its ground truth: JSON lines, or an array.

Payloads are texts within the record: CSV, JSON, or either in base64. A payload of several rows is a row
each, with its place as `row`. Columns of CSV have no names: `features.0`, `features.1` … until a list of
`features` in the configuration names them.
"""

import base64
import binascii
import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec
import polars as pl

from mlops_cli.logs.format import Batch, Format, LogFile
from mlops_cli.logs.json_lines import parse
from mlops_cli.logs.names import INPUTS
from mlops_cli.logs.records import records
from mlops_cli.logs.roles import normal
from mlops_cli.logs.rows import features, items, output, plain
from mlops_cli.logs.spool import Spool, Tally, batches, value

# …/ENDPOINT/VARIANT/yyyy/mm/dd/hh/FILE
_FOLDERS = re.compile(r"([^/\\]+)[/\\]([^/\\]+)[/\\]\d{4}[/\\]\d\d[/\\]\d\d[/\\]\d\d[/\\][^/\\]+$")
_LISTS = ("instances", "predictions", "inputs", "outputs", "data", "dataframerecords")
TYPES: Mapping[str, pl.DataType] = {
    "row": pl.UInt32(),
    "score": pl.Float64(),
    **dict.fromkeys(("request_id", "model", "variant"), pl.String()),
}


def detect(start: bytes, _: str) -> float:
    """Sure where the file begins as a record of a capture or of ground truth."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n[")
    record, _why = parse(text.split(b"\n", 1)[0].strip().rstrip(b",]"))
    if record is None:  # over several lines, or longer than what was read
        known = (b'"captureData"', b'"groundTruthData"')
        return (
            0.85
            if text.startswith(b"{") and any(k in start for k in known) and b'"eventMetadata"' in start
            else 0.0
        )
    return 0.9 if {"captureData", "groundTruthData"} & set(record) and "eventMetadata" in record else 0.0


def kind_of(start: bytes) -> str:
    """A merged file has both: its truth comes beside its predictions."""
    return "predictions" if b'"captureData"' in start else "feedback"


def read(file: LogFile) -> Iterator[Batch]:
    """Predictions and labels."""
    spools, tally = {"predictions": Spool(TYPES), "feedback": Spool(TYPES)}, Tally()
    found = _FOLDERS.search(file.shown) or _FOLDERS.search(file.path)
    where = {"model": found[1], "variant": found[2]} if found else {}
    for some in records(file):
        tally.refuse(file, *some.bad)
        captured: list[dict[str, Any]] = []
        truths: list[dict[str, Any]] = []
        for record, place in zip(some.records, some.places, strict=True):
            try:
                rows, labels = _rows(record)
            except (ValueError, TypeError, AttributeError, msgspec.MsgspecError) as error:
                tally.refuse(file, replace(place, reason=_why(error)))
                continue
            captured += [{**where, **row} for row in rows]
            truths += labels
        spools["predictions"].add(captured)
        spools["feedback"].add(truths)
    yield from batches(file, spools, tally)


def _why(error: Exception) -> str:
    """Of what is wrong with a payload, without the payload."""
    if isinstance(error, binascii.Error):
        return "the payload is no base64"
    if isinstance(error, UnicodeDecodeError):
        return "the payload is no text"
    if isinstance(error, msgspec.MsgspecError):
        return "the payload is no JSON"
    return str(error) if type(error) is ValueError else "the payload has another form"


def _rows(record: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    meta = record.get("eventMetadata") or {}
    ident = meta.get("inferenceId") or meta.get("eventId")
    if ident is None:
        raise ValueError("neither inferenceId nor eventId")
    labels = []
    if record.get("groundTruthData"):
        truths = _labels(record["groundTruthData"])
        places = [{"row": i} for i in range(len(truths))] if len(truths) > 1 else [{}]
        labels = [{"request_id": ident, **at, "label": one} for at, one in zip(places, truths, strict=True)]
    capture = record.get("captureData")
    if not isinstance(capture, Mapping):
        if not labels:
            raise ValueError("neither captureData nor groundTruthData")
        return [], labels
    given = _payload(_side(capture, "Input"))
    said = _payload(_side(capture, "Output"))
    rows = []
    for i in range(max(len(given), len(said))):
        row: dict[str, Any] = {"request_id": ident, "row": i, "timestamp": meta.get("inferenceTime")}
        row |= features(given[i]) if i < len(given) else {}
        row |= output(said[i]) if i < len(said) else {"prediction": None}
        rows.append(row)
    return rows, labels


def _side(capture: Mapping[str, Any], side: str) -> Mapping[str, Any]:
    return next((v for k, v in capture.items() if k.endswith(side) and isinstance(v, Mapping)), {})


def _labels(truth: Mapping[str, Any]) -> list[Any]:
    out = []
    for item in _payload(truth):
        if isinstance(item, Mapping):
            out.append(plain(next(iter(item.values()))))
        else:
            out += [plain(one) for one in item] if isinstance(item, list) else [plain(item)]
    return out


def _payload(side: Mapping[str, Any]) -> list[Any]:
    """The rows of a payload: objects, lists of values, or plain values."""
    data, encoding = side.get("data"), str(side.get("encoding", "CSV")).upper()
    if data is None:
        return []
    if not isinstance(data, str):
        return _json(data)
    if encoding == "BASE64":
        data = base64.b64decode(data, validate=True).decode()
        kind = str(side.get("observedContentType", ""))
        encoding = "CSV" if "csv" in kind else "JSON" if data.lstrip()[:1] in ("{", "[") else "CSV"
    if encoding == "JSON":
        try:
            return _json(msgspec.json.decode(data))
        except msgspec.MsgspecError:  # JSON lines, a row each
            return [
                row for line in data.splitlines() if line.strip() for row in _json(msgspec.json.decode(line))
            ]
    rows = list(csv.reader(data.strip("\n").splitlines()))
    return [[value(one) for one in row] for row in rows if row]


def _json(found: Any) -> list[Any]:
    """What a server's JSON has in its list, whatever that is called."""
    if isinstance(found, Mapping):
        for name, inner in found.items():
            if normal(name) in _LISTS and isinstance(inner, list):
                return inner if inner and isinstance(inner[0], list | Mapping) else _flat(name, inner)
        return [found]
    return items(found) if isinstance(found, list) else [found]


def _flat(name: str, inner: list[Any]) -> list[Any]:
    """A list of plain values: of predictions one each, of inputs the values of one row."""
    return [inner] if normal(name) in INPUTS or normal(name) in ("instances", "data") else inner


FORMAT = Format(
    detect=detect,
    kinds=("predictions", "feedback"),
    unavailable={
        "model_version": "Data Capture does not log the model's version",
        "latency_ms": "Data Capture has only the second of a request, no duration",
        "status": "Data Capture has successful requests only",
        "label_time": "SageMaker's ground truth has no time",
    },
    read=read,
    appends=True,
    kind=kind_of,
    positions="features.{}",
)
