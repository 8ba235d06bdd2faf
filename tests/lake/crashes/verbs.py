"""Every verb of an archive, each with what it may change and how one sees that it was done."""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from holotype.catalog import Catalog, SnapshotNotFound
from holotype.lake.executing import Inline
from holotype.lake.schema import TABLES
from holotype.validators import Column, TableSchema

from ..archive.trees import look
from ..retention.interleaving import SharedStore
from . import judging, telling, tracing
from .laboratory import ARRAY, LATER_ARRAY, LATER_ROWS, ROWS, create, open_archive
from .promise import Broken, alike, check_history, live

if TYPE_CHECKING:
    from collections.abc import Callable

    from holotype.lake import Archive

    from .laboratory import Bench

__all__ = ["VERBS", "Verb"]


@dataclass(frozen=True)
class Verb:
    """One verb.

    ``act``: do it; false when what it gives says that not all was done; raises ``Broken`` when that is wrong.
    ``changes``: names of snapshots that may come or go by it, done once or twice.  ``done``: whether one sees that it
    was done.  ``opened``: whether the archive is open before it begins.  ``empty``: whether there is none yet.
    """

    name: str
    act: Callable[[Bench], object]
    changes: frozenset[str] = frozenset()
    done: Callable[[Bench], bool] = lambda bench: True
    opened: bool = True
    empty: bool = False


def _writes(
    name: str,
    dataset: str,
    number: int,
    act: Callable[[Bench], object],
    also: Callable[[Archive], bool] = lambda archive: True,
) -> Verb:
    """A verb that makes the snapshot of this number, and the next one when it is done again; ``also``: what else one
    sees then.
    """
    made = f"{dataset}@{number}"
    changes = frozenset({made, f"{dataset}@{number + 1}"})
    return Verb(name, act, changes, lambda bench: made in live(bench.archive) and also(bench.archive))


def _backs_up(bench: Bench, name: str) -> None:
    # Without threads of its own a backup makes the same calls in the same order each time.
    bench.archive.backup(bench.source(name), dataset=name, workers=0)


def _backs_up_by_workers(bench: Bench) -> None:
    bench.archive.backup(bench.source("new"), dataset="new", executor=Inline())


def _elsewhere(bench: Bench) -> Archive:
    return open_archive(SharedStore(bench.laboratory.elsewhere), bench.clock)


def _is_brought(bench: Bench) -> None:
    _elsewhere(bench).sync(bench.archive, executor=Inline())


def _brought(bench: Bench) -> bool:
    if "new@1" not in live(bench.archive) or bench.archive.search(tags=["from elsewhere"]).is_empty():
        return False
    return {"found here", "found elsewhere"} <= {
        row["label"] for row in bench.archive.read("prov_elements").to_pylist()
    }


def _brings(bench: Bench) -> None:
    other = create(SharedStore(), bench.clock)
    bench.archive.sync(other, executor=Inline())
    if not open_archive(SharedStore(bench.laboratory.objects), bench.clock).compare(other, full=True, workers=1).equal:
        raise Broken("what was brought is not what there was")
    check_history(other, must=bench.laboratory.told)


def _annotates(bench: Bench) -> None:
    bench.archive.annotate("same@1", {"checked": True}, tags=["sound"])


def _declares(bench: Bench) -> None:
    made = bench.archive.declare_schema("rows", TableSchema("rows", (Column("sample", "string"), Column("mass"))))
    if (made.version, made.since) != (1, 2):
        raise Broken("what was declared twice is there twice")


def _forgets(bench: Bench) -> None:
    # Done again after its answer was lost, it finds that it was done.
    with suppress(SnapshotNotFound):
        bench.archive.forget("mixed@2")


def _repacks(bench: Bench) -> bool:
    # A pack that cannot be read whole stays as it is, for repair to look at, and is not among those named.
    return bench.laboratory.sparse <= {*bench.archive.collect(repack_below=1).repacked}


def _recovered(bench: Bench) -> bool:
    return "old@1" in live(bench.archive)


def _collected(bench: Bench) -> bool:
    # Segments that nobody names are no part of it: a collection writes some itself, and leaves them to the next one.
    left = bench.archive.collect(repack_below=0, dry_run=True)
    return bench.archive.trash().is_empty() and not (left.packs or left.segments)


def _repacked(bench: Bench) -> bool:
    return _collected(bench) and not bench.archive.collect(repack_below=1, dry_run=True).repacked


