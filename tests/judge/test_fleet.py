import numpy as np

from mlops_cli.judge.fleet import budget, confirm
from mlops_cli.result.finding import Level

MONTH = 730.0


def one(p, running, segments=None, own=Level.ALARM):
    p, running = (np.array(v, float)[:, None] for v in (p, running))
    family = np.zeros(len(p), bool) if segments is None else np.array(segments)
    return confirm(p, running, np.full(p.shape, int(own)), family, MONTH)


def test_a_fault_has_to_stand_against_all_series():
    alone = one([1e-4], [1.0])
    among = one([1e-4, *np.linspace(0.1, 1, 99)], np.ones(100))

    assert alone.jump[0, 0]
    assert not among.jump[0, 0]


def test_a_broad_fault_is_found_where_a_single_one_as_small_is_not():
    calm = np.linspace(0.1, 1, 50)
    broad = one([*np.full(50, 1e-4), *calm], np.ones(100))

    assert broad.jump[:50, 0].all()
    assert not broad.jump[50:, 0].any()


def test_segments_have_half_of_the_budget_and_do_not_count_for_the_total():
    p = budget(MONTH, Level.ALARM) * 0.9
    half = one([p, *np.full(100, 0.5)], np.ones(101), [False, *[True] * 100])
    lower = one([p / 2, *np.full(100, 0.5)], np.ones(101), [False, *[True] * 100])

    assert not half.jump[0, 0]
    assert lower.jump[0, 0]


def test_running_evidence_is_an_e_value():
    weak = one([0.5, 0.5], [4 * MONTH * 2 * 0.99, 0.0])
    strong = one([0.5, 0.5], [4 * MONTH * 2 * 1.01, 0.0])

    assert (weak.drift[0, 0], strong.drift[0, 0]) == (False, True)


def test_unknown_series_do_not_count():
    known = one([5e-4, np.nan, np.nan], [1.0, np.nan, np.nan])

    assert known.jump[:, 0].tolist() == [True, False, False]
