"""The rows of two arms as they are read: of which log, in which range, by which columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from mlops_cli.config.rollout import Rollout
from mlops_cli.logs.arms import KINDS, LACKING, STRATUM, can, keys, named, rows
from mlops_cli.logs.format import Part
from mlops_cli.profile.arm_facts import CONTROL, TREATMENT, Frozen, slow_bin, sticky

ROWS = 10_000_000  # a partition: what is held in memory at once
VALUES = 20  # of a stratum; the rarer ones are "(other)"
OTHER = "(other)"
RATES = {
    "error-rate": "error",
    "client-error-rate": "client",
    "null-rate": "empty",
    "slow-share-p90": "slow90",
    "slow-share-p99": "slow99",
}
MEANS = {"log-latency": "log", "score": "score"}
NEEDS = {"error": "status", "client": "status", "empty": "prediction", "log": "latency_ms", "score": "score"}


@dataclass(frozen=True)
class Range:
    """Rows of [since, until) and this model count; `now` extends the windows to it. Microseconds or None."""

    since: int | None = None
    until: int | None = None
    now: int | None = None
    model: str = ""


@dataclass(frozen=True)
class Reading:
    """Which rows are read, and how; filled in as more is known."""

    parts: tuple[Part, ...]
    settings: Rollout
    within: tuple[str, ...]
    range: Range
    control: str = ""
    treatment: str = ""
    size: int = 0
    starts: tuple[int, ...] = ()
    unit_column: str = ""
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def seen(self) -> dict[str, int]:
        """Rows of each arm in the log that has most of them."""
        best: dict[str, int] = {}
        for kind in KINDS:
            if not any(p.kind == kind for p in self.parts):
                continue
            found = self.lazy(kind).group_by("arm").agg(pl.len()).collect(engine="streaming")
            rows_of = dict(found.sort("arm").iter_rows())
            if sum(rows_of.values()) > sum(best.values()):
                best = rows_of
        return best

    def main(self) -> str:
        """The kind of log by which traffic is counted: the first that has both arms, else that has rows."""
        counts = {}
        for kind in KINDS:
            if any(p.kind == kind for p in self.parts):
                counts[kind] = dict(self.of(kind).group_by("arm").agg(pl.len()).collect().iter_rows())
        best = max(counts, key=lambda k: (len(counts[k]), k == KINDS[0]), default=KINDS[0])
        return next((k for k in KINDS if len(counts.get(k, ())) == len(counts.get(best, ()))), best)

    def lazy(self, kind: str) -> pl.LazyFrame:
        """Rows of a kind in the range, arms as logged."""
        mine = [p for p in self.parts if p.kind == kind]
        columns = dict.fromkeys((*self.within, *(["path"] if any(can(p, "path") for p in mine) else [])))
        found = dict.fromkeys(k for p in mine for k in keys(p))
        frames = [
            rows(
                p,
                self.settings.arms,
                self.unit_column,
                tuple(columns),
                tuple(k for k in found if k not in columns),
            )
            for p in mine
        ]
        if not frames:
            return pl.LazyFrame(schema={"time": pl.Int64, "arm": pl.String})
        frame = pl.concat(frames, how="diagonal_relaxed")
        if self.range.model:
            frame = frame.filter(pl.col("model") == self.range.model)
        if self.range.since is not None:
            frame = frame.filter(pl.col("time") >= self.range.since)
        if self.range.until is not None:
            frame = frame.filter(pl.col("time") < self.range.until)
        return frame

    def of(self, kind: str) -> pl.LazyFrame:
        """Rows of the two arms, which are called CONTROL and TREATMENT."""
        names = {self.treatment: TREATMENT, **({self.control: CONTROL} if self.control else {})}
        frame = self.lazy(kind).filter(pl.col("arm").is_in(list(names)))
        return frame.with_columns(pl.col("arm").replace_strict(names, return_dtype=pl.String))

    def has(self, kind: str, column: str) -> bool:
        """Whether a log of this kind has the column."""
        return bool(column) and any(p.kind == kind and named(p, column) for p in self.parts)

    def gives(self, kind: str, metric: str) -> bool:
        """Whether a log of this kind gives the metric."""
        needs = NEEDS.get({**RATES, **MEANS}[metric], "latency_ms")
        if needs == "status" and metric == "error-rate" and self.has(kind, "error"):
            return True
        return self.has(kind, needs)

    def why(self, metric: str) -> str:
        """Why no log gives the metric."""
        return f"no log with arms has {NEEDS.get({**RATES, **MEANS}[metric], 'latency_ms')}"

    def unit(self, kind: str) -> tuple[str, list[str]]:
        """The column of what is independent, empty for each row; and why."""
        wanted = self.settings.unit
        if wanted == "request":
            return "", []
        column = "user_id" if wanted == "auto" else wanted
        if not self.has(kind, column):
            kind = next((k for k in KINDS if self.has(k, column)), "")
        if wanted != "auto":
            return column, []
        if not kind:
            return "", []
        frame = replace(self, unit_column=column).of(kind)
        if sticky(frame):
            return column, [f"users always meet the same arm: they are what is counted (--unit {column})"]
        return "", ["requests are routed one by one: each counts (--unit)"]

    def strata(self, kind: str) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
        """Columns with more than one value, and their most frequent ones."""
        frame = self.of(kind)
        names = [n for n in frame.collect_schema().names() if n.startswith(STRATUM)]
        values: dict[str, tuple[str, ...]] = {}
        for name in names:
            top = frame.group_by(name).agg(pl.len()).collect(engine="streaming")
            top = top.sort("len", name, descending=[True, False])
            if top.height > 1:
                values[name] = tuple(top[name].head(VALUES).to_list())
        return tuple(n.removeprefix(STRATUM) for n in values), values

    @property
    def window(self) -> pl.Expr:
        """Start of the window of a row."""
        return (pl.col("time") // self.size * self.size).alias("window")

    def partitions(self, kind: str) -> Iterator[tuple[pl.DataFrame, int]]:
        """Rows within the windows, and how many repeated another one exactly, a partition at a time."""
        if not self.starts:
            return
        frame = self.of(kind)
        key = pl.col("unit" if self.has(kind, self.unit_column) else "id")
        count = self.partitions_of(kind)
        inside = pl.col("window").is_between(self.starts[0], self.starts[-1])
        frame = frame.with_columns(self.window).filter(inside).with_columns(self._stratum(frame))
        frame = frame.select(  # no text is kept: a row takes some 70 bytes
            *(
                "time",
                "window",
                "id",
                "row",
                "unit",
                "status",
                "error",
                "client",
                "empty",
                "latency",
                "score",
            ),
            pl.col("arm").cast(pl.Enum([CONTROL, TREATMENT])),
            pl.col("stratum").cast(pl.Categorical()),
            pl.col("prediction").hash(),
        )
        for i in range(count):
            yield _once(frame.filter(key.fill_null(0) % count == i).collect(engine="streaming"))

    def partitions_of(self, kind: str) -> int:
        """In how many pieces the rows are held in memory, one after the other."""
        return sum(p.rows for p in self.parts if p.kind == kind) // ROWS + 1

    def _stratum(self, frame: pl.LazyFrame) -> pl.Expr:
        have = frame.collect_schema().names()
        texts = [
            pl.concat_str(
                pl.lit(f"{name.removeprefix(STRATUM)}="),
                pl.when(pl.col(name).is_in(list(values))).then(pl.col(name)).otherwise(pl.lit(OTHER)),
            )
            if name in have
            else pl.lit(f"{name.removeprefix(STRATUM)}={LACKING}")
            for name, values in self.values.items()
        ]
        return (pl.concat_str(texts, separator=",") if texts else pl.lit("")).alias("stratum")


def cells(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows by window, arm and cell of latency."""
    known = frame.filter((pl.col("latency") > 0) & pl.col("latency").is_finite())
    known = known.select("window", "arm", slow_bin(pl.col("latency")).alias("bin"))
    return known.group_by("window", "arm", "bin").agg(pl.len())


def with_values(frame: pl.DataFrame, frozen: Mapping[str, Frozen]) -> pl.DataFrame:
    """The rows with the log of their latency, and whether they are slow."""
    latency = pl.when((pl.col("latency") > 0) & pl.col("latency").is_finite()).then(pl.col("latency"))
    out = [latency.log().alias("log")]
    for metric in ("slow-share-p90", "slow-share-p99"):
        at = frozen[metric]
        slow = pl.lit(None, dtype=pl.Boolean())
        if not at.why:
            # Those by which the threshold was chosen do not count: it must be fixed before they come.
            slow = pl.when(pl.col("window") > at.until).then(slow_bin(latency) > at.bin)
        out.append(slow.alias(RATES[metric]))
    return frame.with_columns(out)


def _once(frame: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Records shipped twice are one; a second try of the same request is another request."""
    many = frame["id"].is_duplicated() & frame["id"].is_not_null()
    if not many.any():
        return frame, 0
    same = ("id", "row", "time", "arm", "status", "latency", "score", "prediction")
    rows_ = frame.filter(many)
    kept = rows_.filter(pl.struct(same).is_first_distinct())
    if kept.height == rows_.height:
        return frame, 0
    return pl.concat([frame.filter(~many), kept]), rows_.height - kept.height
