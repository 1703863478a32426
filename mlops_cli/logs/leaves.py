"""Leaves: row expressions of custom metrics over canonical columns → derived columns of the parts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from mlops_cli.errors import UsageError, nearest
from mlops_cli.logs.canon import FEATURE, KINDS
from mlops_cli.logs.expressions import available, check_sql, schema_of
from mlops_cli.logs.format import Part

LEAF = "leaf:"  # and the expression: another expression is another column
MAIN = ("predictions", "requests", "spans")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|[A-Za-z_][A-Za-z0-9_.]*|\s+|.", re.DOTALL)
WORDS = frozenset(
    {
        "case", "when", "then", "else", "end", "and", "or", "not", "is", "null", "true", "false", "between",
        "in", "like", "ilike", "cast", "as", "double", "float", "real", "int", "integer", "bigint", "boolean",
        "varchar", "text", "distinct", "timestamp", "date", "interval", "div", "xor", "regexp",
    }
)  # fmt: skip


def with_leaves(
    parts: Sequence[Part], expressions: Mapping[str, str]
) -> tuple[tuple[Part, ...], dict[str, str]]:
    """The parts with a derived column for each expression that their kind can give.

    Parameters
    ----------
    parts : of all kinds
    expressions : SQL over canonical columns and features → where it stands, for errors

    Returns
    -------
    parts
        With `leaf:SQL` in their maps.
    kinds
        Expression → the kind of log that it is taken of; none: no log has its columns.

    Raises
    ------
    UsageError
        Where an expression names a column that no log has, has an aggregate in it, or cannot be read.

    """
    kinds: dict[str, str] = {}
    more: dict[str, dict[str, str]] = {}
    for sql, where in expressions.items():
        names = columns_of(sql, where)
        kind = _kind(parts, names, where)
        if not kind:
            continue
        kinds[sql] = kind
        for part in parts:
            if part.kind == kind and (derived := _derived(part, sql)):
                more.setdefault(part.path + part.kind, {})[f"{LEAF}{sql}"] = derived
    out = tuple(
        replace(p, columns={**p.columns, **more[p.path + p.kind]}) if p.path + p.kind in more else p
        for p in parts
    )
    return out, kinds


def columns_of(sql: str, where: str) -> list[str]:
    """The columns that an expression reads; what is more than arithmetic of one row is refused."""
    try:
        check_sql(f"= {sql}")
        parsed = pl.sql_expr(sql)
        text = parsed.meta.serialize(format="json")
    except (pl.exceptions.PolarsError, UsageError, ValueError) as error:
        first = str(error).splitlines()[0].removeprefix("mlops: ")
        raise UsageError(f"a row expression cannot be read: {first}", where, f"see: {sql}") from None
    for node in ("Agg", "SubPlan", "Window", "Over", "Len", "Explode", "Gather", "Filter"):
        if f'"{node}"' in text:
            raise UsageError(
                "a row expression may hold no aggregate, window or sub-select",
                where,
                f"write them apart: {sql}",
            )
    return parsed.meta.root_names()


def _kind(parts: Sequence[Part], names: Sequence[str], where: str) -> str:
    """The first kind of log that has all of the columns."""
    have = {k: set().union(*(_plain(available(p)) for p in parts if p.kind == k)) for k in MAIN}
    for kind in MAIN:
        if have[kind] and set(names) <= have[kind]:
            return kind
    everything = set().union(*have.values())
    for name in names:
        if name not in everything and not any(name in columns for columns in KINDS.values()):
            near = nearest(name, sorted(everything))
            offer = f"write '{near}'?" if near else f"columns here: {', '.join(sorted(everything)[:20])}"
            raise UsageError(f"no log has the column '{name}'", where, offer)
    return ""


def _plain(names: Iterable[str]) -> set[str]:
    return {n.removeprefix(FEATURE) for n in names}


def _derived(part: Part, sql: str) -> str:
    """The expression over the file's own columns; empty where the file lacks one of them."""
    own = {n.removeprefix(FEATURE): source for n, source in part.columns.items() if n in available(part)}
    schema = schema_of(part.path)
    out = []
    for token in _TOKEN.findall(sql):
        word = token.strip('"')
        if token[:1] in {"'", ""} or not re.match(r"[A-Za-z_\"]", token) or word.lower() in WORDS:
            out.append(token)
        elif word in own:
            source = own[word]
            if not source.startswith("=") and source not in schema:
                return ""  # a path into nested columns
            out.append(f"({source.lstrip()[1:].strip()})" if source.startswith("=") else f'"{source}"')
        elif re.match(r"[A-Za-z_]", token):
            out.append(token)  # a function: what is none was refused before
        else:
            return ""
    derived = f"= CAST(({''.join(out)}) AS DOUBLE)"
    names = pl.sql_expr(derived[2:]).meta.root_names()
    return derived if set(names) <= set(schema) else ""
