"""Standard output and error: UTF-8 where redirected, ASCII where a stream can no more, quiet when closed."""

import codecs
import os
import sys
from typing import TextIO

# Glyphs of our own texts → ASCII that says the same; anything else that a stream cannot encode becomes `?`.
ASCII = {
    "–": "-", "—": "-", "…": "...", "×": "x", "·": "|", "±": "+-", "→": "->", "≤": "<=", "≥": ">=", "≠": "!=",
    "√": "sqrt", "σ": "sigma", "µ": "u", "’": "'", "“": '"', "”": '"', "\u00a0": " ", "\u202f": " ",
    **dict(zip("▁▂▃▄▅▆▇█", "_.-:=+*#", strict=True)),
}  # fmt: skip


def _ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(ASCII.get(c, "?") for c in lost), error.end


def prepare() -> None:
    """Set up both streams; a redirected one is UTF-8 unless PYTHONIOENCODING says otherwise."""
    codecs.register_error("mlops", _ascii)
    if sys.stdout is None:  # closed by who started this
        sys.stdout = _nowhere()
    if sys.stderr is None:
        sys.stderr = _nowhere()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is None:  # pragma: no cover # a test or a notebook has put its own there
            continue
        if stream.isatty() or os.environ.get("PYTHONIOENCODING"):
            reconfigure(errors="mlops")
        else:
            reconfigure(encoding="utf-8", errors="mlops")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 # open as long as the process


def colored(color: str) -> None:
    """Heed `--color` by the two variables that rich heeds; NO_COLOR, where the user set it, wins."""
    if os.environ.get("NO_COLOR"):
        return
    if color == "never":
        os.environ["NO_COLOR"] = "1"
    if color == "always":
        os.environ["FORCE_COLOR"] = "1"


def flush() -> None:
    """Send out what is left; a reader that has gone or a full disk was said before."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            hush(stream)


def hush(stream: TextIO) -> None:
    """Send what follows to nowhere, so that the interpreter's own flush at exit does not fail."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # pragma: no cover # a stream without a descriptor has nothing to flush
        pass
