"""What every verb is tried on: a few folders, and an archive of them in which every verb has something to do.

folder       in the archive                          since then
same/        same@1                                  as it was
edits/       edits@1                                 edited: files changed, added, renamed, deleted
mixed/       mixed@1, forgotten; mixed@2 has less    as mixed@2: of its pack little is needed
old/         old@1, forgotten                        gone
new/         nothing                                 waits for its first backup
(values)     rows@1, a table; numbers@1, an array

Of some of that it is recorded how it came about: "measure" made edits/moves from edits/shared, and "refine" made
edits/changes when it was edited; "found here" made new/5, which was never kept.  Something of somebody else's is
recorded as well (``FOREIGN``).

Another archive has new@1, some of whose chunks are in this one as well, and knows of another activity that made new/5.
"""

from __future__ import annotations

import os
import random
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from holotype.catalog import Catalog
from holotype.catalog import provenance as prov
from holotype.lake import Archive
from holotype.lake.context import Context
from holotype.lake.schema import TABLES

from ..archive.trees import SMALL, fill, look
from ..making import Clock
from ..recorded import said_of
from ..retention.interleaving import SharedStore
from .promise import live

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from holotype.catalog import ObjectStore

    from ..recorded import Said
    from .promise import Live, Tree

__all__ = ["ARRAY", "FOREIGN", "LATER_ARRAY", "LATER_ROWS", "ROWS", "Bench", "Laboratory", "create", "open_archive"]

ROWS = pl.DataFrame({"sample": [f"s-{n}" for n in range(900)], "mass": [n * 7 % 1000 for n in range(900)]})
LATER_ROWS = pl.concat([ROWS, ROWS.head(9)])
ARRAY = np.arange(3000, dtype="<i4").reshape(100, 30)
LATER_ARRAY = np.concatenate([ARRAY, ARRAY[:7]])

FOREIGN = prov.read_provn(
    """document
    prefix ex <http://example.org/>
    entity(ex:data)
    entity(ex:figure, [prov:label="Figure 1"])
    activity(ex:plot, 2024-05-01T10:00:00Z, 2024-05-01T11:00:00Z)
    used(ex:plot, ex:data, -)
    wasGeneratedBy(ex:figure, ex:plot, 2024-05-01T10:59:00Z)
    wasDerivedFrom(ex:figure, ex:data)
    endDocument"""
)

# The commit with this number writes a checkpoint; the first commits of every verb are to meet it.
_CHECKPOINT = 32


def create(store: ObjectStore, clock: Clock) -> Archive:
    """A new archive with small chunks."""
    catalog = Catalog.create(store, tables=TABLES, settings={"chunking": SMALL}, clock=clock)
    return Archive(Context(store, catalog, "ada@lab", clock))


def open_archive(store: ObjectStore, clock: Clock) -> Archive:
    """An archive as a process that has just begun sees it."""
    return Archive(Context(store, Catalog.open(store, tables=TABLES, clock=clock), "ada@lab", clock))


@dataclass(frozen=True)
class Laboratory:
    """The folders below ``folder``, the objects of the archive, its live snapshots and what they were made of.

    ``told``: what is recorded of how things came about.  ``trees``: by a snapshot's name, or by its dataset's for
    whatever is made of that from now on.  ``sparse``: packs not all of which is needed.  ``elsewhere``: the objects of
    another archive.  ``at``: the time.
    """

    folder: Path
    objects: dict[str, bytes]
    committed: Live
    trees: Mapping[str, Tree]
    sparse: frozenset[str]
    elsewhere: dict[str, bytes]
    at: datetime
    told: frozenset[Said]

    def tree(self, name: str) -> Tree:
        """What the snapshot of this name was made of."""
        return self.trees.get(name) or self.trees[name.partition("@")[0]]

    @classmethod
    def build(cls, folder: Path) -> Laboratory:
        """Make the folders, and the archive."""
        # Ahead of the folders' own times, by more than the step of any clock: they count as unchanged from the first.
        clock = Clock()
        clock.later(hours=1)
        store = SharedStore()
        archive = create(store, clock)
        trees = dict(_folders(archive, folder))
        archive.write_table("rows", ROWS)
        archive.write_array("numbers", ARRAY)
        trees |= _values(folder / "values")
        archive.provenance.record(FOREIGN)
        _tell(archive, "found here", folder / "new", used="2", made="5")
        archive.forget("mixed@1", "old@1", reason="to be collected")
        catalog = Catalog.open(store, tables=TABLES, clock=clock)
        while catalog.state.version < _CHECKPOINT - 2:
            catalog.commit(operation="nothing")
        clock.later(hours=1)
        store.written = clock.at
        sparse = frozenset(archive.collect(repack_below=1, dry_run=True).repacked)
        elsewhere = _elsewhere(folder / "new")
        told = said_of(*(archive.read(table).to_pylist() for table in ("prov_elements", "prov_relations")))
        return cls(folder, store.objects, live(archive), trees, sparse, elsewhere, clock.at, told)


