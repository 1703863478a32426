"""Beside: what `shadow-compare` and `automation` are asked about people and a model, beyond the logs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from typer import Option

from mlops_cli.cli.ask import one_of
from mlops_cli.errors import UsageError
from mlops_cli.result.verdict import Degree

DEGREES = tuple(d.value for d in Degree)
# role → what its column holds, as --help has it
ROLES: Mapping[str, str] = {
    "item": "what was decided about",
    "rater": "who decided",
    "kind": "human or model, in a long table",
    "human": "what people decided, one a person",
    "model": "what the model decided",
    "confidence": "how sure the model was",
    "outcome": "what was right",
    "time": "when",
    "seconds": "how long the person took",
    "saw": "whether the person saw the output",
    "initial": "the person's decision before seeing it",
    "final": "the person's decision after seeing it",
    "audit": "whether it is an audit of an automated decision",
}


@dataclass(frozen=True)
class Beside:
    """Options of the comparison of people and a model; empty means the configuration's, or the default.

    Parameters
    ----------
    roles : role → columns
    human_counts : glob of columns that count people by class
    model_rater : the rater that is the model; `version` of the model
    order, classes : decisions in their order, all that there are; `alias` as logged → as meant
    ignore_case, tolerance : when two decisions are one
    keep : COLUMN=VALUE that stays with people
    outcomes : file with item and outcome, of the disagreements at least
    disagreements : file to write the disagreements to, to be labelled
    current, margin, max_error, min_automation, max_human_load, delta : of `[automation]`
    min_degree, min_agreement : less fails
    cost : TRUTH:DECISION=COST
    look : number of this look; `record` writes this one to mlops.decisions.toml
    name_raters : people by name, not by pseudonym

    """

    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    human_counts: str = ""
    model_rater: str = ""
    version: str = ""
    order: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    alias: Mapping[str, str] = field(default_factory=dict)
    ignore_case: bool = False
    tolerance: float | None = None
    keep: tuple[str, ...] = ()
    outcomes: str = ""
    disagreements: str = ""
    current: str = ""
    margin: float | None = None
    max_error: float | None = None
    min_automation: float | None = None
    max_human_load: float | None = None
    delta: float | None = None
    min_degree: str = ""
    min_agreement: float | None = None
    cost: tuple[str, ...] = ()
    look: int | None = None
    record: bool = False
    name_raters: bool = False

    def settings(self) -> dict[str, Any]:
        """The keys of `[automation]` that were given."""
        given = {
            "current": one_of("--current", self.current, DEGREES),
            "min_degree": one_of("--min-degree", self.min_degree, DEGREES),
            "model_rater": self.model_rater,
            "human_counts": self.human_counts,
            "order": self.order,
            "classes": self.classes,
            "alias": dict(self.alias),
            "ignore_case": self.ignore_case,
            "keep": self.keep,
            "cost": costs(self.cost),
        }
        numbers = {
            "margin": self.margin,
            "max_error": self.max_error,
            "min_automation": self.min_automation,
            "max_human_load": self.max_human_load,
            "delta": self.delta,
            "min_agreement": self.min_agreement,
            "tolerance": self.tolerance,
        }
        return {k: v for k, v in given.items() if v} | {k: v for k, v in numbers.items() if v is not None}


def costs(pairs: Sequence[str]) -> dict[str, dict[str, float]]:
    """`TRUTH:DECISION=COST` → truth → decision → cost."""
    out: dict[str, dict[str, float]] = {}
    for pair in pairs:
        names, equals, value = pair.rpartition("=")
        truth, colon, decision = names.partition(":")
        try:
            cost = float(value)
        except ValueError:
            cost, equals = 0.0, ""
        if not (equals and colon and truth and decision):
            raise UsageError(f"'{pair}' is no TRUTH:DECISION=COST", "--cost", "write for example yes:no=5")
        out.setdefault(truth.strip(), {})[decision.strip()] = cost
    return out


def _text(metavar: str, help_: str, *names: str) -> tuple[Any, str]:
    return Annotated[str, Option(*names, metavar=metavar, help=help_, show_default=False)], ""


def _texts(metavar: str, help_: str, *names: str) -> tuple[Any, None]:
    return Annotated[list[str] | None, Option(*names, metavar=metavar, help=f"{help_}; repeatable.")], None


def _share(help_: str, *names: str) -> tuple[Any, None]:
    return Annotated[float | None, Option(*names, metavar="SHARE", min=0, max=1, help=help_)], None


def _flag(help_: str, *names: str) -> tuple[Any, bool]:
    return Annotated[bool, Option(*names, help=help_)], False


# name → annotation and default; what stands in brackets is the default of a setting
BESIDE: Mapping[str, tuple[Any, Any]] = {
    **{
        f"{role}_column": _texts("COLUMN", f"Column: {said}", f"--{role}-column")
        if role == "human"
        else _text("COLUMN", f"Column: {said}.", f"--{role}-column")
        for role, said in ROLES.items()
    },
    "human_counts": _text("GLOB", "Columns that count people by class: 'h_*'."),
    "model_rater": _text("RATER", "Of a long table: the rater that is the model."),
    "model_version": _text("VERSION", "Only this version of the model. [the present one]"),
    "order": _text("A,B,C", "Decisions that have an order, lowest first."),
    "classes": _text("A,B,C", "All decisions there are, also those never seen."),
    "alias": _texts("LOGGED=MEANT", "A decision that is written in two ways"),
    "ignore_case": _flag("Yes and yes are one decision.", "--ignore-case"),
    "tolerance": (
        Annotated[float | None, Option("--tolerance", min=0, help="Numbers nearer than this agree. [0]")],
        None,
    ),
    "keep": _texts("COLUMN=VALUE", "Cases that stay with people"),
    "outcomes": _text("FILE", "Outcomes by item, of the disagreements at least."),
    "disagreements": _text("FILE", "Write the disagreements here, to be labelled."),
    "current": _text("|".join(DEGREES), "How much the machine does now. [shadow]"),
    "margin": _share("How much worse than people it may be on what it decides. [0.02]"),
    "max_error": _share("Error allowed among automated decisions. [off]"),
    "min_automation": _share("Automating less is of no use. [0.1]"),
    "max_human_load": _share("Share that people can take. [off]"),
    "delta": _share("Chance that the certificate is wrong. [0.05]"),
    "min_degree": _text("|".join(DEGREES), "Evidence that supports less fails."),
    "min_agreement": _share("Raw agreement below this fails."),
    "cost": _texts("TRUTH:DECISION=COST", "What a decision costs"),
    "look": (
        Annotated[int | None, Option("--look", metavar="K", min=1, help="The K-th look at the evidence.")],
        None,
    ),
    "record": _flag("Record the certificate in mlops.decisions.toml.", "--record"),
    "name_raters": _flag("People by name, not by pseudonym.", "--name-raters"),
}


def beside(options: Mapping[str, Any]) -> Beside:
    """What was asked, from the options as typed."""
    roles = {}
    for role in ROLES:
        value = options[f"{role}_column"]
        if value:
            roles[role] = tuple(value) if isinstance(value, list) else (value,)
    return Beside(
        roles=roles,
        human_counts=options["human_counts"],
        model_rater=options["model_rater"],
        version=options["model_version"],
        order=_list(options["order"]),
        classes=_list(options["classes"]),
        alias=_aliases(options["alias"] or ()),
        ignore_case=options["ignore_case"],
        tolerance=options["tolerance"],
        keep=tuple(options["keep"] or ()),
        outcomes=options["outcomes"],
        disagreements=options["disagreements"],
        current=options["current"],
        margin=options["margin"],
        max_error=options["max_error"],
        min_automation=options["min_automation"],
        max_human_load=options["max_human_load"],
        delta=options["delta"],
        min_degree=options["min_degree"],
        min_agreement=options["min_agreement"],
        cost=tuple(options["cost"] or ()),
        look=options["look"],
        record=options["record"],
        name_raters=options["name_raters"],
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _aliases(pairs: Sequence[str]) -> dict[str, str]:
    out = {}
    for pair in pairs:
        logged, equals, meant = pair.partition("=")
        if not (equals and logged and meant):
            raise UsageError(f"'{pair}' is no LOGGED=MEANT", "--alias", "write for example Y=yes")
        out[logged.strip()] = meant.strip()
    return out
