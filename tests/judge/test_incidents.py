from mlops_cli.judge.incidents import Incident, incidents
from mlops_cli.result.finding import Level

OK, UNKNOWN, WARNING, ALARM = (int(level) for level in Level)


def test_a_run_that_reaches_the_last_window_is_open():
    assert [Incident(1, 2, 1, Level.ALARM, open=True)] == incidents([OK, ALARM, WARNING])


def test_a_known_window_after_it_closes_a_run():
    assert [Incident(0, 0, 0, Level.ALARM, open=False)] == incidents([ALARM, OK])


def test_silence_is_no_recovery():
    assert [Incident(0, 0, 0, Level.ALARM, open=True)] == incidents([ALARM, UNKNOWN, UNKNOWN])


def test_silence_does_not_split_an_incident():
    assert [Incident(0, 2, 2, Level.WARNING, open=True)] == incidents([WARNING, UNKNOWN, WARNING])


def test_the_worst_and_among_equals_the_latest_window_is_shown():
    assert incidents([WARNING, ALARM, ALARM, WARNING, OK])[0].worst == 2


def test_a_run_shorter_than_for_is_none():
    assert incidents([OK, ALARM, OK, ALARM], windows_in_a_row=2) == []
    assert len(incidents([OK, ALARM, ALARM, OK], windows_in_a_row=2)) == 1


def test_nothing_known_is_no_incident():
    assert incidents([UNKNOWN, UNKNOWN]) == []
    assert incidents([]) == []
