"""`mlops pace`: how fast does this data change, and how often must anyone look or retrain."""

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
    """Read, count and see how it moves; prints nothing.

    Raises
    ------
    UsageError
        Where the command line or the configuration is wrong.
    DataError
        Where no row can be read.

    """
    from mlops_cli.cli.pace import report as made  # noqa: PLC0415 # polars, numpy

    return made(ask, datetime.now(UTC), progress)


def command(ask: Ask, output: Output) -> int:
    """How fast does this data change?

    Says of every field, the output and the model's performance whether it stands still, recurs, drifts
    slowly or fast, or has jumped, when, and how often to look and to retrain.
    """
    from mlops_cli.cli.asked import ready  # noqa: PLC0415 # polars, pydantic

    loaded = ready(ask)
    to = targets(output, loaded.settings.report.outputs, loaded.folder)
    with shown(quiet=output.quiet) as tick:
        said = report(ask, progress=tick)
    return say(said, output, to)
