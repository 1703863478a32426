"""Timeline: which windows there are, which of them are the baseline, and which are judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import polars as pl

from mlops_cli.config.section import seconds
from mlops_cli.config.settings import Baseline, Windows
from mlops_cli.profile.spec import Profile, WindowSpec

SECOND = 1_000_000
DAY = 86_400  # seconds
PARTIAL_SHARE = 0.1  # a first window that starts later than the others by this much of its length is partial
MOST_BEYOND = 100  # windows that are asked for beyond the records
FAR = 1_000  # windows without a record; beyond, and far beyond the rest of the log, it is a wrong clock's
FEW, FEW_AND_FAR = 0.01, 0.2  # share of the rows
LONGEST = 20_000  # windows; more come from a wrong clock, not from a log
MAIN_KINDS = ("predictions", "requests", "spans", "gauges", "feedback", "decisions")


@dataclass(frozen=True)
class Timeline:
    """The windows of a run, in order; all times are microseconds, UTC.

    Parameters
    ----------
    starts, ends : of every window from the first record to the last, empty ones too
    rows : records of the main kind in each
    baseline : starts of the baseline's windows (empty: a reference file, or none)
    judged : starts of the windows that are judged
    excluded : starts of windows that are neither
    partial : starts of windows that are not whole: the first, and those not over
    unfinished : starts of windows that are not over
    now : the given time, or the newest record's
    newest, oldest : time of the newest record and of the oldest
    stray : records whose time lies far outside the rest

    """

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    rows: tuple[int, ...]
    baseline: tuple[int, ...]
    judged: tuple[int, ...]
    excluded: tuple[int, ...]
    partial: frozenset[int]
    unfinished: frozenset[int]
    now: int
    newest: int
    stray: int
    oldest: int = 0

    def begin(self, start: int) -> int:
        """When a window begins, as people are told: the whole log as one window with its first record."""
        return self.oldest if self.starts == (0,) else start

    @property
    def end_of(self) -> dict[int, int]:
        """Start of a window → its end."""
        return dict(zip(self.starts, self.ends, strict=True))


@dataclass(frozen=True)
class Range:
    """What is to be judged: `since`, `until` and `now` in microseconds, None where not given."""

    since: int | None = None
    until: int | None = None
    now: int | None = None


def timeline(
    profile: Profile,
    windows: Windows,
    baseline: Baseline,
    excluded: Sequence[tuple[int, int]],
    wanted: Range,
    *,
    reference: bool,
) -> Timeline:
    """Lay out the windows of a profile.

    Parameters
    ----------
    profile : of the logs to be judged
    windows, baseline : settings
    excluded : known odd times, microseconds [from, to)
    wanted : the range to judge
    reference : the baseline is a profile of its own, so no window of these logs is one

    """
    counts, stray = _plausible(_counts(profile), profile.spec.window)
    if counts.is_empty():
        now = wanted.now or 0
        return Timeline((), (), (), (), (), (), frozenset(), frozenset(), now, now, stray)
    spec = profile.spec.window
    newest = int(counts["last"].max())  # type: ignore[arg-type]
    oldest = int(counts["first"].min())  # type: ignore[arg-type]
    late = _lateness(windows.late_arrival, spec)
    asked = _beyond(spec, wanted, oldest, newest, reference=reference)
    now = wanted.now if wanted.now is not None else max(newest, asked[-1] + late if asked else 0)
    starts, ends = _windows(counts, spec, now if wanted.now is not None or now > newest else None)
    starts, ends = _with(starts, ends, asked)
    seen = dict(zip(counts["window"].to_list(), counts["n"].to_list(), strict=True))
    rows = tuple(int(seen.get(s, 0)) for s in starts)
    over = not spec.seconds  # the whole log as one window is judged as it is
    unfinished = frozenset(s for s, e in zip(starts, ends, strict=True) if not over and e + late > now)
    partial = unfinished | _late_start(counts, spec)
    odd = tuple(s for s, e in zip(starts, ends, strict=True) if any(s < b and e > a for a, b in excluded))
    whole = [s for s, n in zip(starts, rows, strict=True) if s not in partial and s not in odd and n]
    until = wanted.until if wanted.until is not None else asked[-1] if asked else None
    base = () if reference else _baseline(whole, len(starts), baseline, spec)
    judged = tuple(
        s
        for s in starts
        if s not in base
        and s not in odd
        and (not base or baseline.from_ == "rolling" or s > base[-1])
        and (wanted.since is None or s >= wanted.since)
        and (until is None or s < until)
        and s <= now
    )
    if baseline.from_ == "rolling" and not reference:
        base = ()
    return Timeline(starts, ends, rows, base, judged, odd, partial, unfinished, now, newest, stray, oldest)


def rolling(line: Timeline, start: int, length: str) -> tuple[int, ...]:
    """The lagged windows that one window is compared with: the last quarter of `length` is left out.

    So a slow drift cannot hide in its own baseline; at least one window is always left out.
    """
    span = seconds(length) * SECOND
    lag = max(span // 4, 1)
    return tuple(
        s
        for s, e, n in zip(line.starts, line.ends, line.rows, strict=True)
        if n and s >= start - span and e <= start - lag and s not in line.partial and s not in line.excluded
    )


def _counts(profile: Profile) -> pl.DataFrame:
    """Rows, first and last time of each window of the main kind of log."""
    groups = profile.groups.filter(pl.col("segment") == "")
    kinds = groups["kind"].unique().to_list()
    main = next((k for k in MAIN_KINDS if k in kinds), "")
    ids = profile.spec.field_ids(main, type="rows")
    rows = profile.moments.filter(pl.col("field").is_in(ids))
    timed = rows.filter(pl.col("min").is_not_null())
    if timed.is_empty() and not profile.spec.window.seconds:  # rows without times are one window
        timed = rows.with_columns(pl.col("min", "max").fill_null(0.0))
    return (
        timed.join(groups.filter(pl.col("kind") == main), on="group")
        .group_by("window")
        .agg(pl.col("n").sum(), pl.col("min").min().alias("first"), pl.col("max").max().alias("last"))
        .sort("window")
    )


def _plausible(counts: pl.DataFrame, spec: WindowSpec) -> tuple[pl.DataFrame, int]:
    """Leave out records whose clock was wrong: few of them, and further away than the rest is long."""
    if counts.height < 2 or not spec.seconds:
        return counts, 0
    total = int(counts["n"].sum())
    span = _bulk(counts, total) + spec.seconds * SECOND
    stray = 0
    for ahead in (False, True):
        while counts.height > 1:
            part = counts.reverse() if ahead else counts
            gap = abs(int(part["window"][1]) - int(part["window"][0]))
            n = int(part["n"][0])
            size = spec.seconds * SECOND
            far = gap > max(10 * span, FAR * size)
            few = n <= FEW * total or (far and n + stray <= FEW_AND_FAR * total)
            if gap <= max(span, 30 * size) or not few:
                break
            stray += n
            counts = part.slice(1).sort("window")
    return counts, stray


def _bulk(counts: pl.DataFrame, total: int) -> int:
    """Time between the windows of the first and last tenth of the rows: wrong clocks at both ends, too."""
    sums = counts["n"].cum_sum()
    inner = counts.filter((sums > 0.1 * total) & (sums - counts["n"] < 0.9 * total))["window"]
    return int(inner[-1]) - int(inner[0])


def _windows(
    counts: pl.DataFrame, spec: WindowSpec, now: int | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """All windows from the first record to the last (or to `now`), at most LONGEST."""
    first, last = int(counts["window"][0]), int(counts["window"][-1])
    if not spec.seconds:
        return (first,), (int(counts["last"].max()) + 1,)  # type: ignore[arg-type]
    if now is not None and now > last:
        last = min(now, last + 1_000 * spec.seconds * SECOND)
    size = spec.seconds * SECOND
    if (last - first) // size > LONGEST:
        first = last - LONGEST * size
    starts = spec.starts(first, last)
    return tuple(starts[:-1]), tuple(starts[1:])


def _beyond(spec: WindowSpec, wanted: Range, oldest: int, newest: int, *, reference: bool) -> list[int]:
    """Edges of the asked windows, where all of them lie after the records, or before: volume 0.

    Before the records nothing can be judged but against a reference of its own.
    """
    if not spec.seconds:
        return []
    size = spec.seconds * SECOND
    if wanted.since is not None and wanted.since > newest:
        last = wanted.until - 1 if wanted.until is not None else wanted.since
        edges = spec.starts(wanted.since, wanted.since)
        at = edges[0] if edges[0] >= wanted.since else edges[1]
        return spec.starts(at, max(at, min(last, at + MOST_BEYOND * size)))
    if wanted.until is not None and wanted.until <= oldest and reference:
        last = wanted.until - 1
        first = wanted.since if wanted.since is not None else last
        return spec.starts(max(first, last - MOST_BEYOND * size), last)
    return []


def _with(
    starts: tuple[int, ...], ends: tuple[int, ...], asked: Sequence[int]
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The windows with those of the edges `asked`; what lies between is left out."""
    both = dict(zip(starts, ends, strict=True)) | dict(pairwise(asked))
    return tuple(sorted(both)), tuple(both[s] for s in sorted(both))


