"""`mlops report`: a result that was kept as JSON, or that of `monitor` over logs, in any format."""

from collections.abc import Sequence
from pathlib import Path

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.options import Output
from mlops_cli.cli.registry import COMMANDS
from mlops_cli.cli.saved import read
from mlops_cli.cli.say import say, targets


def command(ask: Ask, output: Output) -> int:
    """Write a result in other formats: `mlops report result.json -o html=report.html`.

    A file that ends in .json, or - for standard input, is a result that was kept; nothing is judged again,
    and the exit code is 0 whatever that of the run was. Anything else is logs: `monitor` reads them first.
    """
    kept = kept_result(ask.paths)
    if not kept:
        return COMMANDS["monitor"](ask, output)
    to = targets(output)
    say(read(kept), output, to)
    return 0


def kept_result(paths: Sequence[str]) -> str:
    """The one path that names a kept result; empty where they are logs."""
    one = paths[0] if len(paths) == 1 else ""
    return one if one == "-" or (one.lower().endswith(".json") and not Path(one).is_dir()) else ""
