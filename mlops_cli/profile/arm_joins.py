"""What only joined logs tell of two arms: who asked again, and which answers turned out wrong."""

from collections.abc import Callable, Mapping, Sequence

import polars as pl

from mlops_cli.logs.arms import ARMS, LACKING, STRATUM, can, named
from mlops_cli.logs.format import Part
from mlops_cli.logs.join import can_be_asked_again, reasks, shared_id, with_feedback
from mlops_cli.profile.arm_facts import CONTROL, TREATMENT
from mlops_cli.profile.arm_rows import OTHER, Reading

REDO, WRONG, MISSED = "redo-rate", "wrong-rate", "label-error"
CLASSES = 20  # more distinct numbers than this are no classes
OLD_ENOUGH = 0.95  # share of labels that had come by the age at which predictions are compared
WORDS = {"true": "1", "yes": "1", "false": "0", "no": "0"}
MICRO = 1_000_000
Taken = tuple[list[pl.DataFrame], dict[str, str], list[str]]


def joined(
    parts: Sequence[Part],
    reading: Reading,
    within: int,
    count: Callable[[pl.DataFrame, str, str], pl.DataFrame],
) -> Taken:
    """Counts, metric → why there are none, notes.

    Parameters
    ----------
    parts : of all kinds
    reading : arms, windows, strata and unit
    within : seconds in which a repeated question counts as asked again
    count : rows (`window`, `arm`, `stratum`, `unit`, a column of values) → counts of a metric

    """
    predictions = [p for p in reading.parts if p.kind == "predictions"]
    feedback = [p for p in parts if p.kind == "feedback"]
    if not predictions or not reading.starts:
        return [], dict.fromkeys((REDO, WRONG), "no log of predictions tells the arms apart"), []
    place = _Place(reading, predictions)
    linked = bool(feedback) and bool(shared_id(predictions, feedback))
    acted = linked and any(can(p, "user_action") for p in feedback)
    labelled = (
        linked and any(can(p, "label") for p in feedback) and any(can(p, "prediction") for p in predictions)
    )
    asked = any(map(can_be_asked_again, predictions))
    frames: list[pl.DataFrame] = []
    why: dict[str, str] = {}
    notes: list[str] = []
    again = pl.DataFrame(schema={"ident": pl.UInt64})
    newest = max(reading.starts) + reading.size
    if asked:
        found = []
        for part in reasks(predictions, place.columns, within):
            rows = part.frame
            found.append(rows.filter("again").select("ident"))
            if not acted:
                rows = place.rows(rows).with_columns(redo=pl.col("again"))
                frames.append(count(_older(rows, newest - within * MICRO - reading.size), REDO, "redo"))
        again = pl.concat([again, *found])
    if acted or labelled:
        more, said, lacks = _feedback(predictions, feedback, place, again if acted else None, within, count)
        frames += more
        notes += said
        why |= lacks
    if not asked and not acted:
        why[REDO] = "no user_action, and no user_id with an item"
    if not labelled:
        why[WRONG] = "no label can be joined with a prediction"
    return frames, why, notes


def _feedback(
    predictions: Sequence[Part],
    feedback: Sequence[Part],
    place: "_Place",
    again: pl.DataFrame | None,
    within: int,
    count: Callable[[pl.DataFrame, str, str], pl.DataFrame],
) -> tuple[list[pl.DataFrame], list[str], dict[str, str]]:
    reading = place.reading
    end = max(reading.starts) + reading.size
    out: list[pl.DataFrame] = []
    held: list[pl.DataFrame] = []
    for part in with_feedback(predictions, feedback, (*place.columns, "prediction")):
        rows = place.rows(part.frame)
        if again is not None:
            action = pl.col("user_action").str.strip_chars().str.to_lowercase() == "redo"
            known = pl.col("ident").is_in(again["ident"].implode())
            redo = rows.with_columns(redo=action.fill_null(value=False) | known)
            out.append(count(_older(redo, end - within * MICRO - reading.size), REDO, "redo"))
        held.append(rows.filter(pl.col("label").is_not_null() & pl.col("prediction").is_not_null()))
    rows = pl.concat(held, how="vertical_relaxed")
    if rows.is_empty():
        return out, [], {WRONG: "no prediction of either arm has a label"}
    lag = _lag(rows)
    rows = _older(rows, end - lag - reading.size)
    notes = (
        [f"labels are compared at equal age: predictions older than {lag / MICRO / 3_600:.1f} h"]
        if lag
        else []
    )
    numbers = rows.select(
        pl.col(c).cast(pl.String).cast(pl.Float64, strict=False).alias(c) for c in ("prediction", "label")
    )
    if not numbers["label"].null_count() and numbers["label"].n_unique() > CLASSES:
        missed = rows.with_columns(missed=(numbers["prediction"] - numbers["label"]).abs())
        return [*out, count(missed, MISSED, "missed")], notes, {WRONG: "labels are numbers, not classes"}
    wrong = rows.with_columns(wrong=_word("prediction") != _word("label"))
    return [*out, count(wrong, WRONG, "wrong")], notes, {MISSED: "labels are classes, not numbers"}


