"""Rows of a part → Parquet files of the store, one a date; and all files of a kind in equal columns."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from mlops_cli.logs.canon import FEATURE, KINDS
from mlops_cli.logs.expressions import available, expression, roots, schema_of
from mlops_cli.logs.format import Part
from mlops_cli.logs.private import hashed
from mlops_cli.logs.spool import cast, joined
from mlops_cli.logs.store import SOURCE, Kept
from mlops_cli.logs.write import ROW_GROUP, Writer

NO_DATE = "__HIVE_DEFAULT_PARTITION__"  # as every reader of hive partitions has it
HELD = 128 << 20  # bytes of rows of several dates in memory
TIMES = ("timestamp", "label_time")
# Types that stored columns have; every other is made one of them.
BEFORE = "before "  # a condition: rows with an earlier time
DTYPES: Mapping[str, pl.DataType] = {
    str(t): t
    for t in (
        pl.Boolean(), pl.Int64(), pl.Float64(), pl.String(), pl.Date(), pl.Datetime("us"),
        pl.Datetime("us", "UTC"), pl.UInt32(), pl.Int16(),
    )
}  # fmt: skip


def stored_type(name: str, dtype: pl.DataType, kind: str) -> pl.DataType:
    """The type in which a column is kept."""
    canonical = KINDS[kind].get(name)
    if canonical is not None and name not in ("prediction", "label", "decision"):
        return canonical.dtype
    if dtype in (pl.Boolean(), pl.Date(), pl.String()):
        return dtype
    if dtype.is_integer():
        return pl.Float64() if dtype in (pl.UInt64(), pl.Int128()) else pl.Int64()
    if dtype.is_float() or dtype.is_decimal() or dtype == pl.Duration:
        return pl.Float64()
    if isinstance(dtype, pl.Datetime):
        return pl.Datetime("us", "UTC" if dtype.time_zone else None)
    return pl.String()


def _stored(name: str, value: pl.Expr, dtype: pl.DataType, kind: str, *, hashing: bool) -> pl.Expr:
    wanted = stored_type(name, dtype, kind)
    if name == "user_id" and hashing:  # who asked is never kept as it was logged
        return hashed(value, pl.String(), b"").alias(name)
    if dtype == pl.Duration:
        value = value.dt.total_microseconds() / 1_000_000
    if isinstance(dtype, pl.Datetime) and dtype.time_zone not in (None, "UTC"):
        value = value.dt.convert_time_zone("UTC")
    if dtype == pl.Binary:
        value = value.bin.encode("hex")
    return value.cast(wanted, strict=False).alias(name)


@dataclass
class Rows:
    """Writes the rows of one chunk into `folder`; `made` are its files: place in the store → entry."""

    folder: Path
    chunk: str
    made: dict[str, Kept] = field(default_factory=dict)

    def add(self, part: Part, *, model: str = "", forgotten: Sequence[str] = (), hashing: bool = True) -> int:
        """All rows of a part that are not to be forgotten; how many those are."""
        names = [n for n in KINDS[part.kind] if n in available(part)]
        names += sorted(n for n in available(part) if n.startswith(FEATURE))
        time = next((n for n in TIMES if n in names), "")
        schema = schema_of(part.path)
        plain = pl.LazyFrame(schema=schema).select(expression(part, n) for n in names).collect_schema()
        chosen = [_stored(n, expression(part, n), plain[n], part.kind, hashing=hashing) for n in names]
        if model and "model" in KINDS[part.kind] and "model" not in names:
            chosen.append(pl.lit(model).alias("model"))
        dates = _dates(part) if time else [NO_DATE]
        before = sum(k.rows for k in self.made.values())
        if len(dates) == 1 and not forgotten:
            rows = pl.scan_parquet(part.path, glob=False).select(*chosen, pl.lit(self.chunk).alias(SOURCE))
            target = self._target(part.kind, dates[0])
            rows.sink_parquet(str(target), compression="zstd", compression_level=1, row_group_size=ROW_GROUP)
            self._keep(part.kind, dates[0], target)
        else:
            self._by_date(part, chosen, time, forgotten)
        return sum(k.rows for k in self.made.values()) - before

    def _by_date(self, part: Part, chosen: list[pl.Expr], time: str, forgotten: Sequence[str]) -> None:
        held: dict[str, list[pl.DataFrame]] = {}
        writers: dict[str, Writer] = {}
        size = 0.0
        for rows in _batches(part.path):
            frame = rows.lazy().select(*chosen, pl.lit(self.chunk).alias(SOURCE))
            for condition in forgotten:
                frame = frame.filter(~condition_of(condition, frame.collect_schema()).fill_null(value=False))
            for date, some in _split(frame.collect(), time):
                held.setdefault(date, []).append(some)
                size += some.estimated_size()
            if size > HELD:
                self._flush(part.kind, held, writers)
                held, size = {}, 0.0
        self._flush(part.kind, held, writers)
        for date, writer in writers.items():
            writer.finish()
            writer.close()
            self._keep(part.kind, date, Path(writer.target))

    def _flush(self, kind: str, held: Mapping[str, list[pl.DataFrame]], writers: dict[str, Writer]) -> None:
        for date, frames in held.items():
            if date not in writers:
                writers[date] = Writer(str(self._target(kind, date)))
            writers[date].add(pl.concat(frames))
            writers[date].flush()

    def _target(self, kind: str, date: str) -> Path:
        return self.folder / f"{kind}-{date}-{self.chunk}.parquet"

    def _keep(self, kind: str, date: str, target: Path) -> None:
        kept = entry(target, kind, date, [self.chunk])
        if kept.rows:
            self.made[place(kind, date, self.chunk)] = kept
        else:
            target.unlink()

    def staged(self) -> dict[str, str]:
        """Name under the folder → place in the store."""
        return {f"{k.kind}-{k.date}-{self.chunk}.parquet": where for where, k in self.made.items()}


def place(kind: str, date: str, name: str) -> str:
    """Where a file lies in the store."""
    return f"kind={kind}/date={date}/{name}.parquet"


def entry(path: Path, kind: str, date: str, chunks: list[str], was: Mapping[str, str] | None = None) -> Kept:
    """What the manifest says of a Parquet file."""
    schema = pl.read_parquet_schema(path)
    time = next((n for n in TIMES if n in schema), "")
    columns = {name: str(dtype) for name, dtype in schema.items()}
    low = high = None
    if time:
        physical = pl.col(time).to_physical()
        low, high = (
            pl.scan_parquet(path, glob=False).select(low=physical.min(), high=physical.max()).collect().row(0)
        )
    return Kept(
        kind=kind,
        date=date,
        rows=pq.read_metadata(path).num_rows,
        bytes=path.stat().st_size,
        digest=digest(path),
        columns=columns,
        was=columns if was is None else dict(was),
        chunks=chunks,
        start=low,
        end=high,
    )


def digest(path: Path) -> str:
    """`sha256:` of all bytes."""
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def condition_of(condition: str, schema: pl.Schema) -> pl.Expr:
    """Rows for which a condition holds; of rows that lack one of its columns none."""
    if condition.startswith(BEFORE):
        limit = datetime.fromisoformat(condition.removeprefix(BEFORE))
        time = next((n for n in TIMES if n in schema), "")
        return pl.col(time) < limit if time else pl.lit(value=False)
    if not set(roots(f"= {condition}")) <= set(schema):
        return pl.lit(value=False)
    return pl.sql_expr(condition)


def _dates(part: Part) -> list[str]:
    """The one date of all rows, or two where there are several or none is known."""
    if part.start is None or part.end is None or sum(n for _, _, n in part.times) != part.rows:
        return ["", ""]
    one, other = part.start.date().isoformat(), part.end.date().isoformat()
    return [one] if one == other else [one, other]


def _split(frame: pl.DataFrame, time: str) -> Iterator[tuple[str, pl.DataFrame]]:
    if not frame.height:
        return
    if not time:
        yield NO_DATE, frame
        return
    dates = frame[time].dt.date()
    for date in dates.unique(maintain_order=True):
        yield (NO_DATE if date is None else date.isoformat()), frame.filter(dates.eq_missing(date))


def _batches(path: str) -> Iterator[pl.DataFrame]:
    file = pq.ParquetFile(path)
    begin = 0
    for group in range(file.num_row_groups):
        rows = file.metadata.row_group(group).num_rows
        yield pl.scan_parquet(path, glob=False).slice(begin, rows).collect()
        begin += rows


def as_it_was(kept: Kept) -> dict[str, str]:
    """Canonical name → column, or expression that gives it the type that its source had."""
    out = {}
    for name, dtype in kept.was.items():
        if name == SOURCE:
            continue
        ident = '"' + name.replace('"', '""') + '"'
        if kept.columns.get(name) == dtype or dtype not in _SQL:
            out[name] = name
        elif dtype == "Boolean" and kept.columns.get(name) == "String":
            out[name] = f"= {ident} = 'true'"
        else:
            out[name] = f"= CAST({ident} AS {_SQL[dtype]})"
    return out


_SQL = {"Boolean": "BOOLEAN", "Int64": "BIGINT", "Float64": "DOUBLE"}


def columns_of(files: Mapping[str, Kept], kind: str) -> pl.Schema:
    """All columns of a kind, in types that hold those of every file; in an order that no order changes."""
    types: dict[str, pl.DataType] = {}
    for kept in files.values():
        if kept.kind == kind:
            for name, text in kept.columns.items():
                types[name] = joined(types.get(name, pl.Null()), DTYPES.get(text, pl.String()))
    canonical = [n for n in KINDS[kind] if n in types]
    return pl.Schema(
        {n: types[n] for n in (*canonical, *sorted(n for n in types if n.startswith(FEATURE)), SOURCE)}
    )


def alike(path: Path, wanted: pl.Schema) -> pl.LazyFrame:
    """The rows of a stored file in the columns of its kind."""
    rows = pl.scan_parquet(path, glob=False)
    have = rows.collect_schema()
    return rows.select(
        (cast(pl.col(n), have[n], dtype) if n in have else pl.lit(None, dtype=dtype)).alias(n)
        for n, dtype in wanted.items()
    )
