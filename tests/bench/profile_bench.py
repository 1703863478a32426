# ruff: noqa: PLC0415 - each task imports what it needs, as its CPU and memory are measured
"""Rows 1 to 6 of `spec/performance.md` 11: a profile against the sum of the same columns. Prints a table.

    python tests/bench/profile_bench.py [--rows 2000000] [--repeats 3] [--folder DIR] [--only 1 3]

CPU is user and system time of the whole process, imports included, and of its children. What is compared runs in
turn and medians count, so that a busy machine slows both alike. Logs are those of `logs_gen.py`, a file a day.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

HERE = Path(__file__).parent
NUMBERS = (*(f"f{i:02d}" for i in range(12)), "score", "latency_ms")
CATEGORIES = ("model_version", "c0", "c1", "c2", "c3", "c4", "origin", "carrier", "prediction", "label")
NARROW = ("timestamp", *NUMBERS, *CATEGORIES)
WIDE = (*NARROW, "text", "request_id")
OUTPUTS = ("request_id", "prediction", "score", "latency_ms")


@dataclass(frozen=True)
class Run:
    """CPU seconds, wall seconds and peak MB of a finished process."""

    cpu: float
    wall: float
    memory: float


def limit(files, wide):
    """The reference: one sum (or length, or maximum) of every column by polars' streaming engine."""
    import polars as pl

    def one(name):
        column = pl.col(name)
        return (
            column.sum()
            if name in NUMBERS
            else column.max()
            if name == "timestamp"
            else column.str.len_bytes().sum()
        )

    pl.scan_parquet(files).select(one(n) for n in (WIDE if wide else NARROW)).collect(engine="streaming")


def parts_of(files, wide, arms):
    """The files as parts, with the column map that `discover` would propose."""
    import pyarrow.parquet as pq

    from mlops_cli.logs.format import LogFile, Part

    out = []
    columns = {"timestamp": "timestamp", **({"model_version": "model_version"} if arms else {})}
    for name in (WIDE if wide else NARROW)[1:]:
        if name != "model_version" or not arms:
            columns[name if name in OUTPUTS else f"features.{name}"] = name
    for path in files:
        size, rows = Path(path).stat().st_size, pq.read_metadata(path).num_rows
        source = LogFile(path, path, "parquet", "predictions", size, f"{path}:{size}")
        out.append(Part(path, "predictions", columns, source.fingerprint, rows, None, None, source))
    return out


