"""Seen: one model's logs, counted and judged."""

from dataclasses import dataclass

from mlops_cli.cli.steps import Counted
from mlops_cli.judge.judge import Outcome


@dataclass(frozen=True)
class Seen:
    """One unit, counted and judged."""

    counted: Counted
    outcome: Outcome
