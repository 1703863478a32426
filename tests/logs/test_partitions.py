"""Partitions hold each row once, in memory or in files; a lookup of sorted keys finds what a dict finds."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mlops_cli.logs import partitions
from mlops_cli.logs.lookup import lookup, ordered
from mlops_cli.logs.partitions import spread
from mlops_cli.logs.scratch import folder

KEYS = st.lists(st.sampled_from([None, 0, 1, 5, 2**63, 2**64 - 1]), max_size=30)


def keys(values):
    return pl.Series("key", values, dtype=pl.UInt64)


def rows(count=10_000):
    rng = np.random.default_rng(1)
    hashes = keys(rng.integers(0, 2**64, count, dtype=np.uint64))
    return pl.DataFrame(
        {
            "key": pl.select(pl.when(pl.Series(rng.random(count) < 0.9)).then(hashes)).to_series(),
            "at": np.arange(count),
            "word": pl.Series([f"w{i % 7}" for i in range(count)], dtype=pl.Categorical),
            "text": [None if i % 3 else f"text {i}" for i in range(count)],
        }
    )


@pytest.mark.parametrize("count", [1, 2, 7, 256])
@pytest.mark.parametrize("held", [1, 100_000, 0])
def test_every_row_is_in_one_partition_in_memory_or_in_files(monkeypatch, count, held):
    monkeypatch.setattr(partitions, "PIECE", 3_000)
    frame = rows()
    found = list(spread(frame.lazy(), "key", count, held))
    upper = [p["key"].drop_nulls() for p in found]

    assert len(found) == count
    assert all(p.schema == frame.schema for p in found)
    assert pl.concat(found).sort("at").equals(frame)
    assert all(p["at"].is_sorted() for p in found)
    assert all(p["key"].null_count() == 0 for p in found[1:])
    assert all(a.max() < b.min() for a, b in pairwise(upper) if len(a) and len(b))
    assert max(p.height for p in found) < frame.height * (0.1 + 1.5 / count)


def test_files_of_partitions_are_gone_when_they_were_read_and_when_nobody_reads_on(monkeypatch):
    monkeypatch.setattr(partitions, "PIECE", 3_000)
    before = set(Path(folder()).iterdir())
    some = spread(rows().lazy(), "key", 4, 1)
    next(some)
    during = set(Path(folder()).iterdir()) - before
    some.close()

    assert len(during) > 3
    assert set(Path(folder()).iterdir()) == before


@hypothesis_settings(max_examples=200, deadline=None)
@given(asked=KEYS, known=st.sets(st.sampled_from([0, 1, 5, 7, 2**63, 2**64 - 1])))
def test_a_lookup_finds_what_a_dict_finds(asked, known):
    place = {key: i for i, key in enumerate(known)}
    found = lookup(ordered(keys(asked)), ordered(keys(list(known))))

    assert [None if key is None else place.get(key) for key in asked] == found.to_list()


@given(asked=KEYS)
def test_keys_that_are_there_twice_are_told_once(asked):
    assert sorted({k for k in asked if k is not None and asked.count(k) > 1}) == list(
        ordered(keys(asked)).repeated
    )
