"""Traffic of a made-up service, as all of its logs have it: for `mlops demo` and `sample_logs/make.py`."""

import gzip
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Array = NDArray[np.float64]
Scorer = Callable[[pl.DataFrame, str], Array]  # features, model version → P(late)

FIRST_DAY = date(2026, 10, 1)
FEATURES = ("carrier", "origin", "dest", "hour", "distance", "dow", "dep_delay")
VERSIONS = {"stable": "1.0.0", "canary": "1.1.0"}
CANARY_SHARE = 0.2
REDO_SHARE = 0.02
LOST_SHARE = 0.0015  # served well, but the prediction record is missing
USERS = 2_500
DAY_MS = 86_400_000
KM_PER_MILE = 1.609344
# Component → median and spread (sd of the log) of its latency in ms, and the share of requests it fails.
COMPONENTS = {"featurize": (8.0, 0.25, 0.0007), "score": (13.0, 0.3, 0.0012), "decide": (2.0, 0.3, 0.0005)}


@dataclass(frozen=True)
class Fault:
    """What is wrong on a day; by default nothing is."""

    nulls: Mapping[str, float] = field(default_factory=dict)  # feature → share of rows that lose it
    kilometres: bool = False  # distance arrives in km
    volume: float = 1.0
    featurize: float = 1.0  # factor on this component's latency
    power: float = 1.0  # score ** power is logged and decided on


def serve(
    rng: np.random.Generator, day: date, flights: pl.DataFrame, score: Scorer, fault: Fault
) -> dict[str, pl.DataFrame]:
    """One day of traffic as every log of the service has it.

    Parameters
    ----------
    rng : the only source of chance
    day : UTC day of the serving times
    flights : FEATURES and `late` (the truth), one row a question; a repeated question is added here
    score : the model
    fault : what is wrong on this day

    Returns
    -------
    dict
        Frames `predictions`, `labels`, `actions`, `access`, `spans`, `decisions`, in order of time.

    """
    asked = _requests(rng, day, _seen(rng, flights, fault))
    times = _latencies(rng, asked.height, fault.featurize)
    broken = rng.choice(len(COMPONENTS) + 1, asked.height, p=_failures())  # the last: none broke
    refused = rng.random(asked.height) < 0.005
    served = (broken == len(COMPONENTS)) & ~refused
    access = asked.select("request_id", "timestamp", "variant").with_columns(
        path=pl.lit("/v1/late"),
        status=pl.Series(np.where(refused, 422, np.where(served, 200, 500)).astype(np.int16)),
        latency_ms=pl.Series(np.where(refused, rng.gamma(4, 0.5, asked.height), sum(times.values()))).round(
            1
        ),
    )
    logged = asked.filter(pl.Series(served & (rng.random(asked.height) >= LOST_SHARE)))
    answered = _answer(rng, logged, score, fault)
    return {
        "predictions": answered.drop("late", "again"),
        "labels": _labels(rng, answered),
        "actions": _actions(rng, answered),
        "access": access,
        "spans": _spans(asked, times, broken, refused),
        "decisions": _decisions(rng, answered),
    }


def _seen(rng: np.random.Generator, flights: pl.DataFrame, fault: Fault) -> pl.DataFrame:
    """The questions as they reach the model."""
    seen = flights
    if fault.kilometres:
        seen = seen.with_columns((pl.col("distance") * KM_PER_MILE).round().cast(pl.Int32))
    # A flight's delay is not known yet for one question in forty, on clean days too.
    for name, share in {"dep_delay": 0.025, **fault.nulls}.items():
        gone = pl.Series(rng.permutation(seen.height) < share * seen.height)
        seen = seen.with_columns(pl.when(~gone).then(pl.col(name)).alias(name))
    return seen


