"""[automation]: what the comparison of a model with people has to show before it may decide more."""

from typing import Literal

from pydantic import Field

from mlops_cli.config.section import Section


class Automation(Section):
    """[automation]."""

    current: Literal["human-only", "shadow", "assisted", "partial", "full"] = Field(
        "shadow", description="How much of the work the machine does now."
    )
    max_error: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="Error that is allowed among automated decisions; absent: only the margin counts.",
    )
    margin: float = Field(
        0.02,
        ge=0,
        lt=1,
        description="How much worse than people the machine may be on what it decides; set before looking.",
    )
    margin_assisted: float = Field(
        0.05, ge=0, lt=1, description="The same of all decisions, before the output is shown to people."
    )
    margin_remainder: float = Field(
        0.05, ge=0, lt=1, description="The same of the least confident tenth, before people stop deciding."
    )
    delta: float = Field(0.05, gt=0, lt=0.5, description="Chance that the certificate is wrong.")
    alpha: float = Field(
        0.05, gt=0, lt=0.5, description="Error of each other test, and 1 - level of the intervals."
    )
    false_discoveries: float = Field(
        0.1, gt=0, lt=1, description="Share of false ones among the slices named."
    )
    min_automation: float = Field(
        0.1, gt=0, le=1, description="Automating less than this share is of no use."
    )
    max_human_load: float | None = Field(
        None, ge=0, le=1, description="Share of decisions that people can take; absent: no bound."
    )
    min_pairs: int = Field(100, ge=1, description="Blinded decisions before the output may be shown.")
    min_joined: float = Field(
        0.95, ge=0, le=1, description="Share of people's decisions that have a model output."
    )
    max_null: float = Field(0.05, ge=0, le=1, description="Share of model outputs that may be empty.")
    min_slice: int = Field(30, ge=2, description="Items of a slice, and decisions of a person, to be named.")
    audit_share: float = Field(
        0.02, ge=0, le=1, description="Random share of automated decisions that people check blindly."
    )
    min_degree: Literal["", "human-only", "shadow", "assisted", "partial", "full"] = Field(
        "", description="Evidence that supports less than this fails."
    )
    min_agreement: float | None = Field(None, ge=0, le=1, description="Raw agreement below this fails.")
    keep: tuple[str, ...] = Field((), description="COLUMN=VALUE: these cases stay with people.")
    columns: dict[str, str | tuple[str, ...]] = Field(
        default_factory=dict,
        description="Role = column: item, rater, human, model, confidence, outcome, time, seconds, ...",
    )
    model_rater: str = Field("", description="Long logs: the rater that is the model.")
    human_counts: str = Field("", description="Glob of the columns that count people by class: h_*.")
    order: tuple[str, ...] = Field((), description="Decisions that have an order, lowest first.")
    classes: tuple[str, ...] = Field((), description="All decisions there are, also those never seen.")
    alias: dict[str, str] = Field(default_factory=dict, description="Decision as logged = decision as meant.")
    ignore_case: bool = Field(default=False, description="Yes and yes are one decision.")
    tolerance: float = Field(0.0, ge=0, description="Numbers nearer than this agree.")
    cost: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="Cost of [truth] decision; absent: 0 where right, 1 where wrong."
    )
    epsilon: float = Field(
        0.15,
        ge=0,
        lt=1,
        description="Of the alternative annotator test: 0.2 experts, 0.15 skilled, 0.1 crowd.",
    )
