"""[rollout]: two versions side by side, the margins they are held to, and how far traffic may go."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from mlops_cli.config.section import Duration, Section
from mlops_cli.errors import nearest

Share = Annotated[float, Field(gt=0, le=1)]
Role = Literal["guardrail", "success", "watch"]

# What is compared when nothing is configured: role, direction (which way is better), and the margins that
# are taken for no worse. Rates count their bad events; a relative margin of 1.10 is +10 %, an absolute one
# of 0.001 is +0.1 percentage points, both hold together (`spec/rollout.md`, 2.5).
STEPS = (0.01, 0.05, 0.10, 0.25, 0.50, 1.0)
DEFAULTS: dict[str, dict[str, Any]] = {
    "error-rate": {"relative": 1.10, "absolute": 0.001},  # status 500 or more, or no output
    "null-rate": {"relative": 1.10, "absolute": 0.001},
    "redo-rate": {"relative": 1.10, "absolute": 0.001},
    "log-latency": {"relative": 1.05},  # mean of the log: tails do not drown it
    "slow-share-p90": {"relative": 1.10, "absolute": 0.01},
    "slow-share-p99": {"relative": 1.25, "absolute": 0.002},
    # How far a model may answer differently is for its owner to say; a client's mistake is not the model's.
    "score": {"role": "watch", "direction": "both", "absolute": 0.01},
    "client-error-rate": {"role": "watch", "relative": 1.10, "absolute": 0.001},
    "wrong-rate": {"role": "watch", "relative": 1.10, "absolute": 0.001},
    "label-error": {"role": "watch", "relative": 1.05},
}


class Margin(Section):
    """[rollout.metrics] NAME: its role, and what is still no worse."""

    role: Role | None = Field(
        None, description="guardrail decides, success must be better, watch is only shown."
    )
    direction: Literal["lower", "higher", "both"] | None = Field(
        None, description="Which way is better, lower by default; both: neither, it should not move."
    )
    relative: float | None = Field(
        None, gt=1, description="1.10: up to 10 % more than the control is no harm; of means, too."
    )
    absolute: float | None = Field(
        None, ge=0, description="0.001: and 0.1 percentage points more; in the unit of a mean."
    )
    limit: float | None = Field(
        None, gt=0, description="Without a control: the rate, or the mean, that must not be exceeded."
    )
    hard_limit: float | None = Field(
        None, gt=0, description="Above it in two windows in a row, the treatment is rolled back at once."
    )
    threshold: float | None = Field(
        None, gt=0, description="slow-share: slower than this (ms) is slow. Absent: the control's quantile."
    )
    weight: float | None = Field(
        None, gt=0, description="Its part of the evidence for a rollback; 1 by default."
    )


def _known(names: tuple[float, ...]) -> tuple[float, ...]:
    if not names or list(names) != sorted(set(names)) or names[-1] != 1.0:
        raise ValueError("steps rise and end with 1.0: write [0.01, 0.05, 0.10, 0.25, 0.50, 1.0]")
    return names


class Rollout(Section):
    """[rollout]: canary, blue-green, replacement, a new capability."""

    strategy: Literal["canary", "blue-green"] = Field("canary", description="Which command it is for.")
    arms: str = Field("", description="Column that tells the arms apart; empty: variant, else model_version.")
    control: str = Field("", description="Its value in the arm that serves now; empty: a new capability.")
    treatment: str = Field("", description="Its value in the arm that is to take over.")
    share: str = Field(
        "", description="Planned share of the treatment: 0.05, auto, or 0.01@TIME,0.05@TIME; empty: auto."
    )
    window: Duration = Field("auto", description="auto: the longest of 1h to 1s that gives 20 windows.")
    unit: str = Field(
        "auto",
        description="Column of what is independent: user_id, session; request: each row; auto: users if they "
        "always meet the same arm.",
    )
    strata: tuple[str, ...] = Field((), description="Columns within whose values the arms are compared.")
    steps: Annotated[tuple[Share, ...], AfterValidator(_known)] = Field(
        STEPS, description="Shares to go through; of blue-green 5, 25, 50 %, and all but the holdback."
    )
    growth: float = Field(5.0, gt=1, description="A step is at most this many times the last.")
    min_units: int = Field(200, ge=1, description="In the treatment, in this step.")
    min_windows: int = Field(10, ge=1, description="In this step.")
    warmup: int = Field(2, ge=0, description="Windows left out after a start; at most a tenth of the log.")
    lateness: int = Field(1, ge=0, description="Windows at the end that may not be whole; at most a tenth.")
    grace: int = Field(5, ge=1, description="Windows without a row of an arm before there is no traffic.")
    max_time: Duration = Field("24h", description="Then hold, with the reason.")
    on_timeout: Literal["hold", "rollback"] = Field("hold", description="What is answered after max_time.")
    alpha_rollback: float = Field(
        0.01, gt=0, lt=0.5, description="Chance that a release without harm is ever rolled back."
    )
    alpha_ramp: float = Field(
        0.05, gt=0, lt=0.5, description="Chance that one beyond a margin is ever called safe."
    )
    alpha_srm: float = Field(
        0.01, gt=0, lt=0.5, description="Chance that a split as planned is ever called wrong."
    )
    on_harm: Literal["rollback", "freeze"] = Field("rollback", description="freeze: hold, as it is.")
    rollback: Literal["harm", "beyond-margin"] = Field(
        "harm", description="beyond-margin: only where the bound, not the estimate, is beyond the margin."
    )
    max_contamination: float = Field(
        0.01, ge=0, lt=1, description="Share of units that met both arms, from which on it is a hold."
    )
    max_disagreement: float = Field(
        0.05, gt=0, lt=1, description="blue-green, ready: share of answers that may differ."
    )
    holdback: float = Field(
        0.02, ge=0, lt=0.5, description="blue-green: share that stays on the old version while it is watched."
    )
    watch_windows: int = Field(60, ge=1, description="blue-green: windows to watch before the old may go.")
    metrics: dict[str, Margin] = Field(
        default_factory=dict, description="Laid over the defaults: role, margins, limits."
    )

    @field_validator("metrics")
    @classmethod
    def _names(cls, given: dict[str, Margin]) -> dict[str, Margin]:
        for name in given:
            if name not in DEFAULTS:
                near = nearest(name, DEFAULTS)
                do = f"write '{near}'?" if near else f"choose one of {', '.join(DEFAULTS)}"
                raise ValueError(f"no metric '{name}' of a rollout: {do}")
        return given

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.control and self.control == self.treatment:
            raise ValueError(f"control and treatment are both '{self.control}': name two arms")
        return self

    def margin(self, name: str) -> Margin:
        """What a metric is held to: the defaults with the file's keys laid over them.

        A metric that is only watched becomes a guardrail once a margin is named for it.
        """
        own = self.metrics.get(name)
        given = own.model_dump(exclude_none=True) if own else {}
        base = {"role": "guardrail", "direction": "lower", "weight": 1.0, **DEFAULTS[name]}
        if "relative" in given or "absolute" in given:  # one that is named replaces both
            base = {k: v for k, v in base.items() if k not in ("relative", "absolute")} | {
                "role": "guardrail"
            }
        return Margin.model_validate({**base, **given})

    def required(self, name: str) -> bool:
        """Whether the file asks for this metric as a guardrail, so that logs without it are a hold."""
        return name in self.metrics and self.margin(name).role != "watch"
