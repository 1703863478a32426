"""Line: level, season, short memory, scale and tail of many series, fitted on their history.

All series of a batch are fitted at once: (S, L) arrays, NaN what is not to be learnt from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from mlops_cli.stats.ordered import median, middles, packed, spread
from mlops_cli.stats.season import Calendar, patterns
from mlops_cli.stats.tail import Tail, exceedances, fit_tail

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SPANS = ((1, 0, 0), (1, 5, 0), (1, 6, 24))  # windows that the short memory averages, by windows of history
SPANS_FROM = (0, 40, 150)
MEMORY = 24  # the longest of them
RIDGE = 5.0  # windows that the prior of no memory is worth
MOST_MEMORY = 0.98  # sum of the coefficients
CLIP = 4.0  # standard deviations beyond which a deviation is not followed
QUARTILE = 0.6745  # of the normal distribution
VARIANCE_SPANS = (6, 24)
SEARCHES = 12  # for the two middle surprises; two are the rule


@dataclass(frozen=True)
class Line:
    """The fitted model of each series.

    Parameters
    ----------
    level : (S,) median of the history
    season : (S, 7 slots) by slot of the week
    kind : (S,) which pattern: see `season`
    memory : (S,) which of SPANS
    coef : (S, 3) weights of the spans
    clip : (S,) deviations beyond it are not followed further
    sd : (S,) of the deviations, robust
    n : (S,) windows of history
    between : (S,) variance between windows that sampling does not explain
    inflation : (S,) variance of sums of surprises against independent ones, at least 1
    start, share, shape, scale : (S,) of the tail

    """

    level: Floats
    season: Floats
    kind: Ints
    memory: Ints
    coef: Floats
    clip: Floats
    sd: Floats
    n: Ints
    between: Floats
    inflation: Floats
    start: Floats
    share: Floats
    shape: Floats
    scale: Floats

    @property
    def tail(self) -> Tail:
        """The tail of its surprises."""
        return Tail(self.start, self.share, self.shape, self.scale)

    def rows(self, which: Ints) -> "Line":
        """The line of some series only."""
        return Line(**{f.name: getattr(self, f.name)[which] for f in fields(self)})

    def base(self, of_week: Ints) -> Floats:
        """Level and season at these slots of the week: (B,) → (S, B)."""
        return np.asarray(self.level[:, None] + self.season[:, of_week])

    def forecast(self, d: Floats) -> Floats:
        """What the last deviations say of the next.

        Parameters
        ----------
        d : (S, L) deviations from level and season, 0 where missing

        Returns
        -------
        (S, L) : at i from those before i

        """
        out = np.zeros(d.shape)
        for which in np.unique(self.memory):
            rows = np.flatnonzero(self.memory == which)
            x = _means(d[rows], self.clip[rows], SPANS[which])
            out[rows] = sum(self.coef[rows, k, None] * column for k, column in enumerate(x))
        return out

    def variance(self, sampling: Floats) -> Floats:
        """Of a surprise: sampling, between windows, and what the history leaves open; (S, B) → (S, B)."""
        left_open = self.sd**2 / np.maximum(self.n, 1)
        return np.asarray(sampling + (self.between + left_open)[:, None])


def gather(lines: Sequence[Line], which: Ints, rows: Ints) -> Line:
    """For each of some series its own of several lines: (R,) positions in `lines`, (R,) series."""
    out = {f.name: np.array(getattr(lines[-1], f.name)[rows]) for f in fields(Line)}
    for k in np.unique(which):
        here = np.flatnonzero(which == k)
        for name, values in out.items():
            values[here] = getattr(lines[k], name)[rows[here]]
    return Line(**out)


def fit_line(h: Floats, sampling: Floats, calendar: Calendar, kinds: Ints, pool: tuple[Floats, Ints]) -> Line:
    """Fit every series on its history.

    Parameters
    ----------
    h : (S, L) history on the additive scale
    sampling : (S, L) its sampling variance
    calendar : of the L windows
    kinds : (S,) pattern of each series, see `season.choose`
    pool : largest absolute surprises judged so far, (S, K) descending, and how many there were, (S,); where
        they are fewer than the history the fit's own residuals make the tail

    Returns
    -------
    Line

    """
    there = ~np.isnan(h)
    n = there.sum(axis=1)
    level = median(h)
    season = patterns(h - level[:, None], calendar, kinds)
    d = h - level[:, None] - season[:, calendar.of_week]
    shift = median(d)
    level, d = level + shift, d - shift[:, None]
    sd = np.maximum(spread(d, np.zeros(len(d))), 1e-9 + 1e-6 * np.abs(level))
    memory = np.searchsorted(SPANS_FROM, n, side="right") - 1
    size, one = len(h), np.ones(len(h))
    line = Line(
        level=level, season=season, kind=kinds, memory=memory, coef=np.zeros((size, 3)), clip=CLIP * sd,
        sd=sd, n=n, between=np.zeros(size), inflation=one, start=one, share=one, shape=one, scale=one,
    )  # fmt: skip
    parts = []
    for which in np.unique(memory):
        rows = np.flatnonzero(memory == which)
        everything = len(rows) == size
        own = line if everything else line.rows(rows)
        arrays = (d, sampling, there) if everything else (d[rows], sampling[rows], there[rows])
        parts.append((rows, _noise(own, *arrays, SPANS[which], (pool[0][rows], pool[1][rows]))))
    if len(parts) == 1:
        return parts[0][1]
    out = {f.name: np.array(getattr(line, f.name)) for f in fields(Line)}
    for rows, part in parts:
        for name, values in out.items():
            values[rows] = getattr(part, name)
    return Line(**out)


def _noise(
    line: Line,
    d: Floats,
    sampling: Floats,
    there: Bools,
    spans: tuple[int, ...],
    pool: tuple[Floats, Ints],
) -> Line:
    """Short memory, scale and tail of series that share their spans."""
    d0 = np.where(there, d, 0.0)
    used = there & (np.arange(d.shape[1]) >= max(spans))
    enough = used.sum(axis=1) > 10
    x = _means(d0, line.clip, spans)
    coef = np.where(enough[:, None], _memory(line, d0, used, x), 0.0)
    # A wandering series is followed further; where nothing was clipped nothing changes.
    narrow = line.clip
    line = replace(line, coef=coef, clip=narrow * (1 + 2 * np.maximum(coef.sum(axis=1), 0) ** 4))
    e = d - sum(coef[:, k, None] * column for k, column in enumerate(x))
    _follow_further(e, d0, (narrow, line.clip), coef, spans)
    used = np.where(enough[:, None], used, there)
    e, v, count = _kept(e, sampling, used)
    between = between_variance(e, v, count)
    w = e / np.sqrt(v + between[:, None] + 1e-18)
    tail = fit_tail(*_largest(np.abs(w), count, pool))
    return replace(line, between=between, inflation=_inflation(np.clip(w, -3, 3), count), **vars(tail))


def _kept(e: Floats, v: Floats, used: Bools) -> tuple[Floats, Floats, Ints]:
    """The used windows of each series at its front."""
    count = used.sum(axis=1)
    columns = used.any(axis=0)
    if (used == columns).all():  # the same windows in every series: no sorting
        return e[:, columns], v[:, columns], count
    return packed(e, used), packed(v, used), count


def _means(d: Floats, clip: Floats, spans: tuple[int, ...]) -> list[Floats]:
    """Means of the last 1, 6, 24 clipped deviations, not counting the window itself."""
    limit = clip[:, None]
    size, length = d.shape
    clipped = np.zeros((size, length + 1))
    np.clip(d, -limit, limit, out=clipped[:, 1:])
    total = np.cumsum(clipped, axis=1)
    out = []
    for span in spans:
        if span == 1:
            out.append(clipped[:, :-1])
        elif span:
            x = np.empty(d.shape)
            first = min(span, length)
            x[:, :first] = total[:, :first] / np.maximum(np.arange(first), 1)
            np.subtract(total[:, first:length], total[:, : length - first], out=x[:, first:])
            x[:, first:] *= 1 / span
            out.append(x)
    return out


def _follow_further(
    e: Floats, d0: Floats, clip: tuple[Floats, Floats], coef: Floats, spans: Sequence[int]
) -> None:
    """What a wider clip changes in the surprises, in place: only behind deviations that were clipped."""
    narrow, wide = clip
    rows, at = np.nonzero((np.abs(d0) > narrow[:, None]) & (wide > narrow)[:, None])
    if not len(rows):
        return
    size = d0[rows, at]
    more = np.clip(size, -wide[rows], wide[rows]) - np.clip(size, -narrow[rows], narrow[rows])
    behind = at[:, None] + np.arange(1, max(spans) + 1)
    weight = np.zeros(behind.shape)
    for k, span in enumerate(s for s in spans if s):
        weight[:, :span] += coef[rows, k, None] / np.minimum(behind[:, :span], span)
    inside = behind < d0.shape[1]
    series = np.broadcast_to(rows[:, None], behind.shape)[inside]
    np.subtract.at(e, (series, behind[inside]), (more[:, None] * weight)[inside])


def _memory(line: Line, d0: Floats, used: Bools, x: list[Floats]) -> Floats:
    """Ridge regression of the deviations on the means of those before: (S, 3)."""
    limit = line.clip[:, None]
    target = np.clip(d0, -limit, limit)
    size = len(x)
    gram, moment = np.zeros((len(d0), size, size)), np.zeros((len(d0), size))
    first = int(np.argmax(used.any(axis=0)))
    target, x, used = target[:, first:], [column[:, first:] for column in x], used[:, first:]
    everything = used.all()
    for a in range(size):
        kept = x[a] if everything else x[a] * used
        moment[:, a] = np.einsum("sl,sl->s", kept, target)
        for b in range(a + 1):
            gram[:, a, b] = gram[:, b, a] = np.einsum("sl,sl->s", kept, x[b])
    gram += (RIDGE * line.sd**2)[:, None, None] * np.eye(size)
    coef = np.linalg.solve(gram, moment[:, :, None])[:, :, 0]
    total = coef.sum(axis=1)
    coef *= np.where(total > MOST_MEMORY, MOST_MEMORY / np.maximum(total, 1e-9), 1.0)[:, None]
    return np.concatenate([coef, np.zeros((len(d0), 3 - size))], axis=1)


def between_variance(e: Floats, v: Floats, count: Ints) -> Floats:
    """Variance between windows: median of `|e| / sqrt(v + variance)` is that of normal values.

    Parameters
    ----------
    e : (S, L) surprises, NaN behind the first `count`
    v : (S, L) their sampling variances
    count : (S,)

    Returns
    -------
    (S,) at least 0; 0 where sampling alone explains the surprises

    """
    if (v == v[:, :1]).all():  # one variance a series: the root in closed form
        total = (median(np.abs(e)) / QUARTILE) ** 2
        none = ~(total > 0)
        if none.any():
            total = np.where(none, np.nansum(e * e, axis=1) / np.maximum(count, 1) + 1e-18, total)
        return np.maximum(total - v[:, 0], 0.0)
    # |e| / sqrt(v + t) > q where e^2 / q^2 - v > t: the root lies between the two middle ones of these, and
    # the two middle surprises are the largest of the lower half and the smallest of the upper one.
    square = (e / QUARTILE) ** 2
    key = square - v
    low, high = middles(key)
    lower, upper = key <= low[:, None], key >= high[:, None]
    low, high = np.maximum(low, 0), np.maximum(high, 0)
    t, rows, two = (low + high) / 2, np.arange(len(e)), np.full((2, len(e)), -1)
    for _ in range(SEARCHES):  # as t moves, others may become the middle ones
        ratio = square[rows] / (v[rows] + t[rows, None] + 1e-300)
        found = np.stack(
            [
                np.where(lower[rows], ratio, -1).argmax(axis=1),
                np.where(upper[rows], ratio, np.inf).argmin(axis=1),
            ]
        )
        moved = (found != two[:, rows]).any(axis=0)
        rows, found = rows[moved], found[:, moved]
        if not len(rows):
            break
        two[:, rows] = found
        above = np.sqrt(square[rows, found] / (v[rows, found] + t[rows] + 1e-300)).sum(axis=0) > 2
        low[rows], high[rows] = np.where(above, t[rows], low[rows]), np.where(above, high[rows], t[rows])
        root = _root(square[rows, found], v[rows, found])
        t[rows] = np.clip(root, low[rows], high[rows])
    return np.asarray(t)


def _root(square: Floats, v: Floats) -> Floats:
    """The t, 0 or more, at which the roots of `square / (v + t)` are 1 on average: (2, S) → (S,)."""
    size = np.sqrt(square)
    t = np.maximum(square - v, 0).min(axis=0)  # left of the root, and the curve is convex
    for _ in range(16):
        root = np.sqrt(np.maximum(v + t, 1e-60))
        above = (size / root).sum(axis=0) / 2 - 1
        t = np.maximum(t + above / np.maximum((size / root**3).sum(axis=0) / 4, 1e-300), 0)
    return np.asarray(t)


def _largest(size: Floats, count: Ints, pool: tuple[Floats, Ints]) -> tuple[Floats, Ints]:
    """The largest surprises, of the pool where it is longer than the history."""
    largest, n = pool
    short = n < count
    if not short.any():
        return largest, n
    k = int(exceedances(count).max()) + 2
    own = np.where(np.isnan(size), -np.inf, size)
    k = min(k, own.shape[1])
    own = -np.sort(np.partition(-own, k - 1, axis=1)[:, :k], axis=1)
    own = np.where(np.isinf(own), np.nan, own)
    own = -np.sort(-own, axis=1)
    width = max(own.shape[1], largest.shape[1])
    out = np.full((len(size), width), np.nan)
    out[short, : own.shape[1]] = own[short]
    out[~short, : largest.shape[1]] = largest[~short]
    return out, np.where(short, count, n)


def _inflation(w: Floats, count: Ints) -> Floats:
    """Variance of sums of 6 and of 24 surprises against independent ones."""
    out = np.ones(len(w))
    gaps = (count < w.shape[1]).any()
    there = np.arange(w.shape[1]) < count[:, None]
    z = np.where(there, w, 0.0) if gaps else w
    z = z - (z.sum(axis=1) / np.maximum(count, 1))[:, None]
    if gaps:
        z *= there
    variance = np.einsum("sl,sl->s", z, z) / np.maximum(count, 1)
    total = np.concatenate([np.zeros((len(w), 1)), np.cumsum(z, axis=1)], axis=1)
    for span in VARIANCE_SPANS:
        if w.shape[1] < span:
            continue
        sums = total[:, span:] - total[:, :-span]
        if gaps:
            sums *= np.arange(sums.shape[1]) <= (count - span)[:, None]
        mean = np.einsum("sl,sl->s", sums, sums) / np.maximum(count - span + 1, 1)
        ratio = mean / (span * variance + 1e-12)
        out = np.where(count >= 8 * span, np.maximum(out, ratio), out)
    return out
