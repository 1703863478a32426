"""Behind: the rows of the logs that a finding speaks of, worst first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as default

import polars as pl

from mlops_cli.logs.canon import FEATURE, KINDS
from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Logs, Part

SERVED = ("requests", "predictions", "spans")
PREDICTED = ("predictions",)
JOINED = ("feedback",)


@dataclass(frozen=True)
class Wanted:
    """Which rows.

    Parameters
    ----------
    code, field : of the finding
    start, stop : microseconds, half-open
    model, component, arm : empty: all
    segment : column → value
    low, high : of the baseline's values; None: unknown
    mean, sd : of the baseline's values
    known : values that the baseline has; grown: values whose share has grown, most first
    upward : the finding's value lies above its reference
    hidden : of the values only their lengths may be shown

    """

    code: str
    field: str
    start: int
    stop: int
    model: str = ""
    component: str = ""
    arm: str = ""
    segment: Mapping[str, str] = default(default_factory=dict)
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    sd: float | None = None
    known: Sequence[str] = ()
    grown: Sequence[str] = ()
    upward: bool = True
    hidden: bool = False


Worst = Callable[[pl.Expr, Wanted], pl.Expr]  # value → how bad; null: not behind the finding


def _when(condition: pl.Expr) -> pl.Expr:
    return pl.when(condition).then(1.0)


def _length(value: pl.Expr, wanted: Wanted) -> pl.Expr:
    length = value.cast(pl.String).str.len_bytes().cast(pl.Float64)
    return length if wanted.upward else -length


def _beyond(value: pl.Expr, wanted: Wanted) -> pl.Expr:
    x = value.cast(pl.Float64, strict=False)
    if wanted.low is None or wanted.high is None:
        return x.abs()
    far = pl.max_horizontal(x - wanted.high, wanted.low - x)
    return pl.when(x.is_finite() & (far > 0)).then(far)


def _away(value: pl.Expr, wanted: Wanted) -> pl.Expr:
    if wanted.grown:
        text = value.cast(pl.String)
        rank = {v: float(len(wanted.grown) - i) for i, v in enumerate(wanted.grown)}
        return text.replace_strict(rank, default=None, return_dtype=pl.Float64)
    x = value.cast(pl.Float64, strict=False)
    return pl.when(x.is_finite()).then((x - (wanted.mean or 0.0)).abs())


def _failed(value: pl.Expr, _wanted: Wanted) -> pl.Expr:
    status = value.cast(pl.Float64, strict=False)
    return pl.when(status >= 500).then(status)


def _signed(value: pl.Expr, wanted: Wanted) -> pl.Expr:
    x = value.cast(pl.Float64, strict=False)
    return pl.when(x.is_finite()).then(x if wanted.upward else -x)


def _null(value: pl.Expr, _wanted: Wanted) -> pl.Expr:
    number = value.cast(pl.Float64, strict=False)
    return _when(value.is_null() | number.is_nan().fill_null(value=False))


# code → kinds of log to look in, canonical column ("": the finding's field), how bad a value is
HOW: Mapping[str, tuple[tuple[str, ...], str, Worst]] = {
    "missing-rate": (PREDICTED, "", _null),
    "empty-rate": (PREDICTED, "", lambda v, _: _when(v.cast(pl.String) == "")),
    "infinite-rate": (PREDICTED, "", lambda v, _: _when(v.cast(pl.Float64, strict=False).is_infinite())),
    "text-length": (PREDICTED, "", _length),
    "out-of-range": (PREDICTED, "", _beyond),
    "unseen-rate": (PREDICTED, "", lambda v, w: _when(~v.cast(pl.String).is_in(list(w.known)))),
    "top-share": (PREDICTED, "", _away),
    "drift": (PREDICTED, "", _away),
    "score-mean": (PREDICTED, "score", _signed),
    "null-rate": (PREDICTED, "prediction", _null),
    "error-rate": (SERVED, "status", _failed),
    "client-error-rate": (
        SERVED, "status", lambda v, _: _when(v.cast(pl.Float64, strict=False).is_between(400, 499))
    ),
    "latency-p50": (SERVED, "latency_ms", _signed),
    "latency-p90": (SERVED, "latency_ms", _signed),
    "latency-p95": (SERVED, "latency_ms", _signed),
    "latency-p99": (SERVED, "latency_ms", _signed),
    "queue-p95": (("requests",), "queue_ms", _signed),
    "action-rate": (JOINED, "user_action", lambda v, w: _when(v == w.field)),
}  # fmt: skip


def behind(logs: Logs, wanted: Wanted, number: int) -> pl.DataFrame | None:
    """The rows of a finding, worst first, then the latest.

    Parameters
    ----------
    logs : opened
    wanted : which rows
    number : at most so many

    Returns
    -------
    frame of `request_id`, `timestamp`, `value`, `file`; None where no single row is behind such a finding

    """
    code = "drift" if wanted.code.startswith("drift-") else wanted.code
    if code not in HOW:
        return None
    kinds, column, worst = HOW[code]
    for kind in kinds:
        frames = [
            _part(part, wanted, column or _column(kind, wanted.field), worst, number)
            for part in logs.of(kind)
        ]
        found = [f for f in frames if f is not None]
        if found:
            rows = pl.concat(found)
            if not rows.is_empty() or kind == kinds[-1]:
                return (
                    rows.sort("worst", "timestamp", descending=True, nulls_last=True)
                    .head(number)
                    .drop("worst")
                )
    return pl.DataFrame(
        schema={"request_id": pl.String, "timestamp": pl.Datetime, "value": pl.String, "file": pl.String}
    )


def _shown(value: pl.Expr, wanted: Wanted) -> pl.Expr:
    """The value; of one that may not be shown its length."""
    text = value.cast(pl.String, strict=False)
    return text.str.len_bytes().cast(pl.String) + " bytes" if wanted.hidden else text


def _column(kind: str, name: str) -> str:
    return name if name in KINDS[kind] else f"{FEATURE}{name}"


def _part(part: Part, wanted: Wanted, column: str, worst: Worst, number: int) -> pl.DataFrame | None:
    has = available(part)
    if column not in has:
        return None
    value = expression(part, column)
    conditions = []
    if "timestamp" in has:
        at = expression(part, "timestamp").dt.timestamp("us")
        conditions.append((at >= wanted.start) & (at < wanted.stop))
    arm = "variant" if "variant" in has else "model_version"
    named = {"model": wanted.model, "component": wanted.component, arm: wanted.arm}
    named |= {_column(part.kind, k): v for k, v in wanted.segment.items()}
    for name, is_ in named.items():
        if is_ and name not in has:
            return None
        if is_:
            conditions.append(expression(part, name).cast(pl.String) == is_)
    key = next((k for k in ("request_id", "trace_id") if k in has), None)
    nothing = pl.lit(None, pl.String)
    rows = pl.scan_parquet(part.path, glob=False)
    if conditions:
        rows = rows.filter(pl.all_horizontal(conditions))
    return (
        rows.select(
            request_id=expression(part, key).cast(pl.String) if key else nothing,
            timestamp=expression(part, "timestamp")
            if "timestamp" in has
            else pl.lit(None, pl.Datetime("us", "UTC")),
            value=_shown(value, wanted),
            file=pl.lit(part.source.shown),
            worst=worst(value, wanted),
        )
        .filter(pl.col("worst").is_not_null())
        .top_k(number, by=["worst", "timestamp"])
        .collect()
    )
