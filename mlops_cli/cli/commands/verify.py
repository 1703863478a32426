"""`mlops verify`: a report computed again from its logs, and where it differs."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

from typer import Argument

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.differences import first_difference
from mlops_cli.cli.progress import progress
from mlops_cli.cli.registry import REPORTS
from mlops_cli.cli.saved import read
from mlops_cli.cli.say import tell
from mlops_cli.errors import UsageError

if TYPE_CHECKING:
    from mlops_cli.result.report import Report


def command(
    result: Annotated[str, Argument(metavar="REPORT", help="JSON of a run; - for standard input.")],
    ask: Ask,
) -> int:
    """Compute a report again from the logs and name the first difference.

    The range of the report holds unless --since and --until say otherwise; other options of the run are to be
    given again. Exit code 0: the same; 1: it differs.
    """
    saved = read(result)
    if saved.command != "monitor":
        raise UsageError(f"{saved.command} cannot be verified", result, "name a report of `mlops monitor`")
    with progress() as tick:
        fresh = REPORTS[saved.command](_like(saved, ask), progress=tick)
    found = first_difference(saved.to_dict(), fresh.to_dict())
    if not found:
        n = len(saved.judgement.findings)
        return tell(f"the same: {n:,} finding{'s' if n != 1 else ''}, exit code {saved.exit_code}")
    tell(f"it differs: {found}")
    return 1


def _like(saved: "Report", ask: Ask) -> Ask:
    """The range of the saved report, where no other is asked for; its time, where it was given one."""
    told = saved.details.get("monitor", {})
    timed = told.get("age_seconds") is not None
    return replace(
        ask,
        since=ask.since or told.get("since"),
        until=ask.until or told.get("until"),
        now=ask.now or (saved.now if timed else None),
    )
