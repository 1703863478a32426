"""Who broke first: one fault, two, none, a dead upstream."""

import numpy as np
import pytest

from mlops_cli.stats.blame import Column, accusations, blame

NAMES = ("fetch", "rank", "answer")
PARENTS = {"rank": ["fetch"], "answer": ["rank"]}
COLUMNS = [Column(n, kind, f"{n}-{kind}") for n in NAMES for kind in ("input", "output", "software")]
T, BASE = 130, 96


def pipeline(seed, faults=()):
    """Three components in a row; a fault is (component, kind, size, from, to)."""
    random = np.random.default_rng(seed)
    x = np.zeros((T, 9))
    before = np.zeros(T)
    for i, name in enumerate(NAMES):
        for k, kind in enumerate(("input", "output", "software")):
            own = random.standard_t(5, T)
            for component, what, size, start, end in faults:
                if (component, what) == (name, kind):
                    own[start:end] += size
            base = before if kind == "input" else x[:, 3 * i] if kind == "output" else np.zeros(T)
            x[:, 3 * i + k] = 1.5 * base + own
        before = x[:, 3 * i + 1]
    return x


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("component", "kind"), [("fetch", "output"), ("rank", "output"), ("answer", "software")]
)
def test_the_component_that_broke_is_named_and_no_other(component, kind, seed):
    found = blame(pipeline(seed, [(component, kind, 25, 105, T)]), COLUMNS, PARENTS, BASE)

    assert [a.component for a in found] == [component]
    assert abs(found[0].onset - 9) <= 1


@pytest.mark.parametrize("seed", range(6))
def test_a_healthy_pipeline_is_not_blamed(seed):
    assert blame(pipeline(seed), COLUMNS, PARENTS, BASE) == []


def test_those_that_only_inherit_a_fault_are_told_apart():
    accusing, inheriting = accusations(
        pipeline(1, [("fetch", "output", 25, 105, 115)]), COLUMNS, PARENTS, BASE
    )

    assert {r.component for r in accusing} == {"fetch"}
    assert {r.component for r in inheriting} >= {"rank", "answer"}


def test_two_faults_at_once_are_both_named():
    faults = [("fetch", "software", 25, 105, T), ("answer", "output", 80, 105, T)]

    found = blame(pipeline(2, faults), COLUMNS, PARENTS, BASE)

    assert {a.component for a in found} == {"fetch", "answer"}


def test_two_faults_after_each_other_are_two_runs():
    faults = [("fetch", "software", 25, 102, 106), ("rank", "software", 25, 115, 120)]

    accusing, _ = accusations(pipeline(3, faults), COLUMNS, PARENTS, BASE)

    assert [(r.component, r.start, r.end) for r in accusing] == [("fetch", 6, 10), ("rank", 19, 24)]


def test_a_dead_upstream_is_blamed_and_not_those_that_starve():
    x = pipeline(4)
    x[110:, 1] = -60.0  # fetch gives nothing any more
    for i in (1, 2):
        x[110:, 3 * i] = 1.5 * x[110:, 3 * i - 2]
        x[110:, 3 * i + 1] = 1.5 * x[110:, 3 * i]

    assert next(iter(blame(x, COLUMNS, PARENTS, BASE))).component == "fetch"


def test_a_metric_is_never_held_to_less_than_sampling_gives():
    x = np.zeros((T, 1))
    x[110:114] = 0.01

    sure, _ = accusations(x, [Column("a", "software", "errors")], {}, BASE)
    unsure, _ = accusations(x, [Column("a", "software", "errors")], {}, BASE, noise=[0.05])

    assert len(sure) == 1
    assert unsure == []
