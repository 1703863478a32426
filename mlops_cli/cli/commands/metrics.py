"""`mlops metrics list`: the names that the configuration, the report and `explain` use."""

from mlops_cli.cli.options import Facts
from mlops_cli.cli.say import columns, tell, tell_json


def listing(form: Facts = "text") -> int:
    """List every metric; `mlops explain METRIC` says more about one."""
    from mlops_cli.metrics.registry import METRICS  # noqa: PLC0415 # polars

    if form == "json":
        return tell_json(
            [
                {"code": c, "group": m.group, "unit": m.unit, "direction": m.direction, "help": m.help}
                for c, m in METRICS.items()
            ]
        )
    rows = [("metric", "group", "unit", "what it is")]
    rows += [(code, m.group, m.unit, m.help) for code, m in METRICS.items()]
    return tell(columns(rows))
