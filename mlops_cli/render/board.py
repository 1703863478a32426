"""A report as a board: the verdict, a line a vital number, and what is open; it fits a terminal's height."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from mlops_cli.render import summary
from mlops_cli.render.grid import Column, Row, grid
from mlops_cli.render.look import Look
from mlops_cli.render.records import Line, lines, segment, several_models
from mlops_cli.render.spark import spark
from mlops_cli.render.words import clean, count, day, gist, place, quantity, reason, tally, where, zone_of
from mlops_cli.result.finding import Status
from mlops_cli.result.report import Report

# What is looked at first: how it is called, and the metric that says it.
VITAL = (
    ("server load", "load"),
    ("cpu", "cpu-utilisation"),
    ("memory", "memory-utilisation"),
    ("throughput", "throughput"),
    ("volume", "volume"),
    ("latency p50", "latency-p50"),
    ("latency p95", "latency-p95"),
    ("latency p99", "latency-p99"),
    ("errors", "error-rate"),
    ("non-null output", "null-rate"),
    ("missing input", "missing-rate"),
    ("drift", "drift"),
)
COLUMNS = (
    Column("mark"),
    Column("name", least=15),
    Column("where", least=8, drop=2),
    Column("value", right=True),
    Column("reference", right=True, drop=4),
    Column("threshold", right=True, drop=3),
    Column("windows", least=10, drop=1),
)
COLOURS = {0: "green", 1: "red", 3: "yellow"}


def board(report: Report, look: Look, height: int) -> list[Text]:
    """At most `height` lines: numbers first, then as many findings as there is room for."""
    out = list(_verdict(report, look))
    rows = _vital(report)
    out += [Text(), *_table(report, rows, look)][: max(height - len(out) - 1, 0)]
    room = height - len(out) - 2
    held = [f for f in report.judgement.findings if f.status is not Status.RECOVERED]
    over = len(report.judgement.findings) - len(held)
    if room > 0:
        said = tally(held) or "nothing"
        out += [Text(), _cut(Text(f"   Open: {said}; {count(over)} recovered", "bold"), look)]
        out += list(_open(report, look, room))
    return out[:height]


def _verdict(report: Report, look: Look) -> Iterator[Text]:
    colour = COLOURS.get(report.exit_code, "red")
    head = Text.assemble(("█ " if look.glyphs else "# ", colour), (gist(report), f"bold {colour}"))
    if report.verdict.action.value != "none":
        head.append(f"  {report.verdict.action.value}", "bold")
    head.append(f"  {summary.newest(report)}", "dim")
    yield _cut(head, look)
    yield from list(look.wrapped(Text(reason(report)), 2))[:2]


def _vital(report: Report) -> list[tuple[str, Mapping[str, Any]]]:
    """The worst series of each vital metric; drift of the input, then of the output."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in summary.headline(report):
        found.setdefault(row["code"], []).append(row)
    out = []
    for name, code in VITAL:
        rows = found.get(code, [])
        for row in rows:
            label = f"{name}, {clean(row['group'])}" if len(rows) > 1 else name
            out.append((label, row))
    return out


def _table(report: Report, rows: Sequence[tuple[str, Mapping[str, Any]]], look: Look) -> Iterator[Text]:
    if not rows:
        return
    history, models = lines(report), several_models(report)
    head: Row = {
        "name": Text(""),
        **{
            k: Text(v, "dim")
            for k, v in {"value": "now", "reference": "baseline", "threshold": "line"}.items()
        },
    }
    cells = [_cells(name, r, look, models=models) for name, r in rows]
    bars = [_bars(r, history.get(r["series"]), look, look.spark) for _, r in rows]
    full: list[Row] = [{**c, "windows": b} for c, b in zip(cells, bars, strict=True)]
    laid = grid(COLUMNS, [head, *full], look.width, look.ellipsis)
    yield laid.line(head)
    for row, (_, r) in zip(cells, rows, strict=True):
        fitting = _bars(r, history.get(r["series"]), look, laid.width("windows"))
        yield laid.line({**row, "windows": fitting})


def _cells(name: str, r: Mapping[str, Any], look: Look, *, models: bool) -> Row:
    turned = r["code"] == "null-rate"  # people ask for what is there
    numbers = {k: _turned(r[k]) if turned else r[k] for k in ("value", "reference", "threshold")}
    said = {k: Text(quantity(v, r["unit"], r["code"])) for k, v in numbers.items()}
    said["value"].stylize("bold")
    at = where(r["component"], r["arm"], segment(r["segment"]), r["field"], r["model"] if models else "")
    return {"mark": look.mark(r["level"]), "name": Text(name), "where": Text(at, "dim"), **said}


def _bars(r: Mapping[str, Any], line: Line | None, look: Look, width: int) -> Text:
    """The windows of a series, at most `width` of them."""
    if line is None or len(line.values) < 2:
        return Text()
    turned = r["code"] == "null-rate"
    values = [_turned(v) for v in line.values] if turned else line.values
    bounds = [_turned(r[k]) if turned else r[k] for k in ("reference", "threshold")]
    return look.sparkline(spark(values, line.levels, bounds, width, look.bars))


def _turned(value: float | None) -> float | None:
    return None if value is None else 1.0 - value


def _open(report: Report, look: Look, room: int) -> Iterator[Text]:
    zone, models = zone_of(report)[1], several_models(report)
    order = [f for f in report.judgement.findings if f.status is not Status.RECOVERED]
    order += [f for f in report.judgement.findings if f.status is Status.RECOVERED]
    for f in order[:room]:
        over = f.status is Status.RECOVERED
        line = Text.assemble(
            look.mark(f.level.word, over=over),
            "  ",
            "".join(f"{part}  " for part in (clean(f.code), place(f, model=models)) if part),
            (quantity(f.value, f.unit, f.code), "" if over else "bold"),
            (f"  since {day(f.since, zone)}{', recovered' if over else ''}", "dim"),
        )
        yield _cut(line, look)


def _cut(line: Text, look: Look) -> Text:
    line.truncate(look.width, overflow="ellipsis")
    return line
