"""Auditing: does storage still hold what the log says?

Everything is looked at and every damage reported, not the first one: the header, each log entry and its link to the one
before, each checkpoint, the tip, each live segment.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import DamageError, FormatTooNew, HolotypeError, LogDamaged, ObjectMissing
from .header import HEADER
from .history import read_checkpoint
from .log import ENTRY, Entry, entry_key
from .sealed import sha256
from .tip import TIP, read_tip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .header import Header
    from .log import Segment
    from .segments import SegmentReader
    from .state import State
    from .stores.base import ObjectStore

__all__ = ["Damage", "audit"]

_THREADS = 4


@dataclass(frozen=True, slots=True)
class Damage:
    """One object that is not what was written.

    ``what``: ``missing``, ``damaged``, ``link`` (a log entry that does not follow from the one before) or
    ``unreadable`` (the storage would not say).  ``table`` and ``segment`` are given for a segment.
    """

    what: str
    key: str
    message: str
    table: str | None = None
    segment: str | None = None


def audit(
    store: ObjectStore, header: Header, state: State, reader: SegmentReader, *, hashed: bool = True
) -> Iterator[Damage]:
    """Every damage to the records of the archive in ``store``, whose newest known state is ``state``.

    ``hashed=False`` looks only at the sizes of segments.  Raises what listing the store raises.
    """
    yield from _header(store, header)
    yield from _log(store, header, state)
    yield from _checkpoints(store)
    yield from _segments(store, state, reader, hashed=hashed)


def _header(store: ObjectStore, header: Header) -> Iterator[Damage]:
    try:
        if sha256(bytes(store.get(HEADER))) != header.hash:
            yield Damage("damaged", HEADER, f"{HEADER} is not what it was when the archive was opened")
    except HolotypeError as error:
        yield _damage(error, HEADER)


def _log(store: ObjectStore, header: Header, state: State) -> Iterator[Damage]:
    listed = [int(found[1]) for info in store.list("log/") if (found := ENTRY.fullmatch(info.key))]
    parent: str | None = header.hash
    for version in range(1, max([state.version, *listed]) + 1):
        key = entry_key(version)
        try:
            entry = Entry.decode(bytes(store.get(key)), version)
        except HolotypeError as error:
            yield _damage(error, key)
            parent = None  # the next link cannot be checked
            continue
        if parent is not None and entry.parent != parent:
            yield Damage("link", key, f"{key} does not follow from the entry before it")
        if version == state.version and entry.hash != state.head:
            yield Damage("damaged", key, f"{key} is not what it was when this version was read")
        parent = entry.hash


def _checkpoints(store: ObjectStore) -> Iterator[Damage]:
    for key in sorted(info.key for info in store.list("checkpoints/")):
        try:
            read_checkpoint(store, key)
        except ObjectMissing:
            continue  # replaced by a newer one since it was listed
        except HolotypeError as error:
            yield _damage(error, key)
    try:
        read_tip(store)
    except ObjectMissing:
        return
    except HolotypeError as error:
        yield _damage(error, TIP)


def _segments(store: ObjectStore, state: State, reader: SegmentReader, *, hashed: bool) -> Iterator[Damage]:
    live = [segment for name in sorted(state.tables) for segment in state.tables[name]]
    if not hashed:
        sizes = {info.key: info.size for info in store.list("tables/")}
        for segment in live:
            size = sizes.get(segment.key)
            if size is None:
                yield Damage("missing", segment.key, f"segment {segment.key} is missing", segment.table, segment.name)
            elif size != segment.bytes:
                message = f"segment {segment.key} has {size} bytes instead of {segment.bytes}"
                yield Damage("damaged", segment.key, message, segment.table, segment.name)
        return

    def look(segment: Segment) -> Damage | None:
        try:
            reader.verified(segment)
        except HolotypeError as error:
            return _damage(error, segment.key, segment)
        return None

    if not store.waits:
        yield from filter(None, map(look, live))
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from filter(None, pool.map(look, live, chunksize=1))


def _damage(error: HolotypeError, key: str, segment: Segment | None = None) -> Damage:
    if isinstance(error, ObjectMissing):
        what = "missing"
    elif isinstance(error, (DamageError, LogDamaged, FormatTooNew)):
        what = "damaged"
    else:
        what = "unreadable"
    return Damage(what, key, str(error), segment.table if segment else None, segment.name if segment else None)
