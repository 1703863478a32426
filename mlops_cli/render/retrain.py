"""A decision on a retrain in the terminal: what was lost, what it costs, and what it would learn from."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from mlops_cli.render.look import Look, labelled
from mlops_cli.render.words import clean, count
from mlops_cli.result.report import Report

LABEL = 12
NAMED = 3  # windows and earlier retrains


def of_retrain(report: Report) -> Mapping[str, Any] | None:
    """The decision of this report, None where it has none."""
    found = report.details.get("retrain")
    return found if isinstance(found, Mapping) else None


def retrain(report: Report, look: Look) -> Iterator[Text]:
    """One line a question."""
    found = of_retrain(report)
    if found is None:
        return
    yield Text()
    for name, said in _lines(found).items():
        if said:
            yield from labelled(name, Text(clean(said)), look, LABEL)


def _lines(found: Mapping[str, Any]) -> dict[str, str]:
    past = [_past(r) for r in found["past"]]
    shown = past[-NAMED:]
    return {
        "answer": found["action"],
        "lost": _lost(found),
        "costs": _costs(found),
        "learn from": _rows(found),
        "cool-down": f"until {found['cooldown_until'][:10]}" if found["cooldown_until"] else "",
        "before": f"{count(len(past), 'retrain')}: {'; '.join(shown)}" if past else "no retrain is noted",
        "after": "compare old and new on the same traffic: mlops canary",
    }


def _points(value: float) -> str:
    return f"{100 * value:.2g} pp"


def _lost(found: Mapping[str, Any]) -> str:
    if found["drop"] is None:
        return "nothing is known of the performance"
    need = f"; {_points(found['need'])} would pay" if found["need"] is not None else ""
    drop, low = _points(found["drop"]), _points(found["low"])
    return f"{found['metric']} {drop}, at least {low} ({found['basis']}){need}"


def _costs(found: Mapping[str, Any]) -> str:
    waiting, once = found["cost_of_waiting_per_week"], found["retrain_cost"]
    if waiting is None:
        return "no prices: [retrain] cost_per_error, cost_of_retrain"
    span = f" ({found['cost_low']:,.0f} to {found['cost_high']:,.0f})"
    return f"waiting {waiting:,.0f} a week{span}" + (f", a retrain {once:,.0f}" if once is not None else "")


def _rows(found: Mapping[str, Any]) -> str:
    if not found["train_from"]:
        return "no window"
    days = f"{found['train_from'][:10]} to {found['train_to'][:10]}"
    out = [w[:16].removesuffix("T00:00").replace("T", " ") for w in found["exclude"]]
    more = f" and {count(len(out) - NAMED)} more" if len(out) > NAMED else ""
    without = f", without {', '.join(out[:NAMED])}{more} (broken data)" if out else ""
    return f"{days}{without}: {count(found['rows'])} rows, {count(found['new_labels'])} new labels"


def _past(row: Mapping[str, Any]) -> str:
    helped = {"True": "it helped", "False": "it did not help"}.get(str(row.get("helped")), "not decided")
    return f"{str(row['at'])[:10]} {helped}"
