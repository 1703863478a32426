import subprocess
import sys
from itertools import product

import numpy as np
import pytest
from scipy import stats  # noqa: TID251 - the oracle

from mlops_cli.stats import null
from mlops_cli.stats.bins import Bins
from mlops_cli.stats.contingency import chi_square, evidence
from mlops_cli.stats.null import expected_sum


def squared(u, v):
    return (np.sqrt(u) - np.sqrt(v)) ** 2 / 2


def exact(together, n, m):
    out = 0.0
    for t in together:
        x = np.arange(max(0, t - m), min(t, n) + 1)
        out += stats.hypergeom.pmf(x, n + m, t, n) @ squared(x / n, (t - x) / m)
    return out


@pytest.mark.parametrize(("n", "m"), [(30, 40), (40, 30), (500, 9), (9, 500), (60, 60)])
def test_the_expectation_of_rare_bins_is_the_hypergeometric_mean(n, m):
    rng = np.random.default_rng(n)
    reference, current = rng.multinomial([n, m], [0.5, 0.3, 0.1, 0.06, 0.04]).astype(float)

    mine = expected_sum(Bins(reference[None], current[None]), squared, 1 / 8)

    assert mine[0] == pytest.approx(exact((reference + current).astype(int), n, m), rel=1e-9)


def test_the_closed_form_of_common_bins_is_within_one_percent():
    reference, current = np.array([[120.0, 110, 270]]), np.array([[66.0, 61, 133]])

    mine = expected_sum(Bins(reference, current), squared, 1 / 8)

    assert mine[0] == pytest.approx(exact([186, 171, 403], 500, 260), rel=0.01)
    assert mine[0] == pytest.approx(2 * (1 / 500 + 1 / 260) / 8, rel=1e-12)


def test_many_different_totals_are_interpolated_within_a_thousandth(monkeypatch):
    rng = np.random.default_rng(1)
    law = 1 / np.arange(1.0, 3_001)
    rows = [x.astype(float)[None] for x in rng.multinomial([400_000, 20_000], law / law.sum())]

    mine = expected_sum(Bins(*rows), squared, 1 / 8)
    monkeypatch.setattr(null, "TOTALS", 10_000)

    np.testing.assert_allclose(mine, expected_sum(Bins(*rows), squared, 1 / 8), rtol=1e-3)


def test_evidence_has_the_exact_mean_and_variance_of_the_table_with_its_margins():
    together, n = np.array([5, 3, 2, 1, 1]), 7
    total = together.sum()
    tables = [x for x in product(*(range(t + 1) for t in together)) if sum(x) == n]
    x = np.array(tables, float)
    chance = np.exp(stats.multivariate_hypergeom.logpmf(x.astype(int), together, n))
    statistic, _ = chi_square(Bins(x, together - x))

    a, b = evidence(Bins(x, together - x))

    mean = chance @ statistic
    variance = chance @ (statistic - mean) ** 2
    scale = a[0] / statistic[0]
    assert mean == pytest.approx(4 * total / (total - 1))
    assert scale == pytest.approx(2 * mean / variance, rel=1e-9)
    np.testing.assert_allclose(b, scale * mean)


def test_evidence_of_enough_rows_is_the_plain_test_and_that_of_scipy():
    rows = Bins(np.array([[50.0, 30, 20]]), np.array([[20.0, 18, 12]]))

    a, b = evidence(rows)

    theirs = stats.chi2_contingency(np.concatenate(rows), correction=False)
    assert (a[0], b[0]) == (pytest.approx(theirs.statistic, rel=1e-12), theirs.dof)


@pytest.mark.parametrize("rows", [([0.0, 0], [3.0, 4]), ([3.0, 4], [0.0, 0])])
def test_an_empty_sample_has_no_evidence(rows):
    assert np.isnan(evidence(Bins(*(np.array([r]) for r in rows)))).all()


def test_the_default_statistic_loads_without_scipy():
    code = (
        "import sys; from mlops_cli.stats.registry import DEFAULT, DRIFT_STATISTICS;"
        "[DRIFT_STATISTICS[n] for n in DRIFT_STATISTICS];"
        "import mlops_cli.stats.evidence, mlops_cli.stats.distinct, mlops_cli.stats.cells;"
        "print([m for m in sys.modules if m.partition('.')[0] in ('scipy', 'polars', 'pyarrow')])"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout == "[]\n"
