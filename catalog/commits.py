"""Committing: the exclusive creation of the next log entry, and what is checked before it.

A commit was decided on by looking at some version, its *view*.  Whatever was committed since may have taken away what
the decision rests on, so before each attempt everything since the view is checked; nobody can slip in between the check
and the attempt, because the attempt fails when the next entry already exists.  The rules, in ``check_entries``:

- what the commit removes or relies on was not removed since, and what it removes nobody came to rely on;
- the segments it adds were not condemned since their writer looked, and what it condemns nobody added.

Leaving out any one of them loses data in some order of events.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .errors import Conflict, HolotypeError, LogDamaged, StorageFailed, StorageFull, TransientError
from .header import HEADER
from .history import entries_after, read_entry
from .log import Entry, entry_key
from .sealed import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .state import State
    from .stores.base import ObjectStore

    # Given all entries since the view, and the state they lead to; raises ``Conflict`` when they spoil the commit.
    Check = Callable[[Sequence[Entry], State], None]

__all__ = ["Attempt", "check_entries", "check_view", "commit"]

# Every lost attempt means that somebody else's commit went through; this many in a row means something is wrong.
_ATTEMPTS = 1000
# Seconds.  Looking again takes about as long as a commit does, so short pauses are enough to keep writers out of step.
_PAUSE, _LONGEST_PAUSE = 0.001, 0.05
# Between asking again after a lost answer.
_PAUSES = (0.001, 0.01)


@dataclass(frozen=True)
class Attempt:
    """What a commit wants: an entry without its place in the log, the state it was decided on, and the caller's own
    check."""

    entry: Entry
    view: State
    check: Check | None = None


def commit(
    store: ObjectStore, attempt: Attempt, current: State, *, sleep: Callable[[float], object] = time.sleep
) -> tuple[Entry, State]:
    """Make ``attempt`` the next entry of the log: the entry, and the state it leads to.

    ``current``: the newest state known, at or after the attempt's view.  Raises ``Conflict`` when something it rests on
    is gone, ``LogDamaged``, or what the store raises: then nothing was committed, except when the store also failed to
    answer whether it was.
    """
    _check_there(store, current)
    check_view(attempt)
    seen = min(
        (segment.seen for added in attempt.entry.add.values() for segment in added), default=attempt.view.version
    )
    since = _between(store, min(seen, attempt.view.version), current.version)
    for lost in range(_ATTEMPTS):
        check_entries(attempt, since, current)
        entry = replace(attempt.entry, version=current.version + 1, parent=current.head)
        data = entry.encode()
        entry = replace(entry, hash=sha256(data))
        if _create(store, entry, data, sleep):
            return entry, current.after([entry])
        if lost:
            sleep(random.uniform(0, min(_LONGEST_PAUSE, _PAUSE * 2 ** min(lost, 16))))
        news = list(entries_after(store, current.version))
        current = current.after(news)
        since += news
    raise Conflict(f"{_ATTEMPTS} other commits came first, one after the other; try again later", attempts=_ATTEMPTS)


def check_view(attempt: Attempt) -> None:
    """Raise ``Conflict`` unless all that the commit removes and relies on is live in the state it was decided on."""
    entry, view = attempt.entry, attempt.view
    for wanted in (entry.remove, entry.relies):
        gone = sorted(_pairs(wanted) - view.live)
        if gone:
            raise _conflict(f"{_names(gone)} is not live in version {view.version}", view.version, gone)
    condemned = frozenset(entry.condemn)
    kept = [s for segments in (*view.tables.values(), *entry.add.values()) for s in segments if s.key in condemned]
    kept = [s for s in kept if s.name not in entry.remove.get(s.table, ())]
    if kept:
        gone = [(s.table, s.name) for s in kept]
        raise _conflict(f"{_names(gone)} is live and cannot be condemned", view.version, gone)


def check_entries(attempt: Attempt, entries: Sequence[Entry], current: State) -> None:
    """Raise ``Conflict`` when one of ``entries``, committed since, took away something the commit rests on.

    ``entries`` may begin before the attempt's view: what was condemned counts from when a segment's writer last looked.
    ``current``: the state they lead to.
    """
    mine = attempt.entry
    removes, needs = _pairs(mine.remove), _pairs(mine.remove) | _pairs(mine.relies)
    adds = {segment.key: segment for segments in mine.add.values() for segment in segments}
    condemns = frozenset(mine.condemn)
    since = [entry for entry in entries if entry.version > attempt.view.version]
    for entry in since:
        if gone := sorted(needs & _pairs(entry.remove)):
            raise _conflict(f"version {entry.version} ({entry.operation}) removed {_names(gone)}", entry.version, gone)
        if gone := sorted(removes & _pairs(entry.relies)):
            raise _conflict(
                f"version {entry.version} ({entry.operation}) relies on {_names(gone)}", entry.version, gone
            )
        if gone := [(s.table, s.name) for added in entry.add.values() for s in added if s.key in condemns]:
            raise _conflict(f"version {entry.version} ({entry.operation}) added {_names(gone)}", entry.version, gone)
    for entry in entries:
        lost = [adds[key] for key in entry.condemn if key in adds and adds[key].seen < entry.version]
        if gone := [(segment.table, segment.name) for segment in lost]:
            raise _conflict(
                f"version {entry.version} ({entry.operation}) condemned {_names(gone)}", entry.version, gone
            )
    if attempt.check is not None and since:
        attempt.check(since, current)


def _conflict(what: str, version: int, segments: Sequence[tuple[str, str]]) -> Conflict:
    return Conflict(f"{what}: look at the archive again and decide anew", version=version, segments=tuple(segments))


def _pairs(names: Mapping[str, Sequence[str]]) -> frozenset[tuple[str, str]]:
    return frozenset((table, name) for table, found in names.items() for name in found)


def _names(pairs: Sequence[tuple[str, str]]) -> str:
    more = f" and {len(pairs) - 1} more" if len(pairs) > 1 else ""
    return f"segment {pairs[0][1]} of {pairs[0][0]}{more}"


def _check_there(store: ObjectStore, current: State) -> None:
    """A folder may be moved away, or its disk not mounted any more: nobody would find what is written where it was."""
    key = entry_key(current.version) if current.version else HEADER
    place = store.path(key)
    if place is not None and not place.exists():
        what = f"{key} is not in {store.url} any more: it was moved away, or its disk is not mounted"
        raise StorageFailed(what, key=key, backend=store.url)


def _between(store: ObjectStore, first: int, last: int) -> list[Entry]:
    """The entries after version ``first``, up to ``last``."""
    found: list[Entry] = []
    for version in range(first + 1, last + 1):
        entry = read_entry(store, version)
        if entry is None:
            raise LogDamaged(f"{entry_key(version)} is missing", key=entry_key(version), version=version)
        found.append(entry)
    return found


def _create(store: ObjectStore, entry: Entry, data: bytes, sleep: Callable[[float], object]) -> bool:
    """Whether this entry became the next one of the log; when the answer was lost, by asking."""
    doubt: HolotypeError = StorageFailed(
        f"{entry.key} can neither be created nor read", key=entry.key, backend=store.url
    )
    for pause in (*_PAUSES, None):
        try:
            if store.create(entry.key, data):
                return True
        except HolotypeError as error:
            doubt = error
        # A refusal is no proof either: a backend that repeats a request whose answer was lost is refused by its own
        # success.
        there = read_entry(store, entry.version)
        if there is not None:
            return there.write_id == entry.write_id
        # The request may still be on its way; asking again with the same bytes settles which of the two arrives.
        if pause is None or not isinstance(doubt, TransientError) or isinstance(doubt, StorageFull):
            break
        sleep(pause)
    raise doubt
