"""Spans as one narrow table: which request, which component, when, how long, and whether it failed."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Part

SPANS: dict[str, pl.DataType] = {
    "request": pl.UInt64(),  # hash of request_id, else of trace_id; null where there is neither
    "component": pl.String(),
    "parent": pl.String(),
    "start": pl.Int64(),  # microseconds, UTC
    "end": pl.Int64(),
    "failed": pl.Boolean(),
}
ABSENT = ("", "-")
SLACK = 2_000  # microseconds by which two clocks of one machine's logs may differ


@dataclass(frozen=True)
class Spans:
    """All spans of the logs, and what was left out or could not be told, in words."""

    frame: pl.DataFrame
    notes: tuple[str, ...] = ()


def spans(parts: Sequence[Part]) -> Spans:
    """Spans with a component and a time, each once.

    A span fails with a status of 500 or more, or with an error; one without duration has none. Where there
    are no spans, access logs of several components stand for them: a record is written when the answer is
    given, so its time is the end.

    Parameters
    ----------
    parts : of any kinds

    """
    mine = _parts(parts)
    if not mine:
        return Spans(pl.DataFrame(schema=SPANS))
    name = next((n for n in ("request_id", "trace_id") if all(n in available(p) for p in mine)), "")
    frame = pl.concat([_of(part, name) for part in mine]).collect(engine="streaming")
    whole = frame.filter(pl.col("component").is_not_null() & pl.col("start").is_not_null())
    lost = frame.height - whole.height
    notes = [] if not lost else [f"spans without a component or a time, left out: {lost:,}"]
    if not name:
        notes.append("spans name no request and no trace: a component's own time includes its children's")
    if whole["parent"].null_count() == whole.height and name:
        whole, said = _enclosed(whole)
        notes += said
    return Spans(whole.select(pl.col(n).cast(t) for n, t in SPANS.items()), tuple(notes))


def failed_requests(parts: Sequence[Part]) -> pl.DataFrame:
    """Requests that an access log says have failed: `request`, `start`; hashed like those of the spans."""
    theirs = _parts(parts)
    mine = [p for p in parts if p.kind == "requests" and {"status", "timestamp"} <= available(p)]
    shared = [n for n in ("request_id", "trace_id") if all(n in available(p) for p in theirs)]
    name = shared[0] if shared else ""
    frames = [
        pl.scan_parquet(p.path, glob=False)
        .filter(expression(p, "status") >= 500)
        .select(_key(p, name), expression(p, "timestamp").to_physical().cast(pl.Int64).alias("start"))
        for p in mine
        if name and name in available(p)
    ]
    if not frames:
        return pl.DataFrame(schema={"request": pl.UInt64, "start": pl.Int64})
    return pl.concat(frames).collect().drop_nulls().unique("request", keep="first", maintain_order=True)


def _parts(parts: Sequence[Part]) -> list[Part]:
    for kind in ("spans", "requests"):
        mine = [p for p in parts if p.kind == kind and {"component", "timestamp"} <= available(p)]
        if mine:
            return mine
    return []


def _of(part: Part, name: str) -> pl.LazyFrame:
    have = available(part)
    status = expression(part, "status") if "status" in have else pl.lit(None, dtype=pl.Int16())
    error = expression(part, "error") if "error" in have else pl.lit(None, dtype=pl.String())
    took = expression(part, "latency_ms") if "latency_ms" in have else pl.lit(None, dtype=pl.Float64())
    parent = expression(part, "parent") if "parent" in have else pl.lit(None, dtype=pl.String())
    time = expression(part, "timestamp").to_physical().cast(pl.Int64)
    bad = (status >= 500).fill_null(value=False) | (error.fill_null("").str.strip_chars() != "")
    length = pl.when(took.is_finite() & (took >= 0)).then((took * 1000).round().cast(pl.Int64))
    return pl.scan_parquet(part.path, glob=False).select(
        _key(part, name),
        expression(part, "component").alias("component"),
        pl.when(~parent.is_in(ABSENT)).then(parent).alias("parent"),
        (time - length.fill_null(0) if part.kind == "requests" else time).alias("start"),
        (time if part.kind == "requests" else time + length).alias("end"),
        bad.alias("failed"),
    )


def _key(part: Part, name: str) -> pl.Expr:
    if not name:
        return pl.lit(None, dtype=pl.UInt64()).alias("request")
    value = expression(part, name)
    return pl.when(~value.is_in(ABSENT)).then(value.hash()).alias("request")


def _enclosed(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """No span names the one above it: the shortest span of its request that encloses it stands there.

    A component's parent is the one that encloses it most often.
    """
    rows = frame.drop("parent").with_row_index("at")
    timed = rows.filter(pl.col("end").is_not_null() & pl.col("request").is_not_null())
    around = timed.select("request", above="component", low="start", high="end")
    pairs = timed.join(around, on="request").filter(
        (pl.col("above") != pl.col("component"))
        & (pl.col("low") <= pl.col("start") + SLACK)
        & (pl.col("high") >= pl.col("end") - SLACK)
        & (pl.col("high") - pl.col("low") > pl.col("end") - pl.col("start"))
    )
    first = pairs.sort("at", pl.col("high") - pl.col("low")).group_by("at", maintain_order=True).first()
    votes = first.group_by("component", "above").len().sort("len", "above", descending=[True, False])
    parent = votes.group_by("component", maintain_order=True).first().select("component", parent="above")
    said = [f"{c} lies within {p}" for c, p in parent.sort("component").iter_rows()]
    out = frame.drop("parent").join(parent, on="component", how="left", maintain_order="left")
    note = f"no span names the one above it; taken from their times: {', '.join(said)}" if said else ""
    return out, [note] if note else []
