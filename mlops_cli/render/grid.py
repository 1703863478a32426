"""Rows of aligned cells that fit a width: what is rarely needed goes first, then names are shortened."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

GAP = 2


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    name : key of its cells
    right : numbers stand at the right
    least : cells it can be shortened to, with an ellipsis; None: never
    drop : where the width does not do, columns go in this order; 0: never

    """

    name: str
    right: bool = False
    least: int | None = None
    drop: int = 0


Row = Mapping[str, Text]


@dataclass(frozen=True)
class Grid:
    """Columns with the widths that they got."""

    columns: tuple[Column, ...]
    widths: tuple[int, ...]
    ellipsis: str = "…"

    def width(self, name: str) -> int:
        """Cells of a column; 0 where it had to go."""
        return next((w for c, w in zip(self.columns, self.widths, strict=True) if c.name == name), 0)

    def line(self, row: Row, indent: int = 0) -> Text:
        """One line, without blanks at its end."""
        out = Text(" " * indent)
        for column, width in zip(self.columns, self.widths, strict=True):
            cell = shortened(row.get(column.name, Text()), width, self.ellipsis)
            blank = " " * (width - cell_len(cell.plain))
            out.append_text(Text(blank) + cell if column.right else cell + Text(blank))
            out.append(" " * GAP)
        out.rstrip()
        return out


def grid(columns: Sequence[Column], rows: Sequence[Row], width: int, ellipsis: str = "…") -> Grid:
    """Lay out rows in at most `width` cells, where that can be done."""
    kept = [c for c in columns if any(r.get(c.name) for r in rows)]
    natural = {c.name: max((cell_len(r[c.name].plain) for r in rows if c.name in r), default=0) for c in kept}
    for shed in [None, *sorted((c for c in kept if c.drop), key=lambda c: c.drop)]:
        if shed is not None:
            kept.remove(shed)
        least = [natural[c.name] if c.least is None else min(natural[c.name], c.least) for c in kept]
        if sum(least) + GAP * (len(kept) - 1) <= width:
            break
    else:
        least = [natural[c.name] if c.least is None else min(natural[c.name], c.least) for c in kept]
    spare = width - sum(least) - GAP * (len(kept) - 1)
    widths = []
    for column, given in zip(kept, least, strict=True):
        more = min(max(spare, 0), natural[column.name] - given)
        spare -= more
        widths.append(given + more)
    return Grid(tuple(kept), tuple(widths), ellipsis)


def shortened(text: Text, width: int, ellipsis: str = "…") -> Text:
    """At most `width` cells; what is cut out of the middle is said: the ends tell names apart."""
    if cell_len(text.plain) <= width:
        return text
    room = max(width - cell_len(ellipsis), 0)
    end = room // 3
    tail = len(text) - _fits(text.plain[::-1], end)
    head = _fits(text.plain, room - cell_len(text.plain[tail:]))
    return text[:head] + Text(ellipsis) + text[tail:] if tail < len(text) else text[:head] + Text(ellipsis)


def _fits(text: str, room: int) -> int:
    """How many characters from the start go into `room` cells."""
    for i, char in enumerate(text):
        room -= cell_len(char)
        if room < 0:
            return i
    return len(text)
