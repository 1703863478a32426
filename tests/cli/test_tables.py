"""The tables of a report, of a measurement frame made by hand and judged as `monitor` does."""

from datetime import UTC, datetime
from types import SimpleNamespace

import polars as pl
import pytest

from mlops_cli.cli import tables
from mlops_cli.config.settings import Line
from mlops_cli.judge.judge import Judged, judge
from mlops_cli.metrics.metric import MEASUREMENT
from mlops_cli.result.tables import BOUNDS, MODELS, SERIES, UNKNOWN, WINDOWS

DAY = 86_400_000_000
START = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp()) * 1_000_000
DAYS = range(6)
JUDGED = [START + d * DAY for d in (2, 3, 4, 5)]
LINES = {
    ("input", "missing-rate"): Judged(Line(warn="+2pp", alarm="+5pp"), "up", "share", "advice"),
    ("software", "latency-p50"): Judged(Line(warn="+30%", alarm="+100%"), "up", "ms", "advice"),
    ("software", "throughput"): Judged(Line(), "both", "1/s", "advice"),
    ("output", "null-rate"): Judged(Line(warn=0.005, alarm=0.02), "up", "share", "advice"),
}


LINE = SimpleNamespace(begin=lambda start: start)  # windows that begin where they begin


def series(code, group, values, model="", field="", n=1_000, reference=None, test="proportion", segment=""):
    for d, value in zip(DAYS, values, strict=True):
        row = dict.fromkeys(MEASUREMENT) | {
            "code": code,
            "group": group,
            "model": model,
            "component": "",
            "arm": "",
            "segment": segment,
            "field": field,
            "window": START + d * DAY,
            "value": value,
            "n": n,
            "reference": reference,
            "size": value,
            "test": test,
            "why": "all values are missing" if value is None else None,
        }
        if test == "proportion" and value is not None:
            row |= {"a": value * n, "b": (reference or 0) * n, "c": float(n)}
        yield row


def seen(*lines, name=""):
    frame = pl.DataFrame([row for line in lines for row in line], schema=MEASUREMENT)
    shown = frame.with_columns(model=pl.lit(name)) if name else frame
    ends = {START + d * DAY: START + (d + 1) * DAY for d in DAYS}
    outcome = judge(shown, LINES, JUDGED, ends, frozenset(), 200)
    return SimpleNamespace(
        counted=SimpleNamespace(unit=SimpleNamespace(name=name), measured=frame, line=LINE), outcome=outcome
    )


@pytest.fixture
def one():
    return seen(
        series("missing-rate", "input", [0.02, 0.02, 0.02, 0.3, 0.02, 0.02], "m", "a", reference=0.02),
        series("missing-rate", "input", [0.02, 0.02, 0.02, 0.02, 0.02, 0.3], "m", "b", reference=0.02),
        series("missing-rate", "input", [0.02, 0.02, 0.02, 0.02, 0.02, 0.03], "m", "c", reference=0.02),
        series("missing-rate", "input", [0.02] * 6, "m", "d", reference=0.02, n=50),
        series("latency-p50", "software", [10.0] * 6, "m", reference=10.0, test=""),
        series("throughput", "software", [3.0] * 6, "m", test=""),
        series("null-rate", "output", [None] * 6, "m"),
    )


def records(table):
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_a_series_stands_where_its_last_window_does(one):
    rows = {(r["code"], r["field"]): r for r in records(tables.series_table([one]))}

    assert rows["missing-rate", "b"]["level"] == "alarm"
    assert (rows["missing-rate", "a"]["level"], rows["missing-rate", "a"]["worst"]) == ("ok", "alarm")
    assert rows["missing-rate", "b"]["value"] == 0.3
    assert rows["missing-rate", "b"]["threshold"] == pytest.approx(0.07)
    assert rows["throughput", ""]["level"] is None


def test_the_worst_series_of_a_metric_comes_first(one):
    table = tables.series_table([one])
    fields = [r["field"] for r in records(table) if r["code"] == "missing-rate"]

    assert table.columns == SERIES
    assert fields == ["b", "d", "a", "c"]
    assert [r["group"] for r in records(table)] == ["input"] * 4 + ["output"] + ["software"] * 2


def test_used_is_the_share_of_the_way_to_the_line(one):
    used = {(r["code"], r["field"]): r["used"] for r in records(tables.series_table([one]))}

    assert used["missing-rate", "c"] == pytest.approx(0.2)
    assert used["missing-rate", "b"] > 1
    assert used["latency-p50", ""] == 0
    assert used["throughput", ""] is None


