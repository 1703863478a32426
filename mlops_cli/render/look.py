"""How the terminal view looks: its glyphs, its colours, how much of a list is shown."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from mlops_cli.render.spark import ASCII, BLOCKS, Spark

COLOURS = {"alarm": "red", "warning": "yellow", "unknown": "cyan", "ok": "green"}
# What holds is filled, what is over is hollow.
MARKS = {"alarm": "●", "warning": "▲", "unknown": "?", "ok": "✓", "over alarm": "○", "over warning": "△"}
PLAIN_MARKS = {
    "alarm": "!",
    "warning": "*",
    "unknown": "?",
    "ok": ".",
    "over alarm": "o",
    "over warning": "-",
}
GLYPHS = BLOCKS + "".join(MARKS.values()) + "…"
ALL = 10**9
UNIT = re.compile(r"(?<=\d) (?=%|(?:ms|s|min|h|d|sd|[kMG]?B|rows)\b)")  # `8 %` stays on one line
GLUE = "\ue000"  # of the private use area: no text has it, and it is as wide as a blank


@dataclass(frozen=True)
class Look:
    """The page's width and glyphs, and how many lines of each kind are shown.

    Parameters
    ----------
    width : cells
    glyphs : whether the stream can say more than ASCII
    every : nothing is left out or shortened
    told : open findings that have more than their row said
    listed : names in a list before it is counted instead

    """

    width: int
    glyphs: bool = True
    every: bool = False
    open: int = 20
    told: int = 8
    recovered: int = 10
    reasons: int = 6
    notes: int = 6
    rows: int = 12
    listed: int = 3
    wrapper: Console = field(default_factory=lambda: Console(width=80, legacy_windows=False))

    def limit(self, name: str) -> int:
        """How many of them are shown: `open`, `recovered`, `reasons` ..."""
        return ALL if self.every else int(getattr(self, name))

    @property
    def ellipsis(self) -> str:
        """What stands for what is cut off."""
        return "…" if self.glyphs else "..."

    @property
    def bars(self) -> str:
        """Of sparklines, lowest first."""
        return BLOCKS if self.glyphs else ASCII

    @property
    def spark(self) -> int:
        """Most windows side by side."""
        return 30 if self.width < 140 else 60

    def mark(self, level: str | None, *, over: bool = False) -> Text:
        """The glyph of a level."""
        marks: Mapping[str, str] = MARKS if self.glyphs else PLAIN_MARKS
        glyph = marks.get(f"over {level}" if over else str(level), " ")
        return Text(glyph, COLOURS.get(str(level), "") if not over else "dim")

    def sparkline(self, bars: Spark) -> Text:
        """The bars; what was beyond its line in its colour."""
        out = Text()
        for bar, level in zip(bars.bars, bars.levels, strict=True):
            out.append(bar, COLOURS[level] if level in {"alarm", "warning"} else "dim")
        return out

    def wrapped(self, text: Text, first: int = 0, rest: int | None = None) -> Iterator[Text]:
        """The text's lines, broken between words; the first indented by `first`, the others by `rest`."""
        rest = first if rest is None else rest
        room = max(self.width - max(first, rest), 20)
        whole = text.copy()
        whole.plain = UNIT.sub(GLUE, text.plain)
        for i, line in enumerate(whole.wrap(self.wrapper, room)):
            line.plain = line.plain.replace(GLUE, " ")
            line.rstrip()
            yield Text(" " * (rest if i else first)).append_text(line)


def labelled(label: str, text: Text, look: Look, indent: int) -> Iterator[Text]:
    """Text beside a label; its further lines stand under its first."""
    for i, line in enumerate(look.wrapped(text, indent)):
        yield line if i else Text().append(f"{label:<{indent}}", "dim").append_text(line[indent:])


def do(advice: str) -> Text:
    """`do: ...`."""
    return Text.assemble(("do: ", "bold"), advice)
