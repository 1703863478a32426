import pytest


@pytest.fixture
def spec(make):
    return make.spec(make.field("x"), make.field("y"), make.field("prediction", "category", "prediction"))


def full(make, hour, **more):
    return make.row(hour, {"x": 1.0, "y": 2.0, "prediction": "a", **more})


def by_field(rows):
    return {(r["field"], (r["window"]) // 3_600_000_000 - 473_000): r for r in rows}


def test_a_number_that_becomes_text_is_a_type_change(make, take, spec):
    text = make.row(1, {"x": "one", "y": 2.0, "prediction": "a"}, arm="another file")
    rows = [full(make, 0)] * 4 + [full(make, 1)] * 2 + [text] * 2

    out = by_field(take("type-change", make.profile(spec, rows), hours=(0, 1, 2)))

    assert out["x", 0]["value"] == 0
    assert (out["x", 1]["value"], out["x", 1]["size"], out["x", 1]["n"]) == (0.5, 0.5, 4)
    assert out["x", 1]["note"].startswith("text, was number")
    assert (out["x", 2]["value"], out["x", 2]["why"]) == (None, "no rows")
    assert out["y", 1]["value"] == 0
    assert out["x", 1]["test"] == ""


def test_types_are_compared_with_the_baselines(make, take, spec):
    current = make.profile(spec, [full(make, 0, x="one")] * 4)
    baseline = make.profile(spec, [full(make, 0)] * 4)

    out = by_field(take("type-change", current, baseline))

    assert (out["x", 0]["value"], out["x", 0]["reference"]) == (1, 0)
    assert out["prediction", 0]["value"] == 0


def test_a_field_that_vanished_is_found_in_the_window_where_it_is_not(make, take, spec):
    without = make.row(1, {"x": 1.0, "prediction": "a"})
    current = make.profile(spec, [full(make, 0)] * 4 + [full(make, 1)] + [without] * 3)

    out = by_field(take("field-vanished", current, hours=(0, 1)))

    assert out["y", 0]["value"] == 0
    assert (out["y", 1]["value"], out["y", 1]["size"], out["y", 1]["n"]) == (0.75, 0.75, 4)
    assert out["x", 1]["value"] == 0


def test_a_field_of_the_baseline_that_is_nowhere_has_vanished_everywhere(make, take, spec):
    current = make.profile(spec, [make.row(0, {"x": 1.0, "prediction": "a"})] * 4)
    baseline = make.profile(spec, [full(make, 0)] * 4)

    assert by_field(take("field-vanished", current, baseline))["y", 0]["size"] == 1


def test_a_rare_optional_field_may_be_absent_from_a_small_file(make, take, spec):
    mostly_null = [full(make, 0, y=None)] * 99 + [full(make, 0)]
    current = make.profile(spec, [make.row(0, {"x": 1.0, "prediction": "a"})] * 4)

    row = by_field(take("field-vanished", current, make.profile(spec, mostly_null)))["y", 0]

    assert (row["value"], row["size"]) == (1, 0)


def test_a_new_column_is_a_series_of_its_own(make, take, spec):
    rows = [full(make, 0)] * 4 + [full(make, 1, extra=1)] * 4
    current = make.profile(spec, rows, new=["extra"])

    out = by_field(take("field-new", current, hours=(0, 1)))

    assert [(key, r["value"]) for key, r in out.items()] == [(("extra", 0), 0), (("extra", 1), 1)]


def test_a_column_that_the_baseline_has_too_is_not_new(make, take, spec):
    current = make.profile(spec, [full(make, 0, extra=1)] * 4, new=["extra"])

    (row,) = take("field-new", current, current)

    assert (row["field"], row["value"]) == ("", 0)


def test_canonical_columns_that_a_reference_file_lacks_are_no_change(make, take, spec):
    current = make.profile(spec, [full(make, 0)] * 4)
    reference = make.profile(spec, [make.row(0, {"x": 1.0})] * 4, whole=True)

    new = take("field-new", current, reference, baseline_windows=0)
    vanished = take("field-vanished", current, reference, baseline_windows=0)

    assert [(r["field"], r["value"]) for r in new] == [("y", 1)]
    assert [(r["field"], r["value"]) for r in vanished] == [("x", 0)]
