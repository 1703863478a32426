"""Decisions of people and a model → exact counts per item, person, distinct confidence and segment.

Rows are put in order by what they hold, never by where they stood: the same decisions give the same counts
in whatever order and in however many files they come.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import polars as pl

from mlops_cli.logs.shadow import COUNT, SEGMENT, Shadow
from mlops_cli.profile.blind import Blinding, blinded
from mlops_cli.profile.labels import Words, coded
from mlops_cli.profile.units import decided, units_of

PLAIN = 10  # distinct numbers up to which each is a slice of its own
QUARTILES = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Reading:
    """How decisions are read.

    Parameters
    ----------
    words : how decisions become classes
    tolerance : numbers nearer than this agree
    current : degree of automation under which people decided
    keep : column=value of the cases that stay with people
    version : of the model; empty: the present one
    since, until : range of times, half open; None: no bound

    """

    words: Words
    tolerance: float = 0.0
    current: str = "shadow"
    keep: tuple[tuple[str, str], ...] = ()
    version: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Tally:
    """What was met on the way, in rows.

    `duplicates` are the same in every column, `repeated` further ones of the same item and person (the first
    by time is kept); `null_model` and `null_human` lack that side; `not_blinded` were made after seeing the
    output; `other_versions` belong to another version of the model; `kept` stay with people.
    """

    rows: int = 0
    duplicates: int = 0
    repeated: int = 0
    null_model: int = 0
    null_human: int = 0
    not_blinded: int = 0
    other_versions: int = 0
    kept: int = 0
    human_only: int = 0
    model_only: int = 0
    no_confidence: int = 0


@dataclass(frozen=True)
class Decisions:
    """Decisions ready to be compared.

    Parameters
    ----------
    scale : nominal, ordinal or numeric
    classes : in code order; empty where the scale is numeric
    segments : names of the slices, columns `segment.NAME`
    unit : `item`, or `decision` where an item has one person or the model's output differs within it
    rows : every row that was read, normalised
    pairs : blinded rows with both sides, one an item and person
    units : what is tested: one row an item or decision (see `units.py`)
    blinding : known, assumed, or unknown
    tally : what was met on the way
    version : of the model
    start, end : first and last time; None without times
    notes : what was assumed

    """

    scale: str
    classes: tuple[str, ...]
    segments: tuple[str, ...]
    unit: str
    rows: pl.DataFrame
    pairs: pl.DataFrame
    units: pl.DataFrame
    blinding: Blinding
    tally: Tally
    version: str
    tolerance: float
    sampled: bool
    start: datetime | None
    end: datetime | None
    notes: tuple[str, ...] = ()

    @property
    def joined(self) -> float:
        """Share of the items with decisions of both sides."""
        items = self.rows["item"].n_unique() if "item" in self.rows.columns else self.rows.height
        both = items + self.tally.kept
        lost = self.tally.human_only + (0 if self.sampled else self.tally.model_only)
        return both / (both + lost) if both + lost else 0.0


def decisions(shadow: Shadow, reading: Reading) -> Decisions:
    """Normalise, leave out what may not be compared, and count what was left out.

    Raises
    ------
    UsageError
        Where a declared order lacks a decision.

    """
    frame, tally, version = _chosen(shadow.frame.collect(engine="streaming"), reading)
    counted = tuple(c.removeprefix(COUNT) for c in frame.columns if c.startswith(COUNT))
    frame, scale, classes = coded(frame, reading.words, counted)
    frame, notes = _confidence(frame, scale, classes)
    frame = frame.with_columns(_slice(frame[c]).alias(c) for c in frame.columns if c.startswith(SEGMENT))
    frame, tally = _once(frame, tally)
    frame, tally = _kept(frame, reading.keep, tally)
    frame, blinding = blinded(_in_order(frame), reading.current)
    counts = tuple(COUNT + c for c in counted)
    pairs, both = decided(frame, counts)
    unit, units = units_of(pairs, scale, classes, counts, reading.tolerance)
    tally = replace(
        tally,
        null_model=_nulls(frame, "model"),
        null_human=0 if counts and "human" not in frame.columns else _nulls(frame, "human"),
        not_blinded=blinding.seen,
        human_only=shadow.human_only,
        model_only=shadow.model_only,
        no_confidence=_nulls(units, "confidence") if "confidence" in units.columns else 0,
    )
    times = frame["time"].drop_nulls() if "time" in frame.columns else pl.Series([], dtype=pl.Datetime)
    return Decisions(
        scale=scale,
        classes=classes,
        segments=tuple(c.removeprefix(SEGMENT) for c in frame.columns if c.startswith(SEGMENT)),
        unit=unit,
        rows=frame,
        pairs=both,
        units=units,
        blinding=blinding,
        tally=tally,
        version=version,
        tolerance=reading.tolerance,
        sampled=shadow.sampled,
        start=times.min() if len(times) else None,  # type: ignore[arg-type] # a time, as the column is
        end=times.max() if len(times) else None,  # type: ignore[arg-type]
        notes=(*shadow.notes, *notes),
    )


def table(pairs: pl.DataFrame, classes: int) -> list[list[int]]:
    """Square table of counts, rows people, columns the model."""
    counts = pairs.group_by("human", "model").len()
    out = [[0] * classes for _ in range(classes)]
    for human, model, n in counts.iter_rows():
        out[human][model] += n
    return out


def by_item(pairs: pl.DataFrame, classes: int) -> pl.DataFrame:
    """One row an item: how many people chose each class, columns "0", "1" ...; items in their order."""
    counts = pairs.group_by("item").agg(
        (pl.col("human") == k).sum().cast(pl.Int64).alias(str(k)) for k in range(classes)
    )
    return counts.sort("item")


def _chosen(frame: pl.DataFrame, reading: Reading) -> tuple[pl.DataFrame, Tally, str]:
    """Rows of the asked range and of one version of the model."""
    rows = frame.height
    if "time" in frame.columns:
        if reading.since is not None:
            frame = frame.filter(pl.col("time") >= reading.since)
        if reading.until is not None:
            frame = frame.filter(pl.col("time") < reading.until)
    if "version" not in frame.columns:
        return frame, Tally(rows=rows), reading.version
    version = reading.version or _present(frame)
    kept = frame.filter(pl.col("version") == version) if version else frame
    return kept, Tally(rows=rows, other_versions=frame.height - kept.height), version


def _present(frame: pl.DataFrame) -> str:
    """The version with most rows in the newest tenth of the time; of equals the last by name."""
    known = frame.filter(pl.col("version").is_not_null())
    if "time" in frame.columns and known["time"].count():
        first, last = known["time"].min(), known["time"].max()
        newest = known.filter(pl.col("time") >= last - (last - first) / 10)  # type: ignore[operator]
        known = newest if newest.height else known
    counts = known.group_by("version").len().sort("len", "version", descending=True)
    return str(counts["version"][0]) if counts.height else ""


def _confidence(
    frame: pl.DataFrame, scale: str, classes: tuple[str, ...]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """NaN is no confidence; of two classes a score of one of them becomes that of the decision."""
    if "confidence" not in frame.columns:
        return frame, ()
    frame = frame.with_columns(pl.col("confidence").fill_nan(None))
    if scale == "numeric" or "model" not in frame.columns:
        return frame, ()
    ranges = (
        frame.filter(pl.col("model").is_not_null() & pl.col("confidence").is_not_null())
        .group_by("model")
        .agg(pl.col("confidence").min().alias("low"), pl.col("confidence").max().alias("high"))
        .sort("low")
    )
    if (
        ranges.height != 2
        or ranges["high"][0] > ranges["low"][1]
        or ranges["low"][0] >= 0.5 > ranges["low"][1]
    ):
        return frame, ()
    if ranges["low"][0] < 0 or ranges["high"][1] > 1 or ranges["low"][0] >= 0.5:
        return frame, ()
    positive = ranges["model"][1]
    own = pl.when(pl.col("model") == positive).then(pl.col("confidence")).otherwise(1 - pl.col("confidence"))
    said = (
        f"the score is taken as the chance of {classes[positive]}; the confidence is that of what was decided"
    )
    return frame.with_columns(own), (said,)


def _slice(values: pl.Series) -> pl.Series:
    """Values as text; numbers of many values as quartiles, named by their borders."""
    number = values
    if values.dtype == pl.String:
        number = values.str.strip_chars().cast(pl.Float64, strict=False)
    if (
        values.dtype == pl.Boolean
        or not number.dtype.is_numeric()
        or number.null_count() > values.null_count()
    ):
        return values.cast(pl.String)
    if number.n_unique() <= PLAIN:
        return values.cast(pl.String)
    number = number.cast(pl.Float64)
    borders = sorted({float(number.quantile(q, "lower") or 0.0) for q in QUARTILES})
    names = [f"<= {borders[0]:g}"]
    names += [f"{a:g} to {b:g}" for a, b in pairwise(borders)]
    names.append(f"> {borders[-1]:g}")
    return number.cut(borders, labels=names).cast(pl.String)


def _once(frame: pl.DataFrame, tally: Tally) -> tuple[pl.DataFrame, Tally]:
    """One row an item and person: the same rows once, then the first by time."""
    if "item" not in frame.columns:
        return frame, tally
    key = ["item", *(n for n in ("rater",) if n in frame.columns)]
    if frame["item"].n_unique() == frame.height:
        return frame, tally
    many = frame.select(pl.struct(key).is_duplicated()).to_series()
    if not many.any():
        return frame, tally
    some = frame.filter(many)
    distinct = some.unique()
    order = ["time"] if "time" in frame.columns else []
    order += [c for c in frame.columns if c not in {"time", *key}]
    # Of a person's rows those with a decision first: an empty one never hides it.
    first = distinct.sort(
        pl.col("human").is_null() if "human" in frame.columns else pl.lit(value=False),
        *order,
        nulls_last=True,
    ).unique(key, keep="first", maintain_order=True)
    kept = pl.concat([frame.filter(~many), first])
    return kept, replace(
        tally, duplicates=some.height - distinct.height, repeated=distinct.height - first.height
    )


def _in_order(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by what they hold: sums of floats then come out the same to the last bit."""
    keys = [n for n in ("item", "rater") if n in frame.columns] if "item" in frame.columns else frame.columns
    return frame.sort(keys, nulls_last=True)


def _kept(frame: pl.DataFrame, keep: Sequence[tuple[str, str]], tally: Tally) -> tuple[pl.DataFrame, Tally]:
    """Without the cases that stay with people."""
    stay = pl.lit(value=False)
    for column, value in keep:
        if SEGMENT + column in frame.columns:
            stay |= (pl.col(SEGMENT + column) == value).fill_null(value=False)
    rest = frame.filter(~stay)
    return rest, replace(tally, kept=frame.height - rest.height)


def _nulls(frame: pl.DataFrame, name: str) -> int:
    return frame[name].null_count() if name in frame.columns else frame.height
