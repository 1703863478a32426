import numpy as np
import pytest

from mlops_cli.stats.distinct import distinct, duplicate_share, overlap

K = 2_048


def hashes_of(values):
    """Splitmix64: the hash of a value depends on the value alone."""
    x = np.asarray(values, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return x ^ (x >> np.uint64(31))


def sketch(values, k=K):
    hashes, counts = np.unique(hashes_of(values), return_counts=True)
    return hashes[:k], counts[:k]


@pytest.mark.parametrize("n", [0, 1, 2_047])
def test_few_values_are_counted_exactly(n):
    assert distinct(*sketch(np.repeat(np.arange(n), 3)), K) == n


def test_many_values_are_estimated_without_bias():
    n = 300_000
    estimates = [distinct(*sketch(np.arange(n) + i * n), K) for i in range(20)]

    assert np.mean(estimates) == pytest.approx(n, rel=4 * 0.0221 / np.sqrt(20))
    assert np.std(estimates) / n == pytest.approx(0.022, abs=0.015)


def test_share_of_duplicates_is_that_of_the_rows():
    rng = np.random.default_rng(2)
    ids = np.concatenate([np.arange(1, 100_001), rng.choice(np.arange(1, 100_001), 10_000, replace=False)])

    assert duplicate_share(sketch(ids)[1]) == pytest.approx(20_000 / 110_000, abs=0.03)
    assert duplicate_share(sketch(ids, 200_000)[1]) == 20_000 / 110_000
    assert np.isnan(duplicate_share([]))


@pytest.mark.parametrize("sizes", [(100_000, 1_000), (1_000, 100_000), (100_000, 100_000), (900, 900)])
def test_overlap_of_two_windows_is_the_share_of_rows_seen_before(sizes):
    current, reference = np.arange(sizes[0]), np.arange(sizes[0] // 4, sizes[0] // 4 + sizes[1])
    truth = np.isin(current, reference).mean()

    compared = sizes[0] * min(1, K / max(sizes))  # of a small window only what lies below the other's limit
    error = 4 * np.sqrt(truth * (1 - truth) / compared) if max(sizes) >= K else 1e-12
    assert overlap(*sketch(current), *sketch(reference), K) == pytest.approx(truth, abs=error)


def test_overlap_without_rows_is_unknown_and_without_a_baseline_nothing():
    none = np.zeros(0, np.uint64)

    assert np.isnan(overlap(none, [], *sketch([1, 2]), K))
    assert overlap(*sketch([1, 2]), none, [], K) == 0


def test_hashes_that_came_no_times_are_left_out():
    assert distinct(np.array([1, 2, 3], np.uint64), [1, 0, 2], K) == 2


def test_a_sketch_of_one_hash_is_refused():
    with pytest.raises(ValueError, match="k must be"):
        distinct(np.array([1], np.uint64), [1], 1)
