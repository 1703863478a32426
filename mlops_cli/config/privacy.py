"""[privacy]: which columns are left out, hashed or cut wherever logs are read."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from mlops_cli.config.section import Section

ENV = "env:"


def _secret(text: str) -> str:
    if text and (not text.startswith(ENV) or text == ENV):
        raise ValueError("a secret stands in the environment: write 'env:NAME'")
    return text


class Privacy(Section):
    """[privacy]: applied while logs are read, so for every command, cache, report and error text."""

    drop: tuple[str, ...] = Field((), description="Columns (or roles; * for any letters) that are not read.")
    hash: tuple[str, ...] = Field((), description="Columns of which only a keyed hash is read.")
    truncate: dict[str, PositiveInt] = Field(
        default_factory=dict, description="Column = characters of its text that are read."
    )
    key: Annotated[str, AfterValidator(_secret)] = Field("", description="Key of the hashes: 'env:NAME'.")
    show_values: bool = Field(
        default=False,
        description="true: `mlops rows` shows values of free text and id-like columns, not only lengths.",
    )

    @model_validator(mode="after")
    def _keyed(self) -> Self:
        if self.hash and not self.key:
            raise ValueError("hash needs a key: write key = 'env:NAME' and set that variable")
        return self
