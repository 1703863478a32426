"""accuracy, precision, recall, f1, auc ...: how good the answers are, where labels have come."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from mlops_cli.metrics.labelled import CLASS, Labels, Table
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.performance import Figure, Take, performance, share
from mlops_cli.metrics.rows import nothing
from mlops_cli.stats import losses, ranking

REMEDIES = (
    "See by segment and model version where it fell, and which inputs drift at the same time",
    "Ask `mlops retrain` whether a retrain pays, or the data must be repaired first",
    "Roll back to the last version that was better",
)


def _accuracy(t: Table, _: Labels) -> Figure:
    return share(
        float(np.trace(t.square)), float(t.square.sum()), "no labelled prediction is of a known class"
    )


def _precision(t: Table, _: Labels) -> Figure:
    return share(float(t.square[1, 1]), float(t.square[1].sum()), "nothing was predicted positive")


def _recall(t: Table, _: Labels) -> Figure:
    return share(float(t.square[1, 1]), float(t.square[:, 1].sum()), "no label is positive")


def _f1(t: Table, labels: Labels) -> Figure:
    if not labels.binary:
        return _macro(t)
    tp, fp, fn = float(t.square[1, 1]), float(t.square[1, 0]), float(t.square[0, 1])
    found = ranking.f1(tp, fp, fn)
    why = "" if tp + fp + fn > 0 else "nothing is positive, neither labels nor answers"
    return Figure(found.value, found.low, found.high, float(t.square.sum()), why=why)


def _macro(t: Table) -> Figure:
    """Mean of the classes' F1, its variance by the delta method over the cells."""
    cells, n = t.square, float(t.square.sum())
    if n <= 0:
        return Figure(why="no labelled prediction is of a known class")
    hits, both = np.diag(cells), cells.sum(axis=0) + cells.sum(axis=1)
    used = both > 0
    f1 = np.where(used, 2 * hits / np.maximum(both, 1), 0.0)
    value = float(f1[used].mean())
    lost = np.where(used, f1 / np.maximum(both, 1), 0.0)
    slope = -(lost[:, None] + lost[None, :])
    slope[np.diag_indices(len(hits))] += np.where(used, 2 / np.maximum(both, 1), 0.0)
    slope /= used.sum()
    share_ = cells / n
    spread = float((share_ * slope**2).sum() - (share_ * slope).sum() ** 2) * n
    half = 1.959964 * float(np.sqrt(max(spread, 0.0)))
    return Figure(value, max(value - half, 0.0), min(value + half, 1.0), n)


def _few(t: Table) -> str:
    yes, no = t.yes.sum(), t.no.sum()
    return "" if min(yes, no) >= CLASS else f"fewer than {CLASS} positive or negative labels"


def _ranked(name: str) -> Take:
    def take(t: Table, _: Labels) -> Figure:
        if _few(t):
            return Figure(why=_few(t), n=float(t.yes.sum() + t.no.sum()))
        found = getattr(ranking, name)(t.yes, t.no)
        hidden, half = found.best - found.value, (found.high - found.low) / 2
        note = f"buckets of the score hide up to {hidden:.2g}" if hidden > half / 2 else ""
        return Figure(found.value, found.low, found.high, float(t.yes.sum() + t.no.sum()), note=note)

    return take


def _loss(name: str) -> Take:
    def take(t: Table, _: Labels) -> Figure:
        n, total, m2 = getattr(t, name)
        found = losses.mean(n, total, m2)
        return Figure(*found, n=n, why="" if n >= 2 else "fewer than 2 labelled rows with a score")

    return take


def _gap(t: Table, _: Labels) -> Figure:
    rows = t.yes + t.no
    n = float(rows.sum())
    if n <= 0:
        return Figure(why="no labelled row has a score")
    found = losses.calibration(rows, t.yes, t.scores)
    se = abs(found.gap / found.gap_z) if found.gap_z else 0.0
    note = f"debiased calibration error {found.rms_debiased:.3f}"
    return Figure(found.gap, found.gap - 1.959964 * se, found.gap + 1.959964 * se, n, note=note)


def _error(name: str) -> Take:
    def take(t: Table, _: Labels) -> Figure:
        n, total, m2 = t.errors[name]
        found = losses.root_mean(n, total, m2) if name == "se" else losses.mean(n, total, m2)
        why = "" if n >= 2 else "every label is 0" if name == "ape" and t.labelled >= 2 else "too few labels"
        note = "approximate: fewer than 100 rows" if name == "se" and n < 100 else ""
        return Figure(*found, n=n, why=why, note=note)

    return take


def _wape(t: Table, _: Labels) -> Figure:
    n, total, m2 = t.errors["ae"]
    if n < 2 or t.size <= 0:
        return Figure(why="every label is 0" if n >= 2 else "too few labels")
    found, mean = losses.mean(n, total, m2), t.size / n
    return Figure(found.value / mean, found.low / mean, found.high / mean, n)


def _coverage(t: Table, _: Labels) -> Figure:
    return share(t.labelled, t.rows, "no rows")


