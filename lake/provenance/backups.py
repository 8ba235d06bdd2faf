"""Snapshots as entities, and the backups that made them: read from what the tables say of snapshots, and kept nowhere
a second time::

    the snapshot  ── wasGeneratedBy ────▶ the backup ── wasAssociatedWith ──▶ a person
                  ── wasDerivedFrom ────▶ the snapshot before, of which it is a revision
                  ── hadMember ─────────▶ versions of files (see ``members``)
                  ── wasInvalidatedBy ──▶ the collection that purged it

A snapshot that is forgotten says so, and is valid: it can be recovered.  What was purged is gone, and is invalidated.
A snapshot that was brought by a copy was made where it was made, by whoever made it there.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from holotype.catalog import dicts
from holotype.catalog import provenance as prov

from ..capturing.secrets import hidden
from ..recent import once
from ..records.snapshots import history
from ..retention.events import last_events

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from holotype.catalog import State

    from ..context import Context
    from ..retention.events import Event

    Row = dict[str, Any]
    # An element: its identifier, label and kind, and when it began and ended.
    Told = tuple[str, str, str, datetime | None, datetime | None]

__all__ = ["BACKUPS", "Backups", "snapshot_digest"]

_LABEL, _TYPE = prov.PROV + "label", prov.PROV + "type"
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_SNAPSHOT = re.compile(r"urn:holotype:snapshot:([0-9a-f]{64})")
_MADE = re.compile(r"urn:holotype:activity:([0-9a-f]{64})")
# What made a snapshot of each kind, and how its label begins.
_MAKING = {
    "files": ("backup", "backup of"),
    "table": ("write-table", "writing of the table"),
    "array": ("write-array", "writing of the array"),
}
BACKUPS = frozenset(kind for kind, _ in _MAKING.values())
"""The kinds of activities that make snapshots."""


def snapshot_digest(id: str) -> str | None:
    """The digest of the snapshot that an identifier is of; ``None`` for any other."""
    match = _SNAPSHOT.fullmatch(id)
    return match[1] if match else None


class Backups:
    """All snapshots ever made, as one state knows them, and what is said of each."""

    def __init__(self, context: Context, state: State) -> None:
        self._context, self._state = context, state

    @once
    def rows(self) -> Mapping[str, Row]:
        """What the table ``snapshots`` says of each, and its ``state``, by digest; by dataset, oldest first."""
        return {row["snapshot"]: row for row in dicts(history(self._context, state=self._state))}

    @once
    def _purges(self) -> Mapping[str, Event]:
        events = last_events(self._context, state=self._state)
        return {digest: event for digest, event in events.items() if event.event == "purged" and digest in self.rows}

    @once
    def _collections(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for digest, event in self._purges.items():
            found.setdefault(_collection_id(event), []).append(digest)
        return found

    def name(self, digest: str) -> str:
        """What a snapshot is cited by, such as ``rnaseq/liver@3``."""
        return f"{self.rows[digest]['dataset']}@{self.rows[digest]['number']}"

    def live(self, datasets: Collection[str] | None = None) -> list[Row]:
        """The rows of the live snapshots, of all datasets or some; by dataset, oldest first."""
        return [
            row
            for row in self.rows.values()
            if row["state"] == "live" and (datasets is None or row["dataset"] in datasets)
        ]

    def next(self, digests: Collection[str]) -> list[str]:
        """The snapshots that were made from these."""
        return [digest for digest, row in self.rows.items() if row["parent"] in digests]

    def of(self, id: str, *, people: bool = False) -> list[str]:
        """The snapshots that an element is about: itself, what made it, what purged it; with ``people``, who did."""
        match = _SNAPSHOT.fullmatch(id) or _MADE.fullmatch(id)
        if match is not None:
            return [match[1]] if match[1] in self.rows else self._collections.get(id, [])
        if not (people and id.startswith(prov.person_id(""))):
            return []
        return [
            digest
            for digest, row in self.rows.items()
            if prov.person_id(row["author"]) == id
            or (digest in self._purges and prov.person_id(self._purges[digest].author) == id)
        ]

    def told(self, digests: Iterable[str]) -> Iterator[Told]:
        """The elements that these snapshots are told by: themselves, what made and what purged them, and who."""
        for digest in digests:
            row, name = self.rows[digest], self.name(digest)
            kind, begins = _MAKING[row["kind"]]
            yield prov.snapshot_id(digest), name, "snapshot", None, None
            yield prov.backup_id(digest), f"{begins} {name}", kind, _began(row), row["time"]
            people = [row["author"]]
            if digest in self._purges:
                yield _collection_id(self._purges[digest]), "collect", "collect", None, None
                people.append(self._purges[digest].author)
            yield from ((prov.person_id(author), author, "Person", None, None) for author in people)

    def records(self, digests: Iterable[str], *, revisions: bool = True) -> list[prov.Record]:
        """All that is said of these snapshots but what is in them; ``revisions``: also what each was made from."""
        found: dict[prov.Record, None] = {}
        for digest in digests:
            if digest in self.rows:
                found.update(dict.fromkeys(self._said(digest, revisions=revisions)))
        return list(found)

    def revisions(self) -> list[prov.Record]:
        """Which snapshot was made from which."""
        return [record for digest in self.rows for record in self._revision(digest)]

    def _said(self, digest: str, *, revisions: bool) -> Iterator[prov.Record]:
        row = self.rows[digest]
        id, made = prov.snapshot_id(digest), prov.backup_id(digest)
        facts = {
            "dataset": row["dataset"],
            "number": row["number"],
            "entries": row["entries"],
            "files": row["files"],
            "bytes": row["bytes"],
            "problems": row["problems"],
            "message": hidden(row["message"], ()) or None,
            "state": None if row["state"] == "live" else row["state"],
        }
        kinds = (prov.name("snapshot"), prov.Name(prov.PROV + "Collection"))
        yield _element("entity", id, self.name(digest), *kinds, facts=facts)
        kind, begins = _MAKING[row["kind"]]
        facts = {"outcome": "completed", "new-bytes": row["new_bytes"], "host": row["host"]}
        label = f"{begins} {self.name(digest)}"
        yield _element("activity", made, label, prov.name(kind), times=(_began(row), row["time"]), facts=facts)
        yield prov.Record("wasGeneratedBy", None, (id, made, row["time"]))
        yield from _done_by(made, row["author"])
        if revisions:
            yield from self._revision(digest)
        if digest in self._purges:
            yield from self._purged(digest, self._purges[digest])

    def _revision(self, digest: str) -> Iterator[prov.Record]:
        parent = self.rows[digest]["parent"]
        if parent is not None:
            ids = prov.snapshot_id(digest), prov.snapshot_id(parent), prov.backup_id(digest)
            yield prov.Record("wasDerivedFrom", None, ids, ((_TYPE, prov.Name(prov.PROV + "Revision")),))

    def _purged(self, digest: str, event: Event) -> Iterator[prov.Record]:
        collection = _collection_id(event)
        facts = {"outcome": "completed", "reason": hidden(event.reason, ()) or None}
        yield _element("activity", collection, "collect", prov.name("collect"), facts=facts)
        yield from _done_by(collection, event.author)
        # The clocks of two machines may not agree.
        time = event.time if event.time >= self.rows[digest]["time"] else None
        yield prov.Record("wasInvalidatedBy", None, (prov.snapshot_id(digest), collection, time))


def _began(row: Row) -> datetime | None:
    """When a snapshot was begun; of a clock that was set back meanwhile, only the last word is kept."""
    began: datetime = row["began"]
    return began if began <= row["time"] else None


def _collection_id(event: Event) -> str:
    """The identifier of the collection that purged snapshots at one moment; SQL makes the same of a row."""
    moment = (event.time - _EPOCH) // _MICROSECOND
    return prov.backup_id(hashlib.sha256(f"purged {moment} {event.author}".encode()).hexdigest())


def _element(
    term: str,
    id: str,
    label: str,
    *kinds: prov.Name,
    times: tuple[datetime | None, ...] = (),
    facts: Mapping[str, object] | None = None,
) -> prov.Record:
    said = ((prov.HOLOTYPE + word, prov.literal(value)) for word, value in (facts or {}).items() if value is not None)
    return prov.Record(term, id, times, ((_LABEL, prov.literal(label)), *((_TYPE, kind) for kind in kinds), *said))


def _done_by(activity: str, author: str) -> Iterator[prov.Record]:
    person = prov.person_id(author)
    yield _element("agent", person, author, prov.Name(prov.PROV + "Person"))
    yield prov.Record("wasAssociatedWith", None, (activity, person))
