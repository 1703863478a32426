from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mlops_cli.render.words import NOTHING, age, clean, count, day, quantity, reason, rest, sentence, span


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.26, "share", "26 %"),
        (0.0248, "share", "2.48 %"),
        (0.1234, "share", "12.3 %"),
        (0.00012, "share", "0.012 %"),
        (0.0, "share", "0 %"),
        (1.0, "share", "100 %"),
        (0.9999, "share", "99.99 %"),
        (0.99999, "share", "99.999 %"),
        (28.0, "ms", "28 ms"),
        (0.421, "ms", "0.421 ms"),
        (999.4, "ms", "999 ms"),
        (999.6, "ms", "1 s"),
        (1312.4, "ms", "1.31 s"),
        (720_000.0, "ms", "12 min"),
        (507.0, "rows", "507"),
        (2024.6, "rows", "2,025"),
        (12.5, "rows", "12.5"),
        (1_204_331.0, "rows", "1.2 M"),
        (6_100_000.0, "bytes", "6.1 MB"),
        (512.0, "bytes", "512 B"),
        (0.5, "h", "30 min"),
        (5.21, "h", "5.21 h"),
        (72.0, "h", "3 d"),
        (0.0234, "1/s", "0.0234 /s"),
        (0.4, "sd", "0.4 sd"),
        (0.0, "sd", "0 sd"),
        (1234.5, "what", "1,234"),
        (0.000012, "", "1.2e-05"),
        (-0.25, "score", "-0.25"),
        (1e300, "rows", "1e+288 T"),
        (None, "share", NOTHING),
        (float("nan"), "ms", NOTHING),
        (float("inf"), "rows", NOTHING),
    ],
)
def test_a_measurement_reads_well(value, unit, said):
    assert quantity(value, unit) == said


def test_a_drift_is_a_distance_and_no_percentage():
    assert quantity(0.554, "share", "drift-js") == "0.554"


@pytest.mark.parametrize(
    ("low", "high", "unit", "said"),
    [
        (0.051, 0.071, "share", "5.1 to 7.1 %"),
        (900.0, 1_420.0, "ms", "900 ms to 1.42 s"),
        (1.0, 2.0, "", "1 to 2"),
        (None, 2.0, "", ""),
        (1.0, float("inf"), "", ""),
    ],
)
def test_an_interval_says_its_unit_once(low, high, unit, said):
    assert span(low, high, unit) == said


@pytest.mark.parametrize(
    ("n", "thing", "said"),
    [(1, "file", "1 file"), (2, "file", "2 files"), (0, "query", "0 queries"), (59_238, "", "59,238")],
)
def test_a_count_is_plural_where_it_should_be(n, thing, said):
    assert count(n, thing) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain", "plain"),
        ("größe 航班 ✈", "größe 航班 ✈"),
        ("a\r\nb\tc", "a  b c"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202eevil", "\\u202eevil"),
        ("\ud800", "\\ud800"),
        ("\u2028", "\\u2028"),
        ("👩\u200d🔬", "👩\u200d🔬"),
    ],
)
def test_text_of_a_log_is_one_safe_line(text, said):
    assert clean(text) == said


def test_a_midnight_is_a_day_in_its_own_zone():
    midnight = datetime(2026, 10, 28, 23, tzinfo=UTC)

    assert day(midnight, ZoneInfo("Europe/Berlin")) == "2026-10-29"
    assert day(midnight, UTC) == "2026-10-28 23:00"


def test_the_end_of_time_is_a_day_too():
    assert day(datetime(9999, 12, 31, 23, 59, tzinfo=UTC), ZoneInfo("Asia/Tokyo")) == "9999-12-31 23:59"


@pytest.mark.parametrize(
    ("length", "said"),
    [(timedelta(minutes=3), "3 min"), (timedelta(hours=5), "5 h"), (timedelta(days=12), "12 days")],
)
def test_an_age_is_round(length, said):
    assert age(length) == said


def test_a_finding_is_a_sentence_with_its_numbers(reports):
    assert sentence(reports.MISSING) == (
        "missing-rate of carrier in scorer, origin=JFK is 26 % (baseline 3 %, alarm at 8 %, n 1,799)"
    )
    assert rest(reports.MISSING) == "2 earlier incidents"


def test_the_verdict_says_its_findings_in_the_same_words(reports):
    assert reason(reports.report()) == f"{sentence(reports.MISSING)} and 1 more alarm"


def test_the_verdict_names_the_model_where_there_are_several(reports):
    price, risk = (
        replace(reports.MISSING, scope=replace(reports.MISSING.scope, model=m)) for m in ("a", "b")
    )
    one = reports.report()
    several = replace(one, judgement=replace(one.judgement, findings=(price, risk)))
    several = replace(several, verdict=replace(one.verdict, because=(risk.id, price.id), reason=risk.message))

    assert reason(several) == sentence(risk, model=True)
    assert reason(several) != sentence(risk)
