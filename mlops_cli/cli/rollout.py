"""The steps that `canary` and `blue-green` share: logs of two arms → counts → comparison at every look."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log

from pydantic import ValidationError

from mlops_cli.cli.arms import Arms
from mlops_cli.cli.ask import Ask
from mlops_cli.cli.asked import ready
from mlops_cli.cli.moments import moment
from mlops_cli.cli.steps import SECOND, State, Unit, units
from mlops_cli.config.load import Loaded
from mlops_cli.config.rollout import STEPS
from mlops_cli.config.rollout import Rollout as Asked
from mlops_cli.config.section import seconds
from mlops_cli.decide.rollout import Decision, Rules, decide
from mlops_cli.errors import UsageError
from mlops_cli.judge.arm_tables import Tables
from mlops_cli.judge.compare import compare, looks
from mlops_cli.judge.traffic import Plan
from mlops_cli.ledger.decisions import Decisions, beside, read
from mlops_cli.profile.arm_rows import Range
from mlops_cli.profile.arms import ArmCounts, count_arms
from mlops_cli.result.comparison import Comparison

Progress = Callable[[int, int], None]
ALWAYS = float("-inf")


@dataclass(frozen=True)
class Compared:
    """Everything that the report is made of."""

    ask: Ask
    arms: Arms
    loaded: Loaded
    asked: Asked
    unit: Unit
    counts: ArmCounts
    tables: Tables
    plan: Plan
    plan_said: str
    look: int
    now: int | None
    comparison: Comparison
    decision: Decision
    ledger: Decisions
    note: str


def compared(ask: Ask, arms: Arms, progress: Progress | None, command: str) -> Compared:
    """Read, count, compare and decide.

    Raises
    ------
    UsageError
        Where an option, the configuration or the ledger is wrong, or nothing tells the arms apart.
    DataError
        Where no row can be read.

    """
    loaded = ready(ask)
    state = State(ask, loaded)
    unit = one_unit(units(ask, loaded, state, progress), ask)
    asked = rollout(unit.settings.rollout, ask, arms, command)
    wanted = range_of(ask, unit)
    within = seconds(unit.settings.line("output", "redo-rate").within)
    counts = count_arms(unit.logs.parts, asked, ask.segments, wanted, within)
    ledger = read(beside(loaded.folder))
    plan, said = plan_of(asked, counts, ledger, unit.settings.project.timezone)
    tables = Tables(counts)
    look = looks(counts, asked, wanted.now)
    comparison = compare(tables, asked, plan, look)
    return Compared(
        ask,
        arms,
        loaded,
        asked,
        unit,
        counts,
        tables,
        plan,
        said,
        look,
        wanted.now,
        comparison,
        decide(comparison, rules(asked)),
        ledger,
        state.note,
    )


def one_unit(found: list[Unit], ask: Ask) -> Unit:
    """Two arms are of one model."""
    if len(found) == 1:
        return found[0]
    names = [u.name for u in found]
    raise UsageError(
        f"these logs are of {len(found)} models", ", ".join(ask.paths), f"pass --model: {', '.join(names)}"
    )


def rollout(settings: Asked, ask: Ask, arms: Arms, command: str) -> Asked:
    """The settings with the options of this call laid over them."""
    given = {
        "control": arms.control,
        "treatment": arms.treatment,
        "share": arms.share,
        "unit": arms.unit,
        "window": ask.window,
    }
    values = settings.model_dump()
    if arms.treatment and not arms.control:
        values["control"] = ""  # a new capability, whatever the file says
    values |= {k: v for k, v in given.items() if v}
    if command == "blue-green" and settings.steps == STEPS:
        values["steps"] = tuple(dict.fromkeys((0.05, 0.25, 0.50, 1.0 - settings.holdback, 1.0)))
    try:
        return Asked.model_validate(values)
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        what, _, do = said.partition(": ")
        raise UsageError(what[:1].lower() + what[1:], "the command line", do) from None


def rules(asked: Asked) -> Rules:
    """What the decision goes by."""
    return Rules(
        steps=asked.steps,
        growth=asked.growth,
        min_units=asked.min_units,
        min_windows=asked.min_windows,
        grace=asked.grace,
        max_time=seconds(asked.max_time) if asked.max_time != "auto" else float("inf"),
        on_timeout=asked.on_timeout,
        on_harm=asked.on_harm,
        enough=-log(asked.alpha_rollback),
    )


def range_of(ask: Ask, unit: Unit) -> Range:
    """The rows that count, in microseconds."""
    zone = unit.settings.project.timezone

    def at(value: str | datetime | None, *, end: bool) -> int | None:
        if value is None or value == "":
            return None
        found = value if isinstance(value, datetime) else moment(value, zone, end=end)
        return round(found.astimezone(UTC).timestamp() * SECOND)

    model = "" if unit.name else ask.model  # a sub-folder of its own is of one model
    return Range(at(ask.since, end=False), at(ask.until, end=True), at(ask.now, end=True), model)


def plan_of(asked: Asked, counts: ArmCounts, ledger: Decisions, zone: str) -> tuple[Plan, str]:
    """The planned shares, and where they are from; empty: the share is estimated.

    `--share`, else the configuration's, else the ramps of the ledger for this treatment.
    """
    if asked.share == "auto":
        return (), "the share is estimated, not tested (--share)"
    if asked.share:
        return parse_share(asked.share, zone), f"planned share: {asked.share}"
    ramps = ledger.of("ramp", treatment=counts.treatment)
    plan = sorted((_since(r["since"], zone), float(r["share"])) for r in ramps)
    if plan:
        return tuple(plan), f"planned shares: {len(plan)} ramps of the decisions"
    return (), "no planned share: it is estimated, and the split is not tested (--share)"


def parse_share(text: str, zone: str) -> Plan:
    """`0.05`, or `0.01@2026-01-31T06:00,0.05@...`."""
    out = []
    for part in text.split(","):
        share, at, time = part.strip().partition("@")
        try:
            value = float(share)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1 or bool(at) != bool(time):
            raise UsageError(
                f"'{part}' is no share", "--share", "write auto, 0.05, or 0.01@2026-01-31T06:00,0.05@..."
            )
        out.append((moment(time, zone).timestamp() * SECOND if at else ALWAYS, value))
    if len(out) > 1 and out[0][0] == ALWAYS:
        out[1:] = sorted(out[1:])
    if [s for s, _ in out] != sorted({s for s, _ in out}):
        raise UsageError(
            "the times of the shares do not rise", "--share", "write them in order, each with @TIME"
        )
    return tuple(out)


def _since(value: object, zone: str) -> float:
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() * SECOND
    return moment(str(value), zone).timestamp() * SECOND


def replay(c: Compared) -> list[tuple[Comparison, Decision]]:
    """The comparison and the decision after every window, as they would have been then."""
    by = rules(c.asked)
    found = [compare(c.tables, c.asked, c.plan, k) for k in range(1, c.look + 1)]
    return [(f, decide(f, by)) for f in found]
