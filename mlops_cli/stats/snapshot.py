"""Snapshot: the state of a watch as plain arrays, so that new windows need not judge the old ones again."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.episode import Episode
from mlops_cli.stats.line import Line
from mlops_cli.stats.rare import Rare
from mlops_cli.stats.watched import Batch, Promise, State

Arrays = dict[str, NDArray[Any]]

METHOD = 2  # goes up when the same windows would be judged otherwise
PROBES = (0.05, 1.0, 5.0)  # levels at which the effect that matters is asked for
SEEN = (
    "level", "status", "eye", "centre", "low", "high", "normal", "far", "p", "u", "evidence", "running",
)  # fmt: skip
OWN = (
    "total", "running", "cusum", "onset", "calm", "hot", "opened", "accepted", "spiked", "busy", "upward",
)  # fmt: skip


def digest(batch: Batch, how: Promise, stop: int) -> str:
    """Of everything that the windows before `stop` are judged by."""
    found = hashlib.blake2b(digest_size=16)
    found.update(json.dumps([METHOD, stop, asdict(how), batch.counted], sort_keys=True).encode())
    for part in (batch.y, batch.sampling, batch.events, batch.exposure, batch.excluded):
        found.update(b"-" if part is None else np.ascontiguousarray(part[:, :stop]).tobytes())
    rows = np.arange(len(batch.y))
    effects = [batch.min_effect(np.full(len(rows), probe), rows) for probe in PROBES]
    for values in (batch.side, batch.calendar.slot[:stop], batch.calendar.day[:stop], *effects):
        found.update(np.ascontiguousarray(values).tobytes())
    accepted = [sorted((t, since) for t, since in own.items() if t < stop) for own in batch.accepted]
    found.update(json.dumps(accepted).encode())
    return found.hexdigest()


def snapshot(state: State, stop: int) -> Arrays:
    """The state before the block that begins at window `stop`."""
    out: Arrays = {"stop": np.array(stop)}
    for name in SEEN:
        out[f"seen.{name}"] = np.ascontiguousarray(getattr(state.seen, name)[:, :stop])
    for name in OWN:
        out[name] = np.array(getattr(state, name))
    out["told"], out["learnt"] = state.told[:, :stop].copy(), state.learnt[:, :stop].copy()
    pool, fits = state.pool, state.fits
    out["pool.size"] = pool.size[:, :stop].copy()
    for name in ("top", "when", "count", "stale"):
        out[f"pool.{name}"] = np.array(getattr(pool, name))
    out["pool.until"] = np.array(pool.until)
    for name in ("oldest", "kind", "refits"):
        out[f"fits.{name}"] = np.array(getattr(fits, name))
    out["fits"] = np.array(len(fits.times))
    for k, (time, line, rare) in enumerate(zip(fits.times, fits.lines, fits.rares, strict=True)):
        out[f"fit{k}.time"] = time.copy()
        for f in fields(Line):
            out[f"fit{k}.line.{f.name}"] = getattr(line, f.name).copy()
        for f in fields(Rare) if rare is not None else ():
            out[f"fit{k}.rare.{f.name}"] = getattr(rare, f.name).copy()
    seen = state.seen.episodes
    told = {
        "episodes": [[{**asdict(e), "season": e.season.tolist()} for e in own] for own in seen],
        "live": {str(s): seen[s].index(e) for s, e in state.live.items()},
        "pending": {str(s): [seen[s].index(e) for e in own] for s, own in state.pending.items()},
        "rebasings": state.seen.rebasings,
    }
    out["told.json"] = np.frombuffer(json.dumps(told).encode(), np.uint8).copy()
    return out


def restore(batch: Batch, how: Promise, data: Mapping[str, NDArray[Any]]) -> tuple[State, int]:
    """The state that `snapshot` took, over a batch with further windows; and where it stopped."""
    state, stop = State(batch, how), int(data["stop"])
    for name in SEEN:
        getattr(state.seen, name)[:, :stop] = data[f"seen.{name}"]
    for name in OWN:
        setattr(state, name, np.array(data[name]))
    state.told[:, :stop], state.learnt[:, :stop] = data["told"], data["learnt"]
    state.pool.size[:, :stop] = data["pool.size"]
    for name in ("top", "when", "count", "stale"):
        setattr(state.pool, name, np.array(data[f"pool.{name}"]))
    state.pool.until = int(data["pool.until"])
    for name in ("oldest", "kind", "refits"):
        setattr(state.fits, name, np.array(data[f"fits.{name}"]))
    for k in range(int(data["fits"])):
        state.fits.times.append(np.array(data[f"fit{k}.time"]))
        state.fits.lines.append(Line(**_part(data, f"fit{k}.line.")))
        rare = _part(data, f"fit{k}.rare.")
        state.fits.rares.append(Rare(**rare) if rare else None)
    _tell(state, json.loads(bytes(data["told.json"])))
    return state, stop


def _part(data: Mapping[str, NDArray[Any]], prefix: str) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): np.array(data[name]) for name in data if name.startswith(prefix)}


def _tell(state: State, told: Mapping[str, Any]) -> None:
    seen = state.seen.episodes
    for s, own in enumerate(told["episodes"]):
        seen[s][:] = [Episode(**{**e, "season": np.array(e["season"])}) for e in own]
        state.seen.rebasings[s][:] = [(t, since, jump) for t, since, jump in told["rebasings"][s]]
    state.live.update({int(s): seen[int(s)][i] for s, i in told["live"].items()})
    state.pending.update({int(s): [seen[int(s)][i] for i in own] for s, own in told["pending"].items()})
