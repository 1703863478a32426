"""Laws that every metric obeys: a new one inherits them by its line in the registry."""

import importlib.util
import math
import random
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from mlops_cli.config.lines import DEFAULT_LINES
from mlops_cli.errors import UsageError
from mlops_cli.metrics.measure import measure
from mlops_cli.metrics.metric import MEASUREMENT, SERIES
from mlops_cli.metrics.registry import METRICS
from mlops_cli.stats.evidence import p_value
from mlops_cli.stats.registry import DRIFT_STATISTICS

_FILE = Path(__file__).parents[1] / "metrics" / "profiles.py"
_SPEC = importlib.util.spec_from_file_location("metric_profiles_of_laws", _FILE)
make = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(make)

CODES = list(METRICS)
FIELDS = (
    make.field("x"),
    make.field("whole", integral=True),
    make.field("c", "category"),
    make.field("t", "text", stride=1),
    make.field("u", "id"),
    make.field("late"),
    make.field("prediction", "category", "prediction"),
    make.field("score", role="score"),
    make.field("error", "category", "error"),
    make.field("request_id", "id", "request_id"),
    make.field("latency_ms", "number", "latency_ms"),
    make.field("latency_ms", "number", "latency_ms", "requests"),
    make.field("queue_ms", "number", "queue_ms", "requests"),
    make.field("status", "number", "status", "requests", mantissa=9, integral=True),
    make.field("latency_ms", "number", "latency_ms", "spans"),
    *(
        make.field(name, "number", "gauge", "gauges")
        for name in ("memory-utilisation", "cpu-utilisation", "load")
    ),
)
SPEC = make.spec(*FIELDS, kinds=("predictions", "requests", "spans", "gauges"))
HOURS = range(5)


