"""Backup: a folder becomes the next snapshot of a dataset.

    scan ─▶ beside the previous manifest ─▶ unchanged? its rows stay
                                         ─▶ attributes only? read those, keep the chunks
                                         ─▶ new or changed? read, cut, hash, pack
         ─▶ new rows into ranges or a delta ─▶ one commit

Until the commit nobody sees any of it.  A backup that dies leaves packs under its session's name, which the next
collection removes; until then another backup finds what had been stored by the last checkpoint, and does not store it
again; a first backup does not even read it again (``unfinished``).  When a collection takes away something the backup
relied on, the backup looks again from the start: unchanged files cost a look, and what was stored in vain is stored
again.
"""

from __future__ import annotations

import os
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import pyarrow.compute as pc

from holotype.catalog import Conflict, InvalidOption, ObjectMissing, repeated, scalar

from .context import host_here
from .executing import thread_count
from .lineage.waiting import settle_waiting
from .manifest import Manifest, ManifestWriter
from .progress import Ticker
from .records.index import Known
from .records.references import check_name
from .records.snapshots import Snapshot, history, latest, next_number
from .retention.sessions import checkpoint, give_up, open_session, swept_meanwhile, writer_check
from .schema import PROBLEMS, SNAPSHOTS
from .storing.assisted import Assisted
from .storing.deputies import Claims, Deputies
from .storing.helpers import Helpers, helper_count
from .storing.intake import Intake, Problems
from .storing.ledger import Ledger
from .storing.packing import Packer
from .storing.survey import Survey
from .storing.unfinished import Diary, resume, stored_whole
from .tree.paths import Patterns
from .tree.problems import as_table

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from datetime import datetime

    from holotype.catalog import Entry, Segment, State, provenance

    from .context import Context
    from .executing import Submits
    from .manifest import Draft
    from .progress import OnProgress
    from .storing.intake import Reader
    from .storing.ledger import Packed
    from .storing.unfinished import Resumed
    from .validation.asked import Validation
    from .validation.inspecting import Inspection
    from .validation.keeping import Kept

__all__ = ["backup"]

_PROV_NAMES = "prov_names"  # empty where nothing was ever recorded
_SCHEMAS = "schemas"  # empty where nothing was ever declared
_LOOKS = 5  # a backup that lost this often to collections gives up
_NUMBERINGS = 64  # writers of one dataset that commit at the same moment each take the next number
# the coarsest step of a file system's clock: a file touched so late may change under the same time
_CLOCK_STEP_NS = 2_000_000_000


def _refuse_another(given: object) -> None:
    from .validation.asked import Validation  # most backups have no use for it, and it takes its time to import

    if not isinstance(given, Validation):
        what = f"validation is a lake.Validation, as lake.Validation(policy=…), and not {given!r}"
        raise InvalidOption(what, option="validation")


