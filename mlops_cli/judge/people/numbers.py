"""Numeric decisions: bias, limits of agreement, concordance, and errors against outcomes and the others."""

from typing import Any

import numpy as np
import polars as pl

from mlops_cli.judge.people.said import number, pair, share
from mlops_cli.profile.decisions import Decisions
from mlops_cli.stats.distributions import mean_interval
from mlops_cli.stats.numeric import bland_altman, concordance


def numbers(d: Decisions, level: float) -> dict[str, Any]:
    """Everything there is to say of numeric decisions; empty for other scales."""
    if d.scale != "numeric" or "human" not in d.pairs.columns or d.blinding.known == "unknown":
        return {}
    pairs = d.pairs.filter(pl.col("human").is_not_null())
    if not pairs.height:
        return {}
    people, model = pairs["human"].to_numpy(), pairs["model"].to_numpy()
    found, lin = bland_altman(people, model, level), concordance(people, model, level)
    apart = model - people
    near = int((np.abs(apart) <= d.tolerance).sum())
    said: dict[str, Any] = {
        "n": found.n,
        "bias": number(found.bias),
        "bias_ci": pair(found.bias_interval),
        "sd": number(found.sd),
        "limits": pair((found.low, found.high)),
        "low_limit_ci": pair(found.low_interval),
        "high_limit_ci": pair(found.high_interval),
        "slope": number(found.slope),
        "slope_p": number(found.slope_p),
        "ccc": number(lin.value),
        "ccc_ci": pair(lin.interval),
        "precision": number(lin.precision),
        "accuracy": number(lin.accuracy),
        "mae": float(np.abs(apart).mean()),
        "rmse": float(np.sqrt((apart**2).mean())),
        "within_tolerance": share(near, len(apart), level) | {"tolerance": d.tolerance},
    }
    if lin.reason:
        said["ccc_reason"] = lin.reason
    return said | _against_outcome(pairs, level) | _against_others(pairs, level)


def _against_outcome(pairs: pl.DataFrame, level: float) -> dict[str, Any]:
    """Mean absolute errors of both sides; the difference item by item: negative, the model is nearer."""
    if "outcome" not in pairs.columns:
        return {}
    known = pairs.filter(pl.col("outcome").is_not_null())
    if not known.height:
        return {}
    errors = known.with_columns(
        (pl.col(n) - pl.col("outcome")).abs().alias(f"{n}_error") for n in ("human", "model")
    )
    apart = _by_item(errors, pl.col("model_error") - pl.col("human_error"))
    return {
        "errors": {
            "n": known.height,
            "people": number(errors["human_error"].mean()),
            "model": number(errors["model_error"].mean()),
            "diff": float(apart.mean()),
            "ci": pair(mean_interval(apart, level)),
        }
    }


def _against_others(pairs: pl.DataFrame, level: float) -> dict[str, Any]:
    """How far model and person are from the mean of the other people, leave one out, paired by item."""
    if "item" not in pairs.columns:
        return {}
    total, n = pl.col("human").sum().over("item"), pl.len().over("item")
    several = pairs.with_columns(((total - pl.col("human")) / (n - 1)).alias("others"), n.alias("n"))
    several = several.filter(pl.col("n") >= 2)
    if several["item"].n_unique() < 2:
        return {}
    apart = (pl.col("model") - pl.col("others")).abs() - (pl.col("human") - pl.col("others")).abs()
    by_item = _by_item(several, apart)
    return {
        "against_others": {
            "items": len(by_item),
            "diff": float(by_item.mean()),
            "ci": pair(mean_interval(by_item, level)),
        }
    }


def _by_item(pairs: pl.DataFrame, value: pl.Expr) -> np.ndarray:
    if "item" not in pairs.columns:
        return pairs.select(value).to_series().to_numpy()
    return pairs.group_by("item").agg(value.mean().alias("v")).sort("item")["v"].to_numpy()
