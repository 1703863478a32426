"""The timeline as a report, so that it can stand on a page."""

from collections.abc import Sequence
from datetime import datetime

from mlops_cli import __version__
from mlops_cli.ledger.timeline import Event
from mlops_cli.result.finding import Judgement, Level
from mlops_cli.result.report import Report, Table
from mlops_cli.result.tables import TIMELINE
from mlops_cli.result.verdict import Action, Verdict

CODES = {Level.OK: 0, Level.ALARM: 1, Level.UNKNOWN: 3}


def report(events: Sequence[Event], clock: datetime) -> Report:
    """The latest verdict with its exit code, then all that happened; nothing is judged again."""
    newest = next((e for e in events if e.kind == "verdict"), None)
    said = f"last: {newest.what}" if newest else "no run is kept"
    level = Level[newest.level.upper()] if newest else Level.UNKNOWN
    rows = tuple((e.at, e.kind, e.level, e.what) for e in events)
    return Report(
        command="history",
        version=__version__,
        generated=clock,
        now=clock,
        exit_code=CODES[level],
        level=level,
        verdict=Verdict(Action.NONE, said),
        judgement=Judgement(level, 0, 0),
        tables=(Table("timeline", "what happened, the latest first", TIMELINE, rows),),
    )
