"""What `mlops demo` writes: a few days of small logs in which two things go wrong."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl

from mlops_cli.errors import UsageError
from mlops_cli.logs.traffic import FIRST_DAY, Array, Fault, gauges, save, serve

# Destination → miles from New York; the route's popularity falls in this order.
MILES = {"ATL": 760, "ORD": 733, "LAX": 2475, "BOS": 187, "MCO": 950, "SFO": 2586, "MIA": 1096, "DCA": 213}
CARRIERS = {"UA": 0.25, "B6": 0.22, "EV": 0.2, "DL": 0.18, "AA": 0.15}
FEWEST_DAYS = 8  # a third is the baseline, and both incidents lie after it
FEWEST_ROWS = 250  # with fewer than 200 predictions a day nothing is judged


def write(folder: Path, days: int = 14, rows: int = 500, seed: int = 7) -> tuple[str, ...]:
    """Write logs of a made-up service and say what was planted in them, a sentence each.

    Parameters
    ----------
    folder : new or empty
    days : at least FEWEST_DAYS; the last two have an incident that stays open, the fifth from the end one
        that is recovered
    rows : predictions a day, about; at least FEWEST_ROWS
    seed : the same seed, the same bytes

    Raises
    ------
    UsageError
        Where the folder holds something, or too little is asked for.

    """
    _check(folder, days, rows)
    slow, last = days - 5, (days - 2, days - 1)
    faults = {slow: Fault(featurize=3.5), **dict.fromkeys(last, Fault(nulls={"carrier": 0.25}))}
    logs: dict[str, list[pl.DataFrame]] = {}
    for number in range(days):
        rng = np.random.default_rng([seed, number])
        day = FIRST_DAY + timedelta(days=number)
        traffic = serve(rng, day, _flights(rng, rows), _score, faults.get(number, Fault()))
        save(traffic.pop("predictions"), folder / f"predictions/{day}.parquet")
        for kind, frame in {**traffic, "gauges": gauges(rng, day)}.items():
            logs.setdefault(kind, []).append(frame)
    suffixes = {"spans": "parquet", "gauges": "csv", "decisions": "csv"}
    end = FIRST_DAY + timedelta(days=days)
    for kind, frames in logs.items():
        whole = pl.concat(frames)
        # What would arrive after the last day is not there yet.
        for time in {"timestamp", "label_time"} & set(whole.columns):
            whole = whole.filter(pl.col(time).dt.date() < end)
        save(whole, folder / f"{kind}.{suffixes.get(kind, 'jsonl.gz')}")
    when, since = (FIRST_DAY + timedelta(days=number) for number in (slow, last[0]))
    return (
        f"on {when} the component featurize takes 3.5 times as long, the next day it is well again",
        f"since {since} the feature carrier is null in a quarter of the predictions",
    )


def _check(folder: Path, days: int, rows: int) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError("the demo needs a folder, this is a file", str(folder), "name a new folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise UsageError("the demo writes into a new or empty folder only", str(folder), "name a new folder")
    if days < FEWEST_DAYS or rows < FEWEST_ROWS:
        raise UsageError(
            f"{days} days of {rows} predictions are too few to judge",
            do=f"ask for at least {FEWEST_DAYS} days of {FEWEST_ROWS}",
        )


def _flights(rng: np.random.Generator, rows: int) -> pl.DataFrame:
    """Questions about made-up flights, with the truth."""
    dest = np.minimum(rng.geometric(0.25, rows) - 1, len(MILES) - 1)
    # Most leave a little early, one in four is late by something like half an hour.
    delay = np.where(rng.random(rows) < 0.25, rng.gamma(1.2, 30, rows), rng.normal(-4, 3, rows)).round()
    frame = pl.DataFrame(
        {
            "carrier": rng.choice(list(CARRIERS), rows, p=list(CARRIERS.values())),
            "origin": rng.choice(["EWR", "JFK", "LGA"], rows),
            "dest": np.array(list(MILES))[dest],
            "hour": rng.integers(6, 23, rows, dtype=np.int32),
            "distance": np.array(list(MILES.values()), np.int32)[dest],
            "dow": rng.integers(1, 8, rows, dtype=np.int32),
            "dep_delay": delay.astype(np.int32),
        }
    )
    return frame.with_columns(late=pl.Series(rng.random(rows) < _score(frame, "1.0.0")))


def _score(features: pl.DataFrame, version: str) -> Array:
    """P(late) from the delay at departure and the hour; the newer version trusts the delay a little more."""
    weight = 0.12 if version == "1.0.0" else 0.14
    delay = features["dep_delay"].fill_null(0).to_numpy()
    return np.asarray(1 / (1 + np.exp(2.2 - weight * delay - 0.04 * (features["hour"].to_numpy() - 14))))
