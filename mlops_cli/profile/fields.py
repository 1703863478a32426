"""What kind of field a column is and how finely it is counted, from a sample of its values."""

import math
from dataclasses import dataclass, replace
from dataclasses import field as default

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.logs.canon import FEATURE
from mlops_cli.profile.spec import FieldSpec
from mlops_cli.stats.cells import cells_of

SAMPLE = 16_384  # rows, of the first row group
WIDE = 131_072  # of a text that looks like an id: 20,000 categories do so in a small sample
SURE = 1_000  # values from which the share of different ones is trusted
CLASSES = 20  # a whole-number output with at most so many values is a class
SPAN = 1 << 20  # cells of the histogram of a fine field: 8 MB
LEAST_ROWS = 65_536  # a file is taken to have at least so many, for the room of the sums
LONG = 1_024  # bytes: the words of longer texts are read more rarely
WORDS = r"\p{L}{2,}\P{L}*\s\P{L}*\p{L}{2,}"  # two words: a text, where a moment or a number is none
DURATIONS = ("latency_ms", "queue_ms")  # whole by rounding only
OUTPUTS = ("prediction", "label", "decision")
FIXED = {"error": "category", "user_action": "category", "request_id": "id"}  # whatever the sample says

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """Values of a column as they were logged, nulls too.

    Parameters
    ----------
    values : of a time the seconds before its row's
    rows : of the file that the first of them are of
    age : it is a time

    """

    values: pl.Series = default(default_factory=lambda: pl.Series("", [], pl.Null()))
    rows: int = 0
    age: bool = False


def field_of(kind: str, column: str, sample: Sample) -> FieldSpec:
    """The field of a canonical column."""
    name = column.removeprefix(FEATURE)
    it = FieldSpec(kind, name, column, "", "feature" if column.startswith(FEATURE) else column)
    values, rows = sample.values.drop_nulls(), sample.rows
    if column in FIXED:
        return replace(it, type=FIXED[column])
    if column == "status":  # each has a cell of its own
        q, q2 = _quantum(1_024, rows), _quantum(1_024, rows, power=2)
        return replace(it, type="number", mantissa=9, integral=True, quantum=q, quantum_sq=q2)
    if sample.age:
        return _number(replace(it, type="age"), _floats(values), rows)
    return _typed(it, values, rows)


def gauge(name: str, sample: Sample) -> FieldSpec:
    """The readings of one gauge."""
    it = FieldSpec("gauges", name, "value", "number", "gauge")
    return _number(it, _floats(sample.values.drop_nulls()), sample.rows)


def _typed(field: FieldSpec, values: pl.Series, rows: int) -> FieldSpec:
    dtype = values.dtype
    output = field.column in OUTPUTS
    canonical = field.role != "feature" and not output
    if dtype.is_numeric() or dtype == pl.Duration:
        if output and dtype.is_integer() and values.n_unique() <= CLASSES and len(values):
            return replace(field, type="category")
        if _names_things(field.name) and dtype.is_integer() and mostly_distinct(values):
            return replace(field, type="id")
        return _number(replace(field, type="number"), _floats(values), rows)
    if canonical:  # a number of `canon.py` that no value of the sample tells more of
        return _number(replace(field, type="number"), np.zeros(0), rows)
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        return _text(field, values.cast(pl.String()), rows)
    return replace(field, type="category")


