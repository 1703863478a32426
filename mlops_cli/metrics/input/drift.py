"""drift, and drift by each statistic: how far a field's distribution is from the baseline's."""

from collections.abc import Callable

import numpy as np
import polars as pl

from mlops_cli.metrics.matrix import Matrix
from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import NO_BASELINE, finish, lacking, nothing
from mlops_cli.metrics.series import Answer, by_series
from mlops_cli.metrics.tables import NUMERIC, Tables
from mlops_cli.stats.registry import DEFAULT, DRIFT_STATISTICS
from mlops_cli.stats.statistic import Counts, Drift, DriftStatistic

ROLES = ("feature", "prediction", "score")
TYPE = {**dict.fromkeys(NUMERIC, "number"), "category": "category", "text": "category"}
COARSE = 0.02  # share of one cell from which the histogram blurs a field that is not discrete
COLUMNS = ("value", "m", "base", "size", "a", "b", "chi2", "note")


def _compute(name: str) -> Callable[[Context], pl.DataFrame]:
    """Drift by one statistic; "": by the default of each field's type."""

    def compute(context: Context) -> pl.DataFrame:
        tables = context.tables
        if tables.baseline is None:
            return nothing(context, "input", NO_BASELINE)
        chosen = {t: DRIFT_STATISTICS[name or DEFAULT[t]] for t in ("number", "category")}
        fields = {i: TYPE.get(tables.fields[i].type, "") for i in tables.ids(role=ROLES)}
        ids = [i for i, t in fields.items() if t in chosen and t in chosen[t].types]
        if tables.of(ids).is_empty():
            return nothing(context, "input", "there is no field that it is defined for")
        words = _words(tables)
        spreads = _spreads(tables, ids)

        def take(matrix: Matrix, field: int, sid: int) -> Answer:
            scale = words.get((field, sid), 1.0)
            return _drift(chosen[fields[field]], matrix, scale, spreads.get((field, sid)))

        frame = by_series(tables, ids, COLUMNS, take)
        return _finished(frame, tables)

    return compute


