"""BentoML's monitor (`bentoml.monitor`): data files as JSON lines, and the files with the columns' roles.

A request of several rows writes one line a row under one id, so `row` is the position among them. Trace
ids are decimal numbers; the access log has the same in hex.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import polars as pl

from mlops_cli.logs.canon import FEATURE
from mlops_cli.logs.expressions import trace_of
from mlops_cli.logs.format import Batch, Format, LogFile
from mlops_cli.logs.json_lines import Sifted, frames, parse
from mlops_cli.logs.scratch import fresh

REMEMBERED = 100_000  # ids whose rows may still be arriving from another worker thread
OWN = ("timestamp", "request_id", "trace_id")
ROLES = {
    "prediction": "prediction",
    "score": "score",
    "probability": "score",
    "target": "label",
    "label": "label",
}


def detect(start: bytes, _: str) -> float:
    """Sure where the first record has BentoML's own three columns and a decimal trace id."""
    record, _why = parse(start.split(b"\n", 1)[0])
    if record is None or not set(OWN) <= set(record):
        return 0.0
    ids = (str(record["trace_id"]), str(record["request_id"]))
    return 0.9 if all(one.isdecimal() for one in ids) and "T" in str(record["timestamp"]) else 0.0


def is_schema(start: bytes, _: str) -> float:
    """Sure where the first record lists columns with roles."""
    record, _why = parse(start.split(b"\n", 1)[0])
    columns = (record or {}).get("columns")
    return 0.95 if isinstance(columns, list) and columns and "role" in columns[0] else 0.0


def columns(file: LogFile) -> Mapping[str, str]:
    """What the schema file beside the data says of each column."""
    out = {name: name for name in (*OWN, "row")}
    for column in _schema(Path(file.path)):
        name, role = str(column.get("name")), str(column.get("role"))
        if role in ROLES:
            out.setdefault(ROLES[role], name)
        elif role == "feature":
            out[FEATURE + name] = name
    return out


def _schema(data: Path) -> list[Mapping[str, object]]:
    """Of this worker's schema file, else of any: workers of one service write the same."""
    folder = data.parent.parent / "schema"
    own = folder / re.sub(r"^data", "schema", data.name)
    for path in (own, *sorted(folder.glob("schema*"))):
        try:
            record = msgspec.json.decode(path.read_bytes().split(b"\n", 1)[0])
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
            continue
        if isinstance(record, dict) and isinstance(record.get("columns"), list):
            return [c for c in record["columns"] if isinstance(c, dict)]
    return []


def read(file: LogFile) -> Iterator[Batch]:
    """All records, with `row` and trace ids in hex."""
    sifted = Sifted(file.path, file.shown, fresh("bentoml"), file.named)
    try:
        seen: OrderedDict[str, int] = OrderedDict()
        bad, quarantined = tuple(sifted.sieve.bad), sifted.sieve.quarantined
        yield Batch(_finished(pl.DataFrame(schema=sifted.schema()), seen), bad, "", quarantined)
        for frame in frames(sifted):
            yield Batch(_finished(frame, seen))
    finally:
        sifted.remove()


def _finished(frame: pl.DataFrame, seen: OrderedDict[str, int]) -> pl.DataFrame:
    if "trace_id" in frame.columns:
        frame = frame.with_columns(trace_of(pl.col("trace_id"), frame.schema["trace_id"]).alias("trace_id"))
    if "row" in frame.columns or "request_id" not in frame.columns:
        return frame
    ids = frame["request_id"].cast(pl.String())
    before = ids.to_frame("id").select(pl.int_range(pl.len()).over("id")).to_series()
    carried = pl.Series([seen.get(one, 0) for one in ids], dtype=pl.Int64)
    row = (before + carried).cast(pl.UInt32()).alias("row")
    for one, count in ids.drop_nulls().value_counts().iter_rows():
        seen[one] = seen.get(one, 0) + count
        seen.move_to_end(one)
    while len(seen) > REMEMBERED:
        seen.popitem(last=False)
    return frame.with_columns(pl.when(ids.is_not_null()).then(row).alias("row"))


FORMAT = Format(
    detect=detect,
    kinds=("predictions",),
    unavailable={
        "model_version": "BentoML's monitor does not log the model's version",
        "latency_ms": "only the access log has latencies",
        "status": "a failed request leaves no record here; only the access log has it",
    },
    read=read,
    columns=columns,
)
SCHEMA = Format(detect=is_schema, kinds=(), unavailable={}, read=None)
