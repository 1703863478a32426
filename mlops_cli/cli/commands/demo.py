"""`mlops demo`: what it looks like, in one command."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import Output
from mlops_cli.cli.progress import progress
from mlops_cli.cli.registry import REPORTS
from mlops_cli.cli.say import say, targets


def command(
    folder: Annotated[str, Argument(metavar="DIR", help="New or empty.", show_default=False)],
    output: Output,
    days: Annotated[int, Option(help="The last two have a fault that stays.")] = 14,
    rows: Annotated[int, Option(help="Predictions a day, about.")] = 500,
    seed: Annotated[int, Option(help="The same seed, the same bytes.")] = 7,
) -> int:
    """Write small logs of a made-up service into a folder, and monitor them.

    Two faults are planted, one of which is still there at the end: the exit code is 1.
    """
    from mlops_cli.logs.demo import write  # noqa: PLC0415 # numpy and polars

    to = targets(output)
    planted = write(Path(folder), days, rows, seed)
    if not output.quiet:
        lines = [f"{folder} holds {days} days of made-up logs, in which:", *(f"  - {p}" for p in planted), ""]
        sys.stderr.write("\n".join([*lines, f"mlops monitor {folder}", ""]))
        sys.stderr.flush()
    with progress(quiet=output.quiet) as tick:
        said = REPORTS["monitor"](Ask(paths=(folder,), isolated=True, use_state=False), progress=tick)
    return say(said, output, to)
