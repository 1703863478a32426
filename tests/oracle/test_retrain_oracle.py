"""Every case of `data/retrain.json`, written by the reference of `spec/retrain-and-pipeline.md`."""

import json
from pathlib import Path

import numpy as np
import pytest

from mlops_cli.decide import retrain
from mlops_cli.stats import blame, calibration, half_life, late, losses, proportion, ranking, shapes

ORACLE = json.loads((Path(__file__).parent / "data" / "retrain.json").read_text())
CASES = {case["name"]: case for case in ORACLE["cases"]}


def wanted(values):
    return np.array([np.nan if v is None else v for v in np.ravel(values)], float)


def realised_auc(positives, negatives, level=0.95):
    found = ranking.auc(positives, negatives, level)
    hidden = found.best - found.value
    return {"value": found.value, "low": found.low, "high": found.high, "bucket_error": hidden}


def realised_pr_auc(positives, negatives):
    found = ranking.pr_auc(positives, negatives)
    return {
        "expected_order": found.value,
        "low": found.low,
        "high": found.high,
        "worst_order": found.worst,
        "best_order": found.best,
    }


def realised_moments(errors):
    def moments(x):
        return len(x), x.sum(), ((x - x.mean()) ** 2).sum()

    e = np.array(errors)
    return {"mae": losses.mean(*moments(abs(e))), "rmse": losses.root_mean(*moments(e**2))}


def realised_curve(triangle, predicted):
    rows = [[np.nan if x is None else x for x in row] for row in triangle]
    return {"coverage": late.coverage(rows, predicted)}


def realised_reweighted(predicted, labelled, labelled_positive):
    found = late.reweighted(predicted, labelled, labelled_positive)
    return {
        "positives": found.positives,
        "negatives": found.negatives,
        "blind_share": found.blind,
        "effective_share": found.effective,
    }


def estimate(reference_n, reference_positive, cut, current):
    rows, yes = np.array(reference_n, float), np.array(reference_positive, float)
    reference = calibration.Reference(rows, yes, cut)
    parts = reference.estimate(current)
    told = {name: {**p._asdict(), "band": [p.value - p.half, p.value + p.half]} for name, p in parts.items()}
    return {"calibrated": reference.fitted, "estimate": told}


def pace(counts, permutations=499, period=0, per_week=1.0):
    found = shapes.pace(counts, period=period, per_week=per_week, rules=shapes.Rules(shuffles=permutations))
    return {
        "class": found.kind,
        "size": found.size,
        "start": found.start,
        "width": found.width,
        "weeks_to_warn": found.weeks_to_warn,
        "season": found.season,
        "why": found.why,
    }


def lives(age_weeks, metric, se, drop):
    return half_life.half_life(age_weeks, metric, se, drop)._asdict()


def policy(evidence, costs, rules):
    answer = retrain.decide(
        retrain.Evidence(
            drop=evidence["drop"],
            low=evidence["drop_low"],
            estimated=evidence["est_drop"],
            estimated_low=evidence["est_low"],
            pace=evidence["input_class"],
            labels=evidence["new_labels"],
            labels_since_shock=evidence["labels_since_shock"],
            data_alarms=tuple(evidence["data_alarms"]),
            weeks_since=evidence["weeks_since_retrain"],
            past=tuple(retrain.Past(*p) for p in evidence["past"]),
            pending=evidence["pending"],
        ),
        retrain.Rules(
            mode=rules["mode"],
            per_error=costs["per_error"],
            traffic=costs["traffic_per_week"],
            retrain=costs["retrain"],
            horizon=costs["horizon_weeks"],
            recovers=costs["recovers"],
            min_labels=rules["min_labels"],
            min_drop=rules["min_drop"],
            cooldown=rules["cooldown_weeks"],
        ),
    )
    return {"action": answer.action}


def ranked(windows_x_metrics, metrics, parents, baseline, period):
    columns = [blame.Column(*m) for m in metrics]
    found = blame.blame(windows_x_metrics, columns, parents, baseline, period)
    return {"ranking": [[a.component, a.score, a.onset, a.metric] for a in found]}


METHODS = {
    "realised.auc": realised_auc,
    "realised.pr_auc": realised_pr_auc,
    "realised.f1": lambda tp, fp, fn: ranking.f1(tp, fp, fn)._asdict(),
    "realised.wilson": lambda k, n: {"value": k / n, **proportion.wilson(k, n, 0.95)._asdict()},
    "realised.calibration": lambda n, positives, sum_score: vars(losses.calibration(n, positives, sum_score)),
    "realised.moments": realised_moments,
    "realised.delay_curve": realised_curve,
    "realised.reweighted": realised_reweighted,
    "estimate.bucket": estimate,
    "estimate.isotonic": lambda n, positive: {"calibrated": calibration.isotonic(n, positive)},
    "pace.class": pace,
    "pace.curve": lambda counts: {"curve_jsd_bits": {str(k): v for k, v in shapes.by_lag(counts).items()}},
    "pace.half_life": lives,
    "pace.cadence": lambda retrain_cost, loss_growth_per_week: {
        "weeks": half_life.cadence(retrain_cost, loss_growth_per_week)
    },
    "policy.decide": policy,
    "policy.recovered_share": lambda past: {"share": retrain.recovered([retrain.Past(*p) for p in past])},
    "blame.rank": ranked,
}
# Said in other words, or counted in another place.
NOT_COMPARED = {"reason", "note", "bias_first_pair"}


def same(mine, oracle, tolerance):
    if isinstance(oracle, dict):
        for key in set(oracle) - NOT_COMPARED:
            same(mine.value if hasattr(mine, "value") else mine[key], oracle[key], tolerance)
    elif isinstance(oracle, str | None.__class__):
        assert mine == oracle or (oracle is None and (mine is None or np.isnan(mine)))
    elif isinstance(oracle, list) and oracle and isinstance(oracle[0], list):
        assert len(mine) == len(oracle)
        for one, other in zip(mine, oracle, strict=True):
            for a, b in zip(one, other, strict=True):
                same(a, b, tolerance)
    elif isinstance(mine, dict):
        same(mine["value"], oracle, tolerance)
    else:
        np.testing.assert_allclose(np.ravel(mine).astype(float), wanted(oracle), rtol=tolerance, atol=1e-9)


def test_the_oracle_has_all_its_cases():
    assert len(CASES) == 34


@pytest.mark.parametrize("name", CASES)
def test_the_case_is_reproduced(name):
    case = CASES[name]

    mine = METHODS[case["method"]](**case["input"])

    same(mine, case["expected"], case["tolerance"])