def _requests(rng: np.random.Generator, day: date, flights: pl.DataFrame) -> pl.DataFrame:
    """The day's questions with their ids, times and arms; some users ask again within ten minutes."""
    n = flights.height
    # The same smooth profile every day: quiet at 04:00, busy at 16:00.
    grid = np.linspace(0, 1, 1_441)
    profile = np.cumsum(1 - 0.6 * np.cos(2 * np.pi * (grid - 1 / 6)))
    moment = np.interp(rng.random(n), (profile - profile[0]) / (profile[-1] - profile[0]), grid) * DAY_MS
    ratio = REDO_SHARE / (1 - REDO_SHARE)
    again = (rng.permutation(n) < ratio * n) & (moment < DAY_MS - 600_000)
    user = rng.choice(USERS, n)
    source = np.concatenate([np.arange(n), np.flatnonzero(again)])
    moment = np.concatenate([moment, moment[again] + rng.uniform(20_000, 590_000, int(again.sum()))])
    ids = rng.integers(1 << 48, size=2 * len(source))
    names = np.array([hashlib.sha256(b"user-%d" % k).hexdigest()[:12] for k in range(USERS)])
    canary = rng.random(len(source)) < CANARY_SHARE
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    asked = pl.DataFrame(
        {
            "request_id": [f"{k:012x}" for k in dict.fromkeys(ids.tolist())][: len(source)],
            "timestamp": pl.Series(moment.astype(np.int64) * 1_000) + int(midnight.timestamp()) * 1_000_000,
            "user_id": names[user[source]],
            "variant": np.where(canary, "canary", "stable"),
            "again": np.concatenate([again, np.zeros(int(again.sum()), bool)]),
        }
    ).with_columns(
        pl.col("timestamp").cast(pl.Datetime("us", "UTC")),
        model_version=pl.col("variant").replace_strict(VERSIONS),
    )
    return pl.concat([asked, flights[source]], how="horizontal").sort("timestamp", "request_id")


def _latencies(rng: np.random.Generator, n: int, featurize: float) -> dict[str, Array]:
    """Milliseconds of each component, and of what lies between them (``""``)."""
    out = {name: rng.lognormal(np.log(mid), sd, n) for name, (mid, sd, _) in COMPONENTS.items()}
    out["featurize"] = out["featurize"] * featurize
    return {**out, "": rng.gamma(16, 0.25, n)}


def _failures() -> list[float]:
    shares = [share for *_, share in COMPONENTS.values()]
    return [*shares, 1 - sum(shares)]


def _answer(rng: np.random.Generator, logged: pl.DataFrame, score: Scorer, fault: Fault) -> pl.DataFrame:
    """The logged rows with what the model said."""
    features = logged.select(FEATURES)
    scores = np.zeros(logged.height)
    for variant, version in VERSIONS.items():
        mine = (logged["variant"] == variant).to_numpy()
        scores[mine] = score(features.filter(pl.Series(mine)), version) ** fault.power
    silent = pl.Series(rng.random(logged.height) < 0.001)  # an answer without an output
    return (
        logged.with_columns(score=pl.Series(scores).round(4))
        .with_columns(prediction=pl.col("score") >= 0.5)
        .with_columns(pl.when(~silent).then(pl.col("score", "prediction")))
    )


def _labels(rng: np.random.Generator, answered: pl.DataFrame) -> pl.DataFrame:
    """The truth, one to six hours later; 3 % never arrive."""
    delay = pl.Series(rng.uniform(3_600, 6 * 3_600, answered.height).astype(np.int64) * 1_000_000)
    return (
        answered.select(
            "request_id", label="late", label_time=pl.col("timestamp") + delay.cast(pl.Duration("us"))
        )
        .filter(pl.Series(rng.random(answered.height) >= 0.03))
        .sort("label_time", "request_id")
    )


