"""Who is right more often, the model or people: from outcomes, of the disagreements at least."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.judge.people.agreement import codes
from mlops_cli.judge.people.said import number, pair, share
from mlops_cli.profile.decisions import Decisions
from mlops_cli.stats.agreement import error_consistency
from mlops_cli.stats.bins import Bins
from mlops_cli.stats.clusters import clustered
from mlops_cli.stats.contingency import chi_square
from mlops_cli.stats.distributions import chi_square_upper, student_upper
from mlops_cli.stats.paired import mcnemar, newcombe_paired, not_worse, tango
from mlops_cli.stats.proportion import Interval

DEPENDENT = 0.01  # p-value below which outcomes are missing for a reason
ITEMS, PAIRS = "items", "tango"


@dataclass(frozen=True)
class Labelled:
    """Units whose outcome is known as far as it matters.

    Parameters
    ----------
    units : those that are compared, with `first` (only the model was right) and `second` (only the person)
    method : `tango` where one person decided, `items` where several did: the mean difference over items
    whole : every disagreement has an outcome, so that agreements need none
    unlabelled : disagreements without an outcome
    reason : why nothing can be compared; empty where it can

    """

    units: pl.DataFrame
    method: str
    whole: bool
    unlabelled: int
    reason: str = ""


def labelled(d: Decisions) -> Labelled:
    """The units on which outcomes tell model and people apart."""
    units = d.units.filter(pl.col("model").is_not_null())
    right, apart = pl.col("right"), pl.col("apart").fill_null(value=True)
    if d.scale == "numeric" and not d.tolerance:
        return Labelled(_sided(units.head(0)), PAIRS, whole=False, unlabelled=0, reason="no-tolerance")
    if d.unit == "item" and not _asked_one(d):
        known = units.filter(right.is_not_null() & pl.col("share").is_not_null())
        missing = units.height - known.height
        known = known.with_columns((right.cast(pl.Float64) - pl.col("share")).alias("excess"))
        return Labelled(known, ITEMS, missing == 0, missing, "" if known.height else "no-outcome")
    units = units.filter(pl.col("human").is_not_null())
    unlabelled = units.filter(apart & right.is_null()).height
    labelled_agreements = units.filter(apart.not_() & right.is_not_null()).height
    whole = unlabelled == 0 and bool(units.filter(right.is_not_null()).height)
    if not whole:
        agreements = units.filter(apart.not_()).height
        some = units.filter(right.is_not_null())
        if not some.height:
            return Labelled(
                _sided(units.head(0)), PAIRS, whole=False, unlabelled=unlabelled, reason="no-outcome"
            )
        if agreements and not labelled_agreements:
            return Labelled(
                _sided(units.head(0)),
                PAIRS,
                whole=False,
                unlabelled=unlabelled,
                reason="disagreements-unlabelled",
            )
        units = some
    return Labelled(_sided(units), PAIRS, whole, unlabelled)


def _asked_one(d: Decisions) -> bool:
    """Whether one person's decision stands beside each item (wide tables with columns of counts, too)."""
    return "human" in d.pairs.columns and d.pairs.height <= d.units.height


def _sided(units: pl.DataFrame) -> pl.DataFrame:
    """Only the model right, only the person right: neither where both decided the same."""
    right, ok = pl.col("right").fill_null(value=False), pl.col("ok").fill_null(value=False)
    return units.with_columns(
        (right & ~ok).cast(pl.Int64).alias("first"), (ok & ~right).cast(pl.Int64).alias("second")
    )


