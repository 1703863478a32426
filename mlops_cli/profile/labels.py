"""Decisions as logged → codes of classes, or numbers: trimmed, aliased, in their order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from mlops_cli.errors import UsageError

NUMERIC = 20  # more distinct numbers than this are no classes
LABELS = ("human", "model", "outcome", "initial", "final")
YES, NO = "true", "false"


@dataclass(frozen=True)
class Words:
    """How decisions are read.

    Parameters
    ----------
    alias : decision as logged → as meant
    ignore_case : Yes and yes are one
    order : decisions that have an order, lowest first
    classes : all there are, also those never seen

    """

    alias: Mapping[str, str]
    ignore_case: bool = False
    order: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


def coded(
    frame: pl.DataFrame, words: Words, counted: Sequence[str] = ()
) -> tuple[pl.DataFrame, str, tuple[str, ...]]:
    """The frame with codes instead of decisions; its scale; the classes.

    Parameters
    ----------
    frame : columns of `LABELS` as logged, those that are there
    words : how to read them
    counted : classes that columns of counts name

    Returns
    -------
    frame, scale, classes
        Scale `nominal`, `ordinal` (an order is declared) or `numeric` (more than 20 distinct numbers): then
        the columns stay numbers and there are no classes.

    Raises
    ------
    UsageError
        Where a declared order lacks a decision that is in the logs.

    """
    have = [n for n in LABELS if n in frame.columns]
    if not words.order and not words.classes and not counted and _numeric(frame, have):
        return frame.with_columns(_number(frame.schema[n], n) for n in have), "numeric", ()
    texts = frame.with_columns(_text(frame.schema[n], n, words).alias(n) for n in have)
    truths = [n for n in have if frame.schema[n] == pl.Boolean]
    if truths:  # one log writes true, the other True
        texts = texts.with_columns(_truth(n) for n in have if n not in truths)
    seen = {v for n in have for v in texts[n].unique().drop_nulls().to_list()}
    known = _folded(words.order or words.classes, words)
    absent = sorted(seen - set(known)) if words.order else []
    if absent:
        raise UsageError(
            f"the order lacks the decision '{absent[0]}'",
            f"--order {','.join(words.order)}",
            "name every decision, lowest first",
        )
    classes = tuple(known) if words.order else tuple(sorted({*seen, *known, *_folded(counted, words)}))
    kind = pl.Enum(classes)
    codes = texts.with_columns(pl.col(n).cast(kind).to_physical().cast(pl.Int32) for n in have)
    return codes, "ordinal" if words.order else "nominal", classes


def _numeric(frame: pl.DataFrame, have: Sequence[str]) -> bool:
    """Whether people's and the model's decisions are numbers of more values than classes have."""
    sides = [n for n in ("human", "model") if n in have]
    values = []
    for name in sides:
        if frame.schema[name] == pl.Boolean:
            return False
        distinct = frame.select(pl.col(name).unique().drop_nulls())
        if distinct.height <= NUMERIC // 2:  # both sides together cannot have more
            values.append(pl.Series([], dtype=pl.Float64))
            continue
        number = distinct.select(_number(frame.schema[name], name)).to_series()
        if number.null_count():
            return False
        values.append(number)
    return bool(values) and pl.concat(values).n_unique() > NUMERIC


def _number(dtype: pl.DataType, name: str) -> pl.Expr:
    value = pl.col(name)
    if dtype == pl.String:
        value = value.str.strip_chars()
        value = pl.when(value != "").then(value)
    return value.cast(pl.Float64, strict=False).fill_nan(None).alias(name)


def _text(dtype: pl.DataType, name: str, words: Words) -> pl.Expr:
    """Trimmed; an empty text is no decision; 1.0 is 1."""
    value = pl.col(name)
    if dtype.is_float():
        whole = value.cast(pl.Int64, strict=False)
        value = (
            pl.when(whole == value)
            .then(whole.cast(pl.String))
            .otherwise(value.fill_nan(None).cast(pl.String))
        )
    text = value.cast(pl.String).str.strip_chars()
    text = pl.when(text != "").then(text)
    if words.ignore_case:
        text = text.str.to_lowercase()
    alias = {_fold(k, words): _fold(v, words) for k, v in words.alias.items()}
    return text.replace(alias) if alias else text


def _truth(name: str) -> pl.Expr:
    low = pl.col(name).str.to_lowercase()
    yes, no = low.is_in([YES, "t", "yes", "1"]), low.is_in([NO, "f", "no", "0"])
    return pl.when(yes).then(pl.lit(YES)).when(no).then(pl.lit(NO)).otherwise(pl.col(name)).alias(name)


def _fold(text: str, words: Words) -> str:
    return text.strip().lower() if words.ignore_case else text.strip()


def _folded(texts: Sequence[str], words: Words) -> list[str]:
    alias = {_fold(k, words): _fold(v, words) for k, v in words.alias.items()}
    return list(dict.fromkeys(alias.get(_fold(t, words), _fold(t, words)) for t in texts))
