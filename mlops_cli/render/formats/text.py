"""`text`: what people see in a terminal; the same lines without colour where it is piped."""

import os
import re
import shutil
from collections.abc import Iterator
from io import StringIO
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from mlops_cli.render import summary
from mlops_cli.render.arms import arms, of_arms
from mlops_cli.render.grid import Column, Row, grid
from mlops_cli.render.look import GLYPHS, Look, do, labelled
from mlops_cli.render.people import of_people, people
from mlops_cli.render.pipeline import of_pipeline, pipeline
from mlops_cli.render.records import KNOWN, records
from mlops_cli.render.retrain import of_retrain, retrain
from mlops_cli.render.standing import standing
from mlops_cli.render.words import clean, count, gist, quantity, reason, zone_of
from mlops_cli.render.write import able, put
from mlops_cli.result.report import Report, Table

PIPED = 100  # cells; the same whatever the terminal, so that the same run gives the same bytes
NARROWEST = 40
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
LABEL = 9


def render(report: Report, out: TextIO) -> None:
    """Verdict first, then what was read and chosen, findings, metrics, what is unknown, notes."""
    _render(report, out, every=False)


def render_full(report: Report, out: TextIO) -> None:
    """The same with nothing shortened."""
    _render(report, out, every=True)


def _render(report: Report, out: TextIO, *, every: bool) -> None:
    coloured, width, buffer = _coloured(out), _width(out), StringIO()
    console = Console(
        file=buffer,
        force_terminal=coloured,
        color_system="standard" if coloured else None,
        no_color=not coloured,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
    look = Look(width, glyphs=able(out, GLYPHS), every=every, wrapper=console)
    for line in _page(report, look):
        console.print(line, soft_wrap=True)
    put(out, buffer.getvalue())


def _coloured(out: TextIO) -> bool:
    """NO_COLOR wins, then FORCE_COLOR, then whether there is a terminal that can."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return out.isatty() and os.environ.get("TERM") != "dumb" and not _old_windows()


def _old_windows() -> bool:
    """A Windows console that prints escapes instead of heeding them."""
    return os.name == "nt" and Console().legacy_windows


def _width(out: TextIO) -> int:
    if out.isatty() or os.environ.get("COLUMNS"):
        return max(shutil.get_terminal_size((PIPED, 24)).columns, NARROWEST)
    return PIPED


def _page(report: Report, look: Look) -> Iterator[Text]:
    yield from _verdict(report, look)
    yield Text()
    yield from _read(report, look)
    if of_people(report) is not None or of_arms(report) is not None:
        yield from people(report, look)
        yield from arms(report, look)
        if look.every:
            for table in report.tables:
                yield from _table(table, look)
        yield from _notes(report, look)
        return
    if of_retrain(report) is not None or "pace" in report.details:
        yield from retrain(report, look)
        if of_retrain(report) is None or look.every:
            for table in report.tables:
                yield from _table(table, look)
        yield from _notes(report, look)
        return
    if of_pipeline(report) is not None:
        yield from pipeline(report, look)
        yield from _notes(report, look)
        return
    yield from _models(report, look)
    yield from standing(report, look)
    yield from _unknown(report, look)
    for table in report.tables:
        if table.name not in KNOWN and table.rows:
            yield from _table(table, look)
    yield from _notes(report, look)


def _verdict(report: Report, look: Look) -> Iterator[Text]:
    verdict = report.verdict
    colour = {0: "green", 1: "red", 3: "yellow"}.get(report.exit_code, "red")
    action = verdict.action.value
    head = Text.assemble((gist(report), f"bold {colour}"), f"  exit {report.exit_code}")
    if action != "none":
        head.append(f"  {action}", "bold")
    head.append(f"  {summary.newest(report)}", "dim")
    yield from look.wrapped(head)
    yield from look.wrapped(Text(reason(report)))
    if verdict.traffic is not None:
        yield Text(f"traffic: {quantity(verdict.traffic, 'share')}")
    if verdict.degree is not None:
        yield Text(f"degree of automation: {verdict.degree.value}")
    if verdict.next_step:
        yield from look.wrapped(do(clean(verdict.next_step)), 0, 4)


def _read(report: Report, look: Look) -> Iterator[Text]:
    blocks = {
        "read": summary.read(report, look.limit("listed")),
        "chosen": summary.chosen(report),
        "judged": [f"{summary.judged(report)}; times are {zone_of(report)[0]}"],
    }
    for name, said in blocks.items():
        for i, line in enumerate(said):
            yield from labelled("" if i else name, Text(line), look, LABEL)


def _models(report: Report, look: Look) -> Iterator[Text]:
    rows = list(records(report.table("models")))
    if len(rows) < 2:
        return
    names = ("alarms", "warnings", "recovered", "checked", "unknown")
    head: Row = {"name": Text(f"Models ({len(rows)})", "bold"), **{n: Text(n, "dim") for n in names}}
    shown = rows[: look.limit("open")]
    body: list[Row] = [
        {
            "mark": look.mark(r["level"]),
            "name": Text(clean(r["model"] or "(no name)")),
            **{n: Text(count(r[n])) for n in names},
        }
        for r in shown
    ]
    columns = [Column(n, right=True, drop=len(names) - i) for i, n in enumerate(names)]
    laid = grid(
        [Column("mark"), Column("name", least=20), *columns], [head, *body], look.width, look.ellipsis
    )
    yield Text()
    for row in (head, *body):
        yield laid.line(row)
    if len(shown) < len(rows):
        yield Text(f"   and {count(len(rows) - len(shown))} more (-v shows all)", "dim")


def _unknown(report: Report, look: Look) -> Iterator[Text]:
    if not report.judgement.unknown:
        return
    reasons = summary.unknown(report, look.limit("listed"))
    yield Text()
    yield Text(f"   Unknown: {count(report.judgement.unknown, 'check')}", "bold")
    for line in summary.shorten(reasons, look.limit("reasons"), "reasons (-v shows all)"):
        yield from look.wrapped(Text(line), 3, 5)


def _notes(report: Report, look: Look) -> Iterator[Text]:
    notes = [clean(n) for n in report.notes]
    if notes:
        yield Text()
        yield Text("   Notes", "bold")
    for line in summary.shorten(notes, look.limit("notes"), "notes (-v shows all)"):
        yield from look.wrapped(Text(line), 3, 5)


def _table(table: Table, look: Look) -> Iterator[Text]:
    """A table that this page does not know: as it is, in columns."""
    names = [clean(c) for c in table.columns]
    shown = table.rows[: look.limit("rows")]
    body: list[Row] = [dict(zip(names, map(_cell, row), strict=False)) for row in shown]
    head: Row = {n: Text(n.replace("_", " "), "dim") for n in names}
    right = [all(isinstance(row[i], int | float | None) for row in shown) for i in range(len(names))]
    columns = [
        Column(n, right=r, least=None if r else 12, drop=len(names) - i if i else 0)
        for i, (n, r) in enumerate(zip(names, right, strict=True))
    ]
    laid = grid(columns, [head, *body], look.width - 3, look.ellipsis)
    yield Text()
    yield Text(f"   {clean(table.caption or table.name)}", "bold")
    for row in (head, *body):
        yield laid.line(row, 3)
    if len(shown) < len(table.rows):
        yield Text(f"   and {count(len(table.rows) - len(shown))} more (-v shows all)", "dim")


def _cell(value: Any) -> Text:
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    number = value is None or isinstance(value, int | float)
    return Text(quantity(value, "") if number else _short(clean(value)))


def _short(text: str) -> str:
    """A time without what says nothing: 2026-10-23, 2026-10-23 14:10Z."""
    if not TIME.fullmatch(text):
        return text
    return text[:10] if text[11:19] == "00:00:00" else f"{text[:10]} {text[11:16]}Z"