def _folders(archive: Archive, folder: Path) -> dict[str, Tree]:
    """Make the folders, keep them, and change those that change; returns what each snapshot is made of."""
    noise = random.Random(4)
    shared = noise.randbytes(9000)
    same = fill(folder / "same", {"a": b"as it was", "large": shared, "sub/b": noise.randbytes(700), "empty": b""})
    (same / "link").symlink_to("sub/b")
    edits = fill(
        folder / "edits",
        {"changes": noise.randbytes(6000), "goes": b"for a while", "moves": noise.randbytes(900), "shared": shared}
        | {f"sub/{n}.csv": f"{n},".encode() * 200 for n in range(4)},
    )
    os.link(edits / "shared", edits / "sub" / "another name")
    mixed = fill(folder / "mixed", {"stays": noise.randbytes(800), "goes": noise.randbytes(12_000)})
    fill(folder / "old", {"only here": noise.randbytes(7000)})
    new = fill(folder / "new", {f"{n}": noise.randbytes(n * 400) for n in range(8)} | {"known": shared})
    (new / "3").chmod(0o600)
    trees: dict[str, Tree] = {"new": look(new), "same": look(same)}
    for dataset in ("same", "edits", "mixed", "old"):
        archive.backup(folder / dataset, dataset=dataset, workers=0)
        trees[f"{dataset}@1"] = look(folder / dataset)
    _tell(archive, "measure", edits, used="shared", made="moves")
    fill(
        edits, {"changes": noise.randbytes(6500), "sub/new.csv": b"1,2\n3,4\n", "further/below": noise.randbytes(5000)}
    )
    (edits / "goes").unlink()
    (edits / "moves").rename(edits / "sub" / "moved")
    _tell(archive, "refine", edits, used="shared", made="changes")
    (mixed / "goes").unlink()
    archive.backup(mixed, dataset="mixed", workers=0)
    return trees | {"edits": look(edits), "mixed": look(mixed)}


def _tell(archive: Archive, name: str, folder: Path, *, used: str, made: str) -> None:
    """Record an activity that used a file of a dataset's folder and made another."""
    with archive.activity(name, dataset=folder.name, source=folder, listen=False) as activity:
        activity.used(folder / used)
        activity.generated(folder / made)


def _elsewhere(new: Path) -> dict[str, bytes]:
    """Another archive, in which the new folder was kept already."""
    store = SharedStore()
    archive = create(store, Clock())
    archive.backup(new, dataset="new", workers=0)
    archive.annotate("new@1", tags=["from elsewhere"])
    _tell(archive, "found elsewhere", new, used="known", made="5")
    return store.objects


def _values(scratch: Path) -> dict[str, Tree]:
    """What tables and arrays are made of: the same bytes in any archive."""
    archive = create(SharedStore(), Clock())
    for table, array in ((ROWS, ARRAY), (LATER_ROWS, LATER_ARRAY)):
        archive.write_table("rows", table)
        archive.write_array("numbers", array)
    trees: dict[str, Tree] = {}
    for dataset in ("rows", "numbers"):
        for name in (f"{dataset}@1", f"{dataset}@2"):
            archive.restore(name, scratch / name)
            trees[name] = look(scratch / name)
        trees[dataset] = trees[f"{dataset}@2"]
    return trees


@dataclass
class Bench:
    """One try: the laboratory, the store that the verb is to use, its clock, and a folder for what it writes."""

    laboratory: Laboratory
    store: ObjectStore
    clock: Clock
    scratch: Path

    @cached_property
    def archive(self) -> Archive:
        """The archive in the store, opened once."""
        return open_archive(self.store, self.clock)

    def source(self, name: str) -> Path:
        """A folder of the laboratory."""
        return self.laboratory.folder / name
