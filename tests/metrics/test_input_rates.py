import math

import pytest


def column(rows, name="value"):
    return [r[name] for r in rows]


def test_volume_is_the_rows_of_every_window_also_of_empty_ones(make, take):
    spec = make.spec(make.field("x"))
    current = make.profile(spec, [make.row(0, x=1)] * 3 + [make.row(2, x=1)])
    baseline = make.profile(spec, [make.row(0, x=1)] * 8)

    rows = take("volume", current, baseline, hours=(0, 1, 2), baseline_windows=2)

    assert column(rows) == [3, 0, 1]
    assert column(rows, "n") == [3, 0, 1]
    assert column(rows, "reference") == [4, 4, 4]
    assert {r["field"] for r in rows} == {""}


def test_volume_counts_requests_where_no_predictions_are_logged(make, take):
    spec = make.spec(kinds=("requests",))
    current = make.profile(spec, [make.row(0, kind="requests")] * 5)

    assert column(take("volume", current)) == [5]


def test_volume_against_a_reference_file_has_no_reference(make, take):
    spec = make.spec(make.field("x"))
    current = make.profile(spec, [make.row(0, x=1)] * 3)
    baseline = make.profile(spec, [make.row(0, x=1)] * 8, whole=True)

    (row,) = take("volume", current, baseline, baseline_windows=0)

    assert (row["value"], row["reference"], row["note"]) == (3, None, "the baseline has no windows")


def test_volume_of_a_small_slice_is_not_judged(make, take):
    spec = make.spec(make.field("x"))
    rows = [make.row(0, x=1), make.row(0, x=1, segment="c=a")]

    whole, slice_ = take("volume", make.profile(spec, rows), make.profile(spec, rows))

    assert (whole["value"], whole["why"]) == (1, None)
    assert (slice_["value"], slice_["why"]) == (1, "the baseline has fewer than 200 rows a window here")


def test_missing_rate_counts_nulls_and_nan_and_sums_the_arms(make, take):
    spec = make.spec(make.field("x"))
    current = make.profile(
        spec,
        [
            make.row(0, x=None, arm="a"),
            make.row(0, x=math.nan, arm="b"),
            make.row(0, x=1, arm="b"),
            make.row(0, x=2, arm="a"),
        ],
    )
    baseline = make.profile(spec, [make.row(0, x=None)] + [make.row(0, x=1)] * 9)

    (row,) = take("missing-rate", current, baseline)

    assert (row["value"], row["n"], row["reference"]) == (0.5, 4, 0.1)
    assert (row["test"], row["a"], row["b"], row["c"]) == ("proportion", 2, 1, 10)


def test_a_window_without_the_field_is_unknown_and_says_so(make, take):
    spec = make.spec(make.field("x"), make.field("y"))
    current = make.profile(spec, [make.row(0, x=1, y=2), make.row(1, x=1)])

    rows = take("missing-rate", current, hours=(0, 1, 2))

    assert [(r["field"], r["value"], r["why"]) for r in rows] == [
        ("x", 0, None),
        ("x", 0, None),
        ("x", None, "no rows"),
        ("y", 0, None),
        ("y", None, "the field is not in these logs"),
        ("y", None, "no rows"),
    ]
    assert {r["reference"] for r in rows} == {None}


def test_a_field_that_the_baseline_lacks_has_no_reference(make, take):
    spec = make.spec(make.field("x"), make.field("y"))
    current = make.profile(spec, [make.row(0, x=1, y=2)])
    baseline = make.profile(spec, [make.row(0, x=1)])

    x, y = take("missing-rate", current, baseline)

    assert (x["reference"], x["c"]) == (0, 1)
    assert (y["reference"], y["b"], y["c"]) == (None, None, None)


def test_the_output_is_no_feature(make, take):
    spec = make.spec(make.field("x"), make.field("prediction", role="prediction"))
    current = make.profile(spec, [make.row(0, x=1, prediction=2)])

    assert column(take("missing-rate", current), "field") == ["x"]


def test_infinite_rate_is_of_the_numbers(make, take):
    spec = make.spec(make.field("x"), make.field("c", "category"))
    current = make.profile(
        spec, [make.row(0, x=v, c="a") for v in (math.inf, -math.inf, 1, 2, 3, None, math.nan, 5)]
    )

    (row,) = take("infinite-rate", current)

    assert (row["value"], row["n"], row["a"]) == (2 / 6, 6, 2)


