"""Where model and people part more often than elsewhere, and where the model must not decide alone."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.judge.people.ceiling import excess as ceiling_of
from mlops_cli.judge.people.curve import CEILING, OUTCOME, SHARES, Curve
from mlops_cli.judge.people.paired import item_p
from mlops_cli.judge.people.said import number, pair
from mlops_cli.logs.shadow import SEGMENT
from mlops_cli.profile.decisions import Decisions
from mlops_cli.stats.distributions import mean_interval
from mlops_cli.stats.paired import not_worse, tango, worse
from mlops_cli.stats.proportion import exceeds
from mlops_cli.stats.slices import adjusted, more_often, risk_ratio

CLASS = "class"  # the slice by the true class: known only afterwards, so nothing can be routed by it
MOST = 200  # values of one column


def slices(
    d: Decisions,
    c: Curve,
    threshold: float | None,
    *,
    margin: float,
    max_error: float | None,
    rate: float,
    least: int,
) -> list[dict[str, Any]]:
    """Every slice of enough items, the strongest disagreement first.

    Parameters
    ----------
    threshold : certified; the model is held to its promise at or above it; None: on all items
    margin, max_error : the promise
    rate : false discovery rate
    least : items of a slice

    Returns
    -------
    list
        `segment`, `value`, `n`, how often both sides part (`disagreement`, `rest`, `ratio`, `q`), how much
        more than people do (`excess`), and `region`: the promise in the slice with its `status`.

    """
    units = c.units.with_columns(pl.col("apart").cast(pl.Float64).alias("parts"))
    every = [(name, value, part) for name, value, part in _parts(units, d) if part.height >= least]
    kept = [(name, value, part) for name, value, part in every if part.height < units.height]
    out = [_disagreement(name, value, part, units, d) for name, value, part in kept]
    for said, q in zip(out, adjusted([s["p"] for s in out]) if out else [], strict=True):
        said["q"] = float(q)
        said["parts"] = bool(q <= rate)
    broken: list[tuple[str, str]] = []
    # The true class is known only afterwards, so it is asked about only what slices known before leave over.
    for known_before in (True, False):
        chosen = [i for i, (name, _, _) in enumerate(kept) if (name != CLASS) == known_before]
        regions: list[dict[str, Any] | None] = [
            _region_of(kept[i][2], c, threshold, broken, (margin, max_error), least) for i in chosen
        ]
        found = [r for r in regions if r is not None]
        for region, q in zip(found, adjusted([r["p"] for r in found]) if found else [], strict=True):
            region["q"] = float(q)
            region["status"] = "fail" if q <= rate else "pass" if region["fine"] else "unknown"
            del region["fine"]
        for i, tested in zip(chosen, regions, strict=True):
            out[i]["region"] = tested
            if tested and tested["status"] == "fail":
                broken.append(kept[i][:2])
    return sorted(out, key=lambda s: (s["q"], -s["disagreement"], s["segment"], s["value"]))


def _parts(units: pl.DataFrame, d: Decisions) -> Iterator[tuple[str, str, pl.DataFrame]]:
    for name in d.segments:
        column = SEGMENT + name
        groups = units.filter(pl.col(column).is_not_null()).partition_by(column, as_dict=True)
        for (value,), part in sorted(groups.items())[:MOST]:
            yield name, str(value), part.with_columns(pl.lit(name).alias("slice"))
    if d.classes and not units["outcome"].null_count():
        groups = units.partition_by("outcome", as_dict=True)
        for (code,), part in sorted(groups.items())[:MOST]:
            yield CLASS, d.classes[int(str(code))], part.with_columns(pl.lit(CLASS).alias("slice"))


def _disagreement(
    name: str, value: str, part: pl.DataFrame, units: pl.DataFrame, d: Decisions
) -> dict[str, Any]:
    events, items = float(units["parts"].sum()), units["parts"].count()
    k, n = float(part["parts"].sum()), part["parts"].count()
    ratio, interval = risk_ratio(k, n, events, items)
    said: dict[str, Any] = {
        "segment": name,
        "value": value,
        "n": n,
        "k": int(k),
        "disagreement": k / n if n else 0.0,
        "rest": (events - k) / (items - n) if items > n else None,
        "ratio": number(ratio),
        "ratio_ci": pair(interval),
        "p": float(more_often([k], [n], int(events), items)[0]),
        "known_before": name != CLASS,
    }
    if d.blinding.known != "unknown":
        found = ceiling_of(part, 0.95)
        if found.items >= 2:
            said["excess"] = number(found.excess.value)
            said["excess_ci"] = pair(found.excess.interval)
    return said


def _region_of(
    part: pl.DataFrame,
    c: Curve,
    threshold: float | None,
    broken: Sequence[tuple[str, str]],
    promise: tuple[float, float | None],
    least: int,
) -> dict[str, Any] | None:
    """The promise among a slice's items at or above the threshold, without slices that stay with people."""
    if threshold is not None:
        part = part.filter(pl.col("confidence") >= threshold)
    if part.height and part[0, "slice"] == CLASS:
        part = without(part, broken)
    return _region(part, c, *promise) if part.height >= least else None


