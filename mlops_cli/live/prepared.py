"""An answer that is there before it is asked for: made again in the background when its logs have changed."""

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mlops_cli.errors import MlopsError
from mlops_cli.result.report import Report

RETRY = 60.0  # seconds until something that failed is tried again though nothing has changed


@dataclass(frozen=True)
class Answer:
    """The newest report, and what went wrong since.

    Parameters
    ----------
    report : None until the first is made
    trouble : why there is no newer one, in the three lines of an error; empty where all is well
    revision : goes up with every report and every trouble
    made : when the report was made
    looked : when the logs were last looked at
    seconds : how long the report took

    """

    report: Report | None = None
    trouble: str = ""
    revision: int = 0
    made: datetime | None = None
    looked: datetime | None = None
    seconds: float = 0.0


class Prepared:
    """One question, answered ahead of time.

    Parameters
    ----------
    make : reads the logs; takes as long as it takes
    state : what the logs are now (names, sizes, times); equal states give equal answers
    every : seconds between two looks at the logs
    told : called with each new report, in the thread that made it

    """

    def __init__(
        self,
        make: Callable[[], Report],
        state: Callable[[], Hashable],
        every: float = 10.0,
        told: Callable[[Report], None] | None = None,
    ) -> None:
        self._make, self._state, self._every, self._told = make, state, every, told
        self._answer = Answer()
        self._change = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mlops-prepare", daemon=True)

    def start(self) -> "Prepared":
        """Begin to look at the logs."""
        self._thread.start()
        return self

    def stop(self, timeout: float = 1.0) -> None:
        """End after the present run; a process that ends does not wait for it."""
        self._stop.set()
        self._thread.join(timeout)

    @property
    def alive(self) -> bool:
        """Whether the logs are still looked at."""
        return self._thread.is_alive()

    @property
    def latest(self) -> Answer:
        """The newest answer, at once."""
        return self._answer

    def after(self, revision: int, timeout: float) -> Answer:
        """The first answer newer than `revision`, or the present one when the time (seconds) is over."""
        with self._change:
            self._change.wait_for(lambda: self._answer.revision > revision, timeout)
            return self._answer

    def _run(self) -> None:
        last: Hashable = None
        tried = 0.0
        while not self._stop.is_set():
            try:
                now = self._state()
                failed = bool(self._answer.trouble) and time.monotonic() - tried > RETRY
                if self._answer.revision == 0 or now != last or failed:
                    tried, last = time.monotonic(), now
                    self._renew()
                else:
                    self._set(replace(self._answer, looked=datetime.now(UTC)))
            except MlopsError as error:
                self._trouble(str(error))
            except BaseException as error:  # noqa: BLE001 # a thread has no `main`; a panic of polars is no Exception
                # The message stays out: it may quote the logs.
                self._trouble(f"mlops: internal error: {type(error).__name__}")
            self._stop.wait(self._every)

    def _renew(self) -> None:
        begun = time.monotonic()
        report = self._make()
        now = datetime.now(UTC)
        took = time.monotonic() - begun
        self._set(Answer(report, "", self._answer.revision + 1, now, now, took))
        if self._told is not None:
            self._told(report)

    def _trouble(self, text: str) -> None:
        again = text == self._answer.trouble
        more = 0 if again else 1
        self._set(replace(self._answer, trouble=text, revision=self._answer.revision + more))

    def _set(self, answer: Answer) -> None:
        with self._change:
            self._answer = answer
            self._change.notify_all()
