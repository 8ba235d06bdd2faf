"""The half of the front door that changes nothing: what there is in an archive, and archived files read in place."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    import duckdb
    import polars
    import pyarrow
    import zarr

    from holotype.validators import Report

    from .context import Context
    from .progress import OnProgress
    from .provenance.face import Provenance
    from .reading.filesystem import HolotypeFileSystem
    from .reading.opened import ArchivedFile
    from .records.snapshots import Snapshot
    from .validation.declared import Declared

__all__ = ["Looking"]


class Looking:
    """What can be asked of an archive.

    What one object has read of the log it reads again when a question needs the newest.
    """

    def __init__(self, context: Context) -> None:
        self._context = context

    def __repr__(self) -> str:
        return f"<Archive {self.name!r} at {self.url}>"

    @property
    def url(self) -> str:
        """Where the archive is, without credentials."""
        return self._context.store.url

    @property
    def name(self) -> str:
        """What people call it."""
        return self._context.catalog.name

    @property
    def id(self) -> str:
        """The archive's identifier, made when it was created."""
        return self._context.catalog.id

    @property
    def writers(self) -> Literal["many", "one"]:
        """Whether many may write to it at a time, or only one: what its storage could do when it was created."""
        return self._context.catalog.header.writers

    @property
    def read_only(self) -> bool:
        """Whether it was opened for reading only."""
        return self._context.catalog.read_only

    def try_writing(self) -> None:
        """Find out whether it can be written to, by a small object that is gone again afterwards.

        Raises ``ArchiveReadOnly``, ``StorageDenied``, or what else keeps it from being written.
        """
        self._context.catalog.try_writing()

    # What there is

    def snapshots(self, dataset: str | None = None, *, forgotten: bool = False) -> polars.DataFrame:
        """The live snapshots, of one dataset or all, oldest first; ``forgotten``: every snapshot ever made, with its
        ``state``.
        """
        from .listing import snapshots

        return snapshots(self._context, dataset, forgotten=forgotten)

    def snapshot(self, reference: str) -> Snapshot:
        """The snapshot that ``reference`` names.  Raises ``InvalidName``, ``DatasetNotFound`` or
        ``SnapshotNotFound``.
        """
        from .records.snapshots import resolve

        self._context.catalog.refresh()
        return resolve(self._context, reference)

    def quarantined(self) -> polars.DataFrame:
        """The snapshots that are passed over by whoever asks for the latest, since when and why."""
        from .quarantine import quarantined

        return quarantined(self._context)

    def reports(self, target: str | None = None) -> polars.DataFrame:
        """What validation was done of a snapshot, a dataset, or all, the oldest first.  See ``lake/reports.py``."""
        from .reports import reports

        return reports(self._context, target)

    def report(self, which: str) -> Report:
        """A report by its identifier, or the last one on a snapshot."""
        from .reports import report

        return report(self._context, which)

    def schemas(self, target: str | None = None) -> polars.DataFrame:
        """What tables have to be: the versions declared for a dataset, or all, or what a snapshot is held to.  See
        ``lake/schemas.py``.
        """
        from .schemas import schemas

        return schemas(self._context, target)

    def schema(self, target: str, *, files: str | None = None, version: int | None = None) -> Declared:
        """What tables of a dataset have to be, at present or in one version, or those of a snapshot."""
        from .schemas import schema

        return schema(self._context, target, files=files, version=version)

    def scrubs(self) -> polars.DataFrame:
        """When each pack was last read through, those that wait longest first.  See ``lake/scrub.py``."""
        from .scrub import ledger

        return ledger(self._context)

    def datasets(self) -> polars.DataFrame:
        """One row per dataset: its latest snapshot, how many there are, entries and bytes."""
        from .listing import datasets

        return datasets(self._context)

    def files(self, reference: str, *, paths: Iterable[str] = ()) -> polars.DataFrame:
        """The entries of a snapshot, or those ``paths`` (patterns) select, sorted by path."""
        from .listing import files

        return files(self._context, reference, paths=paths)

    def problems(self, reference: str) -> polars.DataFrame:
        """What a snapshot could not keep as it is: ``path``, ``problem``, ``message``."""
        from .listing import problems

        return problems(self._context, reference)

    def diff(self, before: str, after: str, *, paths: Iterable[str] = ()) -> polars.DataFrame:
        """What differs between two snapshots, one row per path.  See ``lake/diff.py``."""
        from .diff import diff

        return diff(self._context, before, after, paths=paths)

    def diff_folder(
        self,
        reference: str,
        folder: str | os.PathLike[str],
        *,
        paths: Iterable[str] = (),
        progress: OnProgress | None = None,
    ) -> polars.DataFrame:
        """What differs between a snapshot and a folder on this machine, one row per path: nothing, if all that was
        restored is as it was.  See ``lake/diff.py``.
        """
        from .diff import diff_folder

        return diff_folder(self._context, reference, folder, paths=paths, progress=progress)

    def history(self, dataset: str, path: str) -> polars.DataFrame:
        """One file across the snapshots of a dataset.  See ``lake/filehistory.py``."""
        from .filehistory import file_history

        return file_history(self._context, dataset, path)

    def usage(self) -> polars.DataFrame:
        """What each dataset takes: logical, unique, shared and stored bytes, and what forgetting it would free."""
        from .usage import usage

        return usage(self._context)

    def trash(self, *, grace: timedelta = timedelta(0)) -> polars.DataFrame:
        """The forgotten snapshots that can still be recovered, when the next collection may purge each, and what that
        would free.
        """
        from .trash import trash

        return trash(self._context, grace=grace)

    def annotations(
        self, target: str | None = None, *, path: str | None = None, history: bool = False
    ) -> polars.DataFrame:
        """What was said, of one target or all; ``history``: also what no longer holds."""
        from .annotations import annotations

        return annotations(self._context, target, path=path, history=history)

    @property
    def provenance(self) -> Provenance:
        """Where things came from, and what came of them.  See ``lake/provenance/face.py``."""
        from .provenance.face import Provenance

        return Provenance(self._context)

    # Asking

    def search(
        self,
        text: str | None = None,
        *,
        tags: Iterable[str] = (),
        where: Mapping[str, object] | None = None,
        kind: Literal["dataset", "snapshot", "file"] | None = None,
    ) -> polars.DataFrame:
        """Find datasets, snapshots and files by words, tags and values.  See ``lake/search.py``."""
        from .search import search

        return search(self._context, text, tags=tags, where=where, kind=kind)

    def sql(
        self, query: str, *, parameters: Sequence[object] | Mapping[str, object] | None = None
    ) -> duckdb.DuckDBPyRelation:
        """Ask all records with DuckDB's SQL: a view per table, and ``files``, ``datasets``, ``live_snapshots``,
        ``provenance``, ``activities``… (see ``lake/records/views.py``).
        """
        from .records.views import VIEWS

        self._context.catalog.refresh()
        return self._context.catalog.sql(query, params=parameters, views=VIEWS)

    def scan(self, table: str) -> polars.LazyFrame:
        """A table of the catalog as a lazy Polars frame.  Raises ``TableNotFound``."""
        self._context.catalog.refresh()
        return self._context.catalog.scan(table)

    def read(self, table: str) -> pyarrow.Table:
        """A table of the catalog as an Arrow table.  Raises ``TableNotFound``."""
        self._context.catalog.refresh()
        return self._context.catalog.read(table)

    # Reading in place

    def open(self, reference: str, path: str | bytes) -> ArchivedFile:
        """An archived file as a seekable binary file that fetches what is read of it.

        See ``lake/reading/opened.py``.
        """
        from .reading.opened import open_file

        self._context.catalog.refresh()
        return open_file(self._context, reference, path)

    def array(self, reference: str, path: str | None = None) -> zarr.Array[Any]:
        """An archived array as a ``zarr.Array`` that reads the blocks it needs.  See ``lake/arrays.py``."""
        from .arrays import array

        self._context.catalog.refresh()
        return array(self._context, reference, path)

    def table(self, reference: str, path: str | None = None) -> polars.LazyFrame:
        """An archived table as a lazy Polars frame that reads the columns and row groups it needs.  See
        ``lake/frames.py``.
        """
        from .frames import table

        self._context.catalog.refresh()
        return table(self._context, reference, path)

    def filesystem(self, reference: str | None = None) -> HolotypeFileSystem:
        """A snapshot, or all of them by name, as a read-only fsspec file system.

        See ``lake/reading/filesystem.py``.
        """
        from .reading.filesystem import filesystem

        self._context.catalog.refresh()
        return filesystem(self._context, reference)
