"""Does the certificate keep its promise, and do the intervals of people and models cover what they say?

The populations are those of `../shared/reference/shadow/sim.py`, with its seed; every count is held to the
binomial acceptance region at 1e-6. Naive picking fails the same test, so the test can fail.
"""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import binom  # noqa: TID251 - quantiles for the test only

from mlops_cli.stats.audits import audit
from mlops_cli.stats.certificate import below, certify, naive, relative, spent
from mlops_cli.stats.clusters import clustered
from mlops_cli.stats.paired import not_worse
from mlops_cli.stats.proportion import wilson
from mlops_cli.stats.raters import alpha, ceiling
from mlops_cli.stats.selective import steps

pytestmark = pytest.mark.slow
SEED, DRAWS, DELTA, N = 20240717, 300, 0.05, 500
LOG = Path(__file__).parents[1] / "data" / "assist" / "log.parquet"


def most(rate, draws=DRAWS):
    """Events in so many draws that a true rate exceeds once in a million runs."""
    return int(binom.ppf(1 - 1e-6, draws, rate))


def fewest(rate, draws):
    return int(binom.ppf(1e-6, draws, rate))


def uniform(g, n):
    return g.random(n)


def high(g, n):
    return 0.5 + 0.5 * g.beta(3, 1, n)


def six(g, n):
    return g.choice([0.5, 0.6, 0.7, 0.8, 0.9, 1.0], n, p=[0.1, 0.1, 0.15, 0.2, 0.25, 0.2])


POPULATIONS = {
    "flat": (uniform, lambda s: np.full(len(s), 0.0501)),
    "calibrated": (high, lambda s: 1 - s),
    "borderline": (uniform, lambda s: 0.15 * (1 - s) + 0.0125),
    "top wrong": (uniform, lambda s: np.where(s > 0.97, 0.2, np.where(s > 0.3, 0.02, 0.25))),
    "bad middle": (
        uniform,
        lambda s: np.where(s > 0.75, 0.03, np.where(s > 0.6, 0.16, np.where(s > 0.2, 0.01, 0.3))),
    ),
    "ties": (six, lambda s: np.interp(s, [0.5, 0.6, 0.7, 0.8, 0.9, 1.0], [0.4, 0.3, 0.15, 0.06, 0.03, 0.02])),
}


def true_risk(draw, eta, size=400_000):
    scores = draw(np.random.default_rng(5), size)
    order = np.argsort(-scores)
    falling, risk = -scores[order], np.cumsum(eta(scores)[order]) / np.arange(1, size + 1)
    return lambda t: risk[max(np.searchsorted(falling, -t, side="right") - 1, 0)]


def broken_promises(sample, risk, target, n, draws=DRAWS, seed=SEED):
    """How often the certified, and how often the naively picked threshold has a risk above the target."""
    random, certified, picked = np.random.default_rng([seed, n]), 0, 0
    for _ in range(draws):
        confidence, wrong = sample(random, n)
        curve = steps(confidence, errors=wrong)
        found = certify(curve, below(curve, target), DELTA)
        certified += found is not None and risk(found.threshold) > target + 1e-12
        at = naive(curve, target)
        picked += at >= 0 and risk(curve.threshold[at]) > target + 1e-12
    return certified, picked


@pytest.mark.parametrize("name", list(POPULATIONS))
@pytest.mark.parametrize("n", [N, 2000])
def test_the_certificate_breaks_its_promise_at_most_as_often_as_delta_says(name, n):
    draw, eta = POPULATIONS[name]

    def sample(g, size):
        scores = draw(g, size)
        return scores, g.random(size) < eta(scores)

    certified, picked = broken_promises(sample, true_risk(draw, eta), 0.05, n)

    assert certified <= most(DELTA)
    # Picking by the observed risk fails this very test; but for wide ties, where no threshold is near the target.
    assert picked > most(DELTA) or name == "ties"


def test_the_certificate_keeps_its_promise_on_the_card_game():
    log = pl.read_parquet(LOG).filter(pl.col("best_decision").is_not_null())
    confidence = log["model_confidence"].cast(pl.Float64).to_numpy()
    wrong = (log["model_decision"] != log["best_decision"]).to_numpy()
    order = np.argsort(-confidence, kind="stable")
    falling, risk = -confidence[order], np.cumsum(wrong[order]) / np.arange(1, len(wrong) + 1)

    def sample(g, size):
        chosen = g.integers(0, len(wrong), size)
        return confidence[chosen], wrong[chosen]

    certified, picked = broken_promises(
        sample, lambda t: risk[np.searchsorted(falling, -t, side="right") - 1], 0.10, 2000
    )

    assert certified <= most(DELTA)
    assert picked > most(DELTA)


