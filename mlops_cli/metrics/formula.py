"""Formula: arithmetic over aggregates of row expressions, taken apart so that its leaves can be added up."""

import ast
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlops_cli.errors import UsageError, nearest

Floats = NDArray[np.float64]

AGGREGATES = ("SUM", "COUNT", "AVG", "MIN", "MAX")
_CALL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*\(")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"")
_OPERATORS: Mapping[type[ast.operator], Callable[[Floats, Floats], Floats]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
LONGEST = 2_000  # characters
DEEPEST = 60  # nested operations


@dataclass(frozen=True)
class Leaf:
    """One aggregate: its name and its row expression, `*` for all rows."""

    aggregate: str
    sql: str


@dataclass(frozen=True)
class Formula:
    """The leaves in the order in which they are met, and the arithmetic over `x0`, `x1` ..."""

    leaves: tuple[Leaf, ...]
    arithmetic: ast.expr

    @property
    def plain(self) -> bool:
        """It is one leaf and nothing else."""
        return isinstance(self.arithmetic, ast.Name)

    def value(self, leaves: Mapping[str, Floats]) -> Floats:
        """The arithmetic on merged values; not a number where it divides by 0 or a leaf is unknown."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            out = np.asarray(_value(self.arithmetic, leaves), np.float64)
        return np.where(np.isfinite(out), out, np.nan)


def parse(text: str, where: str) -> Formula:
    """Take an expression apart.

    Parameters
    ----------
    text : arithmetic over SUM, COUNT, AVG, MIN and MAX of row expressions
    where : for errors

    Raises
    ------
    UsageError
        For another aggregate or function outside of them, a sub-select, or what is no arithmetic.

    Examples
    --------
    >>> f = parse("SUM(a * 2) / COUNT(*)", "mlops.toml")
    >>> f.leaves
    (Leaf(aggregate='SUM', sql='a * 2'), Leaf(aggregate='COUNT', sql='*'))
    >>> f.value({"x0": np.array([6.0]), "x1": np.array([4.0])})
    array([1.5])

    """
    bare = _QUOTED.sub(lambda m: "_" * len(m[0]), text)  # what is quoted is no syntax
    if (
        len(text) > LONGEST
        or ";" in bare
        or "--" in bare
        or re.search(r"\b(select|from)\b", bare, re.IGNORECASE)
    ):
        raise UsageError(
            "a metric's expression may not contain SELECT, FROM, ';' or comments",
            where,
            "write arithmetic over aggregates",
        )
    leaves: list[Leaf] = []
    rest, at = "", 0
    while match := _CALL.search(bare, at):
        name = match[1].upper()
        if name not in AGGREGATES:
            near = nearest(name, AGGREGATES)
            offer = (
                f"write '{near}'?" if near else f"use {', '.join(AGGREGATES)}; other functions inside of them"
            )
            raise UsageError(f"'{match[1]}' is not among {', '.join(AGGREGATES)}", where, offer)
        stop = _closing(bare, match.end(), where)
        inner = text[match.end() : stop].strip()
        leaf = Leaf(name, inner)
        if not inner or (inner == "*" and name != "COUNT"):
            raise UsageError(f"{name} of nothing", where, f"write {name}(score), or COUNT(*)")
        if leaf not in leaves:
            leaves.append(leaf)
        rest += f"{bare[at : match.start()]} x{leaves.index(leaf)} "
        at = stop + 1
    return Formula(tuple(leaves), _arithmetic(rest + bare[at:], len(leaves), where))


def _closing(text: str, start: int, where: str) -> int:
    depth = 1
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if not depth:
            return i
    raise UsageError("a bracket is not closed", where, "close it")


def _arithmetic(text: str, leaves: int, where: str) -> ast.expr:
    wrong = UsageError(
        "this is no arithmetic over aggregates",
        where,
        "write + - * / and numbers around SUM, COUNT, AVG, MIN, MAX",
    )
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise wrong from None
    if not leaves or not _fits(tree, leaves, DEEPEST):
        raise wrong
    return tree


def _fits(tree: ast.expr, leaves: int, depth: int) -> bool:
    if depth == 0:
        return False
    if isinstance(tree, ast.BinOp):
        known = type(tree.op) in _OPERATORS
        return known and _fits(tree.left, leaves, depth - 1) and _fits(tree.right, leaves, depth - 1)
    if isinstance(tree, ast.UnaryOp):
        return isinstance(tree.op, ast.USub | ast.UAdd) and _fits(tree.operand, leaves, depth - 1)
    if isinstance(tree, ast.Constant):
        return isinstance(tree.value, int | float) and not isinstance(tree.value, bool)
    return isinstance(tree, ast.Name) and tree.id in {f"x{i}" for i in range(leaves)}


def _value(tree: ast.expr, leaves: Mapping[str, Floats]) -> Floats:
    if isinstance(tree, ast.BinOp):
        return _OPERATORS[type(tree.op)](_value(tree.left, leaves), _value(tree.right, leaves))
    if isinstance(tree, ast.UnaryOp):
        inner = _value(tree.operand, leaves)
        return -inner if isinstance(tree.op, ast.USub) else inner
    if isinstance(tree, ast.Name):
        return leaves[tree.id]
    return np.float64(tree.value)  # type: ignore[attr-defined, return-value] # `_fits` has let numbers through only