def _lateness(text: str, spec: WindowSpec) -> int:
    if text != "auto":
        return seconds(text) * SECOND
    return min(3_600, spec.seconds) * SECOND


def _late_start(counts: pl.DataFrame, spec: WindowSpec) -> frozenset[int]:
    """The first window, where its first record comes later in it than is usual."""
    if counts.height < 2 or not spec.seconds:
        return frozenset()
    gaps = [f - w for w, f in zip(counts["window"].to_list(), counts["first"].to_list(), strict=True)]
    usual = median(gaps[1:])
    if gaps[0] > usual + PARTIAL_SHARE * spec.seconds * SECOND:
        return frozenset({int(counts["window"][0])})
    return frozenset()


def _baseline(whole: Sequence[int], windows: int, settings: Baseline, spec: WindowSpec) -> tuple[int, ...]:
    """The first third of the whole windows, 3 to 14; with fewer than 4 windows there is none.

    Of windows shorter than a day it is whole days, where a third holds one, at most 14: a baseline of the
    morning would call every night a fault.
    """
    if settings.from_ == "first" and settings.first:
        return tuple(whole[: settings.first])
    if windows < 4 or len(whole) < 4:
        return ()
    third = len(whole) // 3
    days = min(third * spec.seconds // DAY, 14) if 0 < spec.seconds < DAY else 0
    if days:
        return tuple(s for s in whole if s < whole[0] + days * DAY * SECOND)
    return tuple(whole[: min(max(third, 3), 14)])
