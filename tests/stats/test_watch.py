from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from mlops_cli.stats.season import NONE, WEEK, choose, of_times, pattern, regular
from mlops_cli.stats.snapshot import digest
from mlops_cli.stats.watch import resume, watch
from mlops_cli.stats.watched import ALARM, OK, UNKNOWN, Batch, promise

DAILY = promise(1, warmup=56)


def batch(x, **more):
    x = np.atleast_2d(x)
    given = {
        "y": x,
        "sampling": np.zeros(x.shape),
        "calendar": regular(x.shape[1], 1),
        "min_effect": lambda _level, rows: np.zeros(len(rows)),
        "side": np.zeros(len(x), int),
        **more,
    }
    return Batch(**given)


def normal(seed, windows=140, series=1):
    return np.random.default_rng(seed).normal(10, 1, (series, windows))


def test_a_window_is_judged_by_what_was_before_it_only():
    x = normal(1, 150, 5)
    x[2, 120:] += 6
    whole = watch(batch(x), DAILY)
    part = watch(batch(x[:, :131]), DAILY)

    np.testing.assert_array_equal(part.level, whole.level[:, :131])
    np.testing.assert_array_equal(part.p, whole.p[:, :131])


def test_a_series_is_judged_alike_alone_and_among_others():
    x = normal(2, 150, 60)
    x[7, 120] += 12
    x[8, 30:40] = np.nan
    x[9, 110:] += 5
    together = watch(batch(x), DAILY)

    for s in (7, 8, 9, 59):
        alone = watch(batch(x[s]), DAILY)

        np.testing.assert_array_equal(alone.level[0], together.level[s])
        np.testing.assert_allclose(alone.low[0], together.low[s], rtol=1e-9)


def test_a_lone_spike_opens_one_incident_that_recovers():
    x = normal(3)
    x[0, 100] += 12
    seen = watch(batch(x), DAILY)
    (one,) = seen.episodes[0]

    assert (one.opened, one.since, one.how) == (100, 100, "recovered")
    assert seen.status[0, -1] == OK


def test_a_shift_is_one_incident_then_a_warning_until_it_is_accepted():
    x = normal(4, 170)
    x[0, 110:] += 5
    told = watch(batch(x), DAILY)
    accepted = watch(batch(x, accepted=({125: 110},)), DAILY)

    assert [e.how for e in told.episodes[0]] == ["shifted"]
    assert told.status[0, -1] == 2
    assert [e.how for e in accepted.episodes[0]] == ["accepted"]
    assert accepted.status[0, -1] == OK


@pytest.mark.parametrize(("side", "alarms"), [(1, False), (-1, True), (0, True)])
def test_only_the_side_that_is_bad_alarms(side, alarms):
    x = normal(5)
    x[0, 110:] -= 8
    seen = watch(batch(x, side=np.array([side])), DAILY)

    assert (seen.level == ALARM).any() == alarms


def test_a_series_that_begins_late_has_a_warm_up_of_its_own():
    x = normal(6, 150, 2)
    x[1, :50] = np.nan
    seen = watch(batch(x), DAILY)

    assert (seen.level[0, 56:] != UNKNOWN).all()
    assert (seen.level[1, :106] == UNKNOWN).all()
    assert (seen.level[1, 106:] != UNKNOWN).all()


def test_what_is_excluded_is_judged_and_not_learnt_from():
    x = normal(7)
    x[0, 80:86] += 20
    odd = np.zeros(x.shape, bool)
    odd[0, 80:86] = True
    seen, calm = watch(batch(x, excluded=odd), DAILY), watch(batch(np.where(odd, np.nan, x)), DAILY)

    assert (seen.level[0, 80:86] == ALARM).any()
    np.testing.assert_allclose(
        seen.high[0, -1] - seen.low[0, -1], calm.high[0, -1] - calm.low[0, -1], rtol=0.05
    )


