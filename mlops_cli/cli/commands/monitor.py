"""`mlops monitor`: what was read, what moved and by how much, and an exit code to gate on."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from typer import Option

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import Output
from mlops_cli.cli.progress import progress as shown
from mlops_cli.cli.say import say, targets

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
    from mlops_cli.cli.asked import ready  # noqa: PLC0415
    from mlops_cli.cli.assemble import assemble  # noqa: PLC0415 # polars and numpy: 0.5 s
    from mlops_cli.cli.steps import State, chosen, count, units  # noqa: PLC0415

    loaded = ready(ask)
    state = State(ask, loaded)
    counted = [count(unit, ask, state, progress) for unit in units(ask, loaded, state, progress)]
    return assemble(chosen(counted, ask), ask, loaded, state.note, datetime.now(UTC), state.folder)


def command(
    ask: Ask,
    output: Output,
    dry_run: Annotated[bool, Option("--dry-run", help="Of [notify]: say what would be sent.")] = False,
    test_notify: Annotated[
        bool, Option("--test-notify", help="Send a test to [notify], nothing else.")
    ] = False,
) -> int:
    """Is the model healthy?

    Reads logs of predictions, labels, accesses, spans and hosts as they lie (Parquet, JSON lines, CSV ...)
    and says which input, output and software metrics moved, by how much, how sure that is, and what to do.
    """
    from mlops_cli.cli.asked import ready  # noqa: PLC0415 # polars, pydantic
    from mlops_cli.cli.notifying import tell_others, test_all  # noqa: PLC0415
    from mlops_cli.cli.steps import State  # noqa: PLC0415
    from mlops_cli.ledger.history import save  # noqa: PLC0415

    loaded = ready(ask)
    if test_notify:
        return test_all(loaded)
    to = targets(output, loaded.settings.report.outputs, loaded.folder)
    with shown(quiet=output.quiet) as tick:
        said = report(ask, progress=tick)
    code = say(said, output, to)
    folder = State(ask, loaded).folder
    lost = save(folder, said)
    if lost:
        sys.stderr.write(f"mlops: {lost}\n")
    tell_others(said, ask, loaded, folder, dry=dry_run)
    return code
