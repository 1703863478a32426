"""A bar on stderr: on a terminal only, and only for work that takes more than a second."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 1.0  # seconds


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Callable[[int, int], None] | None]:
    """A function of (bytes done, bytes in all), or None where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    bar = _Bar()
    try:
        yield bar.tick
    finally:
        bar.close()


class _Bar:
    """Rich's bar, made when the second is over: it takes 0.1 s to import."""

    def __init__(self) -> None:
        self.begun = time.monotonic()
        self.shown: Any = None
        self.task: Any = None

    def tick(self, done: int, total: int) -> None:
        if self.shown is None:
            if time.monotonic() - self.begun < PATIENCE or done >= total:
                return
            self._show()
        self.shown.update(self.task, completed=done, total=total)

    def _show(self) -> None:
        from rich.console import Console  # noqa: PLC0415
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        rate = TransferSpeedColumn()
        columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), rate, TimeRemainingColumn())
        self.shown = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task = self.shown.add_task("reading", total=None)
        self.shown.start()

    def close(self) -> None:
        if self.shown is not None:
            self.shown.stop()
