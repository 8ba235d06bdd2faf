"""Settling: an activity whose process was gone before it was recorded is recorded as far as its note tells.

It is said to have been interrupted, when it began, by whom, with which parameters, by which script or command; when it
ended nobody knows.  What it read was not seen.  Files of its dataset that were changed since it began, and that no
other activity made, are named as what they are, changed while it ran or after it, and not as what it made: anybody may
have changed them.

Several processes may settle at once: whoever commits first has said it, and the others find it said.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import Conflict, column, plain
from holotype.catalog import provenance as prov

from ..capturing.scopes import unheard
from ..capturing.seen import Status
from ..capturing.states import look, under
from ..context import host_here
from .account import Account, status_word
from .telling import Scene

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta

    from holotype.catalog import Entry, State

    from ..context import Context
    from .notes import Note, Notes

__all__ = ["keep", "settle"]

_TRIES = 5
# Files of a source that are looked at, which takes half a second, and that are named.
_LOOKED, _NAMED = 100_000, 1000
# How long before it happens a file system may say that something happened.
_TICK_NS = 12_000_000
_KILLED = "its process was gone before it had ended: it was killed, or the machine stopped"


def settle(context: Context, notes: Notes, *, dead_after: timedelta | None = None) -> list[Note]:
    """Record the activities of these notes that are over; returns the notes of those that this call recorded.

    ``dead_after``: how long after it began a process counts as dead of which nothing can be told from here; by default
    such a one is left alone.  Raises ``ArchiveReadOnly``, or what the store raises; what was settled before stays so.
    """
    context.catalog.check_writable()
    settled: list[Note] = []
    with unheard():
        for note in notes.every():
            if note.over(at=context.clock(), dead_after=dead_after):
                if keep(context, note):
                    settled.append(note)
                with suppress(OSError):  # another process was faster; or it is found recorded the next time
                    notes.remove(note.activity)
    return settled


def keep(context: Context, note: Note) -> bool:
    """Commit what a note tells; whether that was news.  Raises as ``settle`` does."""
    catalog = context.catalog
    key = prov.keys([note.activity])

    def recorded(state: State) -> bool:
        return note.activity in prov.elements(catalog, key, state=state)["id"].to_pylist()

    document = None
    for left in reversed(range(_TRIES)):
        state = catalog.refresh()
        if recorded(state):
            return False
        document = document or _told(context, note)
        told = prov.record(catalog, document, recorded=context.clock(), author=context.author, state=state)

        def check(since: Sequence[Entry], present: State, told: prov.Recorded = told) -> None:
            if any("prov_elements" in entry.add for entry in since) and recorded(present):
                raise Conflict(f"the activity {note.name!r} was settled by another process", settled=note.activity)
            told.check(since, present)

        try:
            catalog.commit(
                add=told.segments, view=state, operation="settle", message=note.name, author=context.author, check=check
            )
        except Conflict as error:
            if "settled" in error.about:
                return False
            if not left:
                raise
        else:
            return True
    raise AssertionError("unreachable")


def _told(context: Context, note: Note) -> prov.Document:
    account = Account(note.activity)
    plan = account.command(**note.command) if note.command is not None else None
    account.person(note.author, plan=plan)
    account.given(note.parameters)
    if note.parent is not None:
        account.started_by(note.parent)
    changed = _changed_since(context, note)
    lines: list[str] = []
    if note.trouble is not None:
        lines.append(f"what it read and wrote is not known, for it could not be recorded when it ended: {note.trouble}")
    if changed is None:
        lines.append(f"{note.dataset} has more than {_LOOKED} files: which of them changed was not looked for")
    account.activity(
        note.name,
        kind=note.kind,
        began=note.began,
        ended=note.ended,
        outcome=note.outcome or "interrupted",
        facts={
            **note.facts,
            "error": note.error if note.outcome is not None else _KILLED,
            "notes": lines or None,
            "changed-while-it-ran": list(changed[:_NAMED]) if changed else None,
            "changed-count": len(changed) if changed else None,
        },
    )
    return account.document()


def _changed_since(context: Context, note: Note) -> tuple[str, ...] | None:
    """The files of a note's dataset, as ``dataset/path``, that were written since the activity began, and that no
    recorded activity made; none where the dataset does not lie on this machine, ``None`` where it is too large to be
    looked through.
    """
    if note.source is None or note.process.host != host_here() or not os.path.lexists(note.source):
        return ()
    scene = Scene.of(context, dataset=note.dataset, source=note.source)
    own = scene.own
    found = look((note.source,), limit=_LOOKED)
    if not found.complete:
        return None
    began = int(note.process.noted * 1e9) - _TICK_NS
    places = {
        path: place
        for path, status in found.files.items()
        if max(status.st_mtime_ns, status.st_ctime_ns) >= began
        and not (own is not None and under(path, (own,)))
        and (place := scene.places.find(path)) is not None
    }
    made = _made(context, {place.path for place in places.values()})
    names = [
        f"{place.dataset}/{place.path}"
        for path, place in places.items()
        if status_word(Status.of(found.files[path])) not in made.get((place.dataset, place.path), "")
    ]
    return tuple(sorted(names))


def _made(context: Context, paths: set[str]) -> Mapping[tuple[str, str], str]:
    """What recorded activities say of the files with these paths that they made, statuses among it, by dataset and
    path.
    """
    if not paths:
        return {}
    catalog = context.catalog
    wanted = pc.field("path").isin(column(sorted(paths), pa.string()))
    rows = catalog.read("prov_elements", columns=["key", "dataset", "path"], filter=wanted)
    named = {row["key"]: (row["dataset"], row["path"]) for row in rows.to_pylist()}
    found: dict[tuple[str, str], str] = {}
    for row in prov.relations(catalog, plain(rows["key"])).to_pylist() if named else ():
        if row["term"] == "wasGeneratedBy" and row["subject"] in named:
            place = named[row["subject"]]
            found[place] = f"{found.get(place, '')} {row['attributes'] or ''}"
    return found
