"""A small gradient booster over histograms: the one learner that performance without labels needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
LEAST_GAIN = 1e-9
CHUNK = 4_096


@dataclass(frozen=True)
class Rules:
    """How it learns.

    Parameters
    ----------
    rounds, depth : trees, and levels of each
    rate : of learning
    ridge : on the leaves
    rows : that a leaf needs
    logistic : the target is 0 or 1 and the answer a probability; else a mean

    """

    rounds: int = 60
    depth: int = 3
    rate: float = 0.15
    ridge: float = 5.0
    rows: int = 50
    logistic: bool = False


# What the error of a prediction is learnt with. Small leaves that are hardly drawn to the mean: the mean of a
# window that has moved must be right, more than each of its rows (used cars: 17.9 instead of 20.0).
LOSS = Rules(rounds=150, depth=5, ridge=1.0, rows=10)
LABEL = Rules(logistic=True)


class Bins:
    """Fields as small whole numbers: quantiles of numbers, frequent values of categories, one for missing."""

    def __init__(self, columns: Sequence[ArrayLike], most: int = 32) -> None:
        self.edges: list[Floats] = []
        self.values: list[dict[str, int] | None] = []
        for column in map(np.asarray, columns):
            if column.dtype.kind in "OUSb":
                names, counts = np.unique(column.astype(str), return_counts=True)
                top = names[np.argsort(-counts, kind="stable")][: most - 1]
                self.values.append({str(v): i for i, v in enumerate(top)})
                self.edges.append(np.zeros(0))
                continue
            known = column[np.isfinite(column.astype(np.float64))].astype(np.float64)
            inner = np.quantile(known, np.linspace(0, 1, most + 1)[1:-1]) if len(known) else known
            # Below and above what was seen are bins of their own.
            outer = [np.nextafter(known.min(), -np.inf), known.max()] if len(known) else []
            self.edges.append(np.unique(np.concatenate([inner, outer])))
            self.values.append(None)

    @property
    def sizes(self) -> list[int]:
        """Bins of each field; the last is of what is missing or new."""
        return [
            len(names) + 1 if names is not None else len(edges) + 2
            for names, edges in zip(self.values, self.edges, strict=True)
        ]

    @property
    def categories(self) -> list[bool]:
        """Which fields have no order."""
        return [names is not None for names in self.values]

    def codes(self, columns: Sequence[ArrayLike]) -> Ints:
        """(n, fields) numbers of bins."""
        out = []
        for column, names, edges, size in zip(
            map(np.asarray, columns), self.values, self.edges, self.sizes, strict=True
        ):
            if names is not None:
                seen, place = np.unique(column.astype(str), return_inverse=True)
                out.append(np.array([names.get(str(v), size - 1) for v in seen], np.int64)[place])
            else:
                x = column.astype(np.float64)
                out.append(np.where(np.isfinite(x), np.searchsorted(edges, x), size - 1))
        return np.column_stack(out).astype(np.int64)


class Tree(NamedTuple):
    """By level the field of each node (-1: it does not split) and which of its bins go left; the leaves."""

    fields: list[Ints]
    left: list[NDArray[np.bool_]]  # (nodes, most bins)
    leaves: Floats


@dataclass(frozen=True)
class Booster:
    """What was learnt."""

    start: float
    trees: tuple[Tree, ...]
    rules: Rules

    def predict(self, codes: Ints, begin: Floats | None = None) -> Floats:
        """Mean, or probability, of each row.

        Parameters
        ----------
        codes : (n, fields)
        begin : (n,) what it was learnt on top of, where it was; on the log odds of a probability

        """
        out = np.full(len(codes), self.start) if begin is None else np.array(begin, np.float64)
        for first in range(0, len(codes), CHUNK):  # what fits into a processor's cache: twice as fast
            some = slice(first, first + CHUNK)
            out[some] += self._added(np.ascontiguousarray(codes[some], np.int32))
        return np.asarray(_chance(out) if self.rules.logistic else out, np.float64)

    def _added(self, codes: NDArray[np.int32]) -> Floats:
        total, flat = np.zeros(len(codes)), codes.ravel()
        base = np.arange(len(codes), dtype=np.int32) * codes.shape[1]
        for tree in self.trees:
            node = np.zeros(len(codes), np.int32)
            for fields, left in zip(tree.fields, tree.left, strict=True):
                field = fields.astype(np.int32).take(node)
                code = flat.take(base + np.maximum(field, 0))
                right = (field >= 0) & ~left.ravel().take(node * left.shape[1] + code)
                node = (2 * node + right).astype(np.int32)
            total += tree.leaves.take(node)
        return total


def fit(
    codes: Ints,
    target: ArrayLike,
    sizes: Sequence[int],
    categories: Sequence[bool],
    rules: Rules,
    *,
    begin: Floats | None = None,
    weights: Floats | None = None,
) -> Booster:
    """Learn the target from binned fields; deterministic.

    Parameters
    ----------
    codes : (n, fields) as `Bins.codes` gives them
    target : (n,)
    sizes, categories : of the fields, as `Bins` has them
    begin : (n,) what is known before (log odds of a probability): only what it lacks is learnt
    weights : (n,) of the rows

    References
    ----------
    Friedman (2001), Annals of Statistics 29; Fisher (1958), Journal of the American Statistical Association
    53, for the split of categories in the order of their means.

    """
    y = np.asarray(target, np.float64)
    heavy = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    mean = float(y @ heavy / heavy.sum()) if len(y) else 0.0
    start = float(log_odds(np.array(mean), 1e-6)) if rules.logistic else mean
    total = np.full(len(y), start) if begin is None else np.array(begin, np.float64)
    trees = []
    # Each field's codes after those of the field before: one histogram holds them all.
    offset = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    flat = (codes + offset).T.copy()
    places = _Places(np.asarray(sizes), offset, np.asarray(categories, bool))
    plain = weights is None and not rules.logistic
    for _ in range(rules.rounds):
        p = _chance(total) if rules.logistic else total
        slope = heavy * (y - p)
        bend = heavy * np.maximum(p * (1 - p), 1e-6) if rules.logistic else heavy
        tree, node = _grow(codes, flat, slope, bend, places, rules, plain=plain)
        trees.append(tree)
        total += tree.leaves[node]
    return Booster(start, tuple(trees), rules)


def log_odds(rate: Floats, least: float) -> Floats:
    """Of chances that are kept `least` away from 0 and 1."""
    from scipy.special import logit  # noqa: PLC0415 - 0.4 s to import

    return np.asarray(logit(np.clip(rate, least, 1 - least)), np.float64)


def _chance(odds: Floats) -> Floats:
    from scipy.special import expit  # noqa: PLC0415 - 0.4 s to import

    return np.asarray(expit(odds), np.float64)


class _Places(NamedTuple):
    sizes: Ints
    offset: Ints
    categories: NDArray[np.bool_]

    @property
    def bins(self) -> int:
        return int(self.sizes.sum())


def _grow(
    codes: Ints, flat: Ints, slope: Floats, bend: Floats, places: _Places, rules: Rules, *, plain: bool
) -> tuple[Tree, Ints]:
    node = np.zeros(len(codes), np.int64)
    fields: list[Ints] = []
    left: list[NDArray[np.bool_]] = []
    order = _orders(flat, slope, bend, places)
    for level in range(rules.depth):
        nodes = 1 << level
        sums = _histograms(flat, node, nodes, slope, bend, places.bins, plain=plain)
        field, goes = _best(sums, order, places, rules)
        fields.append(field)
        left.append(goes)
        node = _down(codes, node, field, goes)
    leaves = 1 << rules.depth
    weight = np.bincount(node, bend, leaves) + rules.ridge
    return Tree(fields, left, rules.rate * np.bincount(node, slope, leaves) / weight), node


def _histograms(
    flat: Ints, node: Ints, nodes: int, slope: Floats, bend: Floats, bins: int, *, plain: bool
) -> tuple[Floats, Floats, Floats]:
    """Slope, bend and rows by node and bin of every field."""
    out = np.zeros((3, nodes * bins))
    base = node * bins
    for one in flat:
        place = base + one
        out[0] += np.bincount(place, slope, nodes * bins)
        out[2] += np.bincount(place, minlength=nodes * bins)
        if not plain:
            out[1] += np.bincount(place, bend, nodes * bins)
    if plain:
        out[1] = out[2]
    return tuple(part.reshape(nodes, bins) for part in out)  # type: ignore[return-value]


def _orders(flat: Ints, slope: Floats, bend: Floats, places: _Places) -> list[Ints]:
    """Bins of each field in their order; of categories in that of their means."""
    out = []
    for one, size, offset, unordered in zip(flat, *places, strict=True):
        if not unordered:
            out.append(np.arange(size))
            continue
        g = np.bincount(one - offset, slope, size)
        h = np.bincount(one - offset, bend, size)
        out.append(np.argsort(g / (h + 10.0), kind="stable"))
    return out


def _best(
    sums: tuple[Floats, Floats, Floats], order: Sequence[Ints], places: _Places, rules: Rules
) -> tuple[Ints, NDArray[np.bool_]]:
    """The split of each node that gains most."""
    nodes = len(sums[0])
    first = slice(places.offset[0], places.offset[0] + places.sizes[0])
    whole = [part[:, first].sum(axis=1, keepdims=True) for part in sums]
    parent = (whole[0] ** 2 / (whole[1] + rules.ridge))[:, 0]
    gain, field = np.full(nodes, LEAST_GAIN), np.full(nodes, -1)
    goes = np.zeros((nodes, int(places.sizes.max())), bool)
    for j, own in enumerate(order):
        at = places.offset[j] + own
        g, h, n = (np.cumsum(part[:, at], axis=1)[:, :-1] for part in sums)
        g2, h2, n2 = (w - p for w, p in zip(whole, (g, h, n), strict=True))
        found = g**2 / (h + rules.ridge) + g2**2 / (h2 + rules.ridge) - parent[:, None]
        found[(n < rules.rows) | (n2 < rules.rows)] = -1.0
        if not found.shape[1]:
            continue
        cut = found.argmax(axis=1)
        best = found[np.arange(nodes), cut]
        for q in np.flatnonzero(best > gain):
            gain[q], field[q] = best[q], j
            goes[q] = False
            goes[q, own[: cut[q] + 1]] = True
    return field, goes


def _down(codes: Ints, node: Ints, fields: Ints, left: NDArray[np.bool_]) -> Ints:
    """Each row's node one level below; where a node does not split all go left."""
    field = fields[node]
    code = codes[np.arange(len(codes)), np.maximum(field, 0)]
    right = (field >= 0) & ~left[node, code]
    return np.asarray(2 * node + right, np.int64)
