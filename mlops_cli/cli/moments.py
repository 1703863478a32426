"""A time as people type it → UTC."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from mlops_cli.errors import UsageError


def moment(text: str, timezone: str, *, end: bool = False) -> datetime:
    """A date or time in UTC; where it names no zone it is in `timezone`.

    A date alone is the start of that day, or with `end` the end of it: `--until 2026-10-16` includes the
    sixteenth.
    """
    zone = ZoneInfo(timezone)
    try:
        if len(text) <= 10:
            day = date.fromisoformat(text) + timedelta(days=1 if end else 0)
            return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"'{text}' is no time",
            "the command line",
            "write 2026-01-31, 2026-01-31T06:00 or 2026-01-31T06:00:00Z",
        ) from None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
