"""A report as a page reads it: every number and name already in the words that stand on it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from mlops_cli.render import summary
from mlops_cli.render.chart import meter
from mlops_cli.render.figures import MARKS, Bars, Chart, Figures
from mlops_cli.render.records import KNOWN, records, segment, several_models
from mlops_cli.render.traffic import blocks, traffic
from mlops_cli.render.words import (
    clean,
    count,
    day,
    gist,
    minute,
    place,
    quantity,
    reason,
    rest,
    span,
    tally,
    where,
    zone_of,
)
from mlops_cli.result.finding import Finding, Level, Status
from mlops_cli.result.report import Report, Table
from mlops_cli.result.scope import from_iso

FINDINGS = 60  # drawn of each status; the others are counted
SERIES = 600  # rows of the table of all series
SEGMENTS = 80
ROWS = 60  # of a table that this page does not know
HIDDEN = {*KNOWN, "arms"}  # drawn, or said elsewhere
OVER = {"alarm": "○", "warning": "△"}
TITLES = {Status.OPEN: "Open", Status.SHIFTED: "Shifted", Status.RECOVERED: "Recovered"}


@dataclass(frozen=True)
class Card:
    """A finding, or the worst series of a metric, with its chart."""

    level: str
    mark: str
    code: str
    place: str
    value: str
    reference: str
    threshold: str
    find: str
    chart: Chart | None
    more: str = ""
    id: str = ""
    facts: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    advice: str = ""
    owner: str = ""
    runbook: str = ""
    link: str = ""
    since: str = ""
    bars: Bars | None = None
    at: str = ""


def view(report: Report) -> dict[str, Any]:
    """Everything the template asks for."""
    figures = Figures(report)
    zone = zone_of(report)
    found = report.judgement.findings
    return {
        "command": clean(report.command),
        "version": clean(report.version),
        "gist": gist(report),
        "tone": {0: "ok", 1: "alarm", 3: "unknown"}.get(report.exit_code, "alarm"),
        "exit": report.exit_code,
        "action": report.verdict.action.value.replace("-", " "),
        "reason": reason(report),
        "next": clean(report.verdict.next_step),
        "traffic": quantity(report.verdict.traffic, "share") if report.verdict.traffic is not None else "",
        "degree": report.verdict.degree.value if report.verdict.degree else "",
        "newest": summary.newest(report),
        "generated": f"{minute(report.generated, zone[1])} {clean(zone[0])}",
        "zone": clean(zone[0]),
        "facts": list(_facts(report)),
        "chosen": summary.chosen(report),
        "read": summary.read(report, 10),
        "findings": list(_findings(report, figures)),
        "open": tally(found),
        "models": [_model(r) for r in records(report.table("models"))] if several_models(report) else [],
        "groups": list(_groups(report, figures)),
        "series": [_series(r, report) for r in _rows(report, "series", SERIES)],
        "series_more": _more(report, "series", SERIES),
        "segments": list(_segments(report)),
        "pipeline": _pipeline(report),
        "unknown": summary.unknown(report, 5),
        "unknowns": count(report.judgement.unknown, "check") if report.judgement.unknown else "",
        "timeline": list(_timeline(report)),
        "tables": [_table(t) for t in report.tables if t.name not in HIDDEN and t.rows],
        "notes": [clean(n) for n in report.notes],
        "sources": [_source(s, zone[1]) for s in report.sources],
        "digests": {clean(k): clean(v) for k, v in report.digests.items()},
        "axis": json.dumps(
            {"at": [round(figures.axis.at[w], 4) for w in figures.axis.windows], "names": figures.axis.names}
        ),
        "first": figures.axis.names[0] if figures.axis.names else "",
        "last": figures.axis.names[-1] if figures.axis.names else "",
        "blocks": blocks(report),
        "traffic_of": traffic(report),
        "marks": MARKS,
    }


def _facts(report: Report) -> Iterator[tuple[str, str, str]]:
    judgement = report.judgement
    rows = sum(s.rows for s in report.sources)
    yield "rows read", count(rows), count(len({s.path for s in report.sources}), "file")
    details = report.details.get("monitor")
    if isinstance(details, Mapping) and "windows" in details:
        yield (
            "windows",
            clean(details["windows"]),
            clean(f"{details['judged']} judged, {details['window']} each"),
        )
    yield "checks", count(judgement.checked), f"{count(judgement.unknown)} could not be made"
    held = [f for f in judgement.findings if f.status is not Status.RECOVERED]
    yield "open", count(len(held)), tally(judgement.findings) or "nothing is open"
    yield "recovered", count(len(judgement.findings) - len(held)), "over at the end"


def _findings(report: Report, figures: Figures) -> Iterator[dict[str, Any]]:
    changes, models = summary.changes(report), several_models(report)
    zone = zone_of(report)[1]
    for status, title in TITLES.items():
        these = [f for f in report.judgement.findings if f.status is status]
        if not these:
            continue
        cards = [_finding(f, figures, changes.get(f.id, ()), zone, models=models) for f in these[:FINDINGS]]
        alarms = sum(f.level is Level.ALARM for f in these)
        parts = [count(n, t) for n, t in ((alarms, "alarm"), (len(these) - alarms, "warning")) if n]
        yield {
            "title": title,
            "status": status.value,
            "tally": ", ".join(parts),
            "cards": cards,
            "more": count(len(these) - len(cards), "more finding") if len(these) > len(cards) else "",
        }


def _finding(f: Finding, figures: Figures, changes: Sequence[str], zone: Any, *, models: bool) -> Card:
    interval = span(f.low, f.high, f.unit, f.code)
    facts = [
        f"95 % {interval}" if interval else "",
        "" if f.unit == "rows" else f"n {count(f.n)}",
        *rest(f).split("; "),
    ]
    level, at = f.level.word, place(f, model=models)
    runbook = clean(f.runbook or "")
    return Card(
        level=level,
        mark=OVER.get(level, "") if f.status is Status.RECOVERED else MARKS.get(level, ""),
        code=clean(f.code),
        place=at,
        value=quantity(f.value, f.unit, f.code),
        reference=_known(f.reference, f.unit, f.code),
        threshold=_known(f.threshold, f.unit, f.code),
        find=f"{clean(f.code)} {at} {f.group} {level}".lower(),
        chart=figures.chart(f.id, f.unit, f.code, f.reference, f.threshold),
        id=clean(f.id),
        facts=tuple(x for x in facts if x),
        changes=tuple(changes),
        advice=clean(f.advice),
        owner=clean(f.owner or ""),
        runbook=runbook,
        link=runbook if runbook.startswith(("https://", "http://")) else "",
        since=day(f.since, zone),
        bars=figures.bars(f.id),
        at=day(f.window.start, zone),
    )


def _known(value: float | None, unit: str, code: str) -> str:
    """The number, nothing where there is none."""
    return quantity(value, unit, code) if value is not None and isfinite(value) else ""


def _groups(report: Report, figures: Figures) -> Iterator[dict[str, Any]]:
    models = several_models(report)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in summary.headline(report):
        groups.setdefault(clean(row["group"]) or "other", []).append(row)
    for group, rows in groups.items():
        calm = [clean(r["code"]) for r in rows if summary.calm(r)]
        cards = [
            _metric(r, figures, models=models) for r in rows if not summary.calm(r) and r["value"] is not None
        ]
        if cards or calm:
            yield {"title": group.capitalize(), "cards": cards, "calm": ", ".join(calm)}


def _metric(r: Mapping[str, Any], figures: Figures, *, models: bool) -> Card:
    at = _where(r, models=models)
    unit, code, level = r["unit"], r["code"], r["level"] or ""
    said = {k: _known(r[k], unit, code) for k in ("reference", "threshold")}
    return Card(
        level=level,
        mark=MARKS.get(level, ""),
        code=clean(code),
        place=at,
        value=quantity(r["value"], unit, code),
        reference=said["reference"],
        threshold=said["threshold"],
        find=f"{clean(code)} {at} {clean(r['group'])} {level or 'shown'}".lower(),
        chart=figures.chart(str(r["series"]), unit, code, r["reference"], r["threshold"]),
        more=f"+{count(r['others'])}" if r["others"] else "",
    )


def _where(r: Mapping[str, Any], *, models: bool) -> str:
    return where(r["component"], r["arm"], segment(r["segment"]), r["field"], r["model"] if models else "")


def _rows(report: Report, name: str, limit: int) -> list[Mapping[str, Any]]:
    return list(records(report.table(name)))[:limit]


def _more(report: Report, name: str, limit: int) -> str:
    table = report.table(name)
    return count(len(table.rows) - limit) if table and len(table.rows) > limit else ""


def _series(r: Mapping[str, Any], report: Report) -> dict[str, Any]:
    unit, code, level = r["unit"], r["code"], r["level"] or ""
    at = _where(r, models=several_models(report))
    return {
        "level": level,
        "rank": {"alarm": 4, "warning": 3, "unknown": 2, "ok": 1}.get(level, 0),
        "mark": MARKS.get(level, ""),
        "group": clean(r["group"]),
        "code": clean(code),
        "place": at,
        **{k: quantity(r[k], unit, code) for k in ("value", "reference", "threshold")},
        "n": "" if r["n"] is None else count(r["n"]),
        "size": r["n"] or 0,
        "used": None if r["used"] is None else f"{r['used']:.3f}",
        "meter": meter(r["used"]) if r["used"] is not None else "",
        "why": clean(r["why"] or ""),
        "find": f"{clean(code)} {at} {clean(r['group'])} {level or 'shown'}".lower(),
    }


def _segments(report: Report) -> Iterator[dict[str, Any]]:
    """Series of a segment, what came nearest to its line first, beside the same of all rows."""
    whole = {
        (r["code"], r["model"], r["component"], r["arm"], r["field"]): r["value"]
        for r in records(report.table("series"))
        if not r["segment"]
    }
    rows = [r for r in records(report.table("series")) if r["segment"]]
    order = {"alarm": 0, "warning": 1}
    rows.sort(key=lambda r: (order.get(r["level"] or "", 2), -(r["used"] or 0.0), str(r["series"])))
    for r in rows[:SEGMENTS]:
        key = (r["code"], r["model"], r["component"], r["arm"], r["field"])
        yield {
            **_series(r, report),
            "segment": clean(r["segment"]),
            "place": where(r["component"], r["arm"], (), r["field"]),
            "whole": quantity(whole.get(key), r["unit"], r["code"]),
        }


def _pipeline(report: Report) -> dict[str, Any]:
    """Components by metric: where each one stands."""
    parts: dict[str, dict[str, dict[str, str]]] = {}
    codes: dict[str, None] = {}
    for r in records(report.table("series")):
        if not r["component"] or r["segment"] or r["field"] or r["value"] is None:
            continue
        name = clean(f"{r['model']} {r['component']}".strip() if several_models(report) else r["component"])
        codes[clean(r["code"])] = None
        level = r["level"] or ""
        parts.setdefault(name, {}).setdefault(
            clean(r["code"]),
            {
                "value": quantity(r["value"], r["unit"], r["code"]),
                "reference": quantity(r["reference"], r["unit"], r["code"]),
                "level": level,
                "mark": MARKS.get(level, ""),
                "worst": r["worst"] if r["worst"] in {"alarm", "warning"} and r["worst"] != level else "",
            },
        )
    return {"codes": list(codes), "rows": sorted(parts.items())}


def _timeline(report: Report) -> Iterator[dict[str, str]]:
    zone = zone_of(report)[1]
    for r in _rows(report, "timeline", SERIES):
        try:
            at = minute(from_iso(r["at"]), zone)
        except (ValueError, TypeError):
            at = clean(r["at"])
        kind, level = clean(r["kind"]), r["level"] or ""
        find = f"{kind} {clean(r['what'])}".lower()
        yield {
            "at": at,
            "kind": kind,
            "level": level,
            "mark": MARKS.get(level, "·"),
            "what": clean(r["what"]),
            "find": find,
        }


def _model(r: Mapping[str, Any]) -> dict[str, str]:
    names = ("alarms", "warnings", "recovered", "checked", "unknown")
    return {
        "name": clean(r["model"] or "(no name)"),
        "level": clean(r["level"]),
        "mark": MARKS.get(r["level"], ""),
        **{n: count(r[n]) for n in names},
    }


def _source(s: Any, zone: Any) -> tuple[str, ...]:
    return (
        clean(s.path),
        clean(s.kind),
        clean(s.format),
        count(s.rows),
        count(s.quarantined) if s.quarantined else "",
        day(s.start, zone) if s.start else "",
        day(s.end, zone) if s.end else "",
        quantity(s.bytes, "bytes"),
    )


def _table(table: Table) -> dict[str, Any]:
    rows = [[_cell(v) for v in row] for row in table.rows[:ROWS]]
    right = [
        all(isinstance(row[i], int | float | None) for row in table.rows[:ROWS])
        for i in range(len(table.columns))
    ]
    return {
        "title": clean(table.caption or table.name),
        "columns": [clean(c).replace("_", " ") for c in table.columns],
        "right": right,
        "rows": rows,
        "more": count(len(table.rows) - ROWS) if len(table.rows) > ROWS else "",
    }


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return quantity(value, "") if value is None or isinstance(value, int | float) else clean(value)