def test_a_constant_series_makes_no_noise():
    x = np.full((1, 140), 5.0)

    assert (watch(batch(x), DAILY).level[0, 56:] == OK).all()


def test_a_weekday_pattern_is_told_from_none():
    t = np.arange(84)
    noise = np.random.default_rng(8).normal(size=(60, 84)) * 0.1
    noise[:20] -= 0.5 * (t % 7 >= 5)
    calendar = regular(84, 1)
    chosen = choose(noise, calendar)

    assert (chosen[:20] == WEEK).all()
    assert (chosen[20:] == NONE).mean() > 0.5
    assert pattern(noise[:1], calendar, WEEK)[0].round(1).tolist()[-2:] == pytest.approx(
        [-0.5, -0.5], abs=0.11
    )


def test_a_doubled_hour_is_two_windows_of_one_slot_and_a_skipped_one_is_not_missing():
    start, zone = datetime(2026, 10, 24, 22, tzinfo=UTC), ZoneInfo("Europe/Berlin")
    autumn = of_times([(start + timedelta(hours=h)).astimezone(zone) for h in range(25)], 24)
    spring = of_times(
        [(datetime(2026, 3, 28, 23, tzinfo=UTC) + timedelta(hours=h)).astimezone(zone) for h in range(23)], 24
    )

    assert len(set(autumn.day.tolist())) == 1
    assert autumn.slot.tolist() == [0, 1, 2, 2, *range(3, 24)]
    assert spring.slot.tolist() == [0, 1, *range(3, 24)]


def test_daylight_saving_leaves_the_season_where_it_is():
    hours = 24 * 42
    zone = ZoneInfo("Europe/Berlin")
    local = [(datetime(2026, 10, 1, tzinfo=UTC) + timedelta(hours=h)).astimezone(zone) for h in range(hours)]
    wall = np.array([t.hour for t in local])
    rng = np.random.default_rng(9)
    x = 3 * np.sin(2 * np.pi * wall / 24) + rng.normal(size=(20, hours)) * 0.2
    how = promise(24, warmup=504)
    by_wall = watch(batch(x, calendar=of_times(local, 24)), how)
    by_count = watch(batch(x, calendar=regular(hours, 24)), how)
    after = slice(25 * 24, 27 * 24)

    assert (by_wall.level[:, after] == ALARM).sum() == 0
    assert (by_count.level[:, after] == ALARM).sum() > 20


@pytest.mark.parametrize("stop", [60, 101, 113, 118, 125, 139])
def test_going_on_from_a_snapshot_gives_the_same_bytes(stop):
    x = normal(10, 160, 6)
    x[0, 100] += 12
    x[1, 110:] += 5
    x[2, 95:99] = np.nan
    x[3, 112:] -= 1.5
    accepted = ({}, {150: 110}, {}, {}, {}, {})
    whole = batch(x, accepted=accepted)
    at_once = watch(whole, DAILY)
    _, kept = resume(batch(x[:, :stop], accepted=({},) * 6), DAILY, None)
    later, _ = resume(whole, DAILY, kept)

    for name in ("level", "status", "eye", "centre", "low", "high", "p", "u", "evidence", "running"):
        np.testing.assert_array_equal(getattr(later, name), getattr(at_once, name))
    assert [[(e.opened, e.since, e.end, e.how) for e in own] for own in later.episodes] == [
        [(e.opened, e.since, e.end, e.how) for e in own] for own in at_once.episodes
    ]
    assert later.rebasings == at_once.rebasings


def test_a_digest_tells_whether_the_past_is_the_same():
    x = normal(11, 140)
    longer = np.concatenate([x, normal(12, 20)], axis=1)
    other = x.copy()
    other[0, 3] += 1e-9

    assert digest(batch(x), DAILY, 120) == digest(batch(longer), DAILY, 120)
    assert digest(batch(x), DAILY, 120) != digest(batch(other), DAILY, 120)
    assert digest(batch(x), DAILY, 120) != digest(batch(x), promise(1, 2.0, warmup=56), 120)