def test_empty_rate_is_of_the_texts_that_are_there(make, take):
    spec = make.spec(make.field("c", "category"), make.field("x"))
    current = make.profile(spec, [make.row(0, c=v, x=1) for v in ("", "a", None, "b", "c")])

    (row,) = take("empty-rate", current)

    assert (row["field"], row["value"], row["n"]) == ("c", 0.25, 4)


def test_text_length_is_the_mean_with_its_interval_and_deviate(make, take):
    spec = make.spec(make.field("t", "text", stride=1))
    current = make.profile(spec, [make.row(0, t="x" * n) for n in (10, 14)])
    baseline = make.profile(spec, [make.row(0, t="x" * n) for n in (4, 8)])

    (row,) = take("text-length", current, baseline)

    # Means 12 and 6, variances 4 and 4: z = 6 / sqrt(4 / 2 + 4 / 2) = 3.
    assert (row["value"], row["reference"], row["n"], row["test"]) == (12, 6, 2, "z")
    assert row["a"] == pytest.approx(3)
    assert row["size"] == 12
    assert (row["low"], row["high"]) == pytest.approx((12 - 1.959964 * 2**0.5, 12 + 1.959964 * 2**0.5))


def test_a_mean_that_moves_less_than_a_tenth_of_the_spread_has_not_moved(make, take):
    spec = make.spec(make.field("score", role="score"))
    base = [make.row(0, score=s) for s in (-1.0, 1.0)] * 500
    near = [make.row(0, score=s + 0.09) for s in (-1.0, 1.0)] * 500
    far = [make.row(0, score=s + 0.11) for s in (-1.0, 1.0)] * 500

    def sizes(current):
        (row,) = take("score-mean", make.profile(spec, current), make.profile(spec, base))
        return row["size"] - row["reference"]

    assert sizes(near) == 0
    assert sizes(far) == pytest.approx(0.11)


def test_out_of_range_counts_beyond_both_ends_of_the_baseline(make, take):
    spec = make.spec(make.field("x"))
    baseline = make.profile(spec, [make.row(0, x=v) for v in range(1, 101)])
    values = [-999] * 20 + [1e9] * 10 + [100.2] * 30 + [50] * 40 + [math.inf, None]
    current = make.profile(spec, [make.row(0, x=v) for v in values])

    (row,) = take("out-of-range", current, baseline)

    # 100.2 lies in the cell that holds the baseline's 100: inside.
    assert (row["value"], row["size"], row["n"]) == (0.3, 0.3, 100)
    assert (row["a"], row["b"], row["c"], row["reference"]) == (30, 0, 100, 0)


def test_out_of_range_by_chance_is_no_size(make, take):
    spec = make.spec(make.field("x"))
    baseline = make.profile(spec, [make.row(0, x=v) for v in range(1, 101)])
    current = make.profile(spec, [make.row(0, x=v) for v in [200] * 5 + [50] * 95])

    (row,) = take("out-of-range", current, baseline)

    # Five of 200 exchangeable rows lie all in one half with 6 * 2^-5.
    assert (row["value"], row["size"]) == (0.05, 0)


def test_top_share_grows_where_values_are_clipped(make, take):
    spec = make.spec(make.field("x"))
    baseline = make.profile(spec, [make.row(0, x=2.0**v) for v in range(50)] * 4)
    current = make.profile(spec, [make.row(0, x=2.0 ** min(v, 30)) for v in range(50)] * 4)

    (row,) = take("top-share", current, baseline)

    assert (row["value"], row["reference"], row["size"]) == (20 / 50, 1 / 50, 20 / 50)
    assert (row["a"], row["n"], row["b"], row["c"]) == (80, 200, 4, 200)


def test_top_share_of_a_small_window_is_no_more_than_the_baselines(make, take):
    spec = make.spec(make.field("x"))
    baseline = make.profile(spec, [make.row(0, x=2.0**v) for v in range(50)] * 4)
    current = make.profile(spec, [make.row(0, x=2.0**v) for v in (1, 1, 1, 2, 3, 4, 5, 6)])

    (row,) = take("top-share", current, baseline)

    assert (row["value"], row["size"]) == (3 / 8, 1 / 50)


