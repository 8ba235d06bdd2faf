"""The front door: an archive, and one method per verb.

Each verb is a module of its own, imported when it is first called, so that opening an archive costs what opening an
archive needs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from .reopening import context_at

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    import duckdb
    import numpy.typing
    import pandas
    import polars
    import pyarrow
    import zarr

    from .collect import Collected
    from .compare import Compared
    from .context import Context
    from .executing import Submits
    from .filesystem import HolotypeFileSystem
    from .fitting import Unfit
    from .forget import Forgotten
    from .placing import Owners
    from .progress import OnProgress
    from .reading import ArchivedFile
    from .restore import Restored
    from .snapshots import Snapshot
    from .sync import Synced
    from .verify import Verified

__all__ = ["Archive"]


class Archive:
    """An archive: datasets, each with its snapshots, on any storage.

    Made by ``lake.create`` and ``lake.open``.  Safe to share between threads; what one object has read of the log it
    reads again when a verb needs to know.
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

    # Bytes in and out

    def backup(
        self,
        source: str | os.PathLike[str],
        *,
        dataset: str,
        message: str = "",
        exclude: Iterable[str] = (),
        include: Iterable[str] = (),
        exclude_caches: bool = False,
        one_filesystem: bool = False,
        reread: bool = False,
        on_problem: Literal["record", "raise"] = "record",
        compression: int = 1,
        workers: int | None = None,
        executor: Submits | None = None,
        progress: OnProgress | None = None,
    ) -> Snapshot:
        """Keep the folder or file ``source`` as the next snapshot of ``dataset``.  See ``lake/backup.py``."""
        from .backup import backup

        return backup(
            self._context,
            source,
            dataset=dataset,
            message=message,
            exclude=exclude,
            include=include,
            exclude_caches=exclude_caches,
            one_filesystem=one_filesystem,
            reread=reread,
            on_problem=on_problem,
            compression=compression,
            workers=workers,
            executor=executor,
            progress=progress,
        )

    def restore(
        self,
        reference: str,
        target: str | os.PathLike[str],
        *,
        paths: Iterable[str] = (),
        owners: Owners | None = None,
        on_problem: Literal["record", "raise"] = "record",
        unfit: Unfit = "refuse",
        dry_run: bool = False,
        workers: int | None = None,
        executor: Submits | None = None,
        progress: OnProgress | None = None,
    ) -> Restored:
        """Write a snapshot, or what ``paths`` (patterns) select of it, into the empty or absent folder ``target``, by
        ``workers`` threads or by an ``executor``'s workers; names that the target cannot have are refused, skipped or
        escaped.  See ``lake/restore.py``.
        """
        from .restore import restore

        return restore(
            self._context,
            reference,
            target,
            paths=paths,
            owners=owners,
            on_problem=on_problem,
            unfit=unfit,
            dry_run=dry_run,
            workers=workers,
            executor=executor,
            progress=progress,
        )

    def verify(
        self,
        reference: str | None = None,
        *,
        full: bool = True,
        workers: int | None = None,
        executor: Submits | None = None,
        progress: OnProgress | None = None,
    ) -> Verified:
        """Prove that a snapshot, or the whole archive, is there: every object of the right size, and if ``full`` every
        byte hashed, by ``workers`` threads or by an ``executor``'s workers.

        See ``lake/verify.py``.
        """
        from .verify import verify

        return verify(self._context, reference, full=full, workers=workers, executor=executor, progress=progress)

    # Moving house

    def copy(
        self,
        url: str | os.PathLike[str],
        *,
        name: str | None = None,
        datasets: Iterable[str] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        workers: int | None = None,
        executor: Submits | None = None,
        progress: OnProgress | None = None,
    ) -> Synced:
        """Copy the live snapshots, of all datasets or some, to an archive of their own at ``url``; done again, what an
        interrupted copy lacks, or what is new.  See ``lake/copying.py``.
        """
        from .copying import copy

        return copy(
            self._context,
            url,
            name=name,
            datasets=datasets,
            storage_options=storage_options,
            workers=workers,
            executor=executor,
            progress=progress,
        )

    def sync(
        self,
        other: Archive | str | os.PathLike[str],
        *,
        datasets: Iterable[str] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        workers: int | None = None,
        executor: Submits | None = None,
        progress: OnProgress | None = None,
    ) -> Synced:
        """Bring what ``other``, an archive or its URL, lacks there; for the way back ask it.  See ``lake/sync.py``."""
        from .sync import sync

        target = self._other(other, storage_options)
        return sync(self._context, target, datasets=datasets, workers=workers, executor=executor, progress=progress)

    def compare(
        self,
        other: Archive | str | os.PathLike[str],
        *,
        datasets: Iterable[str] | None = None,
        full: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        workers: int | None = None,
        executor: Submits | None = None,
        progress: OnProgress | None = None,
    ) -> Compared:
        """Prove that two archives hold the same, and that it is all there, at both ends: every object of the right
        size, and if ``full`` every byte hashed.  See ``lake/compare.py``.
        """
        from .compare import compare

        return compare(
            self._context,
            self._other(other, storage_options, read_only=True),
            datasets=datasets,
            full=full,
            workers=workers,
            executor=executor,
            progress=progress,
        )

    def _other(
        self,
        other: Archive | str | os.PathLike[str],
        storage_options: Mapping[str, Any] | None,
        *,
        read_only: bool = False,
    ) -> Context:
        if isinstance(other, Archive):
            return other._context
        mine = self._context
        return context_at(
            other, author=mine.author, read_only=read_only, storage_options=storage_options, clock=mine.clock
        )

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
        from .snapshots import resolve

        self._context.catalog.refresh()
        return resolve(self._context, reference)

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

    def history(self, dataset: str, path: str) -> polars.DataFrame:
        """One file across the snapshots of a dataset.  See ``lake/filehistory.py``."""
        from .filehistory import file_history

        return file_history(self._context, dataset, path)

    def sql(
        self, query: str, *, parameters: Sequence[object] | Mapping[str, object] | None = None
    ) -> duckdb.DuckDBPyRelation:
        """Ask all records with DuckDB's SQL: a view per table, and ``files``, ``datasets``, ``live_snapshots`` (see
        ``lake/views.py``).
        """
        from .views import VIEWS

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
        """An archived file as a seekable binary file that fetches what is read of it.  See ``lake/reading.py``."""
        from .reading import open_file

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
        """A snapshot, or all of them by name, as a read-only fsspec file system.  See ``lake/filesystem.py``."""
        from .filesystem import filesystem

        self._context.catalog.refresh()
        return filesystem(self._context, reference)

    # Frames and arrays in

    def write_table(
        self,
        dataset: str,
        frame: pandas.DataFrame | polars.DataFrame | polars.LazyFrame | pyarrow.Table,
        *,
        message: str = "",
    ) -> Snapshot:
        """Keep a dataframe as the next snapshot of ``dataset``; versions share what they have in common."""
        from .frames import write_table

        return write_table(self._context, dataset, frame, message=message)

    def write_array(self, dataset: str, array: numpy.typing.ArrayLike, *, message: str = "") -> Snapshot:
        """Keep an array as the next snapshot of ``dataset``, in typed blocks."""
        from .frames import write_array

        return write_array(self._context, dataset, array, message=message)

    # What people say of it

    def annotate(
        self,
        target: str,
        values: Mapping[str, str | int | float | bool | datetime | None] | None = None,
        *,
        path: str | None = None,
        tags: Iterable[str] = (),
        remove: Iterable[str] = (),
    ) -> None:
        """Say something of a dataset, a snapshot or (``path``) a file: typed values by key, and tags; ``None`` takes a
        key back.
        """
        from .annotations import annotate

        annotate(self._context, target, values or {}, path=path, tags=tags, remove=remove)

    def annotations(
        self, target: str | None = None, *, path: str | None = None, history: bool = False
    ) -> polars.DataFrame:
        """What was said, of one target or all; ``history``: also what no longer holds."""
        from .annotations import annotations

        return annotations(self._context, target, path=path, history=history)

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

    # Keeping house

    def forget(
        self,
        *references: str,
        dataset: str | None = None,
        keep_last: int | None = None,
        keep_hourly: int | None = None,
        keep_daily: int | None = None,
        keep_weekly: int | None = None,
        keep_monthly: int | None = None,
        keep_yearly: int | None = None,
        keep_within: timedelta | None = None,
        keep_tags: Iterable[str] = (),
        reason: str = "",
        dry_run: bool = False,
    ) -> Forgotten:
        """Forget the snapshots named, or all that no rule keeps; ``recover`` brings them back until ``collect`` purges
        them.
        """
        from .forget import forget

        return forget(
            self._context,
            snapshots=references,
            dataset=dataset,
            keep_last=keep_last,
            keep_hourly=keep_hourly,
            keep_daily=keep_daily,
            keep_weekly=keep_weekly,
            keep_monthly=keep_monthly,
            keep_yearly=keep_yearly,
            keep_within=keep_within,
            keep_tags=keep_tags,
            reason=reason,
            dry_run=dry_run,
        )

    def trash(self, *, grace: timedelta = timedelta(0)) -> polars.DataFrame:
        """The forgotten snapshots that can still be recovered, when the next collection may purge each, and what that
        would free.
        """
        from .trash import trash

        return trash(self._context, grace=grace)

    def recover(self, *references: str, reason: str = "") -> tuple[Snapshot, ...]:
        """Take snapshots out of the trash again.  See ``lake/trash.py``."""
        from .trash import recover

        return recover(self._context, references, reason=reason)

    def collect(
        self,
        *,
        grace: timedelta = timedelta(0),
        dead_after: timedelta = timedelta(hours=24),
        repack_below: float = 0.5,
        dry_run: bool = False,
        progress: OnProgress | None = None,
    ) -> Collected:
        """Purge what was forgotten at least ``grace`` ago, and delete what nothing needs any more.  See
        ``lake/collect.py``.
        """
        from .collect import collect

        return collect(
            self._context,
            grace=grace,
            dead_after=dead_after,
            repack_below=repack_below,
            dry_run=dry_run,
            progress=progress,
        )

    def usage(self) -> polars.DataFrame:
        """What each dataset takes: logical, unique, shared and stored bytes, and what forgetting it would free."""
        from .usage import usage

        return usage(self._context)

    def compact(self) -> None:
        """Merge small segments of the catalog's tables, so that reading them stays quick."""
        self._context.catalog.refresh()
        self._context.catalog.compact()
