"""redo-rate and action-rate: what people do with the answers."""

import polars as pl

from mlops_cli.metrics.joined import joined_rate
from mlops_cli.metrics.metric import Context, Metric


def redo(context: Context) -> pl.DataFrame:
    """Predictions that were asked again."""
    return joined_rate(context, "redo", "output", "no user_id and no user_action")


def actions(context: Context) -> pl.DataFrame:
    """Each user action."""
    return joined_rate(context, "actions", "output", "there is no user_action in these logs")


REDO = Metric(
    group="output",
    unit="share",
    direction="up",
    help="Share of the predictions for which the user asked again",
    formula="predictions with the action redo, or followed by the same question of the same user within "
    "`within` / predictions",
    source="counted",
    remedies=(
        "Read the answers that were asked for again: they are the cheapest labels of what is bad",
        "See whether latency or errors rose at the same time: people also ask again when nothing comes",
    ),
    compute=redo,
    needs=("user_id", "user_action"),
)

ACTIONS = Metric(
    group="output",
    unit="share",
    direction="both",
    help="Share of each user action among the predictions that have one",
    formula="predictions with this action / predictions with any",
    source="counted",
    remedies=(
        "Look at the answers behind the action that grew, by model version and segment",
        "See whether the interface changed: a moved button changes this without the model",
    ),
    compute=actions,
    needs=("user_action",),
)
