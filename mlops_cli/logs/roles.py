"""Which column is what: kind of log and canonical names, recognised from names, types and a few rows."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from typing import Any

import polars as pl

from mlops_cli.errors import unknown
from mlops_cli.logs.canon import FEATURE, KINDS, TIME
from mlops_cli.logs.expressions import EXPRESSION, check_sql, roots
from mlops_cli.logs.names import (
    ACCESS,
    DURATIONS,
    HINTS,
    INPUTS,
    NAMES,
    NAMES_OF,
    OUTPUTS,
    UNITLESS,
    WITHIN,
)
from mlops_cli.logs.times import time_of

MOST_MODELS = 50  # a column `model` of more values is a feature (of a car), no model's name
DEPTH = 5
INDEX = "__index_level_"  # pandas' row numbers
SURE = 0.8  # share of a sample that must read as the type that a role wants
_CLASS = re.compile(r"(.*(?:proba|prob|probability)[_. -])\S+$", re.IGNORECASE)
_WORDS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Leaf:
    """A column of the file, or one within a nested one, with a few of its values."""

    source: str
    values: pl.Series

    @property
    def dtype(self) -> pl.DataType:
        """As the file has it."""
        return self.values.dtype

    @property
    def steps(self) -> list[str]:
        """Normalised names along the path."""
        return [normal(step) for step in self.source.split(".")]


@dataclass(frozen=True)
class Roles:
    """What was recognised: the kind, its column map, and what had to be assumed, a sentence each.

    `split` are the maps of further kinds that the same rows hold: a label or a person's decision.
    """

    kind: str
    columns: dict[str, str]
    notes: tuple[str, ...] = ()
    split: Mapping[str, dict[str, str]] = field(default_factory=dict)
    known: bool = True  # at least one column was recognised or given


def normal(name: str) -> str:
    """Letters and digits, lower case."""
    return _WORDS.sub("", name.lower())


def hint_of(path: str) -> str:
    """The kind that the names of file and folders speak of, the nearest first; empty where none does."""
    for part in reversed(re.split(r"[\\/]", path)):
        for word in (normal(part.split(".")[0]), *map(normal, re.split(r"[-_. \d]+", part))):
            if word in HINTS:
                return HINTS[word]
    return ""


def recognise(
    sample: pl.DataFrame, *, hint: str = "", kind: str = "", given: Mapping[str, Any] | None = None
) -> Roles:
    """Kind and column map of a file.

    Parameters
    ----------
    sample : some of its rows, with all of its columns
    hint : the kind that its path speaks of; taken where the columns agree
    kind : the kind, where it is known
    given : the user's map (canonical name → column, path, "= SQL", list or table); it wins

    """
    leaves = [leaf for leaf in _leaves(sample) if not leaf.source.startswith(INDEX)]
    fixed, features, dropped = _given(given or {}, {leaf.source for leaf in leaves})
    taken = {s for s in fixed.values() if not s.startswith(EXPRESSION)} | dropped
    taken |= {name for s in fixed.values() if s.startswith(EXPRESSION) for name in roots(s)}
    free = [leaf for leaf in leaves if leaf.source not in taken]
    blocked = set(fixed) | {n for n, s in (given or {}).items() if s in ("", False)}
    found = {k: _find(k, free, blocked) for k in KINDS}
    kind = kind or _kind(found, set(fixed), free, hint)
    columns = {**found[kind].columns, **{n: s for n, s in fixed.items() if n in KINDS[kind]}}
    notes = list(found[kind].notes)
    split = _split(kind, found, fixed)
    used = set(columns.values()) | found[kind].used
    used |= {s for other in split.values() for s in other.values()}
    if kind == "predictions":
        columns |= _features(free, used, features, fixed)
    else:
        if "request_id" in KINDS[kind] and not {"request_id", "trace_id"} & set(columns):
            columns |= _only_id(free, used, notes)
        columns |= {n: s for n, s in fixed.items() if n.startswith(FEATURE)}
    for other, more in split.items():
        notes += found[other].notes
        shared = {n: s for n, s in columns.items() if n in ("request_id", "row", "trace_id")}
        split = {**split, other: {**shared, **more}}
    known = bool(fixed) or any(not n.startswith(FEATURE) for n in columns) or bool(split)
    return Roles(kind, columns, tuple(dict.fromkeys(notes)), split, known)


@dataclass
class _Found:
    columns: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


def _leaves(sample: pl.DataFrame) -> Iterator[Leaf]:
    def walk(source: str, values: pl.Series, depth: int) -> Iterator[Leaf]:
        if isinstance(values.dtype, pl.Struct) and depth < DEPTH:
            for inner in values.dtype.fields:
                yield from walk(f"{source}.{inner.name}", values.struct.field(inner.name), depth + 1)
        else:
            yield Leaf(source, values)

    for values in sample:
        yield from walk(values.name, values, 1)


def _given(given: Mapping[str, Any], sources: set[str]) -> tuple[dict[str, str], list[str] | None, set[str]]:
    """The user's map: canonical → source; the features, where they are listed; columns left out."""
    names = {n for columns in KINDS.values() for n in columns}
    fixed: dict[str, str] = {}
    features: list[str] | None = None
    dropped: set[str] = set()
    for name, source in given.items():
        if name == "features":
            if isinstance(source, Mapping) and "exclude" in source:
                globs = source["exclude"]
                dropped |= {s for s in sources if any(fnmatch(s, g) for g in globs)}
            elif isinstance(source, Mapping):
                fixed |= {FEATURE + n: str(s) for n, s in source.items()}
                features = []
            else:
                features = [str(s) for s in source]
        elif name not in names and not name.startswith(FEATURE):
            raise unknown("role", name, sorted(names), "the column map (--column, [sources.NAME.columns])")
        elif isinstance(source, Mapping):  # score = { setosa = "p0", virginica = "p2" }
            each = ", ".join(f'"{s}"' for s in source.values())
            fixed[name] = f"= GREATEST({each})"
        elif source not in ("", False, None):
            fixed[name] = str(source)
            if str(source).startswith(EXPRESSION):
                check_sql(str(source))
    return fixed, features, dropped


