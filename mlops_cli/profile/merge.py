"""Counts added up: +, min, max, and the smallest of a union. Nothing is cut here but sketches.

So `merge` is associative and commutative, and `merge([p])` is p. Cells are coarsened to the coarsest of the
profiles, and further where their union is larger than the cap: the number of cells of a union is at least
that of its parts and falls with the bits, so the order of merging cannot matter (`performance.md` 1).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.profile.spec import (
    CELLS,
    GROUPS,
    MOMENTS,
    SCHEMA,
    SKETCH,
    SKETCHES,
    VALUES,
    WHOLE_M,
    Profile,
    ProfileSpec,
)
from mlops_cli.profile.stack import Ints, stack

KEYS = ("window", "kind", "model", "component", "arm", "segment")
INTEGERS = ("n", "nulls", "nans", "infs", "empties")
SUMS = ("sum", "sumsq")
EXACT = 2.0**52  # multiples of the quantum up to which sums of floats are exact


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
    return profiles[0] if len(profiles) == 1 else assemble(spec, profiles)


def assemble(spec: ProfileSpec, profiles: Sequence[Profile]) -> Profile:
    """The profile of all rows; groups of one profile that have become equal are added up too."""
    bits = tuple(
        min((p.mantissa[i] for p in profiles), default=f.mantissa) for i, f in enumerate(spec.fields)
    )
    sides = [coarser(p, bits) for p in profiles]
    groups, maps = _place(sides)

    def added(
        name: str, schema: Mapping[str, Any], key: Sequence[str], sums: Sequence[pl.Expr]
    ) -> pl.DataFrame:
        tables = [getattr(p, name) for p in sides]
        if not tables:
            return pl.DataFrame(schema=schema)
        out, _ = stack(tables, maps, ["group", *key], sums)
        return out.select(pl.col(n).cast(t) for n, t in schema.items())

    # Sorted: what is not exact after all does not depend on the order of the files.
    totals = [pl.col(INTEGERS).sum(), pl.col(SUMS).sort().sum(), pl.col("min").min(), pl.col("max").max()]
    count = [pl.col("count").sum()]
    merged = Profile(
        spec=spec,
        groups=groups,
        moments=added("moments", MOMENTS, ["field"], totals),
        cells=added("cells", CELLS, ["field", "cell"], count),
        values=added("values", VALUES, ["field", "value"], [*count, pl.col("cut").sum()]),
        sketches=_smallest(added("sketches", SKETCHES, ["field", "hash"], count)),
        schema=added(
            "schema", SCHEMA, ["field", "name", "dtype"], [pl.col("rows").sum(), pl.col("parsed").sum()]
        ),
        mantissa=bits,
        notes=tuple(sorted({note for p in profiles for note in p.notes})),
    )
    return bounded(merged)


def bounded(profile: Profile) -> Profile:
    """With no more cells than the cap, and a note of sums that are not exact any more."""
    notes = tuple(sorted({*profile.notes, *_inexact(profile.spec, profile.moments)}))
    if notes != profile.notes:
        profile = replace(profile, notes=notes)
    return coarser(profile, _capped(profile))


def cut(profile: Profile) -> Profile:
    """The most frequent values of each group and field; the others together, with their exact count.

    Of a file, once: a merged profile is never cut, so the order of merging cannot matter.
    """
    spec, values = profile.spec, profile.values
    if values.height <= min(spec.values_cap, spec.segment_values_cap):
        return profile
    group, field = values["group"].to_numpy(), values["field"].to_numpy()
    starts = np.flatnonzero(np.append(True, (group[1:] != group[:-1]) | (field[1:] != field[:-1])))
    sizes = np.diff(np.append(starts, values.height))
    part = (profile.groups["segment"] != "").to_numpy()[group[starts]]
    caps = np.where(part, spec.segment_values_cap, spec.values_cap)
    counts = values["count"].to_numpy()
    kept = np.ones(values.height, bool)
    others = []
    for run in np.flatnonzero(sizes > caps):
        start, mine = starts[run], counts[starts[run] : starts[run] + sizes[run]]
        rest = np.argsort(-mine, kind="stable")[caps[run] :]  # of equal counts the first by name stay
        kept[start + rest] = False
        others.append((group[start], field[start], None, int(mine[rest].sum()), int(mine[rest].max())))
    if not others:
        return profile
    cut_off = pl.DataFrame(others, schema=VALUES, orient="row")
    at = np.concatenate([np.flatnonzero(kept), starts[sizes > caps] - 0.5])  # null comes first in its run
    both = pl.concat([values.filter(pl.Series(kept)), cut_off])
    return replace(profile, values=both[np.argsort(at, kind="stable")])


def coarser(profile: Profile, mantissa: tuple[int, ...]) -> Profile:
    """Its cells at fewer bits; those of segments have at most WHOLE_M already."""
    drops = [
        (i, have - want, max(min(have, WHOLE_M) - min(want, WHOLE_M), 0))
        for i, (have, want) in enumerate(zip(profile.mantissa, mantissa, strict=True))
        if have != want
    ]
    if not drops:
        return profile
    named = profile.groups.select("group", (pl.col("segment") != "").alias("segment"))
    table = pl.DataFrame(drops, schema={"field": pl.UInt16, "all": pl.Int32, "part": pl.Int32}, orient="row")
    touched = profile.cells.join(table, on="field").join(named, on="group")
    shift = touched.select(pl.when("segment").then("part").otherwise("all")).to_series().to_numpy()
    cell = touched["cell"].to_numpy() >> shift
    cell = np.where((shift > 0) & (cell == -1), np.int32(0), cell)  # smaller than any normal number, as -0
    touched = touched.with_columns(cell=pl.Series(cell, dtype=pl.Int32))
    touched = touched.group_by("group", "field", "cell").agg(pl.col("count").sum())
    left = profile.cells.join(table, on="field", how="anti")
    cells = pl.concat([left, touched.select(list(CELLS))]).sort("group", "field", "cell")
    return replace(profile, cells=cells, mantissa=mantissa)


def _place(profiles: Sequence[Profile]) -> tuple[pl.DataFrame, list[Ints]]:
    """The groups of all, sorted; and for each profile the common number of each of its groups."""
    told = [p.groups for p in profiles]
    if not told:
        return pl.DataFrame(schema=GROUPS), []
    groups = pl.concat([g.select(KEYS) for g in told]).unique().sort(KEYS)
    groups = groups.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("group"), *KEYS)
    to = groups.rename({"group": "to"})
    every = pl.concat([g.select(KEYS) for g in told]).join(to, on=list(KEYS), maintain_order="left")["to"]
    ends = np.cumsum([g.height for g in told])
    return groups, [part.astype(np.int64) for part in np.split(every.to_numpy(), ends[:-1])]


def _smallest(sketches: pl.DataFrame) -> pl.DataFrame:
    """The SKETCH smallest hashes of each group and field; the table is sorted."""
    if sketches.group_by("group", "field").len().filter(pl.col("len") > SKETCH).is_empty():
        return sketches
    return sketches.filter(pl.int_range(pl.len()).over("group", "field") < SKETCH)


def _capped(profile: Profile) -> tuple[int, ...]:
    """The finest bits at which no field has more different cells than the cap."""
    cap, out = profile.spec.cells_cap, list(profile.mantissa)
    possible = [i for i, bits in enumerate(out) if 2 ** (9 + bits) > cap]
    many = profile.cells.filter(pl.col("field").is_in(possible)).group_by("field").len()
    many = many.filter(pl.col("len") > cap)
    if many.is_empty():
        return profile.mantissa
    whole = profile.groups.filter(pl.col("segment") == "").select("group")
    for i in many["field"].to_list():
        mine = profile.cells.filter(pl.col("field") == i).join(whole, on="group", how="semi")
        cells = mine["cell"].unique().to_numpy()
        while len(cells) > cap and out[i] > 0:
            out[i] -= 1
            cells = cells >> 1
            cells = np.unique(np.where(cells == -1, np.int32(0), cells))
    return tuple(out)


def _inexact(spec: ProfileSpec, moments: pl.DataFrame) -> set[str]:
    """Fields whose sums have outgrown their quantum: adding them is no longer exact."""
    most = np.array([[f.quantum or np.inf, f.quantum_sq or np.inf] for f in spec.fields]) * EXACT
    field = moments["field"].to_numpy()
    total, squares = moments["sum"].to_numpy(), moments["sumsq"].to_numpy()
    over = (np.abs(total) > most[field, 0]) | (squares > most[field, 1])
    return {
        f"values of {spec.fields[i].name} are so much larger than the baseline's that their mean is not exact"
        for i in np.unique(field[over])
    }
