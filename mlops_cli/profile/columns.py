"""What is read of a part for a spec: an expression or a dictionary for each field and key."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from mlops_cli.logs.canon import FEATURE
from mlops_cli.logs.expressions import available, expression, resolve, schema_of
from mlops_cli.logs.format import Part
from mlops_cli.logs.times import time_of
from mlops_cli.profile.plan import OTHER_TIMES
from mlops_cli.profile.spec import FieldSpec, ProfileSpec

NULL = 2**64 - 1  # the hash of a null
WORDS = 1_024  # words are counted by a hash of so many values: no text is kept
KNOWN = 256  # ways to read a file that are kept
_KNOWN: dict[Any, "Columns"] = {}
# Key of a group → the canonical columns that may tell it, the first that does wins.
KEYS = {"model": ("model",), "component": ("component",), "arm": ("variant", "model_version")}
GAUGE_KEYS = {**KEYS, "component": ("component", "host")}


@dataclass(frozen=True)
class Columns:
    """Labels of what is read.

    Parameters
    ----------
    queried : label → expression of polars
    dictionaries : label → text column of the file
    fields : id → field of the spec that the part has
    families : id → number, text, bool or time: as what it was logged
    keys : key of a group → labels of the columns that tell it
    segments : canonical column → label
    timed : the rows have times

    """

    queried: dict[str, pl.Expr] = field(default_factory=dict)
    dictionaries: dict[str, str] = field(default_factory=dict)
    fields: dict[int, FieldSpec] = field(default_factory=dict)
    families: dict[int, str] = field(default_factory=dict)
    keys: dict[str, tuple[str, ...]] = field(default_factory=dict)
    segments: dict[str, str] = field(default_factory=dict)
    timed: bool = False

    def labels_of(self, i: int) -> list[str]:
        """What is read for one field."""
        names = (f"{i}", f"{i}:unread")
        return [n for n in names if n in self.queried or n in self.dictionaries]

    @property
    def common(self) -> list[str]:
        """What is read for all of them: time, keys, segments; the name of a gauge and its reading."""
        have = {*self.queried, *self.dictionaries}
        labels = [*(c for told in self.keys.values() for c in told), *self.segments.values()]
        return [*(["time"] if self.timed else []), *labels, *(n for n in ("metric", "value") if n in have)]


class _Made:
    """The columns as they are put together."""

    def __init__(self, part: Part, spec: ProfileSpec) -> None:
        self.part, self.schema, self.have = part, schema_of(part.path), available(part)
        self.out = Columns()
        self.dtypes = self._dtypes(spec)
        self.time = OTHER_TIMES.get(part.kind, "timestamp")
        if self.time in self.have:
            self.out.queried["time"] = expression(part, self.time).to_physical().cast(pl.Int64())
            self.out = Columns(**{**vars(self.out), "timed": True})
        for key, names in (GAUGE_KEYS if part.kind == "gauges" else KEYS).items():
            labels = tuple(self._text(f"key:{n}", n) for n in names if n in self.have)
            if labels:
                self.out.keys[key] = labels
        if part.kind == "predictions":
            for column in sorted({c for columns, _ in spec.segments for c in columns} & self.have):
                self.out.segments[column] = self._text(f"segment:{column}", column)
        for i, f in enumerate(spec.fields):
            if f.kind == part.kind and f.type != "rows" and f.column in self.have:
                self._field(i, f)

    def _field(self, i: int, f: FieldSpec) -> None:
        out = self.out
        if f.kind == "gauges":
            if "metric" in self.have:
                out.fields[i] = f
                self._text("metric", "metric")
                out.queried["value"] = expression(self.part, "value")
            return
        out.fields[i] = f
        raw, dtype = self._raw(f.column)
        out.families[i] = family(dtype, "number" if f.type in {"number", "age"} else "text")
        if f.type == "category":
            self._text(f"{i}", f.column)
        elif f.type == "id":
            text = text_of(expression(self.part, f.column), self.dtypes[f.column])
            out.queried[f"{i}"] = (
                pl.when(text.is_not_null()).then(self._hash(f, text)).otherwise(pl.lit(NULL, pl.UInt64()))
            )
        elif f.type == "text":
            out.queried[f"{i}"] = text_of(expression(self.part, f.column), self.dtypes[f.column])
        else:
            self._number(i, f, raw, dtype)

    def _hash(self, f: FieldSpec, text: pl.Expr) -> pl.Expr:
        """Of an id; rows of one request are told apart: a prediction is known by (request_id, row)."""
        if f.role != "request_id" or "row" not in self.have:
            return text.hash()
        row = expression(self.part, "row").fill_null(0).cast(pl.String())
        return pl.concat_str(text, row, separator="\x1f").hash()

    def _number(self, i: int, f: FieldSpec, raw: pl.Expr, dtype: pl.DataType) -> None:
        """A number, or seconds before the row's time; of what is logged as another type what can be read."""
        known = self.out.families[i]
        none = pl.lit(None, dtype=pl.Float64())
        if f.type == "age":
            moment = time_of(raw, dtype, self.part.source.timezone)
            read = moment.is_not_null()
            value = none
            if self.time in self.have:
                value = (expression(self.part, self.time) - moment).dt.total_microseconds() / 1e6
            odd = known != "time"
        else:
            value = none if known == "time" else self._as_number(f, raw, dtype)
            read, odd = value.is_not_null(), known in {"text", "time"}
        self.out.queried[f"{i}"] = value
        if odd:
            self.out.queried[f"{i}:unread"] = raw.is_not_null() & ~read

    def _as_number(self, f: FieldSpec, raw: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        canonical = not f.column.startswith(FEATURE)
        if dtype == pl.Duration and not (canonical and f.column.endswith("_ms")):
            return raw.dt.total_microseconds() / 1e6
        value = expression(self.part, f.column)
        if family(dtype) == "text" and (f.role == "feature" or self.dtypes[f.column] == pl.String):
            value = value.cast(pl.String()).str.strip_chars()
        return value.cast(pl.Float64(), strict=False)

    def _text(self, label: str, column: str) -> str:
        """A column as codes: by its dictionary where it is a text column of the file."""
        source = self.part.columns[column]
        plain = source in self.schema and self.schema[source] == pl.String
        if plain and self.dtypes[column] == pl.String:
            self.out.dictionaries[label] = source
        else:
            value, dtype = expression(self.part, column), self.dtypes[column]
            odd = dtype.is_nested() or dtype == pl.Binary or isinstance(dtype, pl.Categorical | pl.Enum)
            self.out.queried[label] = value.cast(pl.String(), strict=False) if odd else value
        return label

    def _raw(self, column: str) -> tuple[pl.Expr, pl.DataType]:
        found = resolve(self.schema, self.part.columns[column])
        assert found is not None  # noqa: S101 - it is available
        return found

    def _dtypes(self, spec: ProfileSpec) -> pl.Schema:
        """Canonical column → its type as it is counted; asked for at once: each time is a millisecond."""
        wanted = {f.column for f in spec.fields if f.kind == self.part.kind and f.type != "rows"}
        wanted |= {c for columns, _ in spec.segments for c in columns}
        wanted |= {"metric", *(n for names in GAUGE_KEYS.values() for n in names)}
        lazy = pl.LazyFrame(schema=self.schema)
        return lazy.select(expression(self.part, n).alias(n) for n in wanted & self.have).collect_schema()


def columns_of(part: Part, spec: ProfileSpec) -> Columns:
    """What is read of a part; of files that are alike it is made once."""
    schema, told = tuple(schema_of(part.path).items()), tuple(sorted(part.columns.items()))
    key = (part.kind, part.source.timezone, spec.digest, schema, told)
    made = _KNOWN.get(key)
    if made is None:
        if len(_KNOWN) > KNOWN:
            _KNOWN.clear()
        made = _KNOWN[key] = _Made(part, spec).out
    return made


def new_columns(part: Part, spec: ProfileSpec) -> dict[str, str]:
    """Features of the part that the spec does not know: name → family."""
    counted = part.kind == "predictions" or any(
        f.kind == part.kind and f.role == "feature" for f in spec.fields
    )
    if not counted:
        return {}
    known = {f.column for f in spec.fields if f.kind == part.kind}
    schema = schema_of(part.path)
    out = {}
    for name in sorted(available(part)):
        if name.startswith(FEATURE) and name not in known:
            found = resolve(schema, part.columns[name])
            out[name.removeprefix(FEATURE)] = family(found[1], "text") if found else "text"
    return out


def family(dtype: pl.DataType, empty: str = "text") -> str:
    """What a column was logged as; one that is null throughout is `empty`: it has no type to have changed."""
    if dtype == pl.Null:
        return empty
    if dtype == pl.Boolean:
        return "bool"
    if dtype.is_numeric() or dtype == pl.Duration:
        return "number"
    return "time" if dtype.is_temporal() else "text"


def text_of(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A value as the categories of a profile are named: whole floats without their `.0`."""
    if dtype == pl.String:
        return value
    if dtype.is_float():
        whole = value.cast(pl.Int64(), strict=False)
        same = whole.cast(pl.Float64()) == value
        return pl.when(same).then(whole.cast(pl.String())).otherwise(value.fill_nan(None).cast(pl.String()))
    return value.cast(pl.String(), strict=False)
