"""What is decided once about the rows of two arms: names, windows, thresholds, what is independent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log

import polars as pl

from mlops_cli.config.rollout import Rollout
from mlops_cli.errors import UsageError, nearest

CONTROL, TREATMENT = "control", "treatment"
SECOND = 1_000_000
SIZES = (3_600, 600, 60, 10, 1)  # seconds, the longest first
WANTED = 20  # windows
LONGEST = 20_000  # windows; more come from a wrong clock
GAMMA = log(1.02)  # cells of latency: 1 % error
ENOUGH = 10_000  # rows before the treatment from which a threshold is taken
QUANTILES = {"slow-share-p90": (0.90, 1_000), "slow-share-p99": (0.99, 10_000)}  # and the fewest rows for it
# Names that say which of two arms is the new one.
OLD = ("stable", "control", "blue", "champion", "baseline", "primary", "current", "old", "prod", "production")
NEW = ("canary", "treatment", "green", "challenger", "candidate", "new", "preview")


@dataclass(frozen=True)
class Frozen:
    """From when on an answer is slow: later than the cell `bin`; rows up to the window `until` chose it."""

    bin: int = 0
    ms: float = 0.0
    until: int = -(2**62)
    said: str = ""
    why: str = ""  # there is none


def choose_arms(
    seen: Mapping[str, int], settings: Rollout, where: Sequence[str]
) -> tuple[str, str, tuple[str, ...]]:
    """Names of control and treatment, and what was assumed; the control of a new capability is empty."""
    control, treatment = settings.control, settings.treatment
    if treatment:
        notes = []
        for role, name in (("control", control), ("treatment", treatment)):
            if name and name not in seen:
                near = nearest(name, seen)
                hint = f"; is it '{near}'?" if near else ""
                notes.append(f"no row of {role} '{name}'; arms seen: {', '.join(seen) or 'none'}{hint}")
        return control, treatment, tuple(notes)
    at = ", ".join(where[:3]) + (f" and {len(where) - 3} more" if len(where) > 3 else "")
    if not seen:
        raise UsageError(
            "nothing tells the arms apart: no variant and no model_version in these logs",
            at,
            "pass --column variant=COLUMN, --control and --treatment",
        )
    old = [a for a in seen if a == control or (not control and a.lower() in OLD)]
    new = [a for a in seen if a.lower() in NEW]
    if len(seen) == 2 and (len(old) == 1 or len(new) == 1):
        treatment = new[0] if new else next(a for a in seen if a != old[0])
        control = next(a for a in seen if a != treatment)
        return control, treatment, (f"arms: {control} is the control, {treatment} the treatment",)
    if len(old) == 1 and len(new) == 1:
        return old[0], new[0], (f"arms: {old[0]} is the control, {new[0]} the treatment",)
    raise UsageError(
        f"which of {len(seen)} arms are to be compared?",
        f"{at} (arms seen: {', '.join(f'{a} {n:,}' for a, n in seen.items())})",
        "pass --control OLD --treatment NEW",
    )


def choose_window(times: pl.LazyFrame) -> int:
    """Seconds: the longest of SIZES with at least WANTED windows in which the treatment has rows.

    Without rows of it those of the control count; where no size gives so many, the shortest.
    """
    sizes = [pl.col("time") // (s * SECOND) for s in SIZES]
    mine = pl.col("arm") == TREATMENT
    found = times.select(
        *(w.filter(mine).n_unique().alias(f"{s}") for s, w in zip(SIZES, sizes, strict=True)),
        *(w.n_unique().alias(f"all {s}") for s, w in zip(SIZES, sizes, strict=True)),
    ).collect(engine="streaming")
    prefix = "" if found[f"{SIZES[-1]}"][0] else "all "
    return next((s for s in SIZES if found[f"{prefix}{s}"][0] >= WANTED), SIZES[-1])


def axis(times: pl.LazyFrame, size: int, now: int | None) -> tuple[tuple[int, ...], int, int]:
    """Starts of all windows from the first row to the last (or to `now`), the newest time, rows left out.

    Few rows that lie further away than all the rest is long come from a wrong clock.
    """
    counts = (
        times.group_by((pl.col("time") // size * size).alias("window"))
        .agg(pl.len().alias("n"), pl.col("time").max().alias("last"))
        .collect(engine="streaming")
        .sort("window")
    )
    total, stray = int(counts["n"].sum()), 0
    for ahead in (False, True):
        while counts.height > 2:
            one, other = (-1, -2) if ahead else (0, 1)
            gap = abs(int(counts["window"][one]) - int(counts["window"][other]))
            rest = counts.slice(0, counts.height - 1) if ahead else counts.slice(1)
            span = int(rest["window"][-1]) - int(rest["window"][0]) + size
            n = int(counts["n"][one])
            if gap <= max(span, 30 * size) or n > 0.01 * total:
                break
            stray += n
            counts = rest
    if counts.is_empty():
        return (), now or 0, 0
    first, last = int(counts["window"][0]), int(counts["window"][-1])
    newest = int(counts["last"].max())  # type: ignore[arg-type]
    if now is not None and now > last:
        last = min(now // size * size, last + 1_000 * size)
    first = max(first, last - LONGEST * size)
    return tuple(range(first, last + 1, size)), newest, stray


def slow_bin(latency: pl.Expr) -> pl.Expr:
    """Cell of a latency in ms: 2 % wide."""
    return (latency.log() / GAMMA).floor().cast(pl.Int64)


def freeze(cells: pl.DataFrame, settings: Rollout, *, two: bool) -> dict[str, Frozen]:
    """The threshold of each slow-share: a given one, else the control's quantile, fixed before it is used.

    From at least 10,000 rows before the treatment came; without them from the first windows, which then do
    not count: a threshold that moves would break the guarantee.
    """
    from math import floor  # noqa: PLC0415 - beside its use

    control = cells.filter(pl.col("arm") == CONTROL)
    began = cells.filter(pl.col("arm") == TREATMENT)["window"].min()
    out = {}
    for name, (quantile, fewest) in QUANTILES.items():
        given = settings.margin(name).threshold
        if given is not None:
            why = "" if cells.height else "no log with arms has latency_ms"
            out[name] = Frozen(floor(log(given) / GAMMA), given, said=f"slower than {given:g} ms", why=why)
            continue
        if not two:
            out[name] = Frozen(why="no control to take a threshold from: set its threshold in ms")
            continue
        by_window = control.group_by("window").agg(pl.col("len").sum()).sort("window")
        before = by_window.filter(pl.col("window") < began) if began is not None else by_window
        until, said = -(2**62), "before the treatment"
        used = before
        if int(before["len"].sum()) < ENOUGH:
            total = int(by_window["len"].sum())
            need = min(ENOUGH, total // 3)
            many = by_window.with_columns(pl.col("len").cum_sum().alias("so_far"))
            used = many.filter((pl.col("so_far") - pl.col("len")) < need)
            until = int(used["window"].max() or 0) if used.height else until  # type: ignore[arg-type]
            said = f"of the first {used.height} windows, which do not count"
        n = int(used["len"].sum())
        if n < fewest:
            out[name] = Frozen(
                why=f"a p{quantile * 100:g} needs {fewest:,} earlier rows of the control, there are {n:,}"
            )
            continue
        cut = _quantile(control.filter(pl.col("window").is_in(used["window"].implode())), quantile)
        ms = float(1.02 ** (cut + 1))
        out[name] = Frozen(
            cut, ms, until, f"slower than {ms:.4g} ms, the control's p{quantile * 100:g} {said}"
        )
    return out


def _quantile(cells: pl.DataFrame, quantile: float) -> int:
    """The cell that holds the quantile."""
    line = cells.group_by("bin").agg(pl.col("len").sum()).sort("bin")
    so_far = line["len"].cum_sum()
    return int(line["bin"][int((so_far < quantile * so_far[-1]).sum())])


def sticky(frame: pl.LazyFrame) -> bool:
    """Whether users always meet the same arm: far fewer met both than routing row by row would give."""
    users = (
        frame.filter(pl.col("unit").is_not_null())
        .group_by("unit")
        .agg(pl.len().alias("n"), pl.col("arm").n_unique().alias("arms"))
        .filter(pl.col("n") > 1)
        .collect(engine="streaming")
    )
    if users.height < 20:
        return False
    share = frame.select((pl.col("arm") == TREATMENT).mean()).collect().item()
    expected = users.select((1 - share ** pl.col("n") - (1 - share) ** pl.col("n")).sum()).item()
    return bool((users["arms"] > 1).sum() < 0.5 * expected)


def both_arms(frame: pl.DataFrame) -> tuple[int, int]:
    """Units that met both arms, and all units."""
    users = frame.group_by("unit").agg(pl.col("arm").n_unique().alias("arms"))
    return int((users["arms"] > 1).sum()), users.height
