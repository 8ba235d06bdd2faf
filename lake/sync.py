"""Sync: what one archive has, and another lacks, goes there.

    snapshots    live here and not known there; the same name for different ones is refused
    packs        those with chunks that these need and the other lacks          (``cargo``, ``carrying``)
    manifests    their segments, byte for byte, but for those that are there
    one commit   the snapshots with all that is said of them

Until the commit nobody there sees any of it.  Packs are committed now and then on the way, as a backup's are, so that
what was interrupted goes on where it ended.  A snapshot keeps its digest, which speaks for its record, its manifest and
thereby for its chunks: it is the same snapshot.  When a collection at either end takes away something this relied on,
it looks again from the start; what has arrived is found there.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from holotype.catalog import Conflict, DamageError, ObjectDamaged, column, provenance, scalar

from .executing import Place, thread_count
from .manifest.prefetch import ahead
from .moving.cargo import pack_up
from .moving.carrying import carry
from .moving.histories import histories
from .moving.inventory import End, Inventory
from .moving.keptrows import bring_kept
from .moving.proving import unproven
from .moving.travellers import Travellers, choose, chosen, dataset_names, refuse_itself, unsaid
from .moving.verdicts import missing_schemas, missing_verdicts
from .progress import Ticker
from .records.liveness import ranges_of
from .retention.sessions import checkpoint, fresh, give_up, open_session, swept_meanwhile, writer_check
from .retention.sweep import pack_of
from .schema import SNAPSHOTS
from .storing.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from holotype.catalog import Entry, Segment, State

    from .context import Context
    from .executing import Submits
    from .progress import OnProgress
    from .records.kept import Change
    from .retention.sessions import Check
    from .storing.ledger import Packed

__all__ = ["Synced", "sync"]

_EVENTS = ("reports", "quarantine", "schemas")  # by which two that bring the same are known
_LOOKS = 5  # a sync that lost this often to collections gives up
_TELLINGS = 64  # so often others may record something while it is found out what is not recorded there


@dataclass(frozen=True)
class Synced:
    """What was brought to an archive.

    ``url``: where it is.  ``snapshots``: names of those that were brought.  ``present``: how many were there already.
    ``left``: names of those that it has forgotten, which stay so.  ``packs`` and ``bytes``: packs that were written
    there, and their stored size.  ``annotations``: how many sayings were brought.
    """

    url: str
    snapshots: tuple[str, ...]
    present: int
    left: tuple[str, ...]
    packs: int
    bytes: int
    annotations: int


def sync(
    context: Context,
    target: Context,
    *,
    datasets: Iterable[str] | None = None,
    workers: int | None = None,
    executor: Submits | None = None,
    progress: OnProgress | None = None,
    work: Literal["sync", "copy"] = "sync",
) -> Synced:
    """Bring to ``target`` the live snapshots that it does not have, with their problems, annotations, provenance and
    reports, and what their tables have to be.

    ``datasets``: only theirs, and no chunk that they do not need.  ``workers``: threads that carry packs.
    ``executor``: who carries them instead, a batch at a time: threads, processes, or machines that see both storages.
    ``work``: how the log there and ``progress`` call it.

    Numbers, digests, authors and times stay.  What the target has forgotten stays forgotten there, and what it has
    beside stays as it is.

    Raises ``DatasetNotFound``, ``InvalidOption`` for an archive and itself, or one inside the other,
    ``SnapshotsDiffer`` when the target has another snapshot of the same name (nothing has travelled then),
    ``ObjectDamaged`` or ``ObjectMissing`` when something here is not what it was (nothing is committed then),
    ``Conflict`` after losing to collections again and again, ``ArchiveReadOnly``, ``StorageDenied``, ``StorageFull`` or
    ``StorageFailed``.
    """
    threads = thread_count(workers)
    refuse_itself(context, target.store, other=target.catalog.id)
    target.catalog.check_writable()
    journey = _Journey(context, target, dataset_names(datasets), work, progress)
    with _workers(executor, threads) as crew:
        for _ in range(_LOOKS - 1):
            try:
                return journey.attempt(crew)
            except Conflict:
                continue
        return journey.attempt(crew)


@contextmanager
def _workers(executor: Submits | None, threads: int) -> Iterator[Submits]:
    if executor is not None:
        yield executor
        return
    pool = ThreadPoolExecutor(threads, thread_name_prefix="holotype-carry")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@dataclass(frozen=True)
class _Journey:
    """From where to where, and what was asked for."""

    context: Context
    target: Context
    datasets: tuple[str, ...] | None
    work: str
    progress: OnProgress | None

    def attempt(self, crew: Submits) -> Synced:
        """Look at both ends, and bring what is missing; ``Conflict`` when one of them changed meanwhile."""
        here = End(self.context, self.context.catalog.refresh())
        there = End(self.target, self.target.catalog.refresh())
        ledger = Ledger(
            self.target,
            open_session=partial(open_session, self.target),
            checkpoint=partial(checkpoint, self.target, there.state),
        )
        try:
            travellers = choose(here, there, self.datasets)
            _refuse_unproven(here, travellers)
            with swept_meanwhile(self.target, lambda: ledger.opened):
                done = self._bring(here, there, travellers, ledger, crew)
        except DamageError as error:
            if _moved_on(here, error) or _moved_on(there, error):
                raise Conflict(f"what was to be copied was collected meanwhile: {error.message}") from error
            raise
        finally:
            # Whatever came of it, nothing more will be written: what was committed stays, and the rest is to go.
            if ledger.opened is not None:
                give_up(self.target, ledger.opened)
        return done

    def _bring(self, here: End, there: End, travellers: Travellers, ledger: Ledger, crew: Submits) -> Synced:
        packs, digests = 0, travellers.digests
        relied: frozenset[str] = frozenset()
        ticker = Ticker(self.work, self.progress)
        if len(digests):
            with Inventory() as inventory:
                cargo = pack_up(inventory, here, there, digests, strict=self.datasets is not None)
                relied = cargo.relied
                ticker.expect(files=cargo.packs.num_rows, bytes=cargo.bytes)
                for carried in carry(crew, _place(here), _place(there), ledger.session, cargo.loads()):
                    before = ledger.stored_bytes
                    ledger.take(carried.packs, carried.chunks.sort_by("chunk"))
                    packs += len(carried.packs)
                    ticker.add(files=carried.loads, bytes=carried.bytes, stored=ledger.stored_bytes - before)
        manifests = _manifests(here, there, ranges_of(here.context, digests, state=here.state))
        packed = ledger.finish()
        self._commit(here, there, travellers, manifests, packed, relied)
        ticker.finish()
        return Synced(
            url=there.url,
            snapshots=travellers.names,
            present=travellers.present,
            left=travellers.left,
            packs=packs,
            bytes=packed.stored_bytes,
            annotations=travellers.annotations.num_rows,
        )

    def _commit(
        self,
        here: End,
        there: End,
        travellers: Travellers,
        manifests: _Manifests,
        packed: Packed,
        relied: frozenset[str],
    ) -> None:
        """Make all of it visible, if there is any."""
        catalog = self.target.catalog
        rows = {
            "snapshots": travellers.snapshots.select(SNAPSHOTS.schema.names),
            "ranges": manifests.ranges,
            "problems": travellers.problems,
            "annotations": travellers.annotations,
        }
        add = [*manifests.new, *packed.chunks, *packed.packs]
        add += [catalog.write(table, found) for table, found in rows.items() if found.num_rows]
        verdicts = self._verdicts(here, there, travellers)
        add += [catalog.write(table, found) for table, found in verdicts.items()]
        sound = _check(there, travellers, packed.session, relied, verdicts)
        for left in reversed(range(_TELLINGS)):
            now = replace(there, state=catalog.refresh())
            told: list[Segment] = []
            try:
                told += [catalog.write(table, found) for table, found in histories(here, now, self.datasets)]
                kept = bring_kept(here, now, self.datasets, state=now.state)
                if not add and not told and not kept.add:
                    return
                catalog.commit(
                    add=[*add, *told, *kept.add],
                    remove=kept.remove,
                    relies=manifests.kept,
                    view=there.state,
                    operation=self.work,
                    message=f"from {here.url}, archive {here.context.catalog.id}",
                    author=self.target.author,
                    session=packed.session,
                    check=partial(_told_check, sound, kept, now.state.version if told or kept.add else None),
                )
            except Conflict as error:
                if "said" not in error.about or not left:
                    raise
            except DamageError as error:
                if not left or not _moved_on(now, error):
                    raise
            else:
                return

    def _verdicts(self, here: End, there: End, travellers: Travellers) -> dict[str, pa.Table]:
        """What was found here in snapshots that the target has, or will have, and what their tables have to be."""
        live = chosen(here, self.datasets).select(["dataset", "number", "snapshot"]).to_pylist()
        known = [row["snapshot"] for row in live if f"{row['dataset']}@{row['number']}" not in travellers.left]
        found = missing_verdicts(here, there, column(known, pa.string()))
        schemas = missing_schemas(here, there, self.datasets)
        return found | {"schemas": schemas} if schemas.num_rows else found


def _refuse_unproven(here: End, travellers: Travellers) -> None:
    """Bring nothing whose records are not what its digest says."""
    wrong = unproven(here, travellers.snapshots)
    if wrong:
        raise ObjectDamaged(
            f"snapshot {wrong[0]} of {here.url} is not what its digest was made of: its record or its manifest was"
            " changed; nothing was copied: verify the archive, and forget what is damaged",
            snapshot=wrong[0],
            backend=here.url,
        )


def _place(end: End) -> Place:
    return Place.here(end.context.store, end.context.catalog.id)


@dataclass(frozen=True)
class _Manifests:
    """The rows of ``ranges`` for the target, the segments in them that are new there, and those that it had."""

    ranges: pa.Table
    new: tuple[Segment, ...]
    kept: tuple[Segment, ...]


def _manifests(here: End, there: End, ranges: pa.Table) -> _Manifests:
    """Copy the segments that manifests are made of, but for those that are there under another name."""
    mine = {segment.name: segment for segment in here.state.segments("entries")}
    named = ranges["segment"].unique().to_pylist()
    theirs = {segment.digest: segment for segment in there.state.segments("entries")}
    wanted = {mine[name].digest: mine[name] for name in named}
    missing = [segment for digest, segment in wanted.items() if digest not in theirs]
    store = max(here.context.store, there.context.store, key=lambda each: each.waits)
    new = tuple(ahead(store, (partial(_adopt, here, there, segment) for segment in missing)))
    placed = theirs | {segment.digest: segment for segment in new}
    names = [placed[mine[name].digest].name for name in named]
    moved = column(names, pa.string()).take(
        pc.index_in(ranges["segment"].combine_chunks(), value_set=column(named, pa.string()))
    )
    return _Manifests(
        ranges.set_column(ranges.schema.get_field_index("segment"), ranges.schema.field("segment"), moved),
        new,
        tuple(theirs[digest] for digest in wanted if digest in theirs),
    )


def _adopt(here: End, there: End, segment: Segment) -> Segment:
    return there.context.catalog.adopt(segment, here.context.catalog.stored(segment))


def _check(
    there: End,
    travellers: Travellers,
    session: str | None,
    relied: frozenset[str],
    verdicts: Mapping[str, pa.Table],
) -> Check:
    """What the commit has to pass beside a writer's checks: nobody brought, or made, snapshots of these names, or said
    the same, since the look.
    """
    context, view = there.context, there.state
    sound = writer_check(context, session, relied, view)

    def check(since: Sequence[Entry], present: State) -> None:
        sound(since, present)
        taken = {f"{row['dataset']}@{row['number']}" for row in fresh(context, "snapshots", view, present).to_pylist()}
        if taken & set(travellers.names):
            raise Conflict(f"{min(taken & set(travellers.names))} was made or brought meanwhile: look again")
        said = fresh(context, "annotations", view, present)
        if unsaid(travellers.annotations, said).num_rows < travellers.annotations.num_rows:
            raise Conflict("the same was said meanwhile: look again")
        for table, rows in verdicts.items() if since else ():
            if table in _EVENTS and unsaid(rows, fresh(context, table, view, present)).num_rows < rows.num_rows:
                raise Conflict("the same reports or schemas were brought meanwhile: look again")

    return check


def _told_check(sound: Check, kept: Change, looked: int | None, since: Sequence[Entry], present: State) -> None:
    """What the commit has to pass beside ``sound``: nobody recorded anything there, or had rows kept, since version
    ``looked``, when it was found out what is not recorded there.
    """
    sound(since, present)
    if looked is not None:
        kept.check([entry for entry in since if entry.version > looked], present)
    if looked is not None and provenance.says_something(since, after=looked):
        raise Conflict("something was recorded meanwhile: look again at what is not", said=True)


def _moved_on(end: End, error: DamageError) -> bool:
    """Whether what could not be read is no longer part of an archive that changed since it was looked at."""
    if error.about.get("backend") not in (None, end.url):
        return False
    present = end.context.catalog.refresh()
    if present.version == end.state.version:
        return False
    key = str(error.about.get("key", ""))
    pack = error.about.get("pack") or pack_of(key)
    if pack is not None:
        packs = (replace(end, state=state).read("packs", columns=["pack"])["pack"] for state in (end.state, present))
        was, now = (pc.any(pc.equal(names, scalar(str(pack)))).as_py() for names in packs)
        return bool(was and not now)
    before, after = (
        {segment.key for segments in state.tables.values() for segment in segments} for state in (end.state, present)
    )
    return key in before - after
