"""Amounts as people write them: bytes as ``"8 GiB"``, seconds as ``"90 min"`` or ``"1-12:00:00"``.

Units of 1024 are written with an i, as IEC 80000-13 has it, and those of 1000 without.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SIZES", "TIMES", "bytes_of", "seconds_of", "shown_bytes", "shown_seconds"]

_PREFIXES = "KMGTP"
SIZES: Mapping[str, int] = MappingProxyType(
    {"B": 1}
    | {f"{prefix}iB": 1 << 10 * power for power, prefix in enumerate(_PREFIXES, 1)}
    | {f"{'k' if prefix == 'K' else prefix}B": 1000**power for power, prefix in enumerate(_PREFIXES, 1)}
)
"""Bytes of each unit."""
TIMES: Mapping[str, float] = MappingProxyType({"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0})
"""Seconds of each unit."""

# No machine has, and no experiment takes, what has more digits.
_AMOUNT = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)\s*([A-Za-z]+)")
# As batch systems write it: days, then hours, minutes and seconds.
_CLOCK = re.compile(r"(?:(\d{1,5})-)?(\d{1,3}):([0-5]\d):([0-5]\d)")


def bytes_of(text: str) -> int:
    """The bytes that ``"1.5 GiB"`` means.  Raises ``ValueError``."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or match[2] not in SIZES:
        raise ValueError(
            f"{text[:80]!r} is no amount of bytes: write a number and one of {', '.join(SIZES)}, as '8 GiB'"
        )
    return round(float(match[1]) * SIZES[match[2]])


def seconds_of(text: str) -> float:
    """The seconds that ``"2 h"`` or ``"02:30:00"`` means.  Raises ``ValueError``."""
    if clock := _CLOCK.fullmatch(text.strip()):
        days, hours, minutes, seconds = (float(part or 0) for part in clock.groups())
        return days * TIMES["d"] + hours * TIMES["h"] + minutes * TIMES["min"] + seconds
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or match[2] not in TIMES:
        raise ValueError(
            f"{text[:80]!r} is no time: write a number and one of {', '.join(TIMES)}, as '2 h', or '02:30:00'"
        )
    return float(match[1]) * TIMES[match[2]]


def shown_bytes(size: float) -> str:
    """The same, for people: ``8 GiB``."""
    return _shown(size, {unit: SIZES[unit] for unit in ("B", *(f"{prefix}iB" for prefix in _PREFIXES))})


def shown_seconds(seconds: float) -> str:
    """The same, for people: ``90 min``."""
    return _shown(seconds, TIMES)


def _shown(amount: float, units: Mapping[str, float]) -> str:
    """In the largest unit that leaves a number of at least two, or the smallest there is."""
    fitting = [unit for unit, worth in units.items() if amount >= 2 * worth or amount == worth]
    unit = fitting[-1] if fitting else next(iter(units))
    return f"{amount / units[unit]:.4g} {unit}"
