"""Telling an archive of an activity: from what was seen of files to records, committed.

    what was seen ─▶ sight: which versions of which files          once, for files go on changing
                  ─▶ tell: what they are called, by the graph      again, when others said something of them meanwhile
                  ─▶ keep: one commit

Two who make the same bytes at one path at one moment made two entities: the second to commit is told of the first, and
tells anew.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pyarrow.compute as pc

from holotype.catalog import Conflict, HolotypeError, ObjectMissing, SourceNotFound, SourceProblem, dicts, plain
from holotype.catalog import provenance as prov

from ..capturing.redacting import Redactor
from ..capturing.seen import Status
from ..records.kept import Change
from ..records.references import check_name
from .account import Account, file_of, status_word
from .places import Places
from .versions import Versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from holotype.catalog import Entry, State

    from ..capturing.seen import Seen
    from ..context import Context
    from .versions import Version

__all__ = ["Scene", "Sighting", "Touched", "keep", "kept", "named_output", "sight", "status_of", "tell_files"]

# Each that is lost means that somebody else said something of the same, or that a collection took away what was read.
_TRIES = 64


@dataclass(frozen=True)
class Scene:
    """Where an activity takes place: what the archive knows when it begins, and which folder belongs to whom."""

    context: Context
    state: State
    places: Places
    redactor: Redactor

    @classmethod
    def of(
        cls, context: Context, *, dataset: str | None = None, source: str | None = None, here: str | None = None
    ) -> Scene:
        """The scene as it is now.  ``dataset``: one that is worked on.  ``source``: where it lies; by default where it
        was last backed up from, and if it never was, ``here``.  Raises ``InvalidName``, or what the store raises.
        """
        if dataset is not None:
            check_name(dataset)
        state = context.catalog.refresh()
        places = Places.of(context, state=state)
        if dataset is not None and (source is not None or dataset not in places.sources):
            places = Places.of(context, state=state, declared={dataset: source or here or os.getcwd()})
        return cls(context, state, places, Redactor(dict(places.sources)))

    def versions(self) -> Versions:
        """The versions of files here."""
        return Versions(self.context, self.places, state=self.state)

    def around(self, folder: str, *, dataset: str | None = None) -> tuple[str | None, str | None]:
        """The dataset that is worked on, by default the one that ``folder`` lies in, and where it lies; if any."""
        if dataset is None:
            place = self.places.find(os.path.join(os.path.realpath(folder), os.curdir))
            dataset = place.dataset if place is not None else None
        return dataset, self.places.sources.get(dataset) if dataset is not None else None

    @property
    def own(self) -> str | None:
        """The archive's own folder, if it is one: what happens there is no activity's doing."""
        path = self.context.store.path("archive.json")
        return None if path is None else os.path.realpath(path.parent)


@dataclass(frozen=True)
class Sighting:
    """A file that an activity touched, with the versions of it: ``before``, which it used or removed, and ``now``,
    which it made.
    """

    seen: Seen
    before: Version | None
    now: Version | None


@dataclass
class Touched:
    """The entities that an activity used and made: by the real paths of files."""

    used: dict[str, str] = field(default_factory=dict[str, str])
    generated: dict[str, str] = field(default_factory=dict[str, str])
    removed: dict[str, str] = field(default_factory=dict[str, str])


def sight(
    scene: Scene, seen: Iterable[Seen], notes: list[str], *, digests: Mapping[str, bytes] | None = None
) -> tuple[Sighting, ...]:
    """Which versions of files were seen; what there is to say of them besides goes to ``notes``.

    ``digests``: of files, by path, as they were before the activity changed them.  A file that cannot be read any more
    was there, without its content, and is noted.
    """
    versions, known, own = scene.versions(), dict(digests or {}), scene.own
    found: list[Sighting] = []
    for each in seen:
        if own is not None and (each.path + os.sep).startswith(own + os.sep):
            continue
        before = _before(versions, each, known.get(each.path), notes)
        now = _now(versions, each, notes) if each.written and each.after is not None else None
        found.append(Sighting(each, before, now))
    return tuple(found)


def tell_files(
    account: Account, scene: Scene, graph: prov.Graph, sightings: Iterable[Sighting], *, ended: datetime
) -> Touched:
    """Say of every file what the activity did with it."""
    found = Touched()
    for sighting in sightings:
        each, before, now = sighting.seen, sighting.before, sighting.now
        old = None
        if before is not None:
            if before.sha256 is None and each.before is not None:
                before = _recorded(scene, graph, before, each.before)
            old = _latest(scene, graph, file_of(before))
            account.file(before, again=old)
        if old is not None and (each.read or each.executed):
            account.used(old, role="script" if each.executed and each.read else "input")
            found.used[each.path] = old
        if now is not None:
            usual = file_of(now)
            fresh = usual if not _taken(graph, usual, found) else _again(usual, account)
            account.file(now, again=fresh)
            account.generated(fresh, role="output", time=ended, status=each.after)
            found.generated[each.path] = fresh
            if old is not None and old != fresh and each.read:  # else nothing of it is left
                account.revised(fresh, old)
        if each.removed and old is not None:
            account.invalidated(old, time=ended if _made_before(scene, graph, old, ended) else None)
            found.removed[each.path] = old
    return found


def named_output(account: Account, scene: Scene, graph: prov.Graph, id: str) -> str:
    """What an entity that somebody names is called as what the activity made: a file version that another one made
    already is the same bytes again.  Of what others gave names to nothing is known but these.
    """
    if prov.file_version(id) is None:
        return id
    told = dicts(prov.relations(scene.context.catalog, prov.keys([id]), state=graph.state))
    return _again(id, account) if any(row["term"] == "wasGeneratedBy" for row in told) else id


def _again(id: str, account: Account) -> str:
    """The name of a file version that was made once more, by this activity."""
    return f"{id.partition('#')[0]}#{account.id.rpartition(':')[2]}"


def _before(versions: Versions, each: Seen, digest: bytes | None, notes: list[str]) -> Version | None:
    """The version that was used, or removed; nothing is said of one that was only written over."""
    if not (each.read or each.executed or each.removed):
        return None
    if each.before is not None and (each.written or each.removed):
        return versions.earlier(each.path, each.before, digest=digest)
    if each.written:
        return None
    if each.before is not None and each.after is not None and each.before != each.after:
        notes.append(f"{os.path.basename(each.path)} was changed by somebody else meanwhile")
        return versions.earlier(each.path, each.before, digest=digest)
    return _now(versions, each, notes)


def _recorded(scene: Scene, graph: prov.Graph, version: Version, status: Status) -> Version:
    """The same version with its digest, if it is known as what an earlier activity made."""
    place = version.place
    if place is None:
        return version
    catalog = scene.context.catalog
    here = (pc.field("dataset") == place.dataset) & (pc.field("path") == place.path)
    rows = catalog.read("prov_elements", columns=["key", "sha256"], filter=here, state=graph.state)
    digests = dict(zip(rows["key"].to_pylist(), rows["sha256"].to_pylist(), strict=True))
    told = prov.relations(catalog, plain(rows["key"]), state=graph.state) if rows.num_rows else rows
    for row in dicts(told):
        if row.get("term") == "wasGeneratedBy" and status_word(status) in (row["attributes"] or ""):
            return replace(version, sha256=digests[row["subject"]])
    return version


def _now(versions: Versions, each: Seen, notes: list[str]) -> Version | None:
    try:
        return versions.now(each.path)
    except (SourceNotFound, SourceProblem) as error:
        notes.append(error.message)
        return None


def _taken(graph: prov.Graph, id: str, found: Touched) -> bool:
    """Whether an entity is known already: then it is not made now, for what is made was not there before."""
    return id in found.used.values() or id in found.generated.values() or bool(graph.known([id])[0])


def _latest(scene: Scene, graph: prov.Graph, id: str) -> str:
    """Of the entities with these bytes at this path, the one that was made last."""
    if not graph.known([id])[0]:
        return id
    version = prov.file_version(id)
    if version is None:
        return id
    # All files with these bytes.
    content = prov.content_id(version.sha256)
    others = graph.neighbours(content, "specializationOf", past=False)
    made = [each for each in others if each == id or each.startswith(f"{id}#")]
    if len(made) < 2:
        return id
    told = dicts(prov.relations(scene.context.catalog, prov.keys(made), state=graph.state))
    times: dict[int, datetime] = {row["subject"]: row["recorded"] for row in told if row["term"] == "wasGeneratedBy"}
    created = scene.context.catalog.created
    return max(made, key=lambda each: times.get(prov.key(each), created))


def _made_before(scene: Scene, graph: prov.Graph, id: str, time: datetime) -> bool:
    """Whether an entity was made before this time, as far as that was told: whoever made it may have another clock."""
    told = dicts(prov.relations(scene.context.catalog, prov.keys([id]), state=graph.state))
    times = [row["time"] for row in told if row["term"] == "wasGeneratedBy" and row["time"] is not None]
    return all(made <= time for made in times)


def keep(
    context: Context,
    tell: Callable[[prov.Graph], prov.Document],
    *,
    operation: str,
    message: str,
    beside: Callable[[State], Change] | None = None,
) -> None:
    """Keep what ``tell`` says with a look at the graph, in one commit; told anew from a new look, when others said
    something of the same things meanwhile, or a collection took away what was looked at.  ``beside``: what else is to
    be written in that commit.

    Raises ``ProvenanceRefused``, ``ArchiveReadOnly``, ``Conflict`` after losing to others again and again, or what the
    store raises.
    """
    catalog, author = context.catalog, context.author
    for left in reversed(range(_TRIES)):
        state = catalog.refresh()
        try:
            document = tell(prov.Graph(catalog, state=state))
            told = prov.record(catalog, document, recorded=context.clock(), author=author, state=state)
            change = beside(state) if beside is not None else Change()
            if told.segments or change.add:
                catalog.commit(
                    add=(*told.segments, *change.add),
                    remove=change.remove,
                    operation=operation,
                    message=message,
                    author=author,
                    view=state,
                    check=_all_of(told.check, change.check),
                )
        except Conflict:
            if not left:
                raise
        except ObjectMissing:
            if not left or catalog.refresh().version == state.version:
                raise
        else:
            return


def _all_of(*checks: Callable[[Sequence[Entry], State], None]) -> Callable[[Sequence[Entry], State], None]:
    def check(since: Sequence[Entry], present: State) -> None:
        for each in checks:
            each(since, present)

    return check


def kept(error: BaseException, redactor: Redactor) -> str:
    """An error in words that may be kept."""
    text = error.message if isinstance(error, HolotypeError) else str(error)
    return redactor.text(f"{type(error).__name__}: {text}")[:500]


def status_of(path: str) -> Status | None:
    """A file's status, if it is there."""
    try:
        return Status.of(os.stat(path))
    except OSError:
        return None
