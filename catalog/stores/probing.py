"""Is creation exclusive here?  Asked once, when an archive is made, of the storage itself.

Storage that calls itself S3 may ignore the condition in a conditional request, and a network file system may link over
what is there; no version number tells.  So it is tried: on objects of its own under ``probes/``, first twice in a row,
which finds a storage that does not refuse, then by several threads at the same moment, which finds one that looks first
and writes later.  A storage that passes may have many writers; any other has one (``single``).

A crash in the middle leaves objects under ``probes/`` that nothing else looks at.
"""

from __future__ import annotations

import errno
import logging
import secrets
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ..errors import HolotypeError, StorageFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .base import ObjectStore

__all__ = ["PROBES", "probe", "try_writing"]

_log = logging.getLogger(__name__)

PROBES = "probes/"
"""Where its objects lie."""
# Two threads that begin together are nearly always seen to race; more of both find what is only nearly exclusive, and
# the requests of one round are on their way at the same time.
_ROUNDS, _THREADS = 3, 4


def probe(store: ObjectStore) -> bool:
    """Whether of several creations of one object in ``store`` exactly one succeeds, and it is the one that is stored.

    Costs 28 small requests, which take as long as about ten one after the other.  Raises what the store raises, except
    ``StorageFailed`` with ``ENOTSUP``, by which it says that it has no exclusive creation.
    """
    name = f"{PROBES}{secrets.token_hex(8)}"
    twice, *races = (f"{name}-{n}" for n in range(_ROUNDS + 1))
    try:
        if not _refuses_the_second(store, twice):
            return False
        with ThreadPoolExecutor(_THREADS) as pool:
            return all(_has_one_winner(store, key, pool) for key in races)
    except StorageFailed as error:
        if error.errno != errno.ENOTSUP:
            raise
        return False
    finally:
        _remove(store, [twice, *races])


def try_writing(store: ObjectStore) -> None:
    """Write a small object into ``store`` and take it away again.  Raises what writing it raises."""
    key = f"{PROBES}{secrets.token_hex(8)}"
    store.put(key, [b"holotype"])
    _remove(store, [key])


def _refuses_the_second(store: ObjectStore, key: str) -> bool:
    first, second = (secrets.token_bytes(16) for _ in range(2))
    return store.create(key, first) and not store.create(key, second) and bytes(store.get(key)) == first


def _has_one_winner(store: ObjectStore, key: str, pool: ThreadPoolExecutor) -> bool:
    start = threading.Barrier(_THREADS)

    def race(data: bytes) -> tuple[bool, bytes]:
        start.wait()
        made = store.create(key, data)
        # Whoever was refused builds on the winner's object at once, so it has to be there, whole.
        return made, bytes(store.get(key))

    runners = [secrets.token_bytes(16) for _ in range(_THREADS)]
    results = list(pool.map(race, runners))
    winners = [data for data, (made, _) in zip(runners, results, strict=True) if made]
    return len(winners) == 1 and all(seen == winners[0] for _, seen in results)


def _remove(store: ObjectStore, keys: Sequence[str]) -> None:
    try:
        store.delete(keys)
    except HolotypeError as error:
        # A storage that keeps everything for years can hold an archive all the same.
        _log.warning("the probe's objects stay under %s in %s: %s", PROBES, store.url, error)
