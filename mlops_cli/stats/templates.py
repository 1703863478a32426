"""What windows are compared with: the ramps and pulses that are looked for, and shuffles of the windows."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
WIDTHS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48)
SEED = 12345  # the shuffles are the same in every run


class Shapes(NamedTuple):
    """Changes over T windows: centred with length 1, as they are, and whether, where and how wide each is."""

    unit: Floats
    plain: Floats
    pulse: NDArray[np.bool_]
    start: Ints
    width: Ints


@lru_cache(maxsize=32)
def shapes(windows: int) -> Shapes:
    """All changes that are looked for: ramps of a few widths (1: a step) and pulses that pass."""
    t, rows = np.arange(windows), []
    widths = sorted({w for w in (*WIDTHS, windows - 1) if 0 < w < windows})
    for w in widths:
        # A step needs two windows on either side.
        starts = range(2, windows - 1) if w == 1 else range(windows - w + 1)
        for a in starts:
            at = t - a + 1 if w == 1 else t - a
            rows.append((np.clip(at / w, 0.0, 1.0), False, a, w))
    for a in range(2, windows - 3):
        rows += [
            (((t >= a) & (t < a + w)).astype(np.float64), True, a, w)
            for w in widths
            if 2 * w <= windows and a + w < windows - 1
        ]
    plain = np.array([r[0] for r in rows])
    centred = plain - plain.mean(axis=1, keepdims=True)
    length = np.sqrt((centred**2).sum(axis=1))
    some = length > 1e-9
    return Shapes(
        centred[some] / length[some, None],
        plain[some],
        np.array([r[1] for r in rows])[some],
        np.array([r[2] for r in rows])[some],
        np.array([r[3] for r in rows])[some],
    )


@lru_cache(maxsize=64)
def shuffles(windows: int, many: int, period: int = 0) -> Ints:
    """The same shuffles in every run, within the phases of a season."""
    random = np.random.Generator(np.random.PCG64(SEED))
    out = np.empty((many, windows), np.int64)
    for i in range(many):
        if not period:
            out[i] = random.permutation(windows)
            continue
        out[i] = np.arange(windows)
        for k in range(period):
            out[i, k::period] = random.permutation(out[i, k::period])
    return out
