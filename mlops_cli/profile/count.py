"""A piece of a part → its profile: windows, keys and segments of its rows, then field by field."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.logs.canon import FEATURE
from mlops_cli.logs.format import Part
from mlops_cli.profile.clock import YEARS, starts_of
from mlops_cli.profile.columns import NULL, WORDS, Columns
from mlops_cli.profile.grid import Grid, Scratch
from mlops_cli.profile.groups import Bools, Groups, Ints, Key, partition
from mlops_cli.profile.numbers import Moments, Numbers
from mlops_cli.profile.pieces import Codes, Piece, codes_of
from mlops_cli.profile.sketch import smallest
from mlops_cli.profile.spec import (
    CELLS,
    GROUPS,
    MOMENTS,
    NEW_FIELD,
    SCHEMA,
    SKETCHES,
    VALUES,
    Profile,
    ProfileSpec,
)

OTHER = "(other)"
KEY = ("model", "component", "arm")
EMPTY = int(pl.Series([""]).hash()[0])
# A word as Python splits texts; \s of Rust lacks four control characters.
WORD = r"[^\s\x1c-\x1f]+"
HASHED = pl.Series([str(k) for k in range(WORDS)])


class Count:
    """The counting of one piece; fields are added one after the other.

    Parameters
    ----------
    part, spec, columns : what is counted of what
    common : the columns that all fields share, by label
    piece : where its rows lie
    whole : a reference: every row is in window 0
    scratch : of this thread

    """

    def __init__(
        self,
        part: Part,
        spec: ProfileSpec,
        columns: Columns,
        common: dict[str, Any],
        piece: Piece,
        *,
        whole: bool,
        scratch: Scratch,
    ) -> None:
        self.part, self.spec, self.columns, self.scratch = part, spec, columns, scratch
        self.start, self.rows = piece.start, piece.rows
        self.common = common
        self.keys: list[tuple[Any, ...]] = []
        self.names: dict[int, pl.Series] = {}  # of the values of a field
        self.tables: dict[str, list[dict[str, Any]]] = {
            name: [] for name in ("moments", "cells", "values", "sketches", "schema")
        }
        self.time = _times(common["time"]) if columns.timed else None
        self.groups = self._groups(whole=whole)
        self.partitions = [self.groups, *self._segments()]
        for i in spec.field_ids(part.kind, type="rows"):
            self._rows(i)

    def _groups(self, *, whole: bool) -> Groups:
        windows, starts = self._windows(whole=whole)
        told = [self._told(k, self.part.source.model if k == "model" else "") for k in KEY]
        groups, table = partition([windows, *(key for key, _ in told)], self.rows)
        for w, *codes in table.tolist():
            names = (n[c] for c, (_, n) in zip(codes, told, strict=True))
            self.keys.append((starts[w], self.part.kind, *names, ""))
        return groups

    def _windows(self, *, whole: bool) -> tuple[Key, list[int]]:
        """Window of each row; 0 where it has no time."""
        if whole or self.time is None or not self.spec.window.seconds:
            return Key(None, 1), [0]
        times, none = self.time
        known = times if none is None else times[~none]
        if not len(known):
            return Key(None, 1), [0]
        start = self.spec.window.start_of(int(known.min()))
        if none is None and int(known.max()) < self.spec.window.end_of(start):  # nearly every piece of a day
            return Key(None, 1), [start]
        starts = starts_of(known, self.spec.window)
        found, code = np.unique(starts, return_inverse=True)
        code = code.reshape(-1).astype(np.int64)
        names = [int(s) for s in found]
        if none is not None:
            if 0 not in names:
                names.append(0)
            every = np.full(self.rows, names.index(0))
            every[~none] = code
            code = every
        return Key(code, len(names)), names

    def _codes(self, label: str) -> Codes:
        """A common column as codes, made once."""
        value = self.common[label]
        if not isinstance(value, Codes):
            value = self.common[label] = codes_of(value)
        return value

    def _told(self, key: str, last: str) -> tuple[Key, list[str]]:
        """Model, component or arm of each row: of several columns the first that is not null."""
        labels = self.columns.keys.get(key, ())
        code: Ints | None = None
        names: list[str] = []
        for label in labels:
            it = self._codes(label)
            mine = [*it.names.to_list()]
            index = it.index.astype(np.int64) + len(names)
            if code is None:
                code, names = index, mine
            else:  # null of all before is the last code: its rows take this column's
                missing = code == len(names)
                code, names = np.where(missing, index, code), [*names, *mine]
        if code is None:
            return Key(None, 1), [last]
        names.append(last)
        return _once(code, names)

    def _segments(self) -> list[Groups]:
        out = []
        for columns, pinned in self.spec.segments:
            labels = [self.columns.segments.get(c) for c in columns]
            if None in labels:
                continue
            keys = [_pinned(self._codes(str(k)), v) for k, v in zip(labels, pinned, strict=True)]
            base = Key(self.groups.code, self.groups.size)
            groups, table = partition([base, *keys], self.rows)
            first = len(self.keys)
            for g, *codes in table.tolist():
                pairs = sorted(
                    (c.removeprefix(FEATURE), [*v, OTHER][k])
                    for c, v, k in zip(columns, pinned, codes, strict=True)
                )
                segment = ",".join(f"{_plain(k)}={_plain(v)}" for k, v in pairs)
                self.keys.append((*self.keys[g][:5], segment))
            out.append(Groups(groups.rows, groups.size, groups.code, first, coarse=True))
        return out

    def _rows(self, i: int) -> None:
        """The pseudo-field of a kind: its rows, those without a time, first and last time."""
        for groups in self.partitions:
            if self.time is None:
                none = np.zeros(groups.size, np.int64)
                self._moments(i, groups, Moments.plain(groups.counts, groups.counts, none, none))
                continue
            times, bad = self.time
            values = pl.Series(times.astype(np.float64))
            if bad is not None:
                values = values.set(pl.Series(bad), None)
            m, _ = Numbers(values, None, self.scratch).by(groups)
            zero, none = np.zeros(groups.size), np.zeros(groups.size, np.int64)
            self._moments(i, groups, Moments(m.n, m.nulls, none, none, none, zero, zero, m.low, m.high))

    def field(self, i: int, data: dict[str, Any]) -> None:
        """Count one field of the part, from its columns by label."""
        f = self.columns.fields[i]
        parsed = self.groups.counts
        if f.type == "category":
            self._category(i, data[f"{i}"])
        elif f.type == "id":
            self._id(i, data[f"{i}"].to_numpy())
        else:
            values, numeric = data[f"{i}"], f.type != "text"
            if not numeric:
                self._words(i, values.gather_every(f.stride, -self.start % f.stride))
                values = values.str.len_bytes().cast(pl.Float64())
            column = Numbers(values, Grid.of(f) if numeric else None, self.scratch, f.quantum, f.quantum_sq)
            for groups in self.partitions:
                moments, cells = column.by(groups)
                self._moments(i, groups, moments)
                if numeric:
                    self._cells(i, groups, cells)
            if f"{i}:unread" in data:
                parsed = parsed - self.groups.count(data[f"{i}:unread"].to_numpy())
        self._schema(i, "", self.columns.families[i], self.groups.counts, parsed)

    def absent(self, i: int) -> None:
        """A field that the part lacks: no row of it."""
        for groups in self.partitions:
            none = np.zeros(groups.size, np.int64)
            self._moments(i, groups, Moments.plain(none, none, none, none))
        self._schema(i, "", "absent", self.groups.counts, np.zeros(self.groups.size, np.int64))

    def gauges(self) -> None:
        """Readings: each belongs to the field of its name. A group without one says nothing of it."""
        if not self.columns.fields or "value" not in self.common:
            return
        metric, values = self._codes("metric"), self.common["value"]
        known = {self.columns.fields[i].name: i for i in self.columns.fields}
        for code, name in enumerate(metric.names.to_list()):
            rows = np.flatnonzero(metric.index == code)
            groups = self.groups.of(rows)
            there = np.flatnonzero(groups.counts)
            i = known.get(name)
            if i is None:
                self._schema(NEW_FIELD, name, "number", groups.counts, groups.counts, there)
                continue
            f = self.columns.fields[i]
            column = Numbers(values.gather(rows), Grid.of(f), self.scratch, f.quantum, f.quantum_sq)
            moments, cells = column.by(groups)
            self._moments(i, groups, moments, there)
            self._cells(i, groups, cells)
            self._schema(i, "", "number", groups.counts, groups.counts, there)

    def new(self, name: str, family: str) -> None:
        """A column beyond the spec."""
        self._schema(NEW_FIELD, name, family, self.groups.counts, self.groups.counts)

    def _category(self, i: int, data: Codes | pl.Series) -> None:
        codes = data if isinstance(data, Codes) else codes_of(data)
        self.names[i] = codes.names
        nothing = len(codes.names)
        nan = None
        if not isinstance(data, Codes) and data.dtype.is_float() and bool(data.is_nan().any()):
            nan = data.is_nan().fill_null(value=False).to_numpy()
        empty = (codes.names == "").arg_max() if bool((codes.names == "").any()) else -1
        index = self.scratch.ints("codes", self.rows)
        np.copyto(index, codes.index)
        for groups in self.partitions:
            group, key, count = groups.table(index, nothing + 1, self.scratch.ints("pairs", self.rows))
            nulls, empties = (
                np.bincount(group[key == k], count[key == k], groups.size).astype(np.int64)
                for k in (nothing, empty)
            )
            nans = np.zeros(groups.size, np.int64) if nan is None else groups.count(nan)
            self._moments(i, groups, Moments.plain(groups.counts, nulls - nans, nans, empties))
            named = key < nothing
            self._add("values", group[named] + groups.first, i, value=key[named], count=count[named])

    def _id(self, i: int, hashes: NDArray[np.uint64]) -> None:
        for groups in self.partitions:
            nulls, empties = groups.count(hashes == np.uint64(NULL)), groups.count(hashes == np.uint64(EMPTY))
            none = np.zeros(groups.size, np.int64)
            self._moments(i, groups, Moments.plain(groups.counts, nulls, none, empties))
        group, found, count = smallest(hashes, self.groups)
        self._add("sketches", group, i, hash=found, count=count)

    def _words(self, i: int, sampled: pl.Series) -> None:
        """Words of every so manyth text of the file, by hash."""
        f = self.columns.fields[i]
        self.names[i] = HASHED
        words = sampled.str.extract_all(WORD)
        rows = np.flatnonzero(words.is_not_null().to_numpy())
        found = words.gather(rows)
        key = (found.explode(empty_as_null=False).hash() % WORDS).to_numpy().astype(np.int64)
        at = np.repeat(rows * f.stride + -self.start % f.stride, found.list.len().to_numpy())
        for groups in self.partitions:
            group, word, count = groups.of(at).table(key, WORDS)
            self._add("values", group + groups.first, i, value=word, count=count)

    def _moments(self, i: int, groups: Groups, m: Moments, kept: Ints | None = None) -> None:
        at = np.arange(groups.size) if kept is None else kept
        names = ("n", "nulls", "nans", "infs", "empties", "total", "squares", "low", "high")
        values = dict(zip(list(MOMENTS)[2:], (getattr(m, n)[at] for n in names), strict=True))
        self._add("moments", at + groups.first, i, **values)

    def _cells(self, i: int, groups: Groups, found: tuple[Ints, Ints, Ints]) -> None:
        group, cell, count = found
        self._add("cells", group + groups.first, i, cell=cell, count=count)

    def _schema(
        self, i: int, name: str, dtype: str, rows: Ints, parsed: Ints, kept: Ints | None = None
    ) -> None:
        at = np.arange(self.groups.size) if kept is None else kept
        self._add("schema", at, i, name=name, dtype=dtype, rows=rows[at], parsed=parsed[at])

    def _add(self, table: str, group: Ints, i: int, **columns: Any) -> None:
        if len(group):
            self.tables[table].append({"group": group, "field": np.full(len(group), i, np.int64), **columns})

    def done(self) -> Profile:
        """The profile of the piece; not cut."""
        order = sorted(range(len(self.keys)), key=self.keys.__getitem__)
        rank = np.empty(len(order), np.uint32)
        rank[order] = np.arange(len(order), dtype=np.uint32)
        rows = [(k, *self.keys[g]) for k, g in enumerate(order)]
        return Profile(
            spec=self.spec,
            groups=pl.DataFrame(rows, schema=GROUPS, orient="row"),
            moments=self._table("moments", MOMENTS, rank, ("group", "field")),
            cells=self._table("cells", CELLS, rank, ("group", "field", "cell")),
            values=self._table("values", VALUES, rank, ("group", "field", "value")),
            sketches=self._table("sketches", SKETCHES, rank, ("group", "field", "hash")),
            schema=self._table("schema", SCHEMA, rank, ("group", "field", "name", "dtype")),
            mantissa=tuple(f.mantissa for f in self.spec.fields),
        )

    def _table(
        self, name: str, schema: Mapping[str, Any], rank: NDArray[np.uint32], key: Sequence[str]
    ) -> pl.DataFrame:
        """One table, sorted by its key."""
        lines = self.tables[name]
        if not lines:
            return pl.DataFrame(schema=schema)
        sizes = [len(line["group"]) for line in lines]
        columns: dict[str, Any] = {"group": rank[np.concatenate([line["group"] for line in lines])]}
        for column in schema:
            if column in {"group", "cut"}:
                continue
            parts = [line[column] for line in lines]
            if isinstance(parts[0], np.ndarray):
                columns[column] = np.concatenate(parts)
            else:
                columns[column] = pl.Series(parts).gather(np.repeat(np.arange(len(lines)), sizes))
        if "cut" in schema:
            columns["cut"] = np.zeros(sum(sizes), np.int64)
        if name == "cells":
            columns = self._by(columns, "cell")
        elif name == "values":
            columns = self._by_name(columns)
        frame = pl.DataFrame(columns).select(pl.col(n).cast(t) for n, t in schema.items())
        if name == "moments":
            frame = frame.with_columns(pl.col("min", "max").fill_nan(None))
        return frame if name in {"cells", "values"} else frame.sort(key)

    def _by(self, columns: dict[str, Any], last: str) -> dict[str, Any]:
        """Rows sorted by group, field and a last key of 32 bits, as one number: quicker than by three."""
        run = columns["group"].astype(np.int64) * len(self.spec.fields) + columns["field"]
        order = np.argsort((run << 32) + (columns[last].astype(np.int64) + (1 << 31)))
        return {name: values[order] for name, values in columns.items()}

    def _by_name(self, columns: dict[str, Any]) -> dict[str, Any]:
        """Values sorted by their names: the names of a field are sorted once, not those of each group."""
        start = np.zeros(len(self.spec.fields), np.int64)
        ranks: list[Ints] = []
        at = 0
        for i, names in self.names.items():
            start[i], at = at, at + len(names)
            rank = np.empty(len(names), np.int64)
            rank[names.arg_sort().to_numpy()] = np.arange(len(names))
            ranks.append(rank)
        place = start[columns["field"]] + columns["value"]
        columns = self._by({**columns, "place": place, "rank": np.concatenate(ranks)[place]}, "rank")
        names = pl.concat(list(self.names.values()))
        return {**columns, "value": names.gather(columns["place"])}


def _times(values: pl.Series) -> tuple[Ints, Bools | None]:
    """Microseconds, and which are none: null, or beyond any calendar."""
    good = values.is_between(*YEARS).fill_null(value=False)
    if good.all():
        return values.to_numpy(), None
    return values.fill_null(0).to_numpy(), ~good.to_numpy()


def _once(code: Ints, names: list[str]) -> tuple[Key, list[str]]:
    """A key whose names differ; constant where there is one."""
    used = np.flatnonzero(np.bincount(code, minlength=len(names)))
    once = list(dict.fromkeys(names[k] for k in used))
    if len(once) == 1:
        return Key(None, 1), once
    at = {name: k for k, name in enumerate(once)}
    to = np.zeros(len(names), np.int64)
    to[used] = [at[names[k]] for k in used]
    return Key(to[code], len(once)), once


def _pinned(codes: Codes, values: Sequence[str]) -> Key:
    """A code for each pinned value and one for all others, null among them."""
    at = {value: k for k, value in enumerate(values)}
    to = np.array([*(at.get(n, len(values)) for n in codes.names), len(values)], np.int64)
    return Key(to[codes.index], len(values) + 1)


def _plain(text: str) -> str:
    """As it may stand between commas and equals signs."""
    return "".join(quote(c, safe="") if c in "%,=" else c for c in text)
