"""History: one report file a run under the state folder, written once and never changed."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.result.report import Report

FOLDER = "history"
KEPT = ("models", "changes", "known")  # tables that a history needs; the others can be computed again


def save(state: Path | None, report: Report) -> str:
    """Add a run.

    Parameters
    ----------
    state : the state folder; None: nothing is kept
    report : of the run

    Returns
    -------
    str
        What to say where it could not be kept; empty where it was.

    """
    if state is None:
        return ""
    data = report.to_dict()
    data["tables"] = [t for t in data["tables"] if t["name"] in KEPT]
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    name = (
        f"{_stamp(data['generated'])}-{data['command']}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    )
    part = state / FOLDER / f".{name}.part"
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(state / FOLDER / name)
    except OSError as error:
        return f"this run is not in the history: {state / FOLDER} cannot be written ({error.strerror})"
    return ""


def _stamp(at: str) -> str:
    """An ISO time as the names of the files begin with it."""
    return at.replace(":", "").replace("-", "")


def runs(state: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every run that was kept, oldest first, as JSON; a file that is no report is passed over."""
    for path in sorted((state / FOLDER).glob("*.json")):
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(data, dict) and "judgement" in data:
            yield path, data


def settings_changed(state: Path, first: str, last: str) -> list[tuple[str, str]]:
    """Runs of `monitor` whose settings were other than those of the run before.

    Parameters
    ----------
    state : the state folder
    first, last : ISO times (UTC, ending in Z) between which the runs lie

    Returns
    -------
    list of (time of the run, time of the run before)

    """
    begin, end = (_stamp(at) for at in (first, last))
    files = [p for p in sorted((state / FOLDER).glob("*-monitor-*.json")) if p.name[:16] <= end]
    earlier = sum(p.name[:16] < begin for p in files)
    out: list[tuple[str, str]] = []
    old: tuple[str, str] | None = None
    for path in files[max(earlier - 1, 0) :]:
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            new = str(data["generated"]), str(data["digests"]["settings"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if old is not None and new[1] != old[1]:
            out.append((new[0], old[0]))
        old = new
    return out


@dataclass(frozen=True)
class Seen:
    """One incident over the runs that told of it; times are ISO texts.

    `since` is the onset, `first` and `last` the runs that saw it open, `status` what the last run says.
    """

    id: str
    level: str
    since: str
    first: str
    last: str
    status: str
    runs: int
    message: str


def incidents(state: Path) -> list[Seen]:
    """The incidents of all runs, the latest first; the same finding with the same onset is one."""
    found: dict[tuple[str, str], Seen] = {}
    order = {"ok": 0, "unknown": 1, "warning": 2, "alarm": 3}
    for _, data in runs(state):
        for one in data["judgement"]["findings"]:
            key = (one["id"], one["since"])
            old = found.get(key)
            when = data["generated"]
            worst = one["level"] if old is None or order[one["level"]] >= order[old.level] else old.level
            found[key] = Seen(
                one["id"],
                worst,
                one["since"],
                old.first if old else when,
                when if one["status"] != "recovered" or old is None else old.last,
                one["status"],
                (old.runs if old else 0) + 1,
                one["message"],
            )
    return sorted(found.values(), key=lambda s: (s.since, s.id), reverse=True)


def named(state: Path | None, name: str) -> list[Mapping[str, Any]]:
    """The findings of the latest run that has any with this id, or of this code."""
    for _, data in reversed(list(runs(state))) if state is not None else ():
        mine = [f for f in data["judgement"]["findings"] if name in (f["id"], f["code"])]
        if mine:
            return mine
    return []