def test_unseen_rate_counts_new_categories(make, take):
    spec = make.spec(make.field("c", "category"))
    baseline = make.profile(spec, [make.row(0, c=c) for c in "ab" * 500])
    current = make.profile(spec, [make.row(0, c=c) for c in "ab" * 45 + "z" * 10])

    (row,) = take("unseen-rate", current, baseline)

    assert (row["value"], row["n"], row["a"], row["c"]) == (0.1, 100, 10, 1000)
    assert row["size"] == pytest.approx(0.1, abs=1e-9)


def test_rare_categories_that_are_new_by_chance_have_no_size(make, take):
    spec = make.spec(make.field("c", "category"))
    baseline = make.profile(spec, [make.row(0, c=f"v{i}") for i in range(200)])
    current = make.profile(spec, [make.row(0, c=f"v{i}") for i in range(100, 300)])

    (row,) = take("unseen-rate", current, baseline)

    assert (row["value"], row["size"]) == (0.5, 0)


def test_a_category_that_the_baseline_may_have_cut_off_is_not_called_unseen(make, take):
    spec = make.spec(make.field("c", "category"))
    base = [make.row(0, c="a")] * 80 + [make.row(0, c="b")] * 15 + [make.row(0, c="c")] * 5
    current = make.profile(spec, [make.row(0, c=c) for c in "a" * 90 + "c" * 4 + "z" * 6])

    (cut,) = take("unseen-rate", current, make.profile(spec, base, cap=2))
    (whole,) = take("unseen-rate", current, make.profile(spec, base))

    # Beyond the cap lie 5 rows of one value at most: z, 6 of 100, is more than that; c, 4 of 100, is not.
    assert (whole["a"], whole["note"]) == (6, None)
    assert (cut["a"], cut["note"]) == (6, "values beyond the cap of a file are not looked at")


def test_duplicate_rate_is_the_share_of_rows_that_repeat_an_id(make, take):
    spec = make.spec(make.field("request_id", "id", "request_id"))
    current = make.profile(
        spec, [make.row(0, request_id=str(i), arm=a) for i, a in ((1, "a"), (1, "b"), (2, "a"), (3, "b"))]
    )
    baseline = make.profile(spec, [make.row(0, request_id=str(i)) for i in range(5)])

    (row,) = take("duplicate-rate", current, baseline)

    assert (row["value"], row["a"], row["n"], row["b"], row["c"]) == (0.25, 1, 4, 0, 5)
    assert (row["field"], row["note"]) == ("", None)


def test_duplicate_rate_of_many_ids_is_from_a_sample(make, take):
    spec = make.spec(make.field("request_id", "id", "request_id"))
    rows = [make.row(0, request_id=str(i), arm=arm) for i in range(3000) for arm in "ab"]

    (row,) = take("duplicate-rate", make.profile(spec, rows))

    assert (row["value"], row["n"]) == (0.5, 4096)
    assert row["note"] == "from a sample of 2048 ids"


def test_bad_times_are_those_that_are_missing_too_old_or_to_come(make, take):
    spec = make.spec(make.field("x"))
    rows = [make.row(h, x=1) for h in (0, 0, 0, 1, 1, 1)]
    rows += [make.row(0, x=1, time=None), make.row(50, x=1), make.row(-473_000 + 5, x=1)]
    current = make.profile(spec, rows)

    (row,) = take("bad-time-rate", current, hours=(0, 1))

    assert (row["value"], row["a"], row["n"]) == (3 / 9, 3, 9)
    assert row["window"] == make.START + make.HOUR


def test_rows_without_any_time_have_no_bad_ones(make, take):
    spec = make.spec(make.field("x"))

    (row,) = take("bad-time-rate", make.profile(spec, [make.row(0, x=1, time=None)]))

    assert (row["value"], row["why"]) == (None, "the rows have no times")


def test_the_same_column_of_two_kinds_is_told_apart(make, take):
    spec = make.spec(
        make.field("status", role="status"),
        make.field("status", role="status", kind="requests"),
        kinds=("predictions", "requests"),
    )
    current = make.profile(spec, [make.row(0, status=200), make.row(0, kind="requests", status=200)])

    assert column(take("type-change", current), "field") == ["status", "requests.status"]
