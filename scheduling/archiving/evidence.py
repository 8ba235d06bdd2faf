"""What there is to show of a run: from its own folder, or from an archive that has it, where the folder may be gone.

Either way it is the same: what was ordered, its journal, its tables, its logs, and where its results came from.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from holotype import lake
from holotype.catalog import EntryNotFound, InvalidOption

from ..records.tables import RUN_TABLES
from ..running.run import Run
from .facts import run_facts
from .keeping import snapshots_of
from .telling import deeds_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from holotype.catalog import provenance as prov
    from holotype.lake import Archive

    from ..workflow import Workflow
    from .facts import RunFacts

__all__ = ["Evidence", "evidence_in_archive", "evidence_in_folder"]

_NO_REPORTS = pl.DataFrame()


@dataclass(frozen=True)
class Evidence:
    """What is known of a run.

    ``files``: its order, its journal and its logs: something that opens each, by their paths in the run's folder.
    ``document``: how its results came about.  ``archived``: what its results are called in an archive, and the archive;
    nothing where it is in none.  ``places``: by the SHA-256 of inputs, where an archive has them.  ``reports``: what
    validation found in its snapshot.
    """

    run: str
    tables: Mapping[str, pa.Table]
    files: Mapping[str, Callable[[], Any]]
    document: prov.Document
    archived: Mapping[str, str]
    places: Mapping[str, str]
    reports: pl.DataFrame

    @property
    def row(self) -> dict[str, Any]:
        """Its row in ``runs``."""
        found: dict[str, Any] = self.tables["runs"].to_pylist()[0]
        return found


def evidence_in_folder(run: Run | str | os.PathLike[str], *, workflow: Workflow | None = None) -> Evidence:
    """What the folder of a run has to show.  Raises what ``run_facts`` raises."""
    if isinstance(run, Run):
        run.write()
        workflow, run = workflow or run.order.workflow, run.folder()
    facts = run_facts(run, workflow=workflow)
    if snapshot := facts.progress.cleared:
        raise InvalidOption(f"{facts.name} was cleared away here: ask the archive that has {snapshot}", option="run")
    return Evidence(
        run=facts.name,
        tables=facts.tables,
        files=dict(_files_in(facts.folder)),
        document=_document(facts),
        archived={},
        places={},
        reports=_NO_REPORTS,
    )


def evidence_in_archive(archive: Archive, run: str) -> Evidence:
    """What an archive has to show of a run.

    Raises ``EntryNotFound`` where it has none of this name, and what reading it raises.
    """
    if not archive.read("kept_rows").num_rows:
        raise EntryNotFound(f"no run is in this archive: {run}", run=run)
    kept = pl.DataFrame(archive.read("kept_rows")).filter((pl.col("key") == "run") & (pl.col("about") == run))
    if not kept.height:
        raise EntryNotFound(f"there is no run {run} in this archive", run=run)
    tables = {table.name: _own(archive, table.name, run) for table in RUN_TABLES}
    dataset = kept.sort("time")["dataset"][-1]
    own = snapshots_of(archive, dataset, run)
    if not own.height:
        raise EntryNotFound(f"the snapshots of {dataset} that are of the run {run} were forgotten", run=run)
    snapshot = archive.snapshot(f"{dataset}@{own['number'][-1]}")
    names = archive.files(snapshot.name).filter(pl.col("kind") == "file")["path"]
    wanted = [path for path in names if path in ("order.json", "journal") or path.startswith("logs/")]
    return Evidence(
        run=run,
        tables=tables,
        files={path: _opener(archive, snapshot.name, path) for path in wanted},
        document=archive.provenance.document(snapshot.name),
        archived={"archive": archive.id, "url": archive.url, "snapshot": snapshot.name, "digest": snapshot.id},
        places=_places(archive, tables["task_files"], snapshot.dataset),
        reports=archive.reports(snapshot.name),
    )


def _own(archive: Archive, table: str, run: str) -> pa.Table:
    return pl.DataFrame(archive.read(table)).filter(pl.col("run") == run).to_arrow()


def _opener(archive: Archive, snapshot: str, path: str) -> Callable[[], Any]:
    return lambda: archive.open(snapshot, path)


def _places(archive: Archive, files: pa.Table, dataset: str) -> dict[str, str]:
    """Where the archive has what the run took, as ``reads/a.fastq``, by digests."""
    used = pl.DataFrame(files).filter(pl.col("direction") == "used")["digest"].unique()
    told = pl.DataFrame(archive.read("prov_elements").select(["dataset", "path", "sha256"])).drop_nulls()
    known = told.with_columns(pl.col("sha256").bin.encode("hex")).filter(
        pl.col("sha256").is_in(used.to_list()) & (pl.col("dataset") != dataset)
    )
    return {row["sha256"]: f"{row['dataset']}/{row['path']}" for row in known.iter_rows(named=True)}


def _files_in(folder: Path) -> Iterator[tuple[str, Callable[[], Any]]]:
    for name in ("order.json", "journal"):
        if not (folder / name).is_file():
            raise InvalidOption(f"there is no run in {folder}", option="run")
        yield name, _local(folder / name)
    for path in sorted((folder / "logs").rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path.relative_to(folder).as_posix(), _local(path)


def _local(path: Path) -> Callable[[], Any]:
    return lambda: path.open("rb")


def _document(facts: RunFacts) -> prov.Document:
    """All that an archive would be told, as a document."""
    with tempfile.TemporaryDirectory(prefix="holotype-audit-") as folder:
        archive = lake.create(folder)
        archive.record_activities(deeds_of(facts), dataset=facts.dataset, source=facts.folder)
        return archive.provenance.document()
