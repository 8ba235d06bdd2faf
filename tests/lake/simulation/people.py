"""Who acts upon an archive, and what each may expect: the real verbs, one after the other, in one thread.

Every verb either does what it says, and then the witness has seen it, or raises something that its user can make
sense of.  What is judged here is told to ``World.witness.broken``.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from holotype.catalog import (
    Conflict,
    DatasetNotFound,
    ObjectMissing,
    SnapshotNotFound,
    StorageFailed,
)
from holotype.lake.executing import Inline

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta
    from pathlib import Path

    from holotype.lake import Archive

    from ..making import Clock
    from .storage import Connection
    from .world import World

    Deed = Callable[["Person"], object]

__all__ = ["Person", "collects", "compacts", "forgets", "keeps", "looks", "reads", "recovers", "restores", "verifies"]


@dataclass
class Person:
    """Somebody with a clock, a connection and things to do.

    ``hasty``: whether somebody deletes what others may still be reading: then it may be missing.
    """

    name: str
    world: World
    clock: Clock
    deeds: Sequence[Deed]
    scratch: Path
    hasty: bool = False
    count: int = 0

    def __post_init__(self) -> None:
        self.connection: Connection = self.world.connection(self.name, self.clock)
        self._opened: list[Archive] = []

    @property
    def archive(self) -> Archive:
        """The archive, as it was opened."""
        return self._opened[0]

    def open(self) -> None:
        """Open the archive."""
        self._opened.append(self.world.archive(self.name, self.clock, self.connection))

    def open_before(self) -> None:
        """Open the archive before the others come."""
        self.connection.aside = True
        self.open()
        self.connection.aside = False

    def __call__(self) -> None:
        """Open the archive, if that was not done, and do one thing after the other."""
        if not self._opened:
            self._judged(self.open)
        for deed in self.deeds if self._opened else ():
            self._judged(lambda deed=deed: deed(self))  # type: ignore[misc]

    def _judged(self, act: Callable[[], object]) -> None:
        troubles = self.connection.told_wrong
        try:
            act()
        except (Conflict, SnapshotNotFound, DatasetNotFound):
            pass
        except ObjectMissing as error:
            if not self.hasty:
                self.complain(f"something is missing: {error}")
        except StorageFailed as error:
            if self.connection.told_wrong == troubles:
                self.complain(f"an error that nobody made: {error!r}")
        except Exception as error:  # noqa: BLE001 - whatever it is, it should not have come to this
            self.complain(f"an error that makes no sense: {error!r}")

    def complain(self, what: str) -> None:
        """Say that a promise was broken."""
        self.world.witness.broken.append(f"{self.name}: {what}")


def keeps(dataset: str, folder: int) -> Deed:
    """Back up a folder."""

    def deed(person: Person) -> None:
        witness = person.world.witness
        person.count += 1
        message = f"{dataset} of {folder} by {person.name}, {person.count}"
        witness.trees[message] = person.world.stage.tree(folder)
        try:
            made = person.archive.backup(person.world.stage.source(folder), dataset=dataset, message=message, workers=0)
        except (Conflict, ObjectMissing):
            if message in witness.made:
                person.complain(f"{message!r} was committed, and its writer was told that it was not")
            raise
        if witness.made.get(message) != made.id or made.problems:
            person.complain(f"{made.name} was confirmed as {made.id}, and is {witness.made.get(message)}")

    return deed


def forgets(*names: str) -> Deed:
    """Forget snapshots."""

    def deed(person: Person) -> None:
        began = _now(person)
        forgotten = person.archive.forget(*names).forgotten["snapshot"].to_list()
        if not all(_at_some_time(person, began, digest, live=False) for digest in forgotten):
            person.complain(f"{names} were said to be forgotten, and are not")

    return deed


def recovers(*names: str) -> Deed:
    """Take snapshots out of the trash."""

    def deed(person: Person) -> None:
        began = _now(person)
        for snapshot in person.archive.recover(*names):
            if not _at_some_time(person, began, snapshot.id, live=True):
                person.complain(f"{snapshot.name} was said to be recovered, and is not")

    return deed


def collects(dead_after: timedelta, *, repack_below: float = 0) -> Deed:
    """Collect; whoever was silent for ``dead_after`` is taken for dead."""
    return lambda person: person.archive.collect(dead_after=dead_after, repack_below=repack_below)


def compacts() -> Deed:
    """Merge small segments."""
    return lambda person: person.archive.compact()


def verifies(*, full: bool) -> Deed:
    """Verify all."""

    def deed(person: Person) -> None:
        report = person.archive.verify(full=full, executor=Inline())
        if not report.ok and not person.hasty and not person.connection.told_wrong:
            person.complain(f"verify found damage: {report.findings}")

    return deed


def looks() -> Deed:
    """List the snapshots: exactly those of one moment since the question was asked."""

    def deed(person: Person) -> None:
        began = _now(person)
        rows = person.archive.snapshots().select("dataset", "number", "snapshot").iter_rows()
        found = {f"{dataset}@{number}": digest for dataset, number, digest in rows}
        if not any(moment.live == found for moment in person.world.witness.moments[began:]):
            person.complain(f"{sorted(found)} were listed, which were live at no moment")

    return deed


def reads(name: str, paths: Sequence[str]) -> Deed:
    """Read files of a snapshot in place."""

    def deed(person: Person) -> None:
        for path in paths:
            with _found(person, name, lambda path=path: person.archive.open(name, path)) as file:  # type: ignore[misc]
                content = file.read()
            _compare(person, name, {path: content})

    return deed


def restores(name: str) -> Deed:
    """Restore a snapshot."""

    def deed(person: Person) -> None:
        target = person.scratch / person.name
        try:
            found = _found(person, name, lambda: person.archive.restore(name, target, executor=Inline()))
            if found.ok:
                _compare(person, name, {path.name: path.read_bytes() for path in target.iterdir()}, whole=True)
            elif not person.hasty and not person.connection.told_wrong:
                person.complain(f"{name} was restored with problems: {found.problems}")
        finally:
            shutil.rmtree(target, ignore_errors=True)

    return deed


def _now(person: Person) -> int:
    """The place of the present moment."""
    return len(person.world.witness.moments) - 1


def _at_some_time(person: Person, began: int, digest: str, *, live: bool) -> bool:
    moments = person.world.witness.moments[began:]
    return any((digest in moment.live.values()) == live for moment in moments)


def _found(person: Person, name: str, ask: Callable[[], Any]) -> Any:
    """What is asked for of a snapshot, which must be found when it was there all the time."""
    began = _now(person)
    try:
        return ask()
    except (SnapshotNotFound, DatasetNotFound):
        if all(name in moment.live for moment in person.world.witness.moments[began:]):
            person.complain(f"{name} was there all the time, and was not found")
        raise


def _compare(person: Person, name: str, found: dict[str, bytes], *, whole: bool = False) -> None:
    """That files of a snapshot are what its source had."""
    witness = person.world.witness
    # A name is given once, so whatever is called so, now or before, is meant.
    (digest,) = {moment.live[name] for moment in witness.moments if name in moment.live}
    (message,) = (message for message, made in witness.made.items() if made == digest)
    tree = {path: content for path, content in witness.trees[message].items() if content is not None}
    if whole and found.keys() != tree.keys():
        person.complain(f"{name} has {sorted(found)}, and its source had {sorted(tree)}")
    if wrong := [path for path, content in found.items() if tree.get(path) != content]:
        person.complain(f"{name} has other files than its source: {wrong}")
