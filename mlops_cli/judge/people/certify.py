"""The threshold above which the machine may decide alone, and why there is none."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.judge.people.curve import CEILING, HUMAN, OUTCOME, SHARES, Curve, digest_parts
from mlops_cli.judge.people.said import number
from mlops_cli.profile.decisions import Decisions
from mlops_cli.result.automation import Certificate
from mlops_cli.stats.certificate import (
    Chosen,
    Test,
    accepted_needed,
    below,
    both,
    bound,
    certify,
    fewest,
    mean_above,
    relative,
    starts_from,
)
from mlops_cli.stats.paired import items_needed, not_worse, tango
from mlops_cli.stats.proportion import exceeds

SAID = {OUTCOME: "Tango score test", SHARES: "t test over items", CEILING: "t test over items"}


@dataclass(frozen=True)
class Promise:
    """What is to be certified.

    Parameters
    ----------
    margin : how much worse than people the machine may be on what it decides
    max_error : error that is allowed there; None: not asked for
    delta : chance that the promise is broken, as spent at this look
    least : coverage below which automation is of no use
    look : number of this look; None: nothing counts them

    """

    margin: float
    max_error: float | None
    delta: float
    least: float
    look: int | None = None


def digest(c: Curve, model: str, version: str, promise: Promise) -> str:
    """Of the evidence: the same model version, gate and counts are the same look."""
    gate = [
        model,
        version,
        promise.margin,
        promise.max_error,
        promise.least,
        c.yardstick,
        c.relative,
        c.steps.items,
    ]
    whole = hashlib.sha256(json.dumps(gate).encode())
    for part in digest_parts(c):
        whole.update(part)
    return f"sha256:{whole.hexdigest()}"


def certificate(d: Decisions, c: Curve, promise: Promise, mark: str) -> Certificate:
    """The certified threshold; None with the reason where nothing can be certified."""
    starts = starts_from(promise.least)
    tests, targets = _tests(c, promise)
    said: dict[str, Any] = {
        "targets": targets,
        "yardstick": c.yardstick if c.relative != CEILING else CEILING,
        "delta": promise.delta,
        "method": _method(c, promise),
        "starts": starts,
        "looks": promise.look,
        "digest": mark,
    }
    if not len(c.steps.accepted):
        return Certificate(reason="no-confidence" if c.units.height else "no-pairs", **said)
    if not tests:
        return Certificate(reason=_cannot(c, promise), **said)
    test = tests[0] if len(tests) == 1 else both(*tests)
    chosen = certify(c.steps, test, promise.delta, starts)
    if chosen is None or chosen.coverage < promise.least - 1e-12:
        reason, needed = why(c, promise, starts)
        return Certificate(reason=reason, n_needed=needed, **said)
    return _found(d, c, chosen, said)


def _tests(c: Curve, promise: Promise) -> tuple[list[Test], dict[str, float]]:
    tests: list[Test] = []
    targets: dict[str, float] = {}
    if c.relative == OUTCOME:
        tests.append(relative(c.steps, promise.margin, "first", "second"))
        targets["margin"] = promise.margin
    elif c.relative in {SHARES, CEILING}:
        tests.append(mean_above(c.steps, promise.margin))
        targets["margin"] = promise.margin
    if promise.max_error is not None:
        if not c.absolute:
            return [], {"max_error": promise.max_error}
        tests.append(below(c.steps, promise.max_error))
        targets["max_error"] = promise.max_error
    return tests, targets


def _cannot(c: Curve, promise: Promise) -> str:
    """Why there is nothing to test."""
    if promise.max_error is not None and not c.absolute:
        return "agreements-unlabelled" if c.relative == OUTCOME else "not-blinded"
    return "no-outcome"  # one person an item and no outcome: people cannot be compared with themselves


def _method(c: Curve, promise: Promise) -> str:
    parts = [SAID[c.relative]] if c.relative else []
    if promise.max_error is not None:
        against = "people's decisions" if c.yardstick == HUMAN else "outcomes"
        parts.append(f"exact binomial test against {against}")
    return " and ".join(parts) + ", fallback over starting coverages"


def _found(d: Decisions, c: Curve, chosen: Chosen, said: dict[str, Any]) -> Certificate:
    at, k = chosen.step, chosen.accepted
    sums = {n: float(x[at]) for n, x in c.steps.sums.items()}
    errors = round(sums["errors"]) if c.absolute else None
    paired = c.relative == OUTCOME
    difference = (sums["first"] - sums["second"]) / k if paired else None
    if "excess" in sums:
        difference = sums["excess"] / k
    return Certificate(
        threshold=chosen.threshold,
        coverage=chosen.coverage,
        accepted=k,
        errors=errors,
        risk=sums["errors"] / k if c.absolute else None,
        upper=bound(sums["errors"], k) if c.absolute else None,
        only_model_right=round(sums["first"]) if paired else None,
        only_human_right=round(sums["second"]) if paired else None,
        difference=number(difference),
        difference_ci=tuple(tango(sums["first"], sums["second"], k, 0.95)) if paired else None,
        p=chosen.p,
        human_load=1 - k / (c.steps.items + d.tally.kept) if d.tally.kept else 1 - chosen.coverage,
        minutes_saved=minutes(d, k),
        **said,
    )


def minutes(d: Decisions, accepted: int) -> float | None:
    """People's time that so many decisions take, by the median of theirs; None where it is not logged."""
    if "seconds" not in d.pairs.columns:
        return None
    median = d.pairs["seconds"].median()
    return accepted * float(median) / 60 if isinstance(median, float | int) else None