def ours(files, *, wide, arms=True, segments=False, cached=True, drift=True, halves=False):
    """Plan, profile with its cache, merge, and the drift of every window against the first third."""
    from mlops_cli.config.settings import Settings
    from mlops_cli.metrics.measure import measure
    from mlops_cli.metrics.metric import Context
    from mlops_cli.profile.cache import Cache
    from mlops_cli.profile.plan import plan
    from mlops_cli.profile.registry import ENGINES
    from mlops_cli.profile.view import pool, select

    settings = Settings()
    settings = settings.model_copy(update={"windows": settings.windows.model_copy(update={"size": "1d"})})
    if segments:
        cross = settings.segments.model_copy(update={"cross": (("origin", "carrier"),)})
        settings = settings.model_copy(update={"segments": cross})
    parts = parts_of(files, wide, arms)
    spec = plan(parts, (), settings)
    if halves:
        spec = replace(spec, window=replace(spec.window, seconds=0))
    run, base, second = ENGINES["local"], None, parts
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache(Path(folder) if cached else None)
        if halves:
            base, second = run(parts[: len(parts) // 2], spec, cache, None), parts[len(parts) // 2 :]
        profile = run(second, spec, cache, None)
    starts = sorted(set(profile.groups["window"].to_list()))
    if base is None:
        base = pool(select(profile, windows=starts[: max(len(starts) // 3, 1)]))
    if not drift:
        return
    ends = tuple(spec.window.end_of(s) if spec.window.seconds else 2**62 for s in starts)
    context = Context(
        current=profile, baseline=base, baseline_windows=1, windows=tuple(starts), ends=ends, partial=frozenset(),
        settings=settings, now=ends[-1], counts={}, unavailable={},
    )  # fmt: skip
    measured = measure(context, ["drift"])
    assert measured["value"].drop_nulls().len() >= 20


def by_duckdb(files):
    """Drift of two windows as one would write it in SQL: histograms over the baseline's quantiles."""
    import duckdb

    half = len(files) // 2
    sources = [f"read_parquet({paths!r})" for paths in (files[:half], files[half:])]
    names = [n for n in CATEGORIES if n != "model_version"]
    shares = [k / 20 for k in range(1, 20)]
    asked = ", ".join(f"approx_quantile({n}, {shares})" for n in NUMBERS)
    cuts = duckdb.sql(f"SELECT {asked} FROM {sources[0]}").fetchall()[0]
    bins = [sorted({float(c) for c in cut}) for cut in cuts]
    counted = [f"histogram({n}::DOUBLE, {b}::DOUBLE[])" for n, b in zip(NUMBERS, bins, strict=True)]
    counted += [f"histogram({n})" for n in (*names, "model_version")]
    one, other = (duckdb.sql(f"SELECT {', '.join(counted)} FROM {s}").fetchall()[0] for s in sources)
    assert len(one) == len(other) == len(counted)


def by_polars(files):
    """Drift of two windows as one would write it in polars: sorted numbers, counted categories; exact."""
    import numpy as np
    import polars as pl

    half = len(files) // 2
    sides = [pl.scan_parquet(paths) for paths in (files[:half], files[half:])]
    for name in NUMBERS:
        a, b = (
            s.select(pl.col(name).cast(pl.Float64).drop_nulls().sort()).collect().to_series().to_numpy()
            for s in sides
        )
        below = [np.searchsorted(x, b, side="right") / len(x) for x in (a, b)]
        assert np.abs(below[0] - below[1]).max() <= 1
        cuts = np.unique(a[np.arange(1, 10) * len(a) // 10])
        rows = [np.diff(np.concatenate([[0], np.searchsorted(x, cuts), [len(x)]])) for x in (a, b)]
        assert len(rows[0]) == len(rows[1])
    for name in CATEGORIES:
        a, b = (s.drop_nulls(name).group_by(name).len().collect(engine="streaming") for s in sides)
        assert a.join(b, on=name, how="full", coalesce=True).height


TASKS = {
    "limit": lambda files: limit(files, wide=True),
    "limit, numbers and categories": lambda files: limit(files, wide=False),
    "profile": lambda files: ours(files, wide=True),
    "profile, numbers and categories": lambda files: ours(files, wide=False),
    "profile without drift": lambda files: ours(files, wide=True, drift=False),
    "profile with segments": lambda files: ours(files, wide=True, segments=True, drift=False),
    "drift of two windows": lambda files: ours(files, wide=False, arms=False, halves=True),
    "duckdb": by_duckdb,
    "polars": by_polars,
}


def measure_run(task, folder):
    """One process."""
    command = [sys.executable, str(HERE / "profile_bench.py"), "--task", task, "--folder", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    started = os.times().elapsed
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{task} ended with {process.returncode}")
    return Run(used.ru_utime + used.ru_stime, os.times().elapsed - started, used.ru_maxrss / 1024)


def medians(tasks, folders, repeats):
    """Median of each task's runs, all run in turn."""
    runs = {key: [] for key in tasks}
    for _ in range(repeats):
        for key in tasks:
            task, folder = key if isinstance(key, tuple) else (key, folders)
            runs[key].append(measure_run(task, folder))
            print(
                f"  {key if isinstance(key, str) else ' '.join(map(str, key))}: {runs[key][-1]}",
                file=sys.stderr,
            )
    return {
        key: Run(*(statistics.median(getattr(r, k) for r in mine) for k in ("cpu", "wall", "memory")))
        for key, mine in runs.items()
    }


# Row → what is measured, against what, which figure, target, and whether more is better.
ROWS = {
    1: ("profile + drift, 27 columns, 2 arms", "profile", "limit", "cpu", 2.0, False),
    2: ("the same, numbers and categories", "profile, numbers and categories", "limit, numbers and categories", "cpu", 2.0, False),
    3: ("row 1 without drift: with 340 segment groups", "profile with segments", "profile without drift", "cpu", 1.5, False),
    4: ("drift of two windows: DuckDB against us", "duckdb", "drift of two windows", "cpu", 3.0, True),
    5: ("peak memory of row 1", "profile", "limit", "memory", 1.3, False),
}  # fmt: skip


def five_times(folder, into):
    """Every file five times."""
    into.mkdir()
    for path in sorted(folder.glob("day-*.parquet")):
        for k in range(5):
            (into / f"{path.stem}-{k}.parquet").symlink_to(path.resolve())
    return into


def table(folder, repeats, only):
    """The rows of the table."""
    rows = {k: v for k, v in ROWS.items() if k in only}
    tasks = list(dict.fromkeys(t for _, a, b, *_ in rows.values() for t in (a, b)))
    if 4 in only:
        tasks.append("polars")
    done = medians(tasks, folder, repeats)
    lines = []
    for number, (what, a, b, name, target, more) in rows.items():
        ratio = getattr(done[a], name) / getattr(done[b], name)
        unit = "s" if name == "cpu" else "MB"
        lines.append(
            (number, what, getattr(done[a], name), getattr(done[b], name), unit, ratio, target, more)
        )
    if 4 in only:
        a, b = done["polars"].cpu, done["drift of two windows"].cpu
        lines.append((4, "the same: a polars script against us", a, b, "s", a / b, 3.0, True))
    if 6 in only:
        with tempfile.TemporaryDirectory() as temporary:
            many = five_times(folder, Path(temporary) / "many")
            runs = medians(
                [("profile without drift", folder), ("profile without drift", many)], folder, repeats
            )
        small, large = (r.memory for r in runs.values())
        lines.append(
            (6, "peak memory of five times the rows", large, small, "MB", large / small, 1.15, False)
        )
    return lines


def main():
    """Print the table; 1 where a target is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", type=int, nargs="*", default=[1, 2, 3, 4, 5, 6])
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.task:
        TASKS[asked.task]([str(f) for f in sorted(asked.folder.glob("*.parquet"))])
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary) / "logs"
        # In a process of its own: the peak memory of a child is at least that of its parent when it began.
        made = [sys.executable, str(HERE / "logs_gen.py"), str(folder), "--rows", str(asked.rows)]
        subprocess.run(made, check=True, stdout=subprocess.DEVNULL)
        lines = table(folder, asked.repeats, asked.only)
    if asked.json:
        asked.json.write_text(json.dumps(lines), encoding="utf-8")
    print(
        f"{asked.rows:,} rows, medians of {asked.repeats}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n"
    )
    print("| # | measure | a | b | a / b | target | |\n|---|---|---|---|---|---|---|")
    missed = 0
    for number, what, a, b, unit, ratio, target, more in lines:
        met = ratio >= target if more else ratio <= target
        missed += not met
        sign = "≥" if more else "≤"
        print(
            f"| {number} | {what} | {a:.2f} {unit} | {b:.2f} {unit} | {ratio:.2f} | {sign} {target:g} | {'met' if met else 'missed'} |"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
