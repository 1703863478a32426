"""What people make of the model's advice, and whether audits of automated decisions still hold."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.judge.people.agreement import codes
from mlops_cli.judge.people.said import number, pair, share
from mlops_cli.profile.decisions import Decisions
from mlops_cli.profile.units import same
from mlops_cli.stats.audits import audit
from mlops_cli.stats.clusters import clustered, ratio_of_times
from mlops_cli.stats.paired import mcnemar, tango

FASTEST = 0.05  # of the decisions made without seeing the output: quicker ones look like rubber stamps


def assistance(d: Decisions, level: float, least: int) -> dict[str, Any]:
    """Overrides, reliance, gain and time; empty where the logs tell nothing of people who saw the output."""
    rows = d.rows.filter(pl.col("model").is_not_null())
    if {"initial", "final"} <= set(rows.columns):
        both = rows.filter(pl.col("initial").is_not_null() & pl.col("final").is_not_null())
        if both.height:
            return _before_and_after(both, d, level) | _times(d, level)
    seen = rows.filter(~pl.col("blind")) if "human" in rows.columns else rows.head(0)
    seen = seen.filter(pl.col("human").is_not_null()) if seen.height else seen
    if seen.height < least:
        return {}
    return _only_after(rows, seen, d, level) | _times(d, level)


def _before_and_after(rows: pl.DataFrame, d: Decisions, level: float) -> dict[str, Any]:
    """Each person's decision before and after the output was shown."""
    kept = same("final", "initial", d.scale, d.tolerance)
    took = same("final", "model", d.scale, d.tolerance)
    parted = rows.filter(same("initial", "model", d.scale, d.tolerance).not_())
    said: dict[str, Any] = {
        "n": rows.height,
        "initial_disagreement": share(parted.height, rows.height, level),
        "override_rate": share(_count(parted, kept), parted.height, level),
        "switch_rate": share(_count(parted, took), parted.height, level),
        "override_by_confidence": _by_band(parted, kept, level),
        **_advice(rows),
    }
    if "outcome" not in rows.columns:
        return said
    known = rows.filter(pl.col("outcome").is_not_null())
    if not known.height:
        return said
    right = {n: same(n, "outcome", d.scale, d.tolerance) for n in ("initial", "model", "final")}
    known = known.with_columns(x.alias(f"{n}_right") for n, x in right.items())
    parted = known.filter(same("initial", "model", d.scale, d.tolerance).not_())
    saved = parted.filter(pl.col("model_right") & ~pl.col("initial_right"))
    misled = parted.filter(pl.col("initial_right") & ~pl.col("model_right"))
    wrong = known.filter(~pl.col("model_right"))
    n = known.height
    hits = {k: int(known[f"{k}_right"].sum()) for k in right}
    bias = [_count(wrong, same(k, "model", d.scale, d.tolerance)) for k in ("final", "initial")]
    said |= {
        "initial_accuracy": share(hits["initial"], n, level),
        "model_accuracy": share(hits["model"], n, level),
        "final_accuracy": share(hits["final"], n, level),
        "gain": _gain(known, "initial_right", level),
        "against_model": _gain(known, "model_right", level),
        "complementarity": (hits["final"] - max(hits["model"], hits["initial"])) / n,
        "rair": share(_count(saved, took), saved.height, level),
        "rsr": share(_count(misled, kept), misled.height, level),
        "over_reliance": share(_count(misled, took), misled.height, level),
        "under_reliance": share(saved.height - _count(saved, took), saved.height, level),
        "final_agrees_when_wrong": share(bias[0], wrong.height, level),
        "initial_agrees_when_wrong": share(bias[1], wrong.height, level),
        "automation_bias": (bias[0] - bias[1]) / wrong.height if wrong.height else None,
    }
    return said


def _only_after(rows: pl.DataFrame, seen: pl.DataFrame, d: Decisions, level: float) -> dict[str, Any]:
    """People who saw the output beside those who did not."""
    agrees = same("human", "model", d.scale, d.tolerance)
    blind = rows.filter(pl.col("blind") & pl.col("human").is_not_null())
    parted = _count(seen, agrees.not_())
    said: dict[str, Any] = {
        "n": seen.height,
        "override_rate": share(parted, seen.height, level),
        "override_by_confidence": _by_band(seen, agrees.not_(), level),
        "agreement_seen": share(seen.height - parted, seen.height, level),
        "agreement_blind": share(_count(blind, agrees), blind.height, level),
    }
    if "outcome" not in rows.columns:
        return said
    right = {n: same(n, "outcome", d.scale, d.tolerance) for n in ("human", "model")}
    known = {k: x.filter(pl.col("outcome").is_not_null()) for k, x in (("seen", seen), ("blind", blind))}
    for name, part in known.items():
        said[f"accuracy_{name}"] = share(_count(part, right["human"]), part.height, level)
        wrong = part.filter(right["model"].not_())
        said[f"agrees_when_wrong_{name}"] = share(_count(wrong, agrees), wrong.height, level)
    values = [said[f"agrees_when_wrong_{n}"]["value"] for n in known]
    if None not in values:
        said["automation_bias"] = values[0] - values[1]
    return said


def _gain(known: pl.DataFrame, before: str, level: float) -> dict[str, Any]:
    """Final decisions against others of the same cases."""
    b = _count(known, pl.col("final_right") & ~pl.col(before))
    c = _count(known, ~pl.col("final_right") & pl.col(before))
    n = known.height
    test = mcnemar(b, c)
    said: dict[str, Any] = {
        "b": b,
        "c": c,
        "diff": (b - c) / n,
        "ci": pair(tango(b, c, n, level)),
        "mcnemar": {"exact": test.exact, "mid_p": test.mid_p},
    }
    if "rater" in known.columns and 1 < known["rater"].n_unique() < n:
        apart = (
            (known["final_right"].cast(pl.Int8) - known[before].cast(pl.Int8)).to_numpy().astype(np.float64)
        )
        found = clustered(apart, codes(known, "rater"), level=level)
        said |= {"cluster_ci": pair(found.interval), "se": found.se, "se_naive": found.naive}
    return said


