"""The steps that `shadow-compare` and `automation` share: logs of people and a model → evidence and gates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from mlops_cli.cli.ask import Ask
from mlops_cli.cli.asked import ready
from mlops_cli.cli.beside import ROLES, Beside
from mlops_cli.cli.moments import moment
from mlops_cli.cli.steps import State
from mlops_cli.config.automation import Automation as Asked
from mlops_cli.config.load import Loaded
from mlops_cli.config.settings import Settings
from mlops_cli.errors import DataError, UsageError
from mlops_cli.judge.people.evidence import Evidence, Looks, evidence, mark, ranked, without_kept
from mlops_cli.judge.people.gates import gates
from mlops_cli.ledger.decisions import Decisions as Ledger
from mlops_cli.ledger.decisions import append, beside, read
from mlops_cli.logs.discover import discover
from mlops_cli.logs.open import open_logs
from mlops_cli.logs.outcomes import with_outcomes
from mlops_cli.logs.people import joined
from mlops_cli.logs.shadow import SEGMENT, Shadow, side_by_side
from mlops_cli.logs.sides import SIDES, Wanted
from mlops_cli.logs.tables import tables
from mlops_cli.profile.decisions import Decisions, Reading, decisions
from mlops_cli.profile.labels import Words
from mlops_cli.result.automation import Gate

Progress = Callable[[int, int], None]
KIND, COMMAND = "look", "automation"
# of the file of disagreements
NAMES = {"human": "human_decision", "model": "model_decision", "outcome": "outcome"}
TAKEN = {"item", "confidence", *NAMES.values()}


@dataclass(frozen=True)
class Compared:
    """Everything that the report is made of."""

    ask: Ask
    beside: Beside
    loaded: Loaded
    asked: Asked
    shadow: Shadow
    decisions: Decisions
    evidence: Evidence
    gates: tuple[Gate, ...]
    kept_gates: tuple[Gate, ...]
    ledger: Ledger
    counted: bool
    notes: tuple[str, ...]


def compared(ask: Ask, options: Beside, progress: Progress | None) -> Compared:
    """Read, count, measure and judge.

    Raises
    ------
    UsageError
        Where an option, the configuration or a column is wrong.
    DataError
        Where no row can be read.

    """
    loaded = ready(ask)
    asked = automation(loaded.settings, options)
    state = State(ask, loaded)
    shadow, notes = _shadow(ask, options, loaded, asked, state, progress)
    if options.outcomes:
        shadow = with_outcomes(shadow, options.outcomes, state.text)
    d = decisions(shadow, _reading(ask, options, loaded.settings, asked))
    path = beside(loaded.folder)
    ledger = read(path)
    counted = options.look is not None or options.record or path.exists()
    rank = ranked(d)
    digest = mark(d, rank[1], asked, shadow.model)
    looks = _looks(ledger, shadow.model, d, digest)
    number = options.look if options.look is not None else looks.number if counted else None
    looks = replace(looks, number=number)
    found = evidence(d, rank, asked, looks, digest)
    rest = without_kept(found, asked)
    return Compared(
        ask,
        options,
        loaded,
        asked,
        shadow,
        d,
        found,
        gates(found, asked),
        gates(rest, asked) if rest is not None else (),
        ledger,
        counted,
        (*notes, *((state.note,) if state.note else ())),
    )


def automation(settings: Settings, options: Beside) -> Asked:
    """`[automation]` with the options laid over it."""
    try:
        return Asked.model_validate({**settings.automation.model_dump(), **options.settings()})
    except ValidationError as error:
        first = error.errors()[0]
        name = "--" + str(first["loc"][0]).replace("_", "-")
        raise UsageError(str(first["msg"]).lower(), name, "see --help for what it may be") from None


def _shadow(
    ask: Ask, options: Beside, loaded: Loaded, asked: Asked, state: State, progress: Progress | None
) -> tuple[Shadow, tuple[str, ...]]:
    """Decisions of both sides: from tables that hold both, else joined from logs of each."""
    wanted = Wanted(
        given=_given(ask, options, asked),
        model=ask.model,
        segments=ask.segments or loaded.settings.segments.by,
        counts=asked.human_counts,
        timezone=loaded.settings.project.timezone,
    )
    found = tables(
        ask.paths,
        loaded.settings,
        wanted,
        text_cache=state.text,
        config_dir=loaded.folder,
        stdin_format=ask.stdin_format,
    )
    if found.tables:
        shadow = side_by_side(found.tables, ask.model, asked.model_rater)
        passed = [f"no decisions of both sides in {_few(found.others)}"] if found.others else []
        return shadow, (*found.notes, *passed)
    if options.roles or asked.human_counts or asked.model_rater:
        raise DataError(
            "no table holds decisions of people and of a model",
            ", ".join(ask.paths) or "[sources]",
            "name the columns of both: --human-column, --model-column (long: --rater-column, --model-rater)",
        )
    seen = discover(
        ask.paths,
        loaded.settings,
        columns=ask.columns,
        stdin_format=ask.stdin_format,
        config_dir=loaded.folder,
    )
    needed = [f for f in seen.files if {f.kind, *f.split} & {"predictions", "decisions", "feedback"}]
    logs = open_logs(needed or seen.files, state.text, progress)
    return joined(logs, wanted.segments, ask.model), seen.notes


def _given(ask: Ask, options: Beside, asked: Asked) -> dict[str, tuple[str, ...]]:
    """Role → columns: options over `--column` over `[automation.columns]`."""
    out: dict[str, tuple[str, ...]] = {}
    for role, columns in asked.columns.items():
        if role not in SIDES:
            raise UsageError(
                f"unknown role '{role}'", "[automation.columns]", f"choose one of: {', '.join(SIDES)}"
            )
        out[role] = (columns,) if isinstance(columns, str) else tuple(columns)
    out |= {role: (column,) for role, column in ask.columns.items() if role in SIDES}
    out |= {role: columns for role, columns in options.roles.items() if role in ROLES}
    if asked.model_rater:
        out["model_rater"] = (asked.model_rater,)
    return out


def _reading(ask: Ask, options: Beside, settings: Settings, asked: Asked) -> Reading:
    zone = settings.project.timezone

    def at(value: str | datetime | None, *, end: bool) -> datetime | None:
        if value is None or value == "":
            return None
        return value.astimezone(UTC) if isinstance(value, datetime) else moment(value, zone, end=end)

    return Reading(
        Words(asked.alias, asked.ignore_case, asked.order, asked.classes),
        asked.tolerance,
        asked.current,
        tuple(_slice(k) for k in asked.keep),
        options.version,
        at(ask.since, end=False),
        at(ask.until, end=True),
    )


def _slice(text: str) -> tuple[str, str]:
    column, equals, value = text.partition("=")
    if not equals or not column:
        raise UsageError(f"'{text}' is no COLUMN=VALUE", "--keep", "write for example origin=JFK")
    return column.strip(), value.strip()


def _looks(ledger: Ledger, model: str, d: Decisions, digest: str) -> Looks:
    """Which look this is, and the last certificate before it that has still to be confirmed."""
    rows = ledger.of(KIND, command=COMMAND, model=model, version=d.version)
    digests = list(dict.fromkeys(str(r["digest"]) for r in rows))
    number = digests.index(digest) + 1 if digest in digests else len(digests) + 1
    before = [r for r in rows if r["digest"] != digest and r.get("threshold") is not None]
    last: Mapping[str, Any] = before[-1] if before else {}
    until = last.get("until")
    certified = {str(r.get("until") or r["digest"]) for r in rows if r.get("threshold") is not None}
    return Looks(
        number,
        float(last["threshold"]) if last and until else None,
        until if isinstance(until, datetime) else None,
        len(certified),
    )


def record(c: Compared, clock: datetime) -> None:
    """Write this look to mlops.decisions.toml, once for the same evidence."""
    found = c.evidence.certificate
    where = {"command": COMMAND, "model": c.shadow.model, "version": c.decisions.version}
    if c.ledger.of(KIND, digest=found.digest, **where):
        return
    append(
        beside(c.loaded.folder),
        KIND,
        {
            "digest": found.digest,
            **where,
            "look": found.looks,
            "delta": found.delta,
            "threshold": found.threshold,
            "coverage": found.coverage,
            "until": _ceiled(c.decisions.end),
            "at": clock,
        },
    )


def _ceiled(at: datetime | None) -> datetime | None:
    """Whole seconds, not before the last record: what was seen is not confirmed by itself."""
    if at is None or not at.microsecond:
        return at
    return at.replace(microsecond=0) + timedelta(seconds=1)


def write_disagreements(c: Compared) -> int:
    """Write the items on which both sides part, for people to find out what is right; returns how many."""
    frame = parted(c.decisions)
    path = Path(c.beside.disagreements)
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".csv":
            frame.write_csv(part)
        elif path.suffix in {".jsonl", ".ndjson"}:
            frame.write_ndjson(part)
        else:
            frame.write_parquet(part)
        part.replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write: {error.strerror}", str(path), "name a file in a folder that can be written"
        ) from None
    return frame.height


def parted(d: Decisions) -> pl.DataFrame:
    """Units on which the model and a person part, the surest first, with the outcome where it is known."""
    units = d.units.filter(pl.col("model").is_not_null())
    apart = pl.col("apart").fill_null(value=False)
    if d.pairs.height > d.units.height or "human" not in d.pairs.columns:  # several people an item
        apart |= pl.col("with_model") < pl.col("raters")
    labels = dict(enumerate(d.classes))

    def said(name: str) -> pl.Expr:
        value = pl.col(name)
        return (value.replace_strict(labels, return_dtype=pl.String) if labels else value).alias(NAMES[name])

    chosen = units.filter(apart)
    order = [pl.col("confidence").is_null(), -pl.col("confidence"), pl.col("item"), pl.col("rater")]
    slices = [c for c in chosen.columns if c.startswith(SEGMENT)]
    return (
        chosen.sort(*order, "model", "human", nulls_last=True)
        .select("item", said("model"), said("human"), "confidence", said("outcome"), *slices)
        .rename({c: c.removeprefix(SEGMENT) for c in slices if c.removeprefix(SEGMENT) not in TAKEN})
    )


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
