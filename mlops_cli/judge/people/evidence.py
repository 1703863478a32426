"""All that the decisions of a model and people show, in one place: measured here, judged in `gates.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mlops_cli.config.automation import Automation
from mlops_cli.judge.people.agreement import agreement
from mlops_cli.judge.people.assistance import assistance, audit_target, audits
from mlops_cli.judge.people.ceiling import of_people
from mlops_cli.judge.people.certify import Promise, certificate, confirmed, digest
from mlops_cli.judge.people.curve import OUTCOME, SHARES, Curve, best_team, confidence, curve, remainder
from mlops_cli.judge.people.numbers import numbers
from mlops_cli.judge.people.paired import Labelled, costs, labelled, paired
from mlops_cli.judge.people.slices import CLASS, failing, slices, without
from mlops_cli.profile.decisions import Decisions
from mlops_cli.result.automation import Certificate
from mlops_cli.stats.certificate import spent


@dataclass(frozen=True)
class Looks:
    """What `mlops.decisions.toml` knows of earlier looks at this version of the model.

    Parameters
    ----------
    number : of this look; None: nothing counts them
    threshold, until : of the last certificate before, to be confirmed on what came later
    windows : certificates of different times

    """

    number: int | None = None
    threshold: float | None = None
    until: datetime | None = None
    windows: int = 0


@dataclass(frozen=True)
class Evidence:
    """Everything measured; mappings are as the report has them."""

    decisions: Decisions
    labelled: Labelled
    curve: Curve
    yardstick: str
    agreement: Mapping[str, Any]
    ceiling: Mapping[str, Any]
    paired: Mapping[str, Any]
    cost: Mapping[str, Any]
    numeric: Mapping[str, Any]
    confidence: Mapping[str, Any]
    certificate: Certificate
    remainder: Mapping[str, Any]
    segments: tuple[Mapping[str, Any], ...]
    kept: tuple[str, ...]
    assistance: Mapping[str, Any]
    audits: Mapping[str, Any]
    confirmation: Mapping[str, Any]
    team: Mapping[str, Any] | None
    looks: Looks


def promise_of(settings: Automation, looks: Looks) -> Promise:
    """What is certified, and the share of delta that this look may spend."""
    delta = settings.delta if looks.number is None else spent(settings.delta, looks.number)
    return Promise(settings.margin, settings.max_error, delta, settings.min_automation, looks.number)


def ranked(d: Decisions) -> tuple[Labelled, Curve]:
    """What outcomes say of the units, and the units by confidence."""
    found = labelled(d)
    return found, curve(d, found)


def mark(d: Decisions, line: Curve, settings: Automation, model: str) -> str:
    """Digest of the evidence that a certificate would rest on."""
    return digest(line, model, d.version, promise_of(settings, Looks()))


def evidence(
    d: Decisions, rank: tuple[Labelled, Curve], settings: Automation, looks: Looks, digest_: str
) -> Evidence:
    """Measure everything.

    Parameters
    ----------
    d : decisions of both sides
    rank : of `ranked`
    settings : margins, error rates, costs
    looks : earlier ones
    digest_ : of the evidence

    """
    level = 1 - settings.alpha
    found, line = rank
    promise = promise_of(settings, looks)
    certified = certificate(d, line, promise, digest_)
    # What is shown to people is held to the margin of assistance; what is automated to that of the promise.
    margin = settings.margin if certified.threshold is not None else settings.margin_assisted
    parts = slices(
        d,
        line,
        certified.threshold,
        margin=margin,
        max_error=settings.max_error if certified.threshold is not None else None,
        rate=settings.false_discoveries,
        least=settings.min_slice,
    )
    pairs = paired(d, found, settings.alpha, settings.margin_assisted)
    ceiling = of_people(d, level, settings.margin_assisted, settings.epsilon)
    target = audit_target(settings.max_error, vars(certified), settings.margin)
    confirmation: Mapping[str, Any] = {}
    if looks.threshold is not None:
        confirmation = confirmed(line, looks.threshold, looks.until, promise, settings.delta)
    return Evidence(
        decisions=d,
        labelled=found,
        curve=line,
        yardstick=_yardstick(line, ceiling),
        agreement=agreement(d, level),
        ceiling=ceiling,
        paired=pairs,
        cost=costs(d, found, settings.cost, level),
        numeric=numbers(d, level),
        confidence=confidence(d, line, level),
        certificate=certified,
        remainder=remainder(line, level),
        segments=tuple(parts),
        kept=failing(parts),
        assistance=assistance(d, level, settings.min_slice),
        audits=audits(d, target, settings.alpha),
        confirmation=confirmation,
        team=best_team(line),
        looks=looks,
    )


def without_kept(e: Evidence, settings: Automation) -> Evidence | None:
    """The evidence if the failing slices that can be told beforehand stayed with people, if any."""
    broken = [tuple(k.split("=", 1)) for k in e.kept if not k.startswith(f"{CLASS}=")]
    if not broken:
        return None
    pairs = [(name, value) for name, value in broken]
    d = e.decisions
    rest = replace(
        d, units=without(d.units, pairs), pairs=without(d.pairs, pairs), rows=without(d.rows, pairs)
    )
    return evidence(rest, ranked(rest), settings, e.looks, "") if rest.units.height else None


def _yardstick(line: Curve, ceiling: Mapping[str, Any]) -> str:
    if line.relative in {OUTCOME, SHARES}:
        return "outcome"
    return "human-ceiling" if ceiling.get("n_items") else "human-decision"
