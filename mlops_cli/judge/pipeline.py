"""Counts of spans and component metrics → which component broke first, and who only inherits it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.judge.say import moment
from mlops_cli.profile.spans import Edge, SpanCounts, table
from mlops_cli.result.finding import Finding
from mlops_cli.result.pipeline import Link, Node, Trouble
from mlops_cli.result.scope import iso
from mlops_cli.stats.blame import BASELINE, Column, Rules, Run, accusations

Floats = NDArray[np.float64]
OUTSIDE = "outside"
MISSING = 0.7  # of the baseline: a metric that lacks more is left out
APART = 1  # windows between two runs of one trouble
FEWEST = 5  # spans of a window from which a quantile counts
UNITS = {"volume": "rows", "self-time-p50": "ms", "self-time-p95": "ms", "own-errors": "share"}


@dataclass(frozen=True)
class Found:
    """Everything about the components, plain."""

    nodes: tuple[Node, ...]
    edges: tuple[Link, ...]
    troubles: tuple[Trouble, ...]
    baseline: int
    cannot: str


@dataclass(frozen=True)
class _Matrix:
    """Windows × metrics on the scale of the comparison, as they were, and what sampling alone gives."""

    columns: list[Column]
    x: Floats
    plain: list[Floats]
    noise: list[float]


@dataclass(frozen=True)
class Given:
    """What the settings say of components: budgets, and names that must be there."""

    budgets: Mapping[str, float]
    named: tuple[str, ...]
    baseline: int
    limit: float


def troubles(counted: SpanCounts, measured: pl.DataFrame, findings: Sequence[Finding], given: Given) -> Found:
    """Judge the components.

    Parameters
    ----------
    counted : spans by window and component
    measured : measurements of the same windows whose `component` is set (may be empty)
    findings : of the monitor over the same range
    given : budgets, baseline

    """
    cycle = _cycle(counted.edges)
    starts, baseline = counted.starts, min(given.baseline, len(counted.starts) // 2)
    cannot = ""
    if cycle:
        cannot = f"the components follow each other in a circle: {' → '.join(cycle)}"
    elif baseline < BASELINE:
        cannot = f"{len(starts)} windows of {counted.window.word}: {2 * BASELINE} are needed to name a cause"
    found: list[Trouble] = []
    if not cannot:
        matrix = _matrix(counted, measured, baseline)
        found = _found(counted, matrix, baseline, given.limit, findings)
    return Found(_nodes(counted, found, findings, given), _links(counted), tuple(found), baseline, cannot)


def causes(edges: Sequence[Edge]) -> dict[str, list[str]]:
    """Component → those that explain it: what it calls, and what hands over to it."""
    out: dict[str, list[str]] = {}
    for edge in edges:
        one, other = (edge.parent, edge.child) if edge.calls else (edge.child, edge.parent)
        out.setdefault(one, []).append(other)
    return out


def senders(edges: Sequence[Edge]) -> dict[str, list[str]]:
    """Component → those that its requests come from: callers, and what hands over to it."""
    out: dict[str, list[str]] = {}
    for edge in edges:
        out.setdefault(edge.child, []).append(edge.parent)
    return out


def _cycle(edges: Sequence[Edge]) -> list[str]:
    """Names along a circle; empty where there is none."""
    after, state, path = causes(edges), dict[str, int](), list[str]()

    def walk(name: str) -> list[str]:
        state[name] = 1
        path.append(name)
        for other in after.get(name, ()):
            if state.get(other) == 1:
                return [*path[path.index(other) :], other][::-1]
            if other not in state:
                found = walk(other)
                if found:
                    return found
        path.pop()
        state[name] = 2
        return []

    for name in sorted(after):
        if name not in state:
            found = walk(name)
            if found:
                return found
    return []


def _matrix(counted: SpanCounts, measured: pl.DataFrame, baseline: int) -> _Matrix:
    """Columns that are known often enough; holes filled with the median of the baseline."""
    out = _Matrix([], np.empty((len(counted.starts), 0)), [], [])
    rows: list[Floats] = []

    def add(column: Column, values: Floats, plain: Floats, noise: float) -> None:
        known = values[:baseline][np.isfinite(values[:baseline])]
        if len(known) < (1 - MISSING) * baseline:
            return
        out.columns.append(column)
        rows.append(np.where(np.isfinite(values), values, np.median(known)))
        out.plain.append(plain)
        out.noise.append(noise)

    for name in counted.whole:
        n = np.nan_to_num(table(counted.counts, counted.starts, name, "n"))
        bad = np.nan_to_num(table(counted.counts, counted.starts, name, "started"))
        add(Column(name, "input", "volume"), np.sqrt(n), n, 0.5)
        # The good spans are what the component gives to those after it.
        add(Column(name, "output", "sent"), np.sqrt(np.maximum(n - bad, 0.0)), n - bad, 0.5)
        usual = float(np.median(n[:baseline]))
        share = np.arcsin(np.sqrt((bad + 0.375) / (n + 0.75)))
        rate = np.where(n > 0, bad / np.maximum(n, 1.0), np.nan)
        add(Column(name, "software", "own-errors"), np.where(n > 0, share, np.nan), rate, _sd(usual))
        for metric, column in (("self-time-p50", "self_p50"), ("self-time-p95", "self_p95")):
            took = table(counted.counts, counted.starts, name, column)
            took = np.where(n >= FEWEST, took, np.nan)
            add(Column(name, "software", metric), np.log(np.maximum(took, 1e-3)), took, 0.0)
    at = {start: i for i, start in enumerate(counted.starts)}
    for key, part in _measured(measured):
        values = np.full(len(counted.starts), np.nan)
        for start, value in part.select("window", "value").iter_rows():
            if start in at and value is not None:
                values[at[start]] = value
        add(key, values, values, 0.0)
    return _Matrix(out.columns, np.column_stack(rows) if rows else out.x, out.plain, out.noise)


def _measured(measured: pl.DataFrame) -> list[tuple[Column, pl.DataFrame]]:
    mine = measured.filter((pl.col("component") != "") & pl.col("group").is_in(["input", "output"]))
    mine = mine.filter((pl.col("segment") == "") & (pl.col("code") != "volume"))
    keys = ["component", "group", "code", "field"]
    parts = mine.partition_by(keys, maintain_order=True, as_dict=True).items()
    return [(Column(str(c), str(g), f"{code} {field}".strip()), part) for (c, g, code, field), part in parts]


def _sd(n: float) -> float:
    """Deviation of the arcsine of a share of n rows."""
    return 0.5 / float(np.sqrt(max(n, 1.0)))


def _found(
    counted: SpanCounts, matrix: _Matrix, baseline: int, limit: float, findings: Sequence[Finding]
) -> list[Trouble]:
    parents, givers = causes(counted.edges), senders(counted.edges)
    period = 86_400 // counted.window.seconds if counted.window.seconds < 86_400 else 7
    period = period if baseline >= 3 * period else 0
    accusing, inheriting = accusations(
        matrix.x, matrix.columns, parents, baseline, period, Rules(limit=limit), matrix.noise, givers
    )
    out = []
    for group in _together(accusing):
        start, end = min(r.start for r in group), max(r.end for r in group)
        rest = [r for r in inheriting if r.start < end + APART and start < r.end + APART]
        window = (baseline + start, baseline + end)
        out.append(_trouble(counted, matrix, group, rest, window, findings, givers))
    return out


def _together(runs: Sequence[Run]) -> list[list[Run]]:
    """Runs that overlap, or nearly so, are one trouble."""
    out: list[list[Run]] = []
    end = -1
    for run in sorted(runs, key=lambda r: (r.start, r.end)):
        if out and run.start <= end + APART:
            out[-1].append(run)
        else:
            out.append([run])
            end = -1
        end = max(end, run.end)
    return out


def _trouble(
    counted: SpanCounts,
    matrix: _Matrix,
    group: Sequence[Run],
    rest: Sequence[Run],
    window: tuple[int, int],
    findings: Sequence[Finding],
    givers: Mapping[str, Sequence[str]],
) -> Trouble:
    """Of what accuses in the same windows the largest is the first at fault."""
    top = max(group, key=lambda r: r.score)
    first = _who(top, givers)
    j = matrix.columns.index(Column(top.component, top.kind, top.metric))
    a = window[0] - min(r.start for r in group) + top.start
    b = a + top.end - top.start
    inherits = {r.component: r.metric for r in rest if r.component != first}
    ends = (moment(counted.starts[window[0]]), _end(counted, window[1] - 1))
    return Trouble(
        since=iso(ends[0]),
        until=iso(ends[1]),
        first=first,
        metric=top.metric,
        kind=top.kind,
        score=top.score,
        value=_median(matrix.plain[j][a:b]),
        usual=_median(matrix.plain[j][:a]),
        unit=UNITS.get(top.metric, "share" if top.metric.endswith("rate") else ""),
        n=int(np.nansum(table(counted.counts, counted.starts, top.component, "n")[window[0] : window[1]])),
        inherits=inherits,
        open=window[1] >= len(counted.starts) - 1,
        confirmed=any(f.since < ends[1] and f.window.end > ends[0] for f in findings),
        also=tuple(sorted({_who(r, givers) for r in group} - {first})),
    )


def _who(run: Run, givers: Mapping[str, Sequence[str]]) -> str:
    """The component; an input that nothing upstream gives comes from outside."""
    return OUTSIDE if run.kind == "input" and not givers.get(run.component) else run.component


def _end(counted: SpanCounts, i: int) -> datetime:
    return moment(counted.window.end_of(counted.starts[i]))


def _median(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _nodes(
    counted: SpanCounts, found: Sequence[Trouble], findings: Sequence[Finding], given: Given
) -> tuple[Node, ...]:
    total = sum(row["self_p50"] or 0.0 for row in counted.whole.values())
    out = []
    for name in _order([*counted.whole, *given.named], counted.edges):
        mine = [t for t in found if t.first == name]
        row = counted.whole.get(name)
        ids = tuple(f.id for f in findings if f.scope.component == name)
        if row is None:
            out.append(Node(name, "unknown", 0, *(None,) * 7, 0, "no span of it is in these logs", ids))
            continue
        budget = given.budgets.get(name)
        level = "alarm" if any(t.open and t.confirmed for t in mine) else "ok"
        if level == "ok" and any(t.open for t in mine):
            level = "warning"
        p95 = row["self_p95"]
        out.append(
            Node(
                name,
                level,
                int(row["n"]),
                row["self_p50"],
                p95,
                row["total_p95"],
                row["self_p50"] / total if total > 0 and row["self_p50"] is not None else None,
                budget,
                None if budget is None or p95 is None else p95 <= budget,
                row["failed"] / row["n"],
                int(row["started"]),
                findings=ids,
            )
        )
    return tuple(out)


def _order(names: Sequence[str], edges: Sequence[Edge]) -> list[str]:
    """The roots first, then what they call or hand over to, depth first."""
    after: dict[str, list[str]] = {}
    for edge in edges:
        after.setdefault(edge.parent, []).append(edge.child)
    children = {edge.child for edge in edges}
    every = list(dict.fromkeys([*sorted(names), *after, *sorted(children)]))
    todo = [n for n in every if n not in children][::-1] or every[::-1]
    out: dict[str, None] = {}
    while todo:
        name = todo.pop()
        if name not in out:
            out[name] = None
            todo += sorted(after.get(name, ()), reverse=True)
    return list(out) + [n for n in every if n not in out]


def _links(counted: SpanCounts) -> tuple[Link, ...]:
    out = []
    for edge in counted.edges:
        parent, child = counted.whole.get(edge.parent), counted.whole.get(edge.child)
        share = None
        if parent and child:
            good = parent["n"] if edge.calls else parent["n"] - parent["failed"]
            share = child["n"] / good if good > 0 else None
        out.append(Link(edge.parent, edge.child, edge.calls, share))
    return tuple(out)
