"""[notify]: who is told when something opens or recovers; addresses stand in the environment only."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mlops_cli.config.privacy import ENV
from mlops_cli.config.section import Duration, Section


def _address(text: str) -> str:
    if text and (not text.startswith(ENV) or not text.removeprefix(ENV).isidentifier()):
        raise ValueError("an address may hold a secret, so it stands in the environment: write 'env:NAME'")
    return text


Address = Annotated[str, AfterValidator(_address)]


class Notify(Section):
    """[notify]: nobody is told unless one of these is set."""

    on: tuple[Literal["warning", "alarm", "recovered"], ...] = Field(
        ("alarm", "recovered"), description="What is told: warning (and alarm), alarm, recovered."
    )
    webhook: Address = Field("", description="'env:NAME' of a URL that gets a POST of JSON.")
    alertmanager: Address = Field("", description="'env:NAME' of Alertmanager's URL: http://host:9093.")
    urls: tuple[Address, ...] = Field(
        (), description="'env:NAME' of URLs of apprise (mail, chat ...); extra `notify`."
    )
    heartbeat: Address = Field(
        "", description="'env:NAME' of a URL called after every finished run, so that silence is noticed."
    )
    lasting: Duration = Field(
        "2d", description="An alert at Alertmanager ends by itself after this, unless a run renews it."
    )
