"""A run into an archive: its results as a snapshot, where they came from, and its records in the archive's tables.

::

    results, logs, order, journal, tables ──▶ a snapshot of the dataset runs/<run>, or of the one that was said
    tasks ─────────────────────────────────▶ activities: from the snapshot's files back to the raw reads
    tables ────────────────────────────────▶ rows of runs, tasks, attempts, … in SQL, beside those of other runs

Each is there whole or not at all, and the rows come with the last of the activities: where they are, so is the rest.
Whoever dies between them, or finds the archive gone, does all of it again, and what is there already stays as it is.
"""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pyarrow.parquet as pq

from holotype.catalog import DatasetNotFound, InvalidOption
from holotype.lake import KeptRows

from ..records.tables import RUN_TABLES
from ..running.durable import settle, settle_folder
from ..running.journal import Journal
from ..running.lock import Lock
from ..running.run import Run
from .facts import run_facts
from .telling import deeds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    import pyarrow as pa

    from holotype.lake import Archive, Snapshot

    from ..running.journal import Event
    from ..workflow import Workflow
    from .facts import RunFacts

__all__ = [
    "Archived",
    "archive_run",
    "archived_event",
    "keep_run",
    "note",
    "path_in",
    "rows_of",
    "snapshots_of",
    "taken_up",
    "write_tables",
]

_RECORDS = ("/order.json", "/journal", "/tables/", "/logs/")
_EVERYTHING = ("/results/",)


@dataclass(frozen=True)
class Archived:
    """What an archive has of a run now.

    ``snapshot``: its name, as ``runs/germline-7@1``.  ``tasks``: how many it was told of for the first time, the run
    itself among them, and attempts that others came after.  ``seconds``: what telling took, and ``storing`` what
    storing the results did; ``processing``: what the run's attempts took together.  ``altered``: paths of results that
    are not what the run's journal says they were, or not there any more.
    """

    run: str
    archive: str
    snapshot: str
    tasks: int
    seconds: float
    storing: float
    processing: float
    altered: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """What telling took of what processing did; 0 where nothing ran."""
        return self.seconds / self.processing if self.processing else 0.0


def archive_run(
    run: Run | str | os.PathLike[str],
    archive: Archive,
    *,
    dataset: str | None = None,
    everything: bool = False,
    workflow: Workflow | None = None,
    clock: Callable[[], float] = time.time,
) -> Archived:
    """Keep a run that is over, or the one in this folder, in an archive; done again, what is missing there.

    ``dataset``: whose next snapshot its results are, by default the one that was said when it was begun, or else
    ``runs/`` and its name; several runs may have one.  ``everything``: the results of all tasks, and not only of those
    steps that make the workflow's outputs.  ``workflow``: it itself, where no document can hold it.

    Raises ``InvalidOption`` where there is no such run, where it is not over, or where the archive has another one of
    its name, ``Conflict`` when somebody has it in hand, what ``run_facts`` raises, or what the archive raises; what was
    kept by then is found there when it is done again.
    """
    if isinstance(run, Run):
        run.write()
        facts = run_facts(run.folder(), workflow=workflow or run.order.workflow)
        found = keep_run(facts, archive, dataset=dataset, everything=everything)
        run.say([archived_event(found, archive, clock())])
        run.write()
        return found
    with taken_up(run) as folder:
        facts = run_facts(folder, workflow=workflow)
        found = keep_run(facts, archive, dataset=dataset, everything=everything)
        note(folder, archived_event(found, archive, clock()))
        return found


def keep_run(facts: RunFacts, archive: Archive, *, dataset: str | None = None, everything: bool = False) -> Archived:
    """The same, for who has the run in hand already, and notes what came of it himself."""
    if not facts.over:
        raise InvalidOption(f"{facts.name} is not over: its records follow when it is", option="run")
    name = dataset or facts.dataset
    rows = rows_of(facts, dataset=name)
    began = time.perf_counter()
    _refuse_another(archive, facts)
    snapshot = _snapshot(facts, archive, name, everything=everything)
    stored = time.perf_counter()
    new = archive.record_activities(
        deeds_of(facts), dataset=name, source=facts.folder, rows=rows, message=f"the tasks of {facts.name}"
    )
    told = time.perf_counter()
    return Archived(
        run=facts.name,
        archive=archive.id,
        snapshot=snapshot.name,
        tasks=new,
        seconds=told - stored,
        storing=stored - began,
        processing=facts.processing,
        altered=_altered(facts, archive, snapshot, everything=everything),
    )


def rows_of(facts: RunFacts, *, dataset: str) -> KeptRows:
    """The tables of a run, as an archive keeps them."""
    tables = {table: facts.tables[table.name] for table in RUN_TABLES}
    return KeptRows(
        tables=tables,
        key="run",
        about=facts.name,
        identity=facts.identity,
        version=facts.version,
        dataset=dataset,
    )


