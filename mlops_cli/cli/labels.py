"""The table `labels`: how many rows of each window have one, how late they come, and how they were chosen."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

from mlops_cli.cli.steps import Counted
from mlops_cli.cli.tables import short
from mlops_cli.judge.say import moment
from mlops_cli.metrics.delays import Delays
from mlops_cli.metrics.labelled import Key, Labels, Times, labels_of
from mlops_cli.profile.labelled import EDGES
from mlops_cli.result.report import Table
from mlops_cli.result.scope import iso
from mlops_cli.result.tables import LABELS

HOUR = 3_600
SPANS = ((604_800, "week"), (86_400, "day"), (HOUR, "hour"), (60, "minute"))
MODELS = 3  # whose labels are described in words


def labels_table(counted: Sequence[Counted]) -> Table:
    """One row a model and window; its caption says all of it in a sentence a model."""
    rows: list[tuple[Any, ...]] = []
    said: list[str] = []
    for one in counted:
        labels = _labels(one)
        if labels is None:
            continue
        for key in labels.series:
            if key[1]:
                continue
            name = one.unit.name or key[0]
            mine = [_row(labels, key, name, w, one) for w in one.line.starts]
            rows += [tuple(r[c] for c in LABELS) for r in mine if r is not None]
            said.append((f"{name}: " if name else "") + _sentence(labels, key))
    caption = "; ".join(said) if len(said) <= MODELS else f"labels of {len(said)} models"
    return Table("labels", caption, LABELS, tuple(rows))


def _labels(one: Counted) -> Labels | None:
    line = one.line
    return labels_of(
        one.pairs.counts,
        Times(line.starts, line.ends, line.baseline, line.now),
        one.unit.settings.windows.settle,
        dated="label-time" not in one.pairs.unavailable,
    )


def _row(labels: Labels, key: Key, name: str, window: int, one: Counted) -> dict[str, Any] | None:
    age = labels.age(window)
    table = labels.at(key, window, len(EDGES))  # all that have come by now
    aged = labels.at(key, window, age)
    if table is None or aged is None:
        return None
    delays, dated = labels.delays(key), labels.inputs.dated
    weighed = labels.picked(key[0]) is not None
    expected = delays.expected(aged.labelled, aged.rows, age) if dated else float("nan")
    settled = labels.inputs.settle >= 0
    return {
        "model": name,
        "window": iso(moment(one.line.begin(window))),
        "rows": round(table.rows),
        "labelled": round(table.labelled),
        "label-coverage": short(table.labelled / table.rows if table.rows else float("nan")),
        "expected-final": short(expected),
        "mature": labels.mature(key, window) if dated or settled else None,
        "label-delay-p50": _hours(delays, delays.median, dated=dated),
        "label-delay-p90": _hours(delays, delays.late, dated=dated),
        "blind-share": short(aged.blind) if weighed else None,
        "effective-share": short(aged.effective) if weighed else None,
        "note": labels.young(key, window) or _unseen(delays, dated=dated),
    }


def _unseen(delays: Delays, *, dated: bool) -> str:
    if not dated:
        return "labels do not say when they came"
    if isfinite(delays.final):
        return ""
    if not isfinite(delays.late):
        return "no label has come yet"
    half, most = length(delays.median), length(delays.late)
    return f"label-delay-p50 longer than {half}, label-delay-p90 longer than {most}"


def _hours(delays: Delays, value: float, *, dated: bool) -> float | None:
    return short(value / HOUR) if dated and isfinite(delays.final) and isfinite(value) else None


def _sentence(labels: Labels, key: Key) -> str:
    """`96 % of the rows have a label, 97 % will have one; half of them come within 3.5 hours ...`."""
    tables = [labels.at(key, w, len(EDGES)) for w in labels.inputs.times.windows]
    rows = sum(t.rows for t in tables if t is not None)
    had = sum(t.labelled for t in tables if t is not None)
    told = f"{100 * had / rows if rows else 0:.3g} % of the rows have a label"
    delays, settle = labels.delays(key), labels.inputs.settle
    if not labels.inputs.dated:
        told += ", which does not say when it came: no delay, no equal age"
    elif isfinite(delays.final):
        told += (
            f", {100 * delays.final:.3g} % will have one; half of them come within {length(delays.median)}"
        )
        told += f", 9 in 10 within {length(delays.late)}"
    elif isfinite(delays.late):
        told += f"; half of them take longer than {length(delays.median)}"
        told += f", 1 in 10 longer than {length(delays.late)}"
    if settle >= 0:
        told += f"; windows are judged {length(settle)} after their end ([windows] settle)"
    elif not labels.inputs.dated:
        told += "; [windows] settle must say how old a window has to be"
    elif isfinite(delays.settle):
        young = sum(
            not labels.mature(key, w) for w in labels.inputs.times.windows if labels.at(key, w, len(EDGES))
        )
        told += f"; a window is mature {length(delays.settle)} after its end"
        told += f" ({young} not yet)" if young else ""
    else:
        told += "; no window is mature yet"
    if labels.picked(key[0]) is not None:
        told += "; what is labelled was chosen, so figures are post-stratified by score and prediction"
    return told


def length(seconds_: float) -> str:
    """`3.5 hours`, `7 days`."""
    size, word = next((s for s in SPANS if seconds_ >= s[0]), SPANS[-1])
    value = f"{seconds_ / size:.3g}"
    return f"{value} {word}{'' if value == '1' else 's'}"
