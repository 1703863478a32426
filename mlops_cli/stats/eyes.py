"""Eyes: what a block of windows is looked at with, and what they see."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.line import Line
from mlops_cli.stats.rare import Rare

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Eyes:
    """The line of now, the old one, and the rates of rare events, of some series."""

    rows: Ints
    line: Line
    far: Line
    rare: Rare | None
    far_rare: Rare | None

    def at(self, which: Ints) -> "Eyes":
        """Some of them."""
        return Eyes(self.rows[which], self.line.rows(which), self.far.rows(which), None, None)


@dataclass(frozen=True)
class Seek:
    """A block of windows against the lines.

    Parameters
    ----------
    y, known, u, p : (R, B) values, whether they are there, surprises, their chances
    exponent : (R, B, 2, 4) of the drift eye
    jump : (R, B) level by the jump eye
    blind : (R, B) too little data to acquit
    limit : (R,) evidence of an alarm
    sides : (R, 2) which sides are looked at, upward first

    """

    y: Floats
    known: Bools
    u: Floats
    p: Floats
    exponent: Floats
    jump: Ints
    blind: Bools
    limit: Floats
    sides: Bools

    def at(self, which: Ints) -> "Seek":
        """Some of the series."""
        return Seek(**{f.name: getattr(self, f.name)[which] for f in fields(self)})
