"""The tip: the newest state and the small segments that belong to it, in one object.

Where every request is a journey over a network, opening an archive and finding one file would be dozens of them: log
entries since the last checkpoint, and a segment here and there that one commit added.  So there each commit leaves a
tip behind, ``tip.zlib``, in place of the one before::

    {"format":1,"head":"<SHA-256 of entry 42>","held":["snapshots/000000000041-6f1c…",…],"tables":{…},"version":42,…}
    <the bytes of these segments, one after the other>

It only saves time, like a checkpoint: it may be missing, damaged, or older than the log.  What it says is believed
after its seal was checked, the entry it names was read, and each segment's bytes were hashed.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from blake3 import blake3

from .errors import HolotypeError, LogDamaged
from .sealed import unwrap, wrap
from .state import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from typing_extensions import Buffer

    from .log import Segment
    from .segments import SegmentReader
    from .stores.base import ObjectStore

__all__ = ["TIP", "Tip", "read_tip", "write_tip"]

_log = logging.getLogger("holotype.catalog")

TIP = "tip.zlib"
# Bytes.  A backup that changes a few files adds some 25 KB in six small segments, and after 32 of them they are merged;
# the rest is for manifests.  Segments look alike: most of this is gone when it is compressed.
_SMALL, _TOGETHER = 64 << 10, 2 << 20
# So many segments are named with some 60 bytes each; of an archive with more, the checkpoints have to do.
_MOST = 8192
# So many segments that this process did not read or write are fetched for one tip: later ones take the rest.
_FETCHED = 8
# More than any tip has: what claims to unpack to more is damaged.
_LARGEST = 64 << 20


@dataclass(frozen=True, slots=True)
class Tip:
    """A state, and the verified bytes of some of its segments."""

    state: State
    held: Mapping[Segment, Buffer]


def read_tip(store: ObjectStore) -> Tip:
    """The tip; raises ``ObjectMissing``, ``LogDamaged``, ``FormatTooNew``, or what the store raises."""
    data = bytes(store.get(TIP))
    try:
        head, _, rest = zlib.decompressobj().decompress(data, _LARGEST).partition(b"\n")
    except zlib.error as error:
        raise LogDamaged(f"{TIP} is damaged: {error}", key=TIP) from error
    fields = unwrap(head, TIP)
    state = State.from_fields(fields, TIP)
    by_place = {f"{segment.table}/{segment.name}": segment for found in state.tables.values() for segment in found}
    held: dict[Segment, Buffer] = {}
    at, view = 0, memoryview(rest)
    for place in fields.get("held", ()):
        segment = by_place.get(place)
        if segment is None:
            raise LogDamaged(f"{TIP} is damaged: it holds {place}, which is not live", key=TIP)
        part = view[at : at + segment.bytes]
        at += segment.bytes
        if len(part) != segment.bytes or blake3(part).hexdigest() != segment.digest:
            raise LogDamaged(f"{TIP} is damaged: {place} is not what was written", key=TIP)
        held[segment] = part
    return Tip(state, held)


def write_tip(store: ObjectStore, state: State, reader: SegmentReader) -> None:
    """Write the tip of ``state``, with what ``reader`` has at hand; a failure is logged, for nothing is lost by it."""
    live = [segment for segments in state.tables.values() for segment in segments]
    if len(live) > _MOST:
        return
    try:
        held = _chosen(live, reader)
        fields = {**state.fields(), "held": [f"{segment.table}/{segment.name}" for segment in held]}
        store.put(TIP, [zlib.compress(wrap(fields) + b"\n" + b"".join(map(memoryview, held.values())), 1)])
    except HolotypeError as error:
        _log.warning("no tip of version %d was written: %s", state.version, error)


def _chosen(live: list[Segment], reader: SegmentReader) -> dict[Segment, Buffer]:
    """The newest small segments, and their bytes."""
    found: dict[Segment, Buffer] = {}
    room, fetched = _TOGETHER, 0
    for segment in sorted(live, key=lambda each: each.name, reverse=True):
        if segment.bytes > min(_SMALL, room):
            continue
        data = reader.held(segment)
        if data is None:
            if fetched == _FETCHED:
                continue
            fetched += 1
            data = reader.bytes(segment)
        found[segment] = data
        room -= segment.bytes
    return found
