"""The steps of `retrain`: what was lost, what a retrain would learn from, and what is to be done."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.moves import table
from mlops_cli.cli.pace import Moving, moving, traffic
from mlops_cli.config.section import seconds
from mlops_cli.config.settings import Settings
from mlops_cli.decide.health import BROKEN
from mlops_cli.decide.retrain import (
    AUTOMATIC,
    BY_HAND,
    FIX,
    NONE,
    WAIT,
    Answer,
    Evidence,
    Past,
    Rules,
    decide,
    needed,
)
from mlops_cli.judge.drop import Drop, estimated, realised
from mlops_cli.judge.say import moment
from mlops_cli.judge.trend import MAIN, main_metric
from mlops_cli.ledger.decisions import Decisions, beside, read
from mlops_cli.profile.labelled import NEVER
from mlops_cli.result.finding import Finding, Judgement, Level, Status
from mlops_cli.result.pace import Retrain
from mlops_cli.result.report import Report
from mlops_cli.result.scope import from_iso, iso
from mlops_cli.result.verdict import Action, Verdict

Progress = Callable[[int, int], None]
WEEK = 604_800
ACTIONS = {
    NONE: Action.NONE,
    WAIT: Action.WAIT,
    BY_HAND: Action.RETRAIN,
    AUTOMATIC: Action.RETRAIN,
    FIX: Action.FIX_PIPELINE,
}
STEPS = {
    NONE: "",
    WAIT: "ask again when more is known",
    BY_HAND: "let a person decide on a retrain; then compare old and new: mlops canary",
    AUTOMATIC: "start it (--run); then compare old and new: mlops canary",
    FIX: "repair the data, then ask again",
}
# Verdict of the canary that followed → did the retrain help.
HELPED: Mapping[Any, bool | None] = {True: True, False: False, "yes": True, "no": False}


@dataclass(frozen=True)
class Known:
    """Everything that the answer rests on."""

    moving: Moving
    ledger: Decisions
    code: str
    lost: Drop | None
    guess: Drop | None
    evidence: Evidence
    rules: Rules
    answer: Answer
    rows: Mapping[str, Any]


def report(ask: Ask, now: datetime, progress: Progress | None) -> Report:
    """The whole answer of `retrain`.

    Raises
    ------
    UsageError
        Where the command line, the configuration or the decisions are wrong.
    DataError
        Where no row can be read.

    """
    found = moving(ask, now, progress)
    known = _known(found, read(beside(found.counted.unit.folder)))
    details = _details(known)
    answer = known.answer
    settings = found.counted.unit.settings
    code = _code(known, settings.gate.undecided)
    level = {0: Level.OK, 1: Level.ALARM}.get(code, Level.UNKNOWN)
    verdict = Verdict(
        ACTIONS[answer.action],
        _reason(known),
        STEPS[answer.action],
        automatic=answer.action == AUTOMATIC,
        because=tuple(f.id for f in _data_alarms(known.moving, known.lost)) if answer.action == FIX else (),
    )
    kept = tuple(f for f in found.base.judgement.findings if f.group == "model" or f.code in BROKEN)
    return replace(
        found.base,
        command="retrain",
        exit_code=code,
        level=level,
        verdict=verdict,
        judgement=Judgement(level, int(bool(answer.basis)), int(not answer.basis), kept),
        details={"retrain": details.to_dict(), "pace": found.pace.to_dict()},
        tables=(table(found.pace.movers),),
    )


def _known(found: Moving, ledger: Decisions) -> Known:
    one = found.counted
    settings, line = one.unit.settings, one.line
    code, series, step = main_metric(one.measured, {})
    # Money is lost by wrong answers: where there is a price, the share of them decides.
    priced = settings.retrain.cost_per_error is not None
    right = one.measured.filter((pl.col("code") == "accuracy") & (pl.col("segment") == ""))
    if priced and right["value"].count():
        code, series = "accuracy", right
    bad = MAIN.get(code, ("down", 0.0))[0]
    lost = realised(series, line.baseline, line.judged, bad) if code else None
    guess = None
    for name in dict.fromkeys(("accuracy" if priced else code or "auc", "accuracy", "auc", "mae")):
        mine = one.measured.filter((pl.col("code") == f"estimated-{name}") & (pl.col("segment") == ""))
        guess = guess or estimated(mine, line.judged, MAIN.get(name, ("down", 0.0))[0])
        code = code or (name if guess else "")
    rows = _rows(found, ledger, lost)
    rules = _rules(settings, traffic(one), step or 0.02)
    evidence = _evidence(found, ledger, lost, guess, rows)
    answer = decide(evidence, rules)
    known = Known(found, ledger, code, lost, guess, evidence, rules, answer, rows)
    if answer.action == AUTOMATIC and ledger.of("retrain", id=_id(known)):
        told = answer._replace(action=WAIT, reason="this evidence has already triggered a retrain")
        known = replace(known, answer=told)
    return known


def _rules(settings: Settings, per_week: float, step: float) -> Rules:
    own = settings.retrain
    priced = own.cost_per_error is not None and own.cost_of_retrain is not None
    least = own.min_drop if own.min_drop is not None else 0.0 if priced else step
    return Rules(
        mode=own.mode,
        per_error=own.cost_per_error,
        traffic=per_week,
        retrain=own.cost_of_retrain,
        horizon=seconds(own.horizon) / WEEK,
        min_labels=own.min_labels,
        min_drop=least,
        cooldown=seconds(own.cooldown) / WEEK,
    )


def _evidence(
    found: Moving, ledger: Decisions, lost: Drop | None, guess: Drop | None, rows: Mapping[str, Any]
) -> Evidence:
    done = ledger.of("retrain")
    past = tuple(
        Past(float(r["drop"]), float(r.get("gain", 0.0)), HELPED.get(r.get("helped")))
        for r in done
        if "drop" in r
    )
    last = _last(ledger)
    now = found.base.now
    return Evidence(
        drop=lost.value if lost else None,
        low=lost.low if lost else None,
        estimated=guess.value if guess else None,
        estimated_low=guess.low if guess else None,
        pace=found.pace.kind,
        labels=rows["labels"],
        labels_since_shock=rows["since_shock"],
        data_alarms=tuple(_named(f) for f in _data_alarms(found, lost)),
        weeks_since=(now - last).total_seconds() / WEEK if last else float("inf"),
        past=past,
        pending=bool(done) and done[-1].get("canary") == "open",
    )


def _named(f: Finding) -> str:
    place = f.scope.text()
    return f"{f.code} of {place}" if place else f.code


def _last(ledger: Decisions) -> datetime | None:
    times = [r["at"] for r in ledger.of("retrain")]
    told = [t if isinstance(t, datetime) else datetime.fromisoformat(str(t)) for t in times]
    return max((t if t.tzinfo else t.replace(tzinfo=UTC) for t in told), default=None)


def _broken(found: Moving) -> list[Finding]:
    """Alarms that say the data is broken, not that the world has changed."""
    findings = found.base.judgement.findings
    return [f for f in findings if f.code in BROKEN and f.level is Level.ALARM]


def _data_alarms(found: Moving, lost: Drop | None) -> list[Finding]:
    """Those that hold now, or were in the windows whose loss would be the reason.

    Older ones are left out of the training instead.
    """
    start = moment(min(lost.windows)) if lost else None
    return [
        f
        for f in _broken(found)
        if f.status is not Status.RECOVERED or (start is not None and f.window.end > start)
    ]


def _rows(found: Moving, ledger: Decisions, lost: Drop | None) -> dict[str, Any]:
    """What a retrain would learn from: since the last one, after a jump only what came after it."""
    del lost
    one = found.counted
    frames = [one.pairs.counts.get(n) for n in ("label-cells", "label-losses")]
    frame = next((f for f in frames if f is not None and f.height), None)
    last = _last(ledger)
    end = one.line.judged[-1] if one.line.judged else one.line.newest
    starts = [s for s in one.line.starts if s <= end and (last is None or moment(s) >= last)]
    shocks = [m.since for m in found.pace.movers if m.kind == "shock" and m.since and m.what != "model"]
    jump = max((from_iso(s) for s in shocks), default=None)
    out: dict[str, Any] = {"labels": 0, "rows": 0, "since_shock": None, "starts": starts, "jump": jump}
    if jump is not None:
        out["starts"] = [s for s in starts if moment(s) >= jump] or starts
    if frame is None:
        return out
    mine = frame.filter((pl.col("segment") == "") & pl.col("window").is_in(starts))
    told = mine.filter(pl.col("delay") != NEVER)
    out["labels"] = int(told["n"].sum())
    odd = {moment(s) for s in out["starts"] if _odd(found, s)}
    used = mine.filter(pl.col("window").is_in([s for s in out["starts"] if moment(s) not in odd]))
    out["rows"] = int(used["n"].sum())
    out["known"] = int(used.filter(pl.col("delay") != NEVER)["n"].sum())
    if jump is not None:
        after = told.filter(pl.col("window").is_in([s for s in starts if moment(s) >= jump]))
        out["since_shock"] = int(after["n"].sum())
    return out


def _odd(found: Moving, start: int) -> bool:
    """Whether broken data was found in a window: by the levels of its series, or within a finding."""
    ids = {f.id for f in _broken(found)}
    told = found.base.table("windows")
    if told is None:
        return False
    at = {name: i for i, name in enumerate(told.columns)}
    when = iso(moment(start))
    return any(
        row[at["series"]] in ids and row[at["window"]] == when and row[at["level"]] == "alarm"
        for row in told.rows
    )


def _details(known: Known) -> Retrain:
    found, answer = known.moving, known.answer
    one, rules = found.counted, known.rules
    drop = known.lost if known.lost is not None else known.guess
    starts: list[int] = known.rows["starts"]
    ends = one.line.end_of
    exclude = tuple(iso(moment(s)) for s in starts if _odd(found, s))
    weekly = None
    if rules.per_error is not None and rules.traffic is not None and known.code == "accuracy":
        weekly = rules.per_error * rules.traffic
    last = _last(known.ledger)
    until = last + timedelta(weeks=rules.cooldown) if last else None
    need = answer.need if answer.need is not None else needed(known.evidence, rules)
    details = Retrain(
        action=answer.action,
        automatic=answer.action == AUTOMATIC,
        reason=answer.reason,
        metric=known.code,
        drop=drop.value if drop else None,
        low=drop.low if drop else None,
        need=need if need != float("inf") else None,
        basis=answer.basis or ("realised" if known.lost else "estimated" if known.guess else ""),
        pace=found.pace.kind,
        train_from=iso(moment(starts[0])) if starts else None,
        train_to=iso(moment(ends[starts[-1]])) if starts else None,
        exclude=exclude,
        rows=known.rows["rows"],
        new_labels=known.rows["labels"],
        cost_of_waiting_per_week=weekly * drop.value if weekly is not None and drop else None,
        cost_low=weekly * drop.low if weekly is not None and drop else None,
        cost_high=weekly * drop.high if weekly is not None and drop else None,
        retrain_cost=rules.retrain,
        cooldown_until=iso(until.astimezone(UTC)) if until else None,
        past=tuple({k: _plain(v) for k, v in r.items()} for r in known.ledger.of("retrain")),
        trigger={},
        choices=(f"mode {rules.mode}; traffic {rules.traffic or 0.0:,.0f} predictions a week ([retrain])",),
    )
    return replace(details, trigger=_trigger(known, details))


def _trigger(known: Known, details: Retrain) -> dict[str, Any]:
    names = (
        "action", "automatic", "reason", "train_from", "train_to", "exclude", "new_labels", "rows", "metric",
        "drop", "low", "need", "basis", "pace", "cost_of_waiting_per_week", "retrain_cost", "cooldown_until",
        "past",
    )  # fmt: skip
    said = {name: getattr(details, name) for name in names}
    lost = known.lost or known.guess
    return {
        **{k: list(v) if isinstance(v, tuple) else v for k, v in said.items()},
        "since": iso(moment(min(lost.windows))) if lost else None,
        "canary": {"required": True, "compare": ["old", "new"]},
        "id": _id(known),
    }


def _id(known: Known) -> str:
    """The same model, windows and evidence: the same id."""
    one = known.moving.counted
    arms = sorted(set(one.profile.groups["arm"].to_list()))
    lost = known.lost or known.guess
    text = json.dumps(
        [one.unit.name, arms, lost.windows if lost else [], f"{lost.value:.6g}" if lost else ""]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _reason(known: Known) -> str:
    lost = known.lost or known.guess
    if lost is None:
        return known.answer.reason
    basis = "realised" if known.lost else "estimated"
    shift = "lost" if lost.value >= 0 else "gained"
    said = (
        f"{known.code} has {shift} {100 * abs(lost.value):.2g} pp ({basis}, at least {100 * lost.low:.2g} pp)"
    )
    return f"{known.answer.reason}; {said}"


def _code(known: Known, undecided: str) -> int:
    """0 none, 1 there is something to do, 3 wait, or nothing is known."""
    action = known.answer.action
    if action in (BY_HAND, AUTOMATIC, FIX):
        return 1
    nothing = action == NONE and not known.answer.basis and known.rules.mode != "off"
    if action == WAIT or nothing:
        return {"pass": 0, "fail": 1}.get(undecided, 3)
    return 0


def _plain(value: Any) -> Any:
    return iso(value.astimezone(UTC)) if isinstance(value, datetime) else value
