import math

import pytest


def predictions(make, values, hour=0, **how):
    return [make.row(hour, prediction=v, **how) for v in values]


@pytest.fixture
def words(make):
    return make.spec(make.field("prediction", "category", "prediction"))


@pytest.fixture
def numbers(make):
    return make.spec(make.field("prediction", "number", "prediction"))


def test_null_rate_counts_predictions_that_are_no_answer(make, take, words, numbers):
    (text,) = take("null-rate", make.profile(words, predictions(make, ["a", None, "b", "c"])))
    (number,) = take("null-rate", make.profile(numbers, predictions(make, [1.0, math.nan, math.inf, None])))

    assert (text["value"], text["n"], text["field"], text["group"]) == (0.25, 4, "prediction", "output")
    assert number["value"] == 0.75


def test_null_rate_is_of_the_score_where_no_prediction_is_logged(make, take):
    spec = make.spec(make.field("score", role="score"))

    (row,) = take("null-rate", make.profile(spec, [make.row(0, score=s) for s in (0.1, None)]))

    assert (row["field"], row["value"]) == ("score", 0.5)


def test_constant_output_is_one_and_its_evidence_is_against_the_baseline(make, take, words):
    current = make.profile(words, predictions(make, ["no"] * 100))
    varied = make.profile(words, predictions(make, ["no"] * 49 + ["yes"] * 49))
    nearly = make.profile(words, predictions(make, ["no"] * 998))

    (clear,) = take("constant-output", current, varied)
    (usual,) = take("constant-output", current, nearly)
    (alone,) = take("constant-output", current)

    # Twice 100 ln(1 / p), p = (49 + 1) / (98 + 2) and (998 + 1) / (998 + 2).
    assert (clear["value"], clear["test"], clear["b"]) == (1, "chi2", 1)
    assert clear["a"] == pytest.approx(200 * math.log(2))
    assert usual["a"] == pytest.approx(200 * math.log(1000 / 999))
    assert alone["a"] == pytest.approx(200 * math.log(2))


def test_constant_output_is_below_one_where_outputs_vary(make, take, words):
    (row,) = take("constant-output", make.profile(words, predictions(make, ["a", "b", "b", None])))

    assert (row["value"], row["n"]) == (2 / 3, 3)


def test_numbers_within_one_cell_are_not_called_constant(make, take, numbers):
    (blurred,) = take("constant-output", make.profile(numbers, predictions(make, [1.0, 1.001])))
    (constant,) = take("constant-output", make.profile(numbers, predictions(make, [1.0, 1.0])))

    assert (blurred["value"], blurred["why"]) == (
        None,
        "the predictions differ by less than a cell of the histogram",
    )
    assert constant["value"] == 1


def test_score_mean_is_of_the_score_else_of_a_numeric_prediction(make, take, numbers):
    both = make.spec(make.field("prediction", "number", "prediction"), make.field("score", role="score"))

    (score,) = take("score-mean", make.profile(both, [make.row(0, prediction=5.0, score=0.25)]))
    (prediction,) = take("score-mean", make.profile(numbers, predictions(make, [1.0, 2.0])))

    assert (score["field"], score["value"]) == ("score", 0.25)
    assert (prediction["field"], prediction["value"]) == ("prediction", 1.5)


def test_redo_rate_is_of_the_joined_counts_with_the_baseline_from_its_windows(make, take, words):
    profile = make.profile(words, predictions(make, ["a"]))
    counts = {"redo": make.counts([(0, 100, 2), (1, 100, 4), (2, 50, 25)])}

    rows = take(
        "redo-rate",
        profile,
        hours=(0, 1, 2, 3),
        counts=counts,
        baseline_starts=(make.START, make.START + make.HOUR),
    )

    assert [r["value"] for r in rows] == [0.02, 0.04, 0.5, None]
    assert [r["why"] for r in rows] == [None, None, None, "no rows"]
    assert {(r["reference"], r["b"], r["c"]) for r in rows} == {(0.03, 6, 200)}
    assert (rows[2]["a"], rows[2]["n"], rows[2]["test"]) == (25, 50, "proportion")


def test_action_rate_has_a_series_for_each_action(make, take, words):
    profile = make.profile(words, predictions(make, ["a"]))
    counts = {"actions": make.counts([(0, 10, 8, "accept"), (0, 10, 2, "edit")])}

    rows = take("action-rate", profile, counts=counts)

    assert [(r["field"], r["value"]) for r in rows] == [("accept", 0.8), ("edit", 0.2)]


def test_what_the_logs_cannot_give_is_said_once(make, take, words):
    profile = make.profile(words, predictions(make, ["a"]) + predictions(make, ["a"], 1))

    (row,) = take("redo-rate", profile, hours=(0, 1), unavailable={"redo": "no user_id and no user_action"})

    assert (row["value"], row["why"]) == (None, "no user_id and no user_action")
    assert row["window"] == make.START + make.HOUR
