"""The lines, levels and incidents of `spec/alarms.md` 11: `data/alarms.json`, written by its reference.

Lines and evidence agree to 1e-6 wherever the method is the same. It differs in two places: after a shift is
taken as the new normal the reference begins its days of fitting anew, here they stay on the grid; and where a
count is so large that the reference's tail cancels, the exact tail is smaller.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from mlops_cli.stats.line import fit_line
from mlops_cli.stats.rare import two_sided_mid
from mlops_cli.stats.scale import transform
from mlops_cli.stats.season import regular
from mlops_cli.stats.watch import watch
from mlops_cli.stats.watched import Batch, promise

ORACLE = json.loads((Path(__file__).parent / "data" / "alarms.json").read_text())
CASES = {case["name"]: case for case in ORACLE["cases"]}
UNITS = ORACLE["units"]
WORDS = ["OK", "UNKNOWN", "WARNING", "ALARM"]
LOUD = [name for name in CASES if any(w in name for w in ("jump", "drop", "30 % errors"))]


def numbers(values):
    return None if values is None else np.array([np.nan if v is None else v for v in values], float)


def seen(case):
    settings, kind = case["settings"], case["kind"]
    x, n, se = (numbers(case[k]) for k in ("x", "n", "se"))
    y, sampling = transform(kind, x, 1 if n is None else n, 0 if se is None else se)
    counts = {"count": (x, np.ones(len(x))), "rate": (x * (1 if n is None else n), n)}
    events, exposure = counts.get(kind, (None, None))
    batch = Batch(
        y=y[None],
        sampling=np.array(sampling)[None],
        calendar=regular(len(x), settings["per_day"]),
        min_effect=lambda _level, rows: np.full(len(rows), settings["min_effect"]),
        side=np.zeros(1, int),
        events=None if events is None else events[None],
        exposure=None if exposure is None else exposure[None],
        counted=kind == "count",
        excluded=None if case["exclude"] is None else np.isin(np.arange(len(x)), case["exclude"])[None],
        accepted=({int(t): since for t, since in case["accepted"].items()},),
    )
    how = promise(
        settings["per_day"], settings["years_per_false_alarm"], settings["warn_ratio"], settings["warmup"]
    )
    return watch(batch, how)


@pytest.mark.parametrize("case", UNITS["transform"], ids=lambda c: f"{c['kind']} {c['x']}")
def test_values_lie_on_the_scale_where_their_noise_adds(case):
    mine = transform(case["kind"], case["x"], case["n"], case["se"])

    np.testing.assert_allclose(mine, case["y_s2"], rtol=1e-12)


@pytest.mark.parametrize("case", UNITS["two_sided_mid_tail"], ids=lambda c: f"{c['k']} of {c['mu']}")
def test_rare_events_have_exact_tails(case):
    mine = two_sided_mid(case["k"], case["mu"], case["tau2"])

    np.testing.assert_allclose(mine, case["p"], rtol=1e-9)


def test_the_tail_of_400_normal_values():
    x = np.random.default_rng([1]).normal(size=400)[None]
    none = (np.full((1, 1), np.nan), np.zeros(1, int))
    line = fit_line(x, np.zeros((1, 400)), regular(400, 1), np.zeros(1, int), none)
    tail, wanted = line.tail, UNITS["tail"]
    mine = [line.start[0], line.share[0], line.shape[0], line.scale[0]]

    np.testing.assert_allclose(mine, [wanted[k] for k in ("u0", "zeta", "xi", "beta")], rtol=1e-9)
    for p, width in wanted["width"].items():
        np.testing.assert_allclose(tail.width(float(p)), width, rtol=1e-9)
    for u, p in wanted["p"].items():  # below u0 the reference uses Acklam's normal quantile, good to 1.2e-9
        np.testing.assert_allclose(tail.probability([float(u)]), p, rtol=4e-9)


@pytest.mark.parametrize("name", CASES)
def test_levels_and_incidents_of_every_case(name):
    case = CASES[name]
    mine, expected = seen(case), case["expected"]
    incidents = [
        {"opened": e.opened, "since": e.since, "eye": e.eye, "end": e.end, "how": e.how}
        for e in mine.episodes[0]
    ]

    for level, word in ((3, "alarms"), (2, "warnings"), (1, "unknown")):
        assert np.flatnonzero(mine.level[0] == level).tolist() == expected[word]
    assert incidents == expected["incidents"]
    assert [list(r[:2]) for r in mine.rebasings[0]] == [r[:2] for r in expected["rebasings"]]
    assert WORDS[mine.status[0, -1]] == expected["verdict"]


@pytest.mark.parametrize("name", CASES)
def test_lines_and_evidence_until_a_shift_is_taken_as_normal(name):
    case = CASES[name]
    mine, expected = seen(case), case["expected"]
    moved = min((r[0] for r in expected["rebasings"]), default=len(case["x"]))
    same = np.array(expected["at"]) <= moved
    at = np.array(expected["at"])[same]
    pairs = {"center": mine.centre, "lo": mine.low, "hi": mine.high, "p": mine.p, "R": mine.evidence}
    for key, values in pairs.items():
        wanted = numbers(expected[key])[same]
        if case["kind"] in {"rate", "count"} and key == "p":
            wanted, got = (np.where(np.asarray(v) < 1e-12, 0, v) for v in (wanted, values[0, at]))
        else:
            got = values[0, at]

        np.testing.assert_allclose(got, wanted, rtol=1e-6)


@pytest.mark.parametrize("name", LOUD)
def test_loud_cases_alarm_in_the_window_of_the_reference(name):
    mine, expected = seen(CASES[name]), CASES[name]["expected"]["alarms"]
    alarms = np.flatnonzero(mine.level[0] == 3).tolist()

    assert alarms[:1] == expected[:1]
