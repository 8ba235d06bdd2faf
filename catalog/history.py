"""Reading the log: from the newest checkpoint forward, entry by entry, along the chain of hashes.

A checkpoint is a whole state, written every few commits beside the log; it only saves time.  One that is missing,
damaged or does not fit the log is passed over for an older one, in the end for a replay from version 0.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from .errors import HolotypeError, LogDamaged, ObjectMissing
from .log import Entry, entry_key, parse_segment
from .sealed import unwrap, wrap
from .state import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .header import Header
    from .stores.base import ObjectStore

__all__ = ["CHECKPOINT_EVERY", "entries_after", "newest_state", "read_entry", "write_checkpoint"]

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


def newest_state(store: ObjectStore, header: Header) -> State:
    """The archive's newest state; raises ``LogDamaged``, ``FormatTooNew``, or what the store raises."""
    state = _newest_checkpoint(store) or State(0, header.hash, {})
    return state.after(entries_after(store, state.version))


def _newest_checkpoint(store: ObjectStore) -> State | None:
    for key in sorted((info.key for info in store.list(_FOLDER)), reverse=True):
        try:
            state = read_checkpoint(store, key)
        except (LogDamaged, ObjectMissing) as error:
            _log.warning("passing over a checkpoint: %s", error)
            continue
        entry = read_entry(store, state.version)
        if entry is None:
            raise LogDamaged(
                f"{entry_key(state.version)} is missing: a checkpoint says the log is at least that long",
                key=entry_key(state.version),
                version=state.version,
            )
        if entry.hash == state.head:
            return state
        _log.warning("passing over a checkpoint: %s does not fit the log", key)
    return None


def read_checkpoint(store: ObjectStore, key: str) -> State:
    """The state in one checkpoint; raises ``LogDamaged`` and ``ObjectMissing``."""
    fields = unwrap(bytes(store.get(key)), key)
    try:
        tables: dict[str, list[list[Any]]] = fields["tables"]
        state = State(
            fields["version"],
            fields["head"],
            {
                table: tuple(
                    parse_segment(table, {"name": name, "digest": digest, "rows": rows, "bytes": size})
                    for name, digest, rows, size in segments
                )
                for table, segments in tables.items()
            },
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LogDamaged(f"{key} is damaged: {error!r}", key=key) from error
    if key != checkpoint_key(state.version):
        raise LogDamaged(f"{key} holds the checkpoint of version {state.version}", key=key)
    return state


def write_checkpoint(store: ObjectStore, state: State) -> None:
    """Write the checkpoint of ``state`` and drop old ones; a failure is logged, for nothing is lost by it."""
    tables = {t: [[s.name, s.digest, s.rows, s.bytes] for s in segments] for t, segments in state.tables.items()}
    data = wrap({"version": state.version, "head": state.head, "tables": tables})
    try:
        store.put(checkpoint_key(state.version), [data])
        store.delete(sorted(info.key for info in store.list(_FOLDER))[:-_KEPT])
    except HolotypeError as error:
        _log.warning("no checkpoint of version %d was written: %s", state.version, error)
