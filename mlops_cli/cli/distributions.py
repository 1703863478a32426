"""Where the rows of a field lay in the worst window of a finding, beside the baseline: data of a chart."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.cli.seen import Seen
from mlops_cli.cli.steps import SECOND, Counted
from mlops_cli.metrics.matrix import Matrix
from mlops_cli.metrics.tables import NUMERIC, Tables
from mlops_cli.metrics.timeline import rolling
from mlops_cli.profile.spec import Profile
from mlops_cli.profile.view import pool, select
from mlops_cli.result.finding import Finding, Status
from mlops_cli.result.report import Table
from mlops_cli.result.tables import DISTRIBUTIONS

MOST = 40  # findings, the worst first
BINS = 24  # of numbers; more shows noise
NAMED = 12  # categories; all others are one bin
TAIL = 0.005  # share of the rows at either end that goes to an open bin
WIDE = 50.0  # the upper end beside the median from which the bins are even in logarithms
COARSE_BINS = 10  # segments keep cells that are 6 % wide
OTHER = "(other)"

Floats = NDArray[np.float64]
Bin = tuple[str, float | None, float | None, float | None, float]  # as DISTRIBUTIONS, without the finding


def distributions_table(seen: Sequence[Seen]) -> Table:
    """One row a bin of each finding that has a field with numbers or categories."""
    pairs = [(one, f) for one in seen for f in one.outcome.judgement.findings if f.scope.field]
    pairs.sort(key=lambda p: p[1].status is Status.RECOVERED)
    rows: list[tuple[Any, ...]] = []
    drawn = 0
    made: dict[tuple[int, int], Tables] = {}
    for one, finding in pairs:
        if drawn == MOST:
            break
        bins = list(_bins(one.counted, finding, made))
        rows.extend((finding.id, *b) for b in bins)
        drawn += bool(bins)
    caption = "shares of the rows with a value, by bin, in the worst window of a finding and in its baseline"
    return Table("distributions", caption, DISTRIBUTIONS, tuple(rows))


def _bins(counted: Counted, finding: Finding, made: dict[tuple[int, int], Tables]) -> Iterator[Bin]:
    start = round(finding.window.start.timestamp() * SECOND)
    if start not in counted.line.starts or finding.scope.arm:  # counts lie by window, arms together
        return
    key = (id(counted), start)
    if key not in made:
        made[key] = Tables(counted.profile, _against(counted, start), (start,))
    tables = made[key]
    at = _place(tables, counted, finding)
    if at is None:
        return
    field, sid = at
    matrix = tables.matrix(field, sid)
    if tables.fields[field].type in NUMERIC:
        yield from _numbers(matrix, COARSE_BINS if finding.scope.segment else BINS)
    else:
        yield from _categories(matrix)


def _against(counted: Counted, start: int) -> Profile | None:
    """The baseline of this window."""
    settings = counted.unit.settings.baseline
    if counted.baseline is not None or settings.from_ != "rolling":
        return counted.baseline
    before = rolling(counted.line, start, settings.rolling)
    return pool(select(counted.profile, windows=before)) if before else None


def _place(tables: Tables, counted: Counted, finding: Finding) -> tuple[int, int] | None:
    """Field and series; None where there is no such, several, or one of texts, ids and times."""
    scope = finding.scope
    segment = ",".join(f"{k}={v}" for k, v in scope.segment)
    wanted = (pl.col("component") == scope.component) & (pl.col("segment") == segment)
    if not counted.unit.name:
        wanted &= pl.col("model") == scope.model
    drawn = [*NUMERIC, "category"]
    fields = tables.named.filter((pl.col("name") == scope.field) & pl.col("type").is_in(drawn))
    kinds = [tables.fields[i].kind for i in fields["field"]]
    series = tables.series.filter(wanted & pl.col("kind").is_in(kinds))
    if fields.height != 1 or series.height != 1:
        return None
    return fields["field"][0], series["sid"][0]


def _numbers(matrix: Matrix, most: int) -> Iterator[Bin]:
    """Even bins between the tails, one a value where there are few whole ones."""
    current, reference = matrix.current[0], matrix.reference
    if not current.sum():
        return
    filled = np.flatnonzero((current > 0) | (reference > 0))
    if matrix.integral and len(filled) <= most:
        values = matrix.low[filled]
        yield from _shares([""] * len(filled), values, values, reference[filled], current[filled])
        return
    middle = (matrix.low + matrix.high) / 2
    low, high, logs = _ends(middle, current, reference)
    cuts = np.geomspace(low, high, most + 1) if logs else np.linspace(low, high, most + 1)
    at = np.searchsorted(cuts, middle, side="right")
    a = np.bincount(at, reference, most + 2)
    b = np.bincount(at, current, most + 2)
    lows, highs = np.concatenate([[np.nan], cuts]), np.concatenate([cuts, [np.nan]])
    kept = (a > 0) | (b > 0) | (~np.isnan(lows) & ~np.isnan(highs))  # an open end only where it has rows
    yield from _shares([""] * int(kept.sum()), lows[kept], highs[kept], a[kept], b[kept])


def _ends(middle: Floats, current: Floats, reference: Floats) -> tuple[float, float, bool]:
    """Between which numbers the bins lie, and whether they are even in logarithms."""

    def quantile(rows: Floats, share: float) -> float:
        total = np.cumsum(rows)
        return float(middle[np.searchsorted(total, share * total[-1])])

    sides = [rows for rows in (current, reference) if rows.sum() > 0]
    low = min(quantile(rows, TAIL) for rows in sides)
    high = max(quantile(rows, 1 - TAIL) for rows in sides)
    if high <= low:
        low, high = float(middle.min()), float(middle.max())
    if high <= low:  # a constant
        low, high = low - 0.5, high + 0.5
    half = quantile(current + reference, 0.5)
    return low, high, low > 0 and high > WIDE * half


def _categories(matrix: Matrix) -> Iterator[Bin]:
    """The most frequent values of either side, then all others together."""
    current, reference = matrix.current[0], matrix.reference
    total, base = current.sum() + matrix.other[0], reference.sum() + matrix.reference_other
    if matrix.names is None or not total:
        return
    weight = np.maximum(current / total, reference / base if base else 0.0)
    order = np.lexsort((np.arange(len(weight)), -weight))
    shown, rest = order[:NAMED], order[NAMED:]
    shown = shown[weight[shown] > 0]
    names = [*matrix.names.gather(shown).to_list(), OTHER]
    a = np.append(reference[shown], reference[rest].sum() + matrix.reference_other)
    b = np.append(current[shown], current[rest].sum() + matrix.other[0])
    none = np.full(len(a), np.nan)
    kept = np.append(np.ones(len(shown), bool), (a[-1] + b[-1]) > 0)
    yield from _shares([n for n, k in zip(names, kept, strict=True) if k], none, none, a[kept], b[kept])


def _shares(names: Sequence[str], low: Floats, high: Floats, a: Floats, b: Floats) -> Iterator[Bin]:
    base, total = a.sum(), b.sum()
    for i, name in enumerate(names):
        yield (
            name,
            _known(low[i]),
            _known(high[i]),
            round(float(a[i] / base), 6) if base else None,
            round(float(b[i] / total), 6),
        )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(f"{value:.6g}")
