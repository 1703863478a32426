"""Performance without labels on the data that NannyML ships, against its own estimates of the same windows."""

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops_cli.stats.calibration import Reference, expected
from mlops_cli.stats.loss_model import LossModel

ROOT = Path(os.environ.get("MLOPS_REFERENCE_DATA", "/nowhere"))
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="MLOPS_REFERENCE_DATA is not set")
SETS = {
    "car_loan": ("repaid", "y_pred", "y_pred_proba"),
    "us_census_ma_employment": ("employed", "prediction", "predicted_probability"),
    "california_housing": ("clf_target", "y_pred", "y_pred_proba"),
}
METRICS = {"auc": "roc_auc", "accuracy": "accuracy"}


def oracle(name):
    told = json.loads((ROOT / "oracles" / "monitoring_oracles.json").read_text())
    return told["datasets"][name]


def windows(name):
    frame = pl.read_parquet(ROOT / "data" / "monitoring" / f"{name}.parquet")
    parts = {p: frame.filter(pl.col("period") == p) for p in ("reference", "analysis")}
    return [(p, parts[p][a : b + 1]) for p, a, b, *_ in oracle(name)["chunks"]]


def counts(frame, label, said, score):
    bucket = np.clip((frame[score].to_numpy() * 200).astype(int), 0, 199)
    weights = (frame[c].cast(pl.Float64).to_numpy() for c in (label, said))
    return np.bincount(bucket, minlength=200).astype(float), *(np.bincount(bucket, w, 200) for w in weights)


@pytest.fixture(scope="module", params=SETS)
def estimated(request):
    name = request.param
    found = windows(name)
    blocks = [counts(f, *SETS[name]) for p, f in found if p == "reference"]
    now = [counts(f, *SETS[name]) for p, f in found if p == "analysis"]
    rows, yes, called = (np.array(part) for part in zip(*blocks, strict=True))
    wrong = [called.sum(0)[:c].sum() + (rows - called).sum(0)[c:].sum() for c in range(201)]
    reference = Reference(rows, yes, int(np.argmin(wrong)))
    truth = [expected(k, n - k, reference.cut).values for n, k, _ in now]
    return oracle(name)["nannyml"]["CBPE"], [reference.estimate(n) for n, *_ in now], truth


@pytest.mark.parametrize("metric", METRICS)
def test_the_estimates_are_as_near_as_those_of_nannyml(estimated, metric):
    theirs, parts, truth = estimated
    real = np.array([t[metric] for t in truth])
    told = np.array(theirs[METRICS[metric]]["value"][-len(real) :], float)
    mine = np.array([p[metric].value for p in parts])

    assert abs(mine - real).mean() <= abs(told - real).mean() + 1e-4
    np.testing.assert_allclose(mine, told, atol=5e-3)


@pytest.mark.slow
def test_the_error_of_quantities_is_estimated_within_a_tenth_of_nannyml():
    found = windows("car_price_every5th")
    known = pl.concat([f for p, f in found if p == "reference"])
    fields = [c for c in known.columns if c not in {"id", "y_true", "period", "timestamp"}]
    now = [f for p, f in found if p == "analysis"]

    def error(frame):
        return (frame["y_pred"] - frame["y_true"]).abs().to_numpy()

    model = LossModel([known[c].to_numpy() for c in fields], error(known))
    parts = [model.estimate([f[c].to_numpy() for c in fields]) for f in now]

    real = np.array([error(f).mean() for f in now])
    told = np.array(oracle("car_price_every5th")["nannyml"]["DLE"]["mae"]["value"][-len(now) :], float)
    mine = np.array([p.value for p in parts])
    assert abs(mine - real).mean() <= 1.1 * abs(told - real).mean()
    assert np.mean([abs(p.value - r) <= p.half for p, r in zip(parts, real, strict=True)]) >= 0.9
