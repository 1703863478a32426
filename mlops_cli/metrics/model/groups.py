"""parity-ratio and error-gap: how protected groups fare beside all others."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from mlops_cli.metrics.labelled import Labels, Table
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.performance import NO_LABEL, SCHEMA, unfit
from mlops_cli.metrics.rows import finish, nothing
from mlops_cli.metrics.selection import BLIND
from mlops_cli.stats.distributions import deviate
from mlops_cli.stats.proportion import newcombe

FEWEST = 30  # rows of a group, below which nothing is said
Compare = Callable[[Table, Table, int], dict[str, Any]]


def _ratio(group: Table, rest: Table, groups: int) -> dict[str, Any]:
    """The lower of both rates of positive answers over the higher one, the interval over all groups."""
    (a, n), (b, m) = ((float(t.square[1].sum()), float(t.square.sum())) for t in (group, rest))
    if min(a, b) <= 0:
        return {"n": round(n), "why": "no positive answer in the group, or none outside it"}
    log = float(np.log(a / n) - np.log(b / m))
    half = deviate(1 - 0.05 / groups) * float(np.sqrt(max(1 / a - 1 / n + 1 / b - 1 / m, 0.0)))
    near = 0.0 if abs(log) <= half else abs(log) - half
    return {
        "value": float(np.exp(-abs(log))),
        "low": float(np.exp(-abs(log) - half)),
        "high": float(np.exp(-near)),
        "n": round(n),
        "a": -abs(log) / half * deviate(1 - 0.05 / groups) if half > 0 else 0.0,
        "note": f"{a / n:.1%} beside {b / m:.1%} of all others",
    }


def _gap(group: Table, rest: Table, groups: int) -> dict[str, Any]:
    """Error rate of the group less that of the others, the interval over all groups."""
    (k, n), (j, m) = (
        (float(t.square.sum() - np.trace(t.square)), float(t.square.sum())) for t in (group, rest)
    )
    low, high = newcombe(k, n, j, m, 1 - 0.05 / groups)
    se = float(np.sqrt(max(k / n * (1 - k / n) / n + j / m * (1 - j / m) / m, 1e-12)))
    return {
        "value": k / n - j / m,
        "low": float(low),
        "high": float(high),
        "n": round(n),
        "a": (k / n - j / m) / se,
        "note": f"{k / n:.1%} wrong beside {j / m:.1%} of all others",
    }


def _metric(compare: Compare, wants: str, words: dict[str, str], remedies: tuple[str, ...]) -> Metric:
    def compute(context: Context) -> pl.DataFrame:
        columns = context.settings.segments.protected
        labels = context.labels
        why = unfit(context, wants) or ("" if columns else "no [segments] protected column is named")
        if labels is None or why:
            return nothing(context, "model", why)
        rows = [r for c in columns for r in _rows(context, labels, c, compare)]
        if not rows:
            return nothing(context, "model", "no protected group has a row")
        return finish(pl.DataFrame(rows, schema=SCHEMA, orient="row"), "model")

    return Metric(
        group="model",
        unit=words["unit"],
        direction=words["direction"],
        help=words["help"],
        formula=words["formula"],
        source=words["source"],
        remedies=remedies,
        compute=compute,
        needs=("label",),
    )


def _rows(context: Context, labels: Labels, column: str, compare: Compare) -> list[dict[str, Any]]:
    mine = [(m, s) for m, s in labels.series if s.startswith(f"{column}=") and "," not in s]
    many = max(len({s for _, s in mine}), 1)
    out = []
    for model, segment in mine:
        for window in context.windows:
            age = labels.age(window)
            place = {"model": model, "segment": segment, "window": window, "n": 0, "test": "z"}
            group, early = labels.at((model, segment), window, age), labels.young((model, ""), window)
            if early or group is None:
                out.append({**place, "why": early or "no rows"})
                continue
            others = [labels.at(k, window, age) for k in mine if k[0] == model and k[1] != segment]
            square = group.square * 0 + sum(t.square for t in others if t is not None)
            n, rest = group.square.sum(), square.sum()
            if group.blind > BLIND:
                out.append(
                    {**place, "why": f"blind-share {group.blind:.1%}: many are like none with a label"}
                )
                continue
            if min(n, rest) < FEWEST:
                short = f"fewer than {FEWEST} labelled rows in the group, or outside it"
                out.append({**place, "why": short if min(n, rest) else NO_LABEL, "n": round(float(n))})
                continue
            # Without groups' own baseline the groups are compared with each other: the reference is equality.
            out.append({**place, **compare(group, replace(group, square=square), many)})
    return out


PARITY = _metric(
    _ratio,
    "two",
    {
        "unit": "ratio",
        "direction": "down",
        "help": "Rate of positive answers of a protected group and of all others, the lower over the higher",
        "formula": "min(p, q) / max(p, q) of labelled rows; intervals of all groups at once (Bonferroni)",
        "source": "Katz et al. (1978), Biometrics 34, for the interval of a ratio",
    },
    (
        "See whether the labels differ as much as the answers do (error-gap)",
        "Look for the features that stand for the group, and ask whoever owns the decision",
    ),
)
GAP = _metric(
    _gap,
    "classes",
    {
        "unit": "score",
        "direction": "up",
        "help": "Error rate of a protected group less that of all others",
        "formula": "wrong / labelled of the group less the same of all others; intervals hold for all groups "
        "at once (Bonferroni)",
        "source": "Newcombe (1998), Statistics in Medicine 17, for the interval",
    },
    (
        "See which of the group's answers are wrong, and how many of its rows the training had",
        "Collect labels of the group, and ask whoever owns the decision",
    ),
)
