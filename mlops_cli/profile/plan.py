"""Plan: settings and a sample of the baseline → ProfileSpec; the only place that decides.

Deterministic: parts are taken by path, the sample is the first rows of as many as give a thousand values.
Once they do, a file of a larger name changes nothing: what was counted stays counted.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

import polars as pl

from mlops_cli.config.settings import Segments, Settings
from mlops_cli.errors import unknown
from mlops_cli.logs.canon import FEATURE, KINDS
from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Part
from mlops_cli.logs.leaves import LEAF
from mlops_cli.profile.fields import FIXED, SAMPLE, SURE, WIDE, Sample, field_of, gauge, mostly_distinct
from mlops_cli.profile.spec import FieldSpec, ProfileSpec
from mlops_cli.profile.windows import choose_window

# What is counted of each kind beside its rows. Ids of users and items are for joins, not for counts.
COUNTED = {
    "predictions": (
        "request_id",
        "prediction",
        "score",
        "latency_ms",
        "status",
        "error",
        "input_bytes",
        "output_bytes",
        "tokens_in",
        "tokens_out",
        "cost",
    ),
    "feedback": ("label", "user_action"),
    "decisions": ("decision", "confidence", "seconds"),
    "requests": ("request_id", "latency_ms", "queue_ms", "status", "input_bytes", "output_bytes"),
    "spans": ("latency_ms", "status", "error"),
    "gauges": (),
}
LOOKS = 8  # files that are looked at for the values of a column
GAUGES = 256  # names of gauges
OTHER_TIMES = {"feedback": "label_time"}
PROBE = "mlops"
TRAINING = frozenset({"target", "label", "labels", "y", "class", "outcome", "split", "fold", "weight"})


def plan(parts: Sequence[Part], reference_parts: Sequence[Part], settings: Settings) -> ProfileSpec:
    """What to count, how finely, by which windows and segments.

    Types and resolutions are those of the baseline's first rows; fields are all that any file of the logs
    has, and those that are gone since the reference. Columns that only a training table has (a target, a
    split) are none of the logs' fields.

    Parameters
    ----------
    parts : of the logs to be judged
    reference_parts : of a baseline that is a file of its own; none: the logs' first rows stand for it
    settings : windows and segments

    Raises
    ------
    UsageError
        Where a segment names a column that these logs do not have.

    """
    fields: list[FieldSpec] = []
    for kind in KINDS:
        mine = _ordered(p for p in parts if p.kind == kind)
        if not mine:
            continue
        fields.append(FieldSpec(kind, "", "", "rows", "rows"))
        if kind == "gauges":
            fields += _gauges(mine)
            continue
        columns = _columns(kind, mine, parts)
        if kind == "predictions":
            columns += [f"{FEATURE}{name}" for name in gone(parts, reference_parts)]
        basis = [*_ordered(p for p in reference_parts if p.kind == kind), *mine]
        samples = _samples(basis, [c for c in columns if c not in FIXED])
        fields += [field_of(kind, c, samples.get(c, Sample())) for c in columns]
    return ProfileSpec(
        window=choose_window(
            parts, settings.windows.size, settings.project.timezone, settings.windows.min_rows
        ),
        fields=tuple(fields),
        segments=_segments(settings.segments, parts, reference_parts),
        probe=probe(),
    )


def probe() -> str:
    """Hash of a fixed text: polars does not promise that the next version hashes alike."""
    return str(pl.Series([PROBE]).hash()[0])


def only_in_reference(parts: Sequence[Part], reference_parts: Sequence[Part]) -> tuple[str, ...]:
    """Features of the reference that no file of the logs has: nothing is said of them but that."""
    have = {name for p in parts for name in available(p)}
    theirs = {
        n: None for p in _ordered(reference_parts) for n in sorted(available(p)) if n.startswith(FEATURE)
    }
    return tuple(n.removeprefix(FEATURE) for n in theirs if n not in have)


def gone(parts: Sequence[Part], reference_parts: Sequence[Part]) -> tuple[str, ...]:
    """Features that the logs have lost since the reference; none where it is a training table.

    A table with the truth beside its features was made for training: what else only it has is not missed.
    """
    lost = only_in_reference(parts, reference_parts)
    taught = any(p.kind == "feedback" for p in reference_parts) or {n.lower() for n in lost} & TRAINING
    return () if taught else lost


def _ordered(parts: Iterable[Part]) -> list[Part]:
    return sorted(parts, key=lambda p: (p.source.path, p.path))


def _names(parts: Sequence[Part]) -> dict[str, None]:
    """The canonical names that any file can give, in the order in which they are met."""
    out: dict[str, None] = {}
    for part in parts:
        can = available(part)
        out.update(dict.fromkeys(name for name in part.columns if name in can))
    return out


def _columns(kind: str, mine: Sequence[Part], parts: Sequence[Part]) -> list[str]:
    """Canonical columns that are counted, then features."""
    have = _names(mine)
    counted = list(COUNTED[kind])
    recorded = any(p.kind == "predictions" and "request_id" in available(p) for p in parts)
    if kind == "requests" and recorded:
        counted.remove("request_id")  # repeated ones are looked for where the predictions are
    features: list[str] = []
    if kind == "predictions" or (kind == "spans" and all(p.kind != "predictions" for p in parts)):
        features = [name for name in have if name.startswith(FEATURE)]
    leaves = [name for name in have if name.startswith(LEAF)]
    return [*(c for c in counted if c in have), *features, *leaves]


def _samples(parts: Sequence[Part], columns: Sequence[str]) -> dict[str, Sample]:
    """First values of each column, of as many files as it takes."""
    out: dict[str, Sample] = {}
    looks: Counter[str] = Counter()
    for part in parts:
        have = available(part)
        wanted = [c for c in columns if c in have and looks[c] < LOOKS and not _enough(out.get(c))]
        if not wanted or not part.rows:
            continue
        looks.update(wanted)
        for name, sample in _first_rows(part, wanted).items():
            out[name] = _together(out.get(name), sample)
    return out


def _enough(sample: Sample | None) -> bool:
    return sample is not None and sample.values.count() >= SURE


def _together(one: Sample | None, more: Sample) -> Sample:
    """Both files' values; of one type only, as the first that has values decides."""
    if one is None or not one.values.count():
        return more
    a, b = one.values, more.values
    if a.dtype != b.dtype and a.dtype.is_numeric() and b.dtype.is_numeric():
        a, b = a.cast(pl.Float64()), b.cast(pl.Float64())
    return replace(one, values=a.append(b)) if a.dtype == b.dtype and one.age == more.age else one


