"""How well people agree with each other: what no model can be asked to exceed."""

from typing import Any

import numpy as np
import polars as pl

from mlops_cli.judge.people.said import coefficient, number, pair
from mlops_cli.logs.shadow import COUNT
from mlops_cli.profile.decisions import Decisions, by_item
from mlops_cli.profile.units import same
from mlops_cli.stats.annotator import alternative
from mlops_cli.stats.raters import Ceiling, Mean, ac1_many, alpha, ceiling, fleiss

DENSE = 40_000_000  # cells of items × classes up to which the counts are laid out


def of_people(d: Decisions, level: float, margin: float, epsilon: float) -> dict[str, Any]:
    """The ceiling, and agreement among people; `n_items` 0 where no item has two of them.

    Parameters
    ----------
    d : decisions of classes
    level : of the intervals
    margin : how far below people's own agreement still counts as at the ceiling
    epsilon : of the alternative annotator test

    """
    if d.scale == "numeric" or d.blinding.known == "unknown":
        return {"n_items": 0}
    units = d.units.filter(pl.col("model").is_not_null() & (pl.col("raters") >= 2))
    if not units.height:
        return {"n_items": 0}
    said = told(_ceiling(units, level), margin)
    counts = _counts(d)
    if counts is not None:
        scale = "ordinal" if d.scale == "ordinal" else "nominal"
        said["alpha"] = {**coefficient(alpha(counts, scale, level=level)), "scale": scale}
        said["ac1"] = coefficient(ac1_many(counts, len(d.classes), level))
        said["fleiss"] = number(fleiss(counts))
    scores = _leave_one_out(d)
    if scores is not None:
        people, human, model = scores
        found = alternative(people, human, model, epsilon)
        if found.people:
            said["alternative_annotator"] = {
                "people": found.people,
                "winning_rate": number(found.winning_rate),
                "advantage": number(found.advantage),
                "epsilon": epsilon,
                "passed": found.passed,
            }
    return said


def excess(units: pl.DataFrame, level: float) -> Ceiling:
    """The ceiling of some of the units."""
    return _ceiling(units.filter(pl.col("model").is_not_null() & (pl.col("raters") >= 2)), level)


def told(found: Ceiling, margin: float) -> dict[str, Any]:
    """The ceiling as JSON, with its verdict."""
    said: dict[str, Any] = {
        "n_items": found.items,
        "model_human": _mean(found.model_human),
        "human_human": _mean(found.human_human),
        "excess": _mean(found.excess),
        "ratio": number(found.ratio),
        "margin": margin,
    }
    low, high = found.excess.interval
    said["verdict"] = "at-ceiling" if low > -margin else "below-ceiling" if high < -margin else "unknown"
    return said


def _ceiling(units: pl.DataFrame, level: float) -> Ceiling:
    return ceiling(
        units["with_model"].to_numpy(), units["agreeing"].to_numpy(), units["raters"].to_numpy(), level
    )


def _mean(found: Mean) -> dict[str, Any]:
    return {"mean": number(found.value), "ci": pair(found.interval)}


def _counts(d: Decisions) -> np.ndarray | None:
    """People by item and class, from rows or from columns of counts; None where that would be too large."""
    named = [COUNT + c for c in d.classes]
    if any(c in d.rows.columns for c in named):
        have = [pl.col(c) if c in d.rows.columns else pl.lit(0).alias(c) for c in named]
        return d.rows.filter("blind").select(have).fill_null(0).to_numpy()
    if d.units.height * len(d.classes) > DENSE:
        return None
    known = d.rows.filter(pl.col("blind") & pl.col("human").is_not_null())
    return by_item(known, len(d.classes)).drop("item").to_numpy()


def _leave_one_out(d: Decisions) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """Of each decision on an item that others decided, too: who, and how near the others both sides are."""
    if "rater" not in d.pairs.columns or "item" not in d.pairs.columns or d.unit != "item":
        return None
    scored = left_out(d)
    if not scored.height:
        return None
    people = scored["rater"].rank("dense").to_numpy().astype(np.int64) - 1
    return people, scored["with_others"].to_numpy(), scored["model_with_others"].to_numpy()


def left_out(d: Decisions) -> pl.DataFrame:
    """Decisions on items with several people: `rater`, `agrees`, `with_others` and `model_with_others`."""
    pairs = d.pairs.filter(pl.col("human").is_not_null() & pl.col("rater").is_not_null())
    chosen = pairs.group_by("item", "human").len("alike")
    items = d.units.select("item", "raters", "with_model")
    agrees = same("human", "model", d.scale, d.tolerance).cast(pl.Int64).alias("agrees")
    scored = pairs.with_columns(agrees).join(chosen, on=["item", "human"]).join(items, on="item")
    others = pl.col("raters") - 1
    return (
        scored.filter(pl.col("raters") >= 2)
        .sort("rater", "item")
        .select(
            "rater",
            "agrees",
            ((pl.col("alike").cast(pl.Int64) - 1) / others).alias("with_others"),
            ((pl.col("with_model") - pl.col("agrees")) / others).alias("model_with_others"),
        )
    )


def people(d: Decisions, least: int, *, named: bool) -> list[dict[str, Any]]:
    """Each person's agreement with the model and with the others; nobody with few decisions.

    Parameters
    ----------
    least : decisions below which no figure is given
    named : say who it is; else a pseudonym that holds within the report

    """
    if "rater" not in d.pairs.columns or d.scale == "numeric" or d.blinding.known == "unknown":
        return []
    pairs = d.pairs.filter(pl.col("human").is_not_null() & pl.col("rater").is_not_null())
    agrees = same("human", "model", d.scale, d.tolerance).alias("agrees")
    by_person = (
        pairs.with_columns(agrees).group_by("rater").agg(pl.len(), pl.col("agrees").mean()).sort("rater")
    )
    others: dict[str, float] = {}
    if d.unit == "item":
        mean = left_out(d).group_by("rater").agg(pl.col("with_others").mean())
        others = dict(mean.iter_rows())
    return [
        {
            "person": str(who) if named else f"person-{i}",
            "n": n,
            "with_model": with_model,
            "with_others": others.get(who),
        }
        for i, (who, n, with_model) in enumerate(by_person.iter_rows(), 1)
        if n >= least
    ]
