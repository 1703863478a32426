"""Which fields are the model's output."""

from mlops_cli.metrics.tables import Tables


def outputs(tables: Tables) -> list[int]:
    """Fields of the prediction, of the score where there is none."""
    return tables.ids(role="prediction") or tables.ids(role="score")
