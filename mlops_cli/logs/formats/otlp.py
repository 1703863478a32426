"""OTLP as JSON (OpenTelemetry's file exporter): spans, logs and metrics, a batch of records a line.

64-bit integers are texts, ids are hex, what is null or zero is absent. A log record with inputs or outputs
of a model is a prediction, a span of a language model is one beside its span.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import polars as pl

from mlops_cli.logs.format import Batch, Format, LogFile
from mlops_cli.logs.names import INPUTS, NAMES
from mlops_cli.logs.records import records
from mlops_cli.logs.roles import normal
from mlops_cli.logs.rows import PREDICTED, SCORES
from mlops_cli.logs.spool import Spool, Tally, batches
from mlops_cli.logs.stream import HEAD

KINDS = {b'"resourceSpans"': "spans", b'"resourceLogs"': "predictions", b'"resourceMetrics"': "gauges"}
# What instrumentation adds to every record.
PASSED = ("code.", "telemetry.", "thread.", "process.", "exception.", "log.", "bento_meta")
STATUS = ("http.response.status_code", "http.status_code", "rpc.grpc.status_code")
VARIANT = ("deployment.environment.name", "deployment.environment")
REQUEST = ("request_id", "http.request.header.x-request-id", "x-request-id")
TRUTHS = {*NAMES["label"], *NAMES["user_action"]}
PEOPLE = {*NAMES["rater"], *NAMES["decision"]}
GAUGES: Mapping[str, str] = {
    "system.cpu.utilization": "cpu-utilisation",
    "process.cpu.utilization": "cpu-utilisation",
    "container.cpu.utilization": "cpu-utilisation",
    "system.memory.utilization": "memory-utilisation",
    "container.memory.utilization": "memory-utilisation",
    "system.cpu.load_average.1m": "load",
}
# Attributes of a span that have a meaning here; the others are not looked at.
OF_SPAN = frozenset(
    {
        *STATUS, *REQUEST, "component", "model", "model_version", "variant", "error.type",
        "gen_ai.request.model",
        "gen_ai.response.id", "gen_ai.response.model", "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
    }
)  # fmt: skip
_NONE = 2**63 - 16  # what some exporters write for a reading that is not there
TYPES: Mapping[str, pl.DataType] = {
    "timestamp": pl.Datetime("us", "UTC"),
    "latency_ms": pl.Float64(),
    "status": pl.Int16(),
    "row": pl.UInt32(),
    "value": pl.Float64(),
    "trace_id": pl.String(),
    "request_id": pl.String(),
}


class Value(msgspec.Struct, gc=False):
    """A value of an attribute; one of them is there."""

    stringValue: str | None = None  # noqa: N815 # OTLP's names, here and below
    intValue: int | str | None = None  # noqa: N815
    doubleValue: float | str | None = None  # noqa: N815
    boolValue: bool | None = None  # noqa: N815
    arrayValue: Any = None  # noqa: N815
    kvlistValue: Any = None  # noqa: N815
    bytesValue: str | None = None  # noqa: N815


class Attribute(msgspec.Struct, gc=False):
    """A named value."""

    key: str
    value: Value | None = None


Attributes = Sequence[Attribute]


class Resource(msgspec.Struct, gc=False):
    """Who wrote it."""

    attributes: list[Attribute] = []


class Status(msgspec.Struct, gc=False):
    """Of a span; 2 is an error."""

    code: int | str = 0
    message: str = ""


class Span(msgspec.Struct, gc=False):
    """A piece of work."""

    name: str = ""
    traceId: str = ""  # noqa: N815
    spanId: str = ""  # noqa: N815
    parentSpanId: str = ""  # noqa: N815
    startTimeUnixNano: int | str = 0  # noqa: N815
    endTimeUnixNano: int | str = 0  # noqa: N815
    attributes: list[Attribute] = []
    status: Status | None = None


class Log(msgspec.Struct, gc=False):
    """A log record."""

    timeUnixNano: int | str = 0  # noqa: N815
    observedTimeUnixNano: int | str = 0  # noqa: N815
    traceId: str = ""  # noqa: N815
    body: Value | None = None
    attributes: list[Attribute] = []


class Point(msgspec.Struct, gc=False):
    """A reading: a number, or count and sum of a histogram."""

    timeUnixNano: int | str = 0  # noqa: N815
    asInt: int | str | None = None  # noqa: N815
    asDouble: float | str | None = None  # noqa: N815
    count: int | str | None = None
    sum: float | str | None = None


class Points(msgspec.Struct, gc=False):
    """Readings of one metric."""

    dataPoints: list[Point] = []  # noqa: N815


class Metric(msgspec.Struct, gc=False):
    """A metric; one of the five is there."""

    name: str = ""
    gauge: Points | None = None
    sum: Points | None = None
    histogram: Points | None = None
    exponentialHistogram: Points | None = None  # noqa: N815
    summary: Points | None = None


class Scope(msgspec.Struct, gc=False):
    """What one library wrote."""

    spans: list[Span] = []
    logRecords: list[Log] = []  # noqa: N815
    metrics: list[Metric] = []


class Group(msgspec.Struct, gc=False):
    """What one process wrote."""

    resource: Resource | None = None
    scopeSpans: list[Scope] = []  # noqa: N815
    scopeLogs: list[Scope] = []  # noqa: N815
    scopeMetrics: list[Scope] = []  # noqa: N815


class Export(msgspec.Struct, gc=False):
    """One line."""

    resourceSpans: list[Group] = []  # noqa: N815
    resourceLogs: list[Group] = []  # noqa: N815
    resourceMetrics: list[Group] = []  # noqa: N815


_DECODER = msgspec.json.Decoder(Export)


def detect(start: bytes, _: str) -> float:
    """Sure where the file begins with a batch of OTLP."""
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return 0.95 if text.startswith(b"{") and any(name in text[:200] for name in KINDS) else 0.0


def kind_of(start: bytes) -> str:
    """By the first batch; what else there is comes beside it."""
    found = {start.find(name): kind for name, kind in KINDS.items() if name in start[:HEAD]}
    return found[min(found)] if found else "spans"


@dataclass
class _Rows:
    """Rows of each kind."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    other: int = 0

    def add(self, kind: str, row: dict[str, Any]) -> None:
        self.rows.setdefault(kind, []).append(row)


