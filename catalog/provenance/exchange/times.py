"""Times as XML Schema writes them, which all formats of PROV use."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

__all__ = ["parse_time", "time_text"]

_TIME = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)T(?P<clock>\d\d:\d\d:\d\d)(?:\.(?P<fraction>\d+))?(?P<zone>Z|[+-]\d\d:\d\d)?"
)
_FARTHEST = timedelta(hours=14)


def parse_time(text: str) -> tuple[datetime | None, bool]:
    """The time that an ``xsd:dateTime`` says, and whether that is all of it.

    Python keeps microseconds, and the years 1 to 9999: of a finer time the rest is cut off, and one of another year is
    ``None``, as is what is no ``xsd:dateTime``.
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None, False
    fraction, clock = match["fraction"] or "", match["clock"]
    # The end of a day may be written as 24 o'clock.
    midnight = clock == "24:00:00" and not fraction.strip("0")
    said = f"{match['date']}T{'00:00:00' if midnight else clock}.{fraction[:6].ljust(6, '0')}{match['zone'] or ''}"
    try:
        time = datetime.fromisoformat(said) + timedelta(days=midnight)
        offset = time.utcoffset()
    except (ValueError, OverflowError):
        return None, False
    if offset is not None and abs(offset) > _FARTHEST:
        return None, False
    return time, not fraction[6:].strip("0")


def time_text(time: datetime) -> str:
    """A time as ``xsd:dateTime``; an offset that this has not, as ``+05:53:28``, becomes UTC: the same time."""
    offset = time.utcoffset()
    if offset is not None and (offset % timedelta(minutes=1) or abs(offset) > _FARTHEST):
        time = time.astimezone(UTC)
    return time.isoformat()