def _actions(rng: np.random.Generator, answered: pl.DataFrame) -> pl.DataFrame:
    """What users did with half of the answers, in the same shares every day; who asked again did `redo`."""
    place = rng.permutation(answered.height) / answered.height
    others = np.select([place < 0.43, place < 0.475], ["accept", "edit"], "reject")
    action = pl.when(pl.col("again")).then(pl.lit("redo")).otherwise(pl.Series(others))
    heard = pl.Series(place < 0.5) | pl.col("again")
    return answered.select("request_id", "again", user_action=action).filter(heard).drop("again")


def _spans(
    asked: pl.DataFrame, times: dict[str, Array], broken: NDArray[np.int64], refused: NDArray[np.bool_]
) -> pl.DataFrame:
    """Every second request's way through the components, up to the one that broke."""
    start = times[""] / 2
    frames, above = [], None
    for k, name in enumerate(COMPONENTS):
        frame = asked.select("request_id", "timestamp", "variant", "model_version").with_columns(
            pl.col("timestamp") + pl.Series((start * 1_000).astype(np.int64)).cast(pl.Duration("us")),
            component=pl.lit(name),
            parent=pl.lit(above, pl.String),
            latency_ms=pl.Series(times[name]).round(2),
            status=pl.Series(np.where(broken == k, 500, 200).astype(np.int16)),
            error=pl.Series(np.where(broken == k, f"{name}: deadline exceeded", "")).replace("", None),
        )
        traced = pl.Series((np.arange(asked.height) % 2 == 0) & (broken >= k) & ~refused)
        frames.append(frame.filter(traced))
        start, above = start + times[name], name
    return (
        pl.concat(frames)
        .with_columns(pl.col("timestamp").dt.truncate("100us"))
        .sort("timestamp", "request_id")
    )


def _decisions(rng: np.random.Generator, answered: pl.DataFrame) -> pl.DataFrame:
    """A dispatcher's own answer for 8 % of the questions, right in 85 of 100."""
    n = answered.height
    wait = pl.Series(rng.uniform(20, 300, n).astype(np.int64) * 1_000_000).cast(pl.Duration("us"))
    wrong = pl.Series(rng.random(n) < 0.15)
    return (
        answered.select("request_id", pl.col("timestamp") + wait, decision=pl.col("late") ^ wrong)
        .with_columns(
            rater=pl.Series(rng.choice([f"dispatcher-{k}" for k in range(1, 7)], n)),
            human_saw_model=pl.Series(rng.random(n) < 0.5),
            seconds=pl.Series(rng.lognormal(np.log(35), 0.5, n)).round(1),
        )
        .filter(pl.Series(rng.random(n) < 0.08))
        .sort("timestamp", "request_id")
    )


def gauges(rng: np.random.Generator, day: date) -> pl.DataFrame:
    """Two hosts, every 15 minutes: CPU and memory as shares, load per core."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    busy = -np.cos(2 * np.pi * (np.arange(96) / 96 - 1 / 6))
    levels = {
        "cpu-utilisation": (0.35, 0.12, 0.03),
        "memory-utilisation": (0.55, 0.0, 0.015),
        "load": (0.4, 0.15, 0.04),
    }
    frames = [
        pl.DataFrame(
            {
                "timestamp": [midnight + timedelta(minutes=15 * k) for k in range(96)],
                "host": [host] * 96,
                "metric": [name] * 96,
                "value": np.round(mid + swing * busy + rng.normal(0, noise, 96), 3),
            }
        )
        for host in ("serve-1", "serve-2")
        for name, (mid, swing, noise) in levels.items()
    ]
    return pl.concat(frames).sort("timestamp", maintain_order=True)


def save(frame: pl.DataFrame, path: Path) -> None:
    """Write a frame as its name says, the same bytes every time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.write_parquet(path, compression="zstd", compression_level=12)
        return
    text = frame.with_columns(pl.col(pl.Datetime).dt.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
    if path.suffix == ".csv":
        text.write_csv(path)
    else:
        path.write_bytes(gzip.compress(text.write_ndjson().encode(), 9, mtime=0))
