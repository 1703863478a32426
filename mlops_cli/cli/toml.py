"""Values as TOML has them, in one line."""

import json
from collections.abc import Mapping
from typing import Any


def toml(value: Any) -> str:
    """A text, number, list or table as TOML.

    Examples
    --------
    >>> toml({"warn": ("-40%", 1.0), "for": 2})
    '{ warn = ["-40%", 1.0], for = 2 }'

    """
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key(k)} = {toml(v)}" for k, v in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(v) for v in value)}]"
    return json.dumps(value, ensure_ascii=False)  # texts, numbers and truth are alike in both


def key(name: str) -> str:
    """A key, in quotes where it needs them."""
    bare = name.replace("-", "").replace("_", "")
    return name if bare.isalnum() and bare.isascii() else json.dumps(name, ensure_ascii=False)
