"""Scales: on which scale a metric's noise adds, and how small a change of it may be overlooked."""

from dataclasses import dataclass

import polars as pl

# What is a fact about the files rather than a number that wanders, or mostly 0.
NEVER = frozenset(
    {
        "type-change",
        "field-vanished",
        "field-new",
        "constant-output",
        "staleness",
        "slo-burn",
        "label-selection",
    }
)


@dataclass(frozen=True)
class Scale:
    """One kind of number.

    Parameters
    ----------
    kind : of `stats.scale.KINDS`
    relative, absolute : the change that matters: a share of the centre, and in the metric's unit; the larger
    of_rows : the change that matters, in standard deviations of the rows
    distance : a distance from the baseline, of which the part beyond chance counts

    """

    kind: str
    relative: float = 0.0
    absolute: float = 0.0
    of_rows: float = 0.0
    distance: bool = False


RATE = Scale("rate", relative=0.10, absolute=0.001)
COUNT = Scale("count", relative=0.10)
QUANTILE = Scale("quantile", relative=0.05)
FLOW = Scale("mean_log", relative=0.10)
MEAN = Scale("mean", of_rows=0.1)
PERFORMANCE = Scale("mean", absolute=0.005)
UTILISATION = Scale("gauge", absolute=0.02)
GAUGE = Scale("gauge")
DISTANCE = Scale("gauge", distance=True)
POSITIVE = {"ms": QUANTILE, "rows": COUNT, "1/s": FLOW}


def scale_of(rows: pl.DataFrame, unit: str) -> Scale | None:
    """The scale of a metric; None where it is a fact about files.

    Parameters
    ----------
    rows : of one metric, frame of MEASUREMENT
    unit : of the metric

    """
    code, group = rows.row(0, named=True)["code"], rows["group"][0]
    if code in NEVER or code.startswith("estimated-"):  # it has a band of its own
        return None
    test = next((t for t in rows["test"].to_list() if t), "")
    told = group == "model" and rows["low"].is_not_null().any()
    ways = (
        (code == "drift" or code.startswith("drift-"), DISTANCE),
        (unit in POSITIVE, POSITIVE.get(unit, GAUGE)),
        (test == "proportion" and unit in {"share", ""}, RATE),
        (told, PERFORMANCE),
        (test == "z", MEAN),
        (unit == "share", UTILISATION),
    )
    return next((scale for holds, scale in ways if holds), GAUGE)
