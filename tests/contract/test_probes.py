"""The probes of `spec/monitoring-peers.md` 2, each answered as its column "must" says."""

import numpy as np
import polars as pl
import pytest

from mlops_cli import api
from mlops_cli.result.finding import Level, Status

LEVELS = (2, 3, 5, 8, 12, 20, 50, 200)
ROWS = 5_000
WORDS = ("late", "refund", "card", "app", "crash", "good", "hotel", "flight", "login", "price")
OTHER_WORDS = ("invoice", "error", "tax", "form", "court", "law")


def table(n, rng, shift=0.0):
    """22 columns, drawn from one law."""
    columns = {
        "normal": rng.normal(size=n) + shift,
        "wide": rng.normal(1000, 50, n) + 50 * shift,
        "lognormal": rng.lognormal(0, 1, n),
        "exponential": rng.exponential(2, n),
        "uniform": rng.random(n),
        "beta": rng.beta(2, 5, n),
        "t3": rng.standard_t(3, n),
        "gamma": rng.gamma(2, 3, n),
        "poisson1": rng.poisson(1, n).astype(float),
        "poisson30": rng.poisson(30, n).astype(float),
        "age": rng.integers(18, 90, n).astype(float),
        "zeros": np.where(rng.random(n) < 0.7, 0.0, rng.exponential(1, n)),
        "bimodal": np.where(rng.random(n) < 0.3, rng.normal(-3, 1, n), rng.normal(2, 1, n)),
        "share": rng.beta(0.5, 0.5, n),
    }
    for k in LEVELS:
        p = 1 / np.arange(1, k + 1)
        columns[f"cat{k}"] = np.array([f"v{i}" for i in range(k)])[rng.choice(k, n, p=p / p.sum())]
    return pl.DataFrame(columns)


def judged(folder, reference, current, name="current"):
    """Open findings of one current window against a baseline."""
    folder.mkdir(exist_ok=True)
    reference.write_parquet(folder / "reference.parquet")
    current.write_parquet(folder / f"{name}.parquet")
    report = api.monitor(
        folder / f"{name}.parquet", baseline=folder / "reference.parquet", isolated=True, no_state=True
    )
    return report, [f for f in report.judgement.findings if f.status is Status.OPEN]


@pytest.mark.parametrize(("n", "runs"), [(200, 6), (1_000, 6)])
def test_nothing_changed_and_nothing_alarms(tmp_path, n, runs):
    alarmed = 0
    for seed in range(runs):
        rng = np.random.default_rng(1000 * n + seed)
        _, found = judged(tmp_path, table(n, rng), table(n, rng))
        alarmed += bool(found)

    assert alarmed <= 1  # at most 5 % of runs: two of six have a chance of 0.03


@pytest.mark.slow
@pytest.mark.parametrize(("n", "runs"), [(200, 25), (1_000, 25), (100_000, 3)])
def test_nothing_changed_and_hardly_anything_alarms(tmp_path, n, runs):
    alarmed = 0
    for seed in range(runs):
        rng = np.random.default_rng(1000 * n + seed + 500)
        _, found = judged(tmp_path, table(n, rng), table(n, rng))
        alarmed += bool(found)

    assert alarmed <= {25: 4, 3: 0}[runs]


