"""Pairs of answers to the same requests → Comparison: is the new version ready for traffic?"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.config.rollout import Rollout
from mlops_cli.judge.say_arms import moment_text, sentence, texts
from mlops_cli.profile.mirrored import ANSWERS, LATENCY, Mirrored
from mlops_cli.result.comparison import Call, Compared, Comparison, Evidence, Health, State
from mlops_cli.stats.evalues import log_average, named
from mlops_cli.stats.mean_sequence import against, log_e_mean, radius, tuned
from mlops_cli.stats.sequential import (
    increments,
    limit_increments,
    log_e_late,
    log_e_total,
    lower_excess,
    upper_excess,
)

SECOND = 1_000_000
FEWEST = 100  # pairs for a mean


def compare_pairs(found: Mirrored, settings: Rollout, names: tuple[str, str], size: int) -> Comparison:
    """Every metric on pairs: under no difference each pair that parts is a fair coin (2.10)."""
    metrics = []
    for metric in found.counts["metric"].unique().sort().to_list():
        if metric == ANSWERS:
            continue
        rows = found.counts.filter(pl.col("metric") == metric)
        made = (_mean if metric == LATENCY else _rate)(metric, rows, found, settings)
        metrics.append(replace(made, shown=texts(made)))
    guards = [m for m in metrics if m.role == "guardrail"]
    values = [m.log_e_harm or 0.0 for m in guards]
    log_e_all = log_average(values) if guards else 0.0
    culprits = named(values, settings.alpha_rollback)
    marked = {m.name: c for m, c in zip(guards, culprits, strict=True)}
    metrics = [replace(m, culprit=marked.get(m.name, False) and m.verdict is Call.HARM) for m in metrics]
    windows = found.counts["window"]
    first, last = (int(windows.min() or 0), int(windows.max() or 0)) if len(windows) else (0, 0)  # type: ignore[arg-type]
    n = windows.n_unique()
    return Comparison(
        control=names[0],
        treatment=names[1],
        evidence=Evidence.PAIRED,
        metrics=tuple(metrics),
        health=Health(State.OK, notes=found.notes),
        share=0.0,
        log_e_all=float(log_e_all),
        windows=(moment_text(first), moment_text(last + size)),
        n_windows=n,
        silent={},
        units_in_step=found.pairs,
        windows_in_step=n,
        elapsed=(last + size - first) / SECOND,
        window_seconds=size / SECOND,
        excluded={"no counterpart": found.alone} if found.alone else {},
        unit="pair",
        missing={},
    )


def answers(found: Mirrored, settings: Rollout) -> Mapping[str, Any]:
    """How far the answers differ, against `max_disagreement`: evidence both ways."""
    rows = found.counts.filter(pl.col("metric") == ANSWERS).sort("window")
    n, x = float(rows["n"].sum()), float(rows["s"].sum())
    limit = settings.max_disagreement
    if not n:
        return {"n": 0, "share": None, "limit": limit, "verdict": "unknown", "said": "no answers are logged"}
    enough_harm, enough_safe = -np.log(settings.alpha_rollback), -np.log(settings.alpha_ramp)
    above = float(log_e_late(limit_increments(rows["s"], rows["n"], limit, 1))[-1])
    below = log_e_total(limit_increments(rows["s"], rows["n"], limit, -1))
    verdict = "harm" if above >= enough_harm else "safe" if below >= enough_safe else "unknown"
    words = {"harm": "too many", "safe": "few enough", "unknown": "not known yet"}
    return {
        "n": int(n),
        "share": x / n,
        "limit": limit,
        "log_e_above": above,
        "log_e_below": below,
        "verdict": verdict,
        "said": f"{x:,.0f} of {n:,.0f} answers differ ({x / n:.2%}), {limit:.0%} may: {words[verdict]}",
    }


def _rate(metric: str, rows: pl.DataFrame, found: Mirrored, settings: Rollout) -> Compared:
    m = settings.margin(metric)
    n, xc, xb = (rows[c].to_numpy() for c in ("n", "treatment", "control"))
    total = float(n.sum())
    rate_b = found.both.get(metric, 0.0) / total
    estimate = float((xc.sum() - xb.sum()) / total)
    # A pair parts one way or the other: with as many units in each arm the relative margin is absolute.
    margin = ((m.relative or 1.0) - 1) * rate_b + (m.absolute or 0.0)
    worse, below = increments(xc, xb, n, n, 1.0, 1), increments(xc, xb, n, n, 1.0, -1)
    harm, safe = float(log_e_late(worse)[-1]), log_e_total(below, margin)
    out = Compared(
        name=metric,
        role=m.role or "guardrail",
        direction="lower",
        verdict=Call.UNKNOWN,
        control=rate_b,
        treatment=rate_b + estimate,
        estimate=estimate,
        lower=float(lower_excess(worse, settings.alpha_rollback)),
        upper=float(upper_excess(below, settings.alpha_ramp)),
        margin=margin,
        log_e_harm=harm,
        log_e_safe=safe,
        n_control=int(total),
        n_treatment=int(total),
        shares=(1.0,) if safe >= -np.log(settings.alpha_ramp) else (),
    )
    return _called(out, settings)


def _mean(metric: str, rows: pl.DataFrame, found: Mirrored, settings: Rollout) -> Compared:
    m = settings.margin(metric)
    n, s, q = (rows[c].to_numpy() for c in ("n", "s", "q"))
    total = float(n.sum())
    line = against(n, s, q, 0.0)
    estimate, variance = float(line.estimate[-1]), float(line.variance[-1])
    margin = float(np.log(m.relative or 1.0)) + (m.absolute or 0.0)
    mean_b = found.both.get(metric, 0.0) / total
    out = Compared(
        name=metric,
        role=m.role or "guardrail",
        direction="lower",
        verdict=Call.UNKNOWN,
        control=float(np.exp(mean_b)),
        treatment=float(np.exp(mean_b + estimate)),
        estimate=estimate,
        margin=margin,
        n_control=int(total),
        n_treatment=int(total),
        unit="ms",
    )
    if total < FEWEST or not np.isfinite(variance) or margin <= 0:
        return replace(out, reason=f"{total:,.0f} pairs, {FEWEST} are needed for a mean")
    back, go = tuned(margin, settings.alpha_rollback), tuned(margin, settings.alpha_ramp)
    out = replace(
        out,
        lower=estimate - float(radius(variance, back, settings.alpha_rollback)),
        upper=estimate + float(radius(variance, go, settings.alpha_ramp)),
        log_e_harm=float(log_e_mean(estimate, variance, back)),
        log_e_safe=float(log_e_mean(margin - estimate, variance, go)),
    )
    return _called(out, settings)


def _called(m: Compared, settings: Rollout) -> Compared:
    enough_harm, enough_safe = float(-np.log(settings.alpha_rollback)), float(-np.log(settings.alpha_ramp))
    lower, upper, margin = m.lower or 0.0, m.upper if m.upper is not None else 1.0, m.margin or 0.0
    call = Call.UNKNOWN
    if (m.log_e_harm or 0.0) >= enough_harm and (m.estimate or 0.0) > margin:
        call = Call.HARM
    elif (m.log_e_safe or 0.0) >= enough_safe and upper <= margin:
        call = Call.WORSE if lower > 0 else Call.BETTER if upper < 0 else Call.SAFE
    return replace(m, verdict=call, reason=sentence(m, call, enough_harm, enough_safe))