def _first_rows(part: Part, columns: Sequence[str]) -> dict[str, Sample]:
    """The first rows of a file; times as seconds before that of their row."""
    time = OTHER_TIMES.get(part.kind, "timestamp")
    timed = time in available(part)
    chosen = [expression(part, c).alias(f"{i}") for i, c in enumerate(columns)]
    if timed:
        chosen.append(expression(part, time).alias("time"))
    frame = pl.scan_parquet(part.path, glob=False).select(chosen).head(SAMPLE).collect()
    out = {}
    for i, name in enumerate(columns):
        values = frame[f"{i}"].alias("")
        if values.dtype == pl.String and len(values) == SAMPLE and mostly_distinct(values.drop_nulls()):
            more = pl.scan_parquet(part.path, glob=False).select(chosen[i]).head(WIDE).collect()
            values = more.to_series().alias("")
        age = isinstance(values.dtype, pl.Datetime | pl.Date)
        if age:
            values = _seconds_before(frame["time"] if timed else None, values, part.source.timezone)
        out[name] = Sample(values, part.rows, age)
    return out


def _seconds_before(time: pl.Series | None, values: pl.Series, timezone: str) -> pl.Series:
    if time is None:
        return pl.Series([], dtype=pl.Float64())
    moments = values.cast(pl.Datetime("us", getattr(values.dtype, "time_zone", None)))
    if moments.dtype.time_zone is None:  # type: ignore[attr-defined]
        moments = moments.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
    return (time - moments.dt.convert_time_zone("UTC")).dt.total_microseconds() / 1e6


def _gauges(parts: Sequence[Part]) -> list[FieldSpec]:
    """A field for each gauge that the first rows of any file name, the first GAUGES by name."""
    frames = []
    for part in parts:
        if not {"metric", "value"} <= available(part):
            continue
        chosen = [expression(part, "metric").alias("metric"), expression(part, "value").alias("value")]
        frame = pl.scan_parquet(part.path, glob=False).select(chosen).head(SAMPLE).collect()
        frames.append(frame.with_columns(rows=pl.lit(part.rows, pl.Int64())))
    if not frames:
        return []
    named = pl.concat(frames).drop_nulls("metric")
    found = sorted(named.partition_by("metric", as_dict=True).items())[:GAUGES]
    return [gauge(str(name), Sample(frame["value"], int(frame["rows"][0]))) for (name,), frame in found]


def _segments(
    asked: Segments,
    parts: Sequence[Part],
    reference_parts: Sequence[Part],
) -> tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...]:
    """Of each segment the columns, and the values of each that have a segment of their own."""
    single = dict.fromkeys((*asked.by, *asked.protected))
    groups = [*((name,) for name in single), *asked.cross]
    if not groups:
        return ()
    mine = _ordered(p for p in parts if p.kind == "predictions")
    have = _names(mine)
    columns = {name: _column(name, have) for group in groups for name in group}
    basis = [*_ordered(p for p in reference_parts if p.kind == "predictions"), *mine]
    samples = _samples(basis, list(dict.fromkeys(columns.values())))
    out = []
    for group in groups:
        named = tuple(columns[name] for name in group)
        lists = [_frequent(samples.get(c, Sample()).values, asked) for c in named]
        while len(lists) > 1 and len(lists[0]) * len(lists[1]) > asked.max:
            max(lists, key=len).pop()
        out.append((named, tuple(tuple(sorted(values)) for values in lists)))
    return tuple(out)


def _column(name: str, have: Iterable[str]) -> str:
    """The canonical column of a segment, as the user calls it."""
    known = {n.removeprefix(FEATURE): n for n in have}
    if name not in known:
        raise unknown("column of a segment", name, known, "[segments] of the configuration, or --segment")
    return known[name]


def _frequent(values: pl.Series, asked: Segments) -> list[str]:
    """The values that are frequent enough, the most frequent first."""
    texts = as_text(values.drop_nulls())
    counts = texts.value_counts(name="n").sort("n", texts.name, descending=[True, False])
    return counts.filter(pl.col("n") >= asked.min_share * len(texts))[texts.name].head(asked.max).to_list()


def as_text(values: pl.Series) -> pl.Series:
    """Values as the categories of a profile are named: whole floats without their `.0`."""
    if values.dtype.is_float():
        whole = values.cast(pl.Int64(), strict=False)
        same = whole.cast(values.dtype) == values
        return pl.select(
            pl.when(same).then(whole.cast(pl.String())).otherwise(values.cast(pl.String()))
        ).to_series()
    return values.cast(pl.String())
