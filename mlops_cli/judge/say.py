"""A measurement beyond its line → Finding: the numbers in one sentence."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import polars as pl

from mlops_cli.config.settings import Line
from mlops_cli.judge.incidents import Incident
from mlops_cli.result.finding import Finding, Level, Rule, Status
from mlops_cli.result.scope import Scope, Window
from mlops_cli.stats.proportion import wilson


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
    return Finding(
        code=row["code"],
        group=row["group"],
        level=run.level,
        status=Status.OPEN if run.open else Status.RECOVERED,
        rule=Rule(row["rule"]),
        scope=scope_of(row),
        window=Window(moment(start), moment(ends[start])),
        since=moment(rows["window"][run.first]),
        value=row["value"],
        unit=unit,
        n=row["n"] or 0,
        low=low,
        high=high,
        reference=row["reference"],
        threshold=row["threshold"],
        message=_message(row, run.level, earlier),
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
    if row["reference"] is not None and row["group"]:
        facts.append(f"baseline {_number(row['reference'])}")
    if row["size"] is not None and row["size"] != row["value"]:
        facts.append(f"{_number(row['size'])} beyond chance")
    facts.append(f"{level.word} at {_number(row['threshold'])}")
    if row["p"] is not None and row["test"]:
        facts.append(f"p {row['p']:.1g}" if row["p"] > 1e-12 else "p < 1e-12")
    text = f"{subject} is {_number(row['value'])} ({', '.join(facts)})"
    if row["note"]:
        text += f"; {row['note']}"
    if earlier:
        text += f"; {earlier} earlier incident{'s' if earlier > 1 else ''}"
    return text


def _number(value: float) -> str:
    """Four digits, whole numbers whole."""
    return f"{value:.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"
