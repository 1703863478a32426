"""Measure: the metrics that are asked for, as one frame."""

from collections.abc import Sequence

import polars as pl

from mlops_cli.metrics.custom import measure_customs
from mlops_cli.metrics.metric import MEASUREMENT, Context
from mlops_cli.metrics.registry import METRICS
from mlops_cli.metrics.rows import COLUMNS


def measure(context: Context, codes: Sequence[str]) -> pl.DataFrame:
    """Measurements of every series in every window, also in empty ones.

    What cannot be measured is a row with value null and its reason in `why`; what these logs cannot give at
    all is one row, in the last window. No number is NaN or infinite.

    Parameters
    ----------
    context : profile, baseline, windows
    codes : of METRICS

    Returns
    -------
    frame of MEASUREMENT; codes in the given order, then the settings' own metrics, each by series and window

    Raises
    ------
    UsageError
        For an unknown code.

    """
    frames = [pl.DataFrame(schema=MEASUREMENT)]
    if context.windows:
        for code in codes:
            measured = METRICS[code].compute(context)
            frames.append(measured.select(pl.lit(code).alias("code"), *COLUMNS))
        frames.append(measure_customs(context))
    return pl.concat(frames)
