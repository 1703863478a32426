"""Facts: what the counts know of one field's values, for who looks for the rows behind a finding."""

from typing import Any

import polars as pl

from mlops_cli.profile.spec import Profile

MOST = 4_096  # values


def facts(profile: Profile, baseline: Profile | None, name: str, span: tuple[int, int]) -> dict[str, Any]:
    """Low, high, mean and sd of the baseline's numbers; its values, and those whose share has grown.

    Parameters
    ----------
    profile : of all windows
    baseline : pooled; None: nothing is known
    name : of the field
    span : microseconds, half-open: the windows of the finding

    """
    if baseline is None:
        return {}
    ids = [i for i, f in enumerate(baseline.spec.fields) if f.name == name and f.kind == "predictions"]
    if not ids:
        return {}
    whole = baseline.groups.filter(pl.col("segment") == "")["group"]
    mine = baseline.moments.filter(pl.col("field").is_in(ids) & pl.col("group").is_in(whole.implode()))
    finite = pl.col("n") - pl.col("nulls") - pl.col("nans") - pl.col("infs")
    sums = mine.select(
        low=pl.col("min").min(),
        high=pl.col("max").max(),
        n=finite.sum(),
        s=pl.col("sum").sum(),
        q=pl.col("sumsq").sum(),
    ).row(0, named=True)
    out: dict[str, Any] = {"low": sums["low"], "high": sums["high"]}
    if sums["n"]:
        mean = sums["s"] / sums["n"]
        out |= {"mean": mean, "sd": max(sums["q"] / sums["n"] - mean**2, 0.0) ** 0.5}
    before, after = _shares(baseline, ids, None), _shares(profile, ids, span)
    if before.is_empty():
        return out
    both = after.join(before, on="value", how="left", suffix="_base").with_columns(
        grown=pl.col("share") - pl.col("share_base").fill_null(0.0)
    )
    grown = both.filter(pl.col("grown") > 0).sort("grown", "value", descending=[True, False])["value"]
    return {**out, "known": before["value"].to_list(), "grown": grown.head(MOST).to_list()}


def _shares(profile: Profile, ids: list[int], span: tuple[int, int] | None) -> pl.DataFrame:
    inside = pl.col("segment") == ""
    if span is not None:
        inside &= pl.col("window").is_between(span[0], span[1], closed="left")
    groups = profile.groups.filter(inside)["group"]
    rows = profile.values.filter(pl.col("field").is_in(ids) & pl.col("group").is_in(groups.implode()))
    counts = rows.drop_nulls("value").group_by("value").agg(pl.col("count").sum())
    return counts.with_columns(share=pl.col("count") / pl.col("count").sum()).sort("value")
