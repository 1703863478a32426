"""Kind and columns of a log, recognised from names, types and a few rows."""

from datetime import datetime

import polars as pl
import pytest

from mlops_cli.errors import UsageError
from mlops_cli.logs.roles import hint_of, recognise

NOW = datetime(2026, 1, 3, 10)
ANSWERED = {"id": ["a"], "ts": [NOW], "colour": ["red"], "size": [3.5], "y_pred": [1], "proba": [0.8]}


def frame(**columns) -> pl.DataFrame:
    return pl.DataFrame(
        {name: value if isinstance(value, list) else [value] for name, value in columns.items()}
    )


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("predictions", {"request_id": "a", "timestamp": NOW, "amount": 1.0, "prediction": True, "score": 0.5}),
        ("predictions", {"request_id": "a", "timestamp": NOW, "amount": 1.0}),
        ("predictions", {"amount": 1.0, "colour": "red", "label": 1}),
        ("predictions", {"request_id": "a", "prediction": 1, "status": 200, "latency_ms": 3.0}),
        ("feedback", {"flight_id": "a", "event_time": NOW, "label": 0, "label_time": NOW}),
        ("feedback", {"request_id": "a", "user_action": "redo"}),
        ("decisions", {"request_id": "a", "rater": "bob", "decision": True, "confidence": 0.5, "seconds": 3.0}),
        ("requests", {"request_id": "a", "timestamp": NOW, "path": "/", "status": 200, "latency_ms": 3.0}),
        ("requests", {"msec": 1795441090.5, "status": 200, "request_time": 0.1, "method": "GET", "user_agent": "x"}),
        ("spans", {"trace_id": "a", "component": "score", "parent": None, "timestamp": NOW, "latency_ms": 3.0, "status": 200}),
        ("gauges", {"timestamp": NOW, "host": "a", "metric": "load", "value": 0.5}),
    ],
)  # fmt: skip
def test_the_kind_follows_from_the_columns(kind, columns):
    assert kind == recognise(frame(**columns)).kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("logs/labels/2026-01.jsonl", "feedback"),
        ("labels.jsonl.gz", "feedback"),
        ("nginx/access.log", "requests"),
        ("host-metrics/2026.csv", "gauges"),
        ("predictions/spans/x.parquet", "spans"),
        ("some/where.csv", ""),
    ],
)
def test_the_folder_hints_at_the_kind(path, kind):
    assert kind == hint_of(path)


def test_a_hint_decides_only_where_the_columns_agree():
    access = frame(request_id="a", status=200, latency_ms=3.0, region_code="x")

    assert recognise(access).kind == "predictions"
    assert recognise(access, hint="requests").kind == "requests"
    assert recognise(access, hint="gauges").kind == "predictions"


def test_names_of_other_writers_are_recognised_and_said():
    roles = recognise(pl.DataFrame(ANSWERED))

    assert roles.columns == {
        "request_id": "id",
        "timestamp": "ts",
        "prediction": "y_pred",
        "score": "proba",
        "features.colour": "colour",
        "features.size": "size",
    }
    assert "y_pred is read as prediction" in roles.notes
    assert recognise(frame(request_id="a", timestamp=NOW, prediction=1)).notes == ()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("latency_ms", "latency_ms"),
        ("duration", "duration"),
        ("request_time", '= "request_time" * 1000'),
        ("latency_us", '= "latency_us" * 0.001'),
        ("duration_ns", '= "duration_ns" * 1e-06'),
    ],
)
def test_durations_become_milliseconds(name, source):
    roles = recognise(frame(request_id="a", prediction=1, **{name: 3.0}))

    assert source == roles.columns["latency_ms"]
    assert (name == "latency_ms") == (not roles.notes)


def test_a_name_alone_is_not_enough():
    # A car's model has hundreds of values, this time is a text of another kind, this score is a word.
    many = pl.DataFrame(
        {"model": [f"m{i}" for i in range(100)], "time": ["morning"] * 100, "score": ["high"] * 100}
    )
    roles = recognise(many)

    assert set(roles.columns) == {"features.model", "features.time", "features.score"}