def without(units: pl.DataFrame, broken: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """The units that are in none of these slices; the true class is no slice to be left out by."""
    stay = pl.lit(value=False)
    for name, value in broken:
        if SEGMENT + name in units.columns:
            stay |= (pl.col(SEGMENT + name) == value).fill_null(value=False)
    return units.filter(~stay)


def _region(part: pl.DataFrame, c: Curve, margin: float, max_error: float | None) -> dict[str, Any]:
    """The promise in a slice: the evidence that it is broken there, and whether it is shown to hold."""
    n = part.height
    said: dict[str, Any] = {"n": n, "p": 1.0, "fine": True}
    if c.relative == OUTCOME:
        b, c_ = int(part["first"].sum()), int(part["second"].sum())
        low, high = tango(b, c_, n)
        said |= {"diff": (b - c_) / n, "ci": [low, high], "p": float(worse(b, c_, n, margin))}
        said |= {
            "only_model_right": b,
            "only_human_right": c_,
            "fine": float(not_worse(b, c_, n, margin)) <= 0.05,
        }
        if c.absolute:
            said["model_accuracy"] = number(part["right"].mean())
            said["human_accuracy"] = number(part["ok"].mean())
    if c.relative in {SHARES, CEILING} or "excess" in part.columns:
        apart = _excess(part, c)
        said |= {
            "diff": number(apart.mean()),
            "ci": pair(mean_interval(apart, 0.95, -1, 1)),
            "p": item_p(apart, margin, worse=True),
            "fine": item_p(apart, margin, worse=False) <= 0.05,
        }
    if max_error is not None and c.absolute:
        wrong = int((part["right"].not_() if c.yardstick == OUTCOME else part["apart"]).sum())
        said["p"] = min(2 * min(said["p"], float(exceeds(wrong, n, max_error, "up"))), 1.0)
        said["errors"] = wrong
        said["fine"] = said["fine"] and float(exceeds(wrong, n, max_error, "down")) <= 0.05
    return said


def _excess(part: pl.DataFrame, c: Curve) -> np.ndarray:
    if "excess" in part.columns:
        return part["excess"].to_numpy()
    m = pl.col("raters").cast(pl.Float64)
    return (
        part.select(pl.col("with_model") / m - pl.col("agreeing") / (m * (m - 1)))
        .to_series()
        .to_numpy()
        .astype(np.float64)
        if c.relative == CEILING
        else np.zeros(part.height)
    )


def failing(found: list[dict[str, Any]]) -> tuple[str, ...]:
    """`column=value` of the slices in which the promise is broken."""
    return tuple(
        f"{s['segment']}={s['value']}" for s in found if s["region"] and s["region"]["status"] == "fail"
    )
