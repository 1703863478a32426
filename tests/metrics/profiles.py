"""Profiles by hand: rows of a few columns counted as the kernel counts them, in plain Python."""

import math
from collections import Counter, defaultdict

import polars as pl

from mlops_cli.config.settings import Settings
from mlops_cli.metrics.metric import COUNTS, Context
from mlops_cli.profile.spec import (
    CELLS,
    GROUPS,
    MOMENTS,
    NEW_FIELD,
    SCHEMA,
    SKETCH,
    SKETCHES,
    VALUES,
    WHOLE_M,
    FieldSpec,
    Profile,
    ProfileSpec,
    WindowSpec,
)
from mlops_cli.stats.cells import cells_of

HOUR = 3_600_000_000
START = 473_000 * HOUR  # in December 2023
ROWS = FieldSpec("predictions", "", "", "rows", "rows")


def field(name, type_="number", role="feature", kind="predictions", **more):
    return FieldSpec(kind, name, name, type_, role, **more)


def spec(*fields, kinds=("predictions",), seconds=3_600):
    rows = tuple(FieldSpec(kind, "", "", "rows", "rows") for kind in kinds)
    return ProfileSpec(WindowSpec(seconds), (*rows, *fields))


def row(window=0, values=None, *, kind="predictions", model="", component="", arm="", segment="", **more):
    """One row: `window` is the number of its hour; `values` by field name, a name left out is absent."""
    return {
        "window": START + window * HOUR,
        "kind": kind,
        "model": model,
        "component": component,
        "arm": arm,
        "segment": segment,
        "values": {**(values or {}), **more},
    }


def family(value):
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, (int, float)) else "text"


def profile(spec_, rows, whole=False, new=None, cap=None):
    """Profile of rows; `whole`: a reference file; `new`: columns beyond the spec; `cap`: values kept."""
    keys = list(GROUPS)[1:]
    rows = [{**r, "window": 0} if whole else r for r in rows]
    groups = sorted({tuple(r[k] for k in keys) for r in rows})
    ids = {g: i for i, g in enumerate(groups)}
    of = defaultdict(list)
    for r in rows:
        of[ids[tuple(r[k] for k in keys)]].append(r)
    moments, cells, values, sketches, schema = [], [], [], [], []
    for g, mine in sorted(of.items()):
        kind, segment = groups[g][1], groups[g][5]
        for f, field_ in enumerate(spec_.fields):
            if field_.kind != kind:
                continue
            if field_.type == "rows":
                times = [r["values"].get("time", r["window"]) for r in mine]
                told = [t for t in times if t is not None]
                low, high = (float(min(told)), float(max(told))) if told else (None, None)
                nulls = len(times) - len(told)
                moments.append((g, f, len(mine), nulls, 0, 0, 0, 0.0, 0.0, low, high))
                continue
            there = [r["values"][field_.name] for r in mine if field_.name in r["values"]]
            count(g, f, field_, there, segment, (moments, cells, values, sketches), cap)
            schema += [(g, f, *line) for line in columns_of(field_, there, len(mine))]
        for name in new or ():
            n = sum(name in r["values"] for r in mine)
            if n:
                schema.append((g, NEW_FIELD, name, "number", n, n))

    def table(columns, lines):
        frame = pl.DataFrame(lines, schema=columns, orient="row")
        return frame.sort(
            *[c for c in columns if c not in {"count", "cut", "rows", "parsed", *list(MOMENTS)[2:]}]
        )

    return Profile(
        spec=spec_,
        groups=pl.DataFrame([(i, *g) for g, i in ids.items()], schema=GROUPS, orient="row"),
        moments=table(MOMENTS, moments),
        cells=table(CELLS, cells),
        values=table(VALUES, values),
        sketches=table(SKETCHES, sketches),
        schema=table(SCHEMA, schema),
        mantissa=tuple(f.mantissa for f in spec_.fields),
    )


def columns_of(field_, there, n):
    told = [v for v in there if v is not None]
    dtypes = Counter(family(v) for v in told)
    main = dtypes.most_common(1)[0][0] if dtypes else "number" if field_.type == "number" else "text"
    dtypes[main] += len(there) - len(told)
    dtypes["absent"] = n - len(there)
    return [("", d, k, 0 if d == "absent" else k) for d, k in dtypes.items() if k]


def count(g, f, field_, there, segment, tables, cap):
    moments, cells, values, sketches = tables
    told = [v for v in there if v is not None]
    nulls = len(there) - len(told)
    if field_.type in {"number", "age"}:
        numbers = [float(v) for v in told if not isinstance(v, str)]
        nulls += len(told) - len(numbers)
        finite = [v for v in numbers if math.isfinite(v)]
        nans = sum(math.isnan(v) for v in numbers)
        infs = sum(math.isinf(v) for v in numbers)
        low, high = (min(finite), max(finite)) if finite else (None, None)
        total, squares = math.fsum(finite), math.fsum(v * v for v in finite)
        moments.append((g, f, len(there), nulls, nans, infs, 0, total, squares, low, high))
        bits = min(field_.mantissa, WHOLE_M) if segment else field_.mantissa
        cells += [(g, f, c, n) for c, n in Counter(cells_of(finite, bits).tolist()).items()]
        return
    texts = [str(v).lower() if isinstance(v, bool) else str(v) for v in told]
    empties = sum(not t for t in texts)
    lengths = [float(len(t.encode())) for t in texts]
    low, high = (min(lengths), max(lengths)) if lengths and field_.type == "text" else (None, None)
    total = math.fsum(lengths) if field_.type == "text" else 0.0
    squares = math.fsum(x * x for x in lengths) if field_.type == "text" else 0.0
    moments.append((g, f, len(there), nulls, 0, 0, empties, total, squares, low, high))
    if field_.type == "category":
        named = Counter(texts).most_common()
        values += [(g, f, v, n, 0) for v, n in named[:cap]]
        rest = named[cap:] if cap else []
        if rest:
            values.append((g, f, None, sum(n for _, n in rest), rest[0][1]))
    elif field_.type == "text":
        words = Counter(w for t in texts[:: field_.stride] for w in t.split())
        values += [(g, f, w, n, 0) for w, n in words.items()]
    elif not segment:
        # Spread evenly over the space of hashes: ids are whole numbers.
        hashes = Counter((int(t) * 0x9E3779B97F4A7C15 + 1) % 2**64 for t in texts)
        sketches += [(g, f, h, n) for h, n in sorted(hashes.items())[:SKETCH]]


def counts(rows):
    """A frame of COUNTS from (hour, n, k) or (hour, n, k, field)."""
    lines = [(START + h * HOUR, "", "", "", more[0] if more else "", n, k) for h, n, k, *more in rows]
    return pl.DataFrame(lines, schema=COUNTS, orient="row")


def context(current, baseline=None, hours=(0,), **more):
    """Context of the given hours; the baseline counts as one window unless `baseline_windows` says other."""
    starts = tuple(START + h * HOUR for h in hours)
    how = {
        "current": current,
        "baseline": baseline,
        "baseline_windows": 0 if baseline is None else 1,
        "windows": starts,
        "ends": tuple(s + HOUR for s in starts),
        "partial": frozenset(),
        "settings": Settings(),
        "now": starts[-1] + HOUR,
        "counts": {},
        "unavailable": {},
        **more,
    }
    return Context(**how)
