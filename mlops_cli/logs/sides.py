"""Which column of a table of decisions is what: roles by name, by option, or by `[automation.columns]`.

A table is wide (one row an item, or an item and person: what the person and what the model decided) or long
(one row an item and rater, people and models among each other).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from mlops_cli.errors import UsageError

# Role → names it goes by, the likeliest first. Upper case and blanks are no matter.
SIDES: Mapping[str, tuple[str, ...]] = {
    "item": (
        "item_id", "item", "case_id", "example_id", "sample_id", "task_id", "image_id", "document_id",
        "question_id", "request_id", "uid", "id",
    ),
    "rater": (
        "human_id", "rater", "rater_id", "annotator", "annotator_id", "worker_id", "reviewer", "person",
    ),
    "kind": ("rater_kind", "rater_type", "annotator_type"),
    "human": (
        "human_decision", "human_label", "human_answer", "human", "annotator_decision", "reviewer_decision",
        "initial_decision", "decision",
    ),
    "model": (
        "model_decision", "model_label", "model_answer", "model_prediction", "prediction", "predicted",
        "ai_decision", "model_output",
    ),
    "confidence": ("model_confidence", "confidence", "model_proba", "probability", "score"),
    "outcome": ("outcome", "ground_truth", "truth", "true_label", "gold", "actual", "label"),
    "time": ("timestamp", "ts", "time", "decided_at", "datetime"),
    "seconds": ("human_seconds", "seconds", "decision_seconds", "duration_s"),
    "saw": ("human_saw_model", "saw_model", "model_visible"),
    "initial": ("initial_decision",),
    "final": ("final_decision",),
    "initial_score": ("initial_score",),
    "model_score": ("model_score",),
    "final_score": ("final_score",),
    "version": ("model_version",),
    "name": ("model", "model_name"),
    "audit": ("audit", "audited", "is_audit"),
}  # fmt: skip
LONG = "decision"  # of a long table: what the rater decided
OF_A_MODEL = ("_decision", "_prediction", "_label", "_answer")
SURENESS = ("_confidence", "_score", "_proba", "_probability")
PROBABILITIES = ("_p_*", "_proba_*", "_prob_*", "proba.*", "proba_*")
NO_MODEL = ("human", "initial", "final", "best", "true", "gold", "annotator", "reviewer", "majority")
SLICES = re.compile(
    r"^(segment|segments|group|cohort|slice|stratum|experiment|category|region|site)$"
    r"|^segment[_.]|_(segment|group|band|cohort)$"
)
PERSON = re.compile(r"(human|annotator|rater)_([a-z]|\d{1,3})")


@dataclass(frozen=True)
class Sides:
    """Where each role of a table is found.

    Parameters
    ----------
    long : one row an item and rater; else wide
    columns : role → column, or `= SQL`; those that were not found are missing
    humans : columns of people's decisions, several where each person has one; empty in a long table
    probabilities : columns of class probabilities, whose largest is the confidence
    counts : columns that count people by class, with the class
    segments : columns that slice the items
    model : name of the model, empty where it has none
    notes : what was assumed

    """

    long: bool
    columns: Mapping[str, str]
    humans: tuple[str, ...] = ()
    probabilities: tuple[str, ...] = ()
    counts: tuple[tuple[str, str], ...] = ()
    segments: tuple[str, ...] = ()
    model: str = ""
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class Wanted:
    """What the user said of the columns.

    Parameters
    ----------
    given : role → columns; `model_rater` → the rater that is the model
    model : which of several models
    segments : columns to slice by; empty: those whose names say so
    counts : glob of the columns that count people by class
    timezone : of times that carry none

    """

    given: Mapping[str, Sequence[str]] = field(default_factory=dict)
    model: str = ""
    segments: tuple[str, ...] = ()
    counts: str = ""
    timezone: str = "UTC"


def both_sides(columns: Sequence[str], wanted: Wanted) -> bool:
    """Whether people and a model decide in this one table, so that nothing has to be joined."""
    if _rating(columns, wanted.given):
        return True
    names, given = _by_name(columns), wanted.given
    model = bool(given.get("model")) or _first(names, "model") or bool(_models(columns))
    human = bool(given.get("human") or wanted.counts) or _first(names, "human") or _people(columns)
    return bool(model and human)


def by_role(columns: Sequence[str]) -> dict[str, str]:
    """Role → column, as far as names tell; the canonical names of decisions are roles, too."""
    names = _by_name(columns)
    found = {role: _first(names, role) for role in SIDES}
    found |= {"decision": found["human"], "prediction": found["model"], "label": found["outcome"]}
    return {role: column for role, column in found.items() if column}


def find(columns: Sequence[str], wanted: Wanted, where: str) -> Sides:
    """Roles of the columns.

    Parameters
    ----------
    columns : names in the table
    wanted : what the user said
    where : for errors: the file

    Raises
    ------
    UsageError
        Where a given column is not there, no model or no person is found, or there are several models.

    """
    _check(columns, wanted, where)
    names, given = _by_name(columns), wanted.given
    found = {
        r: chosen[0] for r, chosen in given.items() if chosen and r not in {"human", "model", "model_rater"}
    }
    for role in SIDES:
        name = _first(names, role)
        if role not in found and name and role not in {"human", "model"}:
            found[role] = name
    classes = tuple((c, _class(c, wanted.counts)) for c in columns if fnmatchcase(c, wanted.counts))
    if _rating(columns, given):
        human = next(iter(given.get("human", ())), names.get(LONG, ""))
        taken = {*found.values(), human}
        return Sides(
            long=True,
            columns={**found, "human": human},
            segments=_slices(columns, wanted.segments, taken),
            model=wanted.model,
        )
    roles = _wide(columns, wanted, found, where)
    humans = tuple(given.get("human", ())) or _humans(columns, classes)
    if not humans and not classes:
        raise UsageError(
            "no column says what people decided",
            f"{where}, which has: {', '.join(columns[:20])}",
            "name it: --human-column COLUMN, or --human-counts 'h_*'",
        )
    before = humans == (names.get("initial_decision"),)
    notes = ("people's decisions are those before they saw the model (initial_decision)",) if before else ()
    taken = {*roles.columns.values(), *humans, *(c for c, _ in classes)}
    return Sides(
        long=False,
        columns=roles.columns,
        humans=humans,
        probabilities=roles.probabilities,
        counts=classes,
        segments=_slices(columns, wanted.segments, taken),
        model=roles.model,
        notes=notes,
    )


def _check(columns: Sequence[str], wanted: Wanted, where: str) -> None:
    """Every column that was named is there."""
    for role, chosen in wanted.given.items():
        for name in chosen if role != "model_rater" else ():
            if not name.lstrip().startswith("=") and name not in columns:
                raise _absent(name, f"--{role}-column", columns, where)
    for name in wanted.segments:
        if name not in columns:
            raise _absent(name, "--segment", columns, where)
    if wanted.counts and not any(fnmatchcase(c, wanted.counts) for c in columns):
        raise _absent(wanted.counts, "--human-counts", columns, where)


def _rating(columns: Sequence[str], given: Mapping[str, Sequence[str]]) -> bool:
    """Long: a rater, what the rater decided, and which raters are models."""
    names = _by_name(columns)
    told = bool(given.get("kind") or given.get("model_rater")) or _first(names, "kind")
    return bool(
        told and (given.get("rater") or _first(names, "rater")) and (given.get("human") or LONG in names)
    )


def _wide(columns: Sequence[str], wanted: Wanted, found: dict[str, str], where: str) -> Sides:
    """The model's decision and confidence: as given, by name, or as `NAME_decision` of the model named."""
    names, given, model = _by_name(columns), wanted.given, wanted.model
    others = _models(columns)
    chosen = next(iter(given.get("model", ())), "")
    if not chosen and model:
        chosen = others.get(model, model if model in columns else "")
    if not chosen:
        chosen = _first(names, "model")
    if not chosen and len(others) == 1:
        chosen = next(iter(others.values()))
    if not chosen:
        raise UsageError(
            "several models decide in this table" if others else "no column says what the model decided",
            f"{where}, which has: {', '.join(columns[:20])}",
            f"choose one: --model {' | '.join(others)}" if others else "name it: --model-column COLUMN",
        )
    stem = next((chosen.removesuffix(s) for s in OF_A_MODEL if chosen.endswith(s)), chosen)
    if model and stem != model and not given.get("model") and not any(n in names for n in SIDES["name"]):
        raise UsageError(
            f"no model '{model}' in this table", where, f"choose one of: {', '.join(others) or chosen}"
        )
    columns_, probabilities = _confidence(columns, wanted, found, stem, others)
    return Sides(
        long=False,
        columns={**columns_, "model": chosen},
        probabilities=probabilities,
        model=model or (stem if stem in others and stem != "model" else ""),
    )


