"""Records of one event in several logs, found by the hash of their ids, one partition at a time.

Rows are spread over partitions by the upper bits of the hash; each partition reads the files again and
keeps only its own rows. So memory is rows / partitions, and no id is ever compared as text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Literal

import polars as pl

from mlops_cli.logs.canon import FEATURE, KINDS
from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Part

ROWS = 20_000_000  # of both sides a partition
ODD = pl.lit(0x9E3779B97F4A7C15, dtype=pl.UInt64)  # 2**64 / golden ratio: spreads a row over all bits
ABSENT = ("", "-")  # nginx writes "-" for a header that was not sent
POSITION = "position"
FEEDBACK = ("label", "label_time", "user_action")
FILE_BITS = 40  # of `ident`: the upper bits number the file, the lower ones the row in it
EXACT = 2**53  # whole numbers below it are the same as floats
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
) -> Iterator[Joined]:
    """Each prediction once, with the last `label`, its `label_time` and the last `user_action`, or nulls.

    Last is by (label_time, file, position); of predictions with the same key the first is kept. Feedback
    without a row is for the only row of its request, or for row 0.

    Parameters
    ----------
    predictions, feedback : parts with a `shared_id`
    columns : canonical names of the predictions to carry along, or `arm`
    partitions : 0: as many as keep each below `ROWS` rows

    """
    files = _files(predictions, feedback)
    name = shared_id(predictions, feedback)
    left = _table(predictions, name, files, ("timestamp", *columns))
    have = [n for n in FEEDBACK if any(n in available(p) for p in feedback)]
    right = _table(feedback, name, files, have)
    right = right.filter(pl.any_horizontal(pl.col(n).is_not_null() for n in have if n != "label_time"))
    count = partitions or _partitions((*predictions, *feedback))
    for i in range(count):
        mine = _mine("request", i, count)
        yield _join_feedback(_keyed(left.filter(mine)), right.filter(mine).collect(engine="streaming"))


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
    files = _files(requests, predictions)
    name = shared_id(requests, predictions)
    left = _table(requests, name, files, ("timestamp", "failed", *columns))
    right = _table(predictions, name, files, ()).select("request")
    count = partitions or _partitions((*requests, *predictions))
    for i in range(count):
        mine = _mine("request", i, count)
        have = left.filter(mine).drop("batch_row").rename({"request": "key"}).collect(engine="streaming")
        known = have.filter(pl.col("key").is_not_null())
        known, repeated = _once(known, ("failed", "timestamp", "ident"), "first")
        found = right.filter(mine).collect(engine="streaming").to_series()
        ids = found.drop_nulls().unique().to_frame("key")
        frame = known.join(ids.with_columns(recorded=True), on="key", how="left", maintain_order="none")
        frame = frame.with_columns(pl.col("recorded").fill_null(value=False))
        yield Joined(
            frame,
            Tally(
                left=known.height,
                left_repeated=len(repeated),
                left_without_id=have["key"].null_count(),
                right=ids.height,
                right_repeated=len(found) - found.null_count() - ids.height,
                right_without_id=found.null_count(),
                orphans=ids.height - int(frame["recorded"].sum()),
            ),
            repeated,
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
    files = _files(predictions)
    name = next((n for n in ("request_id", "trace_id") if any(n in available(p) for p in parts)), "")
    left = _table(parts, name, files, ("timestamp", *columns), _who(parts))
    left = left.filter(pl.col("timestamp").is_not_null())
    count = partitions or _partitions(parts)
    for i in range(count):
        have = _keyed(left.filter(_mine("who", i, count)))
        known = have.filter(pl.col("who").is_not_null())
        unknown = have.height - known.height
        # By user and item too: they decide the partition, and no partition may change what is counted.
        known, repeated = _once(known, ("timestamp", "ident"), "first", ("who", "key"))
        tally = Tally(left=known.height, left_repeated=len(repeated), left_without_id=unknown)
        yield Joined(_again(known, within).drop("who", "batch_row", "key"), tally, repeated)


def can_be_asked_again(part: Part) -> bool:
    """Whether its rows tell who asked for what and when."""
    have = available(part)
    item = "item" in have or any(n.startswith(FEATURE) for n in have)
    return item and "user_id" in have and "timestamp" in have


def column(part: Part, name: str) -> pl.Expr:
    """A canonical column; null where the part lacks it. `model`, `arm` and `failed` are derived."""
    have = available(part)
    if name == "failed":
        status = expression(part, "status") if "status" in have else pl.lit(None, dtype=pl.Int16())
        error = expression(part, "error") if "error" in have else pl.lit(None, dtype=pl.String())
        return pl.coalesce(status >= 400, error.is_not_null()).alias(name)
    if name in {"model", "arm"}:
        chosen = ("model",) if name == "model" else ("variant", "model_version")
        last = pl.lit(part.source.model if name == "model" else "")
        values = [expression(part, n) for n in chosen if n in have]
        return pl.coalesce(*values, last).cast(pl.Categorical()).alias(name)
    if name in have:
        return expression(part, name).alias(name)
    canonical = KINDS[part.kind].get(name)
    return pl.lit(None, dtype=canonical.dtype if canonical else None).alias(name)


def _files(left: Sequence[Part], right: Sequence[Part] = ()) -> dict[str, int]:
    """The number of each file: by path, so that the order in which they were given is no matter.

    Those of the left side come first: `ident` of a prediction is the same in every join of it.
    """
    paths = [sorted({(p.source.path, p.path) for p in side}) for side in (left, right)]
    names = dict.fromkeys(path for side in paths for _, path in side)
    return {path: i for i, path in enumerate(names)}


def _partitions(parts: Sequence[Part]) -> int:
    return sum(p.rows for p in parts) // ROWS + 1


def _mine(key: str, number: int, count: int) -> pl.Expr:
    """Rows of a partition; those without a key are in the first."""
    low, high = (pl.lit(2**64 * i // count, dtype=pl.UInt64()) for i in (number, (number + 1) % count))
    value = pl.col(key)
    if count == 1:
        return pl.lit(value=True)
    if number == 0:
        return value.is_null() | (value < high)
    return value >= low if number == count - 1 else (value >= low) & (value < high)


def _table(
    parts: Sequence[Part],
    name: str,
    files: Mapping[str, int],
    columns: Sequence[str],
    more: Sequence[pl.Expr] = (),
) -> pl.LazyFrame:
    """`ident`, hashed id `request`, `row`, the columns; and of `more` one expression a part."""
    frames = []
    for i, part in enumerate(parts):
        have = available(part)
        ident = pl.lit(files[part.path] << FILE_BITS, dtype=pl.UInt64()) + pl.col("mlops.at").cast(
            pl.UInt64()
        )
        row = expression(part, "row") if "row" in have and name != POSITION else pl.lit(None)
        wanted = [column(part, n) for n in dict.fromkeys(columns)]
        frames.append(
            pl.scan_parquet(part.path, glob=False, row_index_name="mlops.at").select(
                ident.alias("ident"),
                (ident.hash() if name == POSITION else _hashed(part, name)).alias("request"),
                row.cast(pl.UInt32()).alias("batch_row"),
                *wanted,
                *more[i : i + 1],
            ),
        )
    return pl.concat(frames, how="vertical_relaxed")  # a label is a number here and a text there


def _hashed(part: Part, name: str) -> pl.Expr:
    if name not in available(part):
        return pl.lit(None, dtype=pl.UInt64())
    value = expression(part, name)
    return pl.when(value.is_not_null() & ~value.is_in(ABSENT)).then(value.hash())


def _mix(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    return one ^ (other.cast(pl.UInt64()) * ODD)


def _keyed(frame: pl.LazyFrame) -> pl.DataFrame:
    """Rows with `key`, the hash of request and row (which gives the request back), instead of `request`."""
    rows = frame.with_columns(pl.col("batch_row").fill_null(0))
    return (
        rows.with_columns(key=_mix(pl.col("request"), pl.col("batch_row")))
        .drop("request")
        .collect(engine="streaming")
    )


def _once(
    frame: pl.DataFrame,
    order: Sequence[str],
    keep: Literal["first", "last"],
    by: Sequence[str] = ("key",),
) -> tuple[pl.DataFrame, pl.Series]:
    """One record a key, the first or the last, and the idents dropped; all that have no key."""
    many = frame["key"].is_duplicated() & frame["key"].is_not_null()
    if not many.any():
        return frame, frame["ident"].head(0)
    rows = frame.filter(many).sort(*order, nulls_last=keep == "first")
    first = rows.select(
        pl.struct(by).is_first_distinct() if keep == "first" else pl.struct(by).is_last_distinct()
    )
    one = first.to_series()
    return pl.concat([frame.filter(~many), rows.filter(one)]), rows.filter(~one)["ident"]


def _join_feedback(left: pl.DataFrame, right: pl.DataFrame) -> Joined:
    left, dropped = _once(left, ("timestamp", "ident"), "first")
    without_id = right["request"].null_count()
    right, batch = _placed(left, right.filter(pl.col("request").is_not_null()))
    frame, repeated, contradicted, found = left, 0, 0, []
    order = [n for n in ("label_time", "ident") if n in right.columns]
    for value, columns in (("label", ("label", "label_time")), ("user_action", ("user_action",))):
        if value not in right.columns:
            continue
        known = right.filter(pl.col(value).is_not_null())
        if value == "label":
            contradicted = _contradicted(known)
        known, more = _once(known, order, "last")
        known = known.select("key", *(n for n in columns if n in known.columns))
        frame = frame.join(known, on="key", how="left", maintain_order="none")
        repeated += len(more)
        found.append((known.height, known.height - frame[value].count()))
    keys, orphans = found[0] if len(found) == 1 else _unmatched(left, right)
    absent = {n: KINDS["feedback"][n].dtype for n in FEEDBACK if n not in frame.columns}
    frame = frame.with_columns(pl.lit(None, dtype=dtype).alias(n) for n, dtype in absent.items())
    return Joined(
        frame.drop("batch_row", "key"),
        Tally(
            left=left.height,
            left_repeated=len(dropped),
            left_without_id=left["key"].null_count(),
            right=keys,
            right_repeated=repeated,
            right_without_id=without_id,
            orphans=orphans,
            batch=batch,
            contradicted=contradicted,
        ),
        dropped,
    )


def _contradicted(known: pl.DataFrame) -> int:
    """Keys whose labels differ."""
    many = known.filter(pl.col("key").is_duplicated() & pl.col("key").is_not_null())
    return many.group_by("key").agg(pl.col("label").n_unique() > 1)["label"].sum()


def _unmatched(left: pl.DataFrame, right: pl.DataFrame) -> tuple[int, int]:
    keys = right["key"].unique().to_frame()
    return keys.height, keys.join(left, on="key", how="anti").height


def _placed(left: pl.DataFrame, right: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Feedback with its `key`, and how many requests of several rows were met by an id without a row."""
    further = left.filter((pl.col("batch_row") > 0) & pl.col("key").is_not_null())
    further = further.select("batch_row", request=_mix(pl.col("key"), pl.col("batch_row")))
    zero = left.lazy().filter(pl.col("batch_row") == 0, further.height > 0).select(request="key").collect()
    alone = further.filter(pl.col("request").is_unique()).join(zero, on="request", how="anti")
    bare = right.filter(pl.col("batch_row").is_null()).select(pl.col("request").unique())
    batch = bare.join(further, on="request", how="semi").join(alone, on="request", how="anti").height
    right = right.join(alone.rename({"batch_row": "only"}), on="request", how="left")
    row = pl.coalesce("batch_row", "only", pl.lit(0, dtype=pl.UInt32()))
    return right.with_columns(key=_mix(pl.col("request"), row)), batch