def rows(seed, hours, n=60):
    """Rows of all kinds; odd values and gaps among them; hour 3 has none at all."""
    rng = random.Random(seed)
    out = []
    for hour in hours:
        if hour == 3:
            continue
        for i in range(n):
            values = {
                "x": rng.choice([rng.gauss(0, 1), rng.gauss(0, 1), None, math.nan, math.inf]),
                "whole": rng.randrange(20),
                "c": rng.choice(["a", "b", "", None, str(rng.randrange(30))]),
                "t": " ".join(rng.choices(["foo", "bar", "baz"], k=4)),
                "u": str(rng.randrange(10**9)),
                "prediction": rng.choice(["yes", "no", None]),
                "score": rng.random(),
                "error": rng.choice([None, None, "boom"]),
                "request_id": str(hour * 1_000 + i // 2),
                "latency_ms": rng.expovariate(0.01),
            }
            if hour == 4:
                values["late"] = values["extra"] = 1.0
            where = {"model": "m", "component": "scorer", "arm": rng.choice("ab")}
            out.append(make.row(hour, values, **where))
            if values["c"] == "a":
                out.append(make.row(hour, values, segment="c=a", **where))
            request = {"latency_ms": 20.0 + i, "queue_ms": 1.0 + i, "status": rng.choice([200, 404, 500])}
            out.append(make.row(hour, request, kind="requests"))
            out.append(make.row(hour, {"latency_ms": 5.0 + i}, kind="spans", component="retriever"))
        for name in ("memory-utilisation", "cpu-utilisation", "load"):
            out.append(make.row(hour, {name: rng.random()}, kind="gauges", component="host"))
    return out


JOINED = [(0, 60, 5, "edit"), (1, 60, 6, "edit"), (2, 60, 0, "edit"), (4, 60, 60, "edit")]
COUNTS = {name: make.counts(JOINED) for name in ("redo", "actions", "completeness")}
CURRENT = make.profile(SPEC, rows(1, HOURS), new=["extra"])
BASELINE = make.profile(SPEC, rows(2, (0, 1, 2)))
STARTS = tuple(make.START + h * make.HOUR for h in (0, 1))


def context(current=CURRENT, baseline=BASELINE, hours=HOURS, **how):
    given = {"counts": COUNTS, "baseline_starts": STARTS, "baseline_windows": 3 if baseline else 0}
    return make.context(current, baseline, hours, **{**given, **how})


WITH = measure(context(), CODES)
WITHOUT = measure(context(baseline=None, baseline_starts=()), CODES)
NOTHING = measure(
    make.context(make.profile(make.spec(kinds=()), []), None, (0, 1)),
    CODES,
)
FRAMES = {"with a baseline": WITH, "without a baseline": WITHOUT, "without any row": NOTHING}


@pytest.fixture(params=list(FRAMES))
def frame(request):
    return FRAMES[request.param]


def test_every_code_has_default_lines_or_is_one_statistic_of_drift_and_vice_versa():
    lined = {(group, code) for group, codes in DEFAULT_LINES.items() for code in codes}
    single = {f"drift-{name}" for name in DRIFT_STATISTICS}

    assert {code for _, code in lined} | single == set(CODES)
    assert {(METRICS[c].group, c) for c in CODES if c not in single} | {("output", "drift")} == lined


@pytest.mark.parametrize("code", CODES)
def test_every_metric_says_what_it_is(code):
    metric = METRICS[code]

    texts = (metric.group, metric.unit, metric.help, metric.formula, metric.source, *metric.remedies)
    assert all(text.strip() for text in texts)
    assert metric.direction in {"up", "down", "both"}
    assert 2 <= len(metric.remedies) <= 3
    assert not metric.help.endswith(".")
    assert not metric.remedies[0].endswith(".")


def test_an_unknown_code_is_an_error_with_the_nearest_one():
    with pytest.raises(UsageError) as error:
        measure(context(), ["latencyp99"])

    assert "latency-p99" in str(error.value.do)


def test_the_columns_are_those_of_a_measurement(frame):
    assert dict(frame.schema) == MEASUREMENT


def test_every_code_gives_at_least_one_row(frame):
    assert set(frame["code"]) == set(CODES)


def test_no_number_is_nan_or_infinite(frame):
    numbers = frame.select(pl.col(pl.Float64))

    assert numbers.select(pl.all().drop_nulls().is_finite().all()).row(0) == (True,) * numbers.width


def test_a_value_is_null_only_with_its_reason(frame):
    none = frame.filter(pl.col("value").is_null())

    assert none["why"].null_count() == 0
    assert not (none["why"] == "it cannot be computed").any()
    assert none["size"].null_count() == none.height


def test_series_and_window_name_one_row(frame):
    assert frame.select(*SERIES, "window").is_duplicated().sum() == 0
    assert frame["n"].drop_nulls().min() is None or frame["n"].drop_nulls().min() >= 0


def test_logs_without_a_row_give_one_reason_a_code():
    assert NOTHING["value"].null_count() == NOTHING.height == len(CODES)


def test_every_series_has_every_window_or_the_last_one_alone():
    sizes = WITH.group_by(*SERIES).agg(pl.len(), pl.col("window").max().alias("last"))

    assert set(sizes["len"]) == {1, len(HOURS)}
    assert set(sizes.filter(pl.col("len") == 1)["last"]) == {make.START + 4 * make.HOUR}


def test_only_counts_have_a_value_in_an_empty_window():
    empty = WITH.filter((pl.col("window") == make.START + 3 * make.HOUR) & pl.col("value").is_not_null())

    assert set(empty["code"]) == {"volume", "throughput"}
    assert set(empty["value"]) == {0.0}


# Those of labels are in tests/metrics/test_model.py: no row of these has one.
@pytest.mark.parametrize(
    "code", [c for c in CODES if METRICS[c].unit == "share" and METRICS[c].group != "model"]
)
def test_a_share_lies_between_none_and_all(code):
    known = pl.concat([WITH, WITHOUT]).filter(pl.col("code") == code).drop_nulls("value")

    assert known.height
    for name in ("value", "reference", "low", "high"):
        assert known[name].drop_nulls().is_between(0, 1).all()


def test_the_groups_are_those_of_the_field():
    groups = WITH.select("code", "field", "group").unique()
    drift = groups.filter(pl.col("code").str.starts_with("drift"))

    assert set(drift.filter(pl.col("field").is_in(["prediction", "score"]))["group"]) == {"output"}
    assert set(drift.filter(~pl.col("field").is_in(["prediction", "score"]))["group"]) == {"input"}
    for code, _, group in groups.filter(~pl.col("code").str.starts_with("drift")).iter_rows():
        assert group == METRICS[code].group


def test_the_evidence_of_every_row_can_be_weighed():
    for (code, test), part in WITH.drop_nulls("value").group_by("code", "test"):
        a, b, c, n = (part[k].to_numpy().astype(float) for k in ("a", "b", "c", "n"))
        compared = part["reference"].is_not_null().to_numpy() | code.startswith("drift")

        p = p_value(test, a, b, c, n, METRICS[code].direction)

        assert ((p >= 0) & (p <= 1))[compared].all(), code
    shares = WITH.filter(pl.col("test") == "proportion").drop_nulls("a")
    assert (shares["a"] <= shares["n"]).all()
    assert (shares.drop_nulls("c")["b"] <= shares.drop_nulls("c")["c"]).all()


def test_the_order_of_the_rows_is_of_no_consequence():
    shuffled = rows(1, HOURS)
    random.Random(3).shuffle(shuffled)

    again = measure(context(make.profile(SPEC, shuffled, new=["extra"])), CODES)

    assert_frame_equal(again, WITH, abs_tol=1e-12, rel_tol=1e-9)


def test_the_arms_add_up():
    together = [{**r, "arm": ""} for r in rows(1, HOURS)]

    one = measure(context(make.profile(SPEC, together, new=["extra"])), CODES)

    assert_frame_equal(one, WITH, abs_tol=1e-12, rel_tol=1e-9)


def test_the_windows_do_not_depend_on_each_other():
    """Each window measured alone says what it says among the others, but what is of the whole log."""
    of_the_log = {"bad-time-rate", "staleness"}
    origin = {"type-change", "field-vanished", "field-new"}  # series that only other windows have
    codes = [c for c in CODES if c not in of_the_log | origin]
    for hour in (0, 2):
        alone = measure(context(hours=(hour,)), codes)
        among = WITH.filter((pl.col("window") == make.START + hour * make.HOUR) & pl.col("code").is_in(codes))
        known = [*SERIES, "window"]

        both = alone.join(among, on=known, how="inner", suffix="_among").drop_nulls("value")

        assert both.height > 50
        for name in ("value", "size", "a", "reference"):
            assert_frame_equal(
                both.select(name),
                both.select(pl.col(f"{name}_among").alias(name)),
                abs_tol=1e-12,
                rel_tol=1e-9,
            )


def test_a_profile_compared_with_itself_shows_no_drift_and_nothing_new():
    pooled = make.profile(SPEC, [{**r, "window": make.START} for r in rows(2, (0, 1, 2))])
    same = measure(context(pooled, pooled, hours=(0,), baseline_windows=1), CODES).drop_nulls("value")

    for code in CODES:
        mine = same.filter(pl.col("code") == code)
        if code.startswith("drift"):
            assert mine["value"].abs().max() == pytest.approx(0, abs=1e-9)
            assert mine["size"].max() == 0
        elif code in {"out-of-range", "unseen-rate", "field-new", "field-vanished", "type-change"}:
            assert mine["value"].max() == 0
        elif code not in {"bad-time-rate", "staleness", "redo-rate", "action-rate", "log-completeness"}:
            assert_frame_equal(mine.select("value"), mine.select(value="reference"), rel_tol=1e-9)


def test_measuring_changes_nothing_that_is_measured_next():
    shared = context()
    first = measure(shared, CODES)

    assert_frame_equal(
        measure(shared, list(reversed(CODES))).sort(*SERIES, "window"), first.sort(*SERIES, "window")
    )
    assert_frame_equal(measure(replace(shared), CODES), first)
