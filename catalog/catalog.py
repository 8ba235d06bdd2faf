"""A catalog: declared tables in an object store, changed by commits that are visible whole or not at all.

What lies in the store, and the module that knows it::

    archive.json                                   what the archive is                         header
    log/00000000000000000001.json                  its commits, a chain of hashes              log, commits
    checkpoints/00000000000000000032.json          whole states, so that opening stays cheap   history
    tip.zlib                                       the newest, where requests are dear         tip
    tables/snapshots/000000000007-6f1c….parquet    segments, immutable                         segments
    tables/prov_links/000000000009-41b2….arrow     segments that are read where they lie       segments
"""

from __future__ import annotations

import getpass
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from .commits import Attempt, commit
from .compaction import compact, tidy
from .errors import ArchiveReadOnly, HolotypeError, InvalidOption, LogDamaged, ObjectMissing
from .header import HEADER, Header, read_header
from .history import CHECKPOINT_EVERY, newest_state, write_checkpoint
from .log import COMPACTION, Entry, Segment
from .reading import Reading
from .segments import put_segment, write_segment
from .stores.probing import probe, try_writing
from .stores.single import SingleWriterStore, warn_of_one_writer
from .strangers import exists, refuse_strangers
from .tip import write_tip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa
    from typing_extensions import Buffer

    from .commits import Check
    from .state import State
    from .stores.base import ObjectStore
    from .tables import Table

__all__ = ["Catalog"]

_T = TypeVar("_T")


def _now() -> datetime:
    return datetime.now(UTC)