def _text(field: FieldSpec, values: pl.Series, rows: int) -> FieldSpec:
    """Few different values: a category; else numbers, free text, or ids."""
    if not len(values) or not mostly_distinct(values):
        return replace(field, type="category")
    numbers = values.str.strip_chars().cast(pl.Float64(), strict=False)
    if not numbers.null_count():
        return _number(replace(field, type="number"), numbers.to_numpy(), rows)
    if values.str.contains(WORDS).sum() * 2 < len(values):
        return replace(field, type="id")
    lengths = values.str.len_bytes().cast(pl.Float64()).to_numpy()
    # A few hundred texts of a window say enough; of a small file more than every 64th is needed for them.
    stride = 1_024 if lengths.mean() > LONG else 1 << max(0, min(6, (rows // 1_000).bit_length() - 1))
    sums = _sums(lengths, rows)
    return replace(field, type="text", stride=stride, quantum=sums[0], quantum_sq=sums[1])


def _number(field: FieldSpec, values: Floats, rows: int) -> FieldSpec:
    """Resolution and room of the sums (`performance.md` 1 and 4)."""
    finite = values[np.isfinite(values)]
    quantum, quantum_sq = _sums(finite, rows)
    if not len(finite):
        return replace(field, quantum=quantum, quantum_sq=quantum_sq)
    measured = field.type == "age" or field.column in DURATIONS
    integral = not measured and bool((finite == np.rint(finite)).all())
    offset = _offset(finite)
    mantissa = _mantissa(finite, integral=integral)
    low, high = (0, 0) if mantissa == 7 else _histogram(finite, mantissa, offset)
    return replace(
        field,
        mantissa=mantissa,
        integral=integral,
        quantum=quantum,
        quantum_sq=quantum_sq,
        offset=offset,
        low_cell=low,
        high_cell=high,
    )


def _mantissa(values: Floats, *, integral: bool) -> int:
    """Bits that part a field's middle half into enough cells; whole numbers one by one."""
    if integral:
        largest = float(np.quantile(np.abs(values), 0.99))
        return min(max(7, math.ceil(math.log2(largest)) if largest > 1 else 0), 14)
    p1, q1, median, q3, p99 = np.quantile(values, (0.01, 0.25, 0.5, 0.75, 0.99))
    width = float(q3 - q1) or float(p99 - p1)
    if not width or not median:
        return 7
    octave = 2.0 ** math.floor(math.log2(abs(median)))
    return min(max(math.ceil(math.log2(32 * octave / width)), 7), 16)


def _offset(values: Floats) -> int:
    """Log2 of a scale that brings values which float32 cannot hold into its range; mostly 0."""
    size = np.abs(values[values != 0])
    if not len(size):
        return 0
    largest = math.frexp(float(size.max()))[1]
    tiny = float((size < 2.0**-126).mean())
    if largest <= 127 and tiny < 0.01:
        return 0
    middle = math.frexp(float(np.median(size)))[1]
    return min(-middle, 126 - largest)


def _histogram(values: Floats, mantissa: int, offset: int) -> tuple[int, int]:
    """Cells of a dense histogram: those of the sample and a quarter more on both sides.

    A span that is too wide (whole numbers around 0) is that of the middle 98 %; else there is none.
    """
    for share in (0.0, 0.01):
        ends = np.quantile(values, (share, 1 - share))
        first, last = (int(c) for c in cells_of(ends, mantissa, offset))
        guard = (last - first) // 4 + 1
        if last - first + 2 * guard <= SPAN:
            return first - guard, last + guard
    return 0, 0


def _sums(values: Floats, rows: int) -> tuple[float, float]:
    largest = float(np.abs(values).max()) if len(values) else 1.0
    return _quantum(largest, rows), _quantum(largest, rows, power=2)


def _quantum(largest: float, rows: int, power: int = 1) -> float:
    """What sums are rounded to once a file, so that adding them is exact: room for 2^17 such files."""
    top = power * math.log2(largest) if largest > 0 else 0.0
    exponent = math.ceil(top) + math.ceil(math.log2(max(rows, LEAST_ROWS))) - 36
    return math.ldexp(1.0, min(max(exponent, -1_000), 1_000))


def _floats(values: pl.Series) -> Floats:
    if values.dtype == pl.Duration:
        values = values.dt.total_microseconds() / 1e6
    return values.cast(pl.Float64()).to_numpy()


def mostly_distinct(values: pl.Series) -> bool:
    """More than half of a large sample; of a small one nearly all, as few rows hardly repeat anything."""
    needed = 0.5 if len(values) >= SURE else 0.9
    return values.n_unique() > needed * len(values)


def _names_things(name: str) -> bool:
    return name.lower().rsplit("_", 1)[-1] in {"id", "uuid", "key", "number", "no"} or name.endswith("Id")
