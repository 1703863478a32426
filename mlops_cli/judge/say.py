"""A measurement beyond its line → Finding: the numbers in one sentence."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl

from mlops_cli.config.settings import Line
from mlops_cli.judge.incidents import Incident
from mlops_cli.result.finding import Finding, Level, Rule, Status
from mlops_cli.result.scope import Scope, Window, iso
from mlops_cli.stats.proportion import wilson

SERIES = ["code", "group", "model", "component", "arm", "segment", "field"]
ADAPTIVE = (Rule.JUMP, Rule.DRIFT, Rule.SIGMA)


def moment(microseconds: int) -> datetime:
    """A time of the frames as the report has it."""
    whole, rest = divmod(microseconds, 1_000_000)
    return datetime.fromtimestamp(whole, UTC).replace(microsecond=rest)


def scope_of(row: Mapping[str, Any]) -> Scope:
    """The scope columns of a frame's row."""
    pairs = (pair.split("=", 1) for pair in row["segment"].split(",") if pair)
    segment = tuple(sorted((k, v) for k, v in pairs))
    return Scope(row["model"], row["component"], row["arm"], segment, row["field"])


def finding(
    rows: pl.DataFrame,
    run: Incident,
    earlier: int,
    line: Line,
    unit: str,
    advice: str,
    ends: Mapping[int, int],
) -> Finding:
    """The finding of one incident.

    Parameters
    ----------
    rows : one series, a row a judged window in order, with its level, rule, threshold and p
    run : the incident
    earlier : how many other incidents of the series lie in the judged range
    line, unit, advice : of the metric
    ends : start of a window → its end

    """
    row = rows.row(run.worst, named=True)
    low, high = _interval(row)
    start = row["window"]
    span = rows[run.first : run.last + 1]
    told = (
        span.filter(pl.col("rule").is_in([Rule.JUMP.value, Rule.DRIFT.value]))["a_since"]
        .drop_nulls()
        .to_list()
    )
    since = min([rows["window"][run.first], *told])
    shifted = run.open and bool(rows["a_shifted"][run.last])
    status = Status.SHIFTED if shifted else Status.OPEN if run.open else Status.RECOVERED
    return Finding(
        code=row["code"],
        group=row["group"],
        level=Level.WARNING if shifted else run.level,
        status=status,
        rule=Rule(row["rule"]),
        scope=scope_of(row),
        window=Window(moment(start), moment(ends[start])),
        since=moment(since),
        value=row["value"],
        unit=unit,
        n=row["n"] or 0,
        low=low,
        high=high,
        reference=row["reference"],
        threshold=row["threshold"],
        message=_message(row, run.level, earlier) + (_shift(since) if shifted else ""),
        advice=advice,
        owner=line.owner,
        runbook=line.runbook,
    )


def _interval(row: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """95 % interval of the value: Wilson for a share, else what the metric gave."""
    if row["low"] is not None or row["test"] != "proportion" or not row["n"]:
        return row["low"], row["high"]
    if row["a"] is None or abs(row["a"] / row["n"] - row["value"]) > 1e-9:  # evidence about another share
        return None, None
    interval = wilson(row["a"], row["n"], 0.95)
    return float(interval.low), float(interval.high)


def _message(row: Mapping[str, Any], level: Level, earlier: int) -> str:
    """`missing-rate of amount is 0.26 (n 1799, baseline 0.03, alarm at 0.2)`."""
    place = scope_of(row).text()
    subject = row["code"]
    if place:
        subject += f" of {place}" if row["field"] else f" in {place}"
    facts = [f"n {row['n']}"] if row["n"] is not None else []
    facts += _adaptive(row, level) if row["rule"] in ADAPTIVE else _fixed(row, level)
    value = "not known any more" if row["value"] is None else _number(row["value"])
    text = f"{subject} is {value} ({', '.join(facts)})"
    if row["note"]:
        text += f"; {row['note']}"
    if earlier:
        text += f"; {earlier} earlier incident{'s' if earlier > 1 else ''}"
    return text


def _fixed(row: Mapping[str, Any], level: Level) -> list[str]:
    facts = []
    if row["reference"] is not None and row["group"]:
        facts.append(f"baseline {_number(row['reference'])}")
    if row["size"] is not None and row["size"] != row["value"]:
        facts.append(f"{_number(row['size'])} beyond chance")
    facts.append(f"{level.word} at {_number(row['threshold'])}")
    if row["p"] is not None and row["test"]:
        facts.append(_chance(row["p"]))
    return facts


def _adaptive(row: Mapping[str, Any], level: Level) -> list[str]:
    """What its own history let one expect."""
    expected = [f"expected {_number(row['reference'])}"] if row["reference"] is not None else []
    if row["rule"] == Rule.DRIFT:
        return [*expected, f"{level.word}: small and lasting, the evidence adds up"]
    if row["a_low"] is None or row["a_high"] is None:
        return [*expected, f"{level.word}, still open"]
    band = f"line {_number(row['a_low'])} to {_number(row['a_high'])}"
    if row["rule"] == Rule.SIGMA:
        return [*expected, f"{_number(round(row['a_size'], 1))} sigma"]
    chance = [] if row["p"] is None else [_chance(row["p"])]
    return [*expected, f"{level.word}: {band}", *chance]


def _chance(p: float) -> str:
    return f"p {p:.1g}" if p > 1e-12 else "p < 1e-12"


def _shift(since: int) -> str:
    """A level that is steady elsewhere is the new line, but nobody has agreed to it."""
    return f"; shifted since {iso(moment(since))}, not accepted: mlops accept, or put it right"


def with_segments(found: Sequence[Finding]) -> list[Finding]:
    """A finding on all rows names its segments, worst first, instead of repeating them."""
    wholes = {_place(f): f for f in found if not f.scope.segment}
    parts: dict[tuple[str, ...], list[Finding]] = {}
    out = []
    for one in found:
        whole = wholes.get(_place(one)) if one.scope.segment else None
        if (
            whole is None
            or (one.status is Status.OPEN and whole.status is not Status.OPEN)
            or one.level > whole.level
        ):
            out.append(one)
        else:
            parts.setdefault(_place(one), []).append(one)
    return [_naming(f, parts.get(_place(f), [])) if not f.scope.segment else f for f in out]


def _naming(whole: Finding, parts: Sequence[Finding]) -> Finding:
    if not parts:
        return whole
    worst = sorted(parts, key=lambda f: (-f.level, -abs((f.value or 0) - (f.reference or 0)), f.id))
    named = [f"{','.join(f'{k}={v}' for k, v in f.scope.segment)} {_number(f.value or 0)}" for f in worst[:3]]
    rest = f" and {len(worst) - 3} more" if len(worst) > 3 else ""
    return replace(whole, message=f"{whole.message}; in segments: {', '.join(named)}{rest}")


def _place(found: Finding) -> tuple[str, ...]:
    scope = found.scope
    return (found.code, found.group, scope.model, scope.component, scope.arm, scope.field)


def _number(value: float) -> str:
    """Four digits, whole numbers whole."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"