def _cost(context: Context) -> pl.DataFrame:
    """Mean cost of an answer by the matrix of the settings."""
    costs = context.settings.labels.costs
    if not costs:
        return nothing(context, "model", "no [labels] costs are given")

    def take(t: Table, labels: Labels) -> Figure:
        names = labels.classes
        price = np.array([[_price(costs, p, y) for y in names] for p in names])
        n, total = float(t.square.sum()), float((t.square * price).sum())
        mean = total / n if n else 0.0
        found = losses.mean(n, total, float((t.square * (price - mean) ** 2).sum()))
        return Figure(*found, n=n, why="" if n >= 2 else "too few labels")

    return performance(context, take, "classes")


def _price(costs: Mapping[str, Mapping[str, float]], predicted: str, label: str) -> float:
    """Of two classes both words are known, 1 and true."""
    words = {"1": ("1", "true", "yes"), "0": ("0", "false", "no")}
    for p in words.get(predicted, (predicted,)):
        for y in words.get(label, (label,)):
            if y in costs.get(p, {}):
                return costs[p][y]
    return 0.0


def _metric(take: Take, wants: str, unit: str, direction: str, said: tuple[str, str, str]) -> Metric:
    def compute(context: Context) -> pl.DataFrame:
        return performance(context, take, wants)

    return Metric(
        group="model",
        unit=unit,
        direction=direction,
        help=said[0],
        formula=f"{said[1]}. Windows are compared with the baseline at equal age of their labels",
        source=said[2],
        remedies=REMEDIES,
        compute=compute,
        needs=("label",),
    )


WILSON = "Wilson (1927), Journal of the American Statistical Association 22, for the interval"
DELONG = "DeLong et al. (1988), Biometrics 44, from counts, for the interval"
STUDENT = "Student (1908), Biometrika 6, for the interval"

ACCURACY = _metric(
    _accuracy, "classes", "share", "down", ("Share of the answers that are right", "right / labelled", WILSON)
)
PRECISION = _metric(
    _precision,
    "two",
    "share",
    "down",
    ("Share of the positive answers that are right", "true positives / predicted positive", WILSON),
)
RECALL = _metric(
    _recall,
    "two",
    "share",
    "down",
    ("Share of the positive labels that were found", "true positives / positive labels", WILSON),
)
F1 = _metric(
    _f1,
    "classes",
    "score",
    "down",
    (
        "Harmonic mean of precision and recall; of more than two classes the mean over them",
        "2 J / (1 + J), J = tp / (tp + fp + fn)",
        WILSON + " of J",
    ),
)
AUC = _metric(
    _ranked("auc"),
    "score",
    "score",
    "down",
    (
        "Chance that a positive scores above a negative",
        "from counts in 200 buckets of the score; what the buckets hide is said where it matters",
        DELONG,
    ),
)
PR_AUC = _metric(
    _ranked("pr_auc"),
    "score",
    "score",
    "down",
    (
        "Average precision over all thresholds",
        "sum over positives of precision at each, in the expected order inside a bucket",
        "Boyd et al. (2013), ECML PKDD, for the interval",
    ),
)
BRIER = _metric(
    _loss("brier"),
    "score",
    "score",
    "up",
    ("Mean squared distance of the score from the label", "mean (score - label)^2", STUDENT),
)
LOG_LOSS = _metric(
    _loss("log_loss"),
    "score",
    "score",
    "up",
    (
        "Surprise of the labels under the scores",
        "mean -ln of the score of the label, clipped at 1e-6",
        STUDENT,
    ),
)
CALIBRATION = _metric(
    _gap,
    "score",
    "score",
    "both",
    (
        "Observed less expected rate of positives",
        "(positives - sum of scores) / rows",
        "Spiegelhalter (1986), Statistics in Medicine 5, for its variance",
    ),
)
MAE = _metric(_error("ae"), "quantity", "label", "up", ("Mean absolute error", "mean |e|", STUDENT))
RMSE = _metric(
    _error("se"), "quantity", "label", "up", ("Root of the mean squared error", "root of mean e^2", STUDENT)
)
MAPE = _metric(
    _error("ape"),
    "quantity",
    "ratio",
    "up",
    ("Mean of the relative errors", "mean |e| / |label|, labels of 0 left out", STUDENT),
)
WAPE = _metric(
    _wape, "quantity", "ratio", "up", ("Error as a share of the labels", "sum |e| / sum |label|", STUDENT)
)
COVERAGE = _metric(
    _coverage,
    "any",
    "share",
    "down",
    ("Share of the predictions whose label has come", "labelled / predictions", WILSON),
)
COST = Metric(
    group="model",
    unit="cost",
    direction="up",
    help="What an answer costs on average, by the matrix of [labels] costs",
    formula="sum of cost(answer, label) / labelled. Windows are compared with the baseline at equal age of "
    "their labels",
    source=STUDENT,
    remedies=REMEDIES,
    compute=_cost,
    needs=("label",),
)
