"""Metric: the shape of a member; MEASUREMENT: the columns of a measurement frame."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import polars as pl

from mlops_cli.config.settings import Settings
from mlops_cli.metrics.labelled import Labels, Times, labels_of
from mlops_cli.metrics.tables import Tables
from mlops_cli.profile.spec import Profile

# One row a series and window. `size` is what is compared with the lines where that is not `value`
# (a drift less its expectation under no change). `test` names the evidence, from its numbers a to c:
#   proportion   a of n rows, b of c rows in the baseline (b, c null: no baseline)
#   chi2         a statistic, b degrees of freedom
#   ks           a = D * sqrt(n m / (n + m))
#   z            a normal deviate
#   ""           the value is counted, not sampled: no evidence is asked for
# `why` says why the value is null (unknown), in words; `note` goes to the finding's message.
MEASUREMENT: dict[str, pl.DataType] = {
    "code": pl.String(),
    "group": pl.String(),
    "model": pl.String(),
    "component": pl.String(),
    "arm": pl.String(),
    "segment": pl.String(),
    "field": pl.String(),
    "window": pl.Int64(),
    "value": pl.Float64(),
    "n": pl.Int64(),
    "reference": pl.Float64(),
    "size": pl.Float64(),
    "low": pl.Float64(),
    "high": pl.Float64(),
    "test": pl.String(),
    "a": pl.Float64(),
    "b": pl.Float64(),
    "c": pl.Float64(),
    "why": pl.String(),
    "note": pl.String(),
}

# Counts of joined logs: k of n rows of the window; `field` is the action where there are several.
COUNTS: dict[str, pl.DataType] = {
    "window": pl.Int64(),
    "model": pl.String(),
    "component": pl.String(),
    "arm": pl.String(),
    "field": pl.String(),
    "n": pl.Int64(),
    "k": pl.Int64(),
}

SERIES = ("code", "model", "component", "arm", "segment", "field")


@dataclass(frozen=True)
class Context:
    """What a metric may look at.

    Parameters
    ----------
    current : profile of every window to be measured (baseline windows included, for the sparklines)
    baseline : profile of the baseline, its windows pooled (window 0); None: there is none
    baseline_windows : how many whole windows it holds; 0 where it has no times (a reference file)
    windows : starts (microseconds, UTC) of all windows of the range, empty ones too, in order
    ends : their ends
    partial : starts of the windows that are not whole: never judged on volume or throughput
    settings : everything configured
    now : microseconds, UTC
    counts : joined counts by name, each with the columns of COUNTS
    unavailable : name of a count or canonical column → why these logs cannot give it
    baseline_starts : those of `windows` that the baseline was pooled from, for what only `counts` knows; none
        where it is a file of its own

    """

    current: Profile
    baseline: Profile | None
    baseline_windows: int
    windows: tuple[int, ...]
    ends: tuple[int, ...]
    partial: frozenset[int]
    settings: Settings
    now: int
    counts: Mapping[str, pl.DataFrame]  # of `profile/pairs.py`: redo, actions, completeness, labels
    unavailable: Mapping[str, str]  # what these logs cannot give (code or count) → why
    baseline_starts: tuple[int, ...] = ()

    @cached_property
    def tables(self) -> Tables:
        """The counts by series and window, made once for all metrics."""
        return Tables(self.current, self.baseline, self.windows)

    @cached_property
    def labels(self) -> Labels | None:
        """What the labels say, made once for all metrics; None where there are none."""
        times = Times(self.windows, self.ends, self.baseline_starts, self.now)
        dated = "label-time" not in self.unavailable
        return labels_of(self.counts, times, self.settings.windows.settle, dated=dated)

    @cached_property
    def estimates(self) -> pl.DataFrame | None:
        """What is expected of windows without labels, and of those with them; None where there are none."""
        from mlops_cli.metrics.estimates import Sought, estimates  # noqa: PLC0415 - most metrics need none

        labels = self.labels
        return None if labels is None else estimates(Sought(labels, self.tables, self.counts))


@dataclass(frozen=True)
class Metric:
    """One metric: what it measures and how to take it from a profile.

    Parameters
    ----------
    group : table of `[metrics.GROUP]` it stands in: input, output or software
    unit : share, ms, rows, bytes, 1/s, sd, bits, count ...; one word
    direction : up (more is worse), down, or both
    help : one sentence, without a full stop
    formula : plain text
    source : where the method comes from
    remedies : what to do when it alarms; the first is the finding's advice
    compute : Context → frame of MEASUREMENT columns but `code`

    """

    group: str
    unit: str
    direction: str
    help: str
    formula: str
    source: str
    remedies: tuple[str, ...]
    compute: Callable[[Context], pl.DataFrame]
    needs: tuple[str, ...] = ()  # canonical columns without which it is unknown
    whole_windows: bool = False  # grows with the window's length: a partial window is not judged
