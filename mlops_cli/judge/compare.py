"""Counts of two arms → Comparison: every metric at one look, and all of them together."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from mlops_cli.config.rollout import DEFAULTS, Rollout
from mlops_cli.judge.arm_tables import Bools, Tables
from mlops_cli.judge.means import compare_mean, compare_mean_limit
from mlops_cli.judge.rates import Asked, compare_limit, compare_rate
from mlops_cli.judge.say_arms import moment_text, texts
from mlops_cli.judge.traffic import Plan, Run, health_of, run_of
from mlops_cli.profile.arms import ACTIVE, ArmCounts
from mlops_cli.result.comparison import Call, Compared, Comparison, Evidence, Health, State
from mlops_cli.stats.evalues import log_average, named

MEANS = ("log-latency", "score", "label-error")
ROLES = ("guardrail", "success", "watch")
SECOND = 1_000_000


def looks(counts: ArmCounts, settings: Rollout, now: int | None = None) -> int:
    """How many windows are closed: the last ones may still be filling; at most a tenth is left out."""
    if not counts.starts:
        return 0
    late = min(settings.lateness, len(counts.starts) // 10)
    end = counts.starts[-1] + counts.size
    if now is not None:  # the clock may say that the last one is over
        late = max(0, min(late, late - (now - end) // counts.size))
    return len(counts.starts) - late


def compare(tables: Tables, settings: Rollout, plan: Plan, look: int) -> Comparison:
    """What is known after the first `look` windows.

    Parameters
    ----------
    tables : of the counts; the same object for every look, as it keeps what it made
    settings : margins, error rates, rules
    plan : (since, share) of the treatment, microseconds; empty: the share is estimated and not tested
    look : windows, from 1 to `looks(...)`

    """
    counts = tables.counts
    if not look:
        return _empty(counts, settings)
    run = run_of(tables, settings, plan, look)
    health, kept = health_of(tables, settings, run)
    metrics = tuple(
        _metric(Asked(name, settings.margin(name), settings, tables, run, kept)) for name in DEFAULTS
    )
    metrics = tuple(replace(m, shown=texts(m)) for m in metrics if _shown(m, counts, settings))
    metrics, log_e_all = _together(metrics, settings)
    c = tables.active.nc.sum(1)
    step = slice(run.step, run.last)
    first, last = counts.starts[min(run.first, look - 1)], counts.starts[look - 1]
    return Comparison(
        control=counts.control,
        treatment=counts.treatment,
        evidence=Evidence.CONCURRENT if counts.control else Evidence.ABSOLUTE,
        metrics=tuple(sorted(metrics, key=lambda m: ROLES.index(m.role))),
        health=health,
        share=run.share,
        log_e_all=log_e_all,
        windows=(moment_text(first), moment_text(last + counts.size)),
        n_windows=max(run.last - run.first, 0),
        silent={
            counts.treatment: run.silent[0],
            **({counts.control: run.silent[1]} if counts.control else {}),
        },
        units_in_step=int(c[step].sum()),
        windows_in_step=max(run.last - run.step, 0),
        elapsed=(look - run.start) * counts.size / SECOND,
        window_seconds=counts.size / SECOND,
        excluded=_excluded(tables, run, kept),
        unit=counts.unit,
        missing=_missing(counts, settings, metrics),
    )


def _metric(asked: Asked) -> Compared:
    two = bool(asked.tables.counts.control)
    if asked.name in MEANS:
        return compare_mean(asked) if two else compare_mean_limit(asked)
    return compare_rate(asked) if two else compare_limit(asked)


def _shown(metric: Compared, counts: ArmCounts, settings: Rollout) -> bool:
    """What neither arm has is not measured; what one arm has, or the file asks for, is never left out."""
    if metric.n_control or metric.n_treatment:
        return True
    return metric.name not in counts.missing and settings.required(metric.name)


def _missing(counts: ArmCounts, settings: Rollout, metrics: tuple[Compared, ...]) -> Mapping[str, str]:
    """Guardrails that were asked for and cannot be had."""
    have = {m.name for m in metrics}
    return {
        name: counts.missing.get(name, "no row has it")
        for name in settings.metrics
        if settings.required(name) and name not in have
    }


def _together(metrics: tuple[Compared, ...], settings: Rollout) -> tuple[tuple[Compared, ...], float]:
    """The average evidence over the guardrails: `harm` is said of one only where it is enough (2.6)."""
    guards = [m for m in metrics if m.role == "guardrail"]
    values = [m.log_e_harm if m.log_e_harm is not None else 0.0 for m in guards]
    weights = [m.weight for m in guards]
    equal = len(set(weights)) <= 1
    log_e_all = log_average(values, weights) if guards else 0.0
    enough = log_e_all >= -np.log(settings.alpha_rollback)
    culprits = named(values, settings.alpha_rollback, None if equal else weights)
    out = {
        m.name: replace(m, culprit=c and m.verdict is Call.HARM)
        for m, c in zip(guards, culprits, strict=True)
    }
    for m in guards:
        if m.verdict is Call.HARM and not enough:
            out[m.name] = replace(
                m,
                verdict=Call.UNKNOWN,
                reason=f"{m.reason}; but over {len(guards)} guardrails the evidence is {log_e_all:.1f}",
            )
    return tuple(out.get(m.name, m) if m.role == "guardrail" else m for m in metrics), float(log_e_all)


def _excluded(tables: Tables, run: Run, kept: Bools) -> dict[str, int]:
    """Rows of the treatment that did not count, by reason."""
    traffic = tables.active
    c = traffic.nc[: run.last]
    out = {
        "before the last start": int(c[: run.start].sum()),
        "warm-up": int(c[run.start : run.first].sum()),
        "confounded": int(c[run.first :][:, ~kept].sum()),
        "not over": int(traffic.nc[run.last :].sum()),
    }
    if tables.counts.control:
        cells = tables.compared(ACTIVE, kept).until(run.last).since(run.first)
        out["no control beside it"] = int(cells.nc[~cells.both].sum())
    return {k: v for k, v in out.items() if v}


def _empty(counts: ArmCounts, settings: Rollout) -> Comparison:
    """No row at all."""
    arms = [a for a in (counts.treatment, counts.control) if a]
    return Comparison(
        counts.control,
        counts.treatment,
        Evidence.CONCURRENT if counts.control else Evidence.ABSOLUTE,
        (),
        Health(State.NO_TRAFFIC),
        0.0,
        0.0,
        ("", ""),
        0,
        dict.fromkeys(arms, -1),
        0,
        0,
        0.0,
        counts.size / SECOND,
        {},
        counts.unit,
        _missing(counts, settings, ()),
    )
