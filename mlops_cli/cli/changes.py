"""Changes: what else happened within a window of a finding's onset."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from mlops_cli.cli.differences import SETTINGS
from mlops_cli.cli.judging import Judging
from mlops_cli.cli.steps import Counted
from mlops_cli.errors import UsageError
from mlops_cli.judge.say import moment
from mlops_cli.ledger.history import settings_changed
from mlops_cli.result.finding import Finding
from mlops_cli.result.report import Table
from mlops_cli.result.scope import from_iso, iso
from mlops_cli.result.tables import CHANGES

SCHEMA = frozenset({"field-vanished", "field-new", "type-change"})
TIMES = ("time", "timestamp", "at", "ts", "date")
TEXTS = ("text", "what", "event", "message", "title", "name")
LEAST_SHIFT = 0.05  # of an arm's share of the traffic
SURE = 5.0  # standard deviations
MOST = 12  # lines a finding


@dataclass(frozen=True)
class Change:
    """One thing that changed; `at` in microseconds, `own` the finding and `component` that it is of."""

    what: str
    at: int
    own: str = ""
    component: str = ""


def changes_table(counted: Sequence[Counted], judged: Sequence[Judging], state: Path | None = None) -> Table:
    """What changed within a window of each finding's onset, by finding and nearness.

    What only the history knows (`state`: other settings than in the run before) is said and decides nothing.
    """
    rows: list[tuple[Any, ...]] = []
    settings = list(_settings(state, judged))
    for one, judging in zip(counted, judged, strict=True):
        findings = judging.outcome.judgement.findings
        span = _span(judging)
        happened = [*_events(one), *_arms(one), *_decisions(judging), *_findings(findings), *settings]
        for finding in findings:
            since = _us(finding.since)
            near = [c for c in happened if abs(c.at - since) <= span and c.own != finding.id]
            near = [c for c in near if not c.component or c.component != finding.scope.component]
            near.sort(key=lambda c: (bool(c.own), abs(c.at - since), c.what))
            first = {c.component or c.what: c for c in reversed(near)}  # one a component
            kept = [c for c in near if first[c.component or c.what] is c]
            rows += [(finding.id, c.what, iso(moment(c.at))) for c in kept[:MOST]]
    return Table("changes", "what else changed within a window of a finding's onset", CHANGES, tuple(rows))


def _findings(findings: Sequence[Finding]) -> Iterator[Change]:
    """Schemas and components that changed: what stands upstream of a finding."""
    for one in findings:
        at = _us(one.since)
        if one.code in SCHEMA:
            yield Change(f"schema: {one.message}", at, one.id)
        elif one.scope.component:
            yield Change(f"component {one.scope.component}: {one.message}", at, one.id, one.scope.component)


def _decisions(judging: Judging) -> Iterator[Change]:
    for kind, entries in (("accepted", judging.decided.accepted), ("silenced", judging.decided.silences)):
        for one in entries:
            yield Change(f"{kind}: {one.pattern}{f', {one.why}' if one.why else ''}", one.start)


def _span(judging: Judging) -> int:
    """A window, in microseconds."""
    return round(judging.history.promised.seconds * 1_000_000)


def _settings(state: Path | None, judged: Sequence[Judging]) -> Iterator[Change]:
    """Runs whose settings were not those of the run before."""
    found = [(_us(f.since), _span(j)) for j in judged for f in j.outcome.judgement.findings]
    if state is None or not found:
        return
    first, last = min(at - span for at, span in found), max(at + span for at, span in found)
    for at, before in settings_changed(state, iso(moment(first)), iso(moment(last))):
        yield Change(f"{SETTINGS} other than in the run of {before}", _us(from_iso(at)))


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _arms(counted: Counted) -> Iterator[Change]:
    """Versions and arms that come and go, and shares of traffic that move."""
    groups, moments = counted.profile.groups, counted.profile.moments
    ids = counted.profile.spec.field_ids("predictions", type="rows")
    ids = ids or counted.profile.spec.field_ids("requests", type="rows")
    rows = moments.filter(pl.col("field").is_in(ids)).join(
        groups.filter((pl.col("segment") == "") & (pl.col("component") == "")), on="group"
    )
    counts = rows.group_by("window", "model", "arm").agg(pl.col("n").sum()).filter(pl.col("n") > 0)
    if counts["arm"].n_unique() < 2:
        return
    for (model,), part in counts.sort("window").group_by("model", maintain_order=True):
        yield from _shares(str(model), part)


def _shares(model: str, counts: pl.DataFrame) -> Iterator[Change]:
    wide = counts.pivot("arm", index="window", values="n").fill_null(0).sort("window")
    arms = [a for a in wide.columns if a != "window"]
    total = wide.select(pl.sum_horizontal(arms)).to_series().to_list()
    starts = wide["window"].to_list()
    place = f" of {model}" if model else ""
    for arm in sorted(arms):
        n = wide[arm].to_list()
        for i in range(1, len(starts)):
            a, b = n[i - 1] / total[i - 1], n[i] / total[i]
            spread = (max(a * (1 - a), 1e-4) / total[i - 1] + max(b * (1 - b), 1e-4) / total[i]) ** 0.5
            name = f"arm {arm or '(none)'}{place}"
            if n[i - 1] == 0 and n[i] > 0 and not any(n[:i]):
                yield Change(f"{name} appears with {b:.1%} of the traffic", starts[i])
            elif n[i - 1] > 0 and not any(n[i:]):
                yield Change(f"{name} is gone", starts[i])
            elif abs(b - a) >= LEAST_SHIFT and abs(b - a) > SURE * spread:
                yield Change(f"share of {name}: {a:.1%} to {b:.1%}", starts[i])


def _events(counted: Counted) -> Iterator[Change]:
    """The lines of `[events] path`."""
    given = counted.unit.settings.events.path
    if not given:
        return
    path = Path(counted.unit.folder) / given
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise UsageError(f"events cannot be read: {error.strerror}", str(path), "see [events] path") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _event(line, f"{path}, line {number}")


def _event(line: str, where: str) -> Change:
    try:
        data = json.loads(line)
        at = next(data[k] for k in TIMES if k in data)
        when = datetime.fromtimestamp(at, UTC) if isinstance(at, int | float) else datetime.fromisoformat(at)
    except (ValueError, TypeError, StopIteration, AttributeError, OverflowError, OSError):
        raise UsageError(
            "this line is no event", where, 'write {"time": "2026-01-31T06:00:00Z", "text": "released v2"}'
        ) from None
    text = next((str(data[k]) for k in TEXTS if k in data), "") or json.dumps(data, ensure_ascii=False)
    utc = when if when.tzinfo else when.replace(tzinfo=UTC)
    return Change(f"event: {text}", _us(utc))
