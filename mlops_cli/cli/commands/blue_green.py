"""`mlops blue-green`: is green ready, may it get traffic, and when may blue go?"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops_cli.cli.arms import Arms, BlueGreen
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import Output, Traffic
from mlops_cli.cli.progress import progress as shown

if TYPE_CHECKING:
    from mlops_cli.result.report import Report


def report(
    ask: Ask, arms: Arms | None = None, *, progress: Callable[[int, int], None] | None = None
) -> "Report":
    """Read, pair or count, compare and decide; prints nothing.

    Raises
    ------
    UsageError
        Where the command line or the configuration is wrong, or nothing tells the arms apart.
    DataError
        Where no row can be read.

    """
    from mlops_cli.cli.phases import phased  # noqa: PLC0415 # polars, numpy

    return phased(ask, arms or Arms(), progress, datetime.now(UTC))


def command(ask: Traffic, arms: BlueGreen, output: Output) -> int:
    """Is green ready, may it get traffic, and when may blue go?

    Before the switch requests that both answered are compared pair by pair; during it blue is the control,
    and afterwards what stays on it as a holdback. Without one only the days before are left to compare with.
    """
    from mlops_cli.cli.act import act  # noqa: PLC0415 # pydantic

    with shown(quiet=output.quiet) as tick:
        return act(ask, arms, output, lambda: report(ask, arms, progress=tick))
