"""What a booster learns of a bounded sample of rows: the size of errors, and calibration under a shift.

Only sums leave this file. The sample is chosen by the hash of the request's id, so it is the same in any
order of the files; of the baseline it takes rows with a label, of each window as many as there is room for.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.logs.canon import FEATURE
from mlops_cli.logs.expressions import available
from mlops_cli.logs.format import Part
from mlops_cli.logs.join import shared_id, with_feedback
from mlops_cli.profile.kept_frames import digest, load, of_files, save
from mlops_cli.profile.labelled import BUCKETS, NEVER, Labelled, answers, classes, in_blocks, segmented
from mlops_cli.profile.plan import as_text
from mlops_cli.profile.spec import ProfileSpec
from mlops_cli.profile.versions import VERSIONS, versions
from mlops_cli.profile.windowed import windowed
from mlops_cli.stats.booster import Bins
from mlops_cli.stats.correction import WAYS, Corrector, Rows, Sizes
from mlops_cli.stats.loss_model import FOLDS, POWERS, TERMS, LossModel, terms

VERSION = 1  # goes up when the same rows would teach otherwise
READ = 1_000_000  # rows of a side that are joined; of more, those of some requests
REFERENCE = 20_000  # labelled rows that are learnt from
CURRENT = 60_000  # rows of all windows that are estimated
LEAST = 300  # labelled rows without which nothing is learnt
NUMBERS = 1_000_000  # rows times fields: a wide log is learnt from fewer rows
MODELS = 8
OPEN = 0.9  # of the baseline's share of labelled rows: below it there is something to estimate

Floats = NDArray[np.float64]
KEY: dict[str, pl.DataType] = {"model": pl.String(), "segment": pl.String(), "window": pl.Int64()}
# Of labelled rows of the baseline (known): sums as `stats.loss_model.Known` names them. Of a window: sums of
# what each fit expects (f), of its square (g) and its fourth power (h).
ASKED = tuple(f"{name}{k}" for name in "fgh" for k in range(1 + FOLDS))
LOSSES: dict[str, pl.DataType] = {
    **KEY,
    "known": pl.Boolean(),
    "n": pl.Int64(),
    **dict.fromkeys((*TERMS, *ASKED), pl.Float64()),
}
# Sums of what each way of correction adds to the calibrated rate, by score bucket.
SHIFTS: dict[str, pl.DataType] = {
    **KEY,
    "bucket": pl.Int64(),
    "n": pl.Int64(),
    **dict.fromkeys(WAYS[1:], pl.Float64()),
}
# One row a model: the way the backtest chose, the Brier score of each, the effective share of the baseline.
CHOICES: dict[str, pl.DataType] = {
    "model": pl.String(),
    "way": pl.String(),
    "positive": pl.String(),
    "rows": pl.Int64(),
    "fields": pl.Int64(),
    **dict.fromkeys((*(f"brier_{w}" for w in WAYS), "effective", "gain", "error"), pl.Float64()),
}
FRAMES = {"losses": LOSSES, "shifts": SHIFTS, "choices": CHOICES, "versions": VERSIONS}


@dataclass(frozen=True)
class Learned:
    """Frames of LOSSES, SHIFTS, CHOICES and VERSIONS; empty where there was nothing to learn."""

    losses: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LOSSES))
    shifts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=SHIFTS))
    choices: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CHOICES))
    versions: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=VERSIONS))

    def counts(self) -> dict[str, pl.DataFrame]:
        """As a metric's context has them."""
        return {f"learned-{name}": getattr(self, name) for name in FRAMES}


@dataclass(frozen=True)
class Sides:
    """Where the baseline's rows are: windows of the same logs, or parts of its own."""

    parts: Sequence[Part]
    baseline: tuple[int, ...] = ()
    reference: Sequence[Part] = ()


def learn(
    sides: Sides, spec: ProfileSpec, mine: Labelled, base: Labelled | None, cache: Path | None
) -> Learned:
    """Learn what the counts cannot tell; nothing where no window lacks labels, or there is no baseline.

    Parameters
    ----------
    sides : of all kinds
    spec : windows and segments
    mine, base : counts of labels, of the logs and of a baseline of its own
    cache : folder of earlier runs; with equal files nothing is learnt again

    """
    quantity = mine.losses.height > 0
    if mine.why or not (sides.baseline or sides.reference):
        return Learned()
    if not quantity and not _open(mine, base, sides.baseline):
        return Learned()
    key = _key(sides, spec)
    kept = load(cache, "learned", key, FRAMES) if cache is not None else None
    if kept is not None:
        return Learned(**kept[0])
    found = _learn(sides, spec, mine, base)
    if cache is not None:
        save(cache, "learned", key, {name: getattr(found, name) for name in FRAMES}, {})
    return found


