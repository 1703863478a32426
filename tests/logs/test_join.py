"""Joins by hash against joins of the ids as they are, in plain Python."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mlops_cli.logs import join
from mlops_cli.logs.format import LogFile, Part
from mlops_cli.logs.join import Joined, Tally, reasks, shared_id, with_feedback, with_record

TIME = pl.Datetime("us", "UTC")
START = datetime(2026, 1, 3, 23, 50, tzinfo=UTC)
SCHEMA = {
    "request_id": pl.String,
    "trace_id": pl.String,
    "row": pl.UInt32,
    "timestamp": TIME,
    "label": pl.String,
    "label_time": TIME,
    "user_action": pl.String,
    "user_id": pl.String,
    "item": pl.String,
    "status": pl.Int16,
    "variant": pl.String,
}


def at(seconds: float | None) -> datetime | None:
    return None if seconds is None else START + timedelta(seconds=seconds)


def part(
    folder: Path, name: str, kind: str, rows: Sequence[dict] | pl.DataFrame, *, lacks: tuple[str, ...] = ()
) -> Part:
    """A file of these rows; its columns are those that the rows have."""
    if not isinstance(rows, pl.DataFrame):
        names = list(rows[0]) if rows else list(SCHEMA)
        rows = pl.DataFrame(rows, schema={n: SCHEMA.get(n) for n in names})
    path = folder / f"{name}.parquet"
    rows.write_parquet(path)
    columns = {(n if n in SCHEMA else f"features.{n}"): n for n in rows.columns if n not in lacks}
    source = LogFile(str(path), name, "parquet", kind, 0, name)
    return Part(str(path), kind, columns, name, rows.height, None, None, source)


def together(parts: list[Joined]) -> tuple[pl.DataFrame, Tally]:
    return pl.concat([p.frame for p in parts]), sum((p.tally for p in parts), Tally())


IDS = st.sampled_from(["a", "b", "c", "d", None, "-"])
ROWS = st.sampled_from([None, 0, 1, 2])
PREDICTED = st.lists(st.fixed_dictionaries({"request_id": IDS, "row": ROWS}), min_size=1, max_size=14)
FED = st.lists(
    st.fixed_dictionaries(
        {
            "request_id": IDS,
            "row": ROWS,
            "label": st.sampled_from([None, "x", "y", "z"]),
            "label_time": st.sampled_from([None, 1, 2]).map(at),
            "user_action": st.sampled_from([None, "redo", "accept"]),
        }
    ),
    min_size=1,
    max_size=14,
)


def usable(request_id: str | None) -> bool:
    return request_id not in {None, "", "-"}


def naive(predicted: list[dict], fed: list[dict]) -> tuple[list[tuple], Tally]:
    """(position, label, action) of each prediction, by comparing ids as text."""
    kept: dict = {}
    for i, p in enumerate(predicted):
        kept.setdefault((p["request_id"], p["row"] or 0) if usable(p["request_id"]) else i, i)
    rows = defaultdict(set)
    for key in kept:
        if isinstance(key, tuple):
            rows[key[0]].add(key[1])
    best: dict = {"label": {}, "user_action": {}}
    told = [(i, f) for i, f in enumerate(fed) if f["label"] is not None or f["user_action"] is not None]
    known = [(i, f) for i, f in told if usable(f["request_id"])]
    keys, batch, values, labels = set(), set(), 0, defaultdict(set)
    for i, f in known:
        row, there = f["row"], rows[f["request_id"]]
        if row is None:
            row = next(iter(there)) if len(there) == 1 else 0
            batch |= {f["request_id"]} if len(there) > 1 else set()
        key = (f["request_id"], row)
        keys.add(key)
        labels[key] |= {f["label"]} - {None}
        order = (f["label_time"] is not None, f["label_time"] or START, i)
        for name in (n for n in best if f[n] is not None):
            values += 1
            best[name][key] = max(best[name].get(key, (order, f[name])), (order, f[name]))
    out = []
    for key, i in kept.items():
        out.append((i, *(best[n].get(key, (None, None))[1] for n in ("label", "user_action"))))
    lone = sum(not usable(p["request_id"]) for p in predicted)
    tally = Tally(
        left=len(kept),
        left_repeated=len(predicted) - len(kept),
        left_without_id=lone,
        right=len(keys),
        right_repeated=values - sum(map(len, best.values())),
        right_without_id=len(told) - len(known),
        orphans=len(keys - set(kept)),
        batch=len(batch),
        contradicted=sum(len(v) > 1 for v in labels.values()),
    )
    return sorted(out), tally


@hypothesis_settings(max_examples=60, deadline=None)
@given(predicted=PREDICTED, fed=FED, cut=st.integers(0, 14), partitions=st.sampled_from([1, 4]))
def test_feedback_finds_what_a_join_of_the_ids_as_text_finds(predicted, fed, cut, partitions):
    timed = [{**p, "timestamp": at(i)} for i, p in enumerate(predicted)]
    with TemporaryDirectory() as name:
        folder = Path(name)
        predictions = [
            part(folder, f"p{i}", "predictions", rows) for i, rows in enumerate((timed[:cut], timed[cut:]))
        ]
        feedback = [part(folder, f"q{i}", "feedback", rows) for i, rows in enumerate((fed[:cut], fed[cut:]))]

        # The files are given in another order than that of their names.
        found, tally = together(list(with_feedback(predictions[::-1], feedback[::-1], (), partitions)))

    position = ((found["timestamp"] - START).dt.total_seconds()).to_list()
    actual = sorted(zip(position, found["label"].to_list(), found["user_action"].to_list(), strict=True))
    expected, numbers = naive(predicted, fed)

    assert expected == actual
    assert numbers == tally


def test_a_label_without_a_row_is_for_the_only_row_of_its_request_or_for_row_0(tmp_path):
    predictions = part(
        tmp_path,
        "p",
        "predictions",
        [
            {"request_id": i, "row": r}
            for i, r in (("one", 3), ("many", 0), ("many", 1), ("rest", 1), ("rest", 2))
        ],
    )
    feedback = part(
        tmp_path, "f", "feedback", [{"request_id": i, "label": i} for i in ("one", "many", "rest")]
    )

    found, tally = together(list(with_feedback([predictions], [feedback], ("row",))))

    assert sorted(found["label"].drop_nulls()) == ["many", "one"]
    assert found.height == 5
    assert (tally.batch, tally.orphans) == (2, 1)


def test_of_two_labels_the_later_wins_and_at_one_time_the_later_file(tmp_path):
    predictions = part(tmp_path, "p", "predictions", [{"request_id": "a"}, {"request_id": "b"}])
    early = [
        {"request_id": "a", "label": "late", "label_time": at(9)},
        {"request_id": "b", "label": "first", "label_time": at(1)},
    ]
    late = [
        {"request_id": "a", "label": "early", "label_time": at(1)},
        {"request_id": "b", "label": "second", "label_time": at(1)},
    ]
    files = [part(tmp_path, "f1", "feedback", early), part(tmp_path, "f2", "feedback", late)]

    for order in (files, files[::-1]):
        found, tally = together(list(with_feedback([predictions], order, ())))

        assert found.sort("ident")["label"].to_list() == ["late", "second"]
        assert tally.right_repeated == 2


def test_labels_that_are_numbers_in_one_file_and_text_in_another_are_joined(tmp_path):
    predictions = part(tmp_path, "p", "predictions", [{"request_id": "a"}, {"request_id": "b"}])
    numbers = part(tmp_path, "f1", "feedback", pl.DataFrame({"request_id": ["a"], "label": [1]}))
    words = part(tmp_path, "f2", "feedback", pl.DataFrame({"request_id": ["b"], "label": ["yes"]}))

    found, _ = together(list(with_feedback([predictions], [numbers, words], ())))

    assert found.sort("ident")["label"].cast(pl.String).to_list() == ["1", "yes"]


def test_logs_join_on_the_trace_where_one_side_lacks_the_request_id(tmp_path):
    predictions = part(tmp_path, "p", "predictions", [{"request_id": "a", "trace_id": "t"}])
    feedback = part(tmp_path, "f", "feedback", [{"trace_id": "t", "label": "x"}])

    found, _ = together(list(with_feedback([predictions], [feedback], ())))

    assert shared_id([predictions], [feedback]) == "trace_id"
    assert found["label"].to_list() == ["x"]


def test_a_label_in_the_row_of_its_prediction_needs_no_id(tmp_path):
    rows = [{"timestamp": at(i), "label": name} for i, name in enumerate(("x", None, "y"))]
    predictions = part(tmp_path, "p", "predictions", rows, lacks=("label",))
    other = part(tmp_path, "o", "predictions", [{"timestamp": at(7)}])
    feedback = part(tmp_path, "p", "feedback", rows, lacks=("timestamp",))

    found, tally = together(list(with_feedback([predictions, other], [feedback], (), 3)))

    assert found.filter(pl.col("timestamp") < at(5)).sort("timestamp")["label"].to_list() == ["x", None, "y"]
    assert (tally.left, tally.right, tally.orphans) == (4, 2, 0)
    assert shared_id([other], [feedback]) == ""


REQUESTED = st.lists(
    st.fixed_dictionaries({"request_id": IDS, "status": st.sampled_from([None, 200, 422, 500])}),
    min_size=1,
    max_size=14,
)


@hypothesis_settings(max_examples=40, deadline=None)
@given(requested=REQUESTED, predicted=PREDICTED, partitions=st.sampled_from([1, 4]))
def test_requests_find_their_records_as_a_join_of_the_ids_as_text_does(requested, predicted, partitions):
    good, every = set(), set()
    for r in requested:
        if usable(r["request_id"]):
            every.add(r["request_id"])
            if (r["status"] or 0) < 400:
                good.add(r["request_id"])
    have = {p["request_id"] for p in predicted if usable(p["request_id"])}
    with TemporaryDirectory() as name:
        sides = (
            part(Path(name), "r", "requests", requested),
            part(Path(name), "p", "predictions", predicted),
        )
        found, tally = together(list(with_record(sides[:1], sides[1:], (), partitions)))

    assert sorted((i not in good, i in have) for i in every) == sorted(
        found.select("failed", "recorded").rows()
    )
    assert (len(every), len(have), len(have - every)) == (tally.left, tally.right, tally.orphans)
    assert sum(not usable(r["request_id"]) for r in requested) == tally.left_without_id
    assert sum(usable(r["request_id"]) for r in requested) == tally.left + tally.left_repeated


ASKED = st.lists(
    st.fixed_dictionaries(
        {
            "request_id": st.sampled_from(["a", "b", "c", "d", "e", "f", None]),
            "row": st.sampled_from([0, 1]),
            "user_id": st.sampled_from(["u", "v", None]),
            "timestamp": st.sampled_from([None, 0, 1, 2, 5, 9, 10, 30]).map(at),
            "colour": st.sampled_from(["red", "blue", None]),
        }
    ),
    min_size=1,
    max_size=16,
)


def naive_again(rows: list[dict], within: int) -> dict[int, bool]:
    """Position → asked again, by looking at each pair."""
    kept: dict = {}
    order = sorted(
        (i for i, r in enumerate(rows) if r["timestamp"] is not None and r["user_id"] is not None),
        key=lambda i: (rows[i]["timestamp"], i),
    )
    for i in order:
        r = rows[i]
        who = (r["user_id"], r["colour"])
        kept.setdefault((who, r["request_id"], r["row"]) if r["request_id"] else i, (who, i))
    first: dict = {}
    for who, i in kept.values():
        request = (who, rows[i]["request_id"] or i)
        first[request] = min(first.get(request, rows[i]["timestamp"]), rows[i]["timestamp"])
    out = {}
    for who, i in kept.values():
        moment = first[who, rows[i]["request_id"] or i]
        earlier = [m for (w, _), m in first.items() if w == who and m < moment]
        out[i] = any((moment - m).total_seconds() <= within for m in earlier)
    return out


@hypothesis_settings(max_examples=80, deadline=None)
@given(
    rows=ASKED,
    cut=st.integers(0, 16),
    within=st.sampled_from([1, 4, 600]),
    partitions=st.sampled_from([1, 4]),
)
def test_asked_again_is_what_a_loop_over_all_pairs_finds(rows, cut, within, partitions):
    with TemporaryDirectory() as name:
        parts = [
            part(Path(name), f"p{i}", "predictions", some)
            for i, some in enumerate((rows[:cut], rows[cut:]))
            if some
        ]
        found, _ = together(list(reasks(parts[::-1], (), within, partitions)))
    sizes = [p.rows for p in parts]
    position = [(i >> 40) * sizes[0] + (i & (2**40 - 1)) for i in found["ident"].to_list()]

    assert naive_again(rows, within) == dict(zip(position, found["again"].to_list(), strict=True))


def test_the_same_question_after_midnight_in_another_file_is_asked_again(tmp_path):
    today = pl.DataFrame({"user_id": ["u"], "timestamp": [at(0)], "weight": [2], "fresh": [True]})
    tomorrow = pl.DataFrame({"fresh": [1], "weight": [2.0], "timestamp": [at(599)], "user_id": ["u"]})
    frames = [f.with_columns(pl.col("timestamp").cast(TIME)) for f in (today, tomorrow)]
    parts = [part(tmp_path, f"p{i}", "predictions", f) for i, f in enumerate(frames)]

    found, _ = together(list(reasks(parts, (), 600)))

    assert found.sort("timestamp")["again"].to_list() == [False, True]


def test_items_that_differ_beyond_the_precision_of_a_float_are_two_items(tmp_path):
    rows = pl.DataFrame({"user_id": ["u", "u"], "timestamp": [at(0), at(1)], "article": [2**60, 2**60 + 1]})
    parts = [part(tmp_path, "p", "predictions", rows.with_columns(pl.col("timestamp").cast(TIME)))]

    found, _ = together(list(reasks(parts, (), 600)))

    assert not found["again"].any()


def test_a_feature_that_a_file_lacks_is_like_a_null_one(tmp_path):
    rows = {"user_id": "u", "size": 1}
    parts = [
        part(tmp_path, "p0", "predictions", [{**rows, "timestamp": at(0)}]),
        part(tmp_path, "p1", "predictions", [{**rows, "timestamp": at(1), "extra": None}]),
        part(tmp_path, "p2", "predictions", [{**rows, "timestamp": at(2), "extra": "more"}]),
    ]

    found, _ = together(list(reasks(parts, (), 600)))

    assert found.sort("timestamp")["again"].to_list() == [False, True, False]


def test_no_partition_holds_more_than_its_share_and_none_loses_a_row(tmp_path, monkeypatch):
    n = 20_000
    ids = pl.Series("request_id", [f"id-{i}" for i in range(n)])
    predictions = part(tmp_path, "p", "predictions", ids.to_frame().with_columns(at=pl.int_range(n)))
    feedback = part(
        tmp_path, "f", "feedback", ids.shuffle(1).head(n // 2).to_frame().with_columns(label=pl.lit("x"))
    )
    monkeypatch.setattr(join, "ROWS", 4_000)

    parts = list(with_feedback([predictions], [feedback], ("features.at",)))

    assert len(parts) == 30_000 // 4_000 + 1
    assert max(p.tally.left + p.tally.right for p in parts) < 4_200
    found, tally = together(parts)
    assert list(range(n)) == sorted(found["features.at"].to_list())
    assert n // 2 == found["label"].count() == tally.right
    assert tally == together(list(with_feedback([predictions], [feedback], (), 1)))[1]


def test_a_file_whose_name_looks_like_a_pattern_is_read_as_it_is_called(tmp_path):
    predictions = part(tmp_path, "p[1]", "predictions", [{"request_id": "a"}])
    feedback = part(tmp_path, "f*", "feedback", [{"request_id": "a", "label": "x"}])

    assert together(list(with_feedback([predictions], [feedback], ())))[1].orphans == 0


@pytest.mark.parametrize(
    ("lacks", "enough"),
    [((), True), (("user_id",), False), (("timestamp",), False), (("item",), False)],
)
def test_asking_again_needs_a_user_a_time_and_an_item(tmp_path, lacks, enough):
    rows = [{"user_id": "u", "timestamp": at(0), "item": "i"}]

    assert enough == join.can_be_asked_again(part(tmp_path, "p", "predictions", rows, lacks=lacks))