def test_an_unknown_series_says_why(one):
    rows = {(r["code"], r["field"]): r for r in records(tables.series_table([one]))}

    assert rows["missing-rate", "d"]["why"] == "fewer than 200 rows"
    assert (rows["null-rate", ""]["level"], rows["null-rate", ""]["value"]) == ("unknown", None)
    assert rows["null-rate", ""]["why"] == "all values are missing"


def test_a_series_has_the_id_of_its_finding(one):
    ids = {r["series"] for r in records(tables.series_table([one]))}

    assert {f.id for f in one.outcome.judgement.findings} <= ids


def test_windows_are_those_of_the_baseline_too_and_only_the_judged_have_a_level(one):
    table = tables.windows_table([one])
    rows = [r for r in records(table) if r["series"] == "missing-rate/m////b"]

    assert table.columns == WINDOWS
    assert [r["window"] for r in rows] == [f"2026-10-0{d + 1}T00:00:00Z" for d in DAYS]
    assert [r["level"] for r in rows] == [None, None, "ok", "ok", "ok", "alarm"]
    assert rows[-1]["value"] == 0.3


def test_series_with_findings_get_their_windows_first_and_the_table_ends(one, monkeypatch):
    monkeypatch.setattr(tables, "WINDOW_ROWS", 18)
    table = tables.windows_table([one])
    shown = list(dict.fromkeys(r[0] for r in table.rows))

    assert set(shown[:2]) == {f.id for f in one.outcome.judgement.findings}
    assert len(table.rows) == 18
    assert table.caption == "windows of 3 of 7 series"


def test_of_a_long_series_the_latest_windows_are_kept(one, monkeypatch):
    monkeypatch.setattr(tables, "WINDOWS_OF_SERIES", 2)
    rows = [r for r in records(tables.windows_table([one])) if r["series"] == "missing-rate/m////b"]

    assert [r["window"][:10] for r in rows] == ["2026-10-05", "2026-10-06"]


def test_what_is_unknown_adds_up_to_the_judgement(one):
    table = tables.unknown_table([one])

    assert table.columns == UNKNOWN
    assert sum(r["windows"] for r in records(table)) == one.outcome.judgement.unknown
    assert ("input", "missing-rate", "m", "d", "fewer than 200 rows", 1, 4) in table.rows


def test_models_come_worst_first(one):
    calm = seen(series("latency-p50", "software", [10.0] * 6, reference=10.0, test=""), name="calm")
    dark = seen(series("null-rate", "output", [None] * 6), name="dark")
    table = tables.models_table([calm, dark, one])

    assert table.columns == MODELS
    assert [r["model"] for r in records(table)] == ["m", "dark", "calm"]
    assert records(table)[0] == {
        "model": "m",
        "level": "alarm",
        "alarms": 1,
        "warnings": 0,
        "recovered": 1,
        "checked": 16,
        "unknown": 8,
        "worst": "missing-rate/m////b",
    }
    assert [r["level"] for r in records(table)] == ["alarm", "unknown", "ok"]


def test_a_model_of_its_own_folder_has_its_name_in_its_windows():
    named = seen(series("latency-p50", "software", [10.0] * 6, reference=10.0, test=""), name="eu")

    assert {r[0] for r in tables.windows_table([named]).rows} == {"latency-p50/eu////"}


def test_a_bound_is_found_on_its_line(one):
    origins = {
        "metrics.input.missing-rate.alarm": "ops/mlops.toml:14 [overlays.ci]",
        "metrics.input.missing-rate.warn": "MLOPS_METRICS__INPUT__MISSING_RATE__WARN",
        "metrics.output.null-rate.alarm": "ops/mlops.toml:20",
    }
    table = tables.bounds_table([one], origins)

    assert table.columns == BOUNDS
    assert table.rows == (("input", "missing-rate", "alarm", "ops/mlops.toml", 14),)


def test_nothing_seen_is_nothing_shown():
    for make in (tables.models_table, tables.series_table, tables.windows_table, tables.unknown_table):
        assert make([]).rows == ()


def test_windows_after_the_judged_range_belong_to_another_report():
    frame = pl.DataFrame(list(series("null-rate", "output", [0.0] * 6)), schema=MEASUREMENT)
    ends = {START + d * DAY: START + (d + 1) * DAY for d in DAYS}
    outcome = judge(frame, LINES, JUDGED[:2], ends, frozenset(), 200)
    until = SimpleNamespace(
        counted=SimpleNamespace(unit=SimpleNamespace(name=""), measured=frame, line=LINE), outcome=outcome
    )

    assert tables.windows_table([until]).rows[-1][1] == "2026-10-04T00:00:00Z"
