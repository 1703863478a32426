"""`mlops explain METRIC LOGS`: the windows behind it, as judged, in numbers and in words."""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.asked import ready
from mlops_cli.cli.judging import Judging, judging, policies
from mlops_cli.cli.moments import moment as typed
from mlops_cli.cli.progress import progress
from mlops_cli.cli.steps import State, count, units
from mlops_cli.errors import UsageError
from mlops_cli.judge.adaptive import series_id
from mlops_cli.judge.explain import Explained, Learnt, explain
from mlops_cli.judge.say import SERIES, moment
from mlops_cli.render.words import quantity, span
from mlops_cli.result.finding import Finding, Level
from mlops_cli.result.scope import iso

MOST = 5  # series of one metric
Said = Callable[[float | None], str]
NIL = 5e-4  # of the level: a part of the line that is smaller is not spoken of


def explained(name: str, ask: Ask, at: str) -> list[dict[str, Any]]:
    """The named finding, or the findings of the named metric, else its series, worst first.

    Raises
    ------
    UsageError
        Where these logs have no such series, or no such window.

    """
    loaded = ready(ask)
    state = State(ask, loaded)
    name = name if "/" in name else name.replace("_", "-")
    out: list[dict[str, Any]] = []
    every: list[str] = []
    with progress() as tick:
        for unit in units(ask, loaded, state, tick):
            counted = count(unit, ask, state, tick)
            judged = judging(counted, ask, state.lines)
            how = policies(counted, counted.measured)
            window = _window(at, counted.line.starts, counted.line.ends, unit.settings.project.timezone)
            ids = {series_id(row): row for row in _keys(judged)}
            every += ids
            for one_id, found in _meant(name, judged, ids):
                key, start = ids[one_id], window
                if start is None and found is not None and found.window.start != found.window.end:
                    start = round(found.window.start.timestamp() * 1_000_000)
                one = explain(judged.outcome, judged.history, how, key, start)
                if one is not None:
                    unit_of = how[key["group"], key["code"]].unit
                    out.append(_facts(one, key, unit_of, counted.profile.spec.window.word))
    if not out and any(name in (i, i.split("/", 1)[0]) for i in every):
        raise UsageError(
            f"{name} was not judged in this window",
            "--at",
            "name the start of a judged window, or leave it out",
        )
    if not out:
        near = difflib.get_close_matches(name, every, 3, 0.5)
        do = f"there are: {', '.join(near)}" if near else "name one of `mlops metrics list`"
        raise UsageError(f"no series '{name}' in these logs", "the command line", do)
    return out[:MOST]


def _window(at: str, starts: Sequence[int], ends: Sequence[int], zone: str) -> int | None:
    if not at:
        return None
    us = round(typed(at, zone).timestamp() * 1_000_000)
    inside = [s for s, e in zip(starts, ends, strict=True) if s <= us < e]
    if not inside:
        raise UsageError(f"no window holds {at}", "--at", "name a time within the logs")
    return inside[0]


def _keys(judged: Judging) -> Iterator[dict[str, str]]:
    return judged.outcome.frame.select(SERIES).unique(maintain_order=True).iter_rows(named=True)


def _meant(
    name: str, judged: Judging, ids: Mapping[str, dict[str, str]]
) -> Sequence[tuple[str, Finding | None]]:
    """Ids of the series that are meant, each with its finding; those of findings go before the others."""
    findings = judged.outcome.judgement.findings
    found = [f for f in findings if f.id == name] or [f for f in findings if f.code == name]
    if found:
        return [(f.id, f) for f in found[:MOST]]
    return [(i, None) for i in ids if name in (i, i.split("/", 1)[0])][:MOST]


def _facts(one: Explained, key: dict[str, str], unit: str, window: str) -> dict[str, Any]:
    row = one.row
    return {
        "id": series_id(key),
        "group": key["group"],
        "window": iso(moment(row["window"])),
        "size": window,
        "value": row["value"],
        "unit": unit,
        "n": row["n"],
        "level": Level(row["level"]).word,
        "rule": row["rule"] or None,
        "unjudged": row["unjudged"],
        "baseline": row["reference"] if not row["rule"] or row["rule"] in {"fixed", "relative"} else None,
        "bounds": [asdict(b) for b in one.bounds],
        "p": row["p"],
        "adaptive": None if one.learnt is None else _learnt(one.learnt),
    }


