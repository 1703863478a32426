"""Each sentence of "What the exit code speaks of" (`spec/conventions.md`) that `gate` answers."""

from datetime import UTC, datetime

import pytest

from mlops_cli.result.exit_code import ExitCode, gate
from mlops_cli.result.finding import Finding, Judgement, Level, Rule, Status
from mlops_cli.result.scope import Scope, Window

DAY = datetime(2026, 10, 5, tzinfo=UTC)
LATER = datetime(2026, 10, 7, tzinfo=UTC)


def finding(level=Level.ALARM, status=Status.OPEN, since=DAY):
    return Finding(
        code="null-rate", group="output", level=level, status=status, rule=Rule.FIXED, scope=Scope(),
        window=Window(DAY, LATER), since=since, value=0.1, unit="share", n=500, low=None, high=None,
        reference=None, threshold=0.02, message="", advice="",
    )  # fmt: skip


def code(*findings, checked=10, **how):
    level = max((f.level for f in findings if f.status is Status.OPEN), default=Level.OK)
    how = {"fail_on": "alarm", "undecided": "", "since": None, "required_unknown": (), **how}
    return gate(Judgement(level, checked, 0, findings), **how)


def test_an_open_alarm_fails():
    assert code(finding()) == ExitCode.FAIL


def test_a_recovered_alarm_fails_nothing():
    assert code(finding(status=Status.RECOVERED)) == ExitCode.PASS


def test_a_recovered_alarm_that_opened_inside_an_explicit_range_fails():
    assert code(finding(status=Status.RECOVERED), since=DAY) == ExitCode.FAIL
    assert code(finding(status=Status.RECOVERED), since=LATER) == ExitCode.PASS


def test_a_warning_fails_only_where_asked_for():
    assert code(finding(Level.WARNING)) == ExitCode.PASS
    assert code(finding(Level.WARNING), fail_on="warning") == ExitCode.FAIL


def test_never_means_never():
    assert code(finding(), fail_on="never") == ExitCode.PASS


def test_nothing_checked_is_undecided():
    assert code(checked=0) == ExitCode.UNDECIDED


def test_a_required_metric_without_an_answer_is_undecided():
    assert code(required_unknown=["volume is unknown"]) == ExitCode.UNDECIDED


def test_an_alarm_outweighs_what_is_unknown():
    assert code(finding(), required_unknown=["volume is unknown"]) == ExitCode.FAIL


@pytest.mark.parametrize(("word", "expected"), [("pass", ExitCode.PASS), ("fail", ExitCode.FAIL)])
def test_undecided_can_be_made_a_pass_or_a_fail(word, expected):
    assert expected == code(checked=0, undecided=word)
