"""The steps of `pace`: logs → windows → how fast they move → Report; `retrain` takes the same."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from math import isfinite

import polars as pl

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.asked import ready
from mlops_cli.cli.assemble import assemble
from mlops_cli.cli.moves import table
from mlops_cli.cli.rollout import one_unit
from mlops_cli.cli.steps import Counted, State, chosen, count, units
from mlops_cli.config.settings import Settings
from mlops_cli.decide.drift_pace import cadence, unexpected
from mlops_cli.judge.threshold import thresholds
from mlops_cli.judge.trend import MAIN, STILL, Clock, clock, life, main_metric, metric_mover, movers, ranked
from mlops_cli.metrics.registry import METRICS
from mlops_cli.metrics.tables import Tables
from mlops_cli.result.exit_code import ExitCode
from mlops_cli.result.finding import Judgement, Level
from mlops_cli.result.pace import Mover, Pace
from mlops_cli.result.report import Report
from mlops_cli.result.verdict import Action, Verdict
from mlops_cli.stats.half_life import HalfLife
from mlops_cli.stats.half_life import cadence as cheapest
from mlops_cli.stats.shapes import Rules

Progress = Callable[[int, int], None]
WEEK = 604_800
SHOWN = 3


@dataclass(frozen=True)
class Moving:
    """One unit with how fast it moves."""

    counted: Counted
    base: Report
    clock: Clock
    pace: Pace
    life: HalfLife | None


def moving(ask: Ask, now: datetime, progress: Progress | None) -> Moving:
    """Read, count, judge as `monitor` does, and see how fast everything moves."""
    loaded = ready(ask)
    state = State(ask, loaded)
    unit = one_unit(units(ask, loaded, state, progress), ask)
    counted = chosen([count(unit, ask, state, progress)], ask)
    base = assemble(counted, ask, loaded, state.note, now)
    return of_counted(counted[0], base)


def of_counted(one: Counted, base: Report) -> Moving:
    """How fast the windows of a unit move."""
    settings, line, window = one.unit.settings, one.line, one.profile.spec.window
    last = line.judged[-1] if line.judged else line.newest
    skip = line.partial | frozenset(line.excluded) | {s for s in line.starts if s > last}
    time = clock(line.starts, skip, window.seconds or 1, settings.pace.windows(window.seconds))
    found: list[Mover] = []
    if window.seconds and line.starts:
        found = movers(Tables(one.profile, None, line.starts), time, Rules())
    known = one.measured.filter(pl.col("window") <= last)
    code, series, step = main_metric(known, _steps(settings))
    metric = metric_mover(series, code, time, step) if code else None
    lives = life(series, code, step) if code else None
    every = ranked([*found, *([metric] if metric else [])])
    worst = found[0] if found else None
    best = cadence(
        worst.kind if worst else "unknown",
        worst.weeks_to_warn if worst else None,
        time.seconds / WEEK,
        lives.weeks if lives and isfinite(lives.weeks) and isfinite(lives.high) else None,
        _cheapest(settings, one, lives, code),
        worst.why if worst else "",
    )
    odd = unexpected({m.field: m.kind for m in found}, settings.pace.expect)
    details = Pace(
        kind=worst.kind if worst else "unknown",
        movers=tuple(every),
        windows=len(time.starts),
        window=_word(time.seconds),
        metric=code,
        half_life_weeks=_finite(lives.weeks if lives else None),
        half_life_low=_finite(lives.low if lives else None),
        half_life_high=_finite(lives.high if lives else None),
        look_weeks=best.look,
        retrain_weeks=best.retrain,
        advice=best.said,
        unexpected=odd,
        choices=(f"windows of {_word(time.seconds)}: {len(time.starts)} (--window, [pace])",),
    )
    return Moving(one, base, time, details, lives)


def report(ask: Ask, now: datetime, progress: Progress | None) -> Report:
    """The whole answer of `pace`.

    Raises
    ------
    UsageError
        Where the command line or the configuration is wrong.
    DataError
        Where no row can be read.

    """
    found = moving(ask, now, progress)
    said = found.pace
    unknown = said.kind == "unknown"
    undecided = found.counted.unit.settings.gate.undecided
    code = {"pass": 0, "fail": 1}.get(undecided, int(ExitCode.UNDECIDED)) if unknown else 0
    level = Level.UNKNOWN if unknown else Level.OK
    why = next((m.why for m in said.movers if m.why), "there is no field with windows")
    reason = f"undecided: {why}" if unknown else _reason(found)
    return replace(
        found.base,
        command="pace",
        exit_code=code,
        level=level,
        verdict=Verdict(Action.HOLD if unknown else Action.NONE, reason, said.advice),
        judgement=Judgement(level, sum(m.kind != "unknown" for m in said.movers), int(unknown)),
        details={"pace": said.to_dict()},
        tables=(table(said.movers),),
    )


def _reason(found: Moving) -> str:
    said = found.pace
    fast = [m for m in said.movers if m.what != "model" and m.kind not in STILL]
    if fast:
        each = ", ".join(f"{m.field} ({m.kind}{_since(m)})" for m in fast[:SHOWN])
        more = f" and {len(fast) - SHOWN} more" if len(fast) > SHOWN else ""
        reason = f"{said.kind}: {each}{more}"
    else:
        reason = f"{said.kind}: {len(said.movers)} series looked at over {said.windows} windows"
    if found.life is not None:
        reason += f"; {_life(said.metric, found.life)}"
    if said.unexpected:
        reason += f"; faster than expected: {', '.join(said.unexpected)}"
    return reason


def _since(m: Mover) -> str:
    return f" from {m.since[:10]}" if m.since else ""


def _life(code: str, found: HalfLife) -> str:
    if not isfinite(found.high):
        if not isfinite(found.low):
            return f"{code} does not fall"
        return f"{code} has fallen to its warning line in more than {found.low:.0f} weeks, if ever"
    return f"half-life of the model by {code} {found.weeks:.1f} weeks ({found.low:.1f} to {found.high:.1f})"


def _steps(settings: Settings) -> dict[str, float]:
    """Metric → how far it may go before it warns, where its line is a change in its own unit."""
    out = {}
    for code in MAIN:
        bounds = thresholds(settings.line("model", code), METRICS[code].direction)
        steps = [abs(b.amount) for b in bounds if b.level is Level.WARNING and not b.unit]
        if steps and bounds[0].rule.value == "relative":
            out[code] = min(steps)
    return out


def _cheapest(settings: Settings, one: Counted, lives: HalfLife | None, code: str) -> float | None:
    prices = settings.retrain
    if lives is None or code != "accuracy" or prices.cost_per_error is None or prices.cost_of_retrain is None:
        return None
    growth = prices.cost_per_error * traffic(one) * -lives.slope
    weeks = cheapest(prices.cost_of_retrain, growth)
    return weeks if isfinite(weeks) else None


def traffic(one: Counted) -> float:
    """Predictions a week, over the whole windows."""
    line = one.line
    whole = [
        (n, e - s)
        for s, e, n in zip(line.starts, line.ends, line.rows, strict=True)
        if s not in line.partial and n
    ]
    length = sum(t for _, t in whole) / 1e6
    return sum(n for n, _ in whole) / length * WEEK if length else 0.0


def _word(seconds: float) -> str:
    for word, size in (("w", WEEK), ("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size and not seconds % size:
            return f"{seconds / size:.0f}{word}"
    return f"{seconds:g}s"


def _finite(value: float | None) -> float | None:
    return value if value is not None and isfinite(value) else None
