"""Counts of predictions beside their labels: by score bucket, answer, label and how late the label came."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl

from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Part
from mlops_cli.logs.join import shared_id, with_feedback
from mlops_cli.logs.keys import FILE_BITS
from mlops_cli.profile.kept_frames import digest, load, of_files, save
from mlops_cli.profile.pairs import Pairs
from mlops_cli.profile.plan import as_text
from mlops_cli.profile.spec import ProfileSpec, WindowSpec
from mlops_cli.profile.windowed import windowed

VERSION = 2  # goes up when the same files would be counted differently
BUCKETS = 200  # of equal width over scores in [0, 1]
# Delays of a label in seconds: bucket d is [EDGES[d], EDGES[d + 1]); NEVER: it has not come.
EDGES = (0, 3_600, 21_600, 86_400, 259_200, 604_800, 1_209_600, 2_592_000, 7_776_000, 2**40)
NEVER = -1
UNDATED = "the labels do not say when they came"
NO_SCORE = -1
QUANTUM = 1e9  # losses of scores are added up as whole numbers of this part: the same in any order
CLIP = 1e-6  # of a probability in the log loss
BLOCKS = 10  # of a reference without times
CLASSES = 20  # more different labels that are numbers: a quantity
SECOND = 1_000_000
KEY: dict[str, pl.DataType] = {
    "window": pl.Int64(),
    "model": pl.String(),
    "segment": pl.String(),
    "delay": pl.Int8(),
}
CELLS: dict[str, pl.DataType] = {
    **KEY,
    "bucket": pl.Int16(),
    "predicted": pl.String(),
    "label": pl.String(),
    "n": pl.Int64(),
    "score": pl.Int64(),  # sums, in QUANTUM
    "square": pl.Int64(),  # of the score
    "log1": pl.Int64(),  # of -ln of the score, and of what it lacks to 1
    "log0": pl.Int64(),
}
ERRORS = ("ae", "se", "ape")  # |e|, e^2, |e| / |y|
LOSSES: dict[str, pl.DataType] = {
    **KEY,
    "n": pl.Int64(),
    "ape_n": pl.Int64(),
    **{f"{name}{suffix}": pl.Float64() for name in ERRORS for suffix in ("", "_2")},
    "size": pl.Float64(),  # sum of |y|
}
FRAMES = {"cells": CELLS, "losses": LOSSES}


@dataclass(frozen=True)
class Labelled:
    """What labels say of the predictions.

    Parameters
    ----------
    cells : frame of CELLS, of classes
    losses : frame of LOSSES, of quantities
    timed : labels say when they came
    why : there is nothing to count
    notes : in words

    """

    cells: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=CELLS))
    losses: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=LOSSES))
    timed: bool = False
    why: str = ""
    notes: tuple[str, ...] = ()

    def counts(self) -> dict[str, pl.DataFrame]:
        """As a metric's context has them."""
        return {} if self.why else {"label-cells": self.cells, "label-losses": self.losses}


def labelled(
    parts: Sequence[Part],
    spec: ProfileSpec,
    cache: Path | None = None,
    partitions: int = 0,
    *,
    reference: bool = False,
) -> Labelled:
    """Count each prediction once, with the last label that has come.

    Parameters
    ----------
    parts : of all kinds
    spec : windows and segments
    cache : folder of earlier counts; with equal files none is read
    partitions : of the join; 0: as many as bounded memory needs
    reference : a baseline that is a file of its own: without times its windows are blocks of its rows

    """
    predictions = [p for p in parts if p.kind == "predictions" and "prediction" in available(p)]
    feedback = [p for p in parts if p.kind == "feedback" and "label" in available(p)]
    if not predictions or not feedback:
        return Labelled(why="there is no label in these logs" if predictions else "there is no prediction")
    if not shared_id(predictions, feedback):
        return Labelled(why="the labels and the predictions share no request_id or trace_id")
    files = of_files([*predictions, *feedback])
    key = digest(VERSION, files, asdict(spec.window), spec.segments, reference)
    found = _load(cache, key) if cache is not None else None
    if found is None:
        found = _count(predictions, feedback, spec, partitions, reference=reference)
        if cache is not None:
            _save(cache, key, found)
    return found


def with_labels(joined: Pairs, mine: Labelled, baseline: Labelled | None) -> Pairs:
    """The joined counts with those of labels, and of a baseline that is a file of its own."""
    counts = {**joined.counts, **mine.counts()}
    if baseline is not None and not mine.why:
        counts |= {name.replace("label-", "label-base-"): f for name, f in baseline.counts().items()}
    why = {"label-cells": mine.why} if mine.why else {} if mine.timed else {"label-time": UNDATED}
    return Pairs(counts, {**joined.unavailable, **why}, (*joined.notes, *mine.notes))