class Catalog(Reading):
    """The tables of one archive (see the module), made by ``Catalog.create`` and ``Catalog.open``.

    It may be shared between threads.
    """

    def __init__(
        self,
        store: ObjectStore,
        header: Header,
        state: State,
        *,
        tables: Iterable[Table],
        read_only: bool,
        compact_above: int | None,
        clock: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        sleep: Callable[[float], object],
    ) -> None:
        super().__init__(store, header, state, tables)
        self._read_only = read_only
        self._compact_above = compact_above
        self._clock = clock
        self._entropy = entropy
        self._sleep = sleep
        self._committing = threading.RLock()  # threads of one process take turns rather than race through the storage

    @classmethod
    def create(
        cls,
        store: ObjectStore,
        *,
        tables: Iterable[Table],
        name: str = "",
        settings: Mapping[str, Any] | None = None,
        compact_above: int | None = 32,
        clock: Callable[[], datetime] = _now,
        entropy: Callable[[int], bytes] = os.urandom,
        sleep: Callable[[float], object] = time.sleep,
    ) -> Catalog:
        """Make a new archive in ``store``; ``settings`` (anything JSON can hold) are kept for ever in ``archive.json``.

        The store is probed first; where creation is not exclusive, the archive has one writer, and a
        ``SingleWriterWarning`` says so.  Raises ``ArchiveExists``, ``TargetRefused`` when anything else is there,
        ``InvalidOption``, ``LogDamaged`` when there is an archive that lost its ``archive.json``, or what the store
        raises.
        """
        header = Header(entropy(16).hex(), name, clock(), dict(settings or {}))
        try:
            header.encode()
        except (TypeError, ValueError) as error:
            raise InvalidOption(f"settings must be what JSON can hold: {error}", settings=settings) from error
        if store.exists(HEADER):
            raise exists(store)
        # In this order: an archive made meanwhile has its header before its log.
        if next(iter(store.list("log/")), None) is not None and not store.exists(HEADER):
            raise LogDamaged(f"{HEADER} is missing from {store.url}, which has a commit log", key=HEADER)
        refuse_strangers(store)
        if not probe(store):
            store, header = SingleWriterStore(store), replace(header, writers="one")
        data = header.encode()
        doubt: HolotypeError | None = None
        try:
            made = store.create(HEADER, data)
        except HolotypeError as error:
            made, doubt = False, error
        if not made:
            try:
                there = bytes(store.get(HEADER))
            except ObjectMissing:
                there = b""
            if doubt is not None and not there:
                raise doubt
            if there != data:
                raise exists(store)
        return cls.open(store, tables=tables, compact_above=compact_above, clock=clock, entropy=entropy, sleep=sleep)

    @classmethod
    def open(
        cls,
        store: ObjectStore,
        *,
        tables: Iterable[Table],
        read_only: bool = False,
        compact_above: int | None = 32,
        clock: Callable[[], datetime] = _now,
        entropy: Callable[[int], bytes] = os.urandom,
        sleep: Callable[[float], object] = time.sleep,
    ) -> Catalog:
        """Open the archive in ``store``.

        ``compact_above``: a commit that leaves a table with more small segments than this is followed by a compaction;
        ``None`` for never.  ``clock``, ``entropy`` (random bytes) and ``sleep`` (between attempts to commit that others
        were faster than) are the world's, or a test's.

        Warns with ``SingleWriterWarning`` when it may have one writer only and is opened for writing.  Raises
        ``ArchiveNotFound``, ``FormatTooNew``, ``LogDamaged``, or what the store raises.
        """
        header = read_header(store)
        if header.writers == "one":
            store = store if isinstance(store, SingleWriterStore) else SingleWriterStore(store)
            if not read_only:
                warn_of_one_writer(store.url)
        tip = newest_state(store, header)
        catalog = cls(
            store,
            header,
            tip.state,
            tables=tables,
            read_only=read_only,
            compact_above=compact_above,
            clock=clock,
            entropy=entropy,
            sleep=sleep,
        )
        for segment, data in tip.held.items():
            catalog._reader.keep(segment, data)
        return catalog

    @property
    def read_only(self) -> bool:
        """Whether it was opened for reading only."""
        return self._read_only

    # -- writing

    def check_writable(self) -> None:
        """Raise ``ArchiveReadOnly`` when it was opened for reading only."""
        if self._read_only:
            raise ArchiveReadOnly(f"the archive at {self._store.url} was opened for reading only", url=self._store.url)

    def try_writing(self) -> None:
        """Write a small object and take it away again.

        Raises ``ArchiveReadOnly`` when it was opened for reading only, ``StorageDenied`` when the storage lets nobody
        write who is known to it as this process is, or what else the store raises.
        """
        self.check_writable()
        try_writing(self._store)

    def write(self, table: str, rows: pa.Table) -> Segment:
        """Write rows as a new segment of ``table``, which belongs to nothing until a commit adds it.

        Raises ``RowsRefused``, ``TableNotFound``, ``ArchiveReadOnly``, or what the store raises.
        """
        return self.write_as(self.table(table), rows)

    def write_as(self, table: Table, rows: pa.Table) -> Segment:
        """As ``write``, of a table that the same commit declares in the archive, or one before it (see ``kept``)."""
        self.check_writable()
        return self._written(*write_segment(self._store, table, rows, seen=self._state.version, entropy=self._entropy))

    def write_all(self, rows: Mapping[str, pa.Table]) -> list[Segment]:
        """As ``write``, for the rows of several tables, by name: where requests are dear, all at once."""
        if len(rows) < 2 or not (self._store.distant and self._store.waits):
            return [self.write(table, each) for table, each in rows.items()]
        with ThreadPoolExecutor(len(rows), thread_name_prefix="holotype-segments") as pool:
            return list(pool.map(self.write, rows, rows.values()))

    def adopt(self, segment: Segment, data: Buffer) -> Segment:
        """Write a segment of another catalog as one of this one, byte for byte: as ``write``, and with its digest.

        ``data``: what the other's ``stored`` gives.  The name is new: what was condemned here, or will be, is known by
        names of this catalog's own.
        """
        self.check_writable()
        self.table(segment.table)
        new = put_segment(
            self._store, segment, data, seen=self._state.version, entropy=self._entropy, mapped=segment.mapped
        )
        return self._written(new, data)

    def _written(self, segment: Segment, data: Buffer) -> Segment:
        if self._store.distant:  # for the tip
            self._reader.keep(segment, data)
        return segment

    def commit(
        self,
        *,
        add: Iterable[Segment] = (),
        remove: Iterable[Segment] = (),
        operation: str,
        message: str = "",
        author: str | None = None,
        session: str | None = None,
        relies: Iterable[Segment] = (),
        condemn: Iterable[str] = (),
        view: State | None = None,
        check: Check | None = None,
    ) -> Entry:
        """Make one commit: visible whole, or not at all.

        ``relies``: segments that must stay, for this commit and for every later one that would remove them without
        having seen it.  ``condemn``: keys of objects that nobody may add any more.  ``view``: the state that the caller
        looked at when it decided on all this, by default the newest seen now.  ``check``: given all entries since the
        view and the state they lead to, before each attempt; it raises ``Conflict`` when one of them spoils the commit.

        Raises ``Conflict`` (look again, decide anew), ``ArchiveReadOnly``, ``LogDamaged``, or what the store raises.
        """
        self.check_writable()
        if operation == COMPACTION:
            raise InvalidOption(f"the operation {COMPACTION!r} is the catalog's own: it promises that no fact changed")
        entry = self._entry(
            operation,
            message=message,
            author=author,
            session=session,
            add=add,
            remove=remove,
            relies=relies,
            condemn=condemn,
        )
        entry = self._commit(entry, view or self._state, check)
        if self._compact_above is not None:
            tidy(self, entry.add, self._compact_above, self._commit_compaction)
        return entry

    def compact(self, *, tables: Iterable[str] | None = None) -> Entry | None:
        """Merge small segments of ``tables``, by default of all, in one commit; ``None`` when nothing pays to be
        merged.

        Raises ``Conflict``, ``ArchiveReadOnly``, ``ObjectMissing``, ``ObjectDamaged``, or what the store raises; no row
        is lost or changed either way.
        """
        self.check_writable()
        return compact(self, sorted(self.tables) if tables is None else tables, self._commit_compaction)

    def _commit_compaction(self, add: Sequence[Segment], remove: Sequence[Segment], view: State) -> Entry:
        return self._commit(self._entry(COMPACTION, add=add, remove=remove), view, None)

    def _entry(
        self,
        operation: str,
        *,
        message: str = "",
        author: str | None = None,
        session: str | None = None,
        add: Iterable[Segment] = (),
        remove: Iterable[Segment] = (),
        relies: Iterable[Segment] = (),
        condemn: Iterable[str] = (),
    ) -> Entry:
        return Entry(
            version=0,  # its place in the log is found by committing it
            parent="",
            write_id=self._entropy(16).hex(),
            author=_user() if author is None else author,
            time=self._clock(),
            operation=operation,
            message=message,
            session=session,
            add=_by_table(add, lambda segment: segment),
            remove=_by_table(remove, lambda segment: segment.name),
            relies=_by_table(relies, lambda segment: segment.name),
            condemn=tuple(condemn),
        )

    def _commit(self, entry: Entry, view: State, check: Check | None) -> Entry:
        with self._committing:
            entry, state = commit(
                self._store, Attempt(entry, view, check), max(self._state, view, key=_version), sleep=self._sleep
            )
            self._advance(state)
        if entry.version % CHECKPOINT_EVERY == 0:
            write_checkpoint(self._store, state)
        if self._store.distant:
            write_tip(self._store, state, self._reader)
        return entry


def _by_table(segments: Iterable[Segment], value: Callable[[Segment], _T]) -> dict[str, tuple[_T, ...]]:
    found: dict[str, list[_T]] = {}
    for segment in segments:
        found.setdefault(segment.table, []).append(value(segment))
    return {table: tuple(values) for table, values in found.items()}


def _version(state: State) -> int:
    return state.version


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # as a service of Windows may be without a name
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"
