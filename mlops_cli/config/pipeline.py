"""[pipeline]: components and what flows between them, where spans do not say it."""

from typing import Self

from pydantic import Field, model_validator

from mlops_cli.config.section import Duration, Section


class Component(Section):
    """[pipeline.components.NAME]."""

    after: tuple[str, ...] = Field((), description="Components whose output it gets.")
    calls: tuple[str, ...] = Field((), description="Components that it waits for.")
    inputs: tuple[str, ...] = Field((), description="Fields of the predictions that it gets.")
    outputs: tuple[str, ...] = Field((), description="Fields that it gives: prediction, score, a feature.")
    budget_ms: float | None = Field(None, gt=0, description="Of its own time, at the 95th percentile.")


class Pipeline(Section):
    """[pipeline]."""

    window: Duration = Field("auto", description="auto wants 216 windows or more, else a duration: 1h.")
    baseline: int = Field(168, ge=72, description="Windows at the beginning that are taken as good.")
    limit: float = Field(6.0, gt=0, description="Deviations beyond what came from upstream that accuse.")
    components: dict[str, Component] = Field(
        default_factory=dict, description="What spans do not say; edges of both add up."
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, one in self.components.items():
            for other in (*one.after, *one.calls):
                if other == name:
                    raise ValueError(
                        f"component '{name}' follows itself: leave it out of its own after, calls"
                    )
        return self
