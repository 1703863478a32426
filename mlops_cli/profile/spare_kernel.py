"""One part → its profile: pieces are counted one by one and added up in the order of the file.

Pure: the same file and spec give the same tables, whatever engine counts the pieces and in which order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import fields as attributes

import numpy as np
import polars as pl

from mlops_cli.logs.format import Part
from mlops_cli.profile.clock import starts_of
from mlops_cli.profile.spare_count import (
    Moments,
    count_cells,
    count_numbers,
    count_plain,
    count_values,
    numbers,
    smallest,
)
from mlops_cli.profile.grouping import Grouping, Ints, grouping
from mlops_cli.profile.spare_merge import KEYS, assemble, cut_values
from mlops_cli.profile.spare_pieces import NUMERIC, Codes, Column, Piece, columns_of, ranges, read
from mlops_cli.profile.spec import NEW_FIELD, FieldSpec, Profile, ProfileSpec

OTHER = "(other)"


@dataclass(frozen=True)
class Counted:
    """Counts of one piece: the tables of a profile, but for `group`, which numbers `groups` of the piece."""

    groups: pl.DataFrame
    moments: pl.DataFrame
    cells: pl.DataFrame
    values: pl.DataFrame
    sketches: pl.DataFrame
    schema: pl.DataFrame


def profile_file(
    part: Part, spec: ProfileSpec, *, whole: bool = False, row_groups: tuple[int, int] | None = None
) -> Profile:
    """The profile of a part.

    Parameters
    ----------
    part : Parquet
    spec : what is counted and how
    whole : a reference file: all rows are in window 0
    row_groups : only these, [from, to)

    Raises
    ------
    DataError
        Where the file is no whole Parquet file.

    """
    cuts = ranges(part) if row_groups is None else [row_groups]
    return finish(spec, [count_piece(part, spec, cut, whole=whole) for cut in cuts])


def count_piece(part: Part, spec: ProfileSpec, row_groups: tuple[int, int], *, whole: bool) -> Counted:
    """The counts of one piece of a part; see `pieces.ranges`."""
    return _Count(part, spec, read(part, spec, row_groups), whole=whole).done()


def finish(spec: ProfileSpec, counted: Sequence[Counted]) -> Profile:
    """The profile of a part from the counts of all its pieces, in the order of the file.

    Sums are rounded and rare values cut here, once a file: so that merging files needs no rounding.
    """
    profile = assemble(spec, counted, tuple(f.mantissa for f in spec.fields))
    return cut_values(_rounded(profile))


def _rounded(profile: Profile) -> Profile:
    """Sums as multiples of the quantum of their field: adding them is exact (`performance.md` 4)."""
    quanta = {
        name: pl.Series(
            [f.quantum if name == "sum" else f.quantum_sq for f in profile.spec.fields], dtype=pl.Float64
        )
        for name in ("sum", "sumsq")
    }
    field = profile.moments["field"].to_numpy()
    out = profile.moments
    for name, quantum in quanta.items():
        q = quantum.to_numpy()[field]
        total = out[name].to_numpy()
        safe = np.where(q > 0, q, 1.0)
        out = out.with_columns(pl.Series(name, np.where(q > 0, np.rint(total / safe) * safe, total)))
    return Profile(
        **{a.name: getattr(profile, a.name) for a in attributes(Profile) if a.name != "moments"}, moments=out
    )


class _Count:
    """The counting of one piece."""

    def __init__(self, part: Part, spec: ProfileSpec, piece: Piece, *, whole: bool) -> None:
        self.part, self.spec, self.piece = part, spec, piece
        windows = self._windows(whole=whole)
        coded = [windows, *(self._key(k) for k in piece.keys)]
        self.whole, keys = grouping([(c.codes, len(c.names)) for c in coded], piece.rows)
        lines = [
            {"window": int(coded[0].names[w]), **dict(zip(KEYS[2:5], self._names(rest), strict=True))}
            for w, *rest in keys.tolist()
        ]
        self.lines = [{**line, "kind": part.kind, "segment": ""} for line in lines]
        self.moments: list[pl.DataFrame] = []
        self.cells: list[pl.DataFrame] = []
        self.values: list[pl.DataFrame] = []
        self.sketches: list[pl.DataFrame] = []
        self.schema: list[pl.DataFrame] = []

    def _windows(self, *, whole: bool) -> Codes:
        piece = self.piece
        if whole or piece.times is None or not self.spec.window.seconds:
            return Codes(np.zeros(piece.rows, np.int64), ["0"])
        timed = piece.times if piece.timeless is None else piece.times[~piece.timeless]
        starts = starts_of(timed, self.spec.window)
        if piece.timeless is not None:
            all_starts = np.zeros(piece.rows, np.int64)
            all_starts[~piece.timeless] = starts
            starts = all_starts
        if len(starts) and bool((starts == starts[0]).all()):
            return Codes(np.zeros(piece.rows, np.int64), [str(starts[0])])
        found, codes = np.unique(starts, return_inverse=True)
        return Codes(codes.astype(np.int64), [str(s) for s in found])

    def _key(self, key: Codes | str) -> Codes:
        return Codes(np.zeros(0, np.int64), [key]) if isinstance(key, str) else key

    def _names(self, codes: Sequence[int]) -> list[str]:
        keys = [self._key(k) for k in self.piece.keys]
        return [key.names[c] if c < len(key.names) else "" for key, c in zip(keys, codes, strict=True)]

    def done(self) -> Counted:
        """All counts of the piece."""
        self._rows(self.whole, 0)
        fields = [
            (i, f) for i, f in enumerate(self.spec.fields) if f.kind == self.part.kind and f.type != "rows"
        ]
        segments = self._segments()
        for i, f in fields:
            column = self.piece.columns.get(i)
            if column is None:
                self._absent(i, f, segments)
            elif column.rows is not None:
                self._gauge(i, f, column)
            else:
                self._field(i, f, column, segments)
        for name, family in columns_of(self.part, self.spec).items():
            self._schema(NEW_FIELD, name, family, self.whole, 0, self.whole.sizes, self.whole.sizes)
        tables = (self.moments, self.cells, self.values, self.sketches, self.schema)
        return Counted(pl.DataFrame(self.lines), *(pl.concat(t) if t else pl.DataFrame() for t in tables))

    def _rows(self, groups: Grouping, first: int) -> None:
        ids = self.spec.field_ids(self.part.kind, type="rows")
        if not ids:
            return
        piece = self.piece
        zero = np.zeros(groups.groups)
        none = np.zeros(groups.groups, np.int64)
        if piece.times is None:
            low = high = np.full(groups.groups, np.nan)
            nulls = groups.sizes
        else:
            nulls = groups.count(piece.timeless)
            low = self._extreme(groups, np.minimum, np.inf)
            high = self._extreme(groups, np.maximum, -np.inf)
        self._moments(ids[0], Moments(groups.sizes, nulls, none, none, none, zero, zero, low, high), first)

    def _extreme(self, groups: Grouping, how: np.ufunc, empty: float) -> np.ndarray:
        times = self.piece.times.astype(np.float64)  # type: ignore[union-attr] # only where there are times
        if self.piece.timeless is not None:
            times[self.piece.timeless] = empty
        out = groups.reduce(times, how, empty)
        return np.where(np.isfinite(out), out, np.nan)

    def _segments(self) -> list[tuple[Grouping, int]]:
        """A grouping for each segment, and the number of its first group among the piece's lines."""
        out = []
        base = self.whole.code if self.whole.code is not None else np.zeros(self.piece.rows, np.int64)
        for columns, pinned in self.spec.segments:
            if self.part.kind != "predictions" or not set(columns) <= set(self.piece.segments):
                continue
            coded = [self._pinned(self.piece.segments[c], v) for c, v in zip(columns, pinned, strict=True)]
            groups, keys = grouping(
                [(base, self.whole.groups), *((c.codes, len(c.names)) for c in coded)], self.piece.rows
            )
            first = len(self.lines)
            names = [c.removeprefix("features.") for c in columns]
            for g, *codes in keys.tolist():
                values = [c.names[k] for c, k in zip(coded, codes, strict=True)]
                pairs = sorted(zip(names, values, strict=True))
                text = ",".join(f"{k}={v}" for k, v in pairs)
                self.lines.append({**self.lines[g], "segment": text})
            self._rows(groups, first)
            out.append((groups, first))
        return out

    def _pinned(self, codes: Codes, values: Sequence[str]) -> Codes:
        """Codes of the pinned values, all others together; null is among the others."""
        position = {v: k for k, v in enumerate(values)}
        mapped = np.array([position.get(n, len(values)) for n in codes.names] + [len(values)], np.int64)
        return Codes(mapped[codes.codes], [*values, OTHER])

    def _field(self, i: int, f: FieldSpec, column: Column, segments: Sequence[tuple[Grouping, int]]) -> None:
        counted = (
            numbers(column.values, f) if f.type in (*NUMERIC, "text") and column.values is not None else None
        )
        for groups, first in [(self.whole, 0), *segments]:
            if counted is None:
                self._moments(i, count_plain(column, groups), first)
            else:
                self._moments(i, count_numbers(counted, column, groups), first)
            if f.type in NUMERIC and counted is not None:
                self._cells(i, count_cells(counted, f, groups, coarse=first > 0), first)
            if column.codes is not None:
                self._values(i, column.codes, groups, first)
            if column.words is not None:
                rows, words = column.words
                self._values(i, words, groups.of(rows), first)
        if column.hashes is not None:
            found = smallest(column.hashes, column.null, self.whole)
            self.sketches.append(found.select("group", pl.lit(i, pl.Int64).alias("field"), "hash", "count"))
        parsed = self.whole.sizes - self.whole.count(column.failed)
        self._schema(i, "", column.family, self.whole, 0, self.whole.sizes, parsed)

    def _gauge(self, i: int, f: FieldSpec, column: Column) -> None:
        """The rows of one gauge; a group without a reading of it has no row of counts."""
        groups = self.whole.of(column.rows)  # type: ignore[arg-type] # only gauges come here
        counted = numbers(column.values, f)  # type: ignore[arg-type]
        kept = np.flatnonzero(groups.sizes)
        self._moments(i, count_numbers(counted, column, groups), 0, kept)
        self._cells(i, count_cells(counted, f, groups, coarse=False), 0)
        self._schema(i, "", "number", groups, 0, groups.sizes, groups.sizes, kept)

    def _absent(self, i: int, f: FieldSpec, segments: Sequence[tuple[Grouping, int]]) -> None:
        """The part lacks the field: 0 rows have it."""
        if f.kind == "gauges":
            return
        for groups, first in [(self.whole, 0), *segments]:
            none, zero = np.zeros(groups.groups, np.int64), np.zeros(groups.groups)
            nan = np.full(groups.groups, np.nan)
            self._moments(i, Moments(none, none, none, none, none, zero, zero, nan, nan), first)
        self._schema(i, "", "absent", self.whole, 0, self.whole.sizes, np.zeros(self.whole.groups, np.int64))

    def _moments(self, i: int, m: Moments, first: int, kept: Ints | None = None) -> None:
        frame = pl.DataFrame(
            {
                "group": np.arange(first, first + len(m.n)),
                "field": np.full(len(m.n), i),
                "n": m.n,
                "nulls": m.nulls,
                "nans": m.nans,
                "infs": m.infs,
                "empties": m.empties,
                "sum": m.total,
                "sumsq": m.squares,
                "min": m.low,
                "max": m.high,
            }
        )
        self.moments.append(frame if kept is None else frame[kept])

    def _cells(self, i: int, found: tuple[Ints, Ints, Ints], first: int) -> None:
        group, cell, count = found
        self.cells.append(
            pl.DataFrame(
                {"group": group + first, "field": np.full(len(group), i), "cell": cell, "count": count}
            )
        )

    def _values(self, i: int, codes: Codes, groups: Grouping, first: int) -> None:
        group, key, count = count_values(codes, groups)
        names = pl.Series(codes.names, dtype=pl.String)[key] if len(key) else pl.Series([], dtype=pl.String)
        self.values.append(
            pl.DataFrame(
                {"group": group + first, "field": np.full(len(group), i), "value": names, "count": count}
            )
        )

    def _schema(
        self,
        i: int,
        name: str,
        family: str,
        groups: Grouping,
        first: int,
        rows: Ints,
        parsed: Ints,
        kept: Ints | None = None,
    ) -> None:
        frame = pl.DataFrame(
            {"group": np.arange(first, first + groups.groups), "rows": rows, "parsed": parsed}
        )
        frame = frame.select(
            "group",
            pl.lit(i, pl.Int64).alias("field"),
            pl.lit(name).alias("name"),
            pl.lit(family).alias("dtype"),
            "rows",
            "parsed",
        )
        self.schema.append(frame if kept is None else frame[kept])
