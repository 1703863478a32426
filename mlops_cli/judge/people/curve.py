"""Units by confidence: what is accepted at each threshold, and what goes wrong there."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.judge.people.paired import ITEMS, Labelled
from mlops_cli.judge.people.said import number, pair
from mlops_cli.profile.decisions import Decisions
from mlops_cli.stats.distributions import student
from mlops_cli.stats.paired import tango
from mlops_cli.stats.proportion import wilson
from mlops_cli.stats.reliability import brier, gaps, spiegelhalter
from mlops_cli.stats.selective import Steps, aurc, auroc, least_confident, steps

OUTCOME, CEILING, HUMAN = "outcome", "human-ceiling", "human"
SHARES = "shares"  # with outcomes, of people who are counted by class: the share who were right
POINTS = 200  # of the drawn curve
LEAST = 0.1  # share of the least confident items that full automation is tested on


@dataclass(frozen=True)
class Curve:
    """Steps by confidence with their sums.

    Parameters
    ----------
    steps : `first` and `second` (only the model, only the person right), `errors` (of the model against the
        yardstick), `ok` (people right), `excess` and `squares` (model-human less human-human agreement)
    yardstick : what `errors` are against: the outcome, or people's decisions
    relative : `outcome`, `shares`, `human-ceiling` or empty: what people are compared by
    absolute : whether `errors` are known for every item
    units : the units behind it, null outputs left out

    """

    steps: Steps
    yardstick: str
    relative: str
    absolute: bool
    units: pl.DataFrame


def curve(d: Decisions, found: Labelled) -> Curve:
    """The curve against the first yardstick that the logs have: outcome, human ceiling, human decision."""
    empty = d.units.filter(pl.col("model").is_null()).height
    if not found.reason:
        counted = found.method == ITEMS and "human" not in d.pairs.columns
        units = found.units
        if found.method == ITEMS:
            units = units.with_columns(
                (pl.col("right") & ~pl.col("ok")).cast(pl.Int64).alias("first"),
                (pl.col("ok") & ~pl.col("right")).cast(pl.Int64).alias("second"),
            )
        known = not units["right"].null_count()
        losses = {
            "errors": pl.col("right").not_().fill_null(value=False),
            "first": pl.col("first").fill_null(0),
            "second": pl.col("second").fill_null(0),
            "ok": pl.col("ok").fill_null(value=False),
        }
        if counted:
            losses |= {"excess": pl.col("excess"), "squares": pl.col("excess") ** 2}
            return Curve(_steps(units, empty, losses), OUTCOME, SHARES, known, units)
        return Curve(_steps(units, empty, losses), OUTCOME, OUTCOME, known, units)
    units = d.units.filter(pl.col("model").is_not_null())
    several = units.filter(pl.col("raters") >= 2).height > 0.5 * max(units.height, 1)
    if several:
        units = units.filter(pl.col("raters") >= 2)
        m = pl.col("raters").cast(pl.Float64)
        agrees = pl.col("with_model") / m
        excess = agrees - pl.col("agreeing") / (m * (m - 1))
        losses = {"errors": 1 - agrees, "excess": excess, "squares": excess**2}
        return Curve(_steps(units, empty, losses), HUMAN, CEILING, absolute=True, units=units)
    losses = {"errors": pl.col("apart").fill_null(value=True)}
    usable = d.blinding.known != "unknown"
    return Curve(_steps(units, empty, losses), HUMAN, "", absolute=usable, units=units)


def _steps(units: pl.DataFrame, empty: int, losses: dict[str, pl.Expr]) -> Steps:
    """Sorting arrays is quicker than grouping by as many confidences as there are rows."""
    ranked = units.filter(pl.col("confidence").is_not_null()).select(
        "confidence", **{n: x.cast(pl.Float64) for n, x in losses.items()}
    )
    sums = {n: ranked[n].to_numpy() for n in losses}
    return steps(ranked["confidence"].to_numpy(), units.height + empty, **sums)


def confidence(d: Decisions, c: Curve, level: float) -> dict[str, Any]:
    """How good the order and the size of the confidences are; empty without any."""
    if not len(c.steps.accepted) or not c.absolute:
        return {}
    area, above = aurc(c.steps)
    value, interval = auroc(c.steps, level=level)
    wrong = float(c.steps.sums["errors"][-1])
    said: dict[str, Any] = {
        "n": int(c.steps.accepted[-1]),
        "error": wrong / int(c.steps.accepted[-1]),
        "yardstick": c.yardstick,
        "distinct": len(c.steps.threshold),
        "aurc": number(area),
        "e_aurc": number(above),
        "auroc": number(value),
        "auroc_ci": pair(interval) if math.isfinite(value) else None,
        "informative": None if not math.isfinite(value) else interval.low > 0.5,
    }
    return said | _calibration(d, c)


def _calibration(d: Decisions, c: Curve) -> dict[str, Any]:
    """Gaps between confidence and accuracy; ties in the order of items and people."""
    ranked = c.units.filter(pl.col("confidence").is_not_null())
    low, high = c.steps.threshold[-1], c.steps.threshold[0]
    if low < 0 or high > 1:
        return {"calibration": None, "calibration_reason": "confidence outside [0, 1]"}
    keys = [n for n in ("item", "rater") if n in d.rows.columns]
    ranked = ranked.sort(*keys, nulls_last=True) if keys else ranked
    right = "right" if c.yardstick == OUTCOME else "apart"
    good = ranked[right].cast(pl.Float64).to_numpy()
    good = good if c.yardstick == OUTCOME else 1 - np.nan_to_num(good, nan=1.0)
    if not keys:  # nothing tells rows apart, so within a tie the wrong ones come first
        order = np.argsort(good, kind="stable")
        ranked, good = ranked[order], good[order]
    values = ranked["confidence"].to_numpy()
    mass, width = gaps(values, good, equal_mass=True), gaps(values, good, equal_mass=False)
    z, p = spiegelhalter(values, good)
    return {
        "calibration": {
            "ece": mass.ece,
            "mce": mass.mce,
            "rms": mass.rms,
            "rms_debiased": mass.debiased,
            "ece_width": width.ece,
            "mce_width": width.mce,
            "rms_width": width.rms,
            "rms_width_debiased": width.debiased,
            "brier": number(brier(values, good)),
            "spiegelhalter_z": z,
            "spiegelhalter_p": p,
            "mean_confidence": float(values.mean()),
            "accuracy": float(good.mean()),
            "bins": [
                {
                    "confidence": float(mass.confidence[i]),
                    "accuracy": float(mass.accuracy[i]),
                    "n": int(mass.count[i]),
                    "ci": pair(wilson(mass.accuracy[i] * mass.count[i], mass.count[i], 0.95)),
                }
                for i in range(len(mass.count))
            ],
        }
    }


def points(c: Curve) -> list[tuple[Any, ...]]:
    """The curve as at most 200 points, evenly by coverage: threshold, coverage, accepted, errors, risk ...

    With outcomes also how right a team is in which people decide below the threshold.
    """
    k, n = c.steps.accepted, c.steps.items
    if not len(k) or not c.absolute:
        return []
    wanted = np.unique(np.searchsorted(k, np.ceil(np.linspace(1 / POINTS, 1, POINTS) * k[-1])))
    out = []
    everyone = float(c.steps.sums["ok"][-1]) if c.relative == OUTCOME else None
    for i in wanted:
        errors, accepted = float(c.steps.sums["errors"][i]), int(k[i])
        low, high = wilson(errors, accepted, 0.95)
        team = None
        if everyone is not None and n == int(k[-1]):
            team = (accepted - errors + everyone - float(c.steps.sums["ok"][i])) / n
        out.append(
            (float(c.steps.threshold[i]), accepted / n, accepted, errors, errors / accepted, low, high, team)
        )
    return out


def best_team(c: Curve) -> dict[str, Any] | None:
    """The threshold at which the team was right most often: no guarantee. None without outcomes."""
    k, n = c.steps.accepted, c.steps.items
    if not len(k) or c.relative != OUTCOME or not c.absolute or n != int(k[-1]):
        return None
    people = c.steps.sums["ok"][-1] - c.steps.sums["ok"]
    right = k - c.steps.sums["errors"] + people
    best = int(np.flatnonzero(right == right.max())[-1])
    return {
        "threshold": float(c.steps.threshold[best]),
        "coverage": float(k[best] / n),
        "accuracy": float(right[best] / n),
        "people": float(c.steps.sums["ok"][-1] / n),
        "model": float((k[-1] - c.steps.sums["errors"][-1]) / n),
    }


def remainder(c: Curve, level: float) -> dict[str, Any]:
    """The least confident items, whole confidence values that hold a tenth of them: who is better there?"""
    k = c.steps.accepted
    if not len(k) or c.relative not in {OUTCOME, CEILING, SHARES}:
        return {}
    at = least_confident(c.steps, LEAST)

    def rest(name: str) -> float:
        sums = c.steps.sums[name]
        return float(sums[-1] - (sums[at - 1] if at else 0.0))

    n = int(k[-1] - (k[at - 1] if at else 0))
    said: dict[str, Any] = {"n": n, "share": n / int(k[-1]), "below": float(c.steps.threshold[at])}
    if c.relative == OUTCOME:
        b, c_ = int(rest("first")), int(rest("second"))
        return said | {
            "only_model_right": b,
            "only_human_right": c_,
            "diff": (b - c_) / n,
            "ci": pair(tango(b, c_, n, level)),
            "discordant": (b + c_) / n,
        }
    mean = rest("excess") / n
    spread = max(rest("squares") - n * mean**2, 0.0) / max(n - 1, 1)
    half = student(level, n - 1) * math.sqrt(spread / n) if n > 1 else math.inf
    return said | {
        "diff": mean,
        "ci": pair((max(-1.0, mean - half), min(1.0, mean + half))),
        "variance": spread,
    }


def digest_parts(c: Curve) -> list[bytes]:
    """What the certificate's evidence is, as bytes: the counts at every distinct confidence."""
    rounded = [np.round(c.steps.sums[n], 9).tobytes() for n in sorted(c.steps.sums)]
    return [c.steps.threshold.tobytes(), c.steps.accepted.tobytes(), *rounded]