def paired(d: Decisions, found: Labelled, alpha: float, margin: float) -> dict[str, Any]:
    """The difference of accuracies with its interval, and what it rests on."""
    if found.reason:
        return {
            "n": 0,
            "diff": None,
            "ci": None,
            "reason": found.reason,
            "unlabelled": found.unlabelled,
            **_worst(d, 1 - alpha),
        }
    level = 1 - alpha
    said = (
        _of_items(found.units, level, margin)
        if found.method == ITEMS
        else _of_pairs(found.units, d, level, margin)
    )
    low, high = said["cluster_ci"] or said["ci"]
    p = said["p_not_worse"] if said["cluster_ci"] is None else said["cluster_p"]
    said |= {
        "margin": margin,
        "non_inferior": p <= alpha,
        "superior": low > 0,
        "inferior": high < -margin,
        "equivalent": low > -margin and high < margin,
        "unlabelled": found.unlabelled,
    }
    if found.unlabelled:
        said |= _worst(d, level)
        said["selective_p"] = _selective(d)
    return said


def _of_items(units: pl.DataFrame, level: float, margin: float) -> dict[str, Any]:
    """Several people an item: model right less the share of people who were."""
    apart = units["excess"].to_numpy()
    found = clustered(apart, np.arange(len(apart)), level=level)
    return {
        "n": len(apart),
        "method": ITEMS,
        "model_accuracy": share(float(units["right"].sum()), len(apart), level),
        "human_accuracy": {"value": number(units["share"].mean()), "n": int(units["raters"].sum())},
        "diff": found.value,
        "ci": pair(_clipped(found.interval)),
        "cluster_ci": None,
        "se": found.se,
        "p_not_worse": item_p(apart, margin, worse=False),
    }


def _of_pairs(units: pl.DataFrame, d: Decisions, level: float, margin: float) -> dict[str, Any]:
    n, b, c = units.height, int(units["first"].sum()), int(units["second"].sum())
    known = units.filter(pl.col("right").is_not_null())
    both = known.filter(pl.col("right") & pl.col("ok")).height
    neither = known.height - both - b - c
    whole = known.height == n
    test = mcnemar(b, c)
    said: dict[str, Any] = {
        "n": n,
        "method": PAIRS,
        "both_right": both if whole else None,
        "only_model_right": b,
        "only_human_right": c,
        "both_wrong": neither if whole else None,
        "model_accuracy": share(both + b, n, level) if whole else None,
        "human_accuracy": share(both + c, n, level) if whole else None,
        "diff": (b - c) / n,
        "ci": pair(tango(b, c, n, level)),
        "newcombe": pair(newcombe_paired(both, b, c, neither, level)) if whole else None,
        "mcnemar": {"exact": test.exact, "mid_p": test.mid_p},
        "p_not_worse": float(not_worse(b, c, n, margin)),
        "p_not_worse_at": {f"{m:g}": float(not_worse(b, c, n, m)) for m in (0.01, 0.02, 0.05)},
        "discordant": (b + c) / n,
        "complement": share(b, n, level),
        "error_consistency": number(error_consistency(both, b, c, neither)) if whole else None,
        "either_right": (both + b + c) / n if whole else None,
        "cluster_ci": None,
    }
    return said | _clustered(units, d, level, margin)


def _clustered(units: pl.DataFrame, d: Decisions, level: float, margin: float) -> dict[str, Any]:
    """A robust interval where one person decided many items, or an item comes more than once."""
    names = [
        n for n in ("item", "rater") if 1 < units[n].n_unique() < units.height and not units[n].null_count()
    ]
    if not names or d.unit == "item":
        return {}
    apart = (units["first"] - units["second"]).to_numpy().astype(np.float64)
    found = clustered(apart, *(codes(units, n) for n in names), level=level)
    t = (found.value + margin) / found.se if found.se else math.copysign(math.inf, found.value + margin)
    return {
        "cluster_ci": pair(_clipped(found.interval)),
        "cluster_p": float(student_upper(t, max(found.degrees, 1))),
        "se": found.se,
        "se_naive": found.naive,
        "design_effect": found.design_effect,
    }


def _clipped(interval: Interval) -> Interval:
    return Interval(max(-1.0, interval.low), min(1.0, interval.high))


