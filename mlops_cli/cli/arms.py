"""Arms: what `canary` and `blue-green` are asked about two versions, beyond the logs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from typer import Option

from mlops_cli.cli.ask import one_of

PHASES = ("ready", "switch", "watch")


@dataclass(frozen=True)
class Arms:
    """Options of the comparison of two arms; empty means the configuration's, or the default.

    Parameters
    ----------
    control, treatment : values of the column that tells the arms apart; treatment alone: a new capability
    share : planned share of the treatment: `0.05`, `auto`, or `0.01@TIME,0.05@TIME`
    unit : column of what is independent, `request` for each row
    phase : of blue-green: ready, switch or watch
    replay : the verdict after every window
    explain : of each metric, what decided
    plan : how long a decision takes, before there is one
    emit : KIND or KIND=PATH, what acts on the verdict
    record : write what was recommended to mlops.decisions.toml

    """

    control: str = ""
    treatment: str = ""
    share: str = ""
    unit: str = ""
    phase: str = ""
    replay: bool = False
    explain: bool = False
    plan: bool = False
    emit: tuple[str, ...] = ()
    record: bool = False


def _text(metavar: str, help_: str, *names: str) -> tuple[Any, str]:
    return Annotated[str, Option(*names, metavar=metavar, help=help_, show_default=False)], ""


def _flag(help_: str, name: str) -> tuple[Any, bool]:
    return Annotated[bool, Option(name, help=help_)], False


_SHARED: Mapping[str, tuple[Any, Any]] = {
    "share": _text("SHARE", "Of the treatment, as planned: 0.05, auto, 0.01@TIME,0.05@TIME. [auto]"),
    "unit": _text("COLUMN", "What is independent: user_id, session; request: each row. [auto]"),
    "replay": _flag("The verdict after every window.", "--replay"),
    "explain": _flag("Of each metric: estimate, bound, margin, evidence.", "--explain"),
    "plan": _flag("How long a decision takes at the present traffic.", "--plan"),
    "emit": (
        Annotated[
            list[str] | None,
            Option(
                "--emit",
                metavar="KIND[=PATH]",
                help="weights, argo, flagger, nginx; on standard output instead of the report; repeatable.",
            ),
        ],
        None,
    ),
    "record": _flag("Write what is recommended to mlops.decisions.toml.", "--record"),
}
CANARY: Mapping[str, tuple[Any, Any]] = {
    "control": _text("NAME", "The arm that serves now; none: a new capability."),
    "treatment": _text("NAME", "The arm that is to take over."),
    **_SHARED,
}
BLUE_GREEN: Mapping[str, tuple[Any, Any]] = {
    "control": _text("NAME", "The version that serves now.", "--blue"),
    "treatment": _text("NAME", "The version that is to take over.", "--green"),
    "phase": _text("|".join(PHASES), "Before, during or after the switch. [by the traffic]"),
    **_SHARED,
}


def arms(options: Mapping[str, Any]) -> Arms:
    """What was asked, from the options as typed."""
    return Arms(
        control=options["control"],
        treatment=options["treatment"],
        share=options["share"],
        unit=options["unit"],
        phase=one_of("--phase", options.get("phase", ""), PHASES),
        replay=options["replay"],
        explain=options["explain"],
        plan=options["plan"],
        emit=tuple(options["emit"] or ()),
        record=options["record"],
    )


# Annotations of a command's parameter: `canary` names its arms otherwise than `blue-green`.
Canary = Annotated[Arms, "control and treatment"]
BlueGreen = Annotated[Arms, "blue and green"]
