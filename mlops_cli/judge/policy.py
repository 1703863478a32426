"""Policy: from the settings, whether and how a metric adapts, and what the run promises."""

from collections.abc import Mapping, Sequence
from math import isnan

from mlops_cli.config.alarms import days_per_alarm
from mlops_cli.config.section import Adapt, sigmas
from mlops_cli.config.settings import Line, Settings
from mlops_cli.judge.adaptive import Adaptive, Promised
from mlops_cli.result.finding import Level


def adaptive_of(
    settings: Settings, group: str, code: str, unit: str, direction: str, *, whole: bool
) -> Adaptive | None:
    """How a metric adapts; None where it has lines of its own in the file and none of them does.

    Parameters
    ----------
    settings : all of them
    group, code, unit, direction : of the metric
    whole : it is not judged in a partial window

    """
    line = settings.line(group, code)
    given: Mapping[str, object] = settings.given(group, code)
    asked = [level for level in Level if any(isinstance(b, Adapt) for b in _bounds(line, level))]
    widths = {level: w for level in Level for w in map(sigmas, _bounds(line, level)) if not isnan(w)}
    own = {"warn", "alarm", "slo"} & set(given)
    top = max(asked, default=None)
    if top is None:
        if not widths and (own or settings.alarms.adapt == "off"):
            return None
        top = Level.OK if own else Level.ALARM
    drift = next((b for b in _bounds(line, Level.WARNING) if isinstance(b, float)), 0.0)
    return Adaptive(
        top=top,
        asked=bool(asked or widths),
        direction=direction,
        unit=unit,
        whole_windows=whole,
        min_effect=line.min_effect,
        drift_line=drift,
        sigmas=widths,
    )


def _bounds(line: Line, level: Level) -> Sequence[object]:
    bound = {Level.WARNING: line.warn, Level.ALARM: line.alarm}.get(level)
    return bound if isinstance(bound, tuple) else () if bound is None else (bound,)


def promised(
    settings: Settings,
    starts: tuple[int, ...],
    ends: tuple[int, ...],
    partial: frozenset[int],
    excluded: Sequence[int],
) -> Promised:
    """What `[alarms]` promises, for these windows."""
    return Promised(
        starts,
        ends,
        days_per_alarm(settings.alarms.false_alarms),
        days_per_alarm(settings.alarms.per_metric),
        settings.project.timezone,
        partial,
        frozenset(excluded),
    )
