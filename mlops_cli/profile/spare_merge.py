"""Counts added up: +, min, max, and the smallest of a union. Nothing is cut here but sketches.

So `merge` is associative and commutative, and `merge([p])` is p. Cells are coarsened to the coarsest of the
profiles, and further where their union is larger than the cap: the number of cells of a union is at least
that of its parts and falls with the bits, so the order of merging cannot matter (`performance.md` 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import polars as pl

from mlops_cli.profile.spare_count import keep_smallest
from mlops_cli.profile.spec import (
    CELLS,
    GROUPS,
    MOMENTS,
    SCHEMA,
    SKETCHES,
    VALUES,
    WHOLE_M,
    Profile,
    ProfileSpec,
)

KEYS = ("window", "kind", "model", "component", "arm", "segment")
SUMS = ("n", "nulls", "nans", "infs", "empties", "sum", "sumsq")


class Tables(Protocol):
    """What is added up: a profile, or the counts of a piece; a table may be empty, without columns."""

    @property
    def groups(self) -> pl.DataFrame:
        """GROUPS, with or without the numbers."""

    @property
    def moments(self) -> pl.DataFrame:
        """MOMENTS."""

    @property
    def cells(self) -> pl.DataFrame:
        """CELLS."""

    @property
    def values(self) -> pl.DataFrame:
        """VALUES, with or without `cut`."""

    @property
    def sketches(self) -> pl.DataFrame:
        """SKETCHES."""

    @property
    def schema(self) -> pl.DataFrame:
        """SCHEMA."""


@dataclass(frozen=True)
class _Placed:
    """Groups of all sides, sorted, and of each side its group → the common one."""

    groups: pl.DataFrame
    maps: list[pl.DataFrame]


def merge(profiles: Sequence[Profile]) -> Profile:
    """The profile of all rows of the given ones, which are of one spec.

    Raises
    ------
    ValueError
        Where there is none, or their specs differ.

    """
    if not profiles:
        raise ValueError("there is nothing to merge")
    spec = profiles[0].spec
    if any(p.spec != spec for p in profiles):
        raise ValueError("profiles of different specs do not merge")
    if len(profiles) == 1:
        return profiles[0]
    bits = tuple(min(p.mantissa[i] for p in profiles) for i in range(len(spec.fields)))
    level = [replace(p, cells=_coarser(p.cells, p.groups, p.mantissa, bits)) for p in profiles]
    merged = assemble(spec, level, bits)
    notes = sorted({note for p in profiles for note in p.notes})
    return replace(merged, notes=tuple(notes))


def assemble(spec: ProfileSpec, sides: Sequence[Tables], mantissa: tuple[int, ...]) -> Profile:
    """Add up tables whose cells are at the same bits; sides are added in their order."""
    placed = _place([s.groups for s in sides])
    cells = _added(sides, "cells", placed, CELLS, ["group", "field", "cell"], [pl.col("count").sum()])
    capped = _capped(cells, placed.groups, mantissa, spec.cells_cap)
    if capped != mantissa:
        cells = _coarser(cells, placed.groups, mantissa, capped)
    extremes = [pl.col("min").fill_nan(None).min(), pl.col("max").fill_nan(None).max()]
    moments = _added(
        sides, "moments", placed, MOMENTS, ["group", "field"], [*(pl.col(s).sum() for s in SUMS), *extremes]
    )
    values = _added(
        sides,
        "values",
        placed,
        VALUES,
        ["group", "field", "value"],
        [pl.col("count").sum(), pl.col("cut").sum()],
    )
    sketches = _added(
        sides, "sketches", placed, SKETCHES, ["group", "field", "hash"], [pl.col("count").sum()]
    )
    schema = _added(
        sides,
        "schema",
        placed,
        SCHEMA,
        ["group", "field", "name", "dtype"],
        [pl.col("rows").sum(), pl.col("parsed").sum()],
    )
    return Profile(
        spec=spec,
        groups=placed.groups,
        moments=moments,
        cells=cells,
        values=values,
        sketches=keep_smallest(sketches, ["group", "field"]),
        schema=schema,
        mantissa=capped,
    )


def cut_values(profile: Profile) -> Profile:
    """The most frequent values of each group and field; the others together, with their exact count.

    Of a file, once: a merged profile is never cut, so the order of merging cannot matter.
    """
    spec, values = profile.spec, profile.values
    if values.is_empty():
        return profile
    named = profile.groups.select("group", (pl.col("segment") != "").alias("part"))
    cap = pl.when(pl.col("part")).then(spec.segment_values_cap).otherwise(spec.values_cap)
    many = values.group_by("group").len().filter(pl.col("len") > spec.segment_values_cap)
    if many.is_empty():
        return profile
    ranked = (
        values.join(named, on="group")
        .sort("group", "field", "count", "value", descending=[False, False, True, False])
        .with_columns(rank=pl.int_range(pl.len()).over("group", "field"), cap=cap)
    )
    kept = ranked.filter(pl.col("rank") < pl.col("cap")).select(list(VALUES))
    rest = ranked.filter(pl.col("rank") >= pl.col("cap"))
    other = rest.group_by("group", "field").agg(
        value=pl.lit(None, pl.String), cut=pl.col("count").max(), count=pl.col("count").sum()
    )
    out = pl.concat([kept, other.select(pl.col(name).cast(dtype) for name, dtype in VALUES.items())])
    return replace(profile, values=out.sort("group", "field", "value"))


def _place(sides: Sequence[pl.DataFrame]) -> _Placed:
    columns = {name: GROUPS[name] for name in KEYS}
    given = [
        g.with_columns(
            pl.int_range(pl.len(), dtype=pl.UInt32).alias("group") if "group" not in g.columns else "group"
        )
        for g in (s.cast({k: v for k, v in columns.items() if k in s.columns}) for s in sides)
        if g.height
    ]
    if not given:
        return _Placed(
            pl.DataFrame(schema=GROUPS),
            [pl.DataFrame(schema={"group": pl.UInt32, "to": pl.UInt32})] * len(sides),
        )
    all_keys = pl.concat([g.select(KEYS) for g in given]).unique().sort(KEYS)
    groups = all_keys.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("group"), *KEYS)
    to = groups.rename({"group": "to"})
    maps = iter(g.join(to, on=list(KEYS)).select("group", "to") for g in given)
    empty = pl.DataFrame(schema={"group": pl.UInt32, "to": pl.UInt32})
    return _Placed(groups, [next(maps) if s.height else empty for s in sides])


def _added(
    sides: Sequence[Tables],
    name: str,
    placed: _Placed,
    schema: Mapping[str, Any],
    key: list[str],
    sums: list[pl.Expr],
) -> pl.DataFrame:
    """One table of all sides, with the common group ids, added up and sorted by its key."""
    frames = []
    for side, mapping in zip(sides, placed.maps, strict=True):
        table = getattr(side, name)
        if table.is_empty():
            continue
        if "cut" in schema and "cut" not in table.columns:
            table = table.with_columns(cut=pl.lit(0, pl.Int64))
        table = table.select(list(schema)).cast(dict(schema))
        frames.append(
            table.join(mapping, on="group", maintain_order="left").with_columns(group="to").drop("to")
        )
    if not frames:
        return pl.DataFrame(schema=schema)
    table = pl.concat(frames)
    if len(frames) > 1 or table.select(pl.struct(key).is_duplicated().any()).item():
        # maintain_order: sums of floats are added in the order of the sides
        table = table.group_by(key, maintain_order=name == "moments").agg(sums)
    elif name == "moments":
        table = table.with_columns(pl.col("min", "max").fill_nan(None))
    out: pl.DataFrame = table.select(pl.col(n).cast(t) for n, t in schema.items()).sort(key)
    return out


def _coarser(
    cells: pl.DataFrame, groups: pl.DataFrame, have: tuple[int, ...], want: tuple[int, ...]
) -> pl.DataFrame:
    """Cells at fewer bits; those of segments have at most WHOLE_M already."""
    drops = [
        (i, a - b, max(min(a, WHOLE_M) - min(b, WHOLE_M), 0))
        for i, (a, b) in enumerate(zip(have, want, strict=True))
        if a != b
    ]
    if not drops or cells.is_empty():
        return cells
    table = pl.DataFrame(drops, schema={"field": pl.UInt16, "all": pl.Int32, "part": pl.Int32}, orient="row")
    named = groups.select("group", (pl.col("segment") != "").alias("segment"))
    out = cells.join(table, on="field", how="left").join(named, on="group")
    bits = pl.when("segment").then("part").otherwise("all").fill_null(0)
    cell = pl.col("cell").floordiv(pl.lit(2, pl.Int32).pow(bits)).cast(pl.Int32)
    cell = pl.when((bits > 0) & (cell == -1)).then(pl.lit(0, pl.Int32)).otherwise(cell)
    out = out.with_columns(cell=cell).group_by("group", "field", "cell").agg(pl.col("count").sum())
    return out.select(list(CELLS)).sort("group", "field", "cell")


def _capped(
    cells: pl.DataFrame, groups: pl.DataFrame, mantissa: tuple[int, ...], cap: int
) -> tuple[int, ...]:
    """The finest bits at which no field has more different cells than the cap."""
    whole = groups.filter(pl.col("segment") == "").select("group")
    many = cells.group_by("field").len().filter(pl.col("len") > cap)["field"].to_list()
    out = list(mantissa)
    for i in many:
        mine = cells.filter(pl.col("field") == i).join(whole, on="group", how="semi")["cell"].unique()
        while mine.len() > cap and out[i] > 0:
            out[i] -= 1
            mine = (mine // 2).unique()
    return tuple(out)