def archived_event(found: Archived, archive: Archive, now: float) -> Event:
    """What the run's journal says of it."""
    return {
        "what": "archived",
        "time": now,
        "archive": archive.id,
        "url": archive.url,
        "snapshot": found.snapshot,
        "tasks": found.tasks,
        "seconds": round(found.seconds, 6),
        "storing": round(found.storing, 6),
        "share": round(found.share, 9),
        "altered": list(found.altered),
    }


def _refuse_another(archive: Archive, facts: RunFacts) -> None:
    """Raise ``InvalidOption`` before anything is kept, where the name is another run's."""
    kept = pl.DataFrame(archive.read("kept_rows")).filter((pl.col("about") == facts.name) & (pl.col("key") == "run"))
    if kept.height and kept["identity"][-1] != facts.identity:
        what = "another run of its name is in this archive already: runs are known there by their names"
        raise InvalidOption(f"{facts.name}: {what}", option="run", run=facts.name)


def _snapshot(facts: RunFacts, archive: Archive, dataset: str, *, everything: bool) -> Snapshot:
    """The snapshot of its results, as it stands: the one that was made of the same, or a new one."""
    message = f"{_named(facts.name)}{facts.row['state']}, as of {facts.version}{' with all results' * everything}"
    every = snapshots_of(archive, dataset, facts.name)
    there = every.filter(pl.col("message") == message)
    if facts.progress.cleared:  # here is nothing any more that another one could be made of
        if not every.height:
            what = f"was cleared: {facts.progress.cleared} alone had what it made, and is not in this archive"
            raise InvalidOption(f"{facts.name} {what}", option="run")
        there = there if there.height else every
    if there.height:
        return archive.snapshot(f"{dataset}@{there['number'][-1]}")
    write_tables(facts.tables, facts.folder / "tables")
    wanted = _EVERYTHING if everything else facts.outputs()
    return archive.backup(facts.folder, dataset=dataset, message=message, include=(*_RECORDS, *wanted))


def snapshots_of(archive: Archive, dataset: str, run: str) -> pl.DataFrame:
    """Which live snapshots of a dataset are of a run, the oldest first; there may be those of others among them."""
    try:
        every = archive.snapshots(dataset)
    except DatasetNotFound:
        return pl.DataFrame(schema={"number": pl.Int64(), "message": pl.String()})
    return every.filter(pl.col("message").str.starts_with(_named(run))).sort("number")


def _named(run: str) -> str:
    """How the message of its snapshots begins; no name of a run has a comma."""
    return f"the run {run}, "


def write_tables(tables: Mapping[str, pa.Table], folder: Path) -> None:
    """Tables as Parquet files, each whole or not there."""
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        new, path = folder / f".{name}.new", folder / f"{name}.parquet"
        pq.write_table(rows, new, compression="zstd")
        settle(new)
        new.replace(path)
    settle_folder(folder)


def _altered(facts: RunFacts, archive: Archive, snapshot: Snapshot, *, everything: bool) -> tuple[str, ...]:
    """The results in a snapshot that are not what its journal says that they were; and those that are gone, unless they
    were cleared away and nobody asks for them.
    """
    made = pl.DataFrame(facts.tables["task_files"]).filter(pl.col("direction") == "made")
    inside = made.select(
        pl.col("path").map_elements(lambda path: path_in(path, facts.folder), return_dtype=pl.String), "digest"
    ).drop_nulls()
    kept = archive.files(snapshot.name).filter(pl.col("sha256").is_not_null()).select("path", "sha256")
    both = inside.join(kept, on="path", how="left")
    other = both.filter(pl.col("sha256").is_not_null() & (pl.col("sha256") != pl.col("digest")))
    cleared = facts.progress.cleared is not None and not everything
    lacking = () if cleared else both.filter(pl.col("sha256").is_null())["path"]
    gone = [path for path in lacking if not (facts.folder / path).exists()]
    return tuple(sorted({*other["path"], *gone}))


@contextmanager
def taken_up(run: str | os.PathLike[str]) -> Generator[Path]:
    """The folder of a run that nobody else has in hand meanwhile.

    Raises ``InvalidOption`` where there is no run, and ``Conflict`` when somebody has it in hand.
    """
    folder = Path(run).resolve()
    if not (folder / "order.json").exists():
        raise InvalidOption(f"there is no run in {folder}", option="run")
    lock = Lock(folder / "lock")
    try:
        yield folder
    finally:
        lock.release()


def path_in(path: str, folder: Path) -> str | None:
    """The path of a file within a run's folder; nothing for one that lies elsewhere."""
    real = os.path.realpath(path)
    inside = os.path.relpath(real, folder)
    return None if inside.startswith(os.pardir) else inside.replace(os.sep, "/")


def note(folder: Path, event: Event) -> None:
    """Add to the journal of a run that nobody has in hand."""
    journal = Journal(folder / "journal")
    try:
        for _ in journal.events():
            pass  # what was cut off is taken away before anything is added
        journal.write([event])
    finally:
        journal.close()
