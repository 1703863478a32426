"""Drift statistics against scipy 1.17.1 and NannyML 0.13.1: `data/drift.json`, and the whole oracle folder.

Counts are exact (one cell a distinct value). Where our bins are our own (numbers: deciles), the statistic is
called with the counts between the oracle's edges. The oracle has 10 significant digits.
"""

import json
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy import special

from mlops_cli.stats.evidence import p_value
from mlops_cli.stats.registry import DRIFT_STATISTICS
from mlops_cli.stats.statistic import Counts

EXCERPT = json.loads((Path(__file__).parent / "data" / "drift.json").read_text())
COLUMNS = [name for name in EXCERPT if "/" in name]
FOLDER = os.environ.get("MLOPS_REFERENCE_DATA", "")
DATASETS = ["car_loan", "car_loan_dq", "california_housing", "us_census_ma_employment", "car_price_every5th"]
needs_folder = pytest.mark.skipif(not FOLDER, reason="MLOPS_REFERENCE_DATA is not set")


def same(mine, oracle):
    theirs = np.array(oracle, float)
    np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-11)


def categories(reference, current) -> Counts:
    unknown = np.full(len(reference), np.nan)
    return Counts(np.asarray(reference, float), np.asarray(current, float), unknown, unknown, ordered=False)


def value(name, counts):
    return DRIFT_STATISTICS[name].compute(counts).value


def check_categories(counts, scipy, nannyml):
    rows = counts.reference.sum() + counts.current.sum(axis=1)
    drift = DRIFT_STATISTICS["chi-square"].compute(counts)
    same(drift.value, scipy["cramers_v"])
    same(drift.value**2 * rows, scipy["chi2_no_yates.statistic"])
    same(value("js", counts), scipy["js_base2"])
    same(value("hellinger", counts), scipy["hellinger"])
    same(value("linf", counts), scipy["l_infinity"])
    same(value("psi", counts), scipy["psi_eps1e-6"])
    if nannyml:
        same(value("js", counts), nannyml["jensen_shannon"])
        same(value("hellinger", counts), nannyml["hellinger"])
        same(value("linf", counts), nannyml["l_infinity"])
    check_evidence(counts, scipy, drift)


def check_evidence(counts, scipy, drift):
    """Equal to the plain test where every cell expects five rows, near it in the middle elsewhere."""
    together = counts.reference + counts.current
    smaller = np.minimum(counts.reference.sum(), counts.current.sum(axis=1))
    expected = np.where(together > 0, together, np.inf).min(axis=1) * smaller / together.sum(axis=1)
    regular = expected >= 5
    p, theirs = p_value("chi2", drift.a, drift.b, 0, 1, "up"), np.array(scipy["chi2_no_yates.pvalue"])
    same(drift.a[regular], np.array(scipy["chi2_no_yates.statistic"])[regular])
    same(drift.b[regular], np.array(scipy["chi2.dof"])[regular])
    same(p[regular], theirs[regular])
    np.testing.assert_allclose(p, theirs, atol=0.1)


@pytest.mark.parametrize("column", COLUMNS)
def test_pinned_columns_agree_with_scipy_and_nannyml(column):
    case = EXCERPT[column]
    reference, current = np.array(case["reference"], float), np.array(case["current"], float)

    if "ref_std0" in case:
        at = np.array(case["values"], float)
        counts = Counts(reference, current, at, at, ordered=True, reference_sd=case["ref_std0"])
        same(value("ks", counts), case["scipy"]["ks_2samp.statistic"])
        same(value("wasserstein", counts), case["scipy"]["wasserstein_over_ref_std0"])
    else:
        check_categories(categories(reference, current), case["scipy"], case["nannyml"])


def load(dataset):
    """Oracle of a data set, its reference rows and its windows."""
    oracle = json.loads((Path(FOLDER) / "oracles" / "monitoring_oracles.json").read_text())
    entry = oracle["datasets"][dataset]
    folder = Path(FOLDER) / "data" / "monitoring"
    frame = pl.read_parquet(folder / f"{dataset.removesuffix('_dq')}.parquet").sort("id")
    if dataset == "car_loan_dq":
        overlay = pl.read_parquet(folder / "car_loan_dq_overlay.parquet").drop("period")
        frame = frame.drop("size_of_downpayment").join(overlay, on="id").sort("id")
        frame = frame.with_columns(
            pl.when(~pl.col(f"{c}_is_null")).then(c).alias(c) for c in ("salary_range", "driver_tenure")
        )
    periods = {name: frame.filter(pl.col("period") == name) for name in ("reference", "analysis")}
    windows = [periods[p][first : last + 1] for p, first, last, _ in entry["chunks"]]
    return entry, periods["reference"], windows


