"""Findings, then where every metric stands: one grid, so that all numbers of the page stand in columns."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from mlops_cli.render import summary
from mlops_cli.render.grid import Column, Row, grid
from mlops_cli.render.look import Look, do
from mlops_cli.render.records import Line, lines, records, segment, several_models
from mlops_cli.render.spark import spark
from mlops_cli.render.words import clean, count, day, place, quantity, rest, span, where, zone_of
from mlops_cli.result.finding import Finding, Level, Status
from mlops_cli.result.report import Report

COLUMNS = (
    Column("mark"),
    Column("name", least=26),
    Column("value", right=True),
    Column("reference", right=True, drop=4),
    Column("threshold", right=True, drop=3),
    Column("last", right=True, drop=2),
    Column("windows", least=10, drop=1),
)
HEADS = {"reference": "baseline", "threshold": "line"}
INDENT = 3  # a mark and its gap


@dataclass(frozen=True)
class Entry:
    """A row, the windows of its series with what they are compared with, and what stands below it."""

    cells: Row
    line: Line | None
    bounds: Sequence[float | None]
    below: Sequence[Text] = ()

    def row(self, look: Look, width: int | None = None) -> Row:
        """The cells with the windows as bars, at most `width` of them."""
        if self.line is None or len(self.line.values) < 2:
            return self.cells
        most = look.spark if width is None else width
        bars = spark(self.line.values, self.line.levels, self.bounds, most, look.bars)
        return {**self.cells, "windows": look.sparkline(bars)}


@dataclass(frozen=True)
class Section:
    """A heading, its entries, how many more there are, and a last line."""

    head: Row
    entries: Sequence[Entry]
    more: int = 0
    last: str = ""


def standing(report: Report, look: Look) -> Iterator[Text]:
    """The sections, laid out together."""
    sections = [*_found(report, look), *_metrics(report, look)]
    rows = [r for s in sections for r in (s.head, *(e.row(look) for e in s.entries))]
    laid = grid(COLUMNS, rows, look.width, look.ellipsis)
    bars = laid.width("windows")
    for section in sections:
        yield Text()
        yield laid.line(section.head)
        for entry in section.entries:
            yield laid.line(entry.row(look, bars))
            for text in entry.below:
                yield from look.wrapped(text, INDENT)
        if section.more > 0:
            yield Text(f"{'':{INDENT}}and {count(section.more)} more (-v shows all)", "dim")
        if section.last:
            for line in section.last.splitlines():
                yield from look.wrapped(Text(line, "dim"), INDENT)


def _found(report: Report, look: Look) -> Iterator[Section]:
    found = report.judgement.findings
    kinds = {
        "Open": [f for f in found if f.status is Status.OPEN],
        "Shifted": [f for f in found if f.status is Status.SHIFTED],
        "Recovered": [f for f in found if f.status is Status.RECOVERED],
    }
    history, zone, models = lines(report), zone_of(report)[1], several_models(report)
    changes = summary.changes(report)
    said = {f.advice for f in found if f.advice in report.verdict.next_step}
    for title, these in kinds.items():
        if not these:
            continue
        held = title != "Recovered"
        entries = []
        told = look.limit("told") if held else 0
        for i, finding in enumerate(these[: look.limit("open" if held else "recovered")]):
            more = i < told or look.every
            below = _below(finding, changes.get(finding.id, ()), look, said) if more else []
            cells = {**_finding(finding, look, models=models), "last": Text(day(finding.since, zone))}
            bounds = (finding.reference, finding.threshold)
            entries.append(Entry(cells, history.get(finding.id), bounds, below))
        head = _head(f"{title}: {_tally(these)}", "value", "since")
        yield Section(head, entries, len(these) - len(entries))


def _tally(found: Sequence[Finding]) -> str:
    alarms = sum(f.level is Level.ALARM for f in found)
    return ", ".join(count(n, t) for n, t in ((alarms, "alarm"), (len(found) - alarms, "warning")) if n)


def _finding(finding: Finding, look: Look, *, models: bool) -> dict[str, Text]:
    over = finding.status is Status.RECOVERED
    numbers = {"value": finding.value, "reference": finding.reference, "threshold": finding.threshold}
    cells = {k: Text(quantity(v, finding.unit, finding.code)) for k, v in numbers.items()}
    if not over:
        cells["value"].stylize("bold")
    name = _name(finding.code, place(finding, model=models))
    return {"mark": look.mark(finding.level.word, over=over), "name": name, **cells}


def _below(finding: Finding, changes: Sequence[str], look: Look, said: set[str]) -> list[Text]:
    """How sure, what else is known, and what to do; a note or advice that stands above is not said again."""
    interval = span(finding.low, finding.high, finding.unit, finding.code)
    facts = [
        "" if finding.unit == "rows" else f"n {count(finding.n)}",
        f"95 % {interval}" if interval else "",
    ]
    facts += [note for note in rest(finding).split("; ") if look.every or note not in said]
    facts += [f"owner {clean(finding.owner)}" if finding.owner else "", clean(finding.runbook or "")]
    said.update(facts)
    out = [Text(" · ".join(f for f in facts if f), "dim")] if any(facts) else []
    out += [Text(f"at that time: {change}") for change in changes]
    if look.every:
        out += [Text(finding.id, "dim"), Text(clean(finding.message), "dim")]
    if finding.advice and (look.every or finding.advice not in said):
        out.append(do(clean(finding.advice)))
        said.add(finding.advice)
    return out


def _metrics(report: Report, look: Look) -> Iterator[Section]:
    """The worst series of each metric, group by group; what is 0 as it should be in one line."""
    history, models = lines(report), several_models(report)
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for row in records(report.table("series")) if look.every else summary.headline(report):
        groups.setdefault(row["group"], []).append(row)
    for group, rows in groups.items():
        calm = [] if look.every else [r for r in rows if summary.calm(r)]
        shown = [r for r in rows if r not in calm and r["value"] is not None]
        entries = [
            Entry(_metric(r, look, models=models), history.get(r["series"]), (r["reference"], r["threshold"]))
            for r in shown
        ]
        last = f"0 everywhere: {', '.join(clean(r['code']) for r in calm)}" if calm else ""
        labels = report.table("labels") if group == "model" else None
        if labels is not None:
            last = "\n".join(t for t in (last, f"labels: {clean(labels.caption)}") if t)
        if entries or last:
            yield Section(_head(clean(group).capitalize() or "Other", "now", "n"), entries, last=last)


def _metric(row: Mapping[str, Any], look: Look, *, models: bool) -> Row:
    model = row["model"] if models else ""
    at = where(row["component"], row["arm"], segment(row["segment"]), row["field"], model)
    others = row.get("others", 0)
    numbers = {
        k: Text(quantity(row[k], row["unit"], row["code"])) for k in ("value", "reference", "threshold")
    }
    return {
        "mark": look.mark(row["level"]),
        "name": _name(clean(row["code"]), at, f" +{count(others)}" if others else ""),
        **numbers,
        "last": Text("" if row["n"] is None else count(row["n"])),
    }


def _name(code: str, at: str, more: str = "") -> Text:
    return Text.assemble(code, f"  {at}" if at else "", (more, "dim"))


def _head(title: str, value: str, last: str) -> Row:
    heads = {"value": value, **HEADS, "last": last}
    return {"name": Text(title, "bold"), **{k: Text(v, "dim") for k, v in heads.items()}}
