"""`mlops report`: a result that was kept as JSON, in any format."""

from typing import Annotated

from typer import Argument

from mlops_cli.cli.options import Output
from mlops_cli.cli.saved import read
from mlops_cli.cli.say import say, targets


def command(
    result: Annotated[str, Argument(metavar="RESULT", help="JSON of a run; - for standard input.")],
    output: Output,
) -> int:
    """Write a result that was kept as JSON in other formats.

    Nothing is judged again: the exit code is 0, whatever that of the run was.
    """
    to = targets(output)
    say(read(result), output, to)
    return 0
