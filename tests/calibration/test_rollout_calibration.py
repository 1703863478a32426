"""What the rollout promises, over 200 looks each: false rollbacks, false "safe", splits, units, late harm.

Each test draws a seeded sample and passes if the count of errors lies in the binomial acceptance region at
1e-6 of what is promised, so it is never flaky. The default run draws few, `-m slow` draws as many as
`spec/rollout-simulations.md`. Beside a promise stands the method that breaks it, so that the test can fail.
"""

import numpy as np
import pytest
from scipy.stats import beta, binom  # noqa: TID251 - the oracle

from mlops_cli.stats.evalues import log_average
from mlops_cli.stats.mean_sequence import log_e_mean, radius, stratified, tuned
from mlops_cli.stats.sequential import increments, limit_increments, log_e, log_e_late
from mlops_cli.stats.split import log_e_split

LOOKS = 200
CHUNK = 100  # runs at once: 200 windows x 48 x 8 bytes each
FEW = pytest.param(300, id="few")
MANY = pytest.param(2_000, id="many", marks=pytest.mark.slow)
RUNS = pytest.mark.parametrize("runs", [FEW, MANY])


def at_most(errors, runs, alpha):
    """Whether so many errors are no accident where the chance of one is alpha."""
    return errors <= binom.ppf(1 - 1e-6, runs, alpha)


def chunks(runs, seed):
    rng = np.random.default_rng(seed)
    for start in range(0, runs, CHUNK):
        yield rng, min(CHUNK, runs - start)


def crossed(line, alpha):
    return (line >= -np.log(alpha)).any(-1)


def errors(rng, n, p_c, p_b=0.01, total=2_000, share=0.1, looks=LOOKS):
    nc = rng.binomial(total, share, (n, looks))
    nb = total - nc

    return rng.binomial(nc, p_c), rng.binomial(nb, p_b), nc, nb


@RUNS
def test_a_release_without_harm_is_rolled_back_with_the_chance_that_was_set(runs):
    wrong = {0.05: 0, 0.01: 0}
    naive = 0
    for rng, n in chunks(runs, 1):
        xc, xb, nc, nb = errors(rng, n, 0.01)
        line = log_e_late(increments(xc, xb, nc, nb))
        for alpha in wrong:
            wrong[alpha] += int(crossed(line, alpha).sum())
        cc, cb, mc, mb = (np.cumsum(v, -1) for v in (xc, xb, nc, nb))
        p = (cc + cb) / (mc + mb)
        z = (cc / mc - cb / mb) / np.sqrt(p * (1 - p) * (1 / mc + 1 / mb))
        naive += int((z[:, 4:] > 1.645).any(-1).sum())

    assert all(at_most(wrong[alpha], runs, alpha) for alpha in wrong)
    assert not at_most(naive, runs, 0.05)  # the fixed-sample test looked at 200 times


@RUNS
def test_harm_of_fifty_percent_is_found_within_a_few_windows(runs):
    delays = []
    for rng, n in chunks(runs, 2):
        line = log_e_late(increments(*errors(rng, n, 0.015, looks=100)))
        found = line >= -np.log(0.01)
        delays += (np.argmax(found, -1) + 1).tolist() if found.any(-1).all() else [1_000]

    assert np.median(delays) <= 36  # 32 in the specification


@RUNS
def test_a_release_at_its_margin_is_called_safe_with_the_chance_that_was_set(runs):
    wrong = no_margin = 0
    for rng, n in chunks(runs, 3):
        counts = errors(rng, n, 0.013)
        wrong += int(crossed(log_e(increments(*counts, 1.0, -1), 0.003), 0.05).sum())
        no_margin += int(crossed(log_e(increments(*counts, 1.0, -1), 0.009), 0.05).sum())

    assert at_most(wrong, runs, 0.05)
    assert not at_most(no_margin, runs, 0.05)  # well within a margin of 0.9 points it is safe


@RUNS
def test_over_five_guardrails_the_chance_of_a_false_rollback_is_still_the_same(runs):
    wrong = each = 0
    for rng, n in chunks(runs, 4):
        lines = [log_e_late(increments(*errors(rng, n, 0.01, looks=100))) for _ in range(5)]
        stacked = np.stack(lines, -1)
        all_ = np.apply_along_axis(log_average, -1, stacked)
        wrong += int(crossed(all_, 0.05).sum())
        each += int((stacked >= -np.log(0.05)).any((1, 2)).sum())

    assert at_most(wrong, runs, 0.05)
    assert wrong <= each