def _compacted(bench: Bench) -> bool:
    return Catalog.open(bench.store, tables=TABLES).compact() is None


def _restores(bench: Bench) -> None:
    target = bench.scratch / "target"
    try:
        result = bench.archive.restore("edits@1", target, workers=1)
        if result.ok and not alike(look(target), bench.laboratory.tree("edits@1")):
            raise Broken("the restore says that all is well, and it is not")
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _reads(bench: Bench) -> None:
    tree = bench.laboratory.tree("edits@1")
    with bench.archive.open("edits@1", "changes") as file:
        if file.read() != tree[b"changes"].content:
            raise Broken("a file reads as it was not written")


def _reads_array(bench: Bench) -> None:
    if not np.array_equal(np.asarray(bench.archive.array("numbers")[20:40]), ARRAY[20:40]):
        raise Broken("an array reads as it was not written")


def _reads_table(bench: Bench) -> None:
    if not bench.archive.table("rows").collect().equals(ROWS):
        raise Broken("a table reads as it was not written")


def _lists(bench: Bench) -> None:
    archive, committed = bench.archive, bench.laboratory.committed
    if live(archive) != committed:
        raise Broken("snapshots are listed that are not the ones that are there")
    if archive.files("edits@1").height != len(bench.laboratory.tree("edits@1")):
        raise Broken("files are listed that are not the ones that are there")
    archive.diff("mixed@2", "same@1")
    archive.history("mixed", "stays")
    archive.usage()


def _queries(bench: Bench) -> None:
    rows = bench.archive.sql("SELECT dataset, count(*) FROM live_snapshots GROUP BY 1").fetchall()
    if sum(count for _, count in rows) != len(bench.laboratory.committed):
        raise Broken("SQL counts other snapshots than there are")


VERBS = (
    Verb("create", lambda bench: create(bench.store, bench.clock), opened=False, empty=True),
    Verb("open", lambda bench: open_archive(bench.store, bench.clock), opened=False),
    _writes("backup, the first", "new", 1, lambda bench: _backs_up(bench, "new")),
    _writes("backup after edits", "edits", 2, lambda bench: _backs_up(bench, "edits"), tracing.is_linked),
    _writes("backup, nothing changed", "same", 2, lambda bench: _backs_up(bench, "same")),
    _writes("backup by workers", "new", 1, _backs_up_by_workers),
    _writes("write_table", "rows", 2, lambda bench: bench.archive.write_table("rows", LATER_ROWS)),
    _writes("write_array", "numbers", 2, lambda bench: bench.archive.write_array("numbers", LATER_ARRAY)),
    Verb("sync, to here", _is_brought, frozenset({"new@1"}), _brought),
    Verb("annotate", _annotates, done=lambda bench: not bench.archive.search(tags=["sound"]).is_empty()),
    Verb("declare_schema", _declares, done=lambda bench: bench.archive.schemas("rows").height == 1),
    Verb("forget", _forgets, frozenset({"mixed@2"}), lambda bench: "mixed@2" not in live(bench.archive)),
    Verb("recover", lambda bench: bench.archive.recover("old@1"), frozenset({"old@1"}), _recovered),
    Verb("collect", lambda bench: bench.archive.collect(repack_below=0), done=_collected),
    Verb("collect and repack", _repacks, done=_repacked),
    Verb("compact", lambda bench: bench.archive.compact(), done=_compacted),
    Verb("activity", tracing.acts, done=tracing.acted),
    Verb("run", tracing.runs, done=tracing.ran),
    Verb("record", tracing.records, done=tracing.is_recorded),
    Verb("record_activities", telling.tells, done=telling.is_told),
    Verb("keep_rows", telling.keeps, done=telling.is_kept),
    Verb("validate", judging.validates, done=judging.is_validated),
    Verb("quarantine", judging.quarantines, done=judging.is_quarantined),
    Verb("release", judging.releases, done=judging.is_out),
    Verb("scrub", judging.scrubs, done=judging.is_scrubbed),
    Verb("verify", lambda bench: bench.archive.verify(workers=1)),
    Verb("sync, from here", _brings),
    Verb("restore", _restores),
    Verb("open a file", _reads),
    Verb("array", _reads_array),
    Verb("table", _reads_table),
    Verb("snapshots, files, diff, …", _lists),
    Verb("sql", _queries),
    Verb("upstream, impact, …", tracing.asks),
)
"""All of them; those that only read come last."""
