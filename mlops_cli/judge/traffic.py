"""Can the arms be compared? When the treatment started, how traffic was split, and where the split is odd."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from mlops_cli.config.rollout import Rollout
from mlops_cli.judge.arm_tables import Bools, Floats, Tables
from mlops_cli.result.comparison import Health, State, Stratum
from mlops_cli.stats.split import dwells, log_e_split

Plan = tuple[tuple[float, float], ...]  # (since, share), microseconds, rising; empty: no plan
FEWEST = 10  # rows that the treatment should have had before their absence is an end of it
ENOUGH_ERRORS = 0.1  # of an arm: a stratum that held them matters for the verdict
CONTAMINATED = 10  # units
ONE_SIDED = 10  # rows of a status that only one arm has
NEAR = 0.15  # a share this near to a step is that step


@dataclass(frozen=True)
class Run:
    """The part of the log in which both arms are compared at one look.

    Parameters
    ----------
    start : window in which the treatment came (again)
    first, last : windows that count, `last` is not one of them
    share : of the treatment now; `planned` the same window by window, None where there is no plan
    step : window since which it has that share
    silent : windows at the end without a row of treatment and of control; -1: never one
    notes : an earlier start that is left out, steps of the share

    """

    start: int
    first: int
    last: int
    share: float
    planned: Floats | None
    step: int
    silent: tuple[int, int]
    notes: tuple[str, ...] = ()


def run_of(tables: Tables, settings: Rollout, plan: Plan, look: int) -> Run:
    """What counts after `look` windows."""
    traffic = tables.active.until(look)
    c, b = traffic.nc.sum(1), traffic.nb.sum(1)
    silent = (_silent(c), _silent(b))
    start, notes = _start(c, b, settings.grace)
    first = start + min(settings.warmup, len(c) // 10)
    planned = _planned(tables, plan, look) if plan else None
    if planned is not None:
        share, step = plan[-1][1], first
        begun = [
            (since, s) for since, s in plan if since < tables.counts.starts[look - 1] + tables.counts.size
        ]
        if begun:
            since, share = begun[-1]
            inside = [i for i in range(first, look) if tables.counts.starts[i] >= since]
            step = max(first, inside[0] if inside else look)
        return Run(start, first, look, share, planned, step, silent, notes)
    steps = [first + d for d in dwells(c[first:], b[first:])] or [first]
    share = _share(c[steps[-1] :], b[steps[-1] :])
    ends = [*steps[1:], len(c)]
    said = tuple(
        f"the share of the treatment changed from {_share(c[a:m], b[a:m]):.1%} to "
        f"{_share(c[m:z], b[m:z]):.1%} in window {m + 1}: no plan says so (--share, --record)"
        for a, m, z in zip(steps, steps[1:], ends[1:], strict=False)
    )
    estimated = np.zeros(len(c))
    for a, z in zip(steps, ends, strict=True):
        estimated[a:z] = _share(c[a:z], b[a:z])
    near = [s for s in settings.steps if abs(share - s) <= NEAR * s]
    return Run(start, first, look, near[0] if near else share, None, steps[-1], silent, (*notes, *said))


def health_of(tables: Tables, settings: Rollout, run: Run) -> tuple[Health, Bools]:
    """Whether the comparison can be trusted, and which strata stay in it."""
    kept = np.ones(max(len(tables.strata), 1), np.bool_)
    counts = tables.counts
    if not counts.control:
        return Health(State.UNTESTED, notes=run.notes), kept
    traffic = tables.traffic.until(run.last).since(run.first)
    strata = _strata(tables, settings, run)
    odd = {(s.column, s.value) for s in strata if s.confounded}
    for key, mask in tables.values.items():
        if key in odd:
            kept &= ~mask
    errors = tables.cells("error-rate").until(run.last).since(run.first)
    strata = tuple(
        s if not s.confounded else _with_errors(s, tables.values[s.column, s.value], errors.sc, errors.sb)
        for s in strata
    )
    notes = [*run.notes, *_one_sided(tables, run, kept)]
    notes += [
        f"confounded: {s.text} has {s.n_treatment:,} of {s.n_treatment + s.n_control:,} rows in the "
        f"treatment, expected {s.planned or 0:.1%} (log e {s.log_e:.1f}, {s.enough:.1f} is enough): "
        "taken out of both arms"
        for s in strata
        if s.confounded
    ]
    contaminated = counts.both / counts.units if counts.units else 0.0
    enough = -float(np.log(settings.alpha_srm))
    log_e: float | None = None
    state = State.OK
    if run.planned is None:
        state = State.UNTESTED
    else:
        line = log_e_split(traffic.nc @ kept, traffic.nb @ kept, run.planned[run.first : run.last])
        log_e = float(line[-1]) if len(line) else 0.0
        if log_e >= enough:
            state = State.SRM
            have = _share(traffic.nc @ kept, traffic.nb @ kept)
            notes.append(
                f"the traffic split differs from the plan: {have:.2%} (log e {log_e:.1f} of {enough:.1f})"
            )
    if any(s.confounded and s.held_errors >= ENOUGH_ERRORS for s in strata):
        state = State.CONFOUNDED
    if contaminated >= settings.max_contamination and counts.both >= CONTAMINATED:
        state = State.CONTAMINATED
        notes.append(f"{counts.both:,} of {counts.units:,} {counts.unit} met both arms ({contaminated:.1%})")
    if max(run.silent) > settings.grace or min(run.silent) < 0:
        state = State.NO_TRAFFIC
    return (
        Health(state, log_e, enough, strata, contaminated, counts.both, tuple(dict.fromkeys(notes))),
        kept,
    )


def _silent(n: Floats) -> int:
    """Windows without a row at the end; -1: there never was one."""
    some = np.flatnonzero(n > 0)
    return len(n) - 1 - int(some[-1]) if len(some) else -1


def _start(c: Floats, b: Floats, grace: int) -> tuple[int, tuple[str, ...]]:
    """First window of the last stretch in which the treatment had traffic."""
    some = np.flatnonzero(c > 0)
    if not len(some):
        return 0, ()
    start = int(some[0])
    for left, right in pairwise(some.tolist()):
        gap = int(np.count_nonzero(b[left + 1 : right] > 0))
        if gap <= grace:
            continue
        share = _share(c[start : left + 1], b[start : left + 1])
        if b[left + 1 : right].sum() * share / max(1 - share, 1e-9) >= FEWEST:
            start = int(right)
    if start == some[0]:
        return start, ()
    return start, (
        f"the treatment stopped and came again in window {start + 1}: what was before does not count",
    )


def _planned(tables: Tables, plan: Plan, look: int) -> Floats:
    """The share that each window should have on average."""
    size = tables.counts.size
    edges = np.array([since for since, _ in plan])
    shares = np.array([0.0, *(s for _, s in plan)])
    out = np.zeros(look)
    for i, start in enumerate(tables.counts.starts[:look]):
        cuts = np.concatenate([[start], edges[(edges > start) & (edges < start + size)], [start + size]])
        now = shares[np.searchsorted(edges, cuts[:-1], side="right")]
        out[i] = float((np.diff(cuts) * now).sum() / size)
    return out


def _share(c: Floats, b: Floats) -> float:
    total = float(c.sum() + b.sum())
    return float(c.sum()) / total if total else 0.0


def _strata(tables: Tables, settings: Rollout, run: Run) -> tuple[Stratum, ...]:
    """The split within every value of every column; with no plan against what is left of the whole.

    Without a plan a stratum that goes one way moves the share of the others, so the oddest is taken out
    first, and the rest is looked at again.
    """
    values = dict(tables.values)
    traffic = tables.traffic.until(run.last).since(run.first)
    nc, nb = traffic.nc, traffic.nb
    enough = float(np.log(max(len(values), 1)) - np.log(settings.alpha_srm))
    left = np.ones(nc.shape[1], np.bool_)
    done: dict[tuple[str, str], Stratum] = {}
    while True:
        line = run.planned[run.first : run.last] if run.planned is not None else _rest(nc @ left, nb @ left)
        fresh = {
            key: _stratum(key, nc[:, mask].sum(1), nb[:, mask].sum(1), line, enough)
            for key, mask in values.items()
            if key not in done
        }
        odd = [(s.log_e, key) for key, s in fresh.items() if s.confounded]
        if not odd or run.planned is not None:
            done |= fresh
            break
        top = max(odd)[0]
        for log_e, key in odd:  # equal ones are the same rows under another name
            if np.isclose(log_e, top):
                done[key] = fresh[key]
                left &= ~values[key]
    return tuple(done[key] for key in sorted(done))


def _rest(c: Floats, b: Floats) -> Floats:
    """The share of each dwell, window by window."""
    out = np.zeros(len(c))
    starts = dwells(c, b)
    for a, z in zip(starts, [*starts[1:], len(c)], strict=True):
        out[a:z] = _share(c[a:z], b[a:z])
    return out


def _stratum(key: tuple[str, str], c: Floats, b: Floats, planned: Floats, enough: float) -> Stratum:
    line = log_e_split(c, b, planned)
    log_e = float(line.max()) if len(line) else 0.0
    total = c + b
    weight = float(total.sum())
    return Stratum(
        column=key[0],
        value=key[1],
        n_control=int(b.sum()),
        n_treatment=int(c.sum()),
        share=float(c.sum()) / weight if weight else None,
        planned=float((planned * total).sum() / weight) if weight else None,
        log_e=log_e,
        enough=enough,
        confounded=log_e >= enough,
    )


def _with_errors(stratum: Stratum, mask: Bools, c: Floats, b: Floats) -> Stratum:
    held = max((float(x[:, mask].sum() / x.sum()) if x.sum() else 0.0) for x in (c, b))
    return replace(stratum, held_errors=held)


def _one_sided(tables: Tables, run: Run, kept: Bools) -> list[str]:
    """A status that only one arm has says that the arms differ in more than the model."""
    out = []
    for status, (c, b) in sorted(tables.statuses.items()):
        n = [float(x[run.first : run.last][:, kept].sum()) for x in (c, b)]
        for own, other, name in ((n[0], n[1], "treatment"), (n[1], n[0], "control")):
            if own >= ONE_SIDED and not other:
                out.append(f"status {status} comes in the {name} only ({own:,.0f} rows): look why")
    return out


def one_sided_errors(tables: Tables, run: Run, kept: Bools) -> Sequence[tuple[int, Floats, Floats]]:
    """Statuses of 500 or more that only the control has: they make the treatment look better."""
    out: list[tuple[int, Floats, Floats]] = []
    for status, (c, b) in sorted(tables.statuses.items()):
        mine, others = c[run.first : run.last][:, kept].sum(), b[run.first : run.last][:, kept].sum()
        if status >= 500 and others >= ONE_SIDED and not mine:
            out.append((status, c, b))
    return out