@RUNS
def test_a_split_as_planned_is_doubted_with_the_chance_that_was_set(runs):
    shares = np.repeat([0.01, 0.05, 0.10, 0.25, 0.50], LOOKS // 5)
    wrong = found = 0
    for rng, n in chunks(runs, 5):
        nc = rng.binomial(500, shares, (n, LOOKS))
        wrong += int(crossed(log_e_split(nc, 500 - nc, shares), 0.01).sum())
        off = rng.binomial(500, 0.09, (n, LOOKS))
        found += int(crossed(log_e_split(off, 500 - off, 0.10), 0.01).sum())

    assert at_most(wrong, runs, 0.01)
    assert found >= 0.99 * runs  # planned 10 %, true 9 %


@RUNS
def test_late_harm_is_found_soon_and_not_before_it_began(runs):
    before, late, plain = 0, [], []
    for rng, n in chunks(runs // 2, 6):
        p = np.where(np.arange(300) < 200, 0.01, 0.02)
        found = increments(*errors(rng, n, p, looks=300))
        for line, delays in ((log_e_late(found), late), (log_e(found), plain)):
            hit = line >= -np.log(0.01)
            after = hit[:, 200:].any(-1) & ~hit[:, :200].any(-1)
            delays.extend((np.argmax(hit[after][:, 200:], -1) + 1).tolist())
            before += int(hit[:, :200].any(-1).sum()) if delays is late else 0

    assert at_most(before, runs // 2, 0.01)
    assert np.median(late) <= 26  # 23 in the specification
    assert np.median(plain) > 1.5 * np.median(late)  # without the mixture over starts: 44


@RUNS
def test_a_daily_cycle_and_a_changing_share_roll_nothing_back(runs):
    cycle = 0.002 + 0.016 * np.arange(LOOKS) / LOOKS
    shares = np.repeat([0.01, 0.05, 0.10, 0.25, 0.50], LOOKS // 5)
    counts_wrong = means_wrong = pooled = 0
    for rng, n in chunks(runs, 7):
        nc = rng.binomial(2_000, shares, (n, LOOKS))
        nb = 2_000 - nc
        xc, xb = rng.binomial(nc, cycle), rng.binomial(nb, cycle)
        counts_wrong += int(crossed(log_e_late(increments(xc, xb, nc, nb)), 0.05).sum())
        d = stratified(nc, xc, xc, nb, xb, xb)
        tau2 = tuned(0.005, 0.05)
        above = d.estimate > radius(d.variance, tau2, 0.05)
        means_wrong += int(above[:, 20:].any(-1).sum())
        total = [v.sum(-1, keepdims=True) for v in (xc, xb, nc, nb)]  # all windows as one
        pooled += int(crossed(log_e(increments(*total)), 0.05).sum())

    assert at_most(counts_wrong, runs, 0.05)
    assert at_most(means_wrong, runs, 0.05)
    assert pooled == runs


@RUNS
def test_users_are_the_unit_where_their_requests_hang_together(runs):
    users, per, wrong, requests = 200, 10, 0, 0
    runs //= 2
    for rng, n in chunks(runs, 8):
        m = rng.binomial(users, 0.1, (n, LOOKS))
        p = beta.rvs(0.05, 4.95, size=(n, LOOKS, users), random_state=rng)
        failed = rng.binomial(per, p)
        mine = np.arange(users) < m[..., None]
        bad = [((failed > 0) & arm).sum(-1) for arm in (mine, ~mine)]
        rows = [(failed * arm).sum(-1) for arm in (mine, ~mine)]
        wrong += int(crossed(log_e_late(increments(*bad, m, users - m)), 0.05).sum())
        requests += int(crossed(log_e_late(increments(*rows, m * per, (users - m) * per)), 0.05).sum())

    assert at_most(wrong, runs, 0.05)
    assert not at_most(requests, runs, 0.05)  # counting requests: 22 %


@RUNS
def test_means_of_log_latency_keep_both_promises(runs):
    rng_runs = runs // 2
    worse = safe = 0
    margin = float(np.log(1.05))
    for rng, n in chunks(rng_runs, 9):
        mc, mb = 20, 180
        yc = np.log(100) + rng.normal(0, 0.8, (n, LOOKS, mc))
        yb = np.log(100) + rng.normal(0, 0.8, (n, LOOKS, mb))
        sums = [v for y in (yc, yb) for v in (np.full((n, LOOKS), y.shape[-1]), y.sum(-1), (y * y).sum(-1))]
        d = stratified(*sums)
        worse += int(crossed(log_e_mean(d.estimate, d.variance, tuned(margin, 0.01))[:, 5:], 0.05).sum())
        at_margin = margin - (d.estimate + margin)
        safe += int(crossed(log_e_mean(at_margin, d.variance, tuned(margin, 0.05))[:, 5:], 0.05).sum())

    assert at_most(worse, rng_runs, 0.05)
    assert at_most(safe, rng_runs, 0.05)


@RUNS
@pytest.mark.parametrize("limit", [0.001, 0.02, 0.2])
def test_a_new_capability_at_its_limit(runs, limit):
    back = safe = 0
    for rng, n in chunks(runs, 10):
        units = np.full((n, LOOKS), 200)
        x = rng.binomial(units, limit)
        back += int(crossed(log_e_late(limit_increments(x, units, limit)), 0.01).sum())
        safe += int(crossed(log_e(limit_increments(x, units, limit, -1)), 0.05).sum())

    assert at_most(back, runs, 0.01)
    assert at_most(safe, runs, 0.05)


@RUNS
def test_rare_errors_that_triple_are_found_where_a_rank_test_sees_nothing(runs):
    found = kayenta = 0
    rng_runs = runs // 3
    for rng, n in chunks(rng_runs, 11):
        xc, xb, nc, nb = errors(rng, n, 0.0015, 0.0005)
        found += int(crossed(log_e_late(increments(xc, xb, nc, nb)), 0.01).sum())
        kayenta += sum(ranks_high(c / m, b / k) for c, b, m, k in zip(xc, xb, nc, nb, strict=True))

    assert found >= 0.97 * rng_runs
    assert kayenta <= 0.02 * rng_runs


def ranks_high(c, b):
    """Kayenta's rule at the last of 200 points: a Mann-Whitney interval of 98 % beyond a quarter of its estimate."""
    differences = np.subtract.outer(c, b).ravel()
    bound = 0.25 * abs(np.median(differences))
    _, ties = np.unique(np.concatenate([c - bound, b]), return_counts=True)
    n, m = len(c), len(b)
    variance = n * m / 12 * (n + m + 1 - (ties.astype(float) ** 3 - ties).sum() / ((n + m) * (n + m - 1)))
    if variance <= 0:
        return False
    above = (differences > bound).sum() + 0.5 * (differences == bound).sum() - n * m / 2
    return (above - 0.5 * np.sign(above)) / np.sqrt(variance) > 2.3263
