"""Laws of the profile: it is what plain Python counts, and merging files is profiling their rows together."""

import importlib.util
import itertools
import tempfile
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mlops_cli.logs.format import LogFile, Part
from mlops_cli.profile import pieces
from mlops_cli.profile.cache import Cache
from mlops_cli.profile.columns import WORDS
from mlops_cli.profile.kernel import profile_file, ranges
from mlops_cli.profile.merge import cut, merge
from mlops_cli.profile.registry import ENGINES
from mlops_cli.profile.spec import NEW_FIELD, FieldSpec, Profile, ProfileSpec, WindowSpec
from mlops_cli.profile.view import pool, select
from mlops_cli.stats.cells import cells_of

_FILE = Path(__file__).parents[1] / "metrics" / "profiles.py"
_SPEC = importlib.util.spec_from_file_location("profiles_of_laws", _FILE)
hand = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(hand)

# Each example writes files: a failure is small enough as it is found.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
TABLES = ("groups", "moments", "cells", "values", "sketches", "schema")
QUANTUM = {"quantum": 2.0**-10, "quantum_sq": 2.0**-20}
LOW, HIGH = (int(c) for c in cells_of([270.0, 300.0], 12))
FIELDS = (
    hand.field("x", **QUANTUM),
    hand.field("few", mantissa=5, **QUANTUM),
    hand.field("fine", mantissa=12, low_cell=LOW, high_cell=HIGH, **QUANTUM),
    hand.field(
        "around", mantissa=8, low_cell=int(cells_of(-4.0, 8)), high_cell=int(cells_of(4.0, 8)), **QUANTUM
    ),
    hand.field("far", mantissa=16, **QUANTUM),  # no histogram: all of it is sorted
    hand.field("whole", integral=True, mantissa=9, **QUANTUM),
    hand.field("c", "category"),
    hand.field("flag", "category"),
    hand.field("t", "text", stride=1, **QUANTUM),
    hand.field("u", "id"),
    hand.field("seg", "category"),
    hand.field("none"),
)
FIELDS = tuple(replace(f, column=f"features.{f.name}") for f in FIELDS)
SPEC = hand.spec(*FIELDS)
SEGMENTS = ((("features.c",), (("a", "b"),)), (("features.c", "features.seg"), (("a",), ("p", "q"))))
SEGMENTED = replace(SPEC, segments=SEGMENTS)
DTYPES = {f.name: pl.Float64 for f in FIELDS if f.type == "number"}
DTYPES |= {
    "whole": pl.Int32,
    "c": pl.String,
    "flag": pl.Boolean,
    "t": pl.String,
    "u": pl.String,
    "seg": pl.String,
}


def settings(**how):
    return hypothesis_settings(deadline=None, phases=PHASES, **how)


dyadic = st.integers(-(2**20), 2**20).map(lambda k: k / 1024)  # multiples of the quantum: sums are exact
odd = st.sampled_from([None, 0.0, -0.0, float("nan"), float("inf"), float("-inf")])
VALUES = {
    "x": dyadic | odd,
    "few": dyadic,
    "fine": st.integers(260 * 1024, 310 * 1024).map(lambda k: k / 1024) | odd,
    "around": st.integers(-6 * 1024, 6 * 1024).map(lambda k: k / 1024) | odd,
    "far": dyadic | odd,
    "whole": st.none() | st.integers(-300, 600),
    "c": st.sampled_from(["a", "b", "c", "", None, "ü"]),
    "flag": st.booleans(),
    "t": st.sampled_from([None, "", "foo", "foo bär  foo", "a\x1cb\u2003c\n"]),
    "u": st.sampled_from([None, *map(str, range(9))]),
    "seg": st.sampled_from(["p", "q", "r", None]),
}
ROW = st.fixed_dictionaries(
    {
        "window": st.sampled_from([0, 0, 0, 1, 26]),
        "second": st.integers(0, 3_599) | st.none(),
        "model": st.sampled_from(["", "m"]),
        "component": st.sampled_from(["", "", "scorer"]),
        "arm": st.sampled_from(["old", "old", "old", "old", "new", ""]),
        "values": st.fixed_dictionaries(VALUES),
    }
)


class Rows(list):
    """Rows that are not written out in full where a law fails."""

    def __repr__(self):
        return f"<{len(self)} rows, the first {self[0]}>"


ROWS = st.lists(ROW, min_size=1, max_size=25).map(Rows)
BIASED = st.lists(st.tuples(ROW, st.integers(1, 40)), min_size=1, max_size=8).map(
    lambda pairs: Rows(row for row, times in pairs for _ in range(times))
)


