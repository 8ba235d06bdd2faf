"""A witness of all that happens in a storage, who knows at every moment what has to be there.

It reads log and tables by itself, not with what it judges.  After each commit, whether its writer was told or not:

- the entry follows from the one before it, and its write id is new;
- every segment that a table is made of is there, and every pack that the catalog lists;
- every snapshot that was not purged can be put together: its manifest, the places of its chunks, the packs they lie in,
  each byte as its source had it; it is made once, and its digest and its name are nobody else's;
- snapshots go from live to forgotten, and from there back or to purged, never otherwise;
- whatever was recorded of how things came about is there still, and its tables hang together.

And at every deletion: it takes nothing of that away.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from blake3 import blake3

from holotype.catalog import Entry, LogDamaged
from holotype.catalog.segments import decode as decode_rows
from holotype.catalog.segments import decode_mapped
from holotype.lake.packs import decode

from ..recorded import TABLES, Said, disagreements, said_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from holotype.catalog import Segment, State

    Rows = tuple[Mapping[str, Any], ...]

__all__ = ["Moment", "Witness"]

_WATCHED = ("chunks", "entries", "packs", "ranges", "retention", "snapshots")
# What may become of a snapshot, by what it is: an event, and what it is then.
_FATES = {("live", "forgotten"): "forgotten", ("forgotten", "recovered"): "live", ("forgotten", "purged"): "purged"}


@lru_cache(maxsize=4096)
def _read(data: bytes, *, mapped: bool) -> Rows:
    """The rows of a segment; runs that begin alike read the same ones."""
    return tuple((decode_mapped if mapped else decode_rows)(data, None).to_pylist())


class Moment(NamedTuple):
    """A version: the snapshots that are live in it, by name, each with its digest."""

    version: int
    live: Mapping[str, str]


class Witness:
    """Watches one archive.

    ``state``: of the log before anything happens, from version 0.  ``trees``: what was to be kept, by the message of a
    snapshot: bytes by path, ``None`` for a folder.  ``broken``: what is wrong, in words.  ``moments``: every version.
    ``histories``: what was recorded in each of them.
    """

    def __init__(
        self, objects: dict[str, bytes], state: State, trees: Mapping[str, Mapping[str, bytes | None]]
    ) -> None:
        self.objects = objects
        self.trees = dict(trees)
        self.broken: list[str] = []
        self.moments: list[Moment] = []
        self.histories: list[frozenset[Said]] = []
        self.write_ids: dict[str, int] = {}
        self.states: dict[str, str] = {}
        self.made: dict[str, str] = {}
        self._state = state
        self._needed: frozenset[str] = frozenset()
        self._told: set[tuple[Any, ...]] = set()
        self._sound: set[tuple[Any, ...]] = set()
        self._recorded: frozenset[str] = frozenset()
        self._rows_recorded: dict[str, set[tuple[Any, ...]]] = {table: set() for table in TABLES}
        for version in range(1, 1 + sum(key.startswith("log/") for key in objects)):
            self.created(f"log/{version:020d}.json")

    def created(self, key: str) -> None:
        """An object was created exclusively."""
        if not key.startswith("log/"):
            return
        version = int(key[4:-5])
        entry = Entry.decode(self.objects[key], version)
        try:
            self._state = self._state.after([entry])
        except LogDamaged as error:
            self._say(f"version {version} does not follow: {error}")
            return
        if entry.write_id in self.write_ids:
            self._say(f"version {version} is version {self.write_ids[entry.write_id]} again")
        self.write_ids[entry.write_id] = version
        self._look(version)

    def deletes(self, key: str) -> None:
        """An object is about to be deleted."""
        if key in self._needed and key in self.objects:
            self._say(f"{key} is deleted, which version {self._state.version} needs")

    def segments(self) -> frozenset[str]:
        """The keys of all segments that tables are made of now."""
        return frozenset(segment.key for segments in self._state.tables.values() for segment in segments)

    def _say(self, what: str) -> None:
        self.broken.append(what)

    def _rows(self, table: str) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        for segment in self._state.segments(table):
            found += self._of(segment)
        return found

    def _of(self, segment: Segment) -> Rows:
        data = self.objects.get(segment.key)
        return _read(data, mapped=segment.mapped) if data is not None else ()

    def _look(self, version: int) -> None:
        """Look at everything that a version needs."""
        gone = [key for key in self.segments() if key not in self.objects]
        packs = {row["pack"]: row["object"] for row in self._rows("packs")}
        gone += [key for key in packs.values() if key not in self.objects]
        if gone:
            self._say(f"version {version} needs {', '.join(sorted(gone))}, which is not there")
        log = [f"log/{number:020d}.json" for number in range(1, version + 1)]
        self._needed = self.segments().union(packs.values(), log, ["archive.json"])
        self._follow_events(version)
        rows = self._rows("snapshots")
        names = {f"{row['dataset']}@{row['number']}": row["snapshot"] for row in rows}
        if not len(names) == len(set(names.values())) == len({row["message"] for row in rows}) == len(rows):
            self._say(f"in version {version} a snapshot is there twice: {sorted(names)}")
        for row in rows:
            self.states.setdefault(row["snapshot"], "live")
        self.made = {row["message"]: row["snapshot"] for row in rows}
        self.moments.append(
            Moment(version, {name: digest for name, digest in names.items() if self.states[digest] == "live"})
        )
        self._follow_history(version)
        kept = {row["snapshot"]: row["message"] for row in rows if self.states[row["snapshot"]] != "purged"}
        if not gone:
            self._put_together(version, kept, packs)

    def _follow_events(self, version: int) -> None:
        events = {tuple(row.values()): row for row in self._rows("retention")}
        if not self._told <= events.keys():
            self._say(f"version {version} has lost events of snapshots")
        for row in sorted(
            (row for event, row in events.items() if event not in self._told), key=lambda row: row["time"]
        ):
            snapshot, event = row["snapshot"], row["event"]
            was = self.states.get(snapshot, "live")
            if (was, event) not in _FATES:
                self._say(f"version {version}: snapshot {snapshot} was {was}, and now it is {event}")
            self.states[snapshot] = _FATES.get((was, event), was)
        self._told |= events.keys()

    def _follow_history(self, version: int) -> None:
        """Look whether all is still there that was recorded, and whether it hangs together."""
        segments = frozenset(segment.key for table in TABLES for segment in self._state.segments(table))
        if self.histories and segments == self._recorded:
            self.histories.append(self.histories[-1])
            return
        self._recorded = segments
        for table in TABLES:
            rows = {tuple(row.values()) for row in self._rows(table)}
            if lost := self._rows_recorded[table] - rows:
                self._say(f"version {version} has lost rows of {table}: {sorted(map(str, lost))}")
            self._rows_recorded[table] = rows
        self.histories.append(said_of(self._rows("prov_elements"), self._rows("prov_relations")))
        self.broken += [f"in version {version} {wrong}" for wrong in disagreements(self._rows)]

    def _put_together(self, version: int, kept: Mapping[str, str], packs: Mapping[str, str]) -> None:
        """Put every kept snapshot together, and compare it with its source."""
        places: dict[bytes, list[Mapping[str, Any]]] = {}
        for row in self._rows("chunks"):
            if row["pack"] in packs:
                places.setdefault(row["chunk"], []).append(row)
        entries = {segment.name: self._of(segment) for segment in self._state.segments("entries")}
        parts: dict[str, list[Mapping[str, Any]]] = {digest: [] for digest in kept}
        for row in sorted(self._rows("ranges"), key=lambda row: row["ordinal"]):
            if row["snapshot"] in parts:
                parts[row["snapshot"]].append(row)
        for digest, message in kept.items():
            found: dict[str, Mapping[str, Any]] = {}
            for part in parts[digest]:
                for row in entries.get(part["segment"], ()):
                    found.pop(row["path"], None)
                    if row["kind"] != "removed":
                        found[row["path"]] = row
            wrong = self._differs(found, self.trees[message], places, packs)
            if wrong:
                self._say(f"in version {version} the snapshot of {message!r} is not what it was: {wrong}")

    def _differs(
        self,
        found: Mapping[str, Mapping[str, Any]],
        tree: Mapping[str, bytes | None],
        places: Mapping[bytes, list[Mapping[str, Any]]],
        packs: Mapping[str, str],
    ) -> str:
        """How a manifest's rows differ from a source, if they do."""
        if found.keys() != tree.keys():
            return f"it has {sorted(found.keys() ^ tree.keys())} or has not"
        for path, content in tree.items():
            row = found[path]
            if row["kind"] != ("directory" if content is None else "file"):
                return f"{path} is a {row['kind']}"
            if content is None:
                continue
            if row["sha256"] != _sha256(content):
                return f"{path} is another file"
            if b"".join(row["chunks"] or ()) != b"".join(self._stored(row["chunks"] or (), places, packs)):
                return f"chunks of {path} are lost"
        return ""

    def _stored(
        self, chunks: Sequence[bytes], places: Mapping[bytes, list[Mapping[str, Any]]], packs: Mapping[str, str]
    ) -> list[bytes]:
        """Those of some chunks whose bytes are in storage."""
        return [chunk for chunk in chunks if any(self._is_sound(place, packs) for place in places.get(chunk, ()))]

    def _is_sound(self, place: Mapping[str, Any], packs: Mapping[str, str]) -> bool:
        key = packs[place["pack"]]
        if key not in self.objects:
            return False
        known = (key, place["chunk"], place["offset"], place["start"])
        if known not in self._sound:
            stored = self.objects[key][place["offset"] : place["offset"] + place["stored"]]
            block = bytes(decode(place["codec"], stored, place["block"]))
            if blake3(block[place["start"] : place["start"] + place["length"]]).digest() != place["chunk"]:
                return False
            self._sound.add(known)
        return True


@lru_cache(maxsize=1024)
def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
