"""Performance without labels on the data that NannyML ships, against its own estimates of the same windows."""

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from mlops_cli.stats.calibration import Reference, expected
from mlops_cli.stats.classes import ClassReference, metrics
from mlops_cli.stats.loss_model import POWERS, Asked, Known, LossModel, mean_error, root_mean_square, terms

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


def mean_errors(known, loss, windows, blocks=10):
    """Estimated mean errors of windows by columns of the reference in time order, its errors, and windows."""
    model = LossModel(known, loss)
    at, o = np.arange(len(loss)) * blocks // len(loss), model.out
    each = {"n": np.ones(len(o)), **terms(loss, o)}
    sums = Known(**{name: np.bincount(at, x, blocks) for name, x in each.items()})
    out = []
    for columns in windows:
        fits = model.predict(columns)
        asked = Asked(fits.shape[1], fits.shape[1], *((fits**p).sum(axis=1) for p in POWERS))
        out.append((mean_error(sums, asked), root_mean_square(sums, asked)))
    return out


@pytest.mark.slow
def test_the_error_of_quantities_is_estimated_within_a_tenth_of_nannyml():
    found = windows("car_price_every5th")
    known = pl.concat([f for p, f in found if p == "reference"])
    fields = [c for c in known.columns if c not in {"id", "y_true", "period", "timestamp"}]
    now = [f for p, f in found if p == "analysis"]

    def error(frame):
        return (frame["y_pred"] - frame["y_true"]).abs().to_numpy()

    found = mean_errors(
        [known[c].to_numpy() for c in fields], error(known), [[f[c].to_numpy() for c in fields] for f in now]
    )
    theirs = oracle("car_price_every5th")["nannyml"]["DLE"]
    for place, (name, real) in enumerate(
        (
            ("mae", np.array([error(f).mean() for f in now])),
            ("rmse", np.array([np.sqrt((error(f) ** 2).mean()) for f in now])),
        )
    ):
        parts = [one[place] for one in found]
        told = np.array(theirs[name]["value"][-len(now) :], float)
        assert abs([p.value for p in parts] - real).mean() <= 1.1 * abs(told - real).mean()
        assert np.mean([abs(p.value - r) <= p.half for p, r in zip(parts, real, strict=True)]) >= 0.9


def test_several_classes_are_estimated_nearly_as_well_as_by_nannyml_from_one_score():
    name = "credit_cards_multiclass_every20th"
    found = windows(name)
    scores = [c for c in found[0][1].columns if c.startswith("y_pred_proba")]
    classes = sorted(found[0][1]["y_pred"].unique())

    def cells(frame):
        top = frame.select(pl.max_horizontal(scores)).to_series().to_numpy()
        said, label = (np.array([classes.index(x) for x in frame[c]]) for c in ("y_pred", "y_true"))
        out = np.zeros((len(classes), 200, len(classes)))
        np.add.at(out, (said, np.clip((top * 200).astype(int), 0, 199), label), 1)
        return out

    reference = ClassReference(np.array([cells(f) for p, f in found if p == "reference"]))
    now = [cells(f) for p, f in found if p == "analysis"]

    for metric in ("accuracy", "f1"):
        real = np.array([metrics(c.sum(axis=1))[0][metric] for c in now])
        parts = [reference.estimate(c.sum(axis=2))[metric] for c in now]
        told = np.array(oracle(name)["nannyml"]["CBPE"][metric]["value"][-len(now) :], float)
        assert abs([p.value for p in parts] - real).mean() <= 1.1 * abs(told - real).mean()
