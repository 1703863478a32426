"""Answers made ahead of time: when they are made again, and what is said when they cannot be."""

import threading
import time

from mlops_cli.errors import DataError
from mlops_cli.live.prepared import Prepared

SOON = 10.0


class Logs:
    """Something whose state and answer a test changes."""

    def __init__(self, report):
        self.state, self.answer, self.made = 0, report, 0

    def make(self):
        self.made += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


def started(logs, **more):
    return Prepared(logs.make, lambda: logs.state, every=0.01, **more).start()


def test_it_is_made_before_anyone_asks(reports):
    prepared = started(Logs(reports.report()))

    assert prepared.after(0, SOON).report.exit_code == 1
    prepared.stop()


def test_nothing_is_read_again_while_the_logs_stay_as_they_are(reports):
    logs = Logs(reports.report())
    prepared = started(logs)
    first = prepared.after(0, SOON)
    time.sleep(0.2)

    assert logs.made == 1
    assert prepared.latest.revision == first.revision
    assert prepared.latest.looked > first.looked
    prepared.stop()


def test_logs_that_grew_are_answered_anew(reports):
    logs = Logs(reports.report())
    told = []
    prepared = started(logs, told=told.append)
    first = prepared.after(0, SOON)
    logs.answer, logs.state = reports.healthy(), 1

    assert prepared.after(first.revision, SOON).report.exit_code == 0
    prepared.stop()
    assert [r.exit_code for r in told] == [1, 0]


def test_a_trouble_keeps_the_last_report_and_goes_away_with_the_next(reports):
    logs = Logs(reports.report())
    prepared = started(logs)
    first = prepared.after(0, SOON)
    logs.answer, logs.state = DataError("no row can be read", "logs/", "look there"), 1
    second = prepared.after(first.revision, SOON)
    logs.answer, logs.state = reports.healthy(), 2
    third = prepared.after(second.revision, SOON)

    assert second.trouble.splitlines() == ["mlops: no row can be read", "  at: logs/", "  do: look there"]
    assert second.report is first.report
    assert third.trouble == ""
    prepared.stop()


def test_a_crash_does_not_end_it_and_quotes_no_log(reports):
    logs = Logs(ValueError("alice@example.com"))
    prepared = started(logs)
    first = prepared.after(0, SOON)

    assert first.trouble == "mlops: internal error: ValueError"
    logs.answer, logs.state = reports.report(), 1
    assert prepared.after(first.revision, SOON).report is not None
    prepared.stop()


def test_who_waits_gets_the_present_answer_when_the_time_is_over():
    gate = threading.Event()
    prepared = Prepared(lambda: gate.wait(SOON) or None, lambda: 0, every=0.01).start()
    begun = time.monotonic()

    assert prepared.after(0, 0.05).report is None
    assert time.monotonic() - begun < 5
    gate.set()
    prepared.stop()