@pytest.mark.parametrize("discordant", [0.02, 0.1, 0.3])
def test_the_certificate_against_people_keeps_its_promise_at_the_margin(discordant):
    margin, n, broken = 0.01, 1000, 0
    # At every threshold the machine is worse than people by the margin and a little: nothing may be certified.
    first, second = (discordant - margin) / 2 - 1e-4, (discordant + margin) / 2 + 1e-4
    random = np.random.default_rng(SEED)
    for _ in range(DRAWS):
        u = random.random(n)
        curve = steps(random.random(n), model=u < first, human=(u >= first) & (u < first + second))
        broken += certify(curve, relative(curve, margin), DELTA) is not None

    assert broken <= most(DELTA)


@pytest.mark.parametrize(
    ("n", "discordant", "margin"), [(100, 0.1, 0.05), (400, 0.1, 0.02), (400, 0.3, 0.05), (2000, 0.2, 0.02)]
)
def test_non_inferiority_errs_as_often_as_it_says_at_the_boundary(n, discordant, margin):
    draws, random = 20_000, np.random.default_rng(SEED)
    p = np.array([(discordant - margin) / 2, (discordant + margin) / 2, 1 - discordant])
    b, c, _ = random.multinomial(n, p, draws).T
    rejected = int((not_worse(b, c, n, margin) <= 0.05).sum())

    assert fewest(0.03, draws) <= rejected <= most(0.06, draws)


def test_with_several_people_an_item_only_the_robust_interval_covers():
    draws, items, people, random = 1000, 100, 5, np.random.default_rng(SEED)
    covered = {"wilson": 0, "robust": 0}
    for _ in range(draws):
        rate = random.beta(2, 0.5, items)
        agrees = (random.random((items, people)) < rate[:, None]).astype(float).ravel()
        found = clustered(agrees, np.repeat(np.arange(items), people))
        low, high = wilson(agrees.sum(), agrees.size, 0.95)
        covered["wilson"] += low <= 0.8 <= high
        covered["robust"] += found.interval.low <= 0.8 <= found.interval.high

    assert covered["robust"] >= fewest(0.93, draws)
    assert covered["wilson"] < fewest(0.93, draws)


def test_ceiling_and_alpha_cover_what_they_say():
    draws, items, people, random = 600, 150, 4, np.random.default_rng(SEED)
    values, excess, covered = [], [], 0
    for _ in range(draws):
        hard = random.random(items) < 0.3
        p = np.where(hard, 0.6, 0.95)
        ones = random.binomial(people, p)
        counts = np.column_stack([people - ones, ones])
        found = alpha(counts)
        values.append((found.value, *found.interval))
        model = (random.random(items) < p).astype(int)
        with_model = counts[np.arange(items), model]
        out = ceiling(with_model, (counts * (counts - 1)).sum(axis=1), counts.sum(axis=1)).excess
        excess.append((out.value, *out.interval))
    for estimates in (values, excess):
        truth = np.mean([e[0] for e in estimates])
        covered = sum(low <= truth <= high for _, low, high in estimates)
        assert covered >= fewest(0.92, draws)


def test_twelve_looks_at_growing_data_spend_no_more_than_delta():
    draws, weekly, random = 300, 150, np.random.default_rng(SEED)
    broken = {"spent": 0, "whole": 0}
    for _ in range(draws):
        confidence, wrong = random.random(12 * weekly), random.random(12 * weekly) < 0.0501
        hit = {"spent": False, "whole": False}
        for look in range(1, 13):
            curve = steps(confidence[: look * weekly], errors=wrong[: look * weekly])
            for name, delta in (("spent", spent(DELTA, look)), ("whole", DELTA)):
                hit[name] |= certify(curve, below(curve, 0.05), delta) is not None
        for name, once in hit.items():
            broken[name] += once

    assert broken["spent"] <= most(DELTA, draws)
    assert broken["spent"] < broken["whole"]


def test_audits_alarm_falsely_in_at_most_one_of_twenty_years_and_find_a_doubled_risk_in_days():
    years, a_day, random = 400, 20, np.random.default_rng(SEED)
    false = sum(audit(random.random(365 * a_day) < 0.05, 0.05).alarm_at > 0 for _ in range(years))
    found = [audit(random.random(90 * a_day) < 0.10, 0.05).alarm_at / a_day for _ in range(200)]

    assert false <= most(0.05, years)
    assert 4 <= np.median(found) <= 14
