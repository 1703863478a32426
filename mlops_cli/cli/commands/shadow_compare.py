"""`mlops shadow-compare`: how a model in shadow compares with the people it runs beside."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from typer import Option

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.beside import Beside
from mlops_cli.cli.options import Output
from mlops_cli.cli.progress import progress as shown
from mlops_cli.cli.say import say, targets

if TYPE_CHECKING:
    from mlops_cli.result.report import Report


def report(
    ask: Ask, beside: Beside | None = None, *, progress: Callable[[int, int], None] | None = None
) -> "Report":
    """Read and compare; prints nothing.

    Raises
    ------
    UsageError
        Where the command line or the configuration is wrong.
    DataError
        Where no row can be read.

    """
    from mlops_cli.cli.people import compared, write_disagreements  # noqa: PLC0415 # polars, numpy
    from mlops_cli.cli.people_report import report as assembled  # noqa: PLC0415

    options = beside or Beside()
    found = compared(ask, options, progress)
    if options.disagreements:
        write_disagreements(found)
    return assembled(found, "shadow-compare", datetime.now(UTC), options.disagreements)


def command(
    ask: Ask,
    beside: Beside,
    output: Output,
    explain: Annotated[bool, Option("--explain", help="Everything behind it.")] = False,
) -> int:
    """How does the model compare with people?

    Reads what people and a model decided on the same items, and says how far they agree, how far people
    agree with each other, who is right more often, and on which items they part.
    """
    from mlops_cli.cli.asked import ready  # noqa: PLC0415 # polars, pydantic

    loaded = ready(ask)
    output = replace(output, verbose=output.verbose or explain)
    to = targets(output, loaded.settings.report.outputs, loaded.folder)
    with shown(quiet=output.quiet) as tick:
        said = report(ask, beside, progress=tick)
    return say(said, output, to)
