"""latency-p50 to latency-p99 and queue-p95: how long an answer takes, and waits."""

from collections.abc import Callable

import numpy as np
import polars as pl

from mlops_cli.metrics.matrix import Matrix
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.places import KINDS, first_of_place
from mlops_cli.metrics.quantiles import at_ranks
from mlops_cli.metrics.rows import finish, lacking, nothing
from mlops_cli.metrics.series import Answer, by_series

DEVIATE = 1.959964  # 95 %, both sides
COLUMNS = ("value", "low", "high", "reference", "a", "m", "b", "c")


def _compute(q: float, role: str, kinds: tuple[str, ...], absent: str) -> Callable[[Context], pl.DataFrame]:
    """Quantile q of a duration."""

    def compute(context: Context) -> pl.DataFrame:
        tables = context.tables
        ids = tables.ids(kind=kinds, role=role)
        if tables.of(ids).is_empty():
            return nothing(context, "software", context.unavailable.get(role, absent))

        def take(matrix: Matrix, _field: int, _sid: int) -> Answer:
            return _quantile(matrix, q)

        frame = first_of_place(by_series(tables, ids, COLUMNS, take))
        frame = frame.with_columns(
            n=pl.col("m"),
            test=pl.lit("proportion"),
            name=pl.lit(""),
            why=pl.when(pl.col("m") == 0).then(pl.coalesce(lacking(), pl.lit("all values are missing"))),
        )
        return finish(frame, "software")

    return compute


def _quantile(matrix: Matrix, q: float) -> Answer:
    n = matrix.current.sum(axis=1)
    m = float(matrix.reference.sum())
    # Order statistics: the number of rows below the quantile is binomial.
    half = DEVIATE * np.sqrt(n * q * (1 - q))
    last = np.maximum(n - 1, 0)
    ranks = np.stack([q * last, np.clip(q * n - half, 0, last), np.clip(q * n + half, 0, last)], axis=1)
    value, low, high = at_ranks(matrix, matrix.current, ranks).T
    out: dict[str, np.ndarray | float | None] = {"value": value, "low": low, "high": high, "m": n}
    none = dict.fromkeys(("reference", "b", "c"))
    if m == 0:
        return {**out, **none, "a": None}
    reference = at_ranks(matrix, matrix.reference[None, :], np.array([[q * (m - 1)]]))[0, 0]
    # Slower: in a cell above the one that holds the baseline's quantile.
    cell = int(np.searchsorted(np.cumsum(matrix.reference), q * (m - 1) + 0.5))
    return {
        **out,
        "reference": reference,
        "a": matrix.current[:, cell + 1 :].sum(axis=1),
        "b": float(matrix.reference[cell + 1 :].sum()),
        "c": m,
    }


REMEDIES = (
    "See which component's own latency grew, and what was released or scaled at that time",
    "Compare with throughput and load: a queue grows when a host is full",
    "Roll back if it began with a release",
)


def _latency(percent: int, rest: str) -> Metric:
    return Metric(
        group="software",
        unit="ms",
        direction="up",
        help=f"Time within which {rest} of the answers are given",
        formula=f"quantile {percent / 100} of latency_ms, of requests, else predictions, and of each "
        "component's spans; to 0.4 % from cells; evidence: share of rows slower than the baseline's quantile",
        source="Interval by order statistics: Thompson (1936), Annals of Mathematical Statistics 7",
        remedies=REMEDIES,
        compute=_compute(percent / 100, "latency_ms", KINDS, "there is no latency in these logs"),
        needs=("latency_ms",),
    )


P50 = _latency(50, "half")
P90 = _latency(90, "90 %")
P95 = _latency(95, "95 %")
P99 = _latency(99, "99 %")

QUEUE_P95 = Metric(
    group="software",
    unit="ms",
    direction="up",
    help="Time that 95 % of the requests wait at most before they are worked on",
    formula="quantile 0.95 of queue_ms of requests, to 0.4 % from cells",
    source="Interval by order statistics: Thompson (1936), Annals of Mathematical Statistics 7",
    remedies=(
        "Add workers or replicas: requests wait because all are busy",
        "Look for one slow kind of request that blocks the others",
    ),
    compute=_compute(0.95, "queue_ms", ("requests",), "there is no queue_ms in these logs"),
    needs=("queue_ms",),
)
