"""Required metrics that no window answered, and windows long enough to answer them."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from mlops_cli.cli.seen import Seen

LENGTHS = (60, 600, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 604_800)  # seconds
FEWEST = 4  # windows that the log must hold of a length that is proposed: with fewer there is no baseline
ROOM = 1.2  # windows hold different numbers of rows: the usual one must hold so much more than is wanted


def required_unknown(seen: Sequence[Seen]) -> list[str]:
    """Required metrics that these logs could give, but that no judged window answered."""
    out = []
    for one in seen:
        frame = one.outcome.frame
        thin = one.counted.unit.settings.windows.min_rows
        for code in one.counted.unit.settings.gate.require:
            rows = frame.filter((pl.col("code") == code) & pl.col("window").is_in(one.counted.line.judged))
            had = one.counted.measured.filter((pl.col("code") == code) & pl.col("value").is_not_null())
            if had.is_empty() and not rows.is_empty() and code != "volume":
                continue  # these logs cannot give it: said once, among what is unknown
            sampled = pl.col("test").fill_null("") != ""
            answered = rows.filter(pl.col("value").is_not_null() & (~sampled | (pl.col("n") >= thin)))
            if code == "volume":
                answered = answered.filter((pl.col("value") > 0) | pl.col("reference").is_not_null())
            if answered.is_empty() and not had.is_empty():
                why = next((w for w in rows["unjudged"].to_list() if w), "no judged window has it")
                out.append(f"{code} is unknown: {why}")
    return out


def longer(seen: Sequence[Seen]) -> str:
    """What helps where the usual window has too few rows; empty where that is not so."""
    for one in seen:
        windows = one.counted.unit.settings.windows
        spec, line = one.counted.profile.spec.window, one.counted.line
        judged = (pl.col("code") == "volume") & pl.col("window").is_in(line.judged)
        rows = one.counted.measured.filter(judged)["value"].drop_nulls()
        usual = float(rows.median() or 0)  # type: ignore[arg-type] # a number of a column of floats
        if not usual or usual >= windows.min_rows:
            continue
        few = f"a window has about {usual:,.0f} rows, {windows.min_rows:,} are wanted"
        enough = windows.min_rows * ROOM * spec.seconds / usual
        most = spec.seconds * len(line.starts) / FEWEST
        found = next((n for n in LENGTHS if enough <= n <= most), 0)
        if spec.seconds and found:
            return f"judge longer windows: --window {replace(spec, seconds=found).word} ({few})"
        return f"wait for more rows, or lower [windows] min_rows ({few})"
    return ""