@pytest.mark.parametrize("n", [200_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_a_hundredth_of_a_deviation_at_many_rows_is_no_finding_and_is_still_told(tmp_path, n):
    rng = np.random.default_rng(7)
    wanted = ["normal", "wide"]
    report, found = judged(tmp_path, table(n, rng).select(wanted), table(n, rng, shift=0.01).select(wanted))
    series = report.table("series")
    code, field, value = (series.columns.index(c) for c in ("code", "field", "value"))
    told = {(r[code], r[field]): r[value] for r in series.rows}

    assert found == []
    assert 0 <= told["drift", "normal"] < 0.02


def test_one_outlier_does_not_blind(tmp_path):
    rng = np.random.default_rng(11)
    x = rng.exponential(1, 20_000)
    x[0] = 1e6
    _, found = judged(tmp_path, pl.DataFrame({"x": x}), pl.DataFrame({"x": rng.exponential(3.3, 20_000)}))

    assert ("drift", Level.ALARM) in {(f.code, f.level) for f in found}


def base(rng, n=ROWS):
    rows = table(n, rng).select("normal", "exponential", "cat5")
    return rows.with_columns(
        konst=pl.lit(1.0),
        kcat=pl.lit("eu"),
        count=pl.Series(rng.integers(0, 1000, n)),
        uid=pl.Series([f"{x:016x}" for x in rng.integers(0, 2**62, n)]),
        text=pl.Series([" ".join(rng.choice(WORDS, 6)) for _ in range(n)]),
    )


def some(rng, share, n=ROWS):
    return pl.Series(rng.random(n) < share)


def on(column, value, mask=None):
    def fault(rows, rng):
        new = value(rows, rng) if callable(value) else pl.lit(value)
        if mask is None:
            return rows.with_columns(new.alias(column))
        return rows.with_columns(pl.when(some(rng, mask)).then(new).otherwise(column).alias(column))

    return fault


def infinite(rows, _rng):
    at = pl.int_range(pl.len())
    x = pl.when(at < 50).then(-np.inf).when(at < 100).then(np.inf).otherwise("normal")
    return rows.with_columns(normal=x)


# name → fault, the field at fault, what must be found of it (one of these codes), further codes allowed
FAULTS = {
    "control": (lambda rows, _: rows, "", ()),
    "column entirely null": (on("normal", lambda *_: pl.lit(None, pl.Float64)), "normal", ("missing-rate",)),
    "half of the column null": (on("normal", lambda *_: pl.lit(None, pl.Float64), 0.5), "normal", ("missing-rate",)),
    "categorical entirely null": (on("cat5", lambda *_: pl.lit(None, pl.String)), "cat5", ("missing-rate",)),
    "new category": (on("cat5", "NEW", 0.05), "cat5", ("unseen-rate",)),
    "constant 1 -> 2": (on("konst", 2.0), "konst", ("drift", "out-of-range")),
    "constant eu -> us": (on("kcat", "us"), "kcat", ("unseen-rate", "drift")),
    "other words": (
        on("text", lambda _, rng: pl.Series([" ".join(rng.choice(OTHER_WORDS, 6)) for _ in range(ROWS)])),
        "text", ("drift", "text-length", "unseen-rate"),
    ),
    "float -> str": (on("normal", lambda *_: pl.col("normal").round(3).cast(pl.String)), "normal", ("type-change",)),
    "int -> str": (on("count", lambda *_: pl.col("count").cast(pl.String)), "count", ("type-change",)),
    "1 % infinite": (
        lambda rows, _: rows.with_columns(normal=pl.when(pl.int_range(pl.len()) < 50).then(np.inf).otherwise("normal")),
        "normal", ("infinite-rate",),
    ),
    "2 % infinite": (infinite, "normal", ("infinite-rate",)),
    "column missing": (lambda rows, _: rows.drop("normal"), "normal", ("field-vanished",)),
    "unit change": (on("exponential", lambda *_: pl.col("exponential") * 1000), "exponential", ("drift",)),
    "clipped": (on("normal", lambda *_: pl.col("normal").clip(upper_bound=1.5)), "normal", ("top-share",)),
    "sentinel 1e9": (on("normal", 1e9, 0.02), "normal", ("out-of-range",)),
    "sentinel -999": (on("normal", -999.0, 0.02), "normal", ("out-of-range",)),
}  # fmt: skip
WARNING_IS_ENOUGH = {"other words", "1 % infinite"}


@pytest.mark.parametrize("name", FAULTS)
def test_a_single_fault_is_found_and_nothing_else(tmp_path, name):
    fault, field, codes = FAULTS[name]
    rng = np.random.default_rng(3)
    _, found = judged(tmp_path, base(rng), fault(base(rng), rng))
    of_field = [f for f in found if f.scope.field == field]
    others = {(f.code, f.scope.field) for f in found if f.scope.field != field}

    assert others == set()
    if codes:
        level = max(f.level for f in of_field if f.code in codes)

        assert level >= (Level.WARNING if name in WARNING_IS_ENOUGH else Level.ALARM)


def test_a_field_that_is_null_throughout_has_no_drift_and_says_why(tmp_path):
    rng = np.random.default_rng(4)
    report, _ = judged(tmp_path, base(rng), base(rng).with_columns(normal=pl.lit(None, pl.Float64)))
    unknown = report.table("unknown")
    code, field, why = (unknown.columns.index(c) for c in ("code", "field", "why"))

    assert any(r[code] == "drift" and r[field] == "normal" and "missing" in r[why] for r in unknown.rows)