def _open(mine: Labelled, base: Labelled | None, baseline: tuple[int, ...]) -> bool:
    """Whether some window lacks labels that the baseline had."""
    rows = mine.cells.filter(pl.col("segment") == "")
    known = pl.col("n").filter(pl.col("delay") != NEVER).sum() / pl.col("n").sum()
    own = rows.filter(pl.col("window").is_in(baseline)) if base is None else base.cells
    usual = own.select(known).item() if own.height else None
    later = rows.filter(~pl.col("window").is_in(baseline)).group_by("window").agg(known.alias("share"))
    return usual is not None and bool((later["share"] < OPEN * usual).any())


def _learn(sides: Sides, spec: ProfileSpec, mine: Labelled, base: Labelled | None) -> Learned:
    segments = sorted({c for columns, _ in spec.segments for c in columns})
    fields = sorted({n for p in sides.parts if p.kind == "predictions" for n in available(p)})
    fields = [n for n in fields if n.startswith(FEATURE)]
    told = versions(sides.parts, sides.reference, spec.window)
    quantity = mine.losses.height > 0
    names = classes(mine.cells, (base or mine).cells)
    if not quantity and (len(names) != 2 or not fields):
        return Learned(versions=told)
    columns = ("model", "prediction", "score", *dict.fromkeys((*fields, *segments)))
    now = _sample(sides.parts, spec, columns)
    known = now.filter(pl.col("window").is_in(sides.baseline))
    if sides.reference:
        known = _sample(sides.reference, spec, columns, blocks=True)
    now = now.filter(~pl.col("window").is_in(sides.baseline))
    known = known.filter(pl.col("label").is_not_null())
    room = min(REFERENCE, NUMBERS // max(len(fields), 1))
    models = now.group_by("model").len().sort("len", "model", descending=[True, False])["model"][:MODELS]
    out: dict[str, list[pl.DataFrame]] = {"losses": [], "shifts": [], "choices": []}
    for model in models:
        own = known.filter(pl.col("model") == model)
        own = _few(own if own.height else known.filter(pl.col("model") == ""), room)
        rows = _few(now.filter(pl.col("model") == model), CURRENT // len(models))
        own = own.with_columns(model=pl.lit(model))
        if quantity:
            out["losses"] += _losses(own, rows, fields, spec)
            way = {"model": model, "way": "losses", "rows": own.height, "fields": len(fields)}
            out["choices"].append(pl.DataFrame([way], schema=CHOICES))
        else:
            found = _shifts(own, rows, fields, spec, names)
            out["shifts"] += found[:1]
            out["choices"] += found[1:]
    made = {
        name: pl.concat([pl.DataFrame(schema=FRAMES[name]), *frames]).sort(
            [n for n in FRAMES[name] if n in {*KEY, "known", "bucket"}]
        )
        for name, frames in out.items()
    }
    return Learned(**made, versions=told)


def _sample(
    parts: Sequence[Part], spec: ProfileSpec, columns: Sequence[str], *, blocks: bool = False
) -> pl.DataFrame:
    """Joined rows of a share of the requests, with their window."""
    predictions = [p for p in parts if p.kind == "predictions" and "prediction" in available(p)]
    feedback = [p for p in parts if p.kind == "feedback" and "label" in available(p)]
    if not predictions or not feedback or not shared_id(predictions, feedback):
        return pl.DataFrame(schema={"model": pl.String, "window": pl.Int64, "label": pl.String})
    share = min(READ / max(sum(p.rows for p in predictions), 1), 1.0)
    place = in_blocks(predictions, spec.window) if blocks else None
    frames = []
    for joined in with_feedback(predictions, feedback, columns, share=share):
        frame = windowed(joined.frame, spec.window)
        frame = frame.with_columns(window=place) if place is not None else frame
        frames.append(frame.drop_nulls("window").filter(pl.col("prediction").is_not_null()))
    return pl.concat(frames).with_columns(pl.col("model").cast(pl.String))


def _few(rows: pl.DataFrame, room: int) -> pl.DataFrame:
    """As many of each window as there is room for, in the order of time."""
    each = room // max(rows["window"].n_unique(), 1)
    if rows.height > room:
        lot = pl.col("ident").hash(seed=1)
        rows = rows.filter(lot.rank("ordinal").over("window") <= each)
    return rows.sort("window", "timestamp", "ident")


def _columns(rows: pl.DataFrame, names: Sequence[str]) -> list[Floats | NDArray[np.str_]]:
    """Numbers, and texts where a column is no number."""
    out: list[Floats | NDArray[np.str_]] = []
    for name in names:
        column = rows[name]
        if column.dtype.is_numeric() or column.dtype == pl.Boolean:
            out.append(column.cast(pl.Float64).to_numpy())
        elif column.dtype.is_temporal():
            out.append(column.to_physical().cast(pl.Float64).to_numpy())
        else:
            out.append(as_text(column).fill_null("").to_numpy().astype(np.str_))
    return out


def _losses(
    known: pl.DataFrame, rows: pl.DataFrame, fields: Sequence[str], spec: ProfileSpec
) -> list[pl.DataFrame]:
    """Sums of LOSSES, of the baseline's blocks and of each window."""
    numbers = [pl.col(n).cast(pl.Float64, strict=False) for n in ("prediction", "label")]
    known = known.with_columns(*numbers).with_columns(e=(pl.col("prediction") - pl.col("label")).abs())
    known = known.filter(pl.col("e").is_finite())
    rows = rows.with_columns(numbers[0])
    if known.height < LEAST or rows.is_empty():
        return []
    names = ("prediction", *fields)
    model = LossModel(_columns(known, names), known["e"].to_numpy())
    sums = terms(pl.col("e"), pl.col("o"))
    known = known.with_columns(o=pl.Series(model.out))
    fits = model.predict(_columns(rows, names))
    rows = rows.with_columns(pl.Series(f"fit{k}", f) for k, f in enumerate(fits))
    asked = {
        f"{n}{k}": pl.col(f"fit{k}") ** p
        for n, p in zip("fgh", POWERS, strict=True)
        for k in range(len(fits))
    }
    sides = ((known, sums, True), (rows, asked, False))
    return [
        _whole(
            part.group_by(list(KEY)).agg(pl.len().alias("n"), **{k: x.sum() for k, x in each.items()}), told
        )
        for side, each, told in sides
        for part in segmented(side, spec)
    ]


def _whole(frame: pl.DataFrame, known: bool) -> pl.DataFrame:  # noqa: FBT001 # a value of the frame
    absent = [pl.lit(0.0).alias(n) for n in LOSSES if n not in frame.columns and n != "known"]
    frame = frame.with_columns(*absent, known=pl.lit(known))
    return frame.select(pl.col(n).cast(t) for n, t in LOSSES.items())


def _shifts(
    known: pl.DataFrame, rows: pl.DataFrame, fields: Sequence[str], spec: ProfileSpec, both: Sequence[str]
) -> list[pl.DataFrame]:
    """Frames of SHIFTS and CHOICES; `both` classes, the positive one last."""
    known, rows = (f.with_columns(pl.col("score").cast(pl.Float64, strict=False)) for f in (known, rows))
    inside = pl.col("score").is_between(0, 1)
    known, rows = known.filter(inside), rows.filter(inside)
    text = as_text(known["label"]).str.strip_chars()
    if set(both) == {"0", "1"}:
        text = answers(text)
    there = text.is_in(list(both))
    known = known.filter(there)
    label = (text.filter(there) == both[-1]).cast(pl.Float64).to_numpy()
    if min(label.sum(), len(label) - label.sum(), rows.height) < LEAST:
        return []
    names = ("score", *fields)
    bins = Bins(_columns(known, names))
    reference, current = (_rows(bins, f, names) for f in (known, rows))
    open_ = np.flatnonzero(rows["label"].is_null().to_numpy())
    asked = open_ if len(open_) >= LEAST else np.arange(rows.height)
    asked = asked[:: max(len(asked) // REFERENCE, 1)]
    pool = Rows(current.codes[asked], current.bucket[asked])
    found = Corrector(reference, label, pool, Sizes(bins.sizes, bins.categories))
    shifts = {way: found.shift(current, way) for way in WAYS[1:]}
    # Weights make the baseline look like the rows without labels, and like no other window.
    lacks = rows.select(pl.col("label").is_null().any().over("window")).to_series().to_numpy()
    shifts["weighted"] = np.where(lacks, shifts["weighted"], 0.0)
    rows = rows.with_columns(
        pl.Series("bucket", current.bucket), *(pl.Series(w, s) for w, s in shifts.items())
    )
    sums = pl.concat(
        part.group_by([*KEY, "bucket"]).agg(pl.len().alias("n"), pl.col(WAYS[1:]).sum())
        for part in segmented(rows, spec)
    ).select(pl.col(n).cast(t) for n, t in SHIFTS.items())
    choice = found.choice
    told = {
        "model": known["model"][0],
        "way": choice.way,
        "positive": both[-1],
        "rows": len(label),
        "fields": len(fields),
        **{f"brier_{w}": choice.brier.get(w) for w in WAYS},
        "effective": choice.effective,
        "gain": choice.gain,
        "error": choice.error,
    }
    return [sums, pl.DataFrame([told], schema=CHOICES)]


def _rows(bins: Bins, frame: pl.DataFrame, names: Sequence[str]) -> Rows:
    bucket = np.clip(frame["score"].to_numpy() * BUCKETS, 0, BUCKETS - 1).astype(np.int64)
    return Rows(bins.codes(_columns(frame, names)), bucket)


def _key(sides: Sides, spec: ProfileSpec) -> str:
    joined = [
        [p for p in side if p.kind in {"predictions", "feedback"}] for side in (sides.parts, sides.reference)
    ]
    return digest(
        VERSION,
        *map(of_files, joined),
        len(sides.reference),
        sides.baseline,
        asdict(spec.window),
        spec.segments,
    )
