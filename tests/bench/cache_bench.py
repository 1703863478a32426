"""Rows 7 to 11 of `spec/performance.md` 11: runs on cached profiles, and their size. Prints a table.

    python tests/bench/cache_bench.py [--days 30] [--rows 100000] [--year 365] [--year-rows 5000] [--repeats 3]

CPU is user and system time of the process and its children. What is compared runs in turn, medians count, so
that a busy machine slows both alike. Logs are made in a temporary folder: 14 numbers, 8 categories, an id, a
time, two arms.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl

START = datetime(2025, 1, 1, tzinfo=UTC)
DAY = 86_400_000_000
LEVELS = (2, 5, 10, 20, 50, 200, 2_000, 20_000)
IMPORTS = [sys.executable, "-c", "import numpy, pyarrow.parquet, polars"]


def frame(rng: np.random.Generator, day: int, rows: int) -> pl.DataFrame:
    """One day of predictions in the order of their times."""
    times = round(START.timestamp()) * 1_000_000 + day * DAY + np.sort(rng.integers(0, DAY, rows))
    columns: dict[str, object] = {
        "request_id": [f"{a:016x}{b:016x}" for a, b in rng.integers(0, 2**63, (rows, 2)).tolist()],
        "timestamp": pl.Series(times).cast(pl.Datetime("us", "UTC")),
        "variant": np.where(rng.random(rows) < 0.05, "canary", "stable"),
        "prediction": rng.random(rows) < 0.3,
    }
    for i in range(14):
        made = (rng.normal(0, 1, rows), rng.lognormal(0, 0.8, rows), rng.poisson(30, rows).astype(float))
        columns[f"n{i:02d}"] = made[i % 3]
    for i, levels in enumerate(LEVELS):
        codes = rng.integers(0, levels, rows) if levels <= 50 else rng.zipf(1.3, rows) % levels
        columns[f"c{i:02d}"] = np.char.add("value_", codes.astype(str))
    words = pl.Series(
        rng.permutation([f"{a}{b}" for a in "bdfgklmnprst" for b in ("anto", "eri", "ilo", "ovem", "ux")])
    )
    text = [words[rng.integers(0, len(words), rows)].alias(f"{i}") for i in range(15)]
    columns["comment"] = pl.DataFrame(text).select(pl.concat_str(pl.all(), separator=" ")).to_series()
    columns["part"] = np.char.add("p", rng.integers(0, 17, rows).astype(str))
    columns["place"] = np.char.add("q", rng.integers(0, 18, rows).astype(str))
    return pl.DataFrame(columns)


def make(folder: Path, days: int, rows: int) -> int:
    """Daily Parquet files; bytes of all."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(20260101)
    for day in range(days):
        frame(rng, day, rows).write_parquet(folder / f"day-{day:03d}.parquet", row_group_size=125_000)
    return size(folder)


def size(folder: Path) -> int:
    return sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())


def cpu(command: list[str], folder: Path) -> float:
    """Seconds of a process and its children; 0 and 1 are good ends, as a gate has them."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MLOPS_")}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    told = process.stderr.read() if process.stderr else b""
    _, status, usage = os.wait4(process.pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code not in {0, 1, 3}:
        raise SystemExit(f"{' '.join(command)}\nexit {code}: {told.decode()}")
    return usage.ru_utime + usage.ru_stime


def monitor(logs: str, state: str, *more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "mlops_cli",
        "monitor",
        logs,
        "--state",
        state,
        "-f",
        "json",
        "--window",
        "1d",
        *more,
    ]


def medians(repeats: int, folder: Path, commands: dict[str, list[str]]) -> dict[str, float]:
    """Median CPU of each command, taken in turn."""
    seen: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            seen[name].append(cpu(command, folder))
    return {name: statistics.median(values) for name, values in seen.items()}


def one_new_day(folder: Path, repeats: int) -> float:
    """Median CPU of a run in which the last of all days is not in the cache."""
    seen = []
    for _ in range(repeats):
        newest = max((folder / "state").rglob("*.profile"), key=lambda f: f.stat().st_mtime_ns)
        newest.unlink()
        seen.append(cpu(monitor("month", "state"), folder))
    return statistics.median(seen)


def main() -> int:
    options = argparse.ArgumentParser()
    options.add_argument("--days", type=int, default=30)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--year", type=int, default=365)
    options.add_argument("--year-rows", type=int, default=5_000)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--segments", action="store_true", help="row 11: 334 groups")
    how = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = measure(Path(name), how)
    print(f"{how.days} days of {how.rows:,} rows; {how.year} days of {how.year_rows:,} rows")
    print(f"{'#':>2}  {'measure':<52} {'ours':>10} {'reference':>10} {'ratio':>8} {'target':>8}")
    for number, what, ours, reference, unit, target in rows:
        ratio = ours / reference
        met = "met" if ratio <= target else f"missed by {ratio / target - 1:.0%}"
        shown = [f"{v:.2f} s" if unit == "s" else f"{v / 1e6:.1f} MB" for v in (ours, reference)]
        scaled = (f"{ratio:.2f}", f"{target:.2f}") if unit == "s" else (f"{ratio:.2%}", f"{target:.1%}")
        print(f"{number:>2}  {what:<52} {shown[0]:>10} {shown[1]:>10} {scaled[0]:>8} {scaled[1]:>8}  {met}")
    return 0


def measure(folder: Path, how: argparse.Namespace) -> list[tuple[int, str, float, float, str, float]]:
    source = make(folder / "month", how.days, how.rows)
    started = time.monotonic()
    cpu(monitor("month", "state"), folder)
    print(f"first run: {time.monotonic() - started:.1f} s wall", file=sys.stderr)
    kept = size(folder / "state" / "cache" / "profiles")
    (folder / "alone").mkdir()
    last = max((folder / "month").iterdir())
    os.link(last, folder / "alone" / last.name)
    seen = medians(
        how.repeats,
        folder,
        {
            "imports": IMPORTS,
            "cached": monitor("month", "state"),
            "alone": [*monitor("alone", "unused"), "--no-state"],
        },
    )
    rows: list[tuple[int, str, float, float, str, float]] = [
        (7, "everything cached / imports", seen["cached"], seen["imports"], "s", 2.0),
    ]
    bound = seen["alone"] + seen["cached"] - seen["imports"]
    rows.append(
        (8, "one new day / (that file + row 7 - imports)", one_new_day(folder, how.repeats), bound, "s", 1.2)
    )
    if how.year:
        make(folder / "year", how.year, how.year_rows)
        cpu(monitor("year", "years"), folder)
        year = medians(
            how.repeats, folder, {"year": monitor("year", "years"), "month": monitor("month", "state")}
        )
        rows.append((9, f"{how.year} days, everything cached / row 7", year["year"], year["month"], "s", 5.0))
    rows.append((10, "cache / logs, two arms", kept, source, "B", 0.002))
    if how.segments:
        (folder / "seg.toml").write_text(
            '[segments]\nby = ["part", "place"]\ncross = [["part", "place"]]\nmax = 400\n'
        )
        cpu([*monitor("month", "segs"), "--config", "seg.toml"], folder)
        held = size(folder / "segs" / "cache" / "profiles")
        rows.append((11, "cache / logs, 341 segments, two arms", held, source, "B", 0.015))
    return rows


if __name__ == "__main__":
    sys.exit(main())