def read(file: LogFile) -> Iterator[Batch]:
    """Spans, predictions, readings, feedback and decisions; log records of anything else are counted."""
    spools: dict[str, Spool] = {}
    pending: dict[str, list[dict[str, Any]]] = {}
    tally = Tally()
    for some in records(file, _DECODER):
        tally.refuse(file, *some.bad)
        for export, place in zip(some.records, some.places, strict=True):
            try:
                found = _rows(export)
            except (ValueError, TypeError, AttributeError, msgspec.MsgspecError):
                tally.refuse(file, replace(place, reason="OTLP, but a value is not what its field wants"))
                continue
            tally.other += found.other
            for kind, rows in found.rows.items():
                pending.setdefault(kind, []).extend(rows)
        for kind, rows in pending.items():
            spools.setdefault(kind, Spool(TYPES)).add(rows)
        pending.clear()
    yield from batches(file, spools, tally)


def _rows(export: Export) -> "_Rows":
    out = _Rows()
    for group in export.resourceSpans:
        _spans(group, out)
    for group in export.resourceLogs:
        _logs(group, out)
    for group in export.resourceMetrics:
        _readings(group, out)
    return out


def _value(value: Value | None) -> Any:
    """As JSON has it; integers are numbers again."""
    if value is None:
        return None
    if value.stringValue is not None:
        return value.stringValue
    if value.intValue is not None:
        return int(value.intValue)
    if value.doubleValue is not None:
        return float(value.doubleValue)
    if value.arrayValue is not None:
        return [_value(msgspec.convert(v, Value)) for v in value.arrayValue.get("values", ())]
    return value.boolValue if value.boolValue is not None else value.bytesValue


def _dict(attributes: Attributes) -> dict[str, Any]:
    return {a.key: _value(a.value) for a in attributes}


def _first(have: Mapping[str, Any], names: Sequence[str]) -> Any:
    for name in names:
        found = have.get(name)
        if found is not None and found != "":
            return found
    return None


def _micros(nanos: int | str) -> int | None:
    return int(nanos) // 1_000 or None


def _of(group: Group) -> dict[str, Any]:
    """What the resource says of all its records."""
    have = _dict(group.resource.attributes) if group.resource else {}
    return {
        "model_version": _first(have, ("model_version", "service.version")),
        "variant": _first(have, ("variant", *VARIANT)),
        "host": _first(have, ("host.name", "service.instance.id", "service.name")),
    }


