"""What OTLP JSON says of a span, a log record, a metric: typed, as far as it is read.

64-bit integers are texts or numbers, what is null or zero is absent.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

_NULL = msgspec.Raw(b"null")


class Value(msgspec.Struct, gc=False):
    """A value of an attribute; one of them is there."""

    stringValue: str | None = None  # noqa: N815 # OTLP's names, here and below
    intValue: int | None = None  # noqa: N815
    doubleValue: float | None = None  # noqa: N815
    boolValue: bool | None = None  # noqa: N815
    arrayValue: "Values | None" = None  # noqa: N815
    kvlistValue: "Named | None" = None  # noqa: N815
    bytesValue: str | None = None  # noqa: N815


class Values(msgspec.Struct, gc=False):
    """A list of values."""

    values: list[Value | None] | None = None


class Attribute(msgspec.Struct, gc=False):
    """A named value."""

    key: str
    value: Value | None = None


class Named(msgspec.Struct, gc=False):
    """A list of named values."""

    values: list[Attribute] | None = None


class Unread(msgspec.Struct, gc=False):
    """A named value that is decoded if its name means something: of a span few do."""

    key: str
    value: msgspec.Raw = _NULL


class Resource(msgspec.Struct, gc=False):
    """Who wrote it."""

    attributes: list[Attribute] | None = None


class Status(msgspec.Struct, gc=False):
    """Of a span; the code as a number, or by its name."""

    code: int | str | None = 0
    message: str | None = None


class Span(msgspec.Struct, gc=False):
    """A piece of work."""

    name: str | None = None
    traceId: str | None = None  # noqa: N815
    spanId: str | None = None  # noqa: N815
    parentSpanId: str | None = None  # noqa: N815
    startTimeUnixNano: int | None = None  # noqa: N815
    endTimeUnixNano: int | None = None  # noqa: N815
    attributes: list[Unread] | None = None
    status: Status | None = None


class Log(msgspec.Struct, gc=False):
    """A log record."""

    timeUnixNano: int | None = None  # noqa: N815
    observedTimeUnixNano: int | None = None  # noqa: N815
    traceId: str | None = None  # noqa: N815
    body: Value | None = None
    attributes: list[Attribute] | None = None


class Point(msgspec.Struct, gc=False):
    """A reading: a number, or count and sum of a histogram."""

    timeUnixNano: int | None = None  # noqa: N815
    asInt: int | None = None  # noqa: N815
    asDouble: float | None = None  # noqa: N815
    count: int | None = None
    sum: float | None = None


class Points(msgspec.Struct, gc=False):
    """Readings of one metric."""

    dataPoints: list[Point] | None = None  # noqa: N815


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

    spans: list[Span] | None = None
    logRecords: list[Log] | None = None  # noqa: N815
    metrics: list[Metric] | None = None


class Group(msgspec.Struct, gc=False):
    """What one process wrote. The resource is the same in most groups: it is decoded once."""

    resource: msgspec.Raw = _NULL
    scopeSpans: list[Scope] | None = None  # noqa: N815
    scopeLogs: list[Scope] | None = None  # noqa: N815
    scopeMetrics: list[Scope] | None = None  # noqa: N815


class Export(msgspec.Struct, gc=False):
    """One line."""

    resourceSpans: list[Group] | None = None  # noqa: N815
    resourceLogs: list[Group] | None = None  # noqa: N815
    resourceMetrics: list[Group] | None = None  # noqa: N815


# Not strict: a number may be a text.
EXPORT = msgspec.json.Decoder(Export, strict=False)
_RESOURCE = msgspec.json.Decoder(Resource | None, strict=False)
_VALUES = msgspec.json.Decoder(list[Value | None], strict=False)


def plain(value: Value | None) -> Any:
    """As JSON has it."""
    if value is None:
        return None
    for found in (value.stringValue, value.intValue, value.doubleValue, value.boolValue, value.bytesValue):
        if found is not None:
            return found
    return None if value.arrayValue is None else [plain(v) for v in value.arrayValue.values or ()]


def decoded(values: Sequence[msgspec.Raw]) -> list[Value | None]:
    """All at once."""
    return _VALUES.decode(b"[" + b",".join(values) + b"]")


def attributes_of(resource: msgspec.Raw) -> dict[str, Any]:
    """By name."""
    found = _RESOURCE.decode(resource)
    return {a.key: plain(a.value) for a in (found and found.attributes) or ()}
