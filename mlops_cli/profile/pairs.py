"""Counts of joined logs: asked again, user actions, labels, and requests that left no record."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import polars as pl

from mlops_cli.config.section import seconds
from mlops_cli.config.settings import Settings
from mlops_cli.logs.expressions import available
from mlops_cli.logs.format import Part
from mlops_cli.logs.join import (
    Tally,
    can_be_asked_again,
    reasks,
    shared_id,
    with_feedback,
    with_record,
)
from mlops_cli.profile.kept_frames import digest, load, of_files, save
from mlops_cli.profile.spec import WindowSpec
from mlops_cli.profile.windowed import windowed

VERSION = 2  # goes up when the same files would be counted differently
COUNTS: dict[str, pl.DataType] = {
    "window": pl.Int64(),
    "model": pl.String(),
    "component": pl.String(),
    "arm": pl.String(),
    "field": pl.String(),
    "n": pl.Int64(),
    "k": pl.Int64(),
}
NAMES = ("redo", "actions", "labels", "completeness")
ACTIONS = 20  # the most frequent ones; a column of free text has no end of them
GROUP = ("window", "model", "arm")


@dataclass(frozen=True)
class Pairs:
    """What the logs say together.

    Parameters
    ----------
    counts : by name, frames of COUNTS
    unavailable : name → why these logs cannot give it
    notes : how many records were repeated, orphaned or lost, in words

    """

    counts: dict[str, pl.DataFrame]
    unavailable: dict[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Count:
    """One of NAMES: its counts, or why there are none."""

    frame: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COUNTS))
    why: str = ""
    notes: tuple[str, ...] = ()


def pairs(
    logs_parts: Sequence[Part],
    spec_window: WindowSpec,
    settings: Settings,
    cache: Path | None = None,
    partitions: int = 0,
) -> Pairs:
    """Joined counts of all parts, by window, model and arm.

    `redo` counts predictions (n) and those that repeat what the same user asked shortly before or got
    the action redo (k); `actions` predictions with an action (n) and those with this one (k, `field`);
    `labels` predictions (n) and those with a label (k); `completeness` successful requests (n) and those
    with a prediction record (k), in the window of the request.

    Parameters
    ----------
    logs_parts : of all kinds, in any order
    spec_window : the windows
    settings : for `redo-rate.within`
    cache : folder of earlier counts; with equal files none is read. One new file counts all anew
    partitions : of the joins; 0: as many as bounded memory needs

    """
    within = seconds(settings.line("output", "redo-rate").within)
    counted = None
    key = _key(logs_parts, spec_window, within)
    if cache is not None:
        counted = _load(cache, key)
    if counted is None:
        counted = _count(logs_parts, spec_window, within, partitions)
        if cache is not None:
            _save(cache, key, counted)
    return Pairs(
        counts={name: one.frame for name, one in counted.items() if not one.why},
        unavailable={name: one.why for name, one in counted.items() if one.why},
        notes=tuple(dict.fromkeys(note for one in counted.values() for note in one.notes)),
    )


def _count(parts: Sequence[Part], window: WindowSpec, within: int, partitions: int) -> dict[str, _Count]:
    of = {kind: [p for p in parts if p.kind == kind] for kind in ("predictions", "feedback", "requests")}
    predictions = of["predictions"]
    if not predictions:
        return {name: _Count(why="there is no log of predictions") for name in NAMES}
    fed = _feed(predictions, of["feedback"], window, partitions)
    return {
        "redo": _redo(predictions, fed, window, within, partitions),
        "actions": _actions(fed),
        "labels": _labels(fed),
        "completeness": _completeness(of["requests"], predictions, window, partitions),
    }


@dataclass(frozen=True)
class _Fed:
    """Predictions with their feedback, counted by GROUP, `action` and `labelled`.

    `settled` are the idents of the predictions with the action redo and of the repeated ones: 8 bytes each.
    """

    frame: pl.DataFrame
    why: dict[str, str]
    settled: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema={"ident": pl.UInt64}))
    notes: tuple[str, ...] = ()


def _feed(
    predictions: Sequence[Part],
    feedback: Sequence[Part],
    window: WindowSpec,
    partitions: int,
) -> _Fed:
    why = {name: _lacks(predictions, feedback, name) for name in ("label", "user_action")}
    frames, settled, tally, unplaced = [], [], Tally(), 0
    empty = pl.DataFrame(schema={name: COUNTS[name] for name in GROUP})
    if all(why.values()):
        return _Fed(empty, why)
    action = pl.col("user_action").str.strip_chars().str.to_lowercase()
    for joined in with_feedback(predictions, feedback, ("model", "arm"), partitions):
        frame = windowed(joined.frame, window).with_columns(
            action=pl.when(action != "").then(action),
            labelled=pl.col("label").is_not_null(),
        )
        tally += joined.tally
        unplaced += frame["window"].null_count()
        frame = frame.drop_nulls("window")
        settled += [joined.repeated, frame.filter(pl.col("action") == "redo")["ident"]]
        frames.append(_grouped(frame, "action", "labelled"))
    frame = pl.concat(frames)
    reason = ""
    if tally.orphans == tally.right:
        reason = f"none of the {tally.right:,} ids of the feedback is among those of the predictions"
    elif not frame.height:
        reason = "no prediction has a time"
    if reason:
        return _Fed(empty, {name: why[name] or reason for name in why})
    notes = _said(
        (tally.left_repeated, "prediction records that repeat an id and row (each prediction counts once)"),
        (tally.right_repeated, "values of feedback replaced by a later one for the same prediction"),
        (tally.contradicted, "predictions whose labels contradict each other (the latest counts)"),
        (
            tally.orphans,
            f"orphans among {tally.right:,} ids of feedback (these logs hold no such prediction)",
        ),
        (tally.right_without_id, "feedback records without an id"),
        (tally.batch, "batch requests with feedback that names no row (taken for row 0)"),
        (unplaced, "predictions without a time, in no window"),
    )
    return _Fed(frame, why, pl.concat(settled).to_frame("ident"), notes)


def _labels(fed: _Fed) -> _Count:
    if fed.why["label"]:
        return _Count(why=fed.why["label"])
    labelled = pl.col("n").filter(pl.col("labelled")).sum()
    return _Count(_counts(fed.frame.group_by(GROUP).agg(pl.col("n").sum(), k=labelled)), notes=fed.notes)


def _actions(fed: _Fed) -> _Count:
    """Every action that is seen anywhere has its row wherever there are actions, with k = 0 if need be."""
    if fed.why["user_action"]:
        return _Count(why=fed.why["user_action"])
    seen = fed.frame.filter(pl.col("action").is_not_null()).rename({"action": "field"})
    if not seen.height:
        return _Count(why="no prediction has a user_action")
    totals = seen.group_by("field").agg(pl.col("n").sum()).sort("n", "field", descending=[True, False])
    notes = _said(
        (max(0, totals.height - ACTIONS), f"user actions that are rarer than the first {ACTIONS}, not listed")
    )
    places = seen.group_by(GROUP).agg(pl.col("n").sum())
    each = seen.group_by(*GROUP, "field").agg(k=pl.col("n").sum())
    frame = places.join(totals.select("field").head(ACTIONS), how="cross")
    frame = frame.join(each, on=[*GROUP, "field"], how="left").with_columns(pl.col("k").fill_null(0))
    return _Count(_counts(frame), notes=fed.notes + notes)


def _redo(
    predictions: Sequence[Part],
    fed: _Fed,
    window: WindowSpec,
    within: int,
    partitions: int,
) -> _Count:
    """A prediction counts once, be it a repeated question, one with the action redo, or both."""
    told = not fed.why["user_action"]
    known = any(map(can_be_asked_again, predictions))
    if not told and not known:
        return _Count(why=_no_redo(predictions, fed.why["user_action"]))
    asked = pl.DataFrame(
        schema={**{name: COUNTS[name] for name in GROUP}, "again": pl.Boolean, "n": pl.Int64}
    )
    if known:
        frames = []
        for joined in reasks(predictions, ("model", "arm"), within, partitions):
            frame = windowed(joined.frame, window).drop_nulls("window")
            frames.append(_grouped(frame.join(fed.settled, on="ident", how="anti"), "again"))
        asked = pl.concat(frames)
    again = asked.filter(pl.col("again")).select(*GROUP, k="n")
    if told:
        redo = fed.frame.filter(pl.col("action") == "redo").select(*GROUP, k="n")
        base, again = fed.frame, pl.concat([redo, again])
    else:
        base = asked
    totals = base.group_by(GROUP).agg(pl.col("n").sum())
    again = again.group_by(GROUP).agg(pl.col("k").sum())
    frame = totals.join(again, on=GROUP, how="left").with_columns(pl.col("k").fill_null(0))
    if not frame.height:
        return _Count(why="no prediction has both a user_id and a time")
    return _Count(_counts(frame), notes=fed.notes if told else ())


def _no_redo(predictions: Sequence[Part], why: str) -> str:
    if any("user_id" in available(p) for p in predictions):
        return "user_id is there, but no time or neither item nor features"
    absent = "there is no user_action in these logs"
    return "no user_id and no user_action" if why == absent else f"no user_id, and {why}"


def _completeness(
    requests: Sequence[Part],
    predictions: Sequence[Part],
    window: WindowSpec,
    partitions: int,
) -> _Count:
    """A failed request has no prediction: an error. A success without a record: lost logging."""
    if not requests:
        return _Count(why="there is no access log (requests)")
    if not shared_id(requests, predictions):
        return _Count(why="the access log and the predictions share no request_id or trace_id")
    frames, tally, failed, unplaced = [], Tally(), 0, 0
    for joined in with_record(requests, predictions, ("model", "arm"), partitions):
        tally += joined.tally
        failed += joined.frame.filter(pl.col("failed") & ~pl.col("recorded")).height
        frame = windowed(joined.frame.filter(~pl.col("failed")), window)
        unplaced += frame["window"].null_count()
        frames.append(_grouped(frame.drop_nulls("window"), "recorded"))
    if not tally.left or not tally.right:
        which = "request" if not tally.left else "prediction"
        return _Count(why=f"no {which} has an id")
    if tally.orphans == tally.right:
        return _Count(
            why=f"none of the {tally.left:,} ids of the access log is among those of the predictions"
        )
    recorded = pl.col("n").filter(pl.col("recorded")).sum()
    frame = pl.concat(frames).group_by(GROUP).agg(pl.col("n").sum(), k=recorded)
    if not frame.height:
        return _Count(why="no successful request has a time")
    good, lost = int(frame["n"].sum()), int((frame["n"] - frame["k"]).sum())
    said = (
        f"access log: {lost:,} of {good:,} successful requests have no prediction record (lost logging); "
        f"{failed:,} failed ones have none (errors)"
    )
    notes = _said(
        (
            tally.left_repeated,
            "access records that repeat a request (it counts once, as a success if it was one)",
        ),
        (tally.left_without_id, "access records without an id, not counted in log-completeness"),
        (tally.orphans, "ids of predictions that the access log lacks"),
        (unplaced, "successful requests without a time, in no window"),
    )
    return _Count(_counts(frame), notes=(said, *notes))


def _lacks(predictions: Sequence[Part], feedback: Sequence[Part], name: str) -> str:
    if not any(name in available(p) for p in feedback):
        return f"there is no {name} in these logs"
    if not shared_id(predictions, feedback):
        return "the feedback and the predictions share no request_id or trace_id"
    return ""


def _said(*facts: tuple[int, str]) -> tuple[str, ...]:
    return tuple(f"{words}: {number:,}" for number, words in facts if number)


def _grouped(frame: pl.DataFrame, *more: str) -> pl.DataFrame:
    """Rows by GROUP and `more`, as `n`."""
    counted = frame.group_by(*GROUP, *more).agg(n=pl.len().cast(pl.Int64))
    return counted.with_columns(pl.col("model", "arm").cast(pl.String()))


def _counts(frame: pl.DataFrame) -> pl.DataFrame:
    """In the columns and the order of COUNTS; `component` and `field` are empty where there is none."""
    absent = {name: pl.lit("") for name in ("component", "field") if name not in frame.columns}
    frame = frame.with_columns(**absent).select(pl.col(name).cast(dtype) for name, dtype in COUNTS.items())
    return frame.sort(*GROUP, "field")


def _key(parts: Sequence[Part], window: WindowSpec, within: int) -> str:
    """Digest of all that the counts depend on."""
    used = [p for p in parts if p.kind in {"predictions", "feedback", "requests"}]
    return digest(VERSION, of_files(used), asdict(window), within)


def _load(cache: Path, key: str) -> dict[str, _Count] | None:
    found = load(cache, "pairs", key, dict.fromkeys(NAMES, COUNTS))
    if found is None:
        return None
    frames, said = found
    return {name: _Count(frames[name], said[name]["why"], tuple(said[name]["notes"])) for name in NAMES}


def _save(cache: Path, key: str, counted: dict[str, _Count]) -> None:
    said = {name: {"why": one.why, "notes": one.notes} for name, one in counted.items()}
    save(cache, "pairs", key, {name: one.frame for name, one in counted.items()}, said)
