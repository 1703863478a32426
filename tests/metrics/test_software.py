import numpy as np
import pytest


def timed(make, values, kind="predictions", hour=0, **how):
    return [make.row(hour, kind=kind, latency_ms=float(v), **how) for v in values]


def spec_of(make, *kinds, **more):
    fields = [make.field("latency_ms", "number", "latency_ms", kind, mantissa=16) for kind in kinds]
    return make.spec(*fields, kinds=kinds, **more)


def test_latency_is_the_quantile_within_half_a_cell(make, take):
    spec = spec_of(make, "predictions")
    values = np.random.default_rng(1).exponential(100, 1001)
    profile = make.profile(spec, timed(make, values))

    for code, q in (("latency-p50", 0.5), ("latency-p90", 0.9), ("latency-p95", 0.95), ("latency-p99", 0.99)):
        (row,) = take(code, profile, hours=(0,))

        assert row["value"] == pytest.approx(np.quantile(values, q), rel=0.02)
        assert row["low"] < row["value"] < row["high"]
        assert (row["n"], row["field"]) == (1001, "")


def test_the_interval_of_a_quantile_is_by_order_statistics(make, take):
    spec = spec_of(make, "predictions")
    profile = make.profile(spec, timed(make, range(1, 101)))

    (row,) = take("latency-p50", profile)

    # Rows 50 - 1.96 sqrt(25) = 40.2 and 59.8 of 1 to 100, counted from 0.
    assert row["low"] == pytest.approx(41.2, abs=0.6)
    assert row["high"] == pytest.approx(60.8, abs=0.6)


def test_the_evidence_of_a_quantile_is_how_many_rows_are_slower_than_the_baselines(make, take):
    spec = spec_of(make, "predictions")
    base = make.profile(spec, timed(make, range(1, 101)))
    current = make.profile(spec, timed(make, range(51, 151)))

    (row,) = take("latency-p50", current, base)

    # The baseline's median lies between 50 and 51, in the cell of 50: 50 rows of it are above, 100 of ours.
    assert (row["a"], row["n"], row["b"], row["c"]) == (100, 100, 50, 100)
    assert row["reference"] == pytest.approx(50.5, abs=0.51)
    assert row["value"] == pytest.approx(100.5, abs=0.51)


def test_latency_is_of_requests_rather_than_of_predictions_and_of_each_component(make, take):
    spec = spec_of(make, "predictions", "requests", "spans")
    rows = (
        timed(make, [10] * 3, "predictions", component="scorer")
        + timed(make, [20] * 3, "requests")
        + timed(make, [5] * 3, "spans", component="retriever")
        + timed(make, [6] * 3, "spans")
    )

    out = take("latency-p50", make.profile(spec, rows))

    assert [(r["component"], round(r["value"])) for r in out] == [("", 20), ("retriever", 5)]


def test_predictions_speak_for_the_latency_without_requests(make, take):
    spec = spec_of(make, "predictions", "spans")
    rows = timed(make, [10] * 3, "predictions", component="s") + timed(make, [5] * 3, "spans", component="s")

    out = take("latency-p50", make.profile(spec, rows))

    assert [(r["component"], round(r["value"])) for r in out] == [("s", 10)]


def test_an_empty_window_has_no_latency(make, take):
    profile = make.profile(spec_of(make, "predictions"), timed(make, [1, 2, 3]))

    rows = take("latency-p99", profile, hours=(0, 1))

    assert (rows[1]["value"], rows[1]["n"], rows[1]["why"]) == (None, 0, "no rows")


def test_queue_is_of_requests_only(make, take):
    spec = make.spec(make.field("queue_ms", "number", "queue_ms", "requests"), kinds=("requests",))
    profile = make.profile(spec, [make.row(0, kind="requests", queue_ms=8.0)] * 4)

    (row,) = take("queue-p95", profile)

    assert row["value"] == pytest.approx(8, rel=0.01)


def test_throughput_is_rows_a_second(make, take):
    spec = make.spec(make.field("x"))
    current = make.profile(spec, [make.row(0, x=1.0)] * 36)
    base = make.profile(spec, [make.row(0, x=1.0)] * 144)

    full, empty = take("throughput", current, base, hours=(0, 1), baseline_windows=2)

    assert (full["value"], full["reference"], full["field"]) == (0.01, 0.02, "")
    assert empty["value"] == 0


