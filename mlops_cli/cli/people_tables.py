"""Tables of the report of people and a model, which the renderers draw."""

from collections.abc import Sequence
from typing import Any

from mlops_cli.cli.people import Compared, parted
from mlops_cli.judge.people.curve import points
from mlops_cli.profile.decisions import table
from mlops_cli.result.automation import Gate
from mlops_cli.result.report import Table

SHOWN = 20  # disagreements named in the report
CELLS = 400  # of a confusion table


def tables(c: Compared) -> list[Table]:
    """Gates, confusion, risk-coverage, reliability, slices, disagreements; some may be empty."""
    e, d = c.evidence, c.decisions
    out = [_gates(c.gates), _confusion(c)]
    columns = ("threshold", "coverage", "accepted", "errors", "risk", "low", "high", "team_accuracy")
    out.append(
        Table(
            "risk-coverage", f"error against {e.curve.yardstick} by coverage", columns, tuple(points(e.curve))
        )
    )
    bins = (e.confidence.get("calibration") or {}).get("bins", [])
    rows = tuple((b["confidence"], b["accuracy"], b["n"], *(b["ci"] or (None, None))) for b in bins)
    out.append(
        Table("reliability", "accuracy by confidence", ("confidence", "accuracy", "n", "low", "high"), rows)
    )
    slices = tuple(
        (
            f"{s['segment']}={s['value']}",
            s["n"],
            s["disagreement"],
            s["rest"],
            s["q"],
            s.get("excess"),
            s["region"]["n"] if s["region"] else None,
            s["region"].get("diff") if s["region"] else None,
            s["region"]["status"] if s["region"] else None,
        )
        for s in e.segments
    )
    names = ("slice", "n", "disagreement", "rest", "q", "excess", "tested", "diff", "status")
    out.append(Table("slices", "where model and people part", names, slices))
    parts = parted(d).head(SHOWN)
    chosen = [
        n for n in ("item", "model_decision", "human_decision", "confidence", "outcome") if n in parts.columns
    ]
    out.append(
        Table(
            "disagreements",
            "the most confident disagreements",
            tuple(chosen),
            tuple(parts.select(chosen).rows()),
        )
    )
    return out


def _gates(gates: Sequence[Gate]) -> Table:
    columns = ("degree", "gate", "status", "value", "limit", "n", "n_needed", "message")
    rows = tuple(
        (g.degree, g.name, g.status.value, g.value, g.limit, g.n, g.n_needed, g.message) for g in gates
    )
    return Table("gates", "what has to hold before each degree", columns, rows)


def _confusion(c: Compared) -> Table:
    d = c.decisions
    rows: tuple[tuple[Any, ...], ...] = ()
    if d.classes and "human" in d.pairs.columns and c.evidence.agreement.get("value") is not None:
        counts = table(d.pairs.filter(d.pairs["human"].is_not_null()), len(d.classes))
        cells = [
            (d.classes[i], d.classes[j], n) for i, row in enumerate(counts) for j, n in enumerate(row) if n
        ]
        rows = tuple(sorted(cells, key=lambda x: (-x[2], x[0], x[1]))[:CELLS])
    return Table("confusion", "people's decisions beside the model's", ("people", "model", "n"), rows)
