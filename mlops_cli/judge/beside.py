"""Beside: what the adaptive lines and the rule of the fleet say of each measurement."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from mlops_cli.judge.adaptive import Adaptive, Group, Promised
from mlops_cli.judge.fleet import confirm
from mlops_cli.judge.say import SERIES
from mlops_cli.result.finding import Level, Rule
from mlops_cli.stats.episode import DRIFT, JUMP, Episode
from mlops_cli.stats.scale import back

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MEASURED_DAYS, MEASURED_WINDOWS = 28, 56  # of history (of daily windows) with which the promise was measured
LINES: dict[str, Any] = {
    "a_level": pl.Int64,
    "a_rule": pl.String,
    "a_threshold": pl.Float64,
    "a_reference": pl.Float64,
    "a_low": pl.Float64,
    "a_high": pl.Float64,
    "a_p": pl.Float64,
    "a_size": pl.Float64,
    "a_since": pl.Int64,
    "a_shifted": pl.Boolean,
    "a_warm": pl.Boolean,
    "a_asked": pl.Boolean,
}


def beside(frame: pl.DataFrame, found: Sequence[Group], promised: Promised) -> pl.DataFrame:
    """The measurements with what the adaptive lines say of them; null where a series has none.

    Parameters
    ----------
    frame : measurements to be judged
    found : what `groups` gave
    promised : of the run

    Returns
    -------
    frame
        With the columns of LINES: level (with the rule of the fleet), rule, threshold, reference (what was
        expected), low and high (alarm line), p, size (standard deviations), since, whether a shift is not yet
        accepted, and whether history is still too short.

    """
    told = _told(found, promised)
    keys = pl.concat([g.keys for g in found]) if found else frame.select(SERIES).clear()
    placed = frame.join(keys.with_row_index("s"), on=SERIES, how="left", maintain_order="left")
    series = placed["s"].to_numpy()
    t = np.searchsorted(np.array(promised.starts), placed["window"].to_numpy())
    there = ~np.isnan(series.astype(np.float64))
    at = (np.nan_to_num(series.astype(np.float64)).astype(np.int64)[there], t[there])
    columns = []
    for name, dtype in LINES.items():
        column = np.full(frame.height, None, dtype=object)
        if there.any():
            column[there] = told[name][at].tolist()
        columns.append(pl.Series(name, column.tolist(), dtype, strict=False))
    level = pl.col("a_level")
    return frame.with_columns(columns).with_columns(
        pl.when(level >= 0).then(level).alias("a_level"),
        *(pl.col(n).fill_nan(None) for n, d in LINES.items() if d == pl.Float64),
    )


def _told(found: Sequence[Group], promised: Promised) -> dict[str, NDArray[Any]]:
    """The columns of LINES as (S, N) arrays over all groups."""
    if not found:
        return {}
    seen = [g.watched for g in found]
    own, eye = (np.concatenate([getattr(w, k) for w in seen]).astype(np.int64) for k in ("level", "eye"))
    p, running, u = (np.concatenate([getattr(w, k) for w in seen]) for k in ("p", "running", "u"))
    family = np.concatenate([g.keys["segment"].to_numpy() != "" for g in found])
    fleet = confirm(p, running, own, family, promised.windows_per_alarm)
    low, centre, high, far, warm = (np.concatenate(x) for x in zip(*(_back(g) for g in found), strict=True))
    warned = (fleet.jump_warning & (eye == JUMP)) | (fleet.drift_warning & (eye == DRIFT))
    level = np.where((own == Level.WARNING) & ~warned, Level.OK, np.minimum(own, Level.WARNING))
    alarmed = (own == Level.ALARM) & (fleet.jump | fleet.drift)
    since = np.broadcast_to(np.array(promised.starts), level.shape).copy()
    shifted = np.zeros(level.shape, np.bool_)
    episodes = [e for w in seen for e in w.episodes]
    for s, t, stop, one in _spans(episodes, level.shape[1]):
        confirmed = np.logical_or.accumulate(alarmed[s, t:stop] | fleet.drift[s, t:stop])
        level[s, t:stop] = np.where(confirmed, Level.ALARM, Level.WARNING)
        eye[s, t:stop] = np.where(eye[s, t:stop] == 0, one.eye, eye[s, t:stop])
        since[s, t:stop] = promised.starts[one.since]
        if one.how in {"recovered", "accepted"} and one.end is not None:
            level[s, one.end] = Level.OK  # back at the frozen line, or decided in this window
        if one.shifted is not None:
            level[s, one.shifted : stop] = Level.WARNING
            shifted[s, one.shifted : stop] = True
    rule = np.where(level >= Level.WARNING, np.where(eye == DRIFT, Rule.DRIFT.value, Rule.JUMP.value), "")
    how = [a for g in found for a in g.how]
    level = np.minimum(level, np.array([a.top for a in how])[:, None])
    level = np.minimum(level, _young(found, promised, how))
    _sigmas(level, rule, u, how)
    drifted = rule == Rule.DRIFT.value
    silent = np.concatenate([np.isnan(g.values) for g in found]) & (level < Level.WARNING)
    return {
        "a_level": np.where(silent, -1, level),
        "a_rule": rule,
        "a_threshold": np.where(drifted, np.nan, np.where(_downward(u, how), low, high)),
        "a_reference": np.where(drifted, far, centre),
        "a_low": low,
        "a_high": high,
        "a_p": p,
        "a_size": np.abs(u),
        "a_since": since,
        "a_shifted": shifted,
        "a_warm": warm,
        "a_asked": np.broadcast_to(np.array([a.asked for a in how])[:, None], level.shape),
    }


def _downward(u: Floats, how: Sequence[Adaptive]) -> Bools:
    """Where the lower line is the one to show: of a metric that is bad on one side only that side's."""
    side = np.array([{"up": 1, "down": -1}.get(a.direction, 0) for a in how])[:, None]
    return np.asarray((side < 0) | ((side == 0) & (u < 0)))


