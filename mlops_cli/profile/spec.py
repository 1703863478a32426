"""ProfileSpec, FieldSpec and Profile: what is counted, and the tables that the counts lie in.

Equal specs merge. Everything that depends on data (resolution, quantum, caps, segment values) is decided
once, in `plan.py`, from the baseline's first rows, and pinned here: a worker decides nothing.
"""

import hashlib
import json
from bisect import bisect_left, bisect_right
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

import polars as pl

KERNEL = 1  # goes up when the same file would be counted differently

# Keys of a row of counts. `window` is its start in microseconds UTC, 0 where there are no times (a
# reference file); `segment` is "" for all rows or "column=value,column=value" sorted by column.
GROUPS = {
    "group": pl.UInt32,
    "window": pl.Int64,
    "kind": pl.String,
    "model": pl.String,
    "component": pl.String,
    "arm": pl.String,
    "segment": pl.String,
}
# n counts all rows of the group (where the file lacks the field: 0 rows, see SCHEMA); nulls, nans, infs
# and empties (text of length 0) are among them; sum, sumsq, min, max are over the finite values.
# The pseudo-field "" of each kind counts its rows: min and max are its first and last time (us).
MOMENTS = {
    "group": pl.UInt32,
    "field": pl.UInt16,
    "n": pl.Int64,
    "nulls": pl.Int64,
    "nans": pl.Int64,
    "infs": pl.Int64,
    "empties": pl.Int64,
    "sum": pl.Float64,
    "sumsq": pl.Float64,
    "min": pl.Float64,
    "max": pl.Float64,
}
# Signed cells in the order of the values: float32 bits >> (23 - m), ~ of that of |x| for x < 0.
# Coarsening is `cell >> bits` for both signs. NaN and infinities are in MOMENTS only; -0 is 0.
CELLS = {"group": pl.UInt32, "field": pl.UInt16, "cell": pl.Int32, "count": pl.Int64}
# `value` null stands for "other": all values beyond the cap of one file; its count is exact, `cut` the
# greatest count among them in one file, added up over files (0 for a value that is named).
VALUES = {
    "group": pl.UInt32,
    "field": pl.UInt16,
    "value": pl.String,
    "count": pl.Int64,
    "cut": pl.Int64,
}
# KMV: the smallest hashes of a field with how often each came; at most SKETCH a group and field.
SKETCHES = {"group": pl.UInt32, "field": pl.UInt16, "hash": pl.UInt64, "count": pl.Int64}
# What a field looked like in the file: `dtype` is a family (number, text, bool, time, absent); `rows` of
# the group in that file, `parsed` those whose text could be read as the spec's type (or needed no parsing).
SCHEMA = {
    "group": pl.UInt32,
    "field": pl.UInt16,
    "name": pl.String,  # where field is not in the spec (65535): a column that appeared
    "dtype": pl.String,
    "rows": pl.Int64,
    "parsed": pl.Int64,
}
NEW_FIELD = 65535
SKETCH = 2048
WHOLE_M = 4  # mantissa bits of segment groups


@dataclass(frozen=True)
class FieldSpec:
    """One field of one kind of log.

    Parameters
    ----------
    kind : of log
    name : as printed; "" is the pseudo-field that counts rows; features without their prefix
    column : canonical name: `features.carrier`, `latency_ms`; of a gauge `value`, where `metric` is `name`
    type : rows, number, category, text, id or age (a time, counted as seconds before its row's)
    role : feature, prediction, score, latency_ms, status, error, request_id, gauge ...
    mantissa : bits kept of a number, 4 to 16
    integral : all of the sample was whole
    quantum : sums are rounded to multiples of it once a file; so float addition is exact
    quantum_sq : the same for squares
    offset : log2 by which values are scaled before cells (0 but for extreme fields)
    stride : every stride-th row of a text is read for its words
    level : categories with a segment of their own ("" all others) where it is a segment column

    """

    kind: str
    name: str
    column: str
    type: str
    role: str
    mantissa: int = 7
    integral: bool = False
    quantum: float = 0.0
    quantum_sq: float = 0.0
    offset: int = 0
    stride: int = 64
    low_cell: int = 0  # smallest and largest cell of the histogram at mantissa > 7
    high_cell: int = 0


@dataclass(frozen=True)
class WindowSpec:
    """Length of the windows; days begin in `timezone`; seconds = 0 means the whole log is one window."""

    seconds: int
    timezone: str = "UTC"

    @property
    def word(self) -> str:
        """`1d`, `1h`, `10min`, `10s`, or `all`."""
        if not self.seconds:
            return "all"
        for name, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
            if self.seconds % size == 0:
                return f"{self.seconds // size}{name}"
        return f"{self.seconds}s"

    def starts(self, low: int, high: int) -> list[int]:
        """Starts of the windows from the one that holds `low` to the one after `high` (us, UTC)."""
        if not self.seconds:
            return [0, 2**62]
        if self.seconds % 86_400:
            size = self.seconds * 1_000_000
            return list(range(low // size * size, high + size + 1, size))
        zone, step = ZoneInfo(self.timezone), timedelta(days=self.seconds // 86_400)
        day = datetime.fromtimestamp(low / 1e6, zone).date()
        day -= timedelta(days=day.toordinal() % step.days)
        out: list[int] = []
        while not out or out[-1] <= high:
            start = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
            out.append(round(start.timestamp()) * 1_000_000)
            day += step
        return out

    def start_of(self, moment: int) -> int:
        """Start of the window that holds `moment`."""
        starts = self.starts(moment, moment)
        return starts[bisect_right(starts, moment) - 1]

    def end_of(self, start: int) -> int:
        """End of the window that starts at `start`."""
        starts = self.starts(start, start)
        return starts[bisect_left(starts, start) + 1]


@dataclass(frozen=True)
class ProfileSpec:
    """What every file of a run is counted by.

    `segments` holds, for each segment (one column or a pair), the canonical columns and, for each of them,
    its pinned values as text (`plan.as_text`: true, 5, 0.5); values not pinned go to "(other)".
    """

    window: WindowSpec
    fields: tuple[FieldSpec, ...]
    segments: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...] = ()
    values_cap: int = 8_192
    segment_values_cap: int = 255
    cells_cap: int = 65_536
    kernel: int = KERNEL
    probe: str = ""  # hash of a fixed text: polars does not promise stable hashes

    @cached_property
    def digest(self) -> str:
        """Key of the cache: equal specs count alike."""
        text = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def field_ids(self, kind: str = "", **wanted: str) -> list[int]:
        """Ids (positions) of the fields of a kind whose attributes equal `wanted`."""
        return [
            i
            for i, f in enumerate(self.fields)
            if (not kind or f.kind == kind) and all(getattr(f, k) == v for k, v in wanted.items())
        ]


@dataclass(frozen=True)
class Profile:
    """The counts of one file, or of many: the same shape, so that merging needs no second type.

    Every table is sorted by all of its key columns, and group ids number the sorted `groups`, so equal
    counts are equal bytes. `mantissa` holds, per field id, the bits that its cells have now (at most the
    spec's).
    """

    spec: ProfileSpec
    groups: pl.DataFrame
    moments: pl.DataFrame
    cells: pl.DataFrame
    values: pl.DataFrame
    sketches: pl.DataFrame
    schema: pl.DataFrame
    mantissa: tuple[int, ...]
    notes: tuple[str, ...] = field(default=())
