"""Which decisions people made without seeing the model's."""

from dataclasses import dataclass

import polars as pl

UNSEEN = ("human-only", "shadow")  # degrees under which people do not see the output


@dataclass(frozen=True)
class Blinding:
    """Whether decisions were made blindly.

    Parameters
    ----------
    known : `known` (a column says it, or decisions before the output was shown are logged), `assumed`
        (nothing says so, but the output is not used), or `unknown` (it is, and nothing says who saw it)
    seen : rows whose people saw the output: kept out of agreement, they feed the evidence on assistance

    """

    known: str
    seen: int


def blinded(frame: pl.DataFrame, current: str) -> tuple[pl.DataFrame, Blinding]:
    """Adds `blind`, and says where it comes from.

    Parameters
    ----------
    frame : normalised rows
    current : degree of automation under which they were made

    """
    if "saw" in frame.columns and frame["saw"].count():
        blind = pl.col("saw").not_().fill_null(value=current in UNSEEN)
        rows = frame.with_columns(blind.alias("blind"))
        return rows, Blinding("known", int((~rows["blind"]).sum()))
    rows = frame.with_columns(pl.lit(value=True).alias("blind"))
    if "initial" in frame.columns and "human" in frame.columns and _before(frame):
        return rows, Blinding("known", 0)
    return rows, Blinding("assumed" if current in UNSEEN else "unknown", 0)


def _before(frame: pl.DataFrame) -> bool:
    """People's decisions are those that they made before the output was shown."""
    return bool(frame.select(pl.col("human").eq_missing(pl.col("initial")).all()).item())
