"""Serving logs to measure with: `python tests/bench/logs_gen.py FOLDER --rows 2000000`

Daily Parquet files (zstd) of 333,333 rows and 27 columns: a uuid, a time, 14 numbers, 10 categories of 2 to 20,000
levels and free text; 170 bytes a row. A day has a seed of its own, so a folder is the same bytes whenever it is made.
"""

import argparse
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

PER_DAY = 333_333  # rows
DAY = 86_400_000_000  # microseconds
START = 1_769_904_000_000_000  # 2026-02-01
ROW_GROUP = 125_000
NUMBERS = (*(f"f{i:02d}" for i in range(12)), "score", "latency_ms")
LEVELS = {"c0": 3, "c1": 12, "c2": 50, "c3": 500, "c4": 20_000, "origin": 10, "carrier": 16}
CATEGORIES = ("model_version", *LEVELS, "prediction", "label")
HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
CLASSES = np.array(["approve", "review", "reject"])


def uuids(rng, n):
    """Random ids of 36 characters."""
    raw = rng.integers(0, 256, (n, 16), np.uint8)
    digits = np.stack([HEX[raw >> 4], HEX[raw & 15]], axis=2).reshape(n, 32)
    out = np.full((n, 36), ord("-"), np.uint8)
    out[:, [i for i in range(36) if i not in (8, 13, 18, 23)]] = digits
    return pl.Series(out.reshape(-1).view("S36").astype("U36"))


def sentences(rng, n):
    """Texts of 2 to 60 words of a vocabulary of 4,000, 75 bytes on average; half a percent is null."""
    fixed = np.random.default_rng(7)
    letters = fixed.integers(97, 123, 40_000).astype(np.uint8).tobytes().decode()
    sizes = fixed.integers(2, 12, 4_000)
    words = [letters[i * 10 : i * 10 + k] for i, k in enumerate(sizes)]
    share = 1 / np.arange(1, 4_001) ** 0.9
    drawn = fixed.choice(4_000, 200_000, p=share / share.sum())
    corpus = np.frombuffer(" ".join(words[i] for i in drawn).encode(), np.uint8)
    starts = np.cumsum([0, *(len(words[i]) + 1 for i in drawn)])
    count = np.minimum(1 + rng.geometric(0.11, n), 60)
    first = rng.integers(0, len(drawn) - 61, n)
    size = starts[first + count] - 1 - starts[first]
    ends = np.concatenate([[0], np.cumsum(size)])
    letters = corpus[np.arange(ends[-1]) + np.repeat(starts[first] - ends[:-1], size)]
    texts = pa.StringArray.from_buffers(n, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(letters))
    return pl.Series(texts).set(pl.Series(rng.random(n) < 0.005), None)


def nullable(rng, values, share):
    """Numbers of which a share is null."""
    return pl.Series(values).zip_with(
        pl.Series(rng.random(len(values)) >= share), pl.Series([None] * len(values), dtype=pl.Float64)
    )


def day(number, rows):
    """The rows of one day, in the order of their times."""
    rng = np.random.default_rng([2_026, number])
    score = rng.beta(2, 3, rows)
    answer = np.digitize(score, (0.35, 0.65))
    truth = np.where(rng.random(rows) < 0.12, rng.integers(0, 3, rows), answer)
    columns = {
        "request_id": uuids(rng, rows),
        "timestamp": pl.Series(START + number * DAY + np.sort(rng.integers(0, DAY, rows))).cast(
            pl.Datetime("us", "UTC")
        ),
        "model_version": pl.Series(np.where(rng.random(rows) < 0.05, "v1.5.0", "v1.4.2")),
        "f00": rng.standard_normal(rows),
        "f01": rng.normal(5, 2, rows),
        "f02": rng.normal(0.15 * (number > 14), 1, rows),
        "f03": rng.lognormal(0, 0.5, rows),
        "f04": rng.lognormal(2, 0.8, rows),
        "f05": rng.standard_t(2, rows),
        "f06": rng.pareto(1.5, rows),
        "f07": rng.poisson(3, rows),
        "f08": rng.poisson(rng.gamma(2, 5, rows)),
        "f09": nullable(rng, rng.random(rows), 0.02),
        "f10": nullable(rng, rng.normal(100, 15, rows), 0.05),
        "f11": nullable(rng, rng.gamma(2, 2, rows), 0.10),
        "text": sentences(rng, rows),
        "score": score,
        "latency_ms": rng.lognormal(3.4, 0.6, rows),
    }
    for name, levels in LEVELS.items():
        share = 1 / np.arange(1, levels + 1)
        names = np.array([f"{name}-{i:05d}" if levels > 500 else f"{name}-{i}" for i in range(levels)])
        columns[name] = pl.Series(names[rng.choice(levels, rows, p=share / share.sum())])
    classes = pl.Series(CLASSES)
    none = rng.random(rows)
    columns["prediction"] = classes.gather(answer).set(pl.Series(none < 0.01), None)
    columns["label"] = classes.gather(truth).set(pl.Series(none > 0.70), None)
    return pl.DataFrame(columns)


def make(folder, rows):
    """The folder with its files; a file that is there is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(max(rows // PER_DAY, 1)):
        path = folder / f"day-{number:03d}.parquet"
        if not path.exists():
            part = path.with_suffix(".tmp")
            day(number, min(rows, PER_DAY)).write_parquet(
                part, compression="zstd", row_group_size=ROW_GROUP, use_pyarrow=True
            )
            part.replace(path)
    return sorted(folder.glob("day-*.parquet"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=2_000_000)
    asked = parser.parse_args()
    print(*make(asked.folder, asked.rows), sep="\n")