def _worst(d: Decisions, level: float) -> dict[str, Any]:
    """Bounds whatever the unlabelled disagreements turn out to be; nothing where no outcome is known."""
    units = d.units.filter(pl.col("model").is_not_null() & pl.col("human").is_not_null())
    open_ = units.filter(pl.col("apart").fill_null(value=True) & pl.col("right").is_null()).height
    if not units.height or open_ == units.height:
        return {}
    sided = _sided(units)
    b, c, n = int(sided["first"].sum()), int(sided["second"].sum()), units.height
    low, _ = tango(b, c + open_, n, level)
    _, high = tango(b + open_, c, n, level)
    return {"worst_case": [(b - c - open_) / n, (b - c + open_) / n], "worst_case_ci": [low, high]}


def _selective(d: Decisions) -> float | None:
    """P-value that whether the outcome is known has nothing to do with what people decided."""
    rows = d.units.filter(pl.col("human").is_not_null() & pl.col("model").is_not_null())
    if d.scale == "numeric" or not rows.height:
        return None
    counts = rows.group_by("human").agg(pl.col("outcome").count().alias("known"), pl.len()).sort("human")
    known = counts["known"].to_numpy().astype(np.float64)
    missing = counts["len"].to_numpy() - known
    if not known.sum() or not missing.sum():
        return None
    statistic, degrees = chi_square(Bins(known, missing[None]))
    return number(chi_square_upper(statistic, degrees)[0])


def costs(
    d: Decisions, found: Labelled, cost: Mapping[str, Mapping[str, float]], level: float
) -> dict[str, Any]:
    """Mean cost of the model's decisions less that of people's; empty without a cost matrix or classes."""
    if not cost or not d.classes or found.reason or "human" not in d.pairs.columns:
        return {}
    matrix = cost_matrix(d.classes, cost)
    known = found.units.filter(pl.col("outcome").is_not_null())
    truth, model = (known[n].to_numpy() for n in ("outcome", "model"))
    of_model = matrix[truth, model]
    if found.method == ITEMS:
        pairs = d.pairs.filter(pl.col("outcome").is_not_null() & pl.col("human").is_not_null())
        paid = pairs.select(
            "item", pl.Series("paid", matrix[pairs["outcome"].to_numpy(), pairs["human"].to_numpy()])
        )
        of_people = (
            known.select("item")
            .join(
                paid.group_by("item").agg(pl.col("paid").mean()), on="item", how="left", maintain_order="left"
            )["paid"]
            .to_numpy()
        )
    else:
        of_people = matrix[truth, known["human"].to_numpy()]
    apart = of_model - of_people
    apart = apart[~np.isnan(apart)]
    if not len(apart):
        return {}
    names = ["rater"] if found.method == PAIRS and 1 < known["rater"].n_unique() < known.height else []
    found_ = clustered(apart, *(codes(known, n) for n in names), level=level)
    low, high = found_.interval
    return {
        "model": float(of_model.mean()),
        "people": float(np.nanmean(of_people)),
        "diff": found_.value,
        "ci": pair(found_.interval),
        "n": len(apart),
        "worse": low > 0,
        "better": high < 0,
    }


def cost_matrix(classes: Sequence[str], cost: Mapping[str, Mapping[str, float]]) -> np.ndarray:
    """(truth, decision) costs: those given, else 0 where right and 1 where wrong."""
    out = 1.0 - np.eye(len(classes))
    at = {name: i for i, name in enumerate(classes)}
    for truth, row in cost.items():
        for decision, value in row.items():
            if truth in at and decision in at:
                out[at[truth], at[decision]] = value
    return out


def item_p(apart: np.ndarray, margin: float, *, worse: bool) -> float:
    """One-sided t p-value of per-item differences: not worse than -margin, or worse than it."""
    n = len(apart)
    if n < 2:
        return 1.0
    se = float(apart.std(ddof=1)) / math.sqrt(n)
    above = float(apart.mean()) + margin
    if se == 0:
        return 0.0 if (above < 0 if worse else above > 0) else 1.0
    t = above / se
    return float(student_upper(-t if worse else t, n - 1))