def _learnt(one: Learnt) -> dict[str, Any]:
    facts = asdict(one)
    if one.incident is not None:
        facts["incident"]["since"] = iso(moment(one.incident.since))
    return facts


def text(facts: dict[str, Any]) -> str:
    """Of one window, a fact a line."""
    code, unit = facts["id"].split("/", 1)[0], facts["unit"]

    def said(value: float | None) -> str:
        return quantity(value, unit, code)

    n = "" if facts["n"] is None else f", n {facts['n']:,}"
    lines = [f"{facts['id']}  ({facts['size']} from {facts['window']})"]
    lines.append(f"value      {said(facts['value'])}{n}: {facts['level']}{_by(facts)}")
    if facts["unjudged"]:
        lines.append(f"unknown    {facts['unjudged']}")
    bounds = [b for b in facts["bounds"] if b["at"] is not None]
    if bounds:
        base = facts["baseline"]
        drawn = _bounds(bounds, said)
        lines.append(f"bounds     {drawn}" + ("" if base is None else f"; baseline {said(base)}"))
    own = facts["adaptive"]
    if own is None:
        return "\n".join([*lines, "line       none of its own: too little history, or it does not adapt"])
    band = span(own["low"], own["high"], unit, code) or f"{said(own['low'])} to {said(own['high'])}"
    lines.append(f"line       {band}; expected {said(own['expected'])}{_parts(own, said)}")
    if own["size"] is not None and own["p"] is not None:  # a window without a value surprises nobody
        lines.append(f"surprise   {own['size']:.3g} sigma{_effect(own, said)}")
        lines.append(
            f"evidence   p {own['p']:.2g}; the promise of one series allows {own['promise']:.2g} a window"
        )
    if own["eye"]:
        lines.append(f"eye        {own['eye']}")
    if own["incident"]:
        spell = own["incident"]
        lines.append(f"since      {spell['since']}, {_windows(spell['windows'])}, {spell['how']}")
    left = f"; {_windows(own['left_out'])} of incidents left out" if own["left_out"] else ""
    season = "no season" if own["pattern"] == "none" else f"season by {own['pattern']}"
    lines.append(f"history    {_windows(own['windows'])}, {season}{left}")
    if own["three_sigma"] is not None:
        lines.append(f"3 sigma    would cost {quantity(own['three_sigma'], '')} false alarms a year here")
    return "\n".join(lines)


def _bounds(bounds: Sequence[dict[str, Any]], said: Said) -> str:
    """`warning below 1,215 or above 4,049, alarm above 0.15`."""
    out = []
    for level in dict.fromkeys(b["level"] for b in reversed(bounds)):
        mine = [b for b in bounds if b["level"] == level]
        sides = [f"{'above' if b['upward'] else 'below'} {said(b['at'])}" for b in reversed(mine)]
        out.append(f"{level} {' or '.join(sides)}")
    return ", ".join(out)


def _by(facts: dict[str, Any]) -> str:
    return f" by its {facts['rule']} line" if facts["rule"] and facts["level"] in {"warning", "alarm"} else ""


def _windows(n: int) -> str:
    return f"{n:,} window{'' if n == 1 else 's'}"


def _parts(own: dict[str, Any], said: Said) -> str:
    """What the forecast is made of: the level, and what season and last windows add."""
    level = own["level"]
    if level is None:
        return ""
    out = [f"level {said(level)}"]
    for name, part in (("season", own["season"]), ("last windows", own["recent"])):
        if part is not None and abs(part) > NIL * abs(level):
            out.append(f"{name} {'+' if part > 0 else '-'}{said(abs(part))}")
    return f" ({', '.join(out)})"


def _effect(own: dict[str, Any], said: Said) -> str:
    return "" if not own["min_effect"] else f"; a change of {said(own['min_effect'])} matters"
