"""A Parquet part → pieces of columns in memory: the only place where rows are read to be counted.

Numbers, lengths, hashes and times come from one polars query; texts that are categories come as Arrow
dictionaries where the file stores them so (`performance.md` 5).
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mlops_cli.logs.expressions import available, expression
from mlops_cli.logs.format import Part
from mlops_cli.profile.clock import YEARS
from mlops_cli.profile.plan import OTHER_TIMES, as_text
from mlops_cli.profile.spec import FieldSpec, ProfileSpec

ROWS = 500_000  # of a piece at least, where the file has them: below, the fixed cost of a histogram shows
DICTIONARY_ROWS = 100_000  # a smaller piece is not worth opening the file a second time
NUMERIC = ("number", "age")
WORDS = 1_024  # words are counted by a hash of so many values: no text is kept
# Key of a group → the canonical columns that may tell it, the first that does wins.
KEYS = {"model": ("model",), "component": ("component",), "arm": ("variant", "model_version")}

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Codes:
    """A column of few values: `names[codes]`; null has the code `len(names)`."""

    codes: Ints
    names: list[str]


@dataclass(frozen=True)
class Column:
    """What a piece has of one field; what the field's type does not need is None.

    Parameters
    ----------
    family : number, text, bool or time: as what it was logged
    nulls : how many rows are null
    null : where they are, None where there are none
    values : numbers, NaN where null; of a text its bytes
    codes : of a category
    hashes : of an id, 0 where null
    empty : texts of length 0, None where there are none
    words : of a text: row of each sampled word, and the word's code
    failed : rows of a text that should be a number and is none, None where there are none
    rows : of a gauge: the rows that are readings of it

    """

    family: str
    nulls: int = 0
    null: NDArray[np.bool_] | None = None
    values: Floats | None = None
    codes: Codes | None = None
    hashes: NDArray[np.uint64] | None = None
    empty: NDArray[np.bool_] | None = None
    words: tuple[Ints, Codes] | None = None
    failed: NDArray[np.bool_] | None = None
    rows: Ints | None = None


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of a part.

    Parameters
    ----------
    rows : how many
    times : microseconds UTC; None where the part has none
    timeless : rows whose time is null or beyond the calendar; None where there are none
    keys : model, component, arm: codes, or one name for all rows
    columns : by field id; a field that the part lacks is not in it
    segments : by canonical column

    """

    rows: int
    times: Ints | None
    timeless: NDArray[np.bool_] | None
    keys: tuple[Codes | str, ...]
    columns: dict[int, Column]
    segments: dict[str, Codes] = field(default_factory=dict)


def ranges(part: Part) -> list[tuple[int, int]]:
    """Row groups [from, to) of each piece: by the file alone, so every engine cuts alike."""
    with pq.ParquetFile(part.path) as file:
        sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    out, start, rows = [], 0, 0
    for i, n in enumerate(sizes):
        rows += n
        if rows >= ROWS:
            out.append((start, i + 1))
            start, rows = i + 1, 0
    if rows:
        out.append((start, len(sizes)))
    return out


def read(part: Part, spec: ProfileSpec, groups: tuple[int, int]) -> Piece:
    """The columns of some row groups, as the spec wants them counted."""
    return _Reader(part, spec).piece(groups)


