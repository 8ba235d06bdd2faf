"""The world that actors meet in: folders to be kept, an archive with something for everybody to do, and its storage.

Folders hold the same twenty files, one more of them changed in each than in the folder before; what did not change is
the same file, by a hard link, so that a backup finds it unchanged.

snapshot        made of     state
cells@1         0           forgotten
cells@2         1           live
genes@1         27          live
genes@2         29          forgotten: what only it has is on the way out, and may be wanted again

Of some runs people also record how files came about; these begin with an archive in which two activities are told of
already: one made file 05 of cells from file 03, the next file 07 from file 05.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from holotype.catalog import Catalog, Header, State
from holotype.lake import Archive
from holotype.lake.context import Context
from holotype.lake.schema import TABLES

from ..archive.trees import SMALL, fill
from ..making import Clock
from ..retention.interleaving import SharedStore
from ..surroundings import plain_surroundings
from .storage import Connection, Storage
from .witness import Witness

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from holotype.catalog import Entry, ObjectStore

    from .scheduler import Scheduler

__all__ = ["FOLDERS", "Stage", "World"]

# Later than any file on a disk: what was kept once counts as unchanged from then on.
_BEGIN = datetime(2100, 1, 1, tzinfo=UTC)
_FILES = 20
FOLDERS = (1, 2, 9, 14, 29, 34, 60)
"""The folders to be kept: two that were kept before, others of files that are known, from either dataset or both, and
of new ones; nothing in the last is known."""
_KEPT = (("cells", 0), ("cells", 1), ("genes", 27), ("genes", 29))

Tree = dict[str, bytes | None]


def _content(file: int, version: int) -> bytes:
    noise = random.Random(version * 100 + file)
    if file == _FILES - 1:
        return noise.randbytes(3000)  # of several chunks
    return f"{file} {version};".encode() * 8 if file % 2 else noise.randbytes(50 + file)


class Acknowledged(Catalog):
    """A catalog that remembers which commits it confirmed."""

    confirmed: list[Entry]

    def commit(self, **given: Any) -> Entry:
        entry = super().commit(**given)
        self.confirmed.append(entry)
        return entry


@dataclass(frozen=True)
class Stage:
    """Folders on a disk, and the objects of an archive that every run begins with; made once.

    ``told``: the objects of the same archive, in which activities are recorded.
    """

    folder: Path
    objects: Mapping[str, bytes]
    told: Mapping[str, bytes]
    trees: Mapping[str, Tree]

    @classmethod
    def build(cls, folder: Path) -> Stage:
        """Make them in an empty folder."""
        for number in {*FOLDERS, *(number for _, number in _KEPT)}:
            _make_folder(folder, number)
        store = SharedStore()
        clock, chance = Clock(_BEGIN - timedelta(days=9)), random.Random(1)
        catalog = Catalog.create(
            store, tables=TABLES, settings={"chunking": SMALL}, clock=clock, entropy=chance.randbytes
        )
        archive = Archive(Context(store, catalog, "ada@lab", clock, chance.randbytes))
        stage = cls(folder, store.objects, {}, {})
        trees: dict[str, Tree] = {}
        for dataset, number in _KEPT:
            message = f"{dataset} of {number}"
            archive.backup(stage.source(number), dataset=dataset, message=message, workers=0)
            trees[message] = stage.tree(number)
        archive.forget("cells@1", "genes@2")
        told = SharedStore(store.objects)
        catalog = Catalog.open(told, tables=TABLES, clock=clock, entropy=chance.randbytes)
        archive = Archive(Context(told, catalog, "ada@lab", clock, chance.randbytes))
        with plain_surroundings():
            for used, made in (("03", "05"), ("05", "07")):
                with archive.activity(
                    f"make {made}", dataset="cells", source=stage.source(1), listen=False
                ) as activity:
                    activity.used(stage.source(1) / used)
                    activity.generated(stage.source(1) / made)
        return cls(folder, store.objects, told.objects, trees)

    @property
    def telling(self) -> Stage:
        """The same with the archive in which activities are recorded."""
        return replace(self, objects=self.told)

    def source(self, number: int) -> Path:
        """One of the folders."""
        return self.folder / f"{number}"

    def tree(self, number: int) -> Tree:
        """What is in it."""
        return {"": None, **{f"{file:02}": _content(file, _version(file, number)) for file in range(_FILES)}}


def _version(file: int, number: int) -> int:
    return (number + file) // _FILES


def _make_folder(folder: Path, number: int) -> None:
    here = fill(folder / f"{number}", {})
    for file in range(_FILES):
        version = _version(file, number)
        pool = folder / f"{file}.{version}"
        if not pool.exists():
            pool.write_bytes(_content(file, version))
            os.utime(pool, ns=(version * 10**9, version * 10**9))
        (here / f"{file:02}").hardlink_to(pool)
    os.utime(here, ns=(10**9, 10**9))


class World:
    """One run's storage, its witness, and what every actor finds there.

    ``names``: all that is random is drawn from this and an actor's name, so that what one does depends on what it sees
    and on nothing else.  ``patient``: connections try again what passes.  ``distant``: the storage is far away.
    """

    def __init__(
        self,
        stage: Stage,
        scheduler: Scheduler,
        *,
        names: str,
        patient: bool,
        distant: bool = False,
        compact_above: int | None = 64,
    ) -> None:
        self.stage, self.scheduler = stage, scheduler
        self._names, self._patient, self._distant, self._compact_above = names, patient, distant, compact_above
        header = Header.decode(stage.objects["archive.json"])
        self.witness = Witness(dict(stage.objects), State(0, header.hash, {}), stage.trees)
        self.storage = Storage(stage.objects, self.witness)
        self.storage.written = _BEGIN - timedelta(days=9)
        self.confirmed: list[Entry] = []

    def clock(self, *, minutes: float = 1e-6, **ahead: float) -> Clock:
        """An actor's clock, so much ahead of others; so many minutes pass each time it is asked."""
        return Clock(_BEGIN + timedelta(**ahead), step=timedelta(minutes=minutes))

    def connection(self, actor: str, clock: Clock) -> Connection:
        """An actor's way to the storage."""
        return Connection(
            self.storage, actor, self.scheduler, clock=clock, patient=self._patient, distant=self._distant
        )

    def archive(self, actor: str, clock: Clock, store: ObjectStore | None = None) -> Archive:
        """The archive, opened by an actor; without a connection of his own nothing fails, and nothing is compacted by
        the way."""
        compact_above = None if store is None else self._compact_above
        store = store or self.storage
        entropy = random.Random(f"{self._names} {actor}").randbytes
        catalog = Acknowledged.open(
            store,
            tables=TABLES,
            clock=clock,
            entropy=entropy,
            sleep=lambda seconds: None,
            compact_above=compact_above,
        )
        assert isinstance(catalog, Acknowledged)
        catalog.confirmed = self.confirmed
        return Archive(Context(store, catalog, f"{actor}@lab", clock, entropy))