def _id(text: str) -> str | None:
    """32 hex digits; some exporters write base64."""
    if not text or len(text) == 32:
        return text.lower() or None
    try:
        return base64.b64decode(text, validate=True).hex()
    except ValueError:
        return text


def _spans(group: Group, out: _Rows) -> None:
    whole = _of(group)
    version, variant = whole["model_version"], whole["variant"]
    for scope in group.scopeSpans:
        for span in scope.spans:
            have = {a.key: _value(a.value) for a in span.attributes if a.key in OF_SPAN}
            code = _first(have, STATUS)
            failed = span.status is not None and span.status.code in (2, "STATUS_CODE_ERROR")
            start, end = int(span.startTimeUnixNano), int(span.endTimeUnixNano)
            row = {
                "trace_id": _id(span.traceId),
                "timestamp": start // 1_000 or None,
                "component": have.get("component") or span.name,
                "parent": span.parentSpanId or None,
                "latency_ms": (end - start) / 1e6 if end else None,
                "status": code if isinstance(code, int) and code >= 100 else 500 if failed else 200,
                "error": have.get("error.type")
                or (span.status.message if failed and span.status else "")
                or None,
                "request_id": _first(have, REQUEST),
                "model": have.get("model"),
                "model_version": have.get("model_version") or version,
                "variant": have.get("variant") or variant,
                "span_id": span.spanId or None,
            }
            out.add("spans", row)
            if "gen_ai.request.model" in have:
                out.add("predictions", _generated(have, row))


def _generated(have: Mapping[str, Any], span: Mapping[str, Any]) -> dict[str, Any]:
    """The call of a language model; tokens that are 0 are absent."""
    answered = have.get("gen_ai.response.id") is not None
    names = ("trace_id", "timestamp", "variant", "latency_ms", "status", "error")
    return {
        **{name: span[name] for name in names},
        "request_id": have.get("gen_ai.response.id"),
        "model": have.get("gen_ai.response.model") or have.get("gen_ai.request.model"),
        "tokens_in": have.get("gen_ai.usage.input_tokens", 0 if answered else None),
        "tokens_out": have.get("gen_ai.usage.output_tokens", 0 if answered else None),
    }


def _logs(group: Group, out: _Rows) -> None:
    whole = {k: v for k, v in _of(group).items() if k != "host" and v is not None}
    for scope in group.scopeLogs:
        for log in scope.logRecords:
            have = {**_body(log.body), **_dict(log.attributes)}
            kind = _kind({normal(name.split(".")[0]) for name in have})
            if not kind:
                out.other += 1
                continue
            kept = {k: v for k, v in have.items() if not k.startswith(PASSED)}
            own = {"timestamp": _micros(log.timeUnixNano) or _micros(log.observedTimeUnixNano)}
            out.add(kind, {**whole, **kept, **own, "trace_id": _id(log.traceId) or kept.get("trace_id")})


def _body(body: Value | None) -> dict[str, Any]:
    """A body that is a list of named values is like attributes."""
    if body is None or not isinstance(body.kvlistValue, Mapping):
        return {}
    return _dict([msgspec.convert(v, Attribute) for v in body.kvlistValue.get("values", ())])


def _kind(names: set[str]) -> str:
    if names & (PREDICTED | SCORES | INPUTS):
        return "predictions"
    if names & TRUTHS:
        return "feedback"
    return "decisions" if names & PEOPLE else ""


def _readings(group: Group, out: _Rows) -> None:
    host = _of(group)["host"]
    for scope in group.scopeMetrics:
        for metric in scope.metrics:
            name = GAUGES.get(metric.name, metric.name)
            for points in (
                metric.gauge,
                metric.sum,
                metric.histogram,
                metric.exponentialHistogram,
                metric.summary,
            ):
                for point in points.dataPoints if points else ():
                    row = {"timestamp": _micros(point.timeUnixNano), "host": host}
                    for suffix, value in _numbers(point):
                        out.add("gauges", {**row, "metric": name + suffix, "value": value})


def _numbers(point: Point) -> Iterator[tuple[str, float | None]]:
    if point.count is not None:
        yield ".count", float(point.count)
        if point.sum is not None:
            yield ".sum", float(point.sum)
        return
    number = point.asInt if point.asInt is not None else point.asDouble
    known = number is not None and float(number) < _NONE
    yield "", float(number) if known and number is not None else None


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