class _Reader:
    """The expressions of one part."""

    def __init__(self, part: Part, spec: ProfileSpec) -> None:
        self.part = part
        self.have = available(part)
        self.fields = {
            i: f
            for i, f in enumerate(spec.fields)
            if f.kind == part.kind and f.type != "rows" and f.column in self.have
        }
        self.segments = sorted({c for columns, _ in spec.segments for c in columns if c in self.have})
        if part.kind != "predictions":
            self.segments = []
        self.time = OTHER_TIMES.get(part.kind, "timestamp")
        wanted = {f.column for f in self.fields.values()} | set(self.segments)
        keys = {n for names in KEYS.values() for n in names}
        wanted |= {self.time, "metric", *keys} & self.have
        self.raw = {name: expression(part, name) for name in sorted(wanted)}
        lazy = pl.scan_parquet(part.path, glob=False)
        self.schema = lazy.select(e.alias(n) for n, e in self.raw.items()).collect_schema()

    def piece(self, groups: tuple[int, int]) -> Piece:
        with pq.ParquetFile(self.part.path) as file:
            sizes = [file.metadata.row_group(i).num_rows for i in range(groups[1])]
        start, rows = sum(sizes[: groups[0]]), sum(sizes[groups[0] :])
        stored = self._stored(rows)
        chosen = self._query(stored)
        frame = pl.scan_parquet(self.part.path, glob=False).slice(start, rows).select(chosen).collect()
        dictionaries: dict[str, Codes] = {}
        if stored:
            with pq.ParquetFile(self.part.path, read_dictionary=list(stored.values())) as file:
                table = file.read_row_groups(
                    list(range(*groups)), columns=list(set(stored.values())), use_threads=False
                )
            dictionaries = {name: _dictionary(table[source]) for name, source in stored.items()}
        return self._assemble(frame, dictionaries, start, rows)

    def _stored(self, rows: int) -> dict[str, str]:
        """Categories that are plain text columns of the file: canonical name → column."""
        if rows < DICTIONARY_ROWS:
            return {}
        names = [f.column for f in self.fields.values() if f.type == "category"] + self.segments
        texts = _texts(self.part.path)
        found = {name: self.part.columns[name] for name in names}
        return {n: s for n, s in found.items() if self.schema[n] == pl.String and s in texts}

    def _query(self, stored: dict[str, str]) -> list[pl.Expr]:
        out = []
        if self.time in self.have:
            out.append(self.raw[self.time].to_physical().cast(pl.Int64).alias("time"))
        for key, names in KEYS.items():
            known = [self.raw[n].cast(pl.String) for n in names if n in self.have]
            if known:
                last = self.part.source.model if key == "model" else ""
                out.append(pl.coalesce(*known, pl.lit(last)).alias(key))
        for i, f in self.fields.items():
            out += self._of(i, f, stored)
        out += [self.raw[n].alias(f"segment:{n}") for n in self.segments if n not in stored]
        if self.part.kind == "gauges" and self.fields:
            out.append(self.raw["metric"].alias("metric"))
            out.append(_number(self.raw["value"], self.schema["value"]).alias("value"))
        return out or [pl.lit(0).alias("nothing")]

    def _of(self, i: int, f: FieldSpec, stored: dict[str, str]) -> list[pl.Expr]:
        value, dtype = self.raw[f.column], self.schema[f.column]
        if f.kind == "gauges":
            return []
        if f.type == "number":
            told = [value.is_null().alias(f"{i}:null")] if _family(dtype) == "text" else []
            return [_number(value, dtype).alias(f"{i}"), *told]
        if f.type == "age":
            return [self._age(value, dtype).alias(f"{i}")]
        text = value.cast(pl.String)
        if f.type == "id":
            null, empty = text.is_null().alias(f"{i}:null"), (text == "").alias(f"{i}:empty")
            return [text.hash().alias(f"{i}"), null, empty]
        if f.type == "text":
            return [text.str.len_bytes().cast(pl.Float64).alias(f"{i}"), text.alias(f"{i}:text")]
        return [] if f.column in stored else [value.alias(f"{i}")]

    def _age(self, value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        """Seconds before the row's time."""
        if self.time not in self.have or not isinstance(dtype, pl.Datetime | pl.Date):
            return pl.lit(None, dtype=pl.Float64)
        zone = getattr(dtype, "time_zone", None)
        moment = value.cast(pl.Datetime("us", zone))
        if zone is None:
            moment = moment.dt.replace_time_zone(
                self.part.source.timezone, ambiguous="earliest", non_existent="null"
            )
        moment = moment.dt.convert_time_zone("UTC")
        return (self.raw[self.time] - moment).dt.total_microseconds() / 1e6

    def _assemble(self, frame: pl.DataFrame, stored: dict[str, Codes], start: int, rows: int) -> Piece:
        times, timeless = _times(frame["time"]) if "time" in frame.columns else (None, None)
        keys = tuple(
            encode(frame[key])
            if key in frame.columns
            else (self.part.source.model if key == "model" else "")
            for key in KEYS
        )
        if self.part.kind == "gauges":
            columns = self._gauges(frame) if self.fields else {}
        else:
            columns = {i: self._column(frame, i, f, stored, start) for i, f in self.fields.items()}
        segments = {n: stored[n] if n in stored else encode(frame[f"segment:{n}"]) for n in self.segments}
        return Piece(rows, times, timeless, keys, columns, segments)

    def _column(
        self, frame: pl.DataFrame, i: int, f: FieldSpec, stored: dict[str, Codes], start: int
    ) -> Column:
        family = _family(self.schema[f.column], "number" if f.type in NUMERIC else "text")
        if f.type == "category":
            codes = stored[f.column] if f.column in stored else encode(frame[f"{i}"])
            null = codes.codes == len(codes.names)
            empty = codes.codes == codes.names.index("") if "" in codes.names else None
            many = int(np.count_nonzero(null))
            return Column(family, many, null if many else None, codes=codes, empty=empty)
        series = frame[f"{i}"]
        if f.type == "id":
            null = frame[f"{i}:null"].to_numpy()
            many, empty = int(null.sum()), frame[f"{i}:empty"].fill_null(value=False).to_numpy()
            hashes = series.fill_null(0).to_numpy()
            return Column(
                family,
                many,
                null if many else None,
                hashes=hashes,
                empty=empty if empty.any() else None,
            )
        many = series.null_count()
        null = series.is_null().to_numpy() if many else None
        values = series.to_numpy()
        if f.type == "text":
            empty = values == 0
            words = _words(frame[f"{i}:text"], f.stride, start)
            return Column(family, many, null, values, empty=empty if empty.any() else None, words=words)
        failed = None
        if f"{i}:null" in frame.columns and null is not None:
            failed = null & ~frame[f"{i}:null"].to_numpy()
        return Column(family, many, null, values, failed=failed)

    def _gauges(self, frame: pl.DataFrame) -> dict[int, Column]:
        """Every reading belongs to the field of its metric."""
        metric = encode(frame["metric"])
        position = {name: k for k, name in enumerate(metric.names)}
        values = frame["value"]
        all_null = values.is_null().to_numpy() if values.null_count() else None
        numbers = values.to_numpy()
        out = {}
        for i, f in self.fields.items():
            rows = np.flatnonzero(metric.codes == position.get(f.name, -1))
            null = all_null[rows] if all_null is not None else None
            many = int(null.sum()) if null is not None else 0
            out[i] = Column("number", many, null if many else None, numbers[rows], rows=rows)
        return out


def columns_of(part: Part, spec: ProfileSpec) -> dict[str, str]:
    """Features of the part that the spec does not know: name → family."""
    if part.kind not in {"predictions", "spans"}:
        return {}
    known = {f.column for f in spec.fields if f.kind == part.kind}
    have = available(part)
    new = [n for n in part.columns if n.startswith("features.") and n in have and n not in known]
    if not new or (part.kind == "spans" and any(f.kind == "predictions" for f in spec.fields)):
        return {}
    lazy = pl.scan_parquet(part.path, glob=False).select(expression(part, n).alias(n) for n in new)
    return {n.removeprefix("features."): _family(d) for n, d in lazy.collect_schema().items()}


def encode(series: pl.Series) -> Codes:
    """A column as codes of its values' texts."""
    if series.dtype == pl.Boolean:
        return Codes(series.cast(pl.Int64).fill_null(2).to_numpy(), ["false", "true"])
    if series.dtype == pl.Null:
        return Codes(np.zeros(len(series), np.int64), [])
    if isinstance(series.dtype, pl.Categorical | pl.Enum) or series.dtype.is_nested():
        series = series.cast(pl.String)
    return _coded(series.to_arrow().dictionary_encode())


def _dictionary(column: pa.ChunkedArray) -> Codes:
    array = column.unify_dictionaries().combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = array.chunk(0)
    return _coded(array)


def _coded(array: pa.DictionaryArray) -> Codes:
    names = as_text(pl.Series(array.dictionary)).to_list()
    indices = array.indices
    if indices.null_count:
        indices = indices.fill_null(len(names))
    codes = indices.to_numpy(zero_copy_only=False).astype(np.int64)
    if len(set(names)) < len(names):  # 1 and 1.0 are one value
        first: dict[str, int] = {}
        map_to = [first.setdefault(name, len(first)) for name in names]
        codes = np.array([*map_to, len(first)], np.int64)[codes]
        names = list(first)
    return Codes(codes, names)


def _texts(path: str) -> frozenset[str]:
    """Top-level columns of a Parquet file that are plain text."""
    schema = pq.read_schema(path)
    return frozenset(f.name for f in schema if pa.types.is_string(f.type) or pa.types.is_large_string(f.type))


def _family(dtype: pl.DataType, empty: str = "text") -> str:
    """Of a column that is null throughout what is expected: it has no type to have changed."""
    if dtype == pl.Null:
        return empty
    if dtype == pl.Boolean:
        return "bool"
    if dtype.is_numeric() or dtype == pl.Duration:
        return "number"
    return "time" if dtype.is_temporal() else "text"


def _number(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    family = _family(dtype)
    if family == "text":
        return value.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
    if dtype == pl.Duration:
        return value.dt.total_microseconds() / 1e6
    return pl.lit(None, dtype=pl.Float64) if family == "time" else value.cast(pl.Float64)


def _times(series: pl.Series) -> tuple[Ints, NDArray[np.bool_] | None]:
    bad = (series.is_null() | ~series.is_between(*YEARS)).fill_null(value=True)
    if not bad.any():
        return series.to_numpy(), None
    return series.fill_null(0).to_numpy(), bad.to_numpy()


def _words(texts: pl.Series, stride: int, start: int) -> tuple[Ints, Codes]:
    """Words of every stride-th row of the file, by hash: which row (of the piece), which word."""
    offset = -start % stride
    sampled = texts[offset:].gather_every(stride)
    frame = pl.DataFrame({"w": sampled}).with_columns(
        row=pl.int_range(pl.len(), dtype=pl.Int64) * stride + offset, w=pl.col("w").str.extract_all(r"\S+")
    )
    words = frame.explode("w").drop_nulls("w")
    codes = (words["w"].hash() % WORDS).cast(pl.Int64).to_numpy()
    return words["row"].to_numpy(), Codes(codes, [str(k) for k in range(WORDS)])