def test_the_only_time_is_the_timestamp():
    assert recognise(frame(moment=NOW, x=1.0, prediction=1)).columns["timestamp"] == "moment"
    assert "timestamp" not in recognise(frame(one=NOW, two=NOW, prediction=1)).columns


def test_nested_records_are_recognised_by_their_boxes():
    nested = pl.DataFrame(
        [
            {
                "request_id": "a",
                "model": {"name": "m", "version": "2"},
                "features": {"label": "x", "amount": 1.0},
                "prediction": {"label": True, "score": 0.5},
                "meta": {"pod": "p-1"},
            }
        ]
    )
    expected = {
        "request_id": "request_id",
        "model": "model.name",
        "model_version": "model.version",
        "prediction": "prediction.label",
        "score": "prediction.score",
        "features.label": "features.label",
        "features.amount": "features.amount",
    }

    assert expected == recognise(nested).columns
    # As JSON lines have it: flat, with dots in the names.
    flat = pl.DataFrame({s: ["x"] for s in expected.values()}).with_columns(
        pl.lit(0.5).alias("prediction.score")
    )
    assert expected == recognise(flat).columns


def test_probabilities_of_classes_give_the_score():
    roles = recognise(frame(y_pred="a", proba_a=0.7, proba_b=0.3, x=1.0))

    assert roles.columns["score"] == '= GREATEST("proba_a", "proba_b")'
    assert [n for n in roles.columns if n.startswith("features.")] == ["features.x"]


def test_a_label_and_a_persons_decision_within_a_prediction_are_split_off():
    roles = recognise(
        frame(
            request_id="a", row=0, x=1.0, prediction=1, label=1, user_action="redo", rater="bob", decision=0
        )
    )

    assert roles.kind == "predictions"
    assert roles.split["feedback"] == {
        "request_id": "request_id",
        "row": "row",
        "label": "label",
        "user_action": "user_action",
    }
    assert roles.split["decisions"] == {
        "request_id": "request_id",
        "row": "row",
        "rater": "rater",
        "decision": "decision",
    }
    assert [n for n in roles.columns if n.startswith("features.")] == ["features.x"]


def test_the_users_map_wins():
    given = {
        "prediction": "late",
        "latency_ms": "= took * 1000",
        "timestamp": "when_served",
        "request_id": "",
    }
    sample = frame(id="a", ts=NOW, when_served=NOW, late=True, y_pred=1, took=0.1, x=1.0)
    roles = recognise(sample, given=given)

    assert {n: roles.columns[n] for n in ("prediction", "latency_ms", "timestamp")} == {
        n: given[n] for n in ("prediction", "latency_ms", "timestamp")
    }
    assert "request_id" not in roles.columns
    assert [n for n in roles.columns if n.startswith("features.")] == [
        "features.id",
        "features.ts",
        "features.y_pred",
        "features.x",
    ]


def test_features_can_be_listed_or_left_out():
    sample = frame(prediction=1, a=1.0, b=2.0, raw_c="x")

    assert set(recognise(sample, given={"features": ["a"]}).columns) == {"prediction", "features.a"}
    assert set(recognise(sample, given={"features": {"exclude": ["raw_*"]}}).columns) == {
        "prediction",
        "features.a",
        "features.b",
    }
    assert recognise(sample, given={"features": {"amount": "a"}}).columns == {
        "features.amount": "a",
        "prediction": "prediction",
    }
    assert recognise(sample, given={"score": {"x": "a", "y": "b"}}).columns["score"] == '= GREATEST("a", "b")'


def test_an_unknown_role_is_an_error_with_the_nearest():
    with pytest.raises(UsageError, match="timestmp") as caught:
        recognise(frame(a=1), given={"timestmp": "a"})

    assert "'timestamp'" in caught.value.do


def test_nothing_known_is_said():
    assert not recognise(frame(colour="red", size=3.0)).known
    assert recognise(frame(colour="red", prediction=3.0)).known


def test_row_numbers_that_pandas_writes_are_no_feature():
    assert set(recognise(frame(__index_level_0__=7, prediction=1)).columns) == {"prediction"}
