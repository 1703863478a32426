"""log-completeness: requests that left a prediction record."""

import polars as pl

from mlops_cli.metrics.joined import joined_rate
from mlops_cli.metrics.metric import Context, Metric


def compute(context: Context) -> pl.DataFrame:
    """Successful requests with a prediction record."""
    return joined_rate(context, "completeness", "software", "there is no access log (requests)")


METRIC = Metric(
    group="software",
    unit="share",
    direction="down",
    help="Share of the successful requests whose prediction was logged",
    formula="requests of status below 400 with a prediction record / requests of status below 400",
    source="counted",
    remedies=(
        "Look at the logging queue and the disk of the hosts whose records are missing",
        "Until it is mended read every other number with care: rows are not lost at random",
    ),
    compute=compute,
    needs=("request_id",),
)
