"""estimated-auc, -accuracy, -f1, -mae, -rmse: how good the answers probably are before their labels come."""

import polars as pl

from mlops_cli.metrics.estimators import NO_SCORE
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.performance import unfit
from mlops_cli.metrics.rows import finish, nothing

HONEST = (
    "Withdrawn (cannot be estimated) where more than a tenth of the rows have values of a field or the score "
    "that the baseline hardly had (no-support), where two of the last three windows with labels lay outside "
    "their band (track-record), where another version of the model made the scores (score-changed), where "
    "the baseline has too few labels (reference-too-small) or there is no score (no-score). It cannot see "
    "that inputs and labels are related otherwise than before. The warning line is for the value, the alarm "
    "line for the whole band"
)
CALIBRATED = (
    "scores calibrated on the baseline's labels by isotonic regression on counts; the band adds chance, "
    "calibration (blocks of time left out), what a backtest missed, and how far a second opinion lies apart. "
    "Where the inputs have shifted, what the fields add to the score (label), or a calibration on weighed "
    "rows (weighted), takes the place of the score alone if it tells held-out baseline blocks, weighed "
    "to look like now, better beyond chance. "
)
LEARNT = (
    "the size of the error learnt from prediction and fields on a sample of the baseline by a booster, its "
    "mean over the window; the square is taken to be in proportion to the square of that size. The band adds "
    "chance, what three folds disagree on, the sample, and what a backtest missed. Without fields it is "
    "rough and has no band. "
)


def _metric(name: str, said: str, wants: str) -> Metric:
    def compute(context: Context) -> pl.DataFrame:
        why = unfit(context, wants)
        frame = context.estimates
        if frame is None or why:
            return nothing(context, "model", why)
        mine = frame.filter((pl.col("metric") == name) & ~pl.col("known"))
        if mine.is_empty():
            lacks = name == "auc" and unfit(context, "score")
            done = f"the labels of all windows are in: see {name}"
            return nothing(context, "model", NO_SCORE if lacks else done)
        shown = pl.col("withdrawn").is_null()
        return finish(
            mine.with_columns(
                *(pl.when(shown).then(name).alias(name) for name in ("low", "high")),
                value=pl.when(shown).then("estimate"),
                why="withdrawn",
                test=pl.lit(""),
            ),
            "model",
        )

    quantity = wants == "quantity"
    return Metric(
        group="model",
        unit="share" if name == "accuracy" else "label" if quantity else "score",
        direction="up" if quantity else "down",
        help=f"{said} that is to be expected before the labels come",
        formula=(LEARNT if quantity else CALIBRATED) + HONEST,
        source="Friedman (2001), Annals of Statistics 29 (boosting)"
        if quantity
        else "Ayer et al. (1955), Annals of Mathematical Statistics 26 (isotonic regression); Bialek et al. "
        "(2024), arXiv 2401.08348 (calibration on weighed rows)",
        remedies=(
            "Get labels for a sample of these rows: they alone show it for sure",
            "See which inputs drift at the same time",
        ),
        compute=compute,
        needs=("label",) if quantity else ("label", "score"),
    )


AUC = _metric("auc", "Chance that a positive scores above a negative", "two")
ACCURACY = _metric("accuracy", "Share of right answers", "classes")
F1 = _metric("f1", "F1, of more than two classes their mean,", "classes")
MAE = _metric("mae", "Mean size of the error", "quantity")
RMSE = _metric("rmse", "Root mean square error", "quantity")