def _count(
    predictions: Sequence[Part],
    feedback: Sequence[Part],
    spec: ProfileSpec,
    partitions: int,
    *,
    reference: bool,
) -> Labelled:
    segments = sorted({c for columns, _ in spec.segments for c in columns})
    frames: dict[str, list[pl.DataFrame]] = {"cells": [], "losses": []}
    timed, unplaced = False, 0
    kind = "losses" if _many(predictions, "prediction") and _many(feedback, "label") else "cells"
    wanted = ("model", "prediction", "score", *segments)
    blocks = in_blocks(predictions, spec.window) if reference else None
    for joined in with_feedback(predictions, feedback, wanted, partitions):
        frame = windowed(joined.frame, spec.window)
        if blocks is not None:
            frame = frame.with_columns(window=blocks)
        unplaced += frame["window"].null_count()
        frame = frame.drop_nulls("window").filter(pl.col("prediction").is_not_null())
        timed = timed or frame["label_time"].null_count() < frame.height
        frame = frame.with_columns(delay=_delay())
        make = _losses if kind == "losses" else _cells
        frames[kind] += [make(f) for f in segmented(frame, spec)]
    made = {name: _added(found, FRAMES[name]) for name, found in frames.items()}
    made["cells"] = _added([_words(made["cells"])], CELLS)
    untold = (
        "labels do not say when they came: no delay is known, windows are not compared at equal age; "
        "[windows] settle must say how old a window has to be"
    )
    notes = () if timed else (untold,)
    if not sum(f.filter(pl.col("delay") != NEVER).height for f in made.values()):
        return Labelled(why="no label belongs to one of the predictions", notes=notes)
    return Labelled(made["cells"], made["losses"], timed, notes=notes)