def hand_rows(rows):
    out = []
    for r in rows:
        made = hand.row(r["window"], r["values"], model=r["model"], component=r["component"], arm=r["arm"])
        start = made["window"]
        made["values"]["time"] = None if r["second"] is None else start + r["second"] * 1_000_000
        made["window"] = start if r["second"] is not None else 0
        out.append(made)
    return out


def write(folder, rows, drop=(), extra=False, size=None, name="part"):
    """A Parquet part of these rows; `drop`: columns it lacks; `extra`: one that the spec does not know."""
    frame = pl.DataFrame(
        {
            "at": pl.Series([r["values"]["time"] for r in rows], dtype=pl.Int64).cast(
                pl.Datetime("us", "UTC")
            ),
            **{
                k: pl.Series([r[k] or None for r in rows], dtype=pl.String)
                for k in ("model", "component", "arm")
            },
            **{
                n: pl.Series([r["values"][n] for r in rows], dtype=d)
                for n, d in DTYPES.items()
                if n not in ("none", *drop)
            },
        }
    )
    if extra:
        frame = frame.with_columns(extra=pl.lit(1))
    path = Path(folder) / f"{name}.parquet"
    frame.write_parquet(path, row_group_size=size)
    features = {f"features.{n}": n for n in frame.columns[4:]}
    keys = {"timestamp": "at", "model": "model", "component": "component", "variant": "arm"}
    source = LogFile(str(path), name, "parquet", "predictions", path.stat().st_size, name)
    return Part(str(path), "predictions", {**keys, **features}, name, len(rows), None, None, source)


def profiled(rows, spec=SPEC, **how):
    whole = how.pop("whole", False)
    with tempfile.TemporaryDirectory() as folder:
        return profile_file(write(folder, rows, **how), spec, whole=whole)


def segments_of(row, spec):
    """The names of the segments that a row is in."""
    for columns, pinned in spec.segments:
        names = [c.removeprefix("features.") for c in columns]
        told = [row["values"][n] for n in names]
        values = [v if v in p else "(other)" for v, p in zip(told, pinned, strict=True)]
        yield ",".join(f"{k}={v}" for k, v in sorted(zip(names, values, strict=True)))


def counted(rows, spec, drop=(), extra=False):
    """What plain Python counts, with the kernel's hashes of ids and words; segments have no schema."""
    plain = []
    for r in rows:
        values = {k: v for k, v in r["values"].items() if k in {"time", *DTYPES} and k not in drop}
        if extra:
            values["extra"] = 1
        plain.append({**r, "values": values})
        plain += [{**r, "values": values, "segment": s} for s in segments_of(r, spec)]
    out = hand.profile(spec, plain, new=["extra"] if extra else None)
    return replace(out, values=_words(out), sketches=_hashes(out, plain), schema=_schema(out, extra))


def _words(profile):
    texts = profile.spec.field_ids(type="text")
    word = (pl.col("value").hash() % WORDS).cast(pl.String)
    is_text = pl.col("field").is_in(texts)
    frame = profile.values.with_columns(value=pl.when(is_text).then(word).otherwise("value"))
    return (
        frame.group_by("group", "field", "value")
        .agg(pl.col("count", "cut").sum())
        .sort("group", "field", "value")
    )


def _hashes(profile, rows):
    lines = []
    for g in profile.groups.filter(pl.col("segment") == "").iter_rows(named=True):
        for i in profile.spec.field_ids(type="id"):
            name = profile.spec.fields[i].name
            keys = ("window", "model", "component", "arm", "segment")
            mine = [r["values"].get(name) for r in rows if all(r[k] == g[k] for k in keys)]
            counts = Counter(v for v in mine if v is not None)
            lines += [(g["group"], i, pl.Series([v]).hash()[0], n) for v, n in counts.items()]
    return pl.DataFrame(lines, schema=profile.sketches.schema, orient="row").sort("group", "field", "hash")


def _schema(profile, extra):
    """A file has one type a column, also where a group has only nulls."""
    whole = profile.groups.filter(pl.col("segment") == "")["group"].to_list()
    of = {
        i: "number" if f.type == "number" else "bool" if f.name == "flag" else "text"
        for i, f in enumerate(profile.spec.fields)
    }
    known = pl.when(pl.col("dtype") == "absent").then("dtype")
    dtype = pl.coalesce(
        known, pl.col("field").replace_strict({**of, NEW_FIELD: "number"}, return_dtype=pl.String)
    )
    out = profile.schema.filter(pl.col("group").is_in(whole)).with_columns(dtype=dtype)
    return out.sort("group", "field", "name", "dtype")


