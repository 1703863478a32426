"""Tables of many profiles as one, against adding all of them up."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from mlops_cli.profile.stack import stack

KEY = ["group", "field", "cell"]
SCHEMA = {"group": pl.UInt32, "field": pl.UInt16, "cell": pl.Int32, "count": pl.Int64}
ROWS = st.dictionaries(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(-2, 2)), st.integers(1, 9), max_size=12
)
SIDE = st.tuples(ROWS, st.lists(st.integers(0, 6), min_size=4, max_size=4))


def table(rows):
    return pl.DataFrame([(*k, n) for k, n in sorted(rows.items())], schema=SCHEMA, orient="row")


@given(st.lists(SIDE, min_size=1, max_size=5))
def test_it_equals_adding_up_whatever_the_groups_share(sides):
    tables = [table(rows) for rows, _ in sides]
    maps = [np.array(to, np.int64) for _, to in sides]

    got, added = stack(tables, maps, KEY, [pl.col("count").sum()])

    mapped = [
        t.with_columns(group=pl.Series(m[t["group"].to_numpy()], dtype=pl.UInt32))
        for t, m in zip(tables, maps, strict=True)
    ]
    rows = pl.concat(mapped)
    assert_frame_equal(rows.group_by(KEY).agg(pl.col("count").sum()).sort(KEY), got)
    assert added or got.height == rows.height


def test_groups_of_their_own_are_not_added_up():
    day = table({(0, 0, 1): 2, (1, 0, 1): 3})

    got, added = stack([day, day], [np.array([2, 3]), np.array([0, 1])], KEY, [pl.col("count").sum()])

    assert not added
    assert got["group"].to_list() == [0, 1, 2, 3]
    assert got["count"].to_list() == [2, 3, 2, 3]


def test_without_a_row_there_is_an_empty_table():
    got, added = stack([table({})], [np.zeros(0, np.int64)], KEY, [pl.col("count").sum()])

    assert (got.schema, got.height, added) == (pl.Schema(SCHEMA), 0, False)
