"""Trying again: how a store rides out a storage that fails for a moment.

A store on the other side of a network translates what its library raises into errors of holotype, and runs each call
through ``patiently``.  What passes by itself is tried again, later and later: a connection refused or reset, a timeout,
a server that is overloaded.  What does not is raised at once: no permission, no such object, no room.

Which calls may be repeated?  ``get``, ``size``, ``exists`` and ``list`` change nothing; ``put`` and ``delete`` do the
same thing again.  ``create`` does not: a creation whose answer was lost is refused by its own success.  So after any
doubt ``create_patiently`` reads the object back.  That its bytes are ours proves that we made it only because nobody
else writes the same ones: a log entry holds a random write id, and an archive's header a random archive id.
"""

from __future__ import annotations

import errno
import logging
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from ..errors import HolotypeError, InvalidOption, ObjectMissing, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

__all__ = ["Patience", "create_patiently", "is_transient", "patiently"]

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

# What ``ConnectionError`` and ``TimeoutError`` do not cover of a network that is gone for a moment.
_PASSING = frozenset(
    getattr(errno, name)
    for name in ("EAGAIN", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN", "ENETRESET", "ENETUNREACH")
    if hasattr(errno, name)  # Windows lacks some
)


def _random() -> float:
    # By its name, so that a patience that travels to another process takes no generator with it: those of many workers
    # would all be in the same state, and all try again at the same moment.
    return random.random()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a call is tried, and how long is waited between: by default through an outage of 40 to 50 seconds.

    ``attempts``: calls in all.  ``first``: seconds before the second one; each wait is ``factor`` times the one before,
    ``longest`` seconds at most, less a random share of up to ``jitter`` of it, so that many clients do not come back
    together.  ``within``: no attempt begins more seconds than this after the first one did, for a call may itself take
    long to fail.  ``sleep``, ``random`` and ``clock`` are the world's, or a test's.
    """

    attempts: int = 11
    first: float = 0.2
    factor: float = 2.0
    longest: float = 10.0
    jitter: float = 0.25
    within: float = 120.0
    sleep: Callable[[float], object] = field(default=time.sleep, repr=False, compare=False)
    random: Callable[[], float] = field(default=_random, repr=False, compare=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)

    def __post_init__(self) -> None:
        waits = self.first >= 0 and self.factor >= 1 and self.longest >= 0 and self.within >= 0
        if self.attempts < 1 or not waits or not 0 <= self.jitter <= 1:
            raise InvalidOption(
                f"{self} is no patience: attempts from 1, factor from 1, jitter from 0 to 1", given=self
            )

    def delay(self, failed: int) -> float:
        """Seconds to wait after ``failed`` attempts have failed, from 1."""
        # Beyond this many doublings any wait is the longest one, and the power would overflow.
        wait = min(self.longest, self.first * self.factor ** min(failed - 1, 64))
        return wait * (1 - self.jitter * self.random())


def is_transient(error: BaseException) -> bool:
    """Whether the same call may succeed in a moment.

    A ``StorageFailed`` says so by its attribute ``transient``; one without it, and an ``OSError`` that is not of
    holotype's tree, by its ``errno``.  No other error passes by itself: a full storage stays full.
    """
    if isinstance(error, HolotypeError):
        if not isinstance(error, StorageFailed):
            return False
        if "transient" in error.about:
            return bool(error.about["transient"])
        code = error.errno
        # Python picks the class by the number: ConnectionRefusedError for ECONNREFUSED, and so on.
        return code is not None and is_transient(OSError(code, ""))
    return isinstance(error, OSError) and (
        isinstance(error, (ConnectionError, TimeoutError)) or error.errno in _PASSING
    )


def patiently(call: Callable[[], _T], patience: Patience) -> _T:
    """What ``call`` returns, tried again while it fails in a way that passes; raises what it raised last.

    ``call`` must be safe to repeat.
    """
    began = patience.clock()
    failed = 0
    while True:
        try:
            return call()
        except OSError as error:
            failed += 1
            wait = patience.delay(failed)
            if not is_transient(error):
                raise
            if failed >= patience.attempts or patience.clock() + wait - began > patience.within:
                raise _given_up(error, failed) from error
            _log.warning("%s; trying again in %.1f s", error, wait)
        patience.sleep(wait)


def create_patiently(
    create: Callable[[], bool],
    read: Callable[[], Buffer],
    data: bytes,
    patience: Patience,
    *,
    repeats: bool = False,
) -> bool:
    """Whether ``create`` made the object that holds ``data``, tried again while it fails in a way that passes.

    ``create`` is true when it made the object and false when there was one.  A refusal is believed while no attempt
    before it was in doubt; never when the library beneath ``repeats`` requests by itself.  Otherwise ``read``, which
    gives the object's bytes or raises ``ObjectMissing``, decides: our bytes, so it was us; other bytes, so it was not;
    no object, so it is tried again.
    """
    doubtful = False

    def there() -> bytes | None:
        try:
            return bytes(read())
        except ObjectMissing:
            return None

    def attempt() -> bool:
        nonlocal doubtful
        # A request whose answer was lost may also be still on its way; of it and the next one only one can succeed.
        if doubtful and (found := there()) is not None:
            return found == data
        try:
            made = create()
        except OSError:
            doubtful = True
            raise
        return made or ((doubtful or repeats) and there() == data)

    return patiently(attempt, patience)


def _given_up(error: OSError, attempts: int) -> OSError:
    if attempts == 1 or not isinstance(error, StorageFailed):
        return error
    return StorageFailed(f"{error.message} (tried {attempts} times)", **{**error.about, "attempts": attempts})