def _confidence(
    columns: Sequence[str],
    wanted: Wanted,
    found: dict[str, str],
    stem: str,
    others: Mapping[str, str],
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The roles with the model's own confidence, and the columns of its class probabilities."""
    if wanted.given.get("confidence"):
        return found, ()
    own = next((stem + s for s in SURENESS if stem + s in columns), "")
    rest = {k: v for k, v in found.items() if k != "confidence" or (not own and stem not in others)}
    if own:
        rest["confidence"] = own
    if "confidence" in rest:
        return rest, ()
    patterns = [p if p.startswith("proba") else stem + p for p in PROBABILITIES]
    return rest, tuple(c for c in columns if any(fnmatchcase(c, p) for p in patterns))


def _models(columns: Sequence[str]) -> dict[str, str]:
    """Name of each model that has a decision of its own → that column."""
    out = {}
    for column in columns:
        for suffix in OF_A_MODEL:
            stem = column.removesuffix(suffix)
            if stem != column and not stem.lower().startswith(NO_MODEL):
                out[stem] = column
    return out


def _people(columns: Sequence[str]) -> tuple[str, ...]:
    """`human_a`, `human_b`, `human_1`: one column a person."""
    return tuple(c for c in columns if PERSON.fullmatch(c.lower()))


def _humans(columns: Sequence[str], classes: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    counted = {c for c, _ in classes}
    name = _first(_by_name([c for c in columns if c not in counted]), "human")
    if name:
        return (name,)
    return () if classes else _people(columns)


def _class(column: str, pattern: str) -> str:
    """The class of a column of counts: what the star stands for."""
    before, _, after = pattern.partition("*")
    return column[len(before) : len(column) - len(after)]


def _slices(columns: Sequence[str], given: Sequence[str], taken: set[str]) -> tuple[str, ...]:
    if given:
        return tuple(dict.fromkeys(given))
    # What tells how people decided is no slice: it is known only afterwards.
    return tuple(
        c for c in columns if SLICES.search(c.lower()) and c not in taken and not c.startswith(NO_MODEL)
    )


def _by_name(columns: Sequence[str]) -> dict[str, str]:
    return {c.strip().lower().replace(" ", "_").replace("-", "_"): c for c in columns}


def _first(names: Mapping[str, str], role: str) -> str:
    return next((names[n] for n in SIDES[role] if n in names), "")


def _absent(name: str, option: str, columns: Sequence[str], where: str) -> UsageError:
    return UsageError(
        f"no column '{name}'",
        f"{option}, {where}, which has: {', '.join(columns[:20])}",
        "name one of its columns",
    )
