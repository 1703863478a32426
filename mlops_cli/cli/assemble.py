"""Measurements of every unit → the Report of `monitor`, with its exit code."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mlops_cli import __version__
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.changes import changes_table
from mlops_cli.cli.distributions import distributions_table
from mlops_cli.cli.estimates import estimates_notes, estimates_table
from mlops_cli.cli.excuses import excuses, known_table, read_known, said_too
from mlops_cli.cli.judging import Judging, adapted, judging
from mlops_cli.cli.labels import labels_table
from mlops_cli.cli.moments import moment as typed_moment
from mlops_cli.cli.moves import pace_table
from mlops_cli.cli.required import longer, required_unknown
from mlops_cli.cli.seen import Seen
from mlops_cli.cli.steps import SECOND, Counted, lines_of
from mlops_cli.cli.tables import bounds_table, models_table, series_table, unknown_table, windows_table
from mlops_cli.config.load import Loaded, digest
from mlops_cli.config.section import seconds
from mlops_cli.decide.health import health
from mlops_cli.errors import DataError
from mlops_cli.judge.say import moment
from mlops_cli.logs.told import source
from mlops_cli.result.details import Monitor
from mlops_cli.result.exit_code import ExitCode, gate
from mlops_cli.result.finding import Judgement, Level, by_severity
from mlops_cli.result.report import Report, Source
from mlops_cli.result.scope import iso


def assemble(
    counted: Sequence[Counted],
    ask: Ask,
    loaded: Loaded,
    note: str,
    clock: datetime,
    state: Path | None = None,
) -> Report:
    """Judge every unit and say all of it in one report; `state` is the folder of cache and history."""
    known = read_known(ask.known)
    kept = lines_of(state)
    judged = [judging(c, ask, kept) for c in counted]
    seen = [Seen(c, j.outcome) for c, j in zip(counted, judged, strict=True)]
    judgement = _together([s.outcome.judgement for s in seen])
    settings = loaded.settings
    required = required_unknown(seen)
    since = None if not ask.since else _at(ask.since, settings.project.timezone)
    newest = max((c.line.newest for c in counted), default=0)
    now = max((c.line.now for c in counted), default=0) or round(clock.timestamp() * SECOND)
    acks = [ack for j in judged for ack in j.decided.acks]
    excused, expired = excuses(judgement.findings, acks, known, ask.soft_fail_on, moment(now))
    code = gate(
        judgement,
        fail_on=settings.gate.fail_on,
        undecided=settings.gate.undecided,
        since=since,
        required_unknown=required,
        excused=excused,
    )
    if code is not ExitCode.FAIL:
        _refuse_old(seen, settings.gate.max_age, clock if not ask.now else None)
    level = judgement.level
    if code is ExitCode.UNDECIDED and level < Level.UNKNOWN:
        level = Level.UNKNOWN
    judgement = replace(judgement, level=level)
    blocking = replace(judgement, findings=tuple(f for f in judgement.findings if f.id not in excused))
    return Report(
        command="monitor",
        version=__version__,
        generated=clock if not ask.now else moment(now),
        now=moment(now),
        exit_code=int(code),
        level=level,
        verdict=said_too(
            health(
                blocking,
                code,
                tuple(required),
                longer(seen) if required else "",
                compared=any(
                    c.baseline is not None or c.unit.settings.baseline.from_ == "rolling" for c in counted
                ),
            ),
            excused,
            judgement.findings,
        ),
        judgement=judgement,
        sources=tuple(sorted((s for c in counted for s in _sources(c)), key=lambda s: (s.path, s.kind))),
        details={"monitor": _details(seen, judged, ask, newest, now).to_dict()},
        tables=tuple(
            t
            for t in (
                models_table(seen),
                series_table(seen),
                windows_table(seen),
                labels_table(counted),
                estimates_table(counted),
                unknown_table(seen),
                bounds_table(seen, loaded.origins),
                distributions_table(seen),
                changes_table(counted, judged, state),
                pace_table(counted),
                known_table(excused),
            )
            if t.rows
        ),
        quarantine=tuple(b for c in counted for p in c.unit.logs.parts for b in p.bad),
        notes=(*estimates_notes(counted), *_notes(counted, note), *expired),
        digests={"settings": digest(settings), "decisions": judged[0].digest if judged else ""},
    )


def _together(judgements: Sequence[Judgement]) -> Judgement:
    findings = sorted((f for j in judgements for f in j.findings), key=by_severity)
    return Judgement(
        max((j.level for j in judgements), default=Level.OK),
        sum(j.checked for j in judgements),
        sum(j.unknown for j in judgements),
        tuple(findings),
    )


def _refuse_old(seen: Sequence[Seen], max_age: str, clock: datetime | None) -> None:
    """Exit 4 where the newest record is older than `[gate] max_age`."""
    if not max_age:
        return
    newest = max(s.counted.line.newest for s in seen)
    now = clock.timestamp() if clock else max(s.counted.line.now for s in seen) / SECOND
    age = now - newest / SECOND
    if age > seconds(max_age):
        raise DataError(
            f"the newest record is {timedelta(seconds=round(age))} old, [gate] max_age is {max_age}",
            iso(moment(newest)),
            "see whether logging has stopped, or raise max_age",
        )


def _sources(counted: Counted) -> list[Source]:
    return [source(part) for part in counted.unit.logs.parts]


def _details(seen: Sequence[Seen], judged: Sequence[Judging], ask: Ask, newest: int, now: int) -> Monitor:
    first = seen[0].counted
    line = first.line
    zone = first.unit.settings.project.timezone
    return Monitor(
        window=first.profile.spec.window.word,
        windows=len(line.starts),
        judged=len(line.judged),
        baseline=first.baseline_said,
        since=_text(ask.since),
        until=_text(ask.until),
        timezone=zone,
        unfinished=tuple(iso(moment(s)) for s in sorted(line.unfinished)),
        age_seconds=(now - newest) / SECOND if ask.now or now > newest else None,
        rows=sum(p.rows for s in seen for p in s.counted.unit.logs.parts),
        choices=(*_choices(first, newest, ask), adapted(judged[0].history.promised, judged[0].history)),
    )


def _choices(first: Counted, newest: int, ask: Ask) -> tuple[str, ...]:
    """What was chosen, each with the option that changes it."""
    line, word = first.line, first.profile.spec.window.word
    window = "the whole log is one window" if word == "all" else f"windows of {word}: {len(line.starts)}"
    out = [
        f"{window}, {len(line.judged)} judged (--window, --since, --until)",
        f"baseline: {first.baseline_said} (--baseline)",
    ]
    if newest:
        age = (
            ""
            if not ask.now and line.now <= newest
            else f", {timedelta(seconds=round(line.now / SECOND - newest / SECOND))} old"
        )
        out.append(f"newest record {iso(moment(newest))}{age} (--now)")
    if line.unfinished:
        late = len(line.unfinished)
        which = "the last window is" if late == 1 else f"the last {late} windows are"
        out.append(f"{which} not over: not judged on volume or throughput")
    return tuple(out)


def _notes(counted: Sequence[Counted], note: str) -> tuple[str, ...]:
    out: dict[str, None] = {}
    for c in counted:
        texts: list[Any] = [
            *c.unit.found.notes,
            *c.unit.logs.notes,
            *c.unit.found.passed_over(),
            *c.profile.notes,
            *c.pairs.notes,
        ]
        if c.line.stray:
            texts.append(f"{c.line.stray} records have times far outside the rest and belong to no window")
        out.update(dict.fromkeys(texts))
    if note:
        out[note] = None
    return tuple(out)


def _text(value: str | datetime | None) -> str | None:
    return iso(value) if isinstance(value, datetime) else value or None


def _at(value: str | datetime, zone: str) -> datetime:
    return value.astimezone(UTC) if isinstance(value, datetime) else typed_moment(value, zone)