def in_blocks(predictions: Sequence[Part], window: WindowSpec) -> pl.Expr | None:
    """Block of the rows of a file without times, by where they stand in it; None where there are windows."""
    if window.seconds and all("timestamp" in available(p) for p in predictions):
        return None
    rows = {p.path: p.rows for p in predictions}
    paths = sorted({(p.source.path, p.path) for p in predictions})
    ordered = [rows[path] for _, path in paths]  # as `ident` numbers the files
    before, total = [sum(ordered[:i]) for i in range(len(ordered))], max(sum(ordered), 1)
    file, at = pl.col("ident") // (1 << FILE_BITS), pl.col("ident") % (1 << FILE_BITS)
    first = file.replace_strict(list(range(len(ordered))), before, return_dtype=pl.UInt64)
    return ((first + at) * BLOCKS // total).clip(0, BLOCKS - 1).cast(pl.Int64)


def _many(parts: Sequence[Part], name: str) -> bool:
    """Whether a column is a quantity: a number in every file, with more values than classes have."""
    values = [
        pl.scan_parquet(p.path, glob=False).select(expression(p, name).alias(name))
        for p in parts
        if name in available(p)
    ]
    if not all(rows.collect_schema()[name].is_numeric() for rows in values):
        return False
    seen: set[float] = set()
    for rows in values:
        seen |= set(rows.drop_nulls().unique().head(CLASSES + 1).collect(engine="streaming")[name])
        if len(seen) > CLASSES:
            return True
    return False


def _delay() -> pl.Expr:
    """Bucket of the time from prediction to label; 0 where it is not known."""
    late = (pl.col("label_time") - pl.col("timestamp")).dt.total_seconds().fill_null(0)
    bucket = pl.sum_horizontal((late >= edge).cast(pl.Int8) for edge in EDGES[1:-1])
    return pl.when(pl.col("label").is_null()).then(NEVER).otherwise(bucket).cast(pl.Int8)


def segmented(frame: pl.DataFrame, spec: ProfileSpec) -> list[pl.DataFrame]:
    """All rows, then those of each segment, named as the profile names them."""
    out = [frame.with_columns(segment=pl.lit(""))]
    for columns, levels in spec.segments:
        names = []
        for column, pinned in zip(columns, levels, strict=True):
            text = as_text(frame[column]).fill_null("")
            kept = pl.select(
                pl.when(text.is_in(list(pinned))).then(text).otherwise(pl.lit("(other)"))
            ).to_series()
            short = column.removeprefix("features.")
            names.append((short, (f"{short}=" + kept).alias(column)))
        texts = [series for _, series in sorted(names)]
        joined = pl.select(pl.concat_str(texts, separator=",")).to_series()
        out.append(frame.with_columns(joined.alias("segment")))
    return out


def answers(text: pl.Series) -> pl.Series:
    """1 where a text says yes, 0 where it says no; null for all others."""
    low = text.str.to_lowercase()
    return pl.select(
        pl.when(low.is_in(["true", "yes", "t", "y", "1"]))
        .then(pl.lit("1"))
        .when(low.is_in(["false", "no", "f", "n", "0"]))
        .then(pl.lit("0"))
    ).to_series()


def _words(cells: pl.DataFrame) -> pl.DataFrame:
    """True, yes and 1 are the same class where all of them are such words: told of all rows, in no part."""
    out = {name: answers(cells[name]) for name in ("predicted", "label")}
    return cells.with_columns(**{n: s for n, s in out.items() if s.null_count() == cells[n].null_count()})


def classes(cells: pl.DataFrame, others: pl.DataFrame) -> list[str]:
    """All answers and labels of both frames of CELLS; of two the positive one is last.

    It is "1", else the one with the higher scores where it is predicted, as the first frame has them.
    """
    found = pl.concat([f[c] for f in (cells, others) for c in ("predicted", "label")]).drop_nulls().unique()
    names = sorted(found.to_list())
    if len(names) == 2 and "1" not in names:
        scored = cells.filter(pl.col("bucket") >= 0)
        sums = scored.group_by("predicted").agg(pl.col("score").sum() / pl.col("n").sum())
        mean = dict(sums.iter_rows())
        if (mean.get(names[1]) or 0.0) < (mean.get(names[0]) or 0.0):
            names.reverse()
    return names


def _cells(frame: pl.DataFrame) -> pl.DataFrame:
    score = frame["score"].cast(pl.Float64, strict=False)
    usable = (score >= 0) & (score <= 1)
    rows = frame.with_columns(score=pl.select(pl.when(usable).then(score).otherwise(0.0)).to_series())
    rows = rows.with_columns(
        bucket=pl.when(usable)
        .then((pl.col("score") * BUCKETS).floor().clip(0, BUCKETS - 1))
        .otherwise(NO_SCORE)
        .cast(pl.Int16),
    )
    clipped = pl.col("score").clip(CLIP, 1 - CLIP)
    sure = {1: clipped, 0: 1 - clipped}
    # By the values as they are, which are few: their texts are made of the cells, not of every row.
    cells = rows.group_by("window", "model", "segment", "delay", "bucket", "prediction", "label").agg(
        pl.len().cast(pl.Int64).alias("n"),
        (pl.col("score") * QUANTUM).round().cast(pl.Int64).sum(),
        (pl.col("score") ** 2 * QUANTUM).round().cast(pl.Int64).sum().alias("square"),
        *((-p.log() * QUANTUM).round().cast(pl.Int64).sum().alias(f"log{y}") for y, p in sure.items()),
    )
    return cells.with_columns(
        as_text(cells["prediction"]).str.strip_chars().alias("predicted"),
        as_text(cells["label"]).str.strip_chars().alias("label"),
    )


def _losses(frame: pl.DataFrame) -> pl.DataFrame:
    truth, answer = (pl.col(n).cast(pl.Float64, strict=False) for n in ("label", "prediction"))
    rows = frame.with_columns(
        pl.col("model").cast(pl.String), ae=(answer - truth).abs(), size=truth.abs()
    ).filter(pl.col("label").is_null() | pl.col("ae").is_finite())
    rows = rows.with_columns(
        se=pl.col("ae") ** 2,
        ape=pl.when(pl.col("size") > 0).then(pl.col("ae") / pl.col("size")),
    )
    sums = [pl.col(n).sum() for n in ERRORS] + [(pl.col(n) ** 2).sum().alias(f"{n}_2") for n in ERRORS]
    by = ["window", "model", "segment", "delay"]
    return rows.group_by(by).agg(
        pl.len().cast(pl.Int64).alias("n"),
        pl.col("ape").count().cast(pl.Int64).alias("ape_n"),
        *sums,
        pl.col("size").sum(),
    )


def _added(frames: Sequence[pl.DataFrame], schema: dict[str, pl.DataType]) -> pl.DataFrame:
    """Partitions together, in one order."""
    if not frames:
        return pl.DataFrame(schema=schema)
    keys = [n for n in schema if n in {*KEY, "bucket", "predicted", "label"}]
    frame = pl.concat([f.select(pl.col(n).cast(t) for n, t in schema.items()) for f in frames])
    sums = [n for n in schema if n not in keys]
    return frame.group_by(keys).agg(pl.col(sums).sum()).select(*schema).sort(keys)


def _load(cache: Path, key: str) -> Labelled | None:
    found = load(cache, "labelled", key, FRAMES)
    if found is None:
        return None
    frames, said = found
    told = next(iter(said.values()))
    return Labelled(**frames, timed=told["timed"], why=told["why"], notes=tuple(told["notes"]))


def _save(cache: Path, key: str, found: Labelled) -> None:
    told = {"timed": found.timed, "why": found.why, "notes": found.notes}
    save(cache, "labelled", key, {n: getattr(found, n) for n in FRAMES}, dict.fromkeys(FRAMES, told))
