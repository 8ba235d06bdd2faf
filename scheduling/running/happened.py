"""What happened to an attempt, told from how its job ended and what it said."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..declaring.policies import Failure
from ..declaring.quantities import shown_bytes, shown_seconds
from ..places.place import Lost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..declaring.resources import Needs
    from ..places.place import Ended

__all__ = ["Happened", "seen_of"]

# A shell says 128 and the signal; what the system kills for want of memory gets this one.
_KILL = 9
_SHELL = 128
# How programs say that there was no memory, or no room.
_NO_MEMORY = re.compile(
    r"OutOfMemoryError|std::bad_alloc|Cannot allocate memory|MemoryError|[Oo]ut of memory|memory exhausted|oom-kill"
)
_NO_ROOM = re.compile(r"No space left on device|Disk quota exceeded|disk full|ENOSPC", re.IGNORECASE)
# Of what is allowed, used at the highest: what is killed then was killed for it.
_NEARLY = 0.9


@dataclass(frozen=True)
class Happened:
    """``code``: the exit status, or the signal's number.  ``said``: the end of what it wrote to its standard error.
    ``broken``: the metrics beyond their thresholds, or codes of what is not sound.
    """

    failure: Failure
    message: str
    code: int | None = None
    said: str = ""
    broken: tuple[str, ...] = ()

    @classmethod
    def read(cls, said: Mapping[str, Any]) -> Happened:
        """As a journal has it."""
        return cls(Failure(said["failure"]), said["message"], said["code"], said["said"], tuple(said["broken"]))


def seen_of(ended: Ended | Lost, said: str, needs: Needs, *, full: bool = False) -> Happened | None:
    """What happened, ``None`` if it ended well.  ``full``: whether nothing is free any more where it worked."""
    if isinstance(ended, Lost):
        return Happened(Failure.NODE, ended.why, said=said)
    if ended.cause is not None:
        message = ended.message or _why_ended(ended, needs)
        # Somebody else ended it, who did not ask here.
        failure = Failure.SIGNAL if ended.cause == "cancelled" else Failure(ended.cause)
        return Happened(failure, message, _code(ended), said)
    if ended.code == 0:
        return None
    signal = ended.signal if ended.signal is not None else (ended.code or 0) - _SHELL
    how = f"signal {ended.signal} ended it" if ended.signal is not None else f"its exit status is {ended.code}"
    filled = needs.memory and ended.memory > _NEARLY * needs.memory
    if signal == _KILL or _NO_MEMORY.search(said) or (filled and ended.signal is not None):
        return Happened(Failure.MEMORY, f"{how}, as for want of memory", _code(ended), said)
    if full or _NO_ROOM.search(said):
        return Happened(Failure.DISK, f"{how}, for want of room", _code(ended), said)
    failure = Failure.EXIT if ended.signal is None else Failure.SIGNAL
    return Happened(failure, how, _code(ended), said)


def _why_ended(ended: Ended, needs: Needs) -> str:
    if ended.cause == "time" and needs.time is not None:
        return f"it was ended, for it took longer than {shown_seconds(needs.time)}"
    if ended.cause == "memory" and needs.memory:
        had, may = shown_bytes(ended.memory), shown_bytes(needs.memory)
        return f"it was ended for its memory: it had {had}, and may have {may}"
    return f"it was ended for its {ended.cause}" if ended.cause != "cancelled" else "somebody else has ended it"


def _code(ended: Ended) -> int | None:
    return ended.signal if ended.signal is not None else ended.code
