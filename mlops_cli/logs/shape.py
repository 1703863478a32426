"""The shape of JSON records: what kinds of value each key holds, learned exactly, a line at a time.

A shape becomes a typed msgspec decoder that refuses whatever it has not seen: a new key, a text where
numbers were. So most lines are checked at the speed of C, and only those that differ are looked at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any

import msgspec
import polars as pl

DEEPEST = 32  # objects within objects; deeper ones are JSON text, as a decoder of them would not end
MOST_KEYS = 2_000  # of one object; beyond, it is data with names, kept as JSON text
_I64 = 2**63
_Int = Annotated[int, msgspec.Meta(ge=-_I64, le=_I64 - 1)]
_Zoned = Annotated[datetime, msgspec.Meta(tz=True)]
_Naive = Annotated[datetime, msgspec.Meta(tz=False)]
_Any = Any

# Kind of a leaf → what the decoder accepts, and the column's dtype. `mixed` are scalars of several kinds.
_TYPES: dict[str, Any] = {
    "null": None,
    "bool": bool | None,
    "int": _Int | None,
    "float": float | None,
    "big": int | None,
    "zoned": _Zoned | None,
    "naive": _Naive | None,
    "str": str | None,
    "mixed": bool | int | float | str | None,
    "json": _Any,
}
DTYPES: dict[str, pl.DataType] = {
    "null": pl.String(),
    "bool": pl.Boolean(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "big": pl.String(),
    "zoned": pl.Datetime("us", "UTC"),
    "naive": pl.Datetime("us"),
    "str": pl.String(),
    "mixed": pl.String(),
    "json": pl.String(),
}
# Two kinds of one leaf make a third; pairs that are not here are mixed.
_JOINED = {
    frozenset({"int", "float"}): "float",
    frozenset({"big", "float"}): "float",
    frozenset({"int", "big"}): "big",
    frozenset({"zoned", "naive"}): "str",
    frozenset({"zoned", "str"}): "str",
    frozenset({"naive", "str"}): "str",
}


@dataclass
class Shape:
    """Kinds of the keys of one object, grown by `learn`; a nested object is a Shape of its own."""

    keys: dict[str, "str | Shape"] = field(default_factory=dict)
    full: bool = False  # further keys are not read
    depth: int = 1  # objects around it, and itself

    def learn(self, record: Mapping[str, Any]) -> bool:
        """Whether the record has taught something."""
        news = False
        for key, value in record.items():
            old = self.keys.get(key)
            if old is None and len(self.keys) > MOST_KEYS:
                news |= not self.full
                self.full = True
                continue
            new = _join(old, value, self.depth)
            if new is not old:
                self.keys[key] = new
                news = True
            elif isinstance(new, Shape) and isinstance(value, Mapping):
                news |= new.learn(value)
                if new.full:
                    self.keys[key] = "json"
        return news

    def leaves(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Path and kind of every column, in the order of first sight."""
        for key, kind in self.keys.items():
            if isinstance(kind, Shape):
                for path, leaf in kind.leaves():
                    yield (key, *path), leaf
            else:
                yield (key,), kind

    def decoder(self) -> msgspec.json.Decoder[Any]:
        """Accepts records of this shape only."""
        return msgspec.json.Decoder(self.struct("Record"))

    def struct(self, name: str) -> type[msgspec.Struct]:
        """The type of one record."""
        fields: list[tuple[str, Any, Any]] = []
        for i, kind in enumerate(self.keys.values()):
            inner = kind.struct(f"{name}_{i}") | None if isinstance(kind, Shape) else _TYPES[kind]
            fields.append((f"f{i}", inner, None))
        return msgspec.defstruct(
            name,
            fields,
            rename={f"f{i}": key for i, key in enumerate(self.keys)},
            forbid_unknown_fields=not self.full,
            gc=False,
        )


def _join(old: "str | Shape | None", value: Any, depth: int) -> "str | Shape":
    """The kind that holds both; `old` itself where it already does."""
    if value is None:
        return "null" if old is None else old
    new = _kind(value, old) if not isinstance(value, Mapping) else "object"
    if isinstance(old, Shape):
        return old if new == "object" else "json"
    if old is None or old == "null":
        return _shape(value, depth + 1) if new == "object" else new
    if old in {new, "json"} or (old == "mixed" and new not in {"json", "object"}):
        return old
    if new in {"json", "object"}:
        return "json"
    joined = _JOINED.get(frozenset({old, new}), "mixed")
    return old if joined == old else joined


def _shape(value: Mapping[str, Any], depth: int) -> "Shape | str":
    if depth > DEEPEST:
        return "json"
    shape = Shape(depth=depth)
    shape.learn(value)
    return shape if shape.keys and not shape.full else "json"


def _kind(value: Any, old: "str | Shape | None") -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -_I64 <= value < _I64 else "big"
    if isinstance(value, float):
        return "float"
    if not isinstance(value, str):
        return "json"
    # A column of texts stays one: whether this one reads as a time is no matter.
    return "str" if old in ("str", "mixed") else time_kind(value)


def time_kind(text: str) -> str:
    """`zoned` or `naive` where the whole text is an RFC 3339 time, else `str`."""
    if len(text) < 19 or text[4] != "-":
        return "str"
    try:
        return "zoned" if msgspec.convert(text, datetime, strict=False).tzinfo else "naive"
    except msgspec.ValidationError:
        return "str"
