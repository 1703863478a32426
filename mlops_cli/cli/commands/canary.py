"""`mlops canary`: ramp up, promote, hold or roll back a treatment beside a control, or a new capability."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops_cli.cli.arms import Arms, Canary
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import Output, Traffic
from mlops_cli.cli.progress import progress as shown

if TYPE_CHECKING:
    from mlops_cli.result.report import Report


def report(
    ask: Ask, arms: Arms | None = None, *, progress: Callable[[int, int], None] | None = None
) -> "Report":
    """Read, count, compare and decide; prints nothing.

    Raises
    ------
    UsageError
        Where the command line or the configuration is wrong, or nothing tells the arms apart.
    DataError
        Where no row can be read.

    """
    from mlops_cli.cli.rollout import compared  # noqa: PLC0415 # polars, numpy
    from mlops_cli.cli.rollout_report import report as assembled  # noqa: PLC0415

    return assembled(compared(ask, arms or Arms(), progress, "canary"), "canary", datetime.now(UTC))


def command(ask: Traffic, arms: Canary, output: Output) -> int:
    """May the treatment get more traffic?

    Compares two arms window by window, with error rates that hold however often one looks, and says ramp
    (with the next share), promote, hold (with a reason, and when more is known) or rollback (with the
    culprit).
    """
    from mlops_cli.cli.act import act  # noqa: PLC0415 # pydantic

    with shown(quiet=output.quiet) as tick:
        return act(ask, arms, output, lambda: report(ask, arms, progress=tick))
