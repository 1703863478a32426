"""Measurements of one unit, with its settings and what was decided, → judged."""

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.steps import Counted
from mlops_cli.judge.adaptive import Promised, groups
from mlops_cli.judge.decided import Decided, decided, ids_of, known_incidents, rebased, shifts, silenced
from mlops_cli.judge.judge import History, Judged, Outcome, judge
from mlops_cli.judge.policy import adaptive_of, promised
from mlops_cli.judge.say import SERIES, moment
from mlops_cli.ledger.decisions import beside, read
from mlops_cli.metrics.registry import METRICS
from mlops_cli.profile.kept import Kept
from mlops_cli.result.finding import Level


@dataclass(frozen=True)
class Judging:
    """One unit judged: the outcome, the history behind it, and the decisions it heeds."""

    outcome: Outcome
    history: History
    decided: Decided
    digest: str


def judging(counted: Counted, ask: Ask, kept: Path | None = None) -> Judging:
    """Judge every series by its fixed, relative and adaptive lines; `kept` is the folder of the cache."""
    settings, line = counted.unit.settings, counted.line
    decisions = read(beside(counted.unit.folder))
    said = decided(decisions)
    frame = _of_model(counted, ask)
    accepted = shifts(said.accepted, ids_of(frame))
    promise = promised(settings, line.starts, line.ends, line.partial, line.excluded)
    if said.silences:
        frame = frame.join(silenced(frame, said.silences), on=[*SERIES, "window"], how="anti")
    how = policies(counted, frame)
    based = rebased(frame, accepted)
    judged = (how, line.judged, line.end_of, line.partial, settings.windows.min_rows)
    adapting = {key: one.adaptive for key, one in how.items() if one.adaptive is not None}
    history = History((), promise)
    if len(promise.starts) > promise.how().warmup and adapting:
        # What breaks a fixed line is an incident too, whenever it is judged: nothing to learn from.
        rest = tuple(s for s in line.starts if s not in line.baseline)
        first = judge(based, how, rest, *judged[2:], history).frame
        broken = first.filter(pl.col("level") >= int(Level.ALARM)).select(*SERIES, "window")
        odd = pl.concat([broken, known_incidents(frame, said.acks)]).unique()
        history = History(groups(frame, adapting, promise, accepted, odd, Kept(kept)), promise)
    return Judging(_begun(judge(based, *judged, history), counted), history, said, decisions.digest)


def _begun(outcome: Outcome, counted: Counted) -> Outcome:
    """Where the whole log is one window, its findings begin with the first record, not with the epoch."""
    line = counted.line
    if line.starts != (0,):
        return outcome
    first = moment(line.begin(0))
    findings = tuple(
        replace(f, since=first, window=replace(f.window, start=first)) for f in outcome.judgement.findings
    )
    return replace(outcome, judgement=replace(outcome.judgement, findings=findings))


def policies(counted: Counted, frame: pl.DataFrame) -> dict[tuple[str, str], Judged]:
    """How each metric of the frame is judged."""
    settings = counted.unit.settings
    customs = settings.customs()
    how: dict[tuple[str, str], Judged] = {}
    direction: str
    for group, code in frame.select("group", "code").unique().sort("group", "code").iter_rows():
        if code in customs:
            unit, direction, whole = customs[code].unit, customs[code].direction, False
            advice = customs[code].help or f"see [metrics.custom.{code}]"
        else:
            metric = METRICS[code]
            unit, direction, whole = metric.unit, metric.direction, metric.whole_windows
            advice = metric.remedies[0]
        adaptive = adaptive_of(settings, group, code, unit, direction, whole=whole)
        how[group, code] = Judged(
            settings.line(group, code),
            direction,
            unit,
            advice,
            whole,
            adaptive,
            by_band=code.startswith("estimated-"),
        )
    return how


def adapted(promise: Promised, history: History) -> str:
    """What the adaptive lines promise, in words."""
    series = sum(g.keys.height for g in history.groups)
    if not series and len(promise.starts) <= 1:
        return "adaptive lines: none, a single window has no history ([alarms] adapt)"
    if not series:
        need = promise.how().warmup
        return f"adaptive lines: none yet, they need more than {need:,} windows of history ([alarms] adapt)"
    days = promise.per_alarm
    often = f"{days:.0f} days" if days != 365.25 / 12 else "a month"
    return f"adaptive lines: {series} series; about one false alarm in {often} over all of them ([alarms])"


def _of_model(counted: Counted, ask: Ask) -> pl.DataFrame:
    frame = counted.measured
    if ask.model and not counted.unit.name:
        return frame.filter(pl.col("model") == ask.model)
    if counted.unit.name:
        return frame.with_columns(model=pl.lit(counted.unit.name))
    return frame
