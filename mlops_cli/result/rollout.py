"""What only `canary` and `blue-green` know, under `details.rollout` (`spec/rollout.md`, 2.13)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlops_cli.result.comparison import Comparison


@dataclass(frozen=True)
class Rollout:
    """The comparison behind a decision on traffic, and what follows from it.

    Parameters
    ----------
    comparison : at the last look
    next_share : to ramp to; None where nothing is to change
    allowed_shares : at which the excess is still within every margin
    eta_windows : until every guardrail is known, if nothing is worse; None: not at the present traffic
    alpha : the chances of error: `rollback`, `ramp`, `srm`
    steps : shares to go through
    phase : of blue-green: ready, switch or watch; empty for a canary
    plan : of `--plan`, question → answer
    answers : of blue-green ready, how far the answers of both arms differ
    choices : the sentences that stand in the first lines

    """

    comparison: Comparison
    next_share: float | None
    allowed_shares: tuple[float, ...]
    eta_windows: int | None
    alpha: Mapping[str, float]
    steps: tuple[float, ...]
    phase: str = ""
    plan: Mapping[str, Any] | None = None
    answers: Mapping[str, Any] | None = None
    choices: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        c = self.comparison
        return {
            "control": c.control,
            "treatment": c.treatment,
            "phase": self.phase,
            "current_share": c.share,
            "next_share": self.next_share,
            "allowed_shares": list(self.allowed_shares),
            "steps": list(self.steps),
            "eta_windows": self.eta_windows,
            "eta_seconds": None if self.eta_windows is None else self.eta_windows * c.window_seconds,
            "window_seconds": c.window_seconds,
            "evidence": c.evidence.value,
            "alpha": dict(self.alpha),
            "log_e_all": c.log_e_all,
            "health": c.health.to_dict(),
            "metrics": [m.to_dict() for m in c.metrics],
            "windows": list(c.windows),
            "n_windows": c.n_windows,
            "windows_in_step": c.windows_in_step,
            "units_in_step": c.units_in_step,
            "unit": c.unit,
            "excluded": dict(c.excluded),
            "missing": dict(c.missing or {}),
            "answers": self.answers,
            "plan": self.plan,
            "choices": list(self.choices),
        }