def test_throughput_of_one_window_for_the_whole_log_is_over_its_records(make, take):
    spec = make.spec(make.field("x"), seconds=0)
    rows = [make.row(0, x=1.0, time=make.START), make.row(0, x=1.0, time=make.START + 4_000_000)]

    (row,) = take("throughput", make.profile(spec, rows))

    assert row["value"] == 0.5


@pytest.mark.parametrize("type_", ["number", "category"])
def test_error_rates_are_of_statuses(make, take, type_):
    status = make.field("status", type_, "status", "requests", mantissa=9, integral=True)
    spec = make.spec(status, kinds=("requests",))
    seen = [200] * 14 + [400, 404, 499, 500, 503, 302]
    profile = make.profile(spec, [make.row(0, kind="requests", status=s) for s in seen])

    (server,) = take("error-rate", profile, profile)
    (client,) = take("client-error-rate", profile, profile)

    assert (server["value"], server["a"], server["n"], server["b"], server["c"]) == (0.1, 2, 20, 2, 20)
    assert client["value"] == 0.15


def test_an_error_text_is_an_error_where_there_is_no_status(make, take):
    spec = make.spec(make.field("error", "category", "error"))
    profile = make.profile(spec, [make.row(0, error=e) for e in (None, "boom", "", None)])

    (row,) = take("error-rate", profile)

    assert (row["value"], row["n"], row["field"]) == (0.25, 4, "")


def test_status_and_error_text_of_the_same_log_are_not_added_up(make, take):
    spec = make.spec(
        make.field("status", "number", "status", mantissa=9, integral=True),
        make.field("error", "category", "error"),
    )
    rows = [make.row(0, status=500, error="boom")] * 2 + [make.row(0, status=200, error=None)] * 7
    rows += [make.row(0, status=200, error="late")]

    (row,) = take("error-rate", make.profile(spec, rows))

    assert (row["value"], row["n"]) == (0.3, 10)


def test_errors_of_spans_are_by_component(make, take):
    spec = make.spec(
        make.field("status", "number", "status", "requests", mantissa=9, integral=True),
        make.field("error", "category", "error", "spans"),
        kinds=("requests", "spans"),
    )
    rows = [make.row(0, kind="requests", status=200)] * 4
    rows += [make.row(0, kind="spans", component="retriever", error=e) for e in ("x", None)]

    out = take("error-rate", make.profile(spec, rows))

    assert [(r["component"], r["value"]) for r in out] == [("", 0), ("retriever", 0.5)]


def test_completeness_is_of_the_joined_counts(make, take):
    profile = make.profile(make.spec(make.field("x")), [make.row(0, x=1.0)])

    (row,) = take("log-completeness", profile, counts={"completeness": make.counts([(0, 200, 150)])})

    assert (row["value"], row["n"], row["a"]) == (0.75, 200, 150)


def gauges(make, name, readings, host="h1", hour=0):
    return [make.row(hour, {name: r}, kind="gauges", component=host) for r in readings]


def test_gauges_are_means_by_host(make, take):
    spec = make.spec(make.field("memory-utilisation", "number", "gauge", "gauges"), kinds=("gauges",))
    rows = gauges(make, "memory-utilisation", [0.2, 0.4]) + gauges(make, "memory-utilisation", [0.9], "h2")
    base = gauges(make, "memory-utilisation", [0.1])

    out = take("memory-utilisation", make.profile(spec, rows), make.profile(spec, base))

    assert [(r["component"], r["field"], r["reference"]) for r in out] == [("h1", "", 0.1), ("h2", "", None)]
    assert [r["value"] for r in out] == pytest.approx([0.3, 0.9])


def test_a_gauge_of_percent_under_another_name_is_read_as_a_share(make, take):
    spec = make.spec(make.field("node_cpu_utilization", "number", "gauge", "gauges"), kinds=("gauges",))
    profile = make.profile(spec, gauges(make, "node_cpu_utilization", [30, 50]))

    (row,) = take("cpu-utilisation", profile)

    assert (row["value"], row["field"], row["note"]) == (0.4, "node_cpu_utilization", "read as percent")


def test_staleness_is_the_age_of_the_newest_record_of_each_kind(make, take):
    spec = make.spec(kinds=("predictions", "requests"))
    rows = [make.row(0), make.row(1), make.row(0, kind="requests")]

    out = take("staleness", make.profile(spec, rows), hours=(0, 1), now=make.START + 3 * make.HOUR)

    assert [(r["field"], r["value"]) for r in out] == [("predictions", 2), ("requests", 3)]
    assert {r["window"] for r in out} == {make.START + make.HOUR}