class _Place:
    """Where a joined row belongs: its window, arm, stratum and unit."""

    def __init__(self, reading: Reading, predictions: Sequence[Part]) -> None:
        self.reading = reading
        names: dict[str, str] = {}
        for stratum in reading.values:
            column = stratum.removeprefix(STRATUM)
            own = next((n for p in predictions if (n := named(p, column))), "")
            if own:
                names[column] = own
        self.strata: Mapping[str, str] = names
        unit = (
            next((n for p in predictions if (n := named(p, reading.unit_column))), "")
            if reading.unit_column
            else ""
        )
        self.unit = unit
        chosen = reading.settings.arms
        self.arm = (
            [next((n for p in predictions if (n := named(p, chosen))), "")]
            if chosen
            else [a for a in ARMS if any(can(p, a) for p in predictions)]
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """What the join carries along."""
        model = "model" if self.reading.range.model else ""
        return tuple(dict.fromkeys(n for n in (*self.arm, *self.strata.values(), self.unit, model) if n))

    def rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Those of both arms, with a time within the windows."""
        reading = self.reading
        names = {reading.treatment: TREATMENT, **({reading.control: CONTROL} if reading.control else {})}
        time = pl.col("timestamp").to_physical().cast(pl.Int64)
        first, last = reading.starts[0], reading.starts[-1]
        arm = pl.coalesce(pl.col(a).cast(pl.String) for a in self.arm)
        frame = frame.with_columns(
            arm=arm.replace_strict(names, default=None, return_dtype=pl.String),
            window=time // reading.size * reading.size,
            stratum=self._stratum(),
            unit=pl.col(self.unit).cast(pl.String).hash() if self.unit else pl.lit(None, dtype=pl.UInt64),
            time=time,
        )
        inside = pl.col("window").is_between(first, last)
        if reading.range.since is not None:
            inside &= pl.col("time") >= reading.range.since
        if reading.range.until is not None:
            inside &= pl.col("time") < reading.range.until
        if reading.range.model:
            inside &= pl.col("model").cast(pl.String) == reading.range.model
        return frame.filter(pl.col("arm").is_not_null() & inside)

    def _stratum(self) -> pl.Expr:
        texts = []
        for stratum, values in self.reading.values.items():
            column = stratum.removeprefix(STRATUM)
            own = self.strata.get(column)
            if own is None:
                texts.append(pl.lit(f"{column}={LACKING}"))
                continue
            value = pl.col(own).cast(pl.String)
            known = pl.when(value.is_in(list(values))).then(value).otherwise(pl.lit(OTHER))
            texts.append(pl.concat_str(pl.lit(f"{column}="), known))
        return pl.concat_str(texts, separator=",") if texts else pl.lit("")


def _older(rows: pl.DataFrame, last: int) -> pl.DataFrame:
    """Windows that are as old as the answer takes to come."""
    return rows.filter(pl.col("window") <= last)


def _lag(rows: pl.DataFrame) -> int:
    """The age by which most labels had come, microseconds; 0 where nothing says when they did."""
    delay = rows.select((pl.col("label_time").to_physical().cast(pl.Int64) - pl.col("time")).alias("d"))[
        "d"
    ].drop_nulls()
    known = delay.filter(delay >= 0)
    return int(known.quantile(OLD_ENOUGH) or 0) if len(known) else 0


def _word(column: str) -> pl.Expr:
    """A class as one text: `True`, `1` and `1.0` are the same."""
    text = pl.col(column).cast(pl.String).str.strip_chars().str.to_lowercase().replace(WORDS)
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_not_null()).then(number.cast(pl.String)).otherwise(text)