def backup(
    context: Context,
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
    kind: Literal["files", "table", "array"] = "files",
    name_source: str | None = None,
    workers: int | None = None,
    executor: Submits | None = None,
    validation: Validation | None = None,
    progress: OnProgress | None = None,
) -> Snapshot:
    """Keep the folder or file ``source`` as the next snapshot of ``dataset``, and return it.

    ``exclude``: patterns of what to leave out; ``include``: when given, only what matches is kept.  ``exclude_caches``:
    leave out what folders with a CACHEDIR.TAG hold.  ``one_filesystem``: do not enter folders on other file systems.
    ``reread``: read every file again, also those whose size, times and inode say they are unchanged.  ``on_problem``:
    what to do about an entry that cannot be kept as it is: ``record`` it and go on, or ``raise`` ``SourceProblem`` with
    nothing committed.  ``compression``: the zstd level, 1 to 22. ``kind`` and ``name_source``: what the snapshot says
    was given to it and where it came from.  ``workers``: threads that hash and compress; with 0 the thread that
    reads does it all; by default one for each processor, and on a local disk helper processes read what there is of
    very many small files (``helpers``).  ``executor``: who reads and packs the files instead, a batch at a time:
    threads, processes, or machines that see both the source and the storage.  ``validation``: look at new and changed
    files, keep a report with the snapshot, and do what the policy says (see ``lake/validation/asked.py``).  Files for
    which a schema is declared are held to it with or without (see ``lake/declare.py``), by default so that a snapshot
    with a table that breaks it is kept, and in quarantine.

    A snapshot that differs in nothing from the one before is still made: it says that all was there at that time.

    Raises ``SourceNotFound``, ``InvalidName``, ``InvalidOption``, ``SourceProblem``, ``DataRefused`` when the policy
    refuses what was found, ``Conflict`` after losing to collections again and again, ``ArchiveReadOnly``,
    ``StorageDenied``, ``StorageFull`` or ``StorageFailed``.
    """
    check_name(dataset)
    if on_problem not in ("record", "raise"):
        raise InvalidOption(f"on_problem is 'record' or 'raise', not {on_problem!r}", option="on_problem")
    if not 1 <= compression <= 22:
        raise InvalidOption(f"compression is a zstd level from 1 to 22, not {compression}", option="compression")
    if validation is not None:
        _refuse_another(validation)
    threads = thread_count(workers, least=0)
    path = os.path.abspath(os.fspath(source))
    at = context.store.path("archive.json")
    plan = _Plan(
        source=os.fsdecode(path),
        dataset=dataset,
        message=message,
        kind=kind,
        source_name=name_source if name_source is not None else os.fsdecode(path),
        strict=on_problem == "raise",
        reread=reread,
        compression=compression,
        workers=threads if executor is None else 0,
        executor=executor,
        helpers=helper_count() if workers is None and executor is None and at is not None else 0,
        scanning={
            "exclude": Patterns.of(exclude).patterns,
            "include": Patterns.of(include).patterns,
            "outside": () if at is None else (at.parent,),
            "one_filesystem": one_filesystem,
            "exclude_caches": exclude_caches,
        },
        validation=validation,
    )
    snapshot = _made(context, plan, Ticker("backup", progress))
    settle_waiting(context)
    return snapshot


@dataclass(frozen=True)
class _Plan:
    """What was asked for."""

    source: str
    dataset: str
    message: str
    kind: str
    source_name: str
    strict: bool
    reread: bool
    compression: int
    workers: int
    executor: Submits | None
    helpers: int
    scanning: dict[str, Any]
    validation: Validation | None


def _made(context: Context, plan: _Plan, ticker: Ticker) -> Snapshot:
    for _ in range(_LOOKS - 1):
        try:
            return _attempt(context, plan, ticker)
        except Conflict as error:
            if "helpers" in error.about:
                plan = replace(plan, helpers=0)
    return _attempt(context, plan, ticker)


def _attempt(context: Context, plan: _Plan, ticker: Ticker) -> Snapshot:
    view = context.catalog.refresh()
    began = context.clock()
    parent = latest(context, plan.dataset, state=view)
    previous = Manifest.load(context.catalog, parent.id, state=view) if parent is not None else None
    resumed = _resumed(context, plan, view) if parent is None else None
    if resumed is not None:
        previous = resumed.manifest
    problems = Problems(strict=plan.strict)
    writer = ManifestWriter(context.catalog, previous)
    diary = None
    if parent is None:
        diary = Diary(context, writer, dataset=plan.dataset, source=plan.source_name, began=began)
    ledger = Ledger(
        context, open_session=partial(open_session, context), checkpoint=partial(_checkpoint, context, view, diary)
    )
    known = Known(context.catalog, state=view)
    inspection = _inspection(context, plan, view)
    try:
        with (
            swept_meanwhile(context, lambda: ledger.opened),
            Packer(ledger, known=known, level=plan.compression, workers=plan.workers) as packer,
        ):
            with _helping(plan, known) as helpers:
                reader = _reader(context, plan, packer, ledger, problems, ticker, helpers, known)
                survey = Survey(
                    plan.source,
                    reader,
                    problems,
                    previous,
                    scanning=plan.scanning,
                    reread=plan.reread,
                    trusted_before_ns=_trusted(parent or resumed),
                    whole=stored_whole(known) if resumed is not None else None,
                )
                told = 0
                with closing(survey.stretches()) as stretches:
                    for settled in stretches:
                        writer.change(settled.stretch, put=settled.put, removed=settled.removed)
                        if inspection is not None:
                            inspection.look(settled.put, settled.removed)
                        if diary is not None:
                            diary.note()
                        told = _tell(ticker, ledger, told)
            packer.finish()
            draft, packed = writer.finish(), ledger.finish()
            _tell(ticker, ledger, told)
        committed = diary.committed if diary is not None else ()
        kept = None
        if inspection is not None:
            kept = inspection.finish(previous, parent.id if parent is not None else None)
            kept.refuse(context)
        snapshot = _commit(context, plan, view, parent, draft, packed, problems, began, committed, kept)
    except BaseException as error:
        if ledger.opened is not None:
            give_up(context, ledger.opened)
        if isinstance(error, ObjectMissing) and parent is not None and _purged(context, parent):
            raise Conflict(f"{parent.name} was collected while its manifest was read", snapshot=parent.name) from error
        if isinstance(error, ObjectMissing) and resumed is not None and _dropped(context, resumed.manifest.segments):
            raise _left_behind(plan) from error
        raise
    ticker.finish()
    return snapshot


