"""`markdown`: for pull requests and step summaries; at most some 200 kB whatever the report holds."""

from collections.abc import Sequence
from typing import TextIO

from mlops_cli.render import summary
from mlops_cli.render.records import records, segment, several_models
from mlops_cli.render.words import (
    clean,
    count,
    day,
    gist,
    place,
    quantity,
    reason,
    span,
    tally,
    where,
    zone_of,
)
from mlops_cli.render.write import put
from mlops_cli.result.finding import Finding, Status
from mlops_cli.result.report import Report

FINDINGS = 50
LINES = 20
CELL = 200  # characters; a field may be named by a whole page
SPECIAL = {c: f"\\{c}" for c in r"\`*_{}[]#|~!"} | {"<": "&lt;", ">": "&gt;", "&": "&amp;"}
ESCAPED = str.maketrans(SPECIAL | {"@": "@<!-- -->"})  # mentions nobody


def render(report: Report, out: TextIO) -> None:
    """Verdict, findings, then the rest folded away."""
    action = report.verdict.action.value
    parts = [
        f"## mlops {_text(report.command)}: {gist(report)} (exit {report.exit_code})",
        ("" if action == "none" else f"**{action}**: ") + _text(reason(report), 2_000),
    ]
    if report.verdict.next_step:
        parts.append(f"Do: {_text(report.verdict.next_step, 2_000)}")
    parts.append(_text(f"{summary.judged(report)}; {summary.newest(report)}."))
    parts += _findings(report)
    parts += _models(report)
    parts += _metrics(report)
    listed = summary.shorten(summary.unknown(report), LINES, "reasons")
    parts += _folded(f"Could not be judged: {count(report.judgement.unknown, 'check')}", listed)
    parts += _folded("What was read and chosen", [*summary.read(report), *summary.chosen(report)][:LINES])
    notes = summary.shorten([clean(n) for n in report.notes], LINES, "notes")
    parts += _folded(f"Notes ({len(report.notes)})", notes)
    put(out, "\n\n".join(parts) + "\n")


def _text(text: str, limit: int = CELL) -> str:
    said = clean(text)
    if len(said) > limit:
        said = said[: limit - 1] + "…"
    return said.translate(ESCAPED)


def _table(columns: Sequence[str], right: frozenset[int], rows: Sequence[Sequence[str]]) -> str:
    rule = ["--:" if i in right else "---" for i in range(len(columns))]
    body = [[_text(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [columns, rule, *body])


def _findings(report: Report) -> list[str]:
    found = report.judgement.findings
    if not found:
        return ["No finding."]
    _, zone = zone_of(report)
    models = several_models(report)

    def row(f: Finding) -> list[str]:
        numbers = [quantity(v, f.unit, f.code) for v in (f.value, f.reference, f.threshold)]
        interval = span(f.low, f.high, f.unit, f.code)
        at = place(f, model=models)
        return [f.level.word, f.code, at, *numbers, interval, count(f.n), day(f.since, zone), f.status.value]

    columns = ("level", "metric", "where", "value", "baseline", "line", "95 %", "n", "since", "status")
    recovered = sum(f.status is Status.RECOVERED for f in found)
    parts = [
        f"### Findings: {tally(found) or 'none open'}, {recovered} recovered",
        _table(columns, frozenset({3, 4, 5, 6, 7}), [row(f) for f in found[:FINDINGS]]),
    ]
    if len(found) > FINDINGS:
        parts.append(f"And {count(len(found) - FINDINGS)} more: see the JSON report.")
    advice = dict.fromkeys(
        f"`{f.code}`: {_text(f.advice, 500)}"
        for f in found[:FINDINGS]
        if f.status is Status.OPEN and f.advice
    )
    if advice:
        parts.append("\n".join(f"- {a}" for a in advice))
    return parts


def _models(report: Report) -> list[str]:
    rows = list(records(report.table("models")))
    if len(rows) < 2:
        return []
    columns = ("model", "level", "alarms", "warnings", "recovered", "checked", "unknown")
    cells = [[count(r[c]) if isinstance(r[c], int) else r[c] or "(no name)" for c in columns] for r in rows]
    return ["### Models", _table(columns, frozenset(range(2, 7)), cells[:FINDINGS])]


def _metrics(report: Report) -> list[str]:
    rows = []
    for r in summary.headline(report):
        at = where(r["component"], r["arm"], segment(r["segment"]), r["field"])
        more = f"{at or 'all'} and {count(r['others'])} more" if r["others"] else at
        numbers = [quantity(r[k], r["unit"], r["code"]) for k in ("value", "reference", "threshold")]
        rows.append([r["group"], r["code"], more, *numbers, r["level"] or ""])
    if not rows:
        return []
    columns = ("group", "metric", "where", "now", "baseline", "line", "level")
    return [_fold("Metrics: the worst series of each", _table(columns, frozenset({3, 4, 5}), rows))]


def _folded(title: str, items: Sequence[str]) -> list[str]:
    return [_fold(title, "\n".join(f"- {_text(i, 1_000)}" for i in items))] if items else []


def _fold(title: str, body: str) -> str:
    return f"<details><summary>{_text(title)}</summary>\n\n{body}\n\n</details>"
