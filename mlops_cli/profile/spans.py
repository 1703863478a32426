"""Counts of spans by window and component: own time, failures, and where failures began."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from mlops_cli.logs.format import Part
from mlops_cli.logs.spans import failed_requests, spans
from mlops_cli.profile.clock import starts_of
from mlops_cli.profile.spec import WindowSpec

SIZES = (86_400, 21_600, 3_600, 600, 60, 10)  # seconds, the longest that gives enough windows
ENOUGH = 216  # windows: three times those without which no cause is named
NESTED = 0.5  # of a child's time within its parent's: the parent waits for it
SECOND = 1_000_000
# One row a window and component. Times are milliseconds; `started` failures that began in it.
COUNTS: dict[str, pl.DataType] = {
    "window": pl.Int64(),
    "component": pl.String(),
    "n": pl.Int64(),
    "failed": pl.Int64(),
    "started": pl.Int64(),
    "self_p50": pl.Float64(),
    "self_p95": pl.Float64(),
    "total_p95": pl.Float64(),
}


@dataclass(frozen=True)
class Edge:
    """A parent and its child; `calls`: the parent waits for the child, else it hands over to it."""

    parent: str
    child: str
    calls: bool
    n: int = 0


@dataclass(frozen=True)
class SpanCounts:
    """What spans add up to.

    Parameters
    ----------
    counts : frame of COUNTS
    edges : seen in the spans
    starts : of all windows from the first to the last, microseconds
    window : their length
    whole : component → quantiles of all its spans: self_p50, self_p95, total_p95, and n
    untold : failed requests of the access log in which no span has failed
    notes : in words

    """

    counts: pl.DataFrame
    edges: tuple[Edge, ...]
    starts: tuple[int, ...]
    window: WindowSpec
    whole: Mapping[str, Mapping[str, float]]
    untold: int = 0
    notes: tuple[str, ...] = ()


def count_spans(
    parts: Sequence[Part],
    size: str | int,
    timezone: str,
    limits: tuple[int | None, int | None] = (None, None),
    configured: Sequence[Edge] = (),
) -> SpanCounts:
    """Count the spans of all parts.

    Parameters
    ----------
    parts : of any kinds
    size : seconds, or `auto`
    timezone : where a day begins
    limits : microseconds, from and to; None: open
    configured : edges that the settings name, which count like those of the spans

    """
    read = spans(parts)
    frame = read.frame
    low, high = limits
    if low is not None:
        frame = frame.filter(pl.col("start") >= low)
    if high is not None:
        frame = frame.filter(pl.col("start") < high)
    if frame.is_empty():
        return SpanCounts(pl.DataFrame(schema=COUNTS), (), (), WindowSpec(3_600, timezone), {}, 0, read.notes)
    first, last = frame.select(pl.col("start").min(), last=pl.col("start").max()).row(0)
    window = WindowSpec(chosen(last - first) if isinstance(size, str) else size, timezone)
    frame = _own(frame).with_columns(
        pl.Series("window", starts_of(frame["start"].to_numpy(), window), dtype=pl.Int64)
    )
    edges = _edges(frame, configured)
    frame = _origins(frame, edges)
    quantiles = [
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("own").quantile(0.5, "linear").alias("self_p50"),
        pl.col("own").quantile(0.95, "linear").alias("self_p95"),
        pl.col("took").quantile(0.95, "linear").alias("total_p95"),
    ]
    failures = [pl.col(n).sum().cast(pl.Int64) for n in ("failed", "started")]
    counts = frame.group_by("window", "component").agg(*quantiles, *failures)
    whole = frame.group_by("component").agg(*quantiles, *failures).sort("component")
    gone = failed_requests(parts)
    told = frame.filter(pl.col("failed"))["request"].drop_nulls().unique()
    untold = gone.filter(pl.col("request").is_in(frame["request"].unique().implode()))
    untold = untold.filter(~pl.col("request").is_in(told.implode()))
    return SpanCounts(
        counts.select(pl.col(n).cast(t) for n, t in COUNTS.items()).sort("window", "component"),
        edges,
        tuple(window.starts(first, last)[:-1]),
        window,
        {row["component"]: row for row in whole.iter_rows(named=True)},
        untold.height,
        read.notes,
    )


def chosen(length: int) -> int:
    """Seconds of the windows of logs that are so many microseconds long."""
    return next((s for s in SIZES if length / SECOND / s >= ENOUGH), SIZES[-1])


def _own(frame: pl.DataFrame) -> pl.DataFrame:
    """`took` and `own`: the time less the union of what the children took within it, milliseconds."""
    rows = frame.with_row_index("at")
    under = rows.filter(pl.col("parent").is_not_null() & pl.col("request").is_not_null())
    under = under.select("request", component="parent", low="start", high="end").drop_nulls()
    inside = rows.join(under, on=["request", "component"]).with_columns(
        low=pl.max_horizontal("start", "low"), high=pl.min_horizontal("end", "high")
    )
    inside = inside.filter(pl.col("high") > pl.col("low")).sort("at", "low")
    before = pl.col("high").cum_max().shift(1).over("at")
    gain = pl.col("high") - pl.max_horizontal("low", before.fill_null(pl.col("low")))
    busy = inside.with_columns(gain=gain.clip(0)).group_by("at").agg(busy=pl.col("gain").sum())
    took = (pl.col("end") - pl.col("start")) / 1000
    out = rows.join(busy, on="at", how="left", maintain_order="left")
    return out.with_columns(took=took, own=took - pl.col("busy").fill_null(0) / 1000).drop("at", "busy")


def _edges(frame: pl.DataFrame, configured: Sequence[Edge]) -> tuple[Edge, ...]:
    """Parents and children as the spans name them, and whether a child lies within its parent."""
    child = frame.filter(pl.col("parent").is_not_null() & (pl.col("parent") != pl.col("component")))
    seen = child.group_by("parent", "component").agg(n=pl.len())
    above = frame.select("request", parent="component", low="start", high="end").drop_nulls()
    above = above.unique(["request", "parent"], keep="first", maintain_order=True)
    both = child.drop_nulls(["request", "end"]).join(above, on=["request", "parent"])
    overlap = pl.min_horizontal("end", "high") - pl.max_horizontal("start", "low")
    share = (overlap.clip(0) / (pl.col("end") - pl.col("start")).clip(1)).median()
    nested = both.group_by("parent", "component").agg(share=share)
    seen = seen.join(nested, on=["parent", "component"], how="left").sort("parent", "component")
    out = {(p, c): Edge(p, c, calls=(share or 0.0) > NESTED, n=n) for p, c, n, share in seen.iter_rows()}
    for edge in configured:
        found = out.get((edge.parent, edge.child))
        out[edge.parent, edge.child] = Edge(edge.parent, edge.child, edge.calls, found.n if found else 0)
    return tuple(out[key] for key in sorted(out))


def _origins(frame: pl.DataFrame, edges: Sequence[Edge]) -> pl.DataFrame:
    """`started`: the span failed, and nothing of its request that it depends on has failed."""
    bad = frame.filter(pl.col("failed") & pl.col("request").is_not_null()).select("request", "component")
    bad = bad.unique()
    depends = _reach(edges)
    blamed = pl.DataFrame(
        [(a, b) for a, others in depends.items() for b in others],
        schema={"component": pl.String, "cause": pl.String},
        orient="row",
    )
    causes = bad.rename({"component": "cause"})
    inherited = bad.join(blamed, on="component").join(causes, on=["request", "cause"], how="semi")
    inherited = inherited.select("request", "component").unique().with_columns(inherited=True)
    out = frame.join(inherited, on=["request", "component"], how="left", maintain_order="left")
    return out.with_columns(started=pl.col("failed") & pl.col("inherited").is_null()).drop("inherited")


def _reach(edges: Sequence[Edge]) -> dict[str, set[str]]:
    """Component → all it depends on: what it calls, and what hands over to it. Cycles end."""
    direct: dict[str, set[str]] = {}
    for edge in edges:
        one, other = (edge.parent, edge.child) if edge.calls else (edge.child, edge.parent)
        direct.setdefault(one, set()).add(other)
    out: dict[str, set[str]] = {}
    for start in direct:
        found: set[str] = set()
        todo = [start]
        while todo:
            for other in direct.get(todo.pop(), ()):
                if other not in found and other != start:
                    found.add(other)
                    todo.append(other)
        out[start] = found
    return out


def table(counts: pl.DataFrame, starts: Sequence[int], component: str, name: str) -> np.ndarray:
    """A column of one component over all windows; NaN where it has no span."""
    mine = counts.filter(pl.col("component") == component)
    at = {start: i for i, start in enumerate(starts)}
    out = np.full(len(starts), np.nan)
    for start, value in mine.select("window", name).iter_rows():
        if start in at and value is not None:
            out[at[start]] = value
    return out
