"""memory-utilisation, cpu-utilisation and load: readings of each host."""

from collections.abc import Callable

import polars as pl

from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import NO_ROWS, finish, nothing


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-").replace("utilization", "utilisation")


def _compute(code: str, percent: float | None) -> Callable[[Context], pl.DataFrame]:
    """Window means of the gauges whose name contains the code.

    Parameters
    ----------
    code : of the metric
    percent : a gauge with a reading above it is one of percent; None: taken as it is

    """

    def compute(context: Context) -> pl.DataFrame:
        tables = context.tables
        ids = [
            i
            for i, f in enumerate(tables.fields)
            if f.kind == "gauges" and f.role == "gauge" and code in _plain(f.name)
        ]
        grid = tables.of(ids).filter(pl.col("segment") == "")
        if grid.is_empty():
            return nothing(context, "software", f"there is no gauge {code} in these logs")
        n = pl.col("n") - pl.col("nulls") - pl.col("nans") - pl.col("infs")
        base = pl.col("n_base") - pl.col("nulls_base") - pl.col("nans_base") - pl.col("infs_base")
        scale, note = pl.lit(1.0), pl.lit(None, pl.String)
        if percent is not None:
            high = pl.max_horizontal("max", "max_base").max().over("field") > percent
            scale = pl.when(high).then(100.0).otherwise(1.0)
            note = pl.when(high).then(pl.lit("read as percent"))
        plain = {tables.fields[i].name: _plain(tables.fields[i].name) for i in ids}
        same = pl.col("name").replace_strict(plain)
        return finish(
            grid.with_columns(
                name=pl.when(same == code).then(pl.lit("")).otherwise("name"),
                value=pl.when(n > 0).then(pl.col("sum") / n / scale),
                reference=pl.when(base > 0).then(pl.col("sum_base") / base / scale),
                why=pl.when(n == 0).then(pl.lit(NO_ROWS)),
                note=note,
                n=n,
            ),
            "software",
        )

    return compute


MEMORY = Metric(
    group="software",
    unit="share",
    direction="up",
    help="Mean share of a host's memory that is in use",
    formula="mean of the readings of the window, by host; a gauge with readings above 1.5 is one of percent",
    source="counted",
    remedies=(
        "Look for a leak: memory that grows with uptime and falls at each restart",
        "Lower the batch size or the number of workers, or give the host more memory",
    ),
    compute=_compute("memory-utilisation", 1.5),
)

CPU = Metric(
    group="software",
    unit="share",
    direction="up",
    help="Mean share of a host's processors that is in use",
    formula="mean of the readings of the window, by host; a gauge with readings above 10 is one of percent",
    source="counted",
    remedies=(
        "Add replicas, or see which release made a request more expensive",
        "Look for a busy neighbour or a job on the same host",
    ),
    compute=_compute("cpu-utilisation", 10.0),
)

LOAD = Metric(
    group="software",
    unit="load",
    direction="up",
    help="Mean load of a host, for each processor",
    formula="mean of the readings of the window, by host",
    source="counted",
    remedies=(
        "Add replicas, or lower the number of workers to that of the processors",
        "Look for processes that wait for a disk or a network that is slow",
    ),
    compute=_compute("load", None),
)