def _young(found: Sequence[Group], promised: Promised, how: Sequence[Adaptive]) -> Ints:
    """The level that a line nobody asked for may reach while it is young: its promise was measured with more.

    A warning; of a distance, which piles up at nothing and has a fixed line from the first window on, none.
    """
    there = np.concatenate([~np.isnan(g.values) for g in found])
    first = np.where(there.any(axis=1), there.argmax(axis=1), there.shape[1])
    grown = first + (MEASURED_DAYS * promised.per_day if promised.per_day > 2 else MEASURED_WINDOWS)
    asked = np.array([a.asked for a in how])
    young = ~asked[:, None] & (np.arange(there.shape[1]) < grown[:, None])
    distance = np.concatenate([np.full(g.keys.height, g.scale.distance) for g in found])
    most = np.where(distance, int(Level.OK), int(Level.WARNING))[:, None]
    return np.asarray(np.where(young, most, int(Level.ALARM)))


def _spans(episodes: Sequence[Sequence[Episode]], windows: int) -> Iterator[tuple[int, int, int, Episode]]:
    """Series, first window, window after the last, and the incident itself."""
    for s, own in enumerate(episodes):
        for one in own:
            open_ = one.end is None or one.how == "shifted"
            yield s, one.opened, windows if open_ or one.end is None else one.end, one


def _back(group: Group) -> tuple[Floats, Floats, Floats, Floats, Bools]:
    """Line, forecast and old line in the metric's unit, and where history is too short."""
    seen, kind = group.watched, group.scale.kind
    rows = np.where(group.rows > 0, group.rows, 1e9)
    low, centre, high, far = (back(kind, y, rows) for y in (seen.low, seen.centre, seen.high, seen.far))
    return low, centre, high, far, np.isnan(seen.centre)


def _sigmas(level: Ints, rule: NDArray[np.str_], u: Floats, how: Sequence[Adaptive]) -> None:
    """Bounds in sigmas, in place: no evidence is asked for beside the size."""
    for s, own in enumerate(how):
        side = {"up": u[s], "down": -u[s]}.get(own.direction, np.abs(u[s]))
        for wanted, width in sorted(own.sigmas.items()):
            beyond = (side >= width) & (level[s] < wanted)
            level[s, beyond], rule[s, beyond] = wanted, Rule.SIGMA.value
