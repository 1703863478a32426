"""`dashboard` in a terminal: the board, drawn again for a new report or another size of the window."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from mlops_cli.live.prepared import Answer, Prepared
from mlops_cli.render.board import board
from mlops_cli.render.look import GLYPHS, Look
from mlops_cli.render.words import clean
from mlops_cli.render.write import able

TICK = 0.5  # seconds between two looks at the answer, the keys and the window
END = {"q", "Q", "\x03", "\x04"}


def watch(prepared: Prepared, names: str) -> int:
    """Show the newest report until `q` is pressed; its exit code, 3 where there never was one.

    Parameters
    ----------
    prepared : started
    names : the logs, as they were named

    """
    console = Console(highlight=False, markup=False, emoji=False)
    with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(screen(prepared.latest, console, names), refresh=True)
            if pressed(TICK) & END or not prepared.alive:
                break
    report = prepared.latest.report
    return 3 if report is None else report.exit_code


def once(prepared: Prepared, names: str) -> int:
    """Print the first report and end: for a stream that is no terminal."""
    answer = prepared.latest
    while answer.revision == 0:
        answer = prepared.after(0, 3600.0)
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(screen(answer, console, names), soft_wrap=True)
    return 3 if answer.report is None else answer.report.exit_code


def screen(answer: Answer, console: Console, names: str) -> Group:
    """What is drawn."""
    width, height = console.width, console.height if console.is_terminal else 60
    look = Look(width, glyphs=able(sys.stdout, GLYPHS), wrapper=console)
    foot = _foot(answer, names, keys=console.is_terminal)
    foot.truncate(width, overflow="ellipsis")
    if answer.report is None:
        what = answer.trouble.splitlines() or ["reading the logs for the first time ..."]
        return Group(*(Text(clean(line)) for line in what), Text(), foot)
    body = board(answer.report, look, height - 2)
    blank = [Text()] * (height - len(body) - 1 if console.is_terminal else 1)
    return Group(*body, *blank, foot)


def _foot(answer: Answer, names: str, *, keys: bool) -> Text:
    foot = Text("q quits  " if keys else "", "dim")
    if answer.report is not None and answer.made is not None:
        old = (datetime.now(UTC) - answer.made).total_seconds()
        foot.append(f"read {_ago(old)} ago in {answer.seconds:.1f} s  ")
    if answer.trouble:
        foot.append(f"{clean(answer.trouble.splitlines()[0])}  ", "red")
    return foot.append(clean(names))


def _ago(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6_000 else f"{seconds / 3_600:.0f} h"


class _Keys:
    """Keys that were pressed, each read at once and not echoed."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __call__(self, timeout: float) -> set[str]:
        """Those of the next `timeout` seconds, or of until the first."""
        if not select.select([self._number], [], [], timeout)[0]:
            return set()
        return set(os.read(self._number, 64).decode("ascii", "replace")) or {"q"}  # the terminal has gone


@contextmanager
def _keys() -> Iterator[_Keys]:
    """The keyboard, set back as it was at the end."""
    import termios  # noqa: PLC0415 # not on Windows
    import tty  # noqa: PLC0415

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number)
        yield _Keys(number)
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)