def _resumed(context: Context, plan: _Plan, view: State) -> Resumed | None:
    """What an interrupted backup left.  Raises ``Conflict`` when a collection takes that away meanwhile."""
    try:
        return resume(context, plan.dataset, plan.source_name, state=view)
    except ObjectMissing as error:
        if _dropped(context, [segment.name for segment in view.segments("entries")]):
            raise _left_behind(plan) from error
        raise


def _dropped(context: Context, segments: Iterable[str]) -> bool:
    """Whether some segments of manifests are not named any more."""
    return not {*segments} <= {segment.name for segment in context.catalog.refresh().segments("entries")}


def _left_behind(plan: _Plan) -> Conflict:
    return Conflict(f"what an interrupted backup of {plan.dataset} left was collected while it was read")


def _inspection(context: Context, plan: _Plan, view: State) -> Inspection | None:
    if plan.validation is None and not view.segments(_SCHEMAS):
        return None
    from .validation.inspecting import Inspection  # most backups have no use for it, and it takes its time to import

    inspection = Inspection(context, plan.validation, plan.source, plan.dataset, state=view)
    return None if inspection.idle else inspection


def _refuse_if_declared(context: Context, plan: _Plan, view: State, since: Sequence[Entry], present: State) -> None:
    """Raise ``Conflict`` when somebody declared meanwhile what the files have to be, to which they were not held."""
    if not any(_SCHEMAS in entry.add for entry in since):
        return
    from .validation.declared import identifiers

    if identifiers(context, plan.dataset, state=present) != identifiers(context, plan.dataset, state=view):
        raise Conflict(f"what tables of {plan.dataset} have to be was declared meanwhile: start again", declared=True)


def _checkpoint(context: Context, view: State, diary: Diary | None, session: str, segments: Sequence[Segment]) -> None:
    """Commit packs before there is a snapshot that needs them, and of a first backup how far it has come."""
    checkpoint(context, view, session, (*segments, *(diary.segments(session) if diary is not None else ())))


@contextmanager
def _helping(plan: _Plan, known: Known) -> Iterator[Helpers | None]:
    """Helpers while there is something to read, gone with all they hold when it is over."""
    if not plan.helpers:
        yield None
        return
    helpers = Helpers(plan.helpers, answer=known.claim)
    try:
        yield helpers
    except BaseException:
        helpers.close(at_once=True)
        raise
    helpers.close()


def _reader(
    context: Context,
    plan: _Plan,
    packer: Packer,
    ledger: Ledger,
    problems: Problems,
    ticker: Ticker,
    helpers: Helpers | None,
    known: Known,
) -> Reader:
    """What reads the source's files: this process, with help or without, or the workers of an executor."""
    chunking = context.catalog.settings["chunking"]
    intake = Intake(plan.source, packer, chunking=chunking, problems=problems, ticker=ticker)
    executor = plan.executor if plan.executor is not None else helpers
    if executor is None:
        return intake
    deputies = Deputies(
        executor,
        context,
        intake,
        ledger,
        source=plan.source,
        level=plan.compression,
        problems=problems,
        ticker=ticker,
        claims=Claims(known) if helpers is not None else None,
    )
    return Assisted(intake, deputies) if helpers is not None else deputies


def _tell(ticker: Ticker, ledger: Ledger, told: int) -> int:
    """Say how much was stored, ``told`` of which was said before."""
    stored = ledger.stored_bytes
    ticker.add(stored=stored - told)
    return stored


