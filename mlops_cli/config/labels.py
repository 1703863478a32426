"""[labels]: what a wrong answer costs."""

from pydantic import Field

from mlops_cli.config.section import Section


class Labels(Section):
    """[labels]."""

    costs: dict[str, dict[str, float]] = Field(
        default_factory=dict,
        description="costs.PREDICTED.LABEL = what that answer costs; what is not named costs nothing.",
    )
