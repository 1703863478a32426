"""Measurements × lines → Judgement: a finding needs size and evidence.

Size: the measurement is beyond its line. Evidence: chance alone would hardly give it, by Holm's procedure
(Holm 1979) over all sampled series of the same window, segments apart, at the share of the promised false
alarms that one run has; 0.05 for a single window. What is counted rather than sampled (rows of a window, a
host's memory) needs no evidence. Adaptive lines have an evidence of their own: `adaptive.py`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.config.settings import Line
from mlops_cli.judge.adaptive import Adaptive, Group, Promised
from mlops_cli.judge.beside import LINES, beside
from mlops_cli.judge.fleet import budget
from mlops_cli.judge.incidents import Incident, incidents
from mlops_cli.judge.say import SERIES, finding, with_segments
from mlops_cli.judge.threshold import Threshold, thresholds
from mlops_cli.result.finding import Finding, Judgement, Level, Rule, Status, by_severity
from mlops_cli.stats.evidence import p_value
from mlops_cli.stats.multiplicity import benjamini_hochberg, holm

ALPHA = 0.05
ADAPTIVE = [Rule.JUMP.value, Rule.DRIFT.value, Rule.SIGMA.value]


@dataclass(frozen=True)
class Judged:
    """How a metric is judged: its lines and which side is bad."""

    line: Line
    direction: str
    unit: str
    advice: str
    whole_windows: bool = False
    adaptive: Adaptive | None = None
    by_band: bool = False  # an alarm asks that the whole interval is beyond the line


@dataclass(frozen=True)
class History:
    """What the adaptive lines have seen, and the promise of the run."""

    groups: Sequence[Group]
    promised: Promised

    def alpha(self, level: Level) -> float:
        """Chance that one window's fixed and relative lines give a false finding."""
        if len(self.promised.starts) <= 1 or not self.promised.seconds:
            return ALPHA
        return min(ALPHA, budget(self.promised.windows_per_alarm, level))


@dataclass(frozen=True)
class Outcome:
    """The judgement, and the frame behind it: level, rule, threshold, p and `unjudged` (why) a row."""

    judgement: Judgement
    frame: pl.DataFrame


def judge(
    measured: pl.DataFrame,
    metrics: Mapping[tuple[str, str], Judged],
    windows: Sequence[int],
    ends: Mapping[int, int],
    partial: frozenset[int],
    min_rows: int,
    history: History | None = None,
) -> Outcome:
    """Judge the measurements of the given windows.

    Parameters
    ----------
    measured : frame with the columns of MEASUREMENT, any windows
    metrics : (group, code) → how it is judged; what is not in it is only shown
    windows : starts of the windows to be judged, in order
    ends : start of a window → its end, microseconds
    partial : windows that are not whole
    min_rows : fewer sampled rows than this: unknown
    history : of the adaptive lines; none: fixed and relative ones alone, at 0.05 a window

    """
    frame = measured.filter(pl.col("window").is_in(list(windows)))
    frame = frame.sort([*SERIES, "window"])
    if history is not None:
        frame = beside(frame, history.groups, history.promised)
    levels = _Levels(frame, min_rows)
    for (group, code), how in metrics.items():
        mask = levels.rows_of(group, code, how)
        if mask.any():
            levels.measure(mask, how, partial)
    levels.settle(ALPHA if history is None else history.alpha)
    frame = levels.frame()
    if history is not None:
        frame = _merged(_without_thin(frame, levels.thin), metrics, history.promised, min_rows)
    known = frame.filter(pl.col("lined"))
    found = with_segments(_findings(known, metrics, ends))
    worst = max((f.level for f in found if f.status is not Status.RECOVERED), default=Level.OK)
    unknown = int(known["unjudged"].is_not_null().sum())
    judgement = Judgement(worst, known.height - unknown, unknown, tuple(sorted(found, key=by_severity)))
    return Outcome(judgement, frame)


