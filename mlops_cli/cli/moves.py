"""How fast fields move, for the page of `monitor`: only what moves, and only where it costs little."""

from collections.abc import Sequence

from mlops_cli.cli.steps import Counted
from mlops_cli.judge.trend import STILL, clock, movers
from mlops_cli.metrics.tables import Tables
from mlops_cli.result.pace import PACE, Mover
from mlops_cli.result.report import Table
from mlops_cli.stats.shapes import Rules

WINDOWS = (8, 31)  # a field of more takes a tenth of a second
FIELDS = 16
SHUFFLES = 199


def table(found: Sequence[Mover]) -> Table:
    """`pace`, as `result/pace.py` has its columns."""
    return Table("pace", "How fast it changes", PACE, tuple(m.row() for m in found))


def pace_table(counted: Sequence[Counted]) -> Table:
    """What moves in the logs of one model; empty where nothing does, or it would take long (`mlops pace`)."""
    one = counted[0]
    line, window = one.line, one.profile.spec.window
    fields = sum(f.kind == "predictions" and f.role == "feature" for f in one.profile.spec.fields)
    if len(counted) > 1 or not window.seconds or not line.starts or fields > FIELDS:
        return table(())
    skip = line.partial | frozenset(line.excluded)
    time = clock(line.starts, skip, window.seconds, one.unit.settings.pace.windows(window.seconds))
    if not WINDOWS[0] <= len(time.starts) <= WINDOWS[1]:
        return table(())
    found = movers(Tables(one.profile, None, line.starts), time, Rules(shuffles=SHUFFLES))
    return table([m for m in found if m.kind not in STILL])