def told(profile):
    """All that a profile says, floats bit by bit."""
    out = {}
    for name in TABLES:
        for column in getattr(profile, name):
            bits = (
                column.fill_null(0.5).to_numpy().tobytes() if column.dtype == pl.Float64 else column.to_list()
            )
            out[name, column.name] = (column.dtype, column.null_count(), bits)
    return {**out, "mantissa": profile.mantissa, "notes": profile.notes}


def assert_equal(one, other):
    assert one.mantissa == other.mantissa
    for name in TABLES:
        left, right = getattr(one, name), getattr(other, name)
        assert left.schema == right.schema, name
        assert left.equals(right), f"{name}\n{left}\n{right}"


@settings(max_examples=25)
@given(rows=ROWS | BIASED, spec=st.sampled_from([SPEC, SEGMENTED]))
def test_the_kernel_counts_what_plain_python_counts(rows, spec):
    rows = hand_rows(rows)

    assert_equal(profiled(rows, spec), counted(rows, spec))


@settings(max_examples=10)
@given(rows=ROWS, drop=st.sets(st.sampled_from(["x", "fine", "flag", "t", "u"])), extra=st.booleans())
def test_columns_that_a_file_lacks_or_has_beyond_the_spec_are_told(rows, drop, extra):
    rows = hand_rows(rows)

    assert_equal(profiled(rows, drop=drop, extra=extra), counted(rows, SPEC, drop, extra))


@settings(max_examples=15)
@given(a=ROWS | BIASED, b=ROWS | BIASED, spec=st.sampled_from([SPEC, SEGMENTED]))
def test_merging_two_files_is_profiling_their_rows_together_bit_for_bit(a, b, spec):
    a, b = hand_rows(a), hand_rows(b)
    one, two = profiled(a, spec), profiled(b, spec)

    assert told(merge([one, two])) == told(profiled(a + b, spec)) == told(merge([two, one]))


@settings(max_examples=8)
@given(parts=st.lists(ROWS, min_size=3, max_size=5), cap=st.integers(1, 40), data=st.data())
def test_neither_the_order_nor_the_tree_of_merging_matters_also_where_cells_are_capped(parts, cap, data):
    spec = replace(SEGMENTED, cells_cap=cap)
    rows = [hand_rows(p) for p in parts]
    files = [profiled(r, spec) for r in rows]
    shuffled = [files[i] for i in data.draw(st.permutations(range(len(files))))]
    k = data.draw(st.integers(1, len(files) - 1))

    together = profiled([r for part in rows for r in part], spec)

    assert_equal(merge(files), together)
    assert_equal(merge([merge(shuffled[:k]), merge(shuffled[k:])]), together)
    whole = together.groups.filter(pl.col("segment") == "")["group"].to_list()
    mine = (
        together.cells.filter(pl.col("group").is_in(whole)).group_by("field").agg(pl.col("cell").n_unique())
    )
    assert all(n <= cap or together.mantissa[i] == 0 for i, n in mine.iter_rows())


@settings(max_examples=10)
@given(rows=BIASED, seed=st.integers(0, 99))
def test_sums_of_any_numbers_agree_within_a_quantum_a_piece(rows, seed):
    rng = np.random.default_rng(seed)
    rows = [{**r, "values": {**r["values"], "x": float(rng.lognormal(0, 3))}} for r in rows]
    rows = hand_rows(rows)

    got, want = profiled(rows), counted(rows, SPEC)

    apart = (got.moments.select("sum", "sumsq") - want.moments.select("sum", "sumsq")).to_numpy()
    groups = got.groups.height
    assert (
        np.abs(apart)
        <= np.array([2.0**-10, 2.0**-20]) * groups
        + 1e-12 * np.abs(want.moments.select("sum", "sumsq").to_numpy())
    ).all()
    assert got.cells.equals(want.cells)


def test_numbers_beyond_float32_have_the_cell_of_infinity_and_are_none():
    rows = hand_rows(
        [
            {
                "window": 0,
                "second": 1,
                "model": "",
                "component": "",
                "arm": a,
                "values": {**dict.fromkeys(VALUES), "flag": True, "x": x, "fine": x},
            }
            for a, x in (("a", 1e300), ("a", -1e300), ("a", 1.0), ("b", 1e300))
        ]
    )

    got, want = profiled(rows), counted(rows, SPEC)

    assert got.cells.equals(want.cells)
    assert got.moments["infs"].sum() == 0
    assert got.moments.select("min", "max").equals(want.moments.select("min", "max"))