def _who(parts: Sequence[Part]) -> list[pl.Expr]:
    """Of each part the hash of user and item; equal values are equal hashes, whatever file they are in."""
    names = sorted({n for p in parts for n in available(p) if n.startswith(FEATURE)})
    out = []
    for part in parts:
        item = _hashed(part, "item") if "item" in available(part) else _all_features(part, names)
        out.append(_mix(_hashed(part, "user_id"), item).alias("who"))
    return out


def _all_features(part: Part, names: Sequence[str]) -> pl.Expr:
    """Hash of the features; one that the part lacks is like one that is null."""
    have = [n for n in names if n in available(part)]
    raw = pl.scan_parquet(part.path, glob=False).select(expression(part, n) for n in have)
    schema = raw.collect_schema()
    absent = pl.lit(None, dtype=pl.UInt64())
    values = [_value(expression(part, n), schema[n]) if n in schema else absent for n in names]
    return pl.struct(value.alias(n) for n, value in zip(names, values, strict=True)).hash()


def _value(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Hash of a value, null where it is null; 1, 1.0 and true are equal, as files disagree on dtypes."""
    number = value.cast(pl.Float64()).hash() if dtype.is_numeric() or dtype == pl.Boolean else value.hash()
    if dtype in {pl.Int64, pl.UInt64}:
        small = (value < EXACT) & (value > -EXACT)
        number = pl.when(small).then(number).otherwise(value.hash())
    if dtype in {pl.Categorical, pl.Enum} or dtype.is_temporal():
        number = (value.to_physical() if dtype == pl.Duration else value.cast(pl.String())).hash()
    return pl.when(value.is_not_null()).then(number)


def _again(frame: pl.DataFrame, within: int) -> pl.DataFrame:
    """Adds `again`. The rows of one request count as asked at its first moment."""
    asked = pl.col("timestamp").to_physical()
    if (frame["batch_row"] > 0).any():
        request = _mix(pl.col("key"), pl.col("batch_row"))
        known = request.is_not_null()
        asked = pl.when(known).then(asked.min().over("who", request)).otherwise(asked)
    frame = frame.with_columns(asked=asked).sort("who", "asked")
    time, first = pl.col("asked"), pl.col("who").ne_missing(pl.col("who").shift())
    # Where neither who nor time changes, the moment before is that of the row above.
    before = pl.when(first).then(LONG_AGO).when(time != time.shift()).then(time.shift()).forward_fill()
    return frame.with_columns(again=time - before <= within * 1_000_000).drop("asked")