def _finished(frame: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    group = pl.when(pl.col("role") == "feature").then(pl.lit("input")).otherwise(pl.lit("output"))
    stride = pl.col("field").replace_strict({i: f.stride for i, f in enumerate(tables.fields)})
    text = pl.col("type") == "text"
    why = pl.coalesce(
        pl.when(pl.col("n_base").fill_null(0) == 0).then(pl.lit("not in the baseline")),
        pl.when(pl.col("base") == 0).then(pl.lit("the baseline holds no value")),
        lacking(),
        pl.when(pl.col("m") == 0).then(pl.lit("0 values that are not missing")),
        pl.lit("not defined for this baseline"),
    )
    return finish(
        frame.with_columns(
            group=group,
            why=pl.when(pl.col("value").is_nan()).then(why),
            n=pl.when(text).then(pl.col("n") - pl.col("nulls")).otherwise(pl.col("m")),
            test=pl.when(pl.col("chi2") == 1).then(pl.lit("chi2")).otherwise(pl.lit("ks")),
            note=pl.when(text)
            .then(pl.format("{}, words of one text in {}", "note", stride))
            .otherwise("note"),
        ),
        "input",
    )


def _drift(statistic: DriftStatistic, matrix: Matrix, scale: float, sd: float | None) -> Answer:
    """All windows of one series; `scale`: rows that one count stands for."""
    ordered = bool(len(matrix.low)) and not np.isnan(matrix.low[0])
    rows = matrix.current.sum(axis=1) + matrix.other
    reference, current, low, high = matrix.reference, matrix.current, matrix.low, matrix.high
    if matrix.other.any() or matrix.reference_other:
        reference = np.append(reference, matrix.reference_other)
        current = np.concatenate([current, matrix.other[:, None]], axis=1)
        low, high = np.append(low, np.nan), np.append(high, np.nan)
    base = float(reference.sum())
    chi2 = 1.0
    none = np.full(len(rows), np.nan)
    drift = Drift(none, none, none, "chi2", none, none)
    if base > 0 and rows.any():
        drift = statistic.compute(
            Counts(
                reference * scale,
                current * scale,
                low,
                high,
                ordered=ordered,
                reference_sd=sd,
                integral=matrix.integral,
            )
        )
        chi2 = float(drift.test == "chi2")
    note = statistic.title
    if ordered and not matrix.integral and base > 0:
        largest = matrix.reference[matrix.cells != 0].max(initial=0.0)
        if largest > COARSE * base + 3 * np.sqrt(COARSE * base) and _blurred(matrix):
            note += (
                f"; one cell of the histogram holds {largest / base:.0%} of the baseline, which may blur it"
            )
    return {
        "value": drift.value,
        "m": rows,
        "base": base,
        "size": drift.size,
        "a": drift.a,
        "b": drift.b,
        "chi2": chi2,
        "note": note,
    }


def _blurred(matrix: Matrix) -> bool:
    """The fullest cell has filled neighbours on both sides: not a single value, but a coarse grid."""
    filled = matrix.cells[matrix.reference > 0]
    at = matrix.cells[matrix.reference.argmax()]
    return bool(np.isin([at - 1, at + 1], filled).all())


def _spreads(tables: Tables, ids: list[int]) -> dict[tuple[int, int], float]:
    """Standard deviation of the baseline by field and sid, from its sums."""
    frame = tables.of([i for i in ids if tables.fields[i].type in NUMERIC])
    frame = frame.filter(pl.col("w") == 0)
    n = pl.col("n_base") - pl.col("nulls_base") - pl.col("nans_base") - pl.col("infs_base")
    variance = pl.col("sumsq_base") / n - (pl.col("sum_base") / n) ** 2
    # The sums are rounded to a quantum: a variance below it is that of a constant.
    constant = pl.col("min_base") == pl.col("max_base")
    sd = pl.when(constant).then(0.0).otherwise(variance.clip(0).sqrt())
    frame = frame.select("field", "sid", sd=sd).filter(pl.col("sd").is_finite())
    return {(field, sid): value for field, sid, value in frame.iter_rows()}


def _words(tables: Tables) -> dict[tuple[int, int], float]:
    """For texts by field and sid: 1 / sqrt(words a text).

    The words of a text come together. Counted as if each were drawn alone, a few templates that are used more
    or less often pass for drift; counted as one draw a text, a new vocabulary passes unseen.
    """
    out = {}
    grid = tables.of(tables.ids(role=ROLES, type="text"))
    totals = grid.group_by("field", "sid").agg((pl.col("n") - pl.col("nulls")).sum().alias("texts"))
    for field, sid, texts in totals.iter_rows():
        words = tables.matrix(field, sid).current.sum()
        sampled = texts / tables.fields[field].stride
        if words > sampled > 0:
            out[field, sid] = float(np.sqrt(sampled / words))
    return out


REMEDIES = (
    "Compare the field's values of before and after: a changed unit, source or population shows at once",
    "If several fields moved at the same time, look for a release or an upstream failure before retraining",
    "If the world changed, retrain with the new data, or accept the shift as the new baseline",
)


def _metric(name: str) -> Metric:
    """The metric of one statistic."""
    statistic = DRIFT_STATISTICS[name]
    return Metric(
        group="input",
        unit=statistic.unit,
        direction="up",
        help=f"{statistic.title} of a field's distribution to the baseline's",
        formula=f"{statistic.formula}; what is compared with the lines is the distance less its expectation "
        "under no change",
        source=statistic.source,
        remedies=REMEDIES,
        compute=_compute(name),
    )


METRIC = Metric(
    group="input",
    unit="share",
    direction="up",
    help="How far the distribution of a field is from the baseline's: the default statistic of its type",
    formula="Jensen-Shannon distance, base 2, for numbers (between the baseline's deciles) and categories "
    "(unseen ones together); texts by the words of a sample; what is compared with the lines is the distance "
    "less its expectation under no change",
    source=DRIFT_STATISTICS["js"].source,
    remedies=REMEDIES,
    compute=_compute(""),
)
PSI = _metric("psi")
JS = _metric("js")
HELLINGER = _metric("hellinger")
WASSERSTEIN = _metric("wasserstein")
KS = _metric("ks")
CHI_SQUARE = _metric("chi-square")
LINF = _metric("linf")
