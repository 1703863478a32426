"""`mlops history`: the runs and incidents that the state folder remembers."""

import shutil
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from typer import Option

from mlops_cli.cli.options import Configured, Facts
from mlops_cli.cli.say import columns, tell, tell_json, write
from mlops_cli.render.registry import RENDERERS

HEADS = {
    True: ("run (UTC)", "command", "exit", "open", "what was said"),
    False: ("since (UTC)", "level", "status", "last seen", "runs", "what was said"),
}
TIMES = frozenset({"generated", "since", "last"})
NARROW = 120  # characters, where nothing is known of the terminal


def command(
    ask: Configured,
    state: Annotated[
        str,
        Option(metavar="FOLDER", help="Of the history. [.mlops]", envvar="MLOPS_STATE", show_default=False),
    ] = "",
    runs: Annotated[bool, Option("--runs", help="The runs instead of the incidents.")] = False,
    events: Annotated[
        bool, Option("--timeline", help="Verdicts, settings, ramps, retrains and decisions in order.")
    ] = False,
    page: Annotated[
        str, Option(metavar="PATH", help="Write the timeline as a page.", show_default=False)
    ] = "",
    number: Annotated[int, Option("--number", "-n", min=1, help="So many, the latest first.")] = 20,
    form: Facts = "text",
) -> int:
    """What earlier runs have found: every incident with its onset, and whether it has recovered.

    Only history: a run without this folder comes to the same verdict.
    """
    from mlops_cli.cli.asked import configured  # noqa: PLC0415
    from mlops_cli.ledger.history import incidents  # noqa: PLC0415
    from mlops_cli.ledger.history import runs as kept  # noqa: PLC0415

    loaded = configured(ask)
    folder = Path(state) if state else Path(loaded.folder) / loaded.settings.report.state
    if page or events:
        return _timeline(loaded.folder, folder, number, form, page)
    if runs:
        rows = [
            {
                "generated": data["generated"],
                "command": data["command"],
                "exit_code": data["exit_code"],
                "level": data["level"],
                "open": sum(f["status"] != "recovered" for f in data["judgement"]["findings"]),
                "reason": data["verdict"]["reason"],
                "file": path.as_posix(),
            }
            for path, data in kept(folder)
        ][::-1][:number]
    else:
        rows = [vars(one) for one in incidents(folder)][:number]
    if form == "json":
        return tell_json(rows)
    if not rows:
        return tell(f"no run is kept in {folder.as_posix()}: mlops monitor LOGS keeps one each time")
    return tell(columns([HEADS[runs], *(_short(row, runs=runs) for row in rows)]))


def _short(row: Mapping[str, Any], *, runs: bool) -> tuple[str, ...]:
    """A line for people: times by the minute, what was said cut to the terminal."""
    names = (
        ("generated", "command", "exit_code", "open")
        if runs
        else ("since", "level", "status", "last", "runs")
    )
    told = [str(row[name]) for name in names]
    told = [_minute(text) if name in TIMES else text for name, text in zip(names, told, strict=True)]
    room = max(shutil.get_terminal_size((NARROW, 24)).columns - sum(len(t) + 2 for t in told) - 8, 40)
    return (*told, textwrap.shorten(row["reason" if runs else "message"], room, placeholder=" ..."))


def _minute(iso: str) -> str:
    return iso[:16].replace("T", " ")


def _timeline(beside_of: str, folder: Path, number: int, form: str, page: str) -> int:
    from mlops_cli.ledger.decisions import beside, read  # noqa: PLC0415
    from mlops_cli.ledger.timeline import timeline  # noqa: PLC0415

    found = timeline(folder, read(beside(beside_of)))
    if page:
        from mlops_cli.cli.told import report  # noqa: PLC0415

        write(Path(page), partial(RENDERERS["html"], report(found, datetime.now(UTC))))
    shown = found[:number]
    if form == "json":
        return tell_json([vars(e) for e in shown])
    if not shown:
        return tell(f"nothing is kept in {folder.as_posix()}: mlops monitor LOGS keeps each run")
    return tell(columns([(_minute(e.at), e.kind, e.what) for e in shown]))