class _Levels:
    """The arrays of one judging, row by row of the frame."""

    def __init__(self, frame: pl.DataFrame, min_rows: int) -> None:
        self.source = frame
        n = frame.height
        self.value = frame["value"].to_numpy().astype(np.float64)
        size = frame["size"].to_numpy().astype(np.float64)
        self.size = np.where(np.isnan(size), self.value, size)
        self.reference = frame["reference"].to_numpy().astype(np.float64)
        self.sampled = (frame["test"].fill_null("") != "").to_numpy()
        self.thin = self.sampled & (frame["n"].fill_null(0).to_numpy() < min_rows)
        self.lined = np.zeros(n, bool)
        self.unjudged = np.array(frame["why"].to_list(), dtype=object)
        self.unjudged[self.thin & ~np.isnan(self.value)] = f"fewer than {min_rows} rows"
        self.level = np.zeros(n, np.int64)
        self.rule = np.full(n, "", dtype=object)
        self.threshold = np.full(n, np.nan)
        self.nearest = np.full(n, np.nan)
        self.p = np.full(n, np.nan)
        self.candidates: list[tuple[Level, NDArray[np.int64], Threshold, NDArray[np.float64], str]] = []

    def rows_of(self, group: str, code: str, how: Judged) -> NDArray[np.bool_]:
        """Rows of one metric whose field the lines speak of."""
        mask = (self.source["code"] == code) & (self.source["group"] == group)
        if how.line.columns != "*":
            mask &= self.source["field"].is_in(list(how.line.columns))
        return mask.to_numpy()

    def measure(self, mask: NDArray[np.bool_], how: Judged, partial: frozenset[int]) -> None:
        """Note which rows are beyond which line; the evidence is asked for later, all at once."""
        bounds = thresholds(how.line, how.direction)
        if not bounds:
            return
        rows = np.flatnonzero(mask)
        if how.whole_windows and partial:
            whole = ~np.isin(self.source["window"].to_numpy()[rows], list(partial))
            rows = rows[whole]
        self.lined[rows] = True
        lines = [b.at(self.reference[rows]) for b in bounds]
        nothing = np.all([np.isnan(line) for line in lines], axis=0) & ~np.isnan(self.value[rows])
        self.unjudged[rows[nothing]] = "no baseline to compare with"
        ready = np.array([self.unjudged[i] is None for i in rows], dtype=bool) & ~np.isnan(self.value[rows])
        moved = np.abs(self.size[rows] - np.nan_to_num(self.reference[rows])) >= how.line.min_effect
        ends = {up: self.source["low" if up else "high"].to_numpy()[rows] for up in (False, True)}
        for bound, line in zip(bounds, lines, strict=True):
            shown, size = self.nearest[rows], self.size[rows]
            nearer = (bound.level == Level.ALARM) & (np.abs(line - size) < np.abs(shown - size))
            self.nearest[rows] = np.where(np.isnan(shown) | nearer, line, shown)
            beyond = ready & moved & bound.broken(self.size[rows], line)
            if how.by_band and bound.level is Level.ALARM:
                beyond &= bound.broken(ends[bound.upward].astype(np.float64), line)
            if beyond.any():
                hit = rows[beyond]
                self.candidates.append((bound.level, hit, bound, line[beyond], how.direction))

    def settle(self, alpha: float | Callable[[Level], float]) -> None:
        """Levels of the candidates that chance does not explain, alarms before warnings."""
        window = self.source["window"].to_numpy()
        part = (self.source["segment"] != "").to_numpy()
        judged = self.lined & self.sampled & np.array([w is None for w in self.unjudged], dtype=bool)
        both = part[judged].any() and not part[judged].all()
        sizes = {side: Counter(window[judged & (part == side)].tolist()) for side in (False, True)}
        for level in (Level.ALARM, Level.WARNING):
            mine = [c for c in self.candidates if c[0] is level]
            if not mine:
                continue
            spent = (alpha(level) if callable(alpha) else alpha) / (2 if both else 1)
            rows = np.concatenate([c[1] for c in mine])
            line = np.concatenate([c[3] for c in mine])
            rule = np.concatenate([np.full(len(c[1]), c[2].rule.value, dtype=object) for c in mine])
            p = np.concatenate([self._p(c[1], c[2], c[3]) for c in mine])
            kept = np.zeros(len(rows), bool)
            for start, side in dict.fromkeys(zip(window[rows].tolist(), part[rows].tolist(), strict=True)):
                here = np.flatnonzero((window[rows] == start) & (part[rows] == side))
                tests = max(sizes[side][start], len(here))
                passed = benjamini_hochberg if side else holm
                kept[here] = passed(p[here], spent, tests) | (p[here] == 0)
            fresh = kept & (self.level[rows] == Level.OK)
            self.level[rows[fresh]] = level
            self.threshold[rows[fresh]] = line[fresh]
            self.rule[rows[fresh]] = rule[fresh]
            self.p[rows[fresh]] = p[fresh]

    def _p(self, rows: NDArray[np.int64], bound: Threshold, line: NDArray[np.float64]) -> NDArray[np.float64]:
        part = self.source[rows]
        out = np.zeros(len(rows))
        tests = part["test"].fill_null("").to_numpy()
        for test in np.unique(tests):
            here = tests == test
            a, b, c, n = (part[k].to_numpy().astype(np.float64)[here] for k in ("a", "b", "c", "n"))
            fixed = line[here] if bound.rule is Rule.FIXED else None
            side = "up" if bound.upward else "down"
            out[here] = p_value(str(test), a, b, c, n, side, fixed)
        return np.asarray(np.where(np.isnan(out), 1.0, out))

    def frame(self) -> pl.DataFrame:
        """The measurements with their levels."""
        unjudged = [w if lined else None for w, lined in zip(self.unjudged, self.lined, strict=True)]
        level = np.where([w is not None for w in unjudged], int(Level.UNKNOWN), self.level)
        shown = np.where(np.isnan(self.threshold), self.nearest, self.threshold)
        return self.source.with_columns(
            pl.Series("level", level, pl.Int64),
            pl.Series("rule", [str(r) for r in self.rule], pl.String),
            pl.Series("threshold", shown, pl.Float64).fill_nan(None),
            pl.Series("p", self.p, pl.Float64).fill_nan(None),
            pl.Series("lined", self.lined, pl.Boolean),
            pl.Series("unjudged", unjudged, pl.String),
        )


