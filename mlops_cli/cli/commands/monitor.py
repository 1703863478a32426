"""`mlops monitor`: what was read, what moved and by how much, and an exit code to gate on."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops_cli.cli.ask import Ask

if TYPE_CHECKING:
    from mlops_cli.result.report import Report


def report(ask: Ask, *, progress: Callable[[int, int], None] | None = None) -> "Report":
    """Read, count, measure, judge and decide; prints nothing.

    Raises
    ------
    UsageError
        Where the command line or the configuration is wrong.
    DataError
        Where no row can be read.

    """
    from mlops_cli.cli.assemble import assemble  # noqa: PLC0415 # polars and numpy: 0.5 s
    from mlops_cli.cli.steps import State, count, ready, units  # noqa: PLC0415

    loaded = ready(ask)
    state = State(ask, loaded)
    counted = [count(unit, ask, state, progress) for unit in units(ask, loaded, state, progress)]
    return assemble(counted, ask, loaded, state.note, datetime.now(UTC))
