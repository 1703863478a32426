"""What only one command knows, under `details` of the report: one frozen dataclass a command."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Monitor:
    """How `monitor` looked at the logs: what was chosen, and why.

    `window` is `1d`, `10s` or `all`; `windows` counts all of them, `judged` those after the baseline;
    times are ISO texts; `age_seconds` is how old the newest record is by the clock of `now` (None where
    now is that record's time); `choices` are the sentences that stand in the first lines of the output.
    """

    window: str
    windows: int
    judged: int
    baseline: str
    since: str | None
    until: str | None
    timezone: str
    unfinished: tuple[str, ...]
    age_seconds: float | None
    rows: int
    choices: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON of the report."""
        return asdict(self)
