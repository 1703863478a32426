"""What was read, what was chosen and what could not be judged, in a few plain lines."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta, tzinfo
from typing import Any

from mlops_cli.render.records import records
from mlops_cli.render.words import age, clean, count, day, minute, quantity, zone_of
from mlops_cli.result.report import BadLine, Report
from mlops_cli.result.scope import from_iso

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
KINDS = ("predictions", "feedback", "decisions", "requests", "spans", "gauges")  # in this order
LISTED = 3  # names in a list before it is counted instead


def read(report: Report, listed: int = LISTED) -> list[str]:
    """Rows by kind, files, times; what was left out, `listed` lines by name; what these logs cannot give."""
    if not report.sources:
        return []
    _, zone = zone_of(report)
    rows: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
    for source in report.sources:
        rows[source.kind] += source.rows
    kinds = ", ".join(f"{count(n)} {clean(kind)}" for kind, n in rows.items() if n) or "no row"
    paths = {s.path: s.bytes for s in report.sources}
    starts = [s.start for s in report.sources if s.start]
    ends = [s.end for s in report.sources if s.end]
    times = ""
    if starts and ends:
        first, last = (day(t, zone)[:10] for t in (min(starts), max(ends)))
        times = f", {first}" + (f" to {last}" if last != first else "")
    said = [f"{kinds} in {count(len(paths), 'file')} ({quantity(sum(paths.values()), 'bytes')}){times}"]
    said += _left_out(report, listed)
    said += _lacking(report)
    return said


def _left_out(report: Report, listed: int) -> list[str]:
    bad = sum(s.quarantined for s in report.sources)
    if not bad:
        return []
    shown = [f"{_place(b)}: {clean(b.reason)}" for b in report.quarantine[:listed]]
    more = bad - len(shown)
    if shown and more:
        shown.append(f"{count(more)} more")
    examples = f" ({'; '.join(shown)})" if shown else ""
    files = sum(not b.line for b in report.quarantine)
    what = [count(n, word) for n, word in ((files, "file"), (bad - files, "line")) if n]
    return [f"{' and '.join(what)} could not be read{examples}"]


def _place(bad: BadLine) -> str:
    return f"{clean(bad.source)} line {bad.line}" if bad.line else clean(bad.source)


# What every service writes: where a log of one's own making lacks it, the column has a name not known here.
UNNAMED = frozenset({"prediction", "timestamp"})
OWN = frozenset({"csv", "jsonl", "parquet"})
NAMED = " (--column ROLE=COLUMN, where they have another name)"


def _lacking(report: Report) -> list[str]:
    """`predictions (bentoml) hold no status, latency_ms`."""
    groups: dict[tuple[tuple[str, ...], str], dict[str, None]] = {}
    for source in report.sources:
        if source.unavailable:
            name = clean(f"{source.kind} ({source.format})")
            unnamed = source.format in OWN and not UNNAMED.isdisjoint(source.unavailable)
            groups.setdefault((source.unavailable, NAMED if unnamed else ""), {})[name] = None
    return [f"{', '.join(names)}: no {clean(', '.join(what))}{do}" for (what, do), names in groups.items()]


def newest(report: Report) -> str:
    """`newest record 2026-10-30 23:59 UTC, 5 h old`; of logs without times the run's clock is no record's."""
    if report.sources and not any(s.end for s in report.sources):
        return "no record has a time"
    name, zone = zone_of(report)
    old = next((d["age_seconds"] for d in _details(report) if d.get("age_seconds") is not None), None)
    length = report.generated - report.now if old is None else timedelta(seconds=old)
    moment = report.now if old is None else report.now - length
    said = f"newest record {minute(moment, zone)} {name}"
    return f"{said}, {age(length)} old" if length > timedelta(0) else said


def chosen(report: Report) -> list[str]:
    """What was chosen, each with the option that changes it."""
    return [clean(c) for d in _details(report) for c in d.get("choices", ())]


def judged(report: Report) -> str:
    """`4,012 checks, 12 more could not be made`."""
    judgement = report.judgement
    said = count(judgement.checked, "check")
    if judgement.unknown:
        said += f", {count(judgement.unknown)} more could not be made"
    return said


def unknown(report: Report, listed: int = LISTED) -> list[str]:
    """A line a reason: which metrics it holds back; the reason with the most checks first.

    Of more than `listed` fields, and twice as many metrics, only the number is said.
    """
    reasons: dict[str, dict[str, dict[str, None]]] = {}
    checks: Counter[str] = Counter()
    for row in records(report.table("unknown")):
        why = clean(row["why"])
        checks[why] += row["windows"]
        reasons.setdefault(why, {}).setdefault(clean(row["code"]), {})[clean(row["field"])] = None
    return [
        f"{why}: {_metrics(reasons[why], listed)} ({count(n, 'check')})"
        for why, n in sorted(checks.items(), key=lambda p: (-p[1], p[0]))
    ]


def _metrics(codes: Mapping[str, Mapping[str, None]], listed: int) -> str:
    said = []
    for code, fields in codes.items():
        named = [f for f in fields if f]
        if len(named) > listed:
            said.append(f"{code} of {count(len(named), 'field')}")
        else:
            said.append(f"{code} of {', '.join(named)}" if named else code)
    if len(said) > 2 * listed:
        said = [*said[: 2 * listed], count(len(said) - 2 * listed, "more metric")]
    return "; ".join(said)


def changes(report: Report) -> dict[str, list[str]]:
    """Finding id → what else changed near its onset, a line each."""
    zone = zone_of(report)[1]
    out: dict[str, list[str]] = {}
    for row in records(report.table("changes")):
        finding, *what = row.values()
        said = [_told(w, zone) for w in what if w is not None]
        out.setdefault(str(finding), []).append(", ".join(s for s in said if s))
    return out


def _told(value: object, zone: tzinfo) -> str:
    """A text of a table; a time is said in the zone of the people who read it."""
    text = clean(value)
    try:
        return day(from_iso(text), zone) if TIME.fullmatch(text) else text
    except ValueError:
        return text


def headline(report: Report) -> list[Mapping[str, Any]]:
    """The worst series of each metric, with how many `others` it stands for."""
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for row in records(report.table("series")):
        key = (row["group"], row["code"])
        if key in first:
            first[key]["others"] += 1
        else:
            first[key] = {**row, "others": 0}
    return list(first.values())


def calm(row: Mapping[str, Any]) -> bool:
    """Whether a series is 0 as it should be, and always was: not worth a line of its own."""
    return (
        row["value"] == 0 and not row["reference"] and row["level"] in {None, "ok"} and row["worst"] == "ok"
    )


def shorten(items: Sequence[str], limit: int, what: str) -> list[str]:
    """The first of them and how many more there are; no line is spent on saying that one is left."""
    if len(items) <= limit + 1:
        return list(items)
    return [*items[:limit], f"and {count(len(items) - limit)} more {what}"]


def _details(report: Report) -> list[Mapping[str, Any]]:
    return [d for d in report.details.values() if isinstance(d, Mapping)]
