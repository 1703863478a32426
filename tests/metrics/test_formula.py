import numpy as np
import pytest

from mlops_cli.errors import UsageError
from mlops_cli.metrics.formula import Leaf, parse


def one(text, **leaves):
    return parse(text, "here").value({k: np.array(v, float) for k, v in leaves.items()})


def test_aggregates_are_leaves_and_each_is_added_up_once():
    formula = parse("SUM(a) / COUNT(*) - SUM(a) * AVG(CASE WHEN (b) > 1 THEN 1.0 ELSE 0.0 END)", "here")

    assert formula.leaves == (
        Leaf("SUM", "a"),
        Leaf("COUNT", "*"),
        Leaf("AVG", "CASE WHEN (b) > 1 THEN 1.0 ELSE 0.0 END"),
    )


def test_arithmetic_is_done_on_merged_values():
    assert one("(SUM(a) - 2) * 3 / -COUNT(*)", x0=[8.0, 2.0], x1=[2.0, 1.0]).tolist() == [-9.0, 0.0]


def test_division_by_nothing_is_unknown():
    assert np.isnan(one("SUM(a) / COUNT(*)", x0=[1.0], x1=[0.0]))


def test_what_is_quoted_is_no_syntax():
    assert parse("AVG(CASE WHEN c = 'a) from; SUM(' THEN 1 ELSE 0 END)", "here").plain


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("MEDIAN(score)", "not among SUM"),
        ("STDDEV(score)", "not among SUM"),
        ("score", "no arithmetic"),
        ("1 + 2", "no arithmetic"),
        ("AVG(score", "not closed"),
        ("AVG(score))", "no arithmetic"),
        ("AVG()", "of nothing"),
        ("SUM(*)", "of nothing"),
        ("AVG(score) ** 9", "no arithmetic"),
        ("AVG(score) if 1 else 2", "no arithmetic"),
        ("AVG(score).__class__", "no arithmetic"),
        ("[AVG(score)]", "no arithmetic"),
        ("AVG(score) + (SELECT count(*) FROM read_csv('/etc/passwd'))", "SELECT"),
        ("AVG((select 1))", "SELECT"),
        ("AVG(score); DROP TABLE x", "SELECT"),
        ("AVG(score) -- x", "SELECT"),
        ("open('x')", "not among SUM"),
        ("__import__('os')", "not among SUM"),
        ("AVG(score)" + "+1" * 900, "no arithmetic"),
    ],
)
def test_nothing_else_gets_through(text, said):
    with pytest.raises(UsageError, match=said):
        parse(text, "here")
