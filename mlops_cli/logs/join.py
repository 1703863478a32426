"""Records of one event in several logs, found by the hash of their ids, one partition at a time.

Rows are spread over partitions by the upper bits of the hash; what memory cannot hold lies in files. So
memory is rows / partitions, every file is read once, and no id is ever compared as text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from typing import Literal

import polars as pl

from mlops_cli.logs.canon import FEATURE, KINDS
from mlops_cli.logs.expressions import available
from mlops_cli.logs.format import Part
from mlops_cli.logs.keys import POSITION, constants, mix, numbered, table, who
from mlops_cli.logs.lookup import Ordered, lookup, ordered
from mlops_cli.logs.partitions import spread

ROWS = 1_000_000  # of both sides a partition, about
FEEDBACK = ("label", "label_time", "user_action")
LONG_AGO = -(2**62)


@dataclass(frozen=True)
class Tally:
    """What a join met; partitions add up.

    Parameters
    ----------
    left : records of the left side, each key once
    left_repeated : further ones with the same key, dropped
    left_without_id : those that no key can find
    right : keys of the right side
    right_repeated : values that a later one of the same key replaced, or records of the same key
    right_without_id : records that no key can find
    orphans : keys of the right side that the left does not have
    batch : keys without a row that met a request of several rows: taken as row 0
    contradicted : keys of the right side that have two labels which differ

    """

    left: int = 0
    left_repeated: int = 0
    left_without_id: int = 0
    right: int = 0
    right_repeated: int = 0
    right_without_id: int = 0
    orphans: int = 0
    batch: int = 0
    contradicted: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True)
class Joined:
    """One partition: the left side's columns asked for, `ident` (file and position), what was found.

    `repeated` are the idents of the left side that were dropped, as their key had come before.
    """

    frame: pl.DataFrame
    tally: Tally
    repeated: pl.Series


def shared_id(left: Sequence[Part], right: Sequence[Part]) -> str:
    """What both sides can be joined on.

    `request_id`, else `trace_id`; `position` where neither is on both sides but the right side lies in
    the files of the left (a label within the prediction's row); empty where nothing will do.
    """
    for name in ("request_id", "trace_id"):
        if all(any(name in available(p) for p in side) for side in (left, right)):
            return name
    if right and {p.path for p in right} <= {p.path for p in left}:
        return POSITION
    return ""


def with_feedback(
    predictions: Sequence[Part],
    feedback: Sequence[Part],
    columns: Sequence[str],
    partitions: int = 0,
    share: float = 1.0,
) -> Iterator[Joined]:
    """Each prediction once, with the last `label`, its `label_time` and the last `user_action`, or nulls.

    Last is by (label_time, file, position); of predictions with the same key the first is kept. Feedback
    without a row is for the only row of its request, or for row 0.

    Parameters
    ----------
    predictions, feedback : parts with a `shared_id`
    columns : canonical names of the predictions to carry along, or `arm`
    partitions : 0: as many as keep each below `ROWS` rows
    share : of the requests, chosen by the hash of their id: the same on both sides, whatever else is there

    """
    files = numbered(predictions, feedback)
    name = shared_id(predictions, feedback)
    left = table(predictions, name, files, ("timestamp", *columns))
    have = [n for n in FEEDBACK if any(n in available(p) for p in feedback)]
    right = table(feedback, name, files, have)
    right = right.filter(pl.any_horizontal(pl.col(n).is_not_null() for n in have if n != "label_time"))
    if share < 1.0:
        few = pl.col("request") < pl.lit(int(2.0**64 * share), dtype=pl.UInt64())
        left, right = left.filter(few), right.filter(few)
    count = partitions or _partitions((*predictions, *feedback))
    same, alike = constants(predictions, columns), constants(feedback, ())
    mine, theirs = (spread(rows.drop(out), "request", count) for rows, out in ((left, same), (right, alike)))
    for rows, told in zip(mine, theirs, strict=True):
        yield _join_feedback(_keyed(rows.with_columns(**same)), told.with_columns(**alike))


def with_record(
    requests: Sequence[Part],
    predictions: Sequence[Part],
    columns: Sequence[str],
    partitions: int = 0,
) -> Iterator[Joined]:
    """Each request that has an id once, with `failed` and `recorded`: there is a prediction of that id.

    Failed is a status of 400 or more; where none is logged, an error. Of several records of one request a
    success is kept before a failure, then the first.
    """
    files = numbered(requests, predictions)
    name = shared_id(requests, predictions)
    left = table(requests, name, files, ("timestamp", "failed", *columns))
    right = table(predictions, name, files, ()).select("request")
    count = partitions or _partitions((*requests, *predictions))
    for have, records in zip(spread(left, "request", count), spread(right, "request", count), strict=True):
        known = have.filter(pl.col("request").is_not_null()).rename({"request": "key"})
        known, keys, dropped = _once(known, ("failed", "timestamp", "ident"), "first")
        found = records.to_series()
        ids = found.drop_nulls().unique()
        frame = known.with_columns(recorded=lookup(keys, ordered(ids)).is_not_null())
        yield Joined(
            frame,
            Tally(
                left=known.height,
                left_repeated=len(dropped),
                left_without_id=have["request"].null_count(),
                right=len(ids),
                right_repeated=len(found) - found.null_count() - len(ids),
                right_without_id=found.null_count(),
                orphans=len(ids) - int(frame["recorded"].sum()),
            ),
            dropped,
        )


def reasks(
    predictions: Sequence[Part],
    columns: Sequence[str],
    within: int,
    partitions: int = 0,
) -> Iterator[Joined]:
    """Each prediction of a known user, item and time once, with `again`.

    `again` is true where the same user sent the same item in another request before, at most `within`
    seconds earlier. The item is the hash of all features where a file has no `item`.
    """
    parts = [p for p in predictions if can_be_asked_again(p)]
    files = numbered(predictions)
    name = next((n for n in ("request_id", "trace_id") if any(n in available(p) for p in parts)), "")
    left = table(parts, name, files, ("timestamp", *columns), who(parts))
    left = left.filter(pl.col("timestamp").is_not_null())
    count = partitions or _partitions(parts)
    for rows in spread(left, "who", count):
        have = _keyed(rows)
        known = have.filter(pl.col("who").is_not_null())
        # By user and item too: they decide the partition, and no partition may change what is counted.
        one, _, dropped = _once(known, ("timestamp", "ident"), "first", ("who", "key"))
        tally = Tally(left=one.height, left_repeated=len(dropped), left_without_id=have.height - known.height)
        yield Joined(_again(one, within).drop("who", "batch_row", "key"), tally, dropped)


def can_be_asked_again(part: Part) -> bool:
    """Whether its rows tell who asked for what and when."""
    have = available(part)
    item = "item" in have or any(n.startswith(FEATURE) for n in have)
    return item and "user_id" in have and "timestamp" in have


def _partitions(parts: Sequence[Part]) -> int:
    return sum(p.rows for p in parts) // ROWS + 1


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with `key`, the hash of request and row (which gives the request back), instead of `request`."""
    rows = rows.with_columns(pl.col("batch_row").fill_null(0))
    return rows.with_columns(key=mix(pl.col("request"), pl.col("batch_row"))).drop("request")


def _once(
    frame: pl.DataFrame,
    order: Sequence[str],
    keep: Literal["first", "last"],
    by: Sequence[str] = ("key",),
) -> tuple[pl.DataFrame, Ordered, pl.Series]:
    """One record a key, the first or the last, and all that have no key; the keys; the idents dropped."""
    keys = ordered(frame["key"])
    if not len(keys.repeated):
        return frame, keys, frame["ident"].head(0)
    many = _among(frame, keys)
    rows = frame.filter(many).sort(*order, nulls_last=keep == "first")
    first = rows.select(
        pl.struct(by).is_first_distinct() if keep == "first" else pl.struct(by).is_last_distinct()
    )
    one = first.to_series()
    kept = pl.concat([frame.filter(~many), rows.filter(one)])
    return kept, ordered(kept["key"]), rows.filter(~one)["ident"]


def _among(frame: pl.DataFrame, keys: Ordered) -> pl.Series:
    """Rows whose key is there more than once."""
    some = pl.Series(keys.repeated, dtype=pl.UInt64())
    return frame["key"].is_in(some.implode()).fill_null(value=False)


def _join_feedback(left: pl.DataFrame, right: pl.DataFrame) -> Joined:
    left, asked, dropped = _once(left, ("timestamp", "ident"), "first")
    without_id = right["request"].null_count()
    right, batch = _placed(left, right.filter(pl.col("request").is_not_null()))
    frame, replaced, contradicted, found = left, 0, 0, []
    order = [n for n in ("label_time", "ident") if n in right.columns]
    for value, columns in (("label", ("label", "label_time")), ("user_action", ("user_action",))):
        if value not in right.columns:
            continue
        known = right.filter(pl.col(value).is_not_null())
        told = known
        known, keys, more = _once(known, order, "last")
        if value == "label" and len(more):
            contradicted = _contradicted(told)
        place = lookup(asked, keys)
        frame = frame.with_columns(known[n].gather(place) for n in columns if n in known.columns)
        replaced += len(more)
        found.append((known.height, known.height - frame[value].count()))
    right_keys, orphans = found[0] if len(found) == 1 else _unmatched(asked, right)
    absent = {n: KINDS["feedback"][n].dtype for n in FEEDBACK if n not in frame.columns}
    frame = frame.with_columns(pl.lit(None, dtype=dtype).alias(n) for n, dtype in absent.items())
    return Joined(
        frame.drop("batch_row", "key"),
        Tally(
            left=left.height,
            left_repeated=len(dropped),
            left_without_id=left["key"].null_count(),
            right=right_keys,
            right_repeated=replaced,
            right_without_id=without_id,
            orphans=orphans,
            batch=batch,
            contradicted=contradicted,
        ),
        dropped,
    )


def _contradicted(known: pl.DataFrame) -> int:
    """Keys whose labels differ."""
    many = known.filter(_among(known, ordered(known["key"])))
    return int(many.group_by("key").agg(pl.col("label").n_unique() > 1)["label"].sum())


def _unmatched(left: Ordered, right: pl.DataFrame) -> tuple[int, int]:
    """Keys of the right side, and those of them that the left does not have."""
    keys = right["key"].unique()
    return len(keys), lookup(ordered(keys), left).null_count()


def _placed(left: pl.DataFrame, right: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Feedback with its `key`, and how many requests of several rows were met by an id without a row."""
    further = left.filter((pl.col("batch_row") > 0) & pl.col("key").is_not_null())
    if not further.height:
        return right.with_columns(key=mix(pl.col("request"), pl.col("batch_row").fill_null(0))), 0
    further = further.select("batch_row", request=mix(pl.col("key"), pl.col("batch_row")))
    zero = left.filter(pl.col("batch_row") == 0).select(request="key")
    alone = further.filter(pl.col("request").is_unique()).join(zero, on="request", how="anti")
    bare = right.filter(pl.col("batch_row").is_null()).select(pl.col("request").unique())
    batch = bare.join(further, on="request", how="semi").join(alone, on="request", how="anti").height
    right = right.join(alone.rename({"batch_row": "only"}), on="request", how="left")
    row = pl.coalesce("batch_row", "only", pl.lit(0, dtype=pl.UInt32()))
    return right.with_columns(key=mix(pl.col("request"), row)), batch


def _again(frame: pl.DataFrame, within: int) -> pl.DataFrame:
    """Adds `again`. The rows of one request count as asked at its first moment."""
    asked = pl.col("timestamp").to_physical()
    if (frame["batch_row"] > 0).any():
        request = mix(pl.col("key"), pl.col("batch_row"))
        known = request.is_not_null()
        asked = pl.when(known).then(asked.min().over("who", request)).otherwise(asked)
    frame = frame.with_columns(asked=asked).sort("who", "asked")
    time, first = pl.col("asked"), pl.col("who").ne_missing(pl.col("who").shift())
    # Where neither who nor time changes, the moment before is that of the row above.
    before = pl.when(first).then(LONG_AGO).when(time != time.shift()).then(time.shift()).forward_fill()
    return frame.with_columns(again=time - before <= within * 1_000_000).drop("asked")
