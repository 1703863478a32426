import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats  # noqa: TID251 - the oracle

from mlops_cli.stats.multiplicity import benjamini_hochberg, holm

shares = st.lists(st.floats(0, 1) | st.floats(0, 0.02), max_size=30)


def naive_holm(p, alpha, m):
    out = [False] * len(p)
    for step, i in enumerate(sorted(range(len(p)), key=lambda j: p[j])):
        if p[i] > alpha / (m - step):
            break
        out[i] = True
    return out


@given(p=shares, more=st.integers(0, 40))
def test_holm_steps_down_and_stops(p, more):
    assert naive_holm(p, 0.05, len(p) + more) == holm(p, 0.05, len(p) + more).tolist()


@given(p=shares, more=st.integers(0, 40))
def test_the_untested_count_as_not_rejected(p, more):
    assert holm(p + [1.0] * more).tolist()[: len(p)] == holm(p, m=len(p) + more).tolist()
    assert (
        benjamini_hochberg(p + [1.0] * more).tolist()[: len(p)]
        == benjamini_hochberg(p, m=len(p) + more).tolist()
    )


@given(p=st.lists(st.integers(0, 400).map(lambda i: i / 10_007), min_size=1, max_size=30))
def test_benjamini_hochberg_is_that_of_scipy(p):
    adjusted = stats.false_discovery_control(p)
    clear = np.abs(adjusted - 0.05) > 1e-12  # the same number computed in another order

    assert (adjusted <= 0.05)[clear].tolist() == benjamini_hochberg(p)[clear].tolist()


@pytest.mark.parametrize("method", [holm, benjamini_hochberg])
def test_what_is_not_known_is_not_rejected(method):
    assert method([np.nan, 1e-9]).tolist() == [False, True]
    assert method([]).tolist() == []


@pytest.mark.parametrize("method", [holm, benjamini_hochberg])
def test_fewer_hypotheses_than_p_values_are_refused(method):
    with pytest.raises(ValueError, match="p-values"):
        method([0.1, 0.2], m=1)
    with pytest.raises(ValueError, match="alpha"):
        method([0.1], 5)
