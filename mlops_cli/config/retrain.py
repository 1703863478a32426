"""[retrain] and [pace]: when a retrain pays, and how fast the data is expected to change."""

from typing import Annotated, Literal

from pydantic import Field

from mlops_cli.config.section import Duration, Section, seconds


class Retrain(Section):
    """[retrain]."""

    mode: Literal["off", "recommend", "automatic"] = Field(
        "recommend", description="automatic: `--run` may start it when the evidence is from labels."
    )
    cooldown: Duration = Field("2w", description="Between two retrains.")
    min_labels: int = Field(2000, ge=0, description="New labels that a retrain needs.")
    min_drop: float | None = Field(
        None, gt=0, description="Smaller losses pay for nothing; absent: the warning line of the metric."
    )
    cost_per_error: float | None = Field(None, gt=0, description="What a wrong prediction costs.")
    cost_of_retrain: float | None = Field(
        None, gt=0, description="What a retrain costs with its canary, in the same money."
    )
    horizon: Duration = Field("8w", description="Over which a new model is counted on to keep its gain.")
    command: tuple[str, ...] = Field(
        (), description="Program and arguments that start a retrain; gets the trigger as JSON on stdin."
    )


class Pace(Section):
    """[pace]."""

    expect: Literal["auto", "slow", "fast"] = Field(
        "auto", description="slow: a field that moves faster is named."
    )
    period: Annotated[int, Field(ge=0)] | Duration = Field(
        0, description="Of a season: a duration, 7d, or windows; 0: a day of hours, a week of days."
    )

    def windows(self, length: int) -> int:
        """The season in windows of so many seconds; 0: it was not told."""
        if isinstance(self.period, int):
            return self.period
        return round(seconds(self.period) / length) if length else 0