def _purged(context: Context, snapshot: Snapshot) -> bool:
    rows = history(context, state=context.catalog.refresh())
    states: list[str] = rows.filter(pc.equal(rows["snapshot"], scalar(snapshot.id)))["state"].to_pylist()
    return states == ["purged"]


def _trusted(parent: Snapshot | Resumed | None) -> int | None:
    """Files last touched before this time, in nanoseconds since 1970, are unchanged when their status is (see
    ``changes``).
    """
    return None if parent is None else int(parent.began.timestamp() * 1e9) - _CLOCK_STEP_NS


def _commit(
    context: Context,
    plan: _Plan,
    view: State,
    parent: Snapshot | None,
    draft: Draft,
    packed: Packed,
    problems: Problems,
    began: datetime,
    committed: Collection[str],
    report: Kept | None,
) -> Snapshot:
    """Make all of it visible under the dataset's next number; ``committed``: what checkpoints did so with before."""
    catalog = context.catalog
    new = {segment.name for segment in draft.segments}
    wanted = {part.segment for part in draft.ranges} - new
    kept = [segment for segment in view.segments("entries") if segment.name in wanted]
    met: provenance.Recorded | None = None
    meets = True  # whether to look (again) what the new files have in common with what was recorded
    found = report.write(context) if report is not None else []
    sound = writer_check(context, packed.session, packed.relied, view, parents=() if parent is None else (parent.id,))
    for _ in range(_NUMBERINGS):
        state = catalog.refresh()
        number = next_number(context, plan.dataset, state=state)
        if meets:
            try:
                met, meets = _met(context, plan, draft, state), False
            except ObjectMissing:
                if catalog.refresh().version == state.version:
                    raise
                continue  # it went on, and what it said before is collected
        record: dict[str, Any] = {
            "dataset": plan.dataset,
            "number": number,
            "parent": parent.id if parent is not None else None,
            "kind": plan.kind,
            "began": began,
            "time": context.clock(),
            "author": context.author,
            "host": host_here(),
            "source": plan.source_name,
            "message": plan.message,
            "session": packed.session,
            "entries": draft.counts.entries,
            "files": draft.counts.files,
            "bytes": draft.counts.bytes,
            "new_bytes": packed.new_bytes,
            "problems": len(problems.found),
        }
        digest = draft.snapshot(record)
        add = [
            *(segment for segment in draft.segments if segment.name not in committed),
            *packed.chunks,
            *packed.packs,
            *(met.segments if met is not None else ()),
            *found,
            *(report.say(context, digest) if report is not None else ()),
            catalog.write("snapshots", SNAPSHOTS.rows([{"snapshot": digest, **record}])),
        ]
        if draft.ranges:
            add.append(catalog.write("ranges", draft.rows(digest)))
        if problems.found:
            rows = as_table(problems.found)
            add.append(
                catalog.write(
                    "problems",
                    rows.append_column("snapshot", repeated(digest, rows.num_rows)).select(PROBLEMS.schema.names),
                )
            )

        def check(
            since: Sequence[Entry], present: State, number: int = number, met: provenance.Recorded | None = met
        ) -> None:
            if next_number(context, plan.dataset, state=present) != number:
                raise Conflict(f"{plan.dataset}@{number} was made by another writer meanwhile", taken=number)
            sound(since, present)
            _refuse_if_declared(context, plan, view, since, present)
            if met is not None:
                met.check(since, present)

        try:
            catalog.commit(
                add=add,
                relies=kept,
                view=view,
                operation="backup",
                message=plan.message,
                author=context.author,
                session=packed.session,
                check=check,
            )
        except Conflict as error:
            if "said" in error.about:
                meets = True
            elif "taken" not in error.about:
                raise
            continue  # the next number is as good, and what was said meanwhile has to be met as well
        record.pop("session")
        return Snapshot(id=digest, **record)
    raise Conflict(f"{_NUMBERINGS} other commits came before {plan.dataset}'s: try again", dataset=plan.dataset)


def _met(context: Context, plan: _Plan, draft: Draft, state: State) -> provenance.Recorded | None:
    """What there is to say of the new files for what was recorded before the commit, however long the backup took."""
    if not state.segments(_PROV_NAMES):
        return None
    from .lineage.meeting import meeting  # most archives have no use for it, and it takes its time to import

    return meeting(context, plan.dataset, os.path.realpath(plan.source), draft.segments, state=state)
