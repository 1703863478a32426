"""Turn: windows of series in which something stirs, one after the other: alarms, incidents, shifts."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.accumulate import SINCE, add, onset
from mlops_cli.stats.episode import DRIFT, JUMP, opened
from mlops_cli.stats.eyes import Eyes, Seek
from mlops_cli.stats.watched import ALARM, OK, UNKNOWN, WARNING, State

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

STEADY_SHARE = 0.3  # of the windows of a steady shift are alarms


def one_by_one(state: State, eyes: Eyes, start: int, seek: Seek) -> Iterator[tuple[Ints, int]]:
    """Judge a block window by window; yields series whose line must be fitted anew, and when."""
    seen, rows = state.seen, eyes.rows
    active = np.ones(len(rows), np.bool_)
    for j in range(seek.y.shape[1]):
        t = start + j
        known = seek.known[:, j] & active
        evidence = _evidence(state, rows, seek, known, (j, t))
        warn = seek.limit / state.how.warn_ratio
        drift = np.where(evidence >= seek.limit, ALARM, np.where(evidence >= warn, WARNING, OK))
        jump = seek.jump[:, j]
        fired = np.maximum(drift, jump) * known
        level = np.where(fired == OK, seek.blind[:, j], fired)[known]
        mine, missing = rows[known], rows[active & ~known]
        seen.eye[mine, t] = np.where(fired == OK, 0, np.where(jump >= drift, JUMP, DRIFT))[known]
        seen.level[mine, t] = seen.status[mine, t] = level
        seen.level[missing, t] = UNKNOWN
        seen.status[missing, t] = np.where(state.busy[missing], seen.status[missing, t - 1], OK)
        state.total[rows[known & (drift == ALARM)]] = 0
        moved = [
            k for k in _stirring(state, rows, known, fired, t) if _incident(state, eyes, k, t, seek.y[k, j])
        ]
        _remember(state, mine, seek.u[known, j], seek.p[known, j] <= state.how.alarm, t)
        for k in moved:
            active[k] = False
            _take_as_normal(state, eyes, k, t)
        if moved:
            yield rows[moved], t


def _evidence(state: State, rows: Ints, seek: Seek, known: Bools, at: tuple[int, int]) -> Floats:
    """Add one window; the evidence of the side that has more, (R,)."""
    j, t = at
    mine, exponent = rows[known], seek.exponent[known, j]
    both = add(np.stack([state.total[mine], state.running[mine]]), np.exp(exponent))
    state.total[mine], state.running[mine] = both
    cusum, first = state.cusum[mine], state.onset[mine]
    onset(cusum, first, exponent[:, :, SINCE], t)
    state.cusum[mine], state.onset[mine] = cusum, first
    by_side = np.where(seek.sides[known], both.mean(axis=3), 0)
    state.upward[mine] = by_side[0, :, 0] >= by_side[0, :, 1]
    state.seen.evidence[mine, t], state.seen.running[mine, t] = by_side.max(axis=2)
    out = np.zeros(len(rows))
    out[known] = by_side[0].max(axis=1)
    return out


def _stirring(state: State, rows: Ints, known: Bools, fired: Ints, t: int) -> list[int]:
    """Positions of series that need a look: an alarm, something open, a decision."""
    look = (fired == ALARM) | (state.opened[rows] >= 0) | state.busy[rows]
    look |= np.isin(rows, state.decisions.get(t, []))
    positions: list[int] = np.flatnonzero(look & known).tolist()
    return positions


def _incident(state: State, eyes: Eyes, k: int, t: int, y: float) -> bool:
    """Open, tell and close; True where a shift is to be taken as the new normal."""
    s = int(eyes.rows[k])
    alarm = bool(state.seen.level[s, t] == ALARM)
    _count(state, s, t, alarm=alarm)
    if alarm and s not in state.live:
        _open(state, eyes, k, t)
    _tell(state, s, t, float(y), alarm=alarm)
    return _since(state, s, t) >= 0


def _count(state: State, s: int, t: int, *, alarm: bool) -> None:
    """Windows with and without alarm of the present stretch."""
    per_day = state.how.per_day
    if alarm:
        if state.opened[s] < 0:
            state.opened[s] = t
        state.calm[s] = 0
        state.hot[s] += 1
    elif state.opened[s] >= 0:
        state.calm[s] += 1
        if state.calm[s] >= (max(6, per_day / 4) if per_day > 2 else 3):
            state.opened[s], state.hot[s] = -1, 0


def _open(state: State, eyes: Eyes, k: int, t: int) -> None:
    s = int(eyes.rows[k])
    eye = int(state.seen.eye[s, t])
    since = min(int(state.onset[s, 0 if state.upward[s] else 1]), t) if eye == DRIFT else t
    past = (state.told[s, since : t + 1], state.batch.calendar.of_week[since : t + 1])
    state.live[s] = opened(eyes.line, eyes.far, k, t, since, eye, past)
    state.seen.episodes[s].append(state.live[s])
    state.busy[s] = True


def _tell(state: State, s: int, t: int, y: float, *, alarm: bool) -> None:
    """One window more of what is open; the status is what a user sees."""
    window = (y, float(state.batch.sampling[s, t]), int(state.batch.calendar.of_week[t]))
    status = int(state.seen.status[s, t])
    live = state.live.get(s)
    if live is not None:
        status = ALARM
        if live.tell(*window, t, alarm=alarm, least=state.how.least_calm):
            live.end, live.how = t, "recovered"
            del state.live[s]
            state.running[s] = 0
    for shifted in list(state.pending.get(s, ())):
        status = max(status, WARNING)
        shifted.deviations.append(shifted.deviation(*window))
        if shifted.calm():
            shifted.end, shifted.how = t, "recovered"
            state.pending[s].remove(shifted)
    state.seen.status[s, t] = status
    state.busy[s] = s in state.live or bool(state.pending.get(s))


def _since(state: State, s: int, t: int) -> int:
    """First window of the new normal where a shift is to be taken as such, else -1."""
    if (s, t) in state.decided:
        return state.decided[s, t]
    first, steady = int(state.opened[s]), state.how.steady
    if first < 0 or t - first < steady or state.hot[s] < STEADY_SHARE * steady:
        return -1
    excluded = state.batch.excluded
    return -1 if excluded is not None and excluded[s, first : t + 1].any() else first


def _take_as_normal(state: State, eyes: Eyes, k: int, t: int) -> None:
    """Re-base: the history before the shift is moved by it, so that season, scale and tail survive."""
    s = int(eyes.rows[k])
    since, decided = _since(state, s, t), (s, t) in state.decided
    of_week = state.batch.calendar.of_week[since : t + 1]
    jump = float(
        np.nanmedian(state.told[s, since : t + 1] - eyes.line.level[k] - eyes.line.season[k, of_week])
    )
    state.move(s, since, jump)
    state.learnt[s, since : t + 1] = state.told[s, since : t + 1]
    state.opened[s], state.hot[s] = -1, 0
    state.total[s], state.running[s], state.cusum[s], state.onset[s] = 0, 0, 0, t + 1
    live = state.live.pop(s, None)
    if live is not None:
        live.end, live.how = t, "accepted" if decided else "shifted"
        if not decided:  # by itself: a warning until accepted, or back at the old line
            live.shifted = t
            state.pending.setdefault(s, []).append(live)
    if decided:
        state.accepted[s] = since
        for shifted in state.pending.pop(s, []):
            shifted.end, shifted.how = t, "accepted"
    state.busy[s] = bool(state.pending.get(s))
    state.seen.rebasings[s].append((t, since, jump))


def _remember(state: State, rows: Ints, u: Floats, bad: Bools, t: int) -> None:
    """A lone spike stays in the memory of surprises; the windows of an incident do not."""
    follows = state.seen.level[rows, t - 1] == ALARM
    incident = bad & follows
    learnt = ~incident
    if state.batch.excluded is not None:  # known to be odd: its surprise is nothing to expect
        learnt &= ~state.batch.excluded[rows, t]
    state.pool.size[rows[learnt], t] = np.abs(u[learnt])
    for s in rows[incident].tolist():
        state.learnt[s, t] = np.nan
        if state.spiked[s]:
            state.pool.forget(s, t - 1)
    state.spiked[rows] = bad & ~follows
