"""The plan of a run: fields of all files, decided by the first rows of the baseline."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from mlops_cli.config.settings import Settings
from mlops_cli.errors import UsageError
from mlops_cli.logs.canon import KINDS
from mlops_cli.logs.format import LogFile, Part
from mlops_cli.profile.plan import as_text, only_in_reference, plan

START = datetime(2026, 1, 5, tzinfo=UTC)
SETTINGS = Settings()


def part(folder, name, kind="predictions", **columns):
    """A file of these columns, ten rows or as many as the columns have, a minute apart."""
    rows = max((len(v) for v in columns.values() if isinstance(v, list)), default=10)
    frame = pl.DataFrame({n: v if isinstance(v, list) else [v] * rows for n, v in columns.items()})
    if "timestamp" not in columns and "timestamp" in KINDS[kind]:
        frame = frame.with_columns(timestamp=pl.Series([START + timedelta(minutes=i) for i in range(rows)]))
    path = folder / f"{name}.parquet"
    frame.write_parquet(path)
    source = LogFile(str(path), name, "parquet", kind, 0, name)
    names = {(n if n in KINDS[kind] else f"features.{n}"): n for n in frame.columns}
    return Part(str(path), kind, names, name, rows, START, START + timedelta(minutes=rows), source)


def fields(spec):
    return [(f.kind, f.name, f.type) for f in spec.fields]


def of(spec, name, kind="predictions"):
    (found,) = [f for f in spec.fields if f.name == name and f.kind == kind]
    return found


def test_rows_then_outputs_then_features_in_the_order_of_the_file(tmp_path):
    log = part(tmp_path, "a", z=1.5, request_id="r", score=0.5, a=["x", "y"] * 5, prediction=True)

    assert fields(plan([log], (), SETTINGS)) == [
        ("predictions", "", "rows"),
        ("predictions", "request_id", "id"),
        ("predictions", "prediction", "category"),
        ("predictions", "score", "number"),
        ("predictions", "z", "number"),
        ("predictions", "a", "category"),
    ]


def test_fields_are_those_of_all_files_whatever_the_order_they_come_in(tmp_path):
    logs = [part(tmp_path, "b", x=1.0, y=2.0), part(tmp_path, "a", x=1.0)]

    spec = plan(logs, (), SETTINGS)

    assert [f.name for f in spec.fields] == ["", "x", "y"]
    assert spec == plan(logs[::-1], (), SETTINGS)


def test_a_file_that_is_added_later_changes_nothing(tmp_path):
    logs = [part(tmp_path, f"{i}", x=[float(i), 3.0] * 500, c=["u", "v"] * 500) for i in range(3)]
    later = part(tmp_path, "9", x=[1e9, 2e9], c=["new", "newer"])

    assert plan([*logs, later], (), SETTINGS).digest == plan(logs, (), SETTINGS).digest


def test_the_first_file_with_values_decides_the_type(tmp_path):
    logs = [
        part(tmp_path, "a", x=[None, None]),
        part(tmp_path, "b", x=[1.5, 2.5]),
        part(tmp_path, "c", x="t"),
    ]

    assert of(plan(logs, (), SETTINGS), "x").type == "number"


def test_a_reference_decides_the_types_and_adds_no_field(tmp_path):
    log = part(tmp_path, "a", x=[1, 2], y=[1.5, 2.5])
    reference = part(tmp_path, "train", x=[0.25, 0.5], target=[1, 0])

    spec = plan([log], [reference], SETTINGS)

    assert [f.name for f in spec.fields] == ["", "x", "y"]
    assert not of(spec, "x").integral
    assert of(plan([log], (), SETTINGS), "x").integral
    assert only_in_reference([log], [reference]) == ("target",)


def test_every_kind_has_its_fields(tmp_path):
    logs = [
        part(tmp_path, "p", request_id="r", x=1.0),
        part(
            tmp_path, "r", "requests", request_id="r", latency_ms=1.5, queue_ms=0.5, status=200, agent="curl"
        ),
        part(tmp_path, "s", "spans", component="c", latency_ms=1.5, error=[None, "boom"], route="/"),
        part(tmp_path, "f", "feedback", request_id="r", label=[1, 0], user_action="redo"),
        part(tmp_path, "d", "decisions", request_id="r", decision=True, seconds=3.5, rater="n"),
    ]

    assert fields(plan(logs, (), SETTINGS)) == [
        ("predictions", "", "rows"),
        ("predictions", "request_id", "id"),
        ("predictions", "x", "number"),
        ("feedback", "", "rows"),
        ("feedback", "label", "category"),
        ("feedback", "user_action", "category"),
        ("decisions", "", "rows"),
        ("decisions", "decision", "category"),
        ("decisions", "seconds", "number"),
        ("requests", "", "rows"),
        ("requests", "latency_ms", "number"),
        ("requests", "queue_ms", "number"),
        ("requests", "status", "number"),
        ("spans", "", "rows"),
        ("spans", "latency_ms", "number"),
        ("spans", "error", "category"),
    ]


def test_requests_alone_are_looked_at_for_repeated_ids_and_spans_alone_for_features(tmp_path):
    requests = plan([part(tmp_path, "r", "requests", request_id="r", status=200)], (), SETTINGS)
    spans = plan([part(tmp_path, "s", "spans", latency_ms=1.0, route="/")], (), SETTINGS)

    assert of(requests, "request_id", "requests").type == "id"
    assert of(spans, "route", "spans").role == "feature"


def test_a_gauge_has_a_field_by_its_name(tmp_path):
    log = part(
        tmp_path, "g", "gauges", host="h", metric=["load", "cpu-utilisation"] * 5, value=[0.5, 90.0] * 5
    )

    spec = plan([log], (), SETTINGS)

    assert [(f.name, f.column, f.role) for f in spec.fields] == [
        ("", "", "rows"),
        ("cpu-utilisation", "value", "gauge"),
        ("load", "value", "gauge"),
    ]
    assert of(spec, "cpu-utilisation", "gauges").quantum > of(spec, "load", "gauges").quantum


def test_a_time_is_an_age_before_its_row(tmp_path):
    log = part(
        tmp_path,
        "a",
        made=[START - timedelta(hours=3)] * 10,
        naive=[datetime(2026, 1, 4)] * 10,
        day=[date(2025, 1, 1)] * 10,
    )

    spec = plan([log], (), SETTINGS)

    assert {of(spec, n).type for n in ("made", "naive", "day")} == {"age"}
    assert of(spec, "day").quantum > of(spec, "made").quantum > 0


def test_a_time_of_rows_that_have_none_is_an_age_all_the_same(tmp_path):
    log = part(tmp_path, "a", made=[START] * 10, timestamp=[None] * 10)
    bare = replace(log, columns={"features.made": "made"})

    assert of(plan([bare], (), SETTINGS), "made").type == "age"


def segmented(folder, **how):
    carriers = ["AA"] * 60 + ["UA"] * 39 + ["ZZ"]
    log = part(folder, "a", carrier=carriers, big=[True] * 50 + [False] * 50, hour=[1.0, 2.0] * 50)
    return plan([log], (), Settings.model_validate({"segments": how})).segments


def test_frequent_values_are_pinned_and_rare_ones_are_not(tmp_path):
    assert segmented(tmp_path, by=["carrier"], min_share=0.02) == ((("features.carrier",), (("AA", "UA"),)),)


def test_pairs_are_pinned_column_by_column(tmp_path):
    assert segmented(tmp_path, by=["big"], cross=[["carrier", "hour"]]) == (
        (("features.big",), (("false", "true"),)),
        (("features.carrier", "features.hour"), (("AA", "UA", "ZZ"), ("1", "2"))),
    )


def test_no_segment_has_more_values_than_the_guard_allows(tmp_path):
    assert segmented(tmp_path, by=["carrier"], cross=[["carrier", "hour"]], max=2) == (
        (("features.carrier",), (("AA", "UA"),)),
        (("features.carrier", "features.hour"), (("AA",), ("1", "2"))),
    )


def test_a_segment_may_be_a_column_that_is_no_feature(tmp_path):
    log = part(tmp_path, "a", variant=["stable", "canary"], x=1.0)
    spec = plan([log], (), Settings.model_validate({"segments": {"by": ["variant"]}}))

    assert spec.segments == ((("variant",), (("canary", "stable"),)),)


def test_an_unknown_column_of_a_segment_offers_the_nearest_one(tmp_path):
    with pytest.raises(UsageError) as error:
        segmented(tmp_path, by=["carier"])

    assert error.value.do == "write 'carrier'?"


def test_values_are_texts_as_they_are_counted():
    assert as_text(pl.Series([1.0, 0.5, -3.0])).to_list() == ["1", "0.5", "-3"]
    assert as_text(pl.Series([True, None])).to_list() == ["true", None]
    assert as_text(pl.Series([1, 2])).to_list() == ["1", "2"]


def test_without_any_log_there_is_nothing_to_count():
    spec = plan([], (), SETTINGS)

    assert (spec.fields, spec.window.seconds) == ((), 0)
