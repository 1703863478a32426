"""`mlops retrain`: not at all, later, by hand or automatically; or repair the data first."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from typer import Option

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import Output
from mlops_cli.cli.progress import progress as shown

if TYPE_CHECKING:
    from mlops_cli.result.report import Report


def report(ask: Ask, *, progress: Callable[[int, int], None] | None = None) -> "Report":
    """Read, count and weigh; prints nothing and starts nothing.

    Raises
    ------
    UsageError
        Where the command line, the configuration or the decisions are wrong.
    DataError
        Where no row can be read.

    """
    from mlops_cli.cli.retrain import report as made  # noqa: PLC0415 # polars, numpy

    return made(ask, datetime.now(UTC), progress)


def command(
    ask: Ask,
    output: Output,
    emit: Annotated[
        list[str] | None,
        Option("--emit", metavar="trigger[=PATH]", help="The trigger as JSON, for what retrains."),
    ] = None,
    run: Annotated[
        bool, Option("--run", help="Start [retrain] command, where the answer is automatic.")
    ] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="Say what --run would start.")] = False,
) -> int:
    """Should the model be retrained?

    Weighs what was lost against what a retrain costs and wins back here, looks at the data that it would
    learn from, and says none, wait, by-hand, automatic or fix-pipeline.
    """
    from mlops_cli.cli.start import said_and_started  # noqa: PLC0415 # pydantic

    with shown(quiet=output.quiet) as tick:
        return said_and_started(
            ask, output, lambda: report(ask, progress=tick), tuple(emit or ()), run=run, dry=dry_run
        )