def why(c: Curve, promise: Promise, starts: Sequence[float]) -> tuple[str, int | None]:
    """Why nothing could be certified, and how many more items would do; None: none will."""
    k, n = c.steps.accepted, c.steps.items
    at = sorted({min(int(np.searchsorted(k, np.ceil(s * n - 1e-9))), len(k) - 1) for s in starts})
    level = promise.delta / len(starts)
    wanted: list[float] = []
    few = False
    for i in at:
        needs: list[float | None] = []
        if promise.max_error is not None and c.absolute:
            risk = float(c.steps.sums["errors"][i] / k[i])
            needs.append(accepted_needed(risk, promise.max_error, level))
            few |= int(k[i]) < fewest(promise.max_error, level)
        if c.relative == OUTCOME:
            b, c_ = float(c.steps.sums["first"][i]), float(c.steps.sums["second"][i])
            needs.append(items_needed((b + c_) / k[i], (b - c_) / k[i], promise.margin, level))
        elif c.relative:
            mean = float(c.steps.sums["excess"][i] / k[i])
            spread = float(c.steps.sums["squares"][i] / k[i]) - mean**2
            needs.append(items_needed(spread + mean**2, mean, promise.margin, level))
        if needs and all(x is not None for x in needs):
            wanted.append(max(float(x or 0) for x in needs) * n / int(k[i]))
    if not wanted:
        return "risk-above-target", None
    return ("too-few" if few or min(wanted) > n else "unlucky"), max(int(np.ceil(min(wanted))) - n, 1)


def confirmed(c: Curve, threshold: float, after: Any, promise: Promise, delta: float) -> dict[str, Any]:
    """One plain test of a threshold that was fixed before, on the decisions made since."""
    units = c.units
    if "time" not in units.columns or after is None or c.relative != OUTCOME:
        return {}
    later = units.filter((pl.col("time") > after) & (pl.col("confidence") >= threshold))
    n = later.height
    if not n:
        return {"n": 0}
    b, c_ = int(later["first"].sum()), int(later["second"].sum())
    p = float(not_worse(b, c_, n, promise.margin))
    needed = items_needed((b + c_) / n, (b - c_) / n, promise.margin, delta)
    if promise.max_error is not None and c.absolute:
        wrong = n - int(later["right"].sum())
        p = max(p, float(exceeds(wrong, n, promise.max_error, "down")))
    return {"n": n, "p": p, "passed": p <= delta, "n_needed": None if needed is None else max(needed - n, 0)}
