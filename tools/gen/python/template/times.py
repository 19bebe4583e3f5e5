"""Times on the wire: RFC 3339 in UTC, to the microsecond."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]+))?(?:([Zz])|([+-])([0-9]{2}):([0-9]{2}))?"
)


def now() -> datetime:
    """The present, in UTC."""
    return datetime.now(timezone.utc)


def parse_time(text: str) -> datetime:
    """Reads a time in UTC: RFC 3339, also with a blank for the T, and also without a zone, which then is UTC.

    What is finer than a microsecond is cut off. A ValueError says that the text is no time.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("must be an RFC 3339 time")
    year, month, day, hour, minute, second = map(int, match.group(1, 2, 3, 4, 5, 6))
    micros = int((match[7] or "")[:6].ljust(6, "0"))
    try:
        at = datetime(year or 400, month, day, hour, minute, second, micros, timezone.utc)
        if match[9]:
            hours, minutes = int(match[10]), int(match[11])
            if hours > 23 or minutes > 59:
                raise ValueError
            offset = timedelta(hours=hours, minutes=minutes)
            at = at - offset if match[9] == "+" else at + offset
        if year == 0:  # which ends in year 1 at best; Python has no year 0, and the calendar repeats after 400
            at -= timedelta(days=146097)
    except (ValueError, OverflowError):
        raise ValueError("must be an RFC 3339 time") from None
    return at


def in_utc(at: datetime) -> datetime:
    """The same time in UTC; one without a zone is UTC already."""
    return at.replace(tzinfo=timezone.utc) if at.tzinfo is None else at.astimezone(timezone.utc)


def format_time(at: datetime) -> str:
    """Writes a time: `2025-10-16T12:34:56.789Z`, without the fraction's trailing zeros."""
    at = in_utc(at)
    text = at.replace(tzinfo=None).isoformat(timespec="microseconds")
    return text.rstrip("0").rstrip(".") + "Z"
