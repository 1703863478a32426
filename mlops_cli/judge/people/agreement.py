"""How far the model agrees with people, decision by decision."""

from typing import Any

import numpy as np
import polars as pl

from mlops_cli.judge.people.said import coefficient, number, pair, share
from mlops_cli.profile.decisions import Decisions, table
from mlops_cli.profile.units import same
from mlops_cli.stats.agreement import Coefficient, ac1, kappa, specific
from mlops_cli.stats.clusters import Clustered, clustered
from mlops_cli.stats.paired import mcnemar
from mlops_cli.stats.proportion import Interval
from mlops_cli.stats.symmetry import ChiSquare, bhapkar, bowker, confusions, stuart_maxwell

RARE = 5.0  # expected in common of the rarest class, below which kappa says little
APART = 0.15  # AC1 and kappa differ by more: what chance gives decides the figure


def agreement(d: Decisions, level: float) -> dict[str, Any]:
    """Raw agreement, kappa, AC1 and what lies behind them.

    Of people who saw the output nothing is said; of nobody, neither: `value` is null with a `reason`.
    """
    pairs = d.pairs.filter(pl.col("human").is_not_null()) if "human" in d.pairs.columns else d.pairs.head(0)
    if d.blinding.known == "unknown":
        return {"n": 0, "value": None, "ci": None, "reason": "not-blinded"}
    if not pairs.height:
        return _of_counts(d, level)
    agrees = pairs.select(same("human", "model", d.scale, d.tolerance)).to_series().to_numpy()
    said, robust = _raw(d, pairs, agrees.astype(np.float64), level)
    if d.scale == "numeric":
        return said
    counts = np.array(table(pairs, len(d.classes)), dtype=np.int64)
    return {**said, **_beyond(counts, d, robust, level), **_symmetry(counts, d)}


def _of_counts(d: Decisions, level: float) -> dict[str, Any]:
    """From counts by class: the mean over items of the share of people who chose what the model chose."""
    units = d.units.filter(pl.col("model").is_not_null() & (pl.col("raters") > 0))
    if not units.height:
        return {"n": 0, "value": None, "ci": None, "reason": "no-pairs"}
    by_item = units.select(pl.col("with_model") / pl.col("raters")).to_series().to_numpy()
    found = clustered(by_item, np.arange(len(by_item)), level=level)
    return {
        "n": int(units["raters"].sum()),
        "items": units.height,
        "value": found.value,
        "ci": pair(_inside(found.interval)),
        "method": "items",
    }


def _raw(
    d: Decisions, pairs: pl.DataFrame, agrees: np.ndarray, level: float
) -> tuple[dict[str, Any], Clustered | None]:
    """Raw agreement: Wilson's interval, or a cluster-robust one where decisions hang together."""
    wilson = share(float(agrees.sum()), len(agrees), level)
    clusters = {
        name: codes(pairs, name)
        for name in ("item", "rater")
        if name in pairs.columns and 1 < pairs[name].n_unique() < pairs.height
    }
    said = {"n": pairs.height, "value": wilson["value"], "ci": wilson["ci"], "method": "wilson"}
    if d.unit == "decision" and "item" in clusters and "rater" not in clusters:
        clusters = {"item": clusters["item"]}
    if not clusters:
        return said, None
    robust = clustered(agrees, *clusters.values(), level=level)
    said |= {
        "ci": pair(_inside(robust.interval)),
        "method": "clusters of " + " and ".join({"item": "items", "rater": "people"}[c] for c in clusters),
        "design_effect": robust.design_effect,
        "se": robust.se,
        "se_naive": robust.naive,
    }
    return said, robust


def codes(frame: pl.DataFrame, name: str) -> np.ndarray:
    """Whole numbers from 0 for the values of a column; rows without one are a cluster each."""
    rank = frame[name].rank("dense")
    values = rank.fill_null(0).to_numpy().astype(np.int64)
    alone = np.flatnonzero(values == 0)
    values[alone] = values.max(initial=0) + 1 + np.arange(len(alone))
    return values - 1


def _inside(interval: Interval) -> Interval:
    return Interval(max(0.0, interval.low), min(1.0, interval.high))


def _beyond(counts: np.ndarray, d: Decisions, robust: Clustered | None, level: float) -> dict[str, Any]:
    """Agreement beyond chance, overall and by class."""
    wide = robust.design_effect**0.5 if robust and robust.design_effect > 1 else 1.0
    plain = kappa(counts, level=level)
    first = ac1(counts, len(d.classes), level)
    said: dict[str, Any] = {"kappa": _widened(plain, wide), "ac1": _widened(first, wide)}
    if d.scale == "ordinal":
        said["kappa_linear"] = _widened(kappa(counts, "linear", level=level), wide)
        said["kappa_quadratic"] = _widened(kappa(counts, "quadratic", level=level), wide)
    expected = counts.sum(axis=0) * counts.sum(axis=1) / max(counts.sum(), 1)
    used = expected[(counts.sum(axis=0) + counts.sum(axis=1)) > 0]
    rarest = float(used.min()) if len(used) else 0.0
    if rarest < RARE:
        said["positives"] = rarest
    if not plain.reason and abs(first.value - plain.value) > APART:
        said["paradox"] = True
    value, low, high = specific(counts, level)
    chosen = counts.sum(axis=0) + counts.sum(axis=1)
    said["specific"] = [
        {
            "class": name,
            "value": number(value[k]),
            "ci": pair((low[k], high[k])),
            "people": int(counts[k].sum()),
            "model": int(counts[:, k].sum()),
        }
        for k, name in enumerate(d.classes)
        if chosen[k]
    ]
    return said


def _widened(found: Coefficient, factor: float) -> dict[str, Any]:
    """With the interval as wide as the clusters make that of the raw agreement."""
    said = coefficient(found)
    if factor > 1 and said["ci"]:
        low, high = said["ci"]
        at = said["value"]
        said["ci"] = [max(-1.0, at - factor * (at - low)), min(1.0, at + factor * (high - at))]
    return said


def _symmetry(counts: np.ndarray, d: Decisions) -> dict[str, Any]:
    """Which side chooses what more often, and which classes are taken for each other."""
    said: dict[str, Any] = {
        "stuart_maxwell": _chi(stuart_maxwell(counts)),
        "bhapkar": _chi(bhapkar(counts)),
        "bowker": _chi(bowker(counts)),
        "confusions": [
            {
                "people": d.classes[c.first],
                "model": d.classes[c.second],
                "n": c.more,
                "other_way": c.fewer,
                "z": c.z,
                "q": c.q,
            }
            for c in confusions(counts)
        ],
    }
    if len(d.classes) == 2:
        found = mcnemar(int(counts[0, 1]), int(counts[1, 0]))
        said["mcnemar"] = {"exact": found.exact, "mid_p": found.mid_p}
    return said


def _chi(found: ChiSquare) -> dict[str, Any]:
    return {"statistic": number(found.statistic), "df": found.degrees, "p": found.p}