def _find(kind: str, leaves: list[Leaf], blocked: set[str]) -> _Found:
    """The roles of one kind; each column has one role, the likeliest name wins."""
    out = _Found()
    for role, column in KINDS[kind].items():
        if role in blocked:
            continue
        if role in DURATIONS:
            _duration(role, leaves, out)
            continue
        names = NAMES_OF.get(kind, {}).get(role, NAMES.get(role, (normal(role),)))
        for leaf in _ranked(leaves, role, names):
            if leaf.source in out.used or not _fits(leaf, role, column.dtype):
                continue
            out.columns[role] = leaf.source
            out.used.add(leaf.source)
            if normal(leaf.source.split(".")[-1]) != normal(role):
                out.notes.append(f"{leaf.source} is read as {role}")
            break
    if "score" in KINDS[kind] and not {"score"} & (set(out.columns) | blocked):
        _classes(leaves, out)
    if "timestamp" in KINDS[kind] and not {"timestamp"} & (set(out.columns) | blocked):
        times = [
            leaf
            for leaf in leaves
            if leaf.dtype.is_temporal() and leaf.dtype != pl.Duration and leaf.source not in out.used
        ]
        if len(times) == 1:
            out.columns["timestamp"] = times[0].source
            out.used.add(times[0].source)
            out.notes.append(f"{times[0].source} is read as timestamp: no other column is a time")
    return out


def _classes(leaves: list[Leaf], out: _Found) -> None:
    """Probabilities of several classes, `proba_cat`, `proba_dog`: the score is the greatest."""
    each: dict[str, list[Leaf]] = {}
    for leaf in leaves:
        found = _CLASS.match(leaf.source)
        if found and leaf.dtype.is_numeric() and leaf.source not in out.used:
            each.setdefault(found[1], []).append(leaf)
    for prefix, classes in each.items():
        if len(classes) > 1 and all(leaf.values.name == leaf.source for leaf in classes):
            sources = [leaf.source for leaf in classes]
            out.columns["score"] = "= GREATEST(" + ", ".join(f'"{s}"' for s in sources) + ")"
            out.used |= set(sources)
            out.notes.append(f"score is the greatest of {prefix}*, {len(sources)} columns")
            return


