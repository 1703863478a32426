"""`mlops pipeline`: every component, what flows between them, and the first one at fault."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import Output
from mlops_cli.cli.progress import progress as shown
from mlops_cli.cli.say import say, targets

if TYPE_CHECKING:
    from mlops_cli.result.report import Report


def report(ask: Ask, *, progress: Callable[[int, int], None] | None = None) -> "Report":
    """Read, count and blame; prints nothing.

    Raises
    ------
    UsageError
        Where the command line or the configuration is wrong.
    DataError
        Where no row can be read.

    """
    from mlops_cli.cli.pipeline import report as made  # noqa: PLC0415 # polars, numpy

    return made(ask, datetime.now(UTC), progress)


def command(ask: Ask, output: Output) -> int:
    """Which component of the pipeline is at fault?

    Reads spans: the own time of every component, what it hands over, where errors started, and which
    component was the first to break; the others only inherit it.
    """
    from mlops_cli.cli.asked import ready  # noqa: PLC0415 # polars, pydantic

    loaded = ready(ask)
    to = targets(output, loaded.settings.report.outputs, loaded.folder)
    with shown(quiet=output.quiet) as tick:
        said = report(ask, progress=tick)
    return say(said, output, to)
