"""Block: the windows between two fits, of all series at once where nothing stirs."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.accumulate import SINCE, SIZES, add, exponents, rare_exponents, scores
from mlops_cli.stats.episode import DRIFT, JUMP
from mlops_cli.stats.eyes import Eyes, Seek
from mlops_cli.stats.line import MEMORY, Line
from mlops_cli.stats.rare import Rare
from mlops_cli.stats.turn import one_by_one
from mlops_cli.stats.watched import ALARM, OK, UNKNOWN, WARNING, State

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

BLIND = 4.0  # a line so many times wider than the effect that matters acquits nobody


def judge_block(state: State, eyes: Eyes, start: int, stop: int) -> Iterator[tuple[Ints, int]]:
    """Judge the windows `start` to `stop` - 1; yields series whose line must be fitted anew, and when."""
    rows = eyes.rows
    seek = _seek(state, eyes, start, stop)
    sums, evidence = _sums(state, rows, seek)
    alarms = seek.known & ((evidence[0] >= seek.limit[:, None]) | (seek.p <= state.how.alarm))
    stir = alarms.any(axis=1) | state.busy[rows] | (state.opened[rows] >= 0) | state.spiked[rows]
    for t in state.decisions.keys() & range(start, stop):
        stir |= np.isin(rows, state.decisions[t])
    quiet, stirring = np.flatnonzero(~stir), np.flatnonzero(stir)
    _quietly(state, rows[quiet], start, seek.at(quiet), evidence[:, quiet])
    state.total[rows[quiet]], state.running[rows[quiet]] = sums[:, quiet]
    if len(stirring):
        yield from one_by_one(state, eyes.at(stirring), start, seek.at(stirring))


def _sums(state: State, rows: Ints, seek: Seek) -> tuple[Floats, Floats]:
    """The evidence as if no window alarmed: sums at the end, (2, R, 2, 4), and after each window, (2, R, B).

    First those that an alarm sets back, then the running ones.
    """
    both = np.stack([state.total[rows], state.running[rows]])
    windows = seek.y.shape[1]
    after = np.empty((windows, *both.shape))
    factor = np.exp(np.nan_to_num(seek.exponent))
    complete = np.asarray(seek.known.all(axis=0))
    for j in range(windows):
        grown = add(both, factor[:, j])
        both = grown if complete[j] else np.where(seek.known[:, j, None, None], grown, both)
        after[j] = both
    by_side = np.where(seek.sides, after @ np.full(len(SIZES), 1 / len(SIZES)), 0)
    return both, by_side.max(axis=3).transpose(1, 2, 0)


def _quietly(state: State, rows: Ints, start: int, seek: Seek, evidence: Floats) -> None:
    """Windows of series in which nothing is open and nothing alarms."""
    seen, known = state.seen, seek.known
    window = slice(start, start + known.shape[1])
    drift = np.where(evidence[0] >= seek.limit[:, None] / state.how.warn_ratio, WARNING, OK)
    fired = np.maximum(drift, seek.jump) * known
    level = np.where(known, np.where(fired == OK, seek.blind, fired), UNKNOWN)
    seen.level[rows, window] = level
    seen.status[rows, window] = level * known
    seen.eye[rows, window] = np.where(fired == OK, 0, np.where(seek.jump >= drift, JUMP, DRIFT))
    seen.evidence[rows, window] = np.where(known, evidence[0], np.nan)
    seen.running[rows, window] = np.where(known, evidence[1], np.nan)
    learnt = known if state.batch.excluded is None else known & ~state.batch.excluded[rows, window]
    state.pool.size[rows, window] = np.where(learnt, np.abs(seek.u), np.nan)
    _onset(state, rows, start, np.nan_to_num(seek.exponent[..., SINCE]), known)


def _onset(state: State, rows: Ints, start: int, exponent: Floats, known: Bools) -> None:
    """The CUSUM that dates the evidence, by the least of its sums: (R, B, 2)."""
    total = state.cusum[rows][:, None] + np.cumsum(exponent, axis=1)
    least = np.minimum.accumulate(np.minimum(total, 0), axis=1)
    before = np.concatenate([np.zeros((len(rows), 1, 2)), least[:, :-1]], axis=1)
    zero = known[..., None] & (total <= before)
    last = known.shape[1] - 1 - np.argmax(zero[:, ::-1], axis=1)
    state.onset[rows] = np.where(zero.any(axis=1), start + last + 1, state.onset[rows])
    state.cusum[rows] = total[:, -1] - least[:, -1]


def _seek(state: State, eyes: Eyes, start: int, stop: int) -> Seek:
    """Hold the block's windows against the lines."""
    batch, rows = state.batch, eyes.rows
    effect = batch.min_effect(eyes.line.level, rows)
    dead = effect[:, None] / 2
    before = max(0, start - MEMORY)
    of_week = batch.calendar.of_week[before:stop]
    told, fresh = state.told[rows, before:stop], start - before
    y = told[:, fresh:]
    sampling = batch.sampling[rows, start:stop]
    normal, centre = _forecast(eyes.line, told, of_week, fresh)
    if batch.counted:
        exposure = 1.0 if batch.exposure is None else batch.exposure[rows, start:stop]
        sampling = 1 / (np.exp(centre) * exposure + 0.5)
    scale = np.sqrt(eyes.line.variance(sampling))
    u = (y - centre) / scale
    p = eyes.line.tail.probability(np.maximum(np.abs(y - centre) - dead, 0) / scale)
    far_normal, far_centre = _forecast(eyes.far, told, of_week, fresh)
    away = np.maximum(np.abs(y - far_centre) - dead, 0) / np.sqrt(eyes.far.variance(sampling))
    v = scores(np.sign(y - far_centre), eyes.far.tail.probability(away), eyes.far.inflation)
    surprise = (u, p, exponents(v))
    if eyes.rare is not None:
        surprise = _rare(state, eyes, (start, stop), surprise)
    u, p, exponent = surprise
    reach = dead + eyes.line.tail.width(state.how.alarm)[:, None] * scale
    seen = {
        "centre": centre,
        "low": centre - reach,
        "high": centre + reach,
        "normal": normal,
        "far": far_normal,
    }
    for name, values in {**seen, "p": p, "u": u}.items():
        getattr(state.seen, name)[rows, start:stop] = values
    side = batch.side[rows]
    warn = state.how.alarm * state.how.warn_ratio
    bad = (side == 0)[:, None] | (np.sign(u) == side[:, None])
    large = (effect == 0)[:, None] | (np.abs(y - centre) >= effect[:, None])
    level = np.where(p <= state.how.alarm, ALARM, np.where(p <= warn, WARNING, OK))
    return Seek(
        y=y,
        known=~np.isnan(y),
        u=u,
        p=p,
        exponent=exponent,
        jump=level * (bad & large & ~np.isnan(y)),
        blind=(effect > 0)[:, None] & (eyes.line.tail.width(warn)[:, None] * scale > BLIND * effect[:, None]),
        limit=np.where(side == 0, 4, 2) * state.how.windows,
        sides=np.stack([side >= 0, side <= 0], axis=1),
    )


