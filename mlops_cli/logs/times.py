"""Times as logs write them → microseconds UTC: ISO with or without a zone, and numbers since 1970."""

from functools import partial
from typing import Literal

import polars as pl

from mlops_cli.logs.canon import TIME

# A number below 10**11 is seconds (until 5138), up to 10**14 milliseconds, to 10**17 micro, above nano.
_UNITS = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1))
_ISO = (
    r"^\s*(?<date>\d{4}-\d\d-\d\d|\d{4}/\d\d/\d\d)"
    r"(?:[T ](?<time>\d\d:\d\d(?::\d\d)?)(?:[.,](?<part>\d{1,9}))?)?"
    r"\s*(?<zone>[Zz]|UTC|GMT|[+-]\d\d:?\d\d|[+-]\d\d)?\s*$"
)
# 23/Nov/2026:13:21:33 +0000: the Common Log Format
_CLF = "%d/%b/%Y:%H:%M:%S %z"
_DIGITS = r"^\s*\d{9,19}(\.\d+)?\s*$"
ZONED = r"([Zz]|UTC|GMT|[+-]\d\d:?\d\d)\s*$"


def time_of(value: pl.Expr, dtype: pl.DataType, timezone: str) -> pl.Expr:
    """Any time in microseconds UTC; one without a zone is in `timezone`; what is no time is null."""
    if isinstance(dtype, pl.Datetime):
        return (
            _zoned(value, timezone)
            if dtype.time_zone is None
            else value.cast(pl.Datetime("us", dtype.time_zone)).dt.convert_time_zone("UTC")
        )
    if dtype == pl.Date:
        return _zoned(value.cast(pl.Datetime("us")), timezone)
    if dtype.is_numeric():
        return _since_1970(value, dtype).cast(TIME)
    if dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum):
        read = partial(_texts, timezone=timezone)
        return value.cast(pl.String()).map_batches(read, return_dtype=TIME, is_elementwise=True)
    return pl.lit(None, dtype=TIME)


def _texts(texts: pl.Series, timezone: str) -> pl.Series:
    """Times in text: the usual forms fast, what is left by `_any` (12 times slower)."""
    out = texts.str.to_datetime("%+", time_unit="us", strict=False)
    for parse in (_naive, _any):
        left = out.is_null() & texts.is_not_null()
        if not left.any():
            break
        rest = texts.filter(left).to_frame("t").select(parse(pl.col("t"), timezone).alias("t")).to_series()
        out = out.scatter(left.arg_true(), rest)
    return out.alias(texts.name)


def _naive(text: pl.Expr, timezone: str) -> pl.Expr:
    return _zoned(text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False), timezone)


def is_naive(dtype: pl.DataType) -> bool:
    """Whether times of this dtype carry no zone, whatever they are."""
    return dtype == pl.Date or (isinstance(dtype, pl.Datetime) and dtype.time_zone is None)


def _zoned(value: pl.Expr, timezone: str) -> pl.Expr:
    """Wall-clock times in their zone: of an hour that comes twice the first, of one skipped none."""
    if timezone == "UTC":
        return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    earliest: Literal["earliest"] = "earliest"
    local = value.cast(pl.Datetime("us")).dt.replace_time_zone(
        timezone, ambiguous=earliest, non_existent="null"
    )
    return local.dt.convert_time_zone("UTC")


def _since_1970(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Microseconds; the unit is that of the value's size."""
    size = value.abs()
    out = (value / 1_000).round() if dtype.is_float() else value // 1_000
    for limit, factor in reversed(_UNITS):
        scaled = (value * factor).round() if dtype.is_float() else value.cast(pl.Int64()) * factor
        out = (
            pl.when(size < limit)
            .then(scaled.cast(pl.Int64(), strict=False))
            .otherwise(out.cast(pl.Int64(), strict=False))
        )
    return out


def _any(text: pl.Expr, timezone: str) -> pl.Expr:
    """ISO 8601 and its relatives, the Common Log Format, and digits since 1970."""
    found = text.str.extract_groups(_ISO)
    clock = found.struct.field("time").fill_null("00:00:00")
    clock = pl.when(clock.str.len_bytes() == 5).then(clock + ":00").otherwise(clock)
    micros = found.struct.field("part").fill_null("0").str.pad_end(6, "0").str.head(6)
    wall = pl.concat_str(
        found.struct.field("date").str.replace_all("/", "-", literal=True),
        pl.lit("T"),
        clock,
        pl.lit("."),
        micros,
    )
    naive = wall.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    zone = found.struct.field("zone")
    signed = (
        zone.str.replace_all(":", "", literal=True)
        .str.pad_end(5, "0")
        .str.extract_groups(r"(?<sign>[+-])(?<hours>\d\d)(?<minutes>\d\d)")
    )
    minutes = signed.struct.field("hours").cast(pl.Int64()) * 60 + signed.struct.field("minutes").cast(
        pl.Int64()
    )
    offset = pl.when(signed.struct.field("sign") == "-").then(-minutes).otherwise(minutes).fill_null(0)
    there = naive.dt.replace_time_zone("UTC") - pl.duration(minutes=offset)
    iso = pl.when(zone.is_null()).then(_zoned(naive, timezone)).otherwise(there)
    number = pl.when(text.str.contains(_DIGITS)).then(text.str.strip_chars()).cast(pl.Float64(), strict=False)
    return pl.coalesce(
        iso.cast(TIME),
        _since_1970(number, pl.Float64()).cast(TIME),
        text.str.to_datetime(_CLF, time_unit="us", time_zone="UTC", strict=False).cast(TIME),
    )