def _without_thin(frame: pl.DataFrame, thin: NDArray[np.bool_]) -> pl.DataFrame:
    """Adaptive lines neither acquit nor warn in a window of too few rows; an alarm stands."""
    few = pl.Series("thin", thin)
    told = pl.col("a_level")
    quiet = few & told.is_not_null() & (told < int(Level.ALARM))
    return frame.with_columns(few, a_level=pl.when(quiet).then(int(Level.UNKNOWN)).otherwise(told))


def _merged(
    frame: pl.DataFrame,
    metrics: Mapping[tuple[str, str], Judged],
    promised: Promised,
    min_rows: int,
) -> pl.DataFrame:
    """The worse of both kinds of line; where only the adaptive one stands, its word."""
    told = pl.col("a_level")
    fires = (told >= int(Level.WARNING)) & ((told > pl.col("level")) | pl.col("unjudged").is_not_null())
    # A default line of a metric without any other is not drawn before there is history.
    alone = ~pl.col("lined") & told.is_not_null() & (pl.col("a_asked") | ~pl.col("a_warm"))
    taken = fires | alone
    blind = (told == int(Level.UNKNOWN)) & ~pl.col("a_warm")
    short = f"too little history: an adaptive line needs {promised.how().warmup} windows"
    why = (
        pl.when(told != int(Level.UNKNOWN))
        .then(pl.lit(None, pl.String))
        .when("thin")
        .then(pl.lit(f"fewer than {min_rows} rows"))
        .when(blind)
        .then(pl.lit("its line is too wide to see a change that matters"))
        .otherwise(pl.coalesce("why", pl.lit(short)))
    )
    asked = [
        {"group": g, "code": c} for (g, c), how in metrics.items() if how.adaptive and how.adaptive.asked
    ]
    wanted = pl.struct("group", "code").is_in(asked) if asked else pl.lit(value=False)
    lacking = wanted & ~pl.col("lined") & told.is_null()
    return frame.with_columns(
        level=pl.when(lacking).then(int(Level.UNKNOWN)).when(taken).then(told).otherwise("level"),
        rule=pl.when(taken).then("a_rule").otherwise("rule"),
        threshold=pl.when(taken).then("a_threshold").otherwise("threshold"),
        reference=pl.when(taken).then("a_reference").otherwise("reference"),
        p=pl.when(taken).then("a_p").otherwise("p"),
        lined=pl.col("lined") | alone | lacking,
        unjudged=pl.when(lacking)
        .then(pl.coalesce("why", pl.lit(short)))
        .when(taken)
        .then(why)
        .otherwise("unjudged"),
    ).drop("thin")


def _findings(
    known: pl.DataFrame,
    metrics: Mapping[tuple[str, str], Judged],
    ends: Mapping[int, int],
) -> list[Finding]:
    """One finding a series that has an incident: the open one, else its worst."""
    bad = known.filter(pl.col("level") >= int(Level.WARNING)).select(SERIES).unique()
    if bad.is_empty():
        return []
    if "a_level" not in known.columns:
        known = known.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in LINES.items())
    out: list[Finding] = []
    series = known.join(bad, on=SERIES, how="semi").partition_by(SERIES, maintain_order=True)
    for rows in series:
        how = metrics[rows["group"][0], rows["code"][0]]
        levels = _lasting(rows, how.line.for_)
        sizes = pl.col("a_size").fill_null(0.0)
        runs = incidents(levels, sizes=rows.select(sizes).to_series().to_list())
        if not runs:
            continue
        run = _shown(runs)
        out.append(finding(rows, run, len(runs) - 1, how.line, how.unit, how.advice, ends))
    return out


def _lasting(rows: pl.DataFrame, windows_in_a_row: int) -> list[int]:
    """Levels without fixed and relative breaches that are too short; adaptive lines ignore `for`."""
    levels: list[int] = rows["level"].to_list()
    if windows_in_a_row == 1:
        return levels
    told = rows["rule"].is_in(ADAPTIVE).to_list()
    fixed = [int(Level.OK) if adaptive else level for level, adaptive in zip(levels, told, strict=True)]
    kept = {k for run in incidents(fixed, windows_in_a_row) for k in range(run.first, run.last + 1)}
    return [
        level if adaptive or level < Level.WARNING or k in kept else int(Level.OK)
        for k, (level, adaptive) in enumerate(zip(levels, told, strict=True))
    ]


def _shown(runs: Sequence[Incident]) -> Incident:
    """The open incident, else the worst and latest of the recovered ones."""
    last = runs[-1]
    return last if last.open else max(runs, key=lambda r: (r.level, r.first))
