"""Deeds: activities that others carried out and watched, as they tell of them, and how an archive is told.

What is below the source of a dataset becomes a file of that dataset, as for what the archive watches itself: so what
was read is what a snapshot has, and what was made will be.  Nothing is read: contents are known by their digests.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from holotype.catalog import InvalidOption, plain
from holotype.catalog import provenance as prov

from .account import Account, file_of
from .parameters import kept_parameters
from .versions import Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from .telling import Scene

__all__ = ["Deed", "DeedFile", "deed_id", "tell_deeds", "untold"]

_DIGEST = re.compile(r"[0-9a-f]{64}")
_OUTCOMES = ("completed", "failed", "interrupted", "skipped")


@dataclass(frozen=True, kw_only=True)
class DeedFile:
    """A file that was used or made: its absolute path, SHA-256 in hexadecimal digits, size in bytes where it is known.

    ``role``: what it was to the activity.  ``facts``: what else is to be known of it, as JSON can hold it.  ``grades``:
    what it is marked with.
    """

    path: str | os.PathLike[str]
    sha256: str
    size: int | None = None
    role: str | None = None
    grades: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        if not os.path.isabs(self.path) or not _DIGEST.fullmatch(self.sha256):
            raise InvalidOption(f"a file has an absolute path and its SHA-256, not {self.path} and {self.sha256!r}")


@dataclass(frozen=True, kw_only=True)
class Deed:
    """An activity that is over.

    ``unique``: what tells it from every other one, for ever: told twice, it is there once.  ``kind``: a word.
    ``began`` and ``ended``: with time zones; ``ended`` where it is known.  ``outcome``: ``completed``, ``failed``,
    ``interrupted`` or ``skipped``.  ``person``: who had it done, by default the archive's author.  ``command``: its
    arguments, run in ``folder``.  ``parameters``: by name.  ``programs``: versions, by name.  ``invalidated``:
    files that are not to be used any more because of it.  ``grades``: what its results are marked with, and all that is
    made of them.  ``facts``: what else is to be known.  ``after``: the ``unique`` of others that it hung on, and
    ``within``: of the one that it is part of.  ``here``: whether this process, or others like it, did it: then its
    environment is kept.
    """

    unique: str
    name: str
    began: datetime
    ended: datetime | None = None
    kind: str = "task"
    outcome: str = "completed"
    person: str | None = None
    command: tuple[str, ...] = ()
    folder: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    programs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    used: tuple[DeedFile, ...] = ()
    generated: tuple[DeedFile, ...] = ()
    invalidated: tuple[DeedFile, ...] = ()
    grades: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    after: tuple[str, ...] = ()
    within: str | None = None
    here: bool = False

    def __post_init__(self) -> None:
        if not self.unique or not self.name:
            raise InvalidOption("an activity has a name, and something that tells it from others", option="unique")
        if self.outcome not in _OUTCOMES:
            what = f"an activity is {', '.join(_OUTCOMES)}, not {self.outcome!r}"
            raise InvalidOption(what, option="outcome")
        if self.began.tzinfo is None or (self.ended is not None and self.ended.tzinfo is None):
            raise InvalidOption(f"{self.name}: times have a zone", option="began")


def deed_id(unique: str) -> str:
    """The identifier of the activity that is told from others so."""
    return prov.activity_id(hashlib.sha256(unique.encode(errors="surrogateescape")).digest()[:16])


def untold(scene: Scene, deeds: Sequence[Deed], *, graph: prov.Graph) -> list[Deed]:
    """Those of ``deeds`` that the archive was not told of."""
    ids = {deed_id(each.unique): each for each in deeds}
    there = graph.known(list(ids)).tolist() if ids else []
    mentioned = [id for id, known in zip(ids, there, strict=True) if known]
    rows = prov.elements(scene.context.catalog, prov.keys(mentioned), state=graph.state) if mentioned else None
    told = set[str](rows["id"].to_pylist()) if rows is not None else set[str]()
    return [deed for id, deed in ids.items() if id not in told]


def tell_deeds(scene: Scene, graph: prov.Graph, deeds: Iterable[Deed]) -> prov.Document:
    """All that ``deeds`` say, as one document; each is said, whether it was before or not (``untold``)."""
    every = list(deeds)
    files = _Files(scene, graph, every)
    account = Account("")
    for deed in every:
        account.id = deed_id(deed.unique)
        _tell(account, scene, graph, deed, files)
    account.add(files.account)
    return account.document()


def _tell(account: Account, scene: Scene, graph: prov.Graph, deed: Deed, files: _Files) -> None:
    redactor = scene.redactor
    plan = None
    if deed.command:
        arguments = redactor.arguments(list(deed.command))
        plan = account.command(
            arguments, cwd=redactor.path(deed.folder) if deed.folder else "", variables={}, streams={}
        )
    person = account.person(deed.person or scene.context.author, plan=plan)
    for name, version in deed.programs.items():
        account.software(name, version, person=person)
    account.given(kept_parameters(deed.parameters, redactor))
    for each in deed.used:
        account.used(files.id(each), role=each.role)
    for each in deed.generated:
        account.generated(files.id(each), role=each.role, time=deed.ended)
    for each in deed.invalidated:
        account.invalidated(files.id(each))
    for grade in deed.grades:
        account.graded(grade)
    for other in deed.after:
        account.informed_by(deed_id(other))
    if deed.within is not None:
        account.started_by(deed_id(deed.within))
    if deed.here:
        from ..capturing.environment import environment  # asking this process what it is takes its time

        account.environment(environment(redactor=redactor), graph)
    account.activity(
        deed.name, kind=deed.kind, began=deed.began, ended=deed.ended, outcome=deed.outcome, facts=_kept(deed, redactor)
    )


def _kept(deed: Deed, redactor: Any) -> dict[str, object]:
    grades = {"grades": sorted(deed.grades)} if deed.grades else {}
    return {**kept_parameters(deed.facts, redactor), **grades}


class _Files:
    """The entities that some deeds used and made: each is said once, with all that is known of it."""

    def __init__(self, scene: Scene, graph: prov.Graph, deeds: Sequence[Deed]) -> None:
        self._scene = scene
        self.account = Account("")
        self._ids: dict[tuple[str, str], str] = {}
        facts: dict[str, dict[str, object]] = {}
        versions: dict[str, Version] = {}
        sized = set[str]()
        made: dict[str, tuple[str, DeedFile]] = {}
        for deed in deeds:
            for each in (*deed.used, *deed.generated, *deed.invalidated):
                version = self._version(each)
                id = self._ids[os.fspath(each.path), each.sha256] = file_of(version)
                if each.size is not None or id not in versions:
                    versions[id] = version
                sized |= set[str]() if each.size is None else {id}
                grades = {"grades": sorted(each.grades)} if each.grades else {}
                facts[id] = {**facts.get(id, {}), **kept_parameters(each.facts, scene.redactor), **grades}
            made |= {self.id(each): (deed.unique, each) for each in deed.generated}
        for id in _made_before(scene, graph, list(made)):
            # The same bytes at the same place once more: another entity, which has the same content.
            unique, each = made[id]
            again = f"{id}#{deed_id(unique).rpartition(':')[2]}"
            self._ids[os.fspath(each.path), each.sha256] = again
            versions[again], facts[again] = versions.pop(id), facts.pop(id)
            sized |= {again} if id in sized else set()
        for id, version in versions.items():
            self.account.file(version, again=id, facts=facts[id], sized=id in sized)

    def id(self, file: DeedFile) -> str:
        return self._ids[os.fspath(file.path), file.sha256]

    def _version(self, file: DeedFile) -> Version:
        path = os.fspath(file.path)
        return Version(path, self._scene.places.find(path), file.size or 0, bytes.fromhex(file.sha256), 0)


def _made_before(scene: Scene, graph: prov.Graph, ids: list[str]) -> list[str]:
    """Those of some files that another activity made, or used, before they were made now."""
    there = graph.known(ids).tolist() if ids else []
    known = [id for id, is_known in zip(ids, there, strict=True) if is_known]
    if not known:
        return []
    rows = prov.relations(scene.context.catalog, prov.keys(known), state=graph.state)
    terms, subjects = rows["term"].to_pylist(), plain(rows["subject"]).tolist()
    made = {subject for term, subject in zip(terms, subjects, strict=True) if term == "wasGeneratedBy"}
    return [id for id in known if prov.key(id) in made or graph.neighbours(id, "used", past=False)]