@pytest.mark.parametrize("rows", [1, 3, 1_000])
def test_row_group_ranges_merged_and_cut_are_the_whole_file(tmp_path, monkeypatch, rows):
    monkeypatch.setattr(pieces, "ROWS", 90)
    rng = np.random.default_rng(1)
    plain = [
        {
            "window": int(w),
            "second": int(s),
            "model": "",
            "component": "",
            "arm": "ab"[int(a)],
            "values": {
                **dict.fromkeys(VALUES),
                "flag": True,
                "x": float(x),
                "fine": float(x),
                "c": f"v{int(c)}",
                "t": f"w{int(c)} w{int(s)}",
                "u": f"{int(s)}",
            },
        }
        for w, s, a, x, c in zip(
            rng.integers(0, 3, rows),
            rng.integers(0, 3_600, rows),
            rng.integers(0, 2, rows),
            rng.normal(285, 9, rows),
            rng.integers(0, 60, rows),
            strict=True,
        )
    ]
    spec = replace(
        SEGMENTED,
        values_cap=20,
        segment_values_cap=3,
        fields=tuple(replace(f, stride=4) if f.type == "text" else f for f in SPEC.fields),
    )
    part = write(tmp_path, hand_rows(plain), size=40)
    whole = profile_file(part, spec)

    for n in (1, 2, 5):
        cuts = ranges(part, n)
        assert cuts[0][0] == 0
        assert all(a[1] == b[0] for a, b in itertools.pairwise(cuts))
        parts = [profile_file(part, spec, row_groups=c) for c in cuts]
        assert told(cut(merge(parts[::-1]))) == told(whole)


def test_every_engine_gives_the_same_bytes_whatever_the_order_and_the_cache(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    parts = []
    for k in range(6):
        plain = [
            {
                "window": int(rng.integers(0, 3)),
                "second": int(rng.integers(0, 3_600)),
                "model": "",
                "component": "",
                "arm": "a",
                "values": {
                    **dict.fromkeys(VALUES),
                    "flag": True,
                    "x": float(rng.normal()),
                    "c": "a",
                    "u": f"{rng.integers(0, 99)}",
                },
            }
            for _ in range(30 + 10 * k)
        ]
        parts.append(write(tmp_path, hand_rows(plain), name=f"p{k}", size=25))
    first = told(ENGINES["local"](parts, SPEC, Cache(tmp_path / "cache"), None))
    monkeypatch.setattr(pieces, "ROWS", 25)
    local = importlib.import_module("mlops_cli.profile.engines.local")

    for name in ENGINES:
        for threads, big in ((1, 10**9), (4, 10**9), (3, 40)):
            monkeypatch.setattr(local, "THREADS", threads)
            monkeypatch.setattr(local, "BIG", big)
            monkeypatch.setattr(local, "PIECES", 1)
            shuffled = [parts[i] for i in rng.permutation(len(parts))]
            # Pieces of other sizes round their sums elsewhere: the dyadic laws are above, here it is the cache's.
            again = told(ENGINES[name](shuffled, SPEC, Cache(tmp_path / "cache"), None))
            assert again == first
            fresh = told(ENGINES[name](shuffled, SPEC, Cache(None), None))
            assert fresh == told(ENGINES[name](parts, SPEC, Cache(None), None))


@settings(max_examples=10)
@given(rows=ROWS | BIASED)
def test_windows_pooled_are_a_file_without_windows_and_selected_ones_a_file_of_them(rows):
    rows = hand_rows(rows)
    profile = profiled(rows, SEGMENTED)
    windows = sorted({r["window"] for r in rows})

    assert_equal(pool(profile), profiled(rows, SEGMENTED, whole=True))
    assert told(pool(profile)) == told(profiled(rows, SEGMENTED, whole=True))
    one = [r for r in rows if r["window"] == windows[0]]
    assert told(select(profile, windows=windows[:1])) == told(profiled(one, SEGMENTED))
    assert told(select(profile, kinds=["predictions"])) == told(profile)
    assert select(profile, kinds=["spans"]).groups.is_empty()
    assert {f.name for f in fields(Profile)} == {*TABLES, "spec", "mantissa", "notes"}


def test_merging_needs_profiles_of_one_spec():
    rows = hand_rows(
        [
            {
                "window": 0,
                "second": 1,
                "model": "",
                "component": "",
                "arm": "",
                "values": {**dict.fromkeys(VALUES), "flag": True},
            }
        ]
    )
    other = replace(SPEC, window=WindowSpec(60))

    with pytest.raises(ValueError, match="nothing"):
        merge([])
    with pytest.raises(ValueError, match="different specs"):
        merge([profiled(rows), profiled(rows, other)])
    assert isinstance(other, ProfileSpec)
    assert isinstance(SPEC.fields[0], FieldSpec)
