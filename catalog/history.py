"""Reading the log: from the newest checkpoint forward, entry by entry, along the chain of hashes.

A checkpoint is a whole state, written every few commits beside the log; it only saves time.  One that is missing,
damaged or does not fit the log is passed over for an older one, in the end for a replay from version 0.  On a distant
storage the tip comes before all of them.
"""

from __future__ import annotations

import logging
from itertools import chain, islice
from typing import TYPE_CHECKING

from .errors import HolotypeError, LogDamaged, ObjectMissing
from .log import ENTRY, Entry, entry_key
from .sealed import unwrap, wrap
from .state import State
from .tip import TIP, Tip, read_tip

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .header import Header
    from .stores.base import ObjectStore

__all__ = ["CHECKPOINT_EVERY", "entries_after", "newest_state", "news", "read_entry", "write_checkpoint"]

_log = logging.getLogger("holotype.catalog")

# Opening reads at most about this many entries; writing a checkpoint costs about as much as a small commit.
CHECKPOINT_EVERY = 32
# Older checkpoints are only needed when newer ones are damaged.
_KEPT = 3
_FOLDER = "checkpoints/"


def checkpoint_key(version: int) -> str:
    """The key of the checkpoint of ``version``."""
    return f"{_FOLDER}{version:020d}.json"


def read_entry(store: ObjectStore, version: int) -> Entry | None:
    """The log entry of ``version``, or ``None`` when there is none; raises ``LogDamaged`` and ``FormatTooNew``."""
    try:
        data = store.get(entry_key(version))
    except ObjectMissing:
        return None
    return Entry.decode(bytes(data), version)


def entries_after(store: ObjectStore, version: int) -> Iterator[Entry]:
    """The entries that follow ``version``, until there is none.

    Raises ``LogDamaged`` when the entry after a missing one is there: a gap would look like the end of the log, and the
    next commit would fill it and lose all that follows.
    """
    while True:
        version += 1
        entry = read_entry(store, version)
        if entry is None:
            if not store.exists(entry_key(version + 1)):
                return
            # Two commits may have come between the two looks.
            entry = read_entry(store, version)
            if entry is None:
                key = entry_key(version)
                raise LogDamaged(f"{key} is missing, but the entry after it is there", key=key, version=version)
        yield entry


def news(store: ObjectStore, version: int) -> Iterator[Entry]:
    """As ``entries_after``, with one request when there is nothing new, where the storage can tell that."""
    listed = store.following(entry_key(version))
    if listed is None:
        yield from entries_after(store, version)
        return
    newest = max((int(found[1]) for key in listed if (found := ENTRY.fullmatch(key))), default=version)
    for each in range(version + 1, newest + 1):
        entry = read_entry(store, each)
        if entry is None:
            key = entry_key(each)
            raise LogDamaged(f"{key} is missing, but an entry after it is there", key=key, version=each)
        yield entry


def newest_state(store: ObjectStore, header: Header) -> Tip:
    """The archive's newest state, and such segments as came with it.

    Raises ``LogDamaged``, ``FormatTooNew``, or what the store raises.
    """
    tip = _tip(store) if store.distant else None
    if tip is not None:
        entries = news(store, tip.state.version)
        since = list(islice(entries, CHECKPOINT_EVERY + 1))
        # Of an archive that was elsewhere meanwhile the tip is old, and the checkpoints are not.
        checkpoint = _newest_checkpoint(store) if len(since) > CHECKPOINT_EVERY else None
        if checkpoint is None or checkpoint.version < tip.state.version:
            return Tip(tip.state.after(chain(since, entries)), tip.held)
        return Tip(checkpoint.after(news(store, checkpoint.version)), tip.held)
    state = _newest_checkpoint(store) or State(0, header.hash, {})
    return Tip(state.after(news(store, state.version)), {})


def _tip(store: ObjectStore) -> Tip | None:
    try:
        tip = read_tip(store)
    except ObjectMissing:
        return None
    except LogDamaged as error:
        _log.warning("passing over the tip: %s", error)
        return None
    return tip if _fits(store, tip.state, TIP) else None


def _newest_checkpoint(store: ObjectStore) -> State | None:
    for key in sorted((info.key for info in store.list(_FOLDER)), reverse=True):
        try:
            state = read_checkpoint(store, key)
        except (LogDamaged, ObjectMissing) as error:
            _log.warning("passing over a checkpoint: %s", error)
            continue
        if _fits(store, state, key):
            return state
    return None


def _fits(store: ObjectStore, state: State, key: str) -> bool:
    """Whether the state, which was read from the object ``key``, is one of this log; raises ``LogDamaged`` when the log
    is shorter."""
    entry = read_entry(store, state.version) if state.version else None
    if entry is None:
        missing = entry_key(state.version)
        raise LogDamaged(
            f"{missing} is missing: {key} says the log is at least that long", key=missing, version=state.version
        )
    if entry.hash != state.head:
        _log.warning("passing over %s: it does not fit the log", key)
    return entry.hash == state.head


def read_checkpoint(store: ObjectStore, key: str) -> State:
    """The state in one checkpoint; raises ``LogDamaged`` and ``ObjectMissing``."""
    state = State.from_fields(unwrap(bytes(store.get(key)), key), key)
    if key != checkpoint_key(state.version):
        raise LogDamaged(f"{key} holds the checkpoint of version {state.version}", key=key)
    return state


def write_checkpoint(store: ObjectStore, state: State) -> None:
    """Write the checkpoint of ``state`` and drop old ones; a failure is logged, for nothing is lost by it."""
    try:
        store.put(checkpoint_key(state.version), [wrap(state.fields())])
        store.delete(sorted(info.key for info in store.list(_FOLDER))[:-_KEPT])
    except HolotypeError as error:
        _log.warning("no checkpoint of version %d was written: %s", state.version, error)
