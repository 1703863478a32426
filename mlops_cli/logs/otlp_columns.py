"""Records of OTLP → columns: what each attribute means, for many records at once."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
import polars as pl

from mlops_cli.logs.names import INPUTS, NAMES
from mlops_cli.logs.otlp_records import (
    Attribute,
    Export,
    Group,
    Log,
    Metric,
    Point,
    Span,
    attributes_of,
    decoded,
    plain,
)
from mlops_cli.logs.roles import normal
from mlops_cli.logs.rows import PREDICTED, SCORES
from mlops_cli.logs.spool import column

# What instrumentation adds to every record.
PASSED = ("code.", "telemetry.", "thread.", "process.", "exception.", "log.", "bento_meta")
STATUS = ("http.response.status_code", "http.status_code", "rpc.grpc.status_code")
VERSION = ("model_version", "service.version")
VARIANT = ("variant", "deployment.environment.name", "deployment.environment")
HOST = ("host.name", "service.instance.id", "service.name")
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
FAILED = (2, "2", "STATUS_CODE_ERROR")
ASKED = "gen_ai.request.model"
# Attributes of a span that have a meaning here; the others are not looked at.
OF_SPAN = frozenset(
    {
        *STATUS, *REQUEST, ASKED, "component", "model", "model_version", "variant", "error.type",
        "gen_ai.response.id", "gen_ai.response.model", "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
    }
)  # fmt: skip
_NONE = 2**63 - 16  # what some exporters write for a reading that is not there
Values = list[Any]  # of a column, None where there is none


@dataclass
class Columns:
    """Frames with their kind, in the order of the records; records of anything else are counted."""

    frames: list[tuple[str, pl.DataFrame]] = field(default_factory=list)
    other: int = 0

    def add(self, kind: str, columns: Mapping[str, Sequence[Any] | pl.Series]) -> None:
        """Further rows."""
        made = [v.alias(n) if isinstance(v, pl.Series) else column(n, v) for n, v in columns.items()]
        self.frames.append((kind, pl.DataFrame(made)))


def columns_of(exports: Sequence[Export]) -> Columns:
    """Spans, predictions, feedback, decisions and gauges.

    Raises
    ------
    ValueError, TypeError, OverflowError, msgspec.MsgspecError
        Where a value of one of the exports is not what its field wants.

    """
    out = Columns()
    _spans([g for e in exports for g in e.resourceSpans or ()], out)
    _logs([g for e in exports for g in e.resourceLogs or ()], out)
    _readings([g for e in exports for g in e.resourceMetrics or ()], out)
    return out


@dataclass(frozen=True)
class _Origin:
    """What the resource says of all its records."""

    version: Any
    variant: Any
    host: Any


def _origin(group: Group) -> _Origin:
    return _known_origin(bytes(group.resource))


@lru_cache(maxsize=256)
def _known_origin(resource: bytes) -> _Origin:
    have = attributes_of(msgspec.Raw(resource))
    version, variant, host = (
        next((have[n] for n in names if have.get(n) not in (None, "")), None)
        for names in (VERSION, VARIANT, HOST)
    )
    return _Origin(version, variant, host)


def _first(*columns: Sequence[Any] | None) -> Values:
    """Of each record the first value that is not empty; no column: none of the records has one."""
    out: Values = []
    for values in columns:
        if values is not None:
            more = [v if v != "" else None for v in values]
            out = [a if a is not None else b for a, b in zip(out, more, strict=True)] if out else more
    return out


def _ids(texts: Sequence[str | None]) -> Values:
    """32 hex digits; some exporters write base64."""
    return [t.lower() if t and len(t) == 32 else _odd_id(t) for t in texts]


def _odd_id(text: str | None) -> str | None:
    if not text:
        return None
    try:
        return base64.b64decode(text, validate=True).hex()
    except ValueError:
        return text


def _micros(nanos: Sequence[int | None]) -> pl.Series:
    """Null where there is no time, or 0."""
    whole = np.array([n or 0 for n in nanos], dtype=np.int64) // 1_000
    return pl.Series(whole).replace(0, None)


def _spans(groups: Sequence[Group], out: Columns) -> None:
    spans: list[Span] = []
    origins: list[_Origin] = []
    for group in groups:
        for scope in group.scopeSpans or ():
            spans += scope.spans or ()
            origins += [_origin(group)] * (len(spans) - len(origins))
    if not spans:
        return
    have = _of_spans(spans)
    get = have.get
    start = np.array([s.startTimeUnixNano or 0 for s in spans], dtype=np.int64)
    end = np.array([s.endTimeUnixNano or 0 for s in spans], dtype=np.int64)
    failed = [s.status is not None and s.status.code in FAILED for s in spans]
    said = [s.status.message if s.status and bad else None for s, bad in zip(spans, failed, strict=True)]
    codes = _first(*map(get, STATUS)) or [None] * len(spans)
    rows: dict[str, Any] = {
        "trace_id": _ids([s.traceId for s in spans]),
        "timestamp": pl.Series(start // 1_000).replace(0, None),
        "component": _first(get("component"), [s.name for s in spans]),
        "parent": _first([s.parentSpanId for s in spans]),
        "latency_ms": pl.Series((end - start) / 1e6).set(pl.Series(end == 0), None),
        "status": [
            code if isinstance(code, int) and code >= 100 else 500 if bad else 200
            for code, bad in zip(codes, failed, strict=True)
        ],
        "error": _first(get("error.type"), said if any(failed) else None),
        "request_id": _first(*map(get, REQUEST)),
        "model": _first(get("model")),
        "model_version": _first(get("model_version"), _whole([o.version for o in origins])),
        "variant": _first(get("variant"), _whole([o.variant for o in origins])),
        "span_id": _first([s.spanId for s in spans]),
    }
    rows = {name: values for name, values in rows.items() if len(values)}
    out.add("spans", rows)
    if ASKED in have:
        _generated(have, out)


def _whole(values: Values) -> Values | None:
    return None if set(map(id, values)) == {id(None)} else values


def _of_spans(spans: Sequence[Span]) -> dict[str, Values]:
    """Columns of the attributes that mean something."""
    found = [(i, a) for i, s in enumerate(spans) for a in s.attributes or () if a.key in OF_SPAN]
    values = decoded([a.value for _, a in found])
    out: dict[str, Values] = {name: [None] * len(spans) for name in {a.key for _, a in found}}
    for (i, attribute), value in zip(found, values, strict=True):
        # Most are texts: they are not worth a call.
        out[attribute.key][i] = value.stringValue if value and value.stringValue is not None else plain(value)
    return out


def _generated(have: Mapping[str, Values], out: Columns) -> None:
    """The calls of language models; tokens that are 0 are absent."""
    asked = [i for i, name in enumerate(have[ASKED]) if name is not None]
    frame = out.frames[-1][1][asked]
    copied = [n for n in ("trace_id", "timestamp", "variant", "latency_ms", "status", "error") if n in frame]

    def of(name: str) -> Values:
        return [have[name][i] for i in asked] if name in have else [None] * len(asked)

    answer = of("gen_ai.response.id")
    rows: dict[str, Any] = {name: frame[name] for name in copied}
    rows["request_id"] = answer
    rows["model"] = _first(of("gen_ai.response.model"), of(ASKED))
    for name in ("input", "output"):
        tokens = zip(of(f"gen_ai.usage.{name}_tokens"), answer, strict=True)
        known = [0 if n is None and a is not None else n for n, a in tokens]
        rows["tokens_in" if name == "input" else "tokens_out"] = known
    out.add("predictions", rows)


def _logs(groups: Sequence[Group], out: Columns) -> None:
    by_kind: dict[str, list[tuple[Log, list[Attribute], _Origin]]] = {}
    for group in groups:
        origin = _origin(group)
        for scope in group.scopeLogs or ():
            for log in scope.logRecords or ():
                # A body that is a list of named values is like attributes.
                body = log.body.kvlistValue if log.body else None
                named = [*((body and body.values) or ()), *(log.attributes or ())]
                by_kind.setdefault(_kind(named), []).append((log, named, origin))
    out.other += len(by_kind.pop("", ()))
    for kind, records in by_kind.items():
        _of_kind(kind, records, out)


def _kind(named: Sequence[Attribute]) -> str:
    kinds = {_kind_of(a.key) for a in named}
    return next((kind for kind in ("predictions", "feedback", "decisions") if kind in kinds), "")


@lru_cache(maxsize=10_000)
def _kind_of(name: str) -> str:
    """The kind of a record that has a value of this name, if nothing else says more."""
    name = normal(name.split(".", maxsplit=1)[0])
    if name in PREDICTED or name in SCORES or name in INPUTS:
        return "predictions"
    return "feedback" if name in TRUTHS else "decisions" if name in PEOPLE else ""


def _of_kind(kind: str, records: Sequence[tuple[Log, list[Attribute], _Origin]], out: Columns) -> None:
    count = len(records)
    rows: dict[str, Any] = {}
    for name, whole in (("model_version", "version"), ("variant", "variant")):
        values = [getattr(origin, whole) for _, _, origin in records]
        if any(v is not None for v in values):
            rows[name] = values
    for i, (_, named, _) in enumerate(records):
        for attribute in named:
            if attribute.key not in rows:
                if attribute.key.startswith(PASSED):
                    continue
                rows[attribute.key] = [None] * count
            rows[attribute.key][i] = plain(attribute.value)
    own = _ids([log.traceId for log, _, _ in records])
    rows["timestamp"] = _micros([log.timeUnixNano or log.observedTimeUnixNano for log, _, _ in records])
    rows["trace_id"] = _first(own, rows.get("trace_id"))
    out.add(kind, rows)


def _readings(groups: Sequence[Group], out: Columns) -> None:
    rows: list[tuple[int | None, Any, str, float | None]] = []
    for group in groups:
        host = _origin(group).host
        for scope in group.scopeMetrics or ():
            for metric in scope.metrics or ():
                name = GAUGES.get(metric.name, metric.name)
                rows += [
                    (point.timeUnixNano, host, name + suffix, value)
                    for point in _points(metric)
                    for suffix, value in _numbers(point)
                ]
    if rows:
        times, hosts, names, values = zip(*rows, strict=True)
        out.add("gauges", {"timestamp": _micros(times), "host": hosts, "metric": names, "value": values})


def _points(metric: Metric) -> Iterator[Point]:
    kinds = (metric.gauge, metric.sum, metric.histogram, metric.exponentialHistogram, metric.summary)
    for points in kinds:
        yield from (points and points.dataPoints) or ()


def _numbers(point: Point) -> Iterator[tuple[str, float | None]]:
    if point.count is not None:
        yield ".count", float(point.count)
        if point.sum is not None:
            yield ".sum", point.sum
        return
    number = point.asInt if point.asInt is not None else point.asDouble
    yield "", float(number) if number is not None and number < _NONE else None
