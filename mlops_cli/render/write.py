"""Text → a stream that may not be able to say all of it."""

from typing import TextIO

# What a terminal of another code page gets instead.
PLAIN = str.maketrans({"–": "-", "…": "...", "·": "|", "×": "x", "→": "->", "≥": ">=", "≤": "<="})


def able(out: TextIO, text: str) -> bool:
    """Whether the stream's encoding has every character of `text`."""
    try:
        text.encode(_encoding(out))
    except UnicodeEncodeError:
        return False
    return True


def put(out: TextIO, text: str) -> None:
    """Write; a character that the stream cannot encode becomes its plain form, or a question mark."""
    if not able(out, text):
        encoding = _encoding(out)
        text = text.translate(PLAIN).encode(encoding, "replace").decode(encoding)
    out.write(text)


def _encoding(out: TextIO) -> str:
    return getattr(out, "encoding", None) or "utf-8"
