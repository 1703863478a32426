"""Counts of joined logs against loops over the rows."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mlops_cli.config.settings import Settings
from mlops_cli.logs.format import LogFile, Part
from mlops_cli.metrics import metric
from mlops_cli.profile import pairs as module
from mlops_cli.profile.pairs import COUNTS, NAMES, Pairs, pairs
from mlops_cli.profile.spec import WindowSpec

TIME = pl.Datetime("us", "UTC")
START = datetime(2026, 1, 3, 23, 50, tzinfo=UTC)
DAYS = WindowSpec(86_400)
SETTINGS = Settings()
TYPES = {"timestamp": TIME, "label_time": TIME, "status": pl.Int16, "row": pl.UInt32}
CANONICAL = {
    *TYPES,
    "request_id",
    "trace_id",
    "variant",
    "model",
    "model_version",
    "user_id",
    "label",
    "user_action",
    "error",
}


def at(minutes: float | None) -> datetime | None:
    return None if minutes is None else START + timedelta(minutes=minutes)


def part(folder: Path, name: str, kind: str, rows: list[dict], *, model: str = "") -> Part:
    frame = pl.DataFrame(rows, schema={n: TYPES.get(n, pl.String) for n in rows[0]})
    path = folder / f"{name}.parquet"
    frame.write_parquet(path)
    columns = {(n if n in CANONICAL else f"features.{n}"): n for n in frame.columns}
    source = LogFile(str(path), name, "parquet", kind, 0, name, model=model)
    return Part(str(path), kind, columns, f"print-{name}", frame.height, None, None, source)


def rows_of(frame: pl.DataFrame) -> list[tuple]:
    return frame.select("window", "arm", "field", "n", "k").rows()


def equal(one: Pairs, other: Pairs) -> bool:
    for name in one.counts:
        assert_frame_equal(one.counts[name], other.counts[name])
    return (set(one.counts), one.unavailable, one.notes) == (
        set(other.counts),
        other.unavailable,
        other.notes,
    )


def us(moment: datetime) -> int:
    return round(moment.timestamp()) * 1_000_000


ARMS = st.sampled_from(["stable", "canary"])
LOGGED = st.lists(
    st.tuples(st.sampled_from([0, 3, 9, 12, 15, 40]), st.sampled_from("uv"), ARMS), min_size=1, max_size=15
)
GIVEN = st.lists(st.sampled_from([None, "accept", "redo", " Redo", ""]), min_size=15, max_size=15)


@hypothesis_settings(max_examples=50, deadline=None)
@given(logged=LOGGED, given_back=GIVEN, cut=st.integers(1, 14), partitions=st.sampled_from([1, 4]))
def test_a_prediction_counts_as_redone_once_whether_repeated_or_sent_back(
    logged, given_back, cut, partitions
):
    predicted = [
        {"request_id": f"r{i}", "timestamp": at(t), "user_id": u, "variant": v, "colour": "red"}
        for i, (t, u, v) in enumerate(logged)
    ]
    back = [{"request_id": f"r{i}", "user_action": a} for i, a in enumerate(given_back[: len(logged)])]
    n, k, actions = Counter(), Counter(), Counter()
    for p, b in zip(predicted, back, strict=True):
        day = us(p["timestamp"].replace(hour=0, minute=0))
        key = (day, p["variant"])
        action = (b["user_action"] or "").strip().lower()
        n[key] += 1
        actions[*key, action] += bool(action)
        k[key] += action == "redo" or any(
            q["user_id"] == p["user_id"]
            and timedelta() < p["timestamp"] - q["timestamp"] <= timedelta(minutes=10)
            for q in predicted
        )
    with TemporaryDirectory() as name:
        parts = [
            part(Path(name), f"p{i}", "predictions", some)
            for i, some in enumerate((predicted[:cut], predicted[cut:]))
            if some
        ]
        parts.append(part(Path(name), "a", "feedback", back))
        found = pairs(parts[::-1], DAYS, SETTINGS, None, partitions)

    assert [(*key, "", n[key], k[key]) for key in sorted(n)] == rows_of(found.counts["redo"])
    seen = {a for (*_, a), count in actions.items() if count}
    expected = []
    for key in sorted(n):
        total = sum(actions[*key, a] for a in seen)
        expected += [(*key, a, total, actions[*key, a]) for a in sorted(seen) if total]
    assert expected == (rows_of(found.counts["actions"]) if seen else [])


@pytest.fixture
def logs(tmp_path) -> list[Part]:
    """Two days: r0 … r5 before midnight, r6 … r9 after; r9 has a twin."""
    predicted = [
        {
            "request_id": f"r{i}",
            "timestamp": at(i if i < 6 else i + 10),
            "variant": "canary" if i % 2 else "stable",
        }
        for i in range(10)
    ]
    labels = [{"request_id": f"r{i}", "label": "yes", "label_time": at(60 + i)} for i in (0, 1, 1, 2, 7, 77)]
    asked = [
        {"request_id": f"r{i}", "timestamp": at(i if i < 6 else i + 10), "variant": "stable", "status": s}
        for i, s in enumerate([200] * 9 + [500, 500, 422, 200, None])
    ]
    return [
        part(tmp_path, "p1", "predictions", predicted[:6]),
        part(tmp_path, "p2", "predictions", [*predicted[6:], predicted[9]]),
        part(tmp_path, "labels", "feedback", labels),
        part(tmp_path, "access", "requests", asked),
    ]


def test_labels_and_records_are_counted_in_the_window_of_the_prediction_and_of_the_request(logs):
    found = pairs(logs, DAYS, SETTINGS)
    first, second = us(datetime(2026, 1, 3, tzinfo=UTC)), us(datetime(2026, 1, 4, tzinfo=UTC))

    assert [
        (first, "canary", "", 3, 1),
        (first, "stable", "", 3, 2),
        (second, "canary", "", 2, 1),
        (second, "stable", "", 2, 0),
    ] == rows_of(found.counts["labels"])
    # r9 failed and has a record, r10 and r11 failed: errors. r12 and r13 were answered and not logged.
    assert [(first, "stable", "", 6, 6), (second, "stable", "", 5, 3)] == rows_of(
        found.counts["completeness"]
    )


def test_what_was_repeated_orphaned_lost_or_failed_is_said_in_numbers(logs):
    notes = "\n".join(pairs(logs, DAYS, SETTINGS).notes)

    assert "repeat an id and row (each prediction counts once): 1" in notes
    assert "replaced by a later one for the same prediction: 1" in notes
    assert "orphans among 5 ids of feedback (these logs hold no such prediction): 1" in notes
    assert (
        "2 of 11 successful requests have no prediction record (lost logging); 2 failed ones have none"
        in notes
    )


def test_neither_partitions_nor_the_order_of_files_change_a_count(logs):
    expected = pairs(logs, DAYS, SETTINGS)

    assert equal(expected, pairs(logs[::-1], DAYS, SETTINGS, None, 4))
    assert equal(expected, pairs([*logs[2:], *logs[:2]], DAYS, SETTINGS, None, 7))


def test_a_second_run_reads_no_log(logs, tmp_path):
    expected = pairs(logs, DAYS, SETTINGS, tmp_path / "cache")
    for one in logs:
        Path(one.path).unlink()

    assert equal(expected, pairs(logs[::-1], DAYS, SETTINGS, tmp_path / "cache"))
    assert len(NAMES) == len(list((tmp_path / "cache").iterdir()))


@pytest.mark.parametrize("change", ["fingerprint", "columns", "window", "within", "zone"])
def test_counts_of_other_logs_windows_or_settings_are_not_taken_from_the_cache(logs, change):
    def key(parts: list[Part], window: WindowSpec = DAYS, within: int = 600) -> str:
        return module._key(parts, window, within)

    first = logs[0].__dict__
    others = {
        "fingerprint": lambda: key([Part(**{**first, "fingerprint": "new"}), *logs[1:]]),
        "columns": lambda: key([Part(**{**first, "columns": {}}), *logs[1:]]),
        "window": lambda: key(logs, WindowSpec(3_600)),
        "zone": lambda: key(logs, WindowSpec(86_400, "Asia/Tokyo")),
        "within": lambda: key(logs, DAYS, 60),
    }

    assert key(logs) == key(logs[::-1])
    assert key(logs) != others[change]()


@pytest.mark.parametrize("damage", [b"", b"PAR1 and no more", None])
def test_a_torn_or_missing_file_of_the_cache_is_counted_again(logs, tmp_path, damage):
    cache = tmp_path / "cache"
    expected = pairs(logs, DAYS, SETTINGS, cache)
    victim = sorted(cache.iterdir())[1]
    whole = victim.read_bytes()
    victim.unlink()
    if damage is not None:
        victim.write_bytes(damage)

    assert equal(expected, pairs(logs, DAYS, SETTINGS, cache))
    assert whole == victim.read_bytes()


def test_the_time_to_ask_again_is_the_one_that_is_set(tmp_path):
    rows = [
        {"request_id": f"r{i}", "timestamp": at(20 * i), "user_id": "u", "colour": "red"} for i in range(3)
    ]
    parts = [part(tmp_path, "p", "predictions", rows)]
    longer = Settings(metrics={"output": {"redo-rate": {"within": "20min"}}})

    assert [pairs(parts, WindowSpec(0), s).counts["redo"]["k"].sum() for s in (SETTINGS, longer)] == [0, 2]


def test_windows_are_those_of_the_spec_where_clocks_change_and_where_a_time_is_absurd(tmp_path):
    zone = ZoneInfo("Europe/Berlin")
    moments = [
        datetime(2026, 3, d, h, 30, tzinfo=zone).astimezone(UTC) for d in (28, 29, 30) for h in (0, 3, 23)
    ]
    moments += [datetime(2026, 3, 29, 22, tzinfo=UTC)]  # midnight in Berlin
    moments += [datetime(1900, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)]
    predicted = [{"request_id": f"r{i}", "timestamp": m} for i, m in enumerate(moments)]
    labels = [{"request_id": f"r{i}", "label": "x"} for i in range(len(moments))]
    parts = [part(tmp_path, "p", "predictions", predicted), part(tmp_path, "f", "feedback", labels)]

    for window in (
        WindowSpec(86_400, "Europe/Berlin"),
        WindowSpec(7 * 86_400, "Europe/Berlin"),
        WindowSpec(600),
    ):
        found = pairs(parts, window, SETTINGS)
        expected = Counter(window.start_of(us(m)) for m in moments[:-1])

        assert sorted(expected.items()) == found.counts["labels"].select("window", "n").rows()
        assert "predictions without a time, in no window: 1" in found.notes


def test_a_whole_log_is_window_0_even_without_times(tmp_path):
    parts = [
        part(tmp_path, "p", "predictions", [{"request_id": "a"}, {"request_id": "b"}]),
        part(tmp_path, "f", "feedback", [{"request_id": "a", "label": "x"}]),
    ]

    assert rows_of(pairs(parts, WindowSpec(0), SETTINGS).counts["labels"]) == [(0, "", "", 2, 1)]
    assert pairs(parts, DAYS, SETTINGS).unavailable["labels"] == "no prediction has a time"


def test_the_arm_is_the_variant_else_the_version_and_the_model_else_that_of_the_folder(tmp_path):
    rows = [
        {"request_id": "a", "variant": "canary", "model_version": "2", "model": None},
        {"request_id": "b", "variant": None, "model_version": "1", "model": "other"},
        {"request_id": "c", "variant": None, "model_version": None, "model": "other"},
    ]
    parts = [
        part(tmp_path, "p", "predictions", rows, model="churn"),
        part(tmp_path, "f", "feedback", [{"request_id": i, "label": "x"} for i in "abc"]),
    ]

    found = pairs(parts, WindowSpec(0), SETTINGS).counts["labels"]

    assert found.select("model", "arm").rows() == [("churn", "canary"), ("other", ""), ("other", "1")]


def test_a_repeated_record_is_no_second_prediction_nor_a_second_question(tmp_path):
    twice = {"request_id": "a", "timestamp": at(0), "user_id": "u", "colour": "red"}
    other = {"request_id": "b", "timestamp": at(1), "user_id": "u", "colour": "blue"}
    parts = [
        part(tmp_path, "p1", "predictions", [twice]),
        part(
            tmp_path,
            "p2",
            "predictions",
            [{**twice, "timestamp": at(1)}, other, {**twice, "timestamp": at(2), "colour": "blue"}],
        ),
        part(tmp_path, "f", "feedback", [{"request_id": "a", "user_action": "accept"}]),
    ]

    assert rows_of(pairs(parts, WindowSpec(0), SETTINGS).counts["redo"]) == [(0, "", "", 2, 0)]


def test_a_question_repeated_in_one_file_and_sent_back_in_another_counts_once(tmp_path):
    # The first file tells no user: files are still numbered alike in both joins.
    parts = [
        part(tmp_path, "p0", "predictions", [{"request_id": "z", "timestamp": at(0)}]),
        part(
            tmp_path,
            "p1",
            "predictions",
            [{"request_id": "a", "timestamp": at(0), "user_id": "u", "colour": "x"}],
        ),
        part(
            tmp_path,
            "p2",
            "predictions",
            [{"request_id": "b", "timestamp": at(1), "user_id": "u", "colour": "x"}],
        ),
        part(tmp_path, "f", "feedback", [{"request_id": "b", "user_action": "redo"}]),
    ]

    assert rows_of(pairs(parts, WindowSpec(0), SETTINGS).counts["redo"]) == [(0, "", "", 3, 1)]


PREDICTION = {"request_id": "a", "timestamp": at(0)}
BACK = {"request_id": "a", "user_action": "redo", "label": "x"}


@pytest.mark.parametrize(
    ("files", "name", "why"),
    [
        ({"feedback": BACK}, "redo", "there is no log of predictions"),
        ({"predictions": PREDICTION}, "redo", "no user_id and no user_action"),
        ({"predictions": {**PREDICTION, "user_id": "u"}}, "redo", "user_id is there, but no time or neither item nor features"),
        ({"predictions": {**PREDICTION, "user_id": None, "f": "x"}}, "redo", "no prediction has both a user_id and a time"),
        ({"predictions": PREDICTION}, "labels", "there is no label in these logs"),
        ({"predictions": PREDICTION, "feedback": {"label": "x"}}, "labels", "the feedback and the predictions share no request_id or trace_id"),
        ({"predictions": PREDICTION, "feedback": {**BACK, "request_id": "b"}}, "labels", "none of the 1 ids of the feedback is among those of the predictions"),
        ({"predictions": PREDICTION, "feedback": {**BACK, "user_action": None}}, "actions", "no prediction has a user_action"),
        ({"predictions": PREDICTION}, "completeness", "there is no access log (requests)"),
        ({"predictions": PREDICTION, "requests": {"status": 200}}, "completeness", "the access log and the predictions share no request_id or trace_id"),
        ({"predictions": PREDICTION, "requests": {**PREDICTION, "request_id": "b"}}, "completeness", "none of the 1 ids of the access log is among those of the predictions"),
        ({"predictions": PREDICTION, "requests": {**PREDICTION, "request_id": "-"}}, "completeness", "no request has an id"),
        ({"predictions": {**PREDICTION, "request_id": None}, "requests": PREDICTION}, "completeness", "no prediction has an id"),
        ({"predictions": PREDICTION, "requests": {**PREDICTION, "timestamp": None}}, "completeness", "no successful request has a time"),
    ],
)  # fmt: skip
def test_what_these_logs_cannot_give_is_named_with_its_reason(tmp_path, files, name, why):
    found = pairs([part(tmp_path, kind, kind, [row]) for kind, row in files.items()], DAYS, SETTINGS)

    assert name not in found.counts
    assert why == found.unavailable[name]


def test_users_tell_of_repeats_where_the_feedback_cannot_be_joined(tmp_path):
    rows = [{"request_id": i, "timestamp": at(m), "user_id": "u", "colour": "x"} for m, i in enumerate("ab")]
    parts = [
        part(tmp_path, "p", "predictions", rows),
        part(tmp_path, "f", "feedback", [{"request_id": "?", "user_action": "redo"}]),
    ]

    found = pairs(parts, WindowSpec(0), SETTINGS)

    assert rows_of(found.counts["redo"]) == [(0, "", "", 2, 1)]
    assert "actions" in found.unavailable


def test_of_endless_actions_the_most_frequent_are_listed(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ACTIONS", 2)
    given_back = ["accept", "accept", "edit", "edit", "because it rained"]
    parts = [
        part(tmp_path, "p", "predictions", [{"request_id": f"r{i}"} for i in range(5)]),
        part(
            tmp_path,
            "f",
            "feedback",
            [{"request_id": f"r{i}", "user_action": a} for i, a in enumerate(given_back)],
        ),
    ]

    found = pairs(parts, WindowSpec(0), SETTINGS)

    assert rows_of(found.counts["actions"]) == [(0, "", "accept", 5, 2), (0, "", "edit", 5, 2)]
    assert "user actions that are rarer than the first 2, not listed: 1" in found.notes


def test_metrics_and_counts_agree_on_the_columns(logs):
    assert metric.COUNTS == COUNTS
    assert all(frame.schema == pl.Schema(COUNTS) for frame in pairs(logs, DAYS, SETTINGS).counts.values())
