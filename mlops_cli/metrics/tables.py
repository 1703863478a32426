"""Tables: a profile's counts by series and window, arms summed, as all metrics share them."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.metrics.matrix import Matrix, Runs, categories, numbers
from mlops_cli.profile.spec import WHOLE_M, FieldSpec, Profile

KEY = ("kind", "model", "component", "segment")
SUMS = ("n", "nulls", "nans", "infs", "empties", "sum", "sumsq")
MAIN_KINDS = ("predictions", "requests", "spans", "gauges", "feedback", "decisions")
NUMERIC = ("number", "age")
KEPT_BYTES = 256_000_000  # of matrices that are kept for the next metric

Ints = NDArray[np.int64]
Key = tuple[str, str, str, str]


class Side:
    """One profile with its groups numbered by series and window."""

    def __init__(self, profile: Profile, ids: dict[Key, int], window: dict[int, int] | None) -> None:
        self.profile = profile
        groups = profile.groups
        size = int(groups["group"].max() or 0) + 1  # type: ignore[arg-type]
        self.sid: Ints = np.full(size, -1, np.int64)
        self.w: Ints = np.full(size, -1, np.int64)
        at = groups["group"].to_numpy()
        self.sid[at] = [ids.get(key, -1) for key in groups.select(KEY).iter_rows()]
        starts = groups["window"].to_list()
        self.w[at] = 0 if window is None else [window.get(start, -1) for start in starts]
        self.sid[self.w < 0] = -1

    def placed(self, table: pl.DataFrame) -> pl.DataFrame:
        """A table of the profile with its series `sid` and window `w`; rows of other windows are dropped."""
        group = table["group"].to_numpy()
        out = table.with_columns(pl.Series("sid", self.sid[group]), pl.Series("w", self.w[group]))
        return out.filter(pl.col("sid") >= 0)

    @cached_property
    def moments(self) -> pl.DataFrame:
        """MOMENTS by sid, field and w."""
        placed = self.placed(self.profile.moments)
        return placed.group_by("sid", "field", "w").agg(
            pl.col(SUMS).sum(), pl.col("min").min(), pl.col("max").max()
        )

    @cached_property
    def schema(self) -> pl.DataFrame:
        """SCHEMA by sid, field, name, dtype and w."""
        placed = self.placed(self.profile.schema)
        return placed.group_by("sid", "field", "name", "dtype", "w").agg(pl.col("rows", "parsed").sum())

    @cached_property
    def cells(self) -> Runs:
        """Where the cells of each field and series lie."""
        return Runs(self.profile.cells, self.sid, self.w)

    @cached_property
    def values(self) -> Runs:
        """Where the values of each field and series lie."""
        return Runs(self.profile.values, self.sid, self.w)


class Tables:
    """The counts of a profile and its baseline.

    A series (`sid`) is a kind, model, component and segment. A baseline that names no model (or no component)
    holds for all of them.

    Parameters
    ----------
    current : profile of the windows to be measured
    baseline : its windows are pooled, whatever they are
    windows : starts of the windows

    """

    def __init__(self, current: Profile, baseline: Profile | None, windows: Sequence[int]) -> None:
        self.spec = current.spec
        self.fields: tuple[FieldSpec, ...] = current.spec.fields
        self.windows = tuple(windows)
        seen = current.groups.filter(pl.col("window").is_in(self.windows))
        mine: set[Key] = set(seen.select(KEY).iter_rows())
        theirs: set[Key] = set(baseline.groups.select(KEY).iter_rows()) if baseline is not None else set()
        keys, stands_for = _universe(mine, theirs)
        self.keys: list[Key] = keys
        self.current = Side(
            current, {key: i for i, key in enumerate(keys)}, {s: i for i, s in enumerate(self.windows)}
        )
        base_ids = {key: i for i, key in enumerate(sorted(theirs))}
        self.base_sid = [base_ids.get(stands_for[key], -1) if key in stands_for else -1 for key in keys]
        self.baseline = Side(baseline, base_ids, None) if baseline is not None else None
        self._kept: dict[tuple[int, int], Matrix] = {}
        self._bytes = 0

    @cached_property
    def series(self) -> pl.DataFrame:
        """Columns sid, base (sid in the baseline, null without), kind, model, component, segment."""
        frame = pl.DataFrame(self.keys, schema=dict.fromkeys(KEY, pl.String), orient="row")
        base = pl.Series("base", [b if b >= 0 else None for b in self.base_sid], pl.Int64)
        return frame.with_columns(pl.int_range(pl.len(), dtype=pl.Int64).alias("sid"), base)

    @cached_property
    def named(self) -> pl.DataFrame:
        """Columns field (id), name, type, role; a name that a kind before has too is `kind.name`."""
        order = sorted(range(len(self.fields)), key=lambda i: (_rank(self.fields[i].kind), i))
        taken: dict[str, str] = {}
        names = {}
        for i in order:
            f = self.fields[i]
            first = taken.setdefault(f.name, f.kind)
            names[i] = f.name if first == f.kind or not f.name else f"{f.kind}.{f.name}"
        rows = [(i, names[i], f.type, f.role) for i, f in enumerate(self.fields)]
        schema = {"field": pl.UInt16, "name": pl.String, "type": pl.String, "role": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    @cached_property
    def starts(self) -> pl.DataFrame:
        """Columns w (position) and window (start)."""
        schema = {"w": pl.Int64, "window": pl.Int64}
        return pl.DataFrame(list(enumerate(self.windows)), schema=schema, orient="row")

    @cached_property
    def grid(self) -> pl.DataFrame:
        """A row a series, field and window, empty windows too, sorted.

        The sums of MOMENTS (0 where there is nothing), those of the baseline with `_base` (null where it has
        no such field), and `rows` of the series in the window; names of series and field.
        """
        mine = self.current.moments
        pairs = mine.select("sid", "field")
        theirs = None
        if self.baseline is not None:
            theirs = self.baseline.moments.drop("w").rename({"sid": "base"})
            mapped = theirs.select("base", "field").join(self.series.select("sid", "base"), on="base")
            pairs = pl.concat([pairs, mapped.select("sid", "field")])
        grid = pairs.unique().join(self.starts, how="cross")
        grid = grid.join(mine, on=["sid", "field", "w"], how="left").with_columns(pl.col(SUMS).fill_null(0))
        grid = grid.join(self.series, on="sid").join(self.named, on="field")
        if theirs is not None:
            grid = grid.join(theirs, on=["base", "field"], how="left", suffix="_base")
        else:
            more = [pl.lit(None, mine.schema[c]).alias(f"{c}_base") for c in (*SUMS, "min", "max")]
            grid = grid.with_columns(more)
        rows = mine.filter(pl.col("field").is_in(self.ids(type="rows")))
        rows = rows.group_by("sid", "w").agg(pl.col("n").sum().alias("rows"))
        grid = grid.join(rows, on=["sid", "w"], how="left").with_columns(pl.col("rows").fill_null(0))
        return grid.sort("sid", "field", "w")

    def ids(self, **wanted: Any) -> list[int]:
        """Ids of the fields whose attributes equal (or are among) the wanted ones."""

        def fits(f: FieldSpec) -> bool:
            return all(
                getattr(f, k) in v if isinstance(v, tuple) else getattr(f, k) == v for k, v in wanted.items()
            )

        return [i for i, f in enumerate(self.fields) if fits(f)]

    def of(self, ids: Iterable[int]) -> pl.DataFrame:
        """The grid of these fields."""
        return self.grid.filter(pl.col("field").is_in(list(ids)))

    def kinds(self) -> list[str]:
        """Kinds of log there are, the main one first."""
        return sorted({key[0] for key in self.keys}, key=_rank)

    def matrix(self, field: int, sid: int) -> Matrix:
        """Rows of a field of a series by window and cell (numbers, lengths) or value (categories, words)."""
        key = (field, sid)
        if key in self._kept:
            return self._kept[key]
        out = self._matrix(field, sid)
        self._bytes += out.current.nbytes
        if self._bytes <= KEPT_BYTES:
            self._kept[key] = out
        return out

    def _matrix(self, field: int, sid: int) -> Matrix:
        spec, base = self.fields[field], self.base_sid[sid]
        mine, theirs = self.current, self.baseline if base >= 0 else None
        if spec.type in NUMERIC:
            return numbers(
                mine.cells.of(field, sid),
                theirs.cells.of(field, base) if theirs else None,
                (self._bits(mine, field, sid), self._bits(theirs, field, sid) if theirs else None),
                (len(self.windows), spec.offset),
                integral=spec.integral,
            )
        return categories(
            mine.values.of(field, sid),
            theirs.values.of(field, base) if theirs else None,
            len(self.windows),
        )

    def _bits(self, side: Side, field: int, sid: int) -> int:
        bits = side.profile.mantissa[field]
        return min(bits, WHOLE_M) if self.keys[sid][3] else bits


def _universe(mine: set[Key], theirs: set[Key]) -> tuple[list[Key], dict[Key, Key]]:
    """All series, sorted, and for each the key that stands for it in the baseline."""
    models: dict[str, set[str]] = {}
    components: dict[str, set[str]] = {}
    for kind, model, component, _ in theirs:
        models.setdefault(kind, set()).add(model)
        components.setdefault(kind, set()).add(component)

    def image(kind: str, model: str, component: str) -> tuple[str, str]:
        return (
            "" if models.get(kind) == {""} else model,
            "" if components.get(kind) == {""} else component,
        )

    places = {key[:3] for key in mine}
    taken = {(kind, *image(kind, model, component)) for kind, model, component in places}
    segments: dict[tuple[str, str, str], set[str]] = {}
    for kind, model, component, segment in theirs:
        segments.setdefault((kind, model, component), set()).add(segment)
    stands_for: dict[Key, Key] = {}
    for kind, model, component in places:
        base = (kind, *image(kind, model, component))
        for segment in segments.get(base, ()):
            stands_for[kind, model, component, segment] = (*base, segment)
    stands_for.update({key: key for key in theirs if key[:3] not in taken})
    return sorted(mine | set(stands_for)), stands_for


def _rank(kind: str) -> int:
    return MAIN_KINDS.index(kind) if kind in MAIN_KINDS else len(MAIN_KINDS)
