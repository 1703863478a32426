import math

import numpy as np
import pytest

from mlops_cli.stats.registry import DRIFT_STATISTICS


def numbers(make, values, hour=0, **how):
    return [make.row(hour, x=float(v), **how) for v in values]


def test_drift_is_zero_between_equal_samples_and_by_the_baselines_deciles_else(make, take):
    spec = make.spec(make.field("x"))
    base = make.profile(spec, numbers(make, range(1, 101)))
    current = make.profile(spec, numbers(make, range(1, 101), 0) + numbers(make, range(200, 300), 1))

    same, other = take("drift", current, base, hours=(0, 1))

    assert same["value"] == pytest.approx(0)
    # Ten bins of 0.1 against all in the last one.
    divergence = (0.9 * math.log2(0.1 / 0.05) + 0.1 * math.log2(0.1 / 0.55) + math.log2(1 / 0.55)) / 2
    assert other["value"] == pytest.approx(math.sqrt(divergence))
    assert 0.8 < other["size"] < other["value"]
    assert (other["n"], other["test"], other["note"], other["group"]) == (
        100,
        "chi2",
        "Jensen-Shannon distance",
        "input",
    )


def test_drift_of_categories_is_the_distance_of_their_shares(make, take):
    spec = make.spec(make.field("c", "category"))
    base = make.profile(spec, [make.row(0, c=c) for c in "a" * 50 + "b" * 50])
    current = make.profile(spec, [make.row(0, c=c) for c in "a" * 100])

    (row,) = take("drift", current, base)

    # P = (1/2, 1/2), Q = (1, 0), M = (3/4, 1/4).
    divergence = (0.5 * math.log2(0.5 / 0.75) + 0.5 * math.log2(0.5 / 0.25) + math.log2(1 / 0.75)) / 2
    assert row["value"] == pytest.approx(math.sqrt(divergence))


def test_drift_of_the_output_belongs_to_the_outputs(make, take):
    spec = make.spec(
        make.field("x"), make.field("prediction", "category", "prediction"), make.field("score", role="score")
    )
    profile = make.profile(spec, [make.row(0, x=1.0, prediction="a", score=0.5)] * 5)

    rows = take("drift", profile, profile)

    assert {r["field"]: r["group"] for r in rows} == {"x": "input", "prediction": "output", "score": "output"}


def test_drift_of_a_field_that_is_not_in_the_baseline_or_empty_says_so(make, take):
    spec = make.spec(make.field("x"), make.field("y"), make.field("z"))
    base = make.profile(spec, [make.row(0, x=1.0, z=None)] * 5)
    current = make.profile(spec, [make.row(0, x=None, y=1.0, z=1.0)] * 5)

    rows = take("drift", current, base, hours=(0, 1))

    assert [(r["field"], r["why"]) for r in rows] == [
        ("x", "0 values that are not missing"),
        ("x", "no rows"),
        ("y", "not in the baseline"),
        ("y", "not in the baseline"),
        ("z", "the baseline holds no value"),
        ("z", "the baseline holds no value"),
    ]
    assert {r["value"] for r in rows} == {None}


def test_a_constant_that_changes_drifts_and_one_that_stays_does_not(make, take):
    spec = make.spec(make.field("x"))
    base = make.profile(spec, numbers(make, [1] * 300))
    current = make.profile(spec, numbers(make, [1] * 300, 0) + numbers(make, [2] * 300, 1))

    stays, changes = take("drift", current, base, hours=(0, 1))

    assert (stays["value"], stays["size"]) == (0, 0)
    assert changes["value"] == 1


def test_ids_are_not_judged_by_their_values(make, take):
    spec = make.spec(make.field("u", "id"))
    profile = make.profile(spec, [make.row(0, u="1")])

    (row,) = take("drift", profile, profile)

    assert row["why"] == "there is no field that it is defined for"


def test_wasserstein_is_in_standard_deviations_of_the_baseline(make, take):
    spec = make.spec(make.field("x", mantissa=16))
    values = np.linspace(100, 200, 401)
    base = make.profile(spec, numbers(make, values))
    current = make.profile(spec, numbers(make, values + 10))

    (row,) = take("drift-wasserstein", current, base)

    assert row["value"] == pytest.approx(10 / values.std(), rel=0.01)
    assert row["test"] == "ks"


def test_wasserstein_from_a_constant_is_not_defined(make, take):
    spec = make.spec(make.field("x"))
    base = make.profile(spec, numbers(make, [0.1] * 300))

    (row,) = take("drift-wasserstein", make.profile(spec, numbers(make, [0.2] * 300)), base)

    assert (row["value"], row["why"]) == (None, "not defined for this baseline")


def test_a_baseline_of_finer_or_coarser_cells_is_brought_to_the_same(make, take):
    fine, coarse = make.spec(make.field("x", mantissa=10)), make.spec(make.field("x", mantissa=5))
    values = np.random.default_rng(1).normal(100, 15, 500)
    current, base = make.profile(fine, numbers(make, values)), make.profile(coarse, numbers(make, values))

    for one, other in ((current, base), (base, current)):
        (row,) = take("drift", one, other)

        assert row["value"] == pytest.approx(0)


def test_words_of_texts_drift_when_the_vocabulary_changes(make, take):
    spec = make.spec(make.field("t", "text", stride=2))
    base = make.profile(spec, [make.row(0, t="the cat sat")] * 400)
    current = make.profile(spec, [make.row(0, t="the cat sat")] * 400 + [make.row(1, t="der Hund lag")] * 400)

    same, other = take("drift", current, base, hours=(0, 1))

    assert same["size"] == 0
    assert (other["value"], other["n"]) == (1, 400)
    assert other["note"] == "Jensen-Shannon distance, words of one text in 2"
    # 600 words a side of 200 texts of three: counted as 600 / sqrt(3).
    assert other["a"] == pytest.approx(2 * 600 / math.sqrt(3))


def test_a_coarse_histogram_is_said(make, take):
    kelvin = np.random.default_rng(1).normal(293, 1, 500)
    coarse, fine = make.spec(make.field("x", mantissa=7)), make.spec(make.field("x", mantissa=13))

    def note(spec):
        profile = make.profile(spec, numbers(make, kelvin))
        return take("drift", profile, profile)[0]["note"]

    assert "which may blur it" in note(coarse)
    assert note(fine) == "Jensen-Shannon distance"


def test_a_baseline_without_a_model_holds_for_every_model(make, take):
    spec = make.spec(make.field("x"))
    base = make.profile(spec, numbers(make, range(1, 101)), whole=True)
    rows = numbers(make, range(1, 101), model="m1", component="a") + numbers(make, [7] * 50, model="m2")

    out = take("drift", make.profile(spec, rows), base, baseline_windows=0)

    assert [(r["model"], r["component"], r["value"] == pytest.approx(0)) for r in out] == [
        ("m1", "a", True),
        ("m2", "", False),
    ]


@pytest.mark.parametrize("name", list(DRIFT_STATISTICS))
def test_every_statistic_is_a_metric_of_its_own(make, take, name):
    spec = make.spec(make.field("x"), make.field("c", "category"))
    base = make.profile(spec, [make.row(0, x=float(i), c="ab"[i % 2]) for i in range(100)])
    current = make.profile(spec, [make.row(0, x=float(i * 2), c="a") for i in range(100)])

    rows = take(f"drift-{name}", current, base)

    assert len(rows) == len(DRIFT_STATISTICS[name].types)
    assert all(r["value"] > 0.1 for r in rows)
