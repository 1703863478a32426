"""type-change, field-vanished and field-new: columns that are no longer what they were."""

import polars as pl

from mlops_cli.metrics.metric import Context, Metric
from mlops_cli.metrics.rows import NO_ROWS, finish, nothing
from mlops_cli.metrics.tables import Tables
from mlops_cli.profile.spec import NEW_FIELD

KEY = ["sid", "field", "name"]
ABSENT = "absent"
CERTAIN = 1e-6  # chance that a rare optional field is missing from so many rows


def _whole(tables: Tables) -> list[int]:
    """Series of all rows: a segment is not a file, it has no columns of its own."""
    return [i for i, key in enumerate(tables.keys) if not key[3]]


def _counts(tables: Tables) -> pl.DataFrame:
    """SCHEMA by sid, field, name, w and dtype."""
    return tables.current.schema.filter(pl.col("sid").is_in(_whole(tables)))


def _origin(tables: Tables) -> pl.DataFrame:
    """What the schema was: the baseline's, else the first window's of each series; by KEY and dtype."""
    if tables.baseline is not None:
        theirs = tables.baseline.schema.drop("w").rename({"sid": "base"})
        out = theirs.join(tables.series.select("sid", "base"), on="base")
        return out.filter(pl.col("sid").is_in(_whole(tables))).select(*KEY, "dtype", "rows")
    mine = _counts(tables)
    return mine.filter(pl.col("w") == pl.col("w").min().over("sid")).select(*KEY, "dtype", "rows")


def _grid(tables: Tables, pairs: pl.DataFrame) -> pl.DataFrame:
    """Every window of the given sid, field, name; with the rows of the series and its names."""
    rows = tables.of(tables.ids(type="rows")).select(
        "sid", "w", "window", "model", "component", "segment", "rows"
    )
    return pairs.join(rows, on="sid").sort(*KEY, "w")


def _features(context: Context) -> list[int]:
    """Fields whose schema is judged: all, against a file of its own features only."""
    tables = context.tables
    if tables.baseline is not None and not context.baseline_windows:
        return tables.ids(role="feature")
    return [i for i, f in enumerate(tables.fields) if f.type != "rows" and f.kind != "gauges"]


def type_change(context: Context) -> pl.DataFrame:
    """Share of the rows whose column is of another type than it was."""
    tables = context.tables
    mine = _counts(tables).filter(pl.col("field").is_in(_features(context)) & (pl.col("dtype") != ABSENT))
    if mine.is_empty():
        return nothing(context, "input", "nothing is known of the columns' types")
    origin = _origin(tables).filter(pl.col("dtype") != ABSENT)
    if tables.baseline is not None and not context.baseline_windows:
        # A file of another format: whether it writes true or "true" says nothing.
        alike = pl.col("dtype").replace({"bool": "text"})
        mine, origin = mine.with_columns(dtype=alike), origin.with_columns(dtype=alike)
    was = (
        origin.group_by("sid", "field", "dtype")
        .agg(pl.col("rows").sum())
        .sort("rows", "dtype", descending=[True, False])
        .group_by("sid", "field", maintain_order=True)
        .agg(
            was=pl.col("dtype").first(),
            b=pl.col("rows").sum() - pl.col("rows").first(),
            c=pl.col("rows").sum(),
        )
    )
    mine = mine.join(was, on=["sid", "field"])
    other = pl.col("dtype") != pl.col("was")
    changed = mine.group_by("sid", "field", "w").agg(
        m=pl.col("rows").sum(),
        a=pl.col("rows").filter(other).sum(),
        parsed=pl.col("parsed").filter(other).sum(),
        now=pl.col("dtype").filter(other).sort().first(),
        was=pl.col("was").first(),
    )
    pairs = mine.select("sid", "field").unique().join(tables.named.select("field", "name"), on="field")
    frame = _grid(tables, pairs).join(changed, on=["sid", "field", "w"], how="left")
    frame = frame.join(was.select("sid", "field", "b", "c"), on=["sid", "field"], how="left").sort(*KEY, "w")
    parsed = (pl.col("parsed") / pl.col("a") * 100).floor().cast(pl.Int64)
    said = pl.format("{}, was {}; {} % can still be read as such", "now", "was", parsed)
    reference = pl.col("b") / pl.col("c")
    value = pl.col("a") / pl.col("m")
    return finish(
        frame.with_columns(
            value=value,
            # Where the baseline was mixed, only more of it is a change.
            size=pl.when(value > reference).then(value).otherwise(0.0),
            reference=reference,
            n=pl.col("m"),
            why=_why(pl.col("m")),
            note=pl.when(pl.col("a") > 0).then(said),
            a=None,
            b=None,
            c=None,
        ),
        "input",
    )


def _why(n: pl.Expr) -> pl.Expr:
    return (
        pl.when(pl.col("rows") == 0)
        .then(pl.lit(NO_ROWS))
        .when(n.is_null())
        .then(pl.lit("the field is not in these logs"))
    )


