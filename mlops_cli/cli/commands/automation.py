"""`mlops automation`: how much autonomy the evidence supports, with a certified threshold."""

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
    """Read, compare, certify and decide; prints nothing.

    Raises
    ------
    UsageError
        Where the command line or the configuration is wrong.
    DataError
        Where no row can be read.

    """
    from mlops_cli.cli.people import compared, record, write_disagreements  # noqa: PLC0415 # polars, numpy
    from mlops_cli.cli.people_report import report as assembled  # noqa: PLC0415

    options = beside or Beside()
    found = compared(ask, options, progress)
    clock = datetime.now(UTC)
    if options.disagreements:
        write_disagreements(found)
    if options.record:
        record(found, clock)
    return assembled(found, "automation", clock, options.disagreements)


def command(
    ask: Ask,
    beside: Beside,
    output: Output,
    explain: Annotated[bool, Option("--explain", help="Everything behind it.")] = False,
) -> int:
    """How much may the machine decide?

    Compares the model with people and with what came true, certifies the confidence above which it may
    decide alone, and says which degree of automation that supports: human-only, shadow, assisted, partial
    or full.
    """
    from mlops_cli.cli.asked import ready  # noqa: PLC0415 # polars, pydantic

    loaded = ready(ask)
    output = replace(output, verbose=output.verbose or explain)
    to = targets(output, loaded.settings.report.outputs, loaded.folder)
    with shown(quiet=output.quiet) as tick:
        said = report(ask, beside, progress=tick)
    return say(said, output, to)