def _advice(rows: pl.DataFrame) -> dict[str, Any]:
    """How far people move towards the model's number: 0 not at all, 1 all the way."""
    names = ("initial_score", "model_score", "final_score")
    if not set(names) <= set(rows.columns):
        return {}
    apart = pl.col("model_score") - pl.col("initial_score")
    moved = (
        rows.filter(apart != 0)
        .select(((pl.col("final_score") - pl.col("initial_score")) / apart).clip(0, 1))
        .to_series()
        .drop_nulls()
    )
    if not len(moved):
        return {}
    return {
        "weight_of_advice": {
            "n": len(moved),
            "median": (number(moved.median()) or 0.0),
            "mean": number(moved.mean()),
        }
    }


def _by_band(rows: pl.DataFrame, overridden: pl.Expr, level: float) -> list[dict[str, Any]]:
    """Overrides by fifths of the confidence: where they are flat, people do not look at it."""
    if "confidence" not in rows.columns or rows["confidence"].count() < 50:
        return []
    ranked = rows.filter(pl.col("confidence").is_not_null()).with_columns(overridden.alias("over"))
    borders = sorted({number(ranked["confidence"].quantile(q, "lower")) or 0.0 for q in (0.2, 0.4, 0.6, 0.8)})
    bands = ranked.with_columns(
        pl.sum_horizontal(pl.lit(0), *((pl.col("confidence") > b).cast(pl.Int64) for b in borders)).alias(
            "band"
        )
    )
    grouped = bands.group_by("band").agg(
        pl.col("confidence").min().alias("low"),
        pl.col("confidence").max().alias("high"),
        pl.len(),
        pl.col("over").sum().alias("k"),
    )
    return [
        {"from": low, "to": high, **share(float(k), n, level)}
        for _, low, high, n, k in grouped.sort("band").iter_rows()
    ]


def _times(d: Decisions, level: float) -> dict[str, Any]:
    """Time of people who saw the output against that of those who did not; quick ones among them."""
    if "seconds" not in d.rows.columns or "human" not in d.rows.columns:
        return {}
    rows = d.rows.filter((pl.col("seconds") > 0) & pl.col("human").is_not_null())
    seen, blind = rows.filter(~pl.col("blind")), rows.filter(pl.col("blind"))
    if seen.height < 2 or blind.height < 2:
        return {}
    rows = pl.concat([blind, seen])
    people = codes(rows, "rater") if "rater" in rows.columns else np.arange(rows.height)
    logs = np.log(rows["seconds"].to_numpy())
    ratio, interval = ratio_of_times(logs, ~rows["blind"].to_numpy(), people, level)
    quick = number(blind["seconds"].quantile(FASTEST)) or 0.0
    return {
        "time_ratio": {
            "value": number(ratio),
            "ci": pair(interval),
            "seen": seen.height,
            "blind": blind.height,
        },
        "quick": share(_count(seen, pl.col("seconds") < quick), seen.height, level) | {"seconds": quick},
    }


def _count(rows: pl.DataFrame, wanted: pl.Expr) -> int:
    return int(rows.select(wanted.fill_null(value=False).sum()).item()) if rows.height else 0


def audits(d: Decisions, target: float | None, alpha: float) -> dict[str, Any]:
    """The sequential test of audited decisions, in the order of time; empty where none are logged.

    A decision is wrong if it is not the outcome, or where there is none not what the blind auditor decided.
    """
    if "audit" not in d.rows.columns:
        return {}
    rows = d.rows.filter(pl.col("audit").fill_null(value=False) & pl.col("model").is_not_null())
    parts = [same("model", n, d.scale, d.tolerance) for n in ("outcome", "human") if n in rows.columns]
    if not parts:
        return {"n": 0}
    keys = [n for n in ("time", "item", "rater") if n in rows.columns]
    rows = rows.with_columns(pl.coalesce(parts).alias("fine")).filter(pl.col("fine").is_not_null())
    rows = rows.sort(*keys, "fine", nulls_last=True)
    if not rows.height:
        return {"n": 0}
    losses = rows["fine"].not_().cast(pl.Float64).to_numpy()
    said: dict[str, Any] = {
        "n": rows.height,
        "wrong": int(losses.sum()),
        "risk": share(float(losses.sum()), rows.height, 1 - alpha),
        "target": target,
    }
    if target is not None and 0 < target < 1:
        found = audit(losses, target, alpha)
        said |= {
            "e_value": found.evidence,
            "highest": found.highest,
            "alarm": found.alarm_at > 0,
            "alarm_at": found.alarm_at or None,
            "warning": found.warning_at > 0,
            "alarm_level": 1 / alpha,
        }
    return said


def audit_target(max_error: float | None, certified: Mapping[str, Any], margin: float) -> float | None:
    """The risk that audits are held to: the promise, or what people do on the same items and the margin.

    Parameters
    ----------
    max_error : promised; None: not asked for
    certified : `errors`, `only_model_right`, `only_human_right` and `accepted` of the certificate
    margin : how much worse than people the machine may be

    """
    if max_error is not None:
        return max_error
    accepted, errors = certified.get("accepted") or 0, certified.get("errors")
    if not accepted or errors is None or certified.get("only_model_right") is None:
        return None
    people: float = errors + certified["only_model_right"] - certified["only_human_right"]
    return min(max(people / accepted + margin, math.ulp(1.0)), 0.99)
