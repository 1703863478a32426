"""The canonical columns of every kind of log: name, dtype, unit, meaning (`log-formats.md` 1.1)."""

from dataclasses import dataclass

import polars as pl

TIME = pl.Datetime("us", "UTC")


@dataclass(frozen=True)
class Column:
    """One canonical column; `unit` is empty where there is none."""

    dtype: pl.DataType
    unit: str
    meaning: str


def _text(meaning: str) -> Column:
    return Column(pl.String(), "", meaning)


def _number(unit: str, meaning: str) -> Column:
    return Column(pl.Float64(), unit, meaning)


_ID = _text("joins the kinds of log; with `row` it names one prediction")
_TRACE = _text("32 hex digits; joins where a log has no request_id")
_ROW = Column(pl.UInt32(), "", "position in a batch request")
_TIMESTAMP = Column(TIME, "UTC", "when it happened")
_MODEL = _text("which model; logs of several models are judged model by model")
_VERSION = _text("version of the model")
_VARIANT = _text("as logged: stable, canary, blue, green, shadow")
_COMPONENT = _text("part of the pipeline")
_LATENCY = _number("ms", "how long it took")
_STATUS = Column(pl.Int16(), "", "HTTP status")
_ERROR = _text("error text; null where all went well")

KINDS: dict[str, dict[str, Column]] = {
    "predictions": {
        "request_id": _ID,
        "row": _ROW,
        "trace_id": _TRACE,
        "timestamp": _TIMESTAMP,
        "model": _MODEL,
        "model_version": _VERSION,
        "variant": _VARIANT,
        "component": _COMPONENT,
        "user_id": _text("who asked; hashed, never shown"),
        "item": _text("what was asked; without it all features together"),
        "prediction": Column(pl.String(), "", "the output; numbers stay numbers"),
        "score": _number("", "confidence or P(positive)"),
        "latency_ms": _LATENCY,
        "status": _STATUS,
        "error": _ERROR,
        "input_bytes": _number("bytes", "size of the request"),
        "output_bytes": _number("bytes", "size of the response"),
        "tokens_in": _number("tokens", "tokens of the request"),
        "tokens_out": _number("tokens", "tokens of the response"),
        "cost": _number("", "price of the call"),
    },
    "feedback": {
        "request_id": _ID,
        "row": _ROW,
        "trace_id": _TRACE,
        "label": Column(pl.String(), "", "the truth that arrived later; numbers stay numbers"),
        "label_time": Column(TIME, "UTC", "when it became known"),
        "user_action": _text("accept, redo, edit, reject"),
    },
    "decisions": {
        "request_id": _ID,
        "row": _ROW,
        "timestamp": _TIMESTAMP,
        "rater": _text("who decided"),
        "decision": Column(pl.String(), "", "what was decided"),
        "confidence": _number("", "how sure the person was"),
        "human_saw_model": Column(pl.Boolean(), "", "whether the model's output was visible"),
        "seconds": _number("s", "how long it took"),
    },
    "requests": {
        "request_id": _ID,
        "trace_id": _TRACE,
        "timestamp": _TIMESTAMP,
        "model": _MODEL,
        "model_version": _VERSION,
        "variant": _VARIANT,
        "component": _COMPONENT,
        "latency_ms": _LATENCY,
        "queue_ms": _number("ms", "how long it waited"),
        "status": _STATUS,
        "path": _text("what was called"),
        "input_bytes": _number("bytes", "size of the request"),
        "output_bytes": _number("bytes", "size of the response"),
    },
    "spans": {
        "request_id": _ID,
        "trace_id": _TRACE,
        "timestamp": _TIMESTAMP,
        "model": _MODEL,
        "model_version": _VERSION,
        "variant": _VARIANT,
        "component": _COMPONENT,
        "parent": _text("the span above"),
        "latency_ms": _LATENCY,
        "status": _STATUS,
        "error": _ERROR,
    },
    "gauges": {
        "timestamp": _TIMESTAMP,
        "host": _text("which machine or process"),
        "metric": _text("what was read: cpu-utilisation, memory-utilisation, load ..."),
        "value": _number("", "the reading"),
    },
}

# A column whose name is not canonical is a feature; in a canonical frame it is called `features.NAME`.
FEATURE = "features."