def _ranked(leaves: list[Leaf], role: str, names: tuple[str, ...]) -> list[Leaf]:
    """Columns that may play the role, by how likely their name is."""
    found = []
    for leaf in leaves:
        *above, last = leaf.steps
        if above and above[0] in INPUTS:
            continue
        within = WITHIN["output"] if above and above[-1] in OUTPUTS else {}
        within = WITHIN["model"] if above and above[-1] == "model" else within
        short = within.get(role, ())
        whole = "".join(leaf.steps)
        if last in short:
            found.append((short.index(last), leaf))
        elif whole in names:
            found.append((names.index(whole), leaf))
        elif above and last in names and not any(last in others for others in within.values()):
            found.append((len(names) + names.index(last), leaf))
    return [leaf for _, leaf in sorted(found, key=lambda one: one[0])]


def _duration(role: str, leaves: list[Leaf], out: _Found) -> None:
    factors = DURATIONS[role]
    ranked = _ranked(leaves, role, tuple(factors))
    for leaf in ranked:
        if leaf.source in out.used or not _fits(leaf, role, pl.Float64()):
            continue
        name = next(n for n in ("".join(leaf.steps), leaf.steps[-1]) if n in factors)
        factor = factors[name]
        out.used.add(leaf.source)
        plain = leaf.dtype == pl.Duration or factor == 1
        ident = ".".join('"' + step.replace('"', '""') + '"' for step in _column(leaf))
        out.columns[role] = leaf.source if plain else f"= {ident} * {factor:g}"
        if name in UNITLESS and leaf.dtype != pl.Duration:
            out.notes.append(f"{leaf.source} is read as {role}, in milliseconds")
        elif factor != 1:
            unit = {1_000: "seconds", 1e-3: "microseconds", 1e-6: "nanoseconds"}[factor]
            out.notes.append(f"{leaf.source} is read as {role}, from {unit}")
        return


def _column(leaf: Leaf) -> list[str]:
    """Of a flat file the whole name is one column, with its dots."""
    return [leaf.source] if leaf.values.name == leaf.source else leaf.source.split(".")


IDS = ("trace_id", "user_id", "item")
WORDS = ("variant", "component", "host", "metric", "user_action", "path", "error")


def _fits(leaf: Leaf, role: str, wanted: pl.DataType) -> bool:
    """Whether the sample's values can play the role."""
    dtype, text = leaf.dtype, _is_text(leaf.dtype)
    if dtype == pl.Null or (text and leaf.values.null_count() == leaf.values.len()):
        return True
    if dtype.is_nested() or dtype == pl.Binary:
        return role == "trace_id" and dtype == pl.Binary
    if role in IDS or role in WORDS or role == "model":
        few = role != "model" or leaf.values.n_unique() <= MOST_MODELS
        return few and (text or (role in IDS and not dtype.is_float()))
    if role == "status":
        return text or dtype.is_integer() or (dtype.is_float() and _whole(leaf.values))
    if wanted == TIME:
        return _is_time(leaf.values)
    number = dtype.is_numeric() or dtype == pl.Duration
    return number or not wanted.is_numeric() or _share(leaf.values, pl.Float64()) >= SURE


def _is_text(dtype: pl.DataType) -> bool:
    return dtype == pl.String or isinstance(dtype, pl.Categorical | pl.Enum)


def _whole(values: pl.Series) -> bool:
    return bool((values.drop_nulls() % 1 == 0).all())


def _share(values: pl.Series, dtype: pl.DataType) -> float:
    if not _is_text(values.dtype):
        return 0.0
    known = values.drop_nulls().cast(pl.String())
    return known.str.strip_chars().cast(dtype, strict=False).count() / max(1, len(known))