def columns_of(frames, column, kind):
    return [f[column].cast(kind).drop_nulls().to_numpy() for f in frames]


def tally(samples, count):
    reference, *windows = (count(x).astype(float) for x in samples)
    return reference, np.stack(windows)


@needs_folder
@pytest.mark.parametrize("dataset", DATASETS)
def test_numbers_of_the_reference_data_agree_with_scipy_and_nannyml(dataset):
    entry, reference, windows = load(dataset)
    nannyml = entry["nannyml"]["UnivariateDriftCalculator"]
    seen = 0
    for column, scipy in entry["scipy"].items():
        if "ks_2samp.statistic" not in scipy:
            continue
        seen += 1
        samples = columns_of([reference, *windows], column, pl.Float64)
        at, base = np.unique(np.concatenate(samples)), samples[0]
        rows = tally(samples, lambda x, at=at: np.bincount(np.searchsorted(at, x), minlength=len(at)))
        counts = Counts(*rows, at, at, ordered=True, reference_sd=float(base.std()))
        same(value("ks", counts), scipy["ks_2samp.statistic"])
        same(value("wasserstein", counts), scipy["wasserstein_over_ref_std0"])

        inner = np.unique(np.quantile(base, np.arange(11) / 10))[1:-1]
        same(inner, [float(edge) for edge in scipy["decile_edges"]][1:-1])
        rows = tally(
            samples, lambda x, e=inner: np.bincount(np.searchsorted(e, x, side="right"), minlength=len(e) + 1)
        )
        same(value("psi", categories(*rows)), scipy["psi_ref_deciles_eps1e-6"])

        edges = np.histogram_bin_edges(base, bins="doane")

        def doane(x, edges=edges):
            inside = np.histogram(x, edges)[0]
            return np.append(inside, len(x) - inside.sum())

        counts = categories(*tally(samples, doane))
        for mine, theirs, method in (
            ("js", "js_doane_base2", "jensen_shannon"),
            ("hellinger", "hellinger_doane", "hellinger"),
        ):
            same(value(mine, counts), scipy[theirs])
            if f"{column}/{method}" in nannyml:
                same(value(mine, counts), nannyml[f"{column}/{method}"]["value"])
    assert seen >= 1


@needs_folder
@pytest.mark.parametrize("dataset", DATASETS)
def test_categories_of_the_reference_data_agree_with_scipy_and_nannyml(dataset):
    entry, reference, windows = load(dataset)
    nannyml = entry["nannyml"]["UnivariateDriftCalculator"]
    seen = 0
    for column, scipy in entry["scipy"].items():
        if "cramers_v" not in scipy:
            continue
        seen += 1
        samples = columns_of([reference, *windows], column, pl.String)
        names = {v: i for i, v in enumerate(sorted(set(np.concatenate(samples))))}
        rows = tally(samples, lambda x, k=names: np.bincount([k[v] for v in x], minlength=len(k)))
        theirs = {m.split("/")[1]: v["value"] for m, v in nannyml.items() if m.startswith(f"{column}/")}
        check_categories(categories(*rows), scipy, theirs)
    assert seen >= 1


def test_evidence_of_kolmogorov_smirnov_is_the_asymptotic_p_value_of_scipy():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=900), rng.normal(0.1, 1, size=700)
    at = np.unique(np.concatenate([x, y]))
    rows = tally([x, y], lambda s: np.bincount(np.searchsorted(at, s), minlength=len(at)))

    drift = DRIFT_STATISTICS["ks"].compute(Counts(*rows, at, at, ordered=True))

    from scipy import stats  # noqa: PLC0415, TID251 - the oracle, 1 s to import

    exact = stats.ks_2samp(x, y, method="exact")
    assert drift.value[0] == pytest.approx(exact.statistic, rel=1e-12)
    p = p_value("ks", drift.a, drift.b, 0, 700, "up")[0]
    assert p == pytest.approx(special.kolmogorov(exact.statistic * np.sqrt(900 * 700 / 1600)), rel=1e-12)
    assert exact.pvalue <= p <= 1.15 * exact.pvalue  # the asymptotic tail errs on the careful side