def vanished(context: Context) -> pl.DataFrame:
    """Share of the rows in files that lack a field which the baseline has."""
    tables = context.tables
    known = pl.col("field").is_in(_features(context))
    had = (
        _origin(tables)
        .filter(known)
        .group_by("sid", "field")
        .agg(b=pl.col("rows").filter(pl.col("dtype") == ABSENT).sum(), c=pl.col("rows").sum())
        .filter(pl.col("c") > pl.col("b"))
    )
    if had.is_empty():
        return nothing(context, "input", "nothing is known of the columns there were")
    gone = (
        _counts(tables)
        .filter(known)
        .group_by("sid", "field", "w")
        .agg(a=pl.col("rows").filter(pl.col("dtype") == ABSENT).sum(), m=pl.col("rows").sum())
    )
    pairs = had.join(tables.named.select("field", "name"), on="field")
    frame = _grid(tables, pairs).join(gone, on=["sid", "field", "w"], how="left")
    usual = tables.grid.group_by("sid", "field").agg(pl.col("nulls_base").first(), pl.col("n_base").first())
    frame = frame.join(usual, on=["sid", "field"], how="left").sort(*KEY, "w")
    # A window whose files say nothing of the field at all lacks it.
    absent = pl.when(pl.col("m").is_null()).then(pl.col("rows")).otherwise(pl.col("a"))
    total = pl.when(pl.col("m").is_null()).then(pl.col("rows")).otherwise(pl.col("m"))
    value, reference = absent / total, pl.col("b") / pl.col("c")
    # An optional key of a JSON log is absent where no row of the file happens to have it.
    rare = (pl.col("nulls_base") / pl.col("n_base")).pow(absent) > CERTAIN
    missed = (pl.col("b") > 0) & (value < 1) | rare.fill_null(value=False)
    return finish(
        frame.with_columns(
            value=pl.when(pl.col("rows") > 0).then(value),
            size=pl.when(pl.col("rows") > 0).then(pl.when(missed).then(0.0).otherwise(value)),
            reference=reference,
            n=total,
            why=pl.when(pl.col("rows") == 0).then(pl.lit(NO_ROWS)),
            a=None,
            b=None,
            c=None,
        ),
        "input",
    )


def new(context: Context) -> pl.DataFrame:
    """Share of the rows in files with a column that the baseline does not have; one series a column."""
    tables = context.tables
    mine = _counts(tables).filter(pl.col("dtype") != ABSENT)
    if mine.is_empty():
        return nothing(context, "input", "nothing is known of the columns")
    features = tables.ids(role="feature")
    judged = (pl.col("field") == NEW_FIELD) | pl.col("field").is_in(features)
    named = mine.filter(judged).join(tables.named.select("field", known="name"), on="field", how="left")
    named = named.with_columns(name=pl.coalesce("known", "name"))
    origin = _origin(tables).filter(pl.col("dtype") != ABSENT).select("sid", "field", "name")
    origin = origin.join(tables.named.select("field", known="name"), on="field", how="left")
    origin = origin.select("sid", name=pl.coalesce("known", "name")).unique()
    fresh = named.join(origin, on=["sid", "name"], how="anti")
    rows = fresh.group_by("sid", "name", "w").agg(a=pl.col("rows").sum())
    main = [i for i, key in enumerate(tables.keys) if key[0] == tables.kinds()[0]]
    none = mine.filter(pl.col("sid").is_in(main)).select("sid").unique()
    none = none.join(rows.select("sid"), on="sid", how="anti").with_columns(name=pl.lit(""))
    pairs = pl.concat([rows.select("sid", "name").unique(), none.select("sid", "name")])
    pairs = pairs.with_columns(field=pl.lit(NEW_FIELD, pl.UInt16))
    frame = _grid(tables, pairs).join(rows, on=["sid", "name", "w"], how="left").sort(*KEY, "w")
    share = pl.col("a").fill_null(0) / pl.col("rows")
    return finish(
        frame.with_columns(
            value=pl.when(pl.col("rows") > 0).then(share),
            n=pl.col("rows"),
            reference=0.0,
            why=pl.when(pl.col("rows") == 0).then(pl.lit(NO_ROWS)),
            a=None,
        ),
        "input",
    )


TYPE_CHANGE = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of the rows whose column has another type than before (number, text, bool, time)",
    formula="rows in files where the column is of another type / rows in files that have it",
    source="counted",
    remedies=(
        "Ask who writes this field what was released: a number that became a text mostly is a changed writer",
        "Cast it where it enters, so that the model gets what it was trained on",
    ),
    compute=type_change,
)

VANISHED = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of the rows in files that lack a column which the baseline has",
    formula="rows in files without the column / rows",
    source="counted",
    remedies=(
        "Look for a renamed column: field-new names what appeared at the same time",
        "Name the new column in [sources.NAME.columns] of mlops.toml if only the log changed",
        "If the model gets a default instead of the field, roll the writer back",
    ),
    compute=vanished,
)

NEW = Metric(
    group="input",
    unit="share",
    direction="up",
    help="Share of the rows in files with a column that was not there before",
    formula="rows in files with the new column / rows",
    source="counted",
    remedies=(
        "See whether it replaces a column that vanished, and name it in mlops.toml",
        "If it is meant, accept it: the next baseline holds it",
    ),
    compute=new,
)