def _is_time(values: pl.Series) -> bool:
    dtype = values.dtype
    if dtype.is_temporal():
        return isinstance(dtype, pl.Date | pl.Datetime)
    if dtype.is_numeric():  # since 2001 in seconds, milli, micro or nano
        low = values.drop_nulls().cast(pl.Float64()).min()
        return isinstance(low, float) and low >= 1e9
    known = values.drop_nulls()
    if not _is_text(dtype) or known.is_empty():
        return False
    read = known.to_frame("t").select(time_of(pl.col("t"), pl.String(), "UTC")).to_series()
    return read.count() / len(known) >= SURE


def _kind(found: Mapping[str, _Found], fixed: set[str], free: list[Leaf], hint: str) -> str:
    """The kind that the columns speak of; the hint where they allow it."""
    have = {k: set(f.columns) | (fixed & set(KINDS[k])) for k, f in found.items()}
    output = (
        bool({"prediction", "score"} & have["predictions"] - _DOUBLE) or "prediction" in have["predictions"]
    )
    inputs = any(leaf.steps[0] in INPUTS for leaf in free if len(leaf.steps) > 1)

    def left(kind: str) -> bool:
        """Whether columns remain that look like a model's inputs."""
        return inputs or any(
            leaf.source not in found[kind].used
            and leaf.steps[-1] not in ACCESS
            and not leaf.dtype.is_temporal()
            and not leaf.steps[-1].endswith(("id", "time", "span"))
            for leaf in free
        )

    can = {
        "gauges": {"metric", "value"} <= have["gauges"] and bool({"host", "timestamp"} & have["gauges"]),
        "decisions": bool({"rater", "decision"} & have["decisions"]) and not output,
        "spans": {"component", "latency_ms"} <= have["spans"]
        and bool({"parent", "trace_id"} & have["spans"])
        and not output,
        "feedback": bool({"label", "user_action"} & have["feedback"]) and not output,
        "requests": {"status", "latency_ms"} <= have["requests"] and not output,
    }
    if hint == "predictions" or (hint and can.get(hint)):
        return hint
    for kind in ("gauges", "decisions", "spans"):
        if can[kind]:
            return kind
    for kind in ("feedback", "requests"):
        if can[kind] and not left(kind):
            return kind
    return "predictions"


_DOUBLE = {"score"}  # its name `confidence` is also a person's


def _split(kind: str, found: Mapping[str, _Found], fixed: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What a prediction's row holds beside it: the label or user action, and a person's decision."""
    out: dict[str, dict[str, str]] = {}
    if kind not in ("predictions", "decisions"):
        return out
    mine = set(found[kind].columns.values())
    for other, heads in (("feedback", ("label", "user_action")), ("decisions", ("decision",))):
        if other == kind:
            continue
        have = {**found[other].columns, **{n: s for n, s in fixed.items() if n in KINDS[other]}}
        if any(n in have for n in heads):
            names = [n for n in KINDS[other] if n in have and n not in ("request_id", "row", "trace_id")]
            more = {n: have[n] for n in names if have[n] not in mine or n == "timestamp"}
            if any(n in more for n in heads):
                out[other] = more
    return out


def _features(
    free: list[Leaf], used: set[str], listed: list[str] | None, fixed: Mapping[str, str]
) -> dict[str, str]:
    """Every column that has no role; those of an object of inputs only, where there is one."""
    out = {n: s for n, s in fixed.items() if n.startswith(FEATURE)}
    if listed is not None:
        return out | {FEATURE + s.removeprefix(FEATURE): s for s in listed}
    boxed = [leaf for leaf in free if len(leaf.steps) > 1 and leaf.steps[0] in INPUTS]
    for leaf in boxed or free:
        if leaf.source not in used:
            name = leaf.source.split(".", 1)[1] if boxed else leaf.source
            out.setdefault(FEATURE + name, leaf.source)
    return out


def _only_id(free: list[Leaf], used: set[str], notes: list[str]) -> dict[str, str]:
    """The one column that is called some id, where no known one is there."""
    ids = [leaf for leaf in free if leaf.source not in used and leaf.steps[-1].endswith("id")]
    if len(ids) != 1 or not _fits(ids[0], "request_id", pl.String()):
        return {}
    notes.append(f"{ids[0].source} is read as request_id: no other column is an id")
    return {"request_id": ids[0].source}
