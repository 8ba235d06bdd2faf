"""The front door: an archive, and one method per verb.

Each verb is a module of its own, imported when it is first called, so that opening an archive costs what opening an
archive needs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from .looking import Looking
from .reopening import context_at

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from typing import Any

    import numpy.typing
    import pandas
    import polars
    import pyarrow

    from holotype.validators import Vocabulary

    from .activity import Activity
    from .capturing.running import Passing
    from .collect import Collected
    from .compare import Compared
    from .context import Context
    from .executing import Submits
    from .forget import Forgotten
    from .lineage.deeds import Deed
    from .progress import OnProgress
    from .records.kept import KeptRows
    from .records.snapshots import Snapshot
    from .restore import Restored
    from .restoring.fitting import Unfit
    from .restoring.placing import Owners
    from .run import Ran
    from .scrub import Scrubbed
    from .sync import Synced
    from .validate import Validated
    from .validation.asked import Validation
    from .validation.declared import Declared
    from .verify import Verified

__all__ = ["Archive"]


class Archive(Looking):
    """An archive: datasets, each with its snapshots, on any storage.

    Made by ``lake.create`` and ``lake.open``.  Safe to share between threads; what one object has read of the log it
    reads again when a verb needs to know.  What only looks is in ``lake/looking.py``.
    """

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
        validation: Validation | None = None,
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
            validation=validation,
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
        validation: Validation | None = None,
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
            validation=validation,
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

    def scrub(
        self,
        *,
        bytes: int | None = None,
        within: timedelta | None = None,
        workers: int | None = None,
        executor: Submits | None = None,
        progress: OnProgress | None = None,
    ) -> Scrubbed:
        """Read through what was not looked at for longest, as far as a budget goes, and write down what was.  See
        ``lake/scrub.py``.
        """
        from .scrub import scrub

        return scrub(self._context, bytes=bytes, within=within, workers=workers, executor=executor, progress=progress)

    def validate(
        self,
        reference: str,
        *,
        validation: Validation | None = None,
        paths: Iterable[str] = (),
        progress: OnProgress | None = None,
    ) -> Validated:
        """Look whether the files of a snapshot are sound, and keep the report.  See ``lake/validate.py``."""
        from .validate import validate

        return validate(self._context, reference, validation=validation, paths=paths, progress=progress)

    def quarantine(self, *references: str, reason: str) -> tuple[Snapshot, ...]:
        """Keep snapshots from being taken for the latest.  See ``lake/quarantine.py``."""
        from .quarantine import quarantine

        return quarantine(self._context, references, reason=reason)

    def release(self, *references: str, reason: str) -> tuple[Snapshot, ...]:
        """Let snapshots out of quarantine."""
        from .quarantine import release

        return release(self._context, references, reason=reason)

    def declare_schema(
        self,
        dataset: str,
        schema: Any,
        *,
        files: str | None = None,
        tables: Mapping[str, str] | None = None,
        vocabularies: Mapping[str, Vocabulary] | None = None,
        message: str = "",
        breaking: bool = False,
        ahead: bool = False,
    ) -> Declared:
        """Declare what the tables in some files of a dataset have to be, from its next snapshot on.  See
        ``lake/declare.py``.
        """
        from .declare import declare_schema

        return declare_schema(
            self._context,
            dataset,
            schema,
            files=files,
            tables=tables,
            vocabularies=vocabularies,
            message=message,
            breaking=breaking,
            ahead=ahead,
        )

    def withdraw_schema(self, dataset: str, *, files: str | None = None, reason: str) -> Declared:
        """Let a schema hold no more, from the dataset's next snapshot on."""
        from .declare import withdraw_schema

        return withdraw_schema(self._context, dataset, files=files, reason=reason)

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

    # How things are made

    def activity(
        self,
        name: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        dataset: str | None = None,
        source: str | os.PathLike[str] | None = None,
        listen: bool = True,
    ) -> Activity:
        """Something done in Python, as a block or a function, kept with how it was done.  See ``lake/activity.py``."""
        from .activity import Activity

        return Activity(self._context, name, parameters=parameters, dataset=dataset, source=source, listen=listen)

    def run(
        self,
        command: Sequence[str | os.PathLike[str]],
        *,
        name: str | None = None,
        dataset: str | None = None,
        source: str | os.PathLike[str] | None = None,
        cwd: str | os.PathLike[str] | None = None,
        inputs: Iterable[str | os.PathLike[str]] | None = None,
        outputs: Iterable[str | os.PathLike[str]] | None = None,
        parameters: Mapping[str, Any] | None = None,
        env: Mapping[str, str] | None = None,
        how: Literal["strace", "states"] | None = None,
        stdin: str | os.PathLike[str] | None = None,
        stdout: str | os.PathLike[str] | None = None,
        stderr: str | os.PathLike[str] | None = None,
        passing: Passing | None = None,
        timeout: float | None = None,
    ) -> Ran:
        """Run a command, watch what it reads and writes, and keep that with how it was done.  See ``lake/run.py``."""
        from .run import run

        return run(
            self._context,
            command,
            name=name,
            dataset=dataset,
            source=source,
            cwd=cwd,
            inputs=inputs,
            outputs=outputs,
            parameters=parameters,
            env=env,
            how=how,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            passing=passing,
            timeout=timeout,
        )

    def record_activities(
        self,
        deeds: Iterable[Deed],
        *,
        dataset: str | None = None,
        source: str | os.PathLike[str] | None = None,
        rows: KeptRows | None = None,
        message: str = "",
    ) -> int:
        """Keep what others say that they did, thousands at a time; returns how much was news.  See
        ``lake/recording.py``.
        """
        from .recording import record_activities

        return record_activities(self._context, deeds, dataset=dataset, source=source, rows=rows, message=message)

    def keep_rows(self, rows: KeptRows, *, message: str = "") -> bool:
        """Keep rows of tables that the caller declares; returns whether that was news.  See ``lake/recording.py``."""
        from .recording import keep_rows

        return keep_rows(self._context, rows, message=message)

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
        """Forget the snapshots named, or all that no rule keeps; until ``collect`` purges them ``recover`` helps."""
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

    def compact(self) -> None:
        """Merge small segments of the catalog's tables, so that reading them stays quick."""
        self._context.catalog.refresh()
        self._context.catalog.compact()