def _forecast(line: Line, told: Floats, of_week: Ints, fresh: int) -> tuple[Floats, Floats]:
    """Level and season, and with the short memory, of the windows from `fresh` on."""
    base = line.base(of_week)
    d = told - base
    return base[:, fresh:], base[:, fresh:] + line.forecast(np.where(np.isnan(d), 0, d))[:, fresh:]


def _rare(
    state: State, eyes: Eyes, window: tuple[int, int], normal: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    """Surprise, chance and exponents of the rare series in place of the normal ones."""
    rare, far, batch = eyes.rare, eyes.far_rare, state.batch
    if rare is None or far is None or batch.events is None or batch.exposure is None:
        return normal
    u, p, exponent = (np.array(a) for a in normal)
    few = ~np.isnan(rare.rate)
    own, old = (Rare(*(a[few] for a in vars(r).values())) for r in (rare, far))
    calendar, which = batch.calendar.part(*window), eyes.rows[few]
    events = batch.events[which, slice(*window)]
    exposure = batch.exposure[which, slice(*window)]
    mean, old_mean = own.mean(exposure, calendar), old.mean(exposure, calendar)
    u[few] = (events - mean) / np.sqrt(mean * own.ratio[:, None])
    p[few] = own.probability(events, mean)
    exponent[few] = rare_exponents(events, old_mean, old.ratio)
    return u, p, exponent
