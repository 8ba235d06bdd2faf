"""The reading side of a catalog: its tables as Arrow, Polars and SQL, its history, and what is damaged in it."""

from __future__ import annotations

import threading
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

from .auditing import Damage, audit
from .errors import InvalidOption, ObjectMissing, TableNotFound
from .files import SegmentFiles
from .history import entries_after, news
from .kept import KEPT_TABLES, declared_in
from .segments import SegmentReader, open_mapped
from .together import Together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    import duckdb
    import polars as pl
    import pyarrow.compute as pc
    from typing_extensions import Buffer

    from .header import Header
    from .log import Entry, Segment
    from .state import State
    from .stores.base import ObjectStore
    from .tables import Table

__all__ = ["Reading"]

_T = TypeVar("_T")


class Reading:
    """What can be read of one archive's tables, at the newest version seen or any that is still at hand."""

    def __init__(self, store: ObjectStore, header: Header, state: State, tables: Iterable[Table]) -> None:
        self._store = store
        self._header = header
        self._state = state
        self._tables = MappingProxyType({table.name: table for table in tables})
        self._reader = SegmentReader(store)
        self._files = SegmentFiles(store, self._reader)
        self._together = Together()
        self._kept: tuple[tuple[Segment, ...], Mapping[str, Table]] = ((), MappingProxyType({}))
        self._looking = threading.Lock()  # guards _state

    @property
    def store(self) -> ObjectStore:
        """Where its bytes lie."""
        return self._store

    @property
    def id(self) -> str:
        """The archive's id, random, given when it was created."""
        return self._header.id

    @property
    def name(self) -> str:
        """The archive's name."""
        return self._header.name

    @property
    def created(self) -> datetime:
        """When it was created, by the creator's clock."""
        return self._header.created

    @property
    def settings(self) -> Mapping[str, Any]:
        """What was fixed when it was created."""
        return MappingProxyType(dict(self._header.settings))

    @property
    def header(self) -> Header:
        """``archive.json``."""
        return self._header

    @property
    def tables(self) -> Mapping[str, Table]:
        """The declared tables, by name: its own, and those that were declared in the archive (see ``kept``)."""
        return self._at(None, self.tables_at)

    @property
    def state(self) -> State:
        """The newest version this catalog has seen; ``refresh`` looks for a newer one."""
        return self._state

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._store.url!r}, version={self._state.version})"

    def table(self, name: str) -> Table:
        """The declared table ``name``; raises ``TableNotFound``."""
        found = self._tables.get(name) or self.tables.get(name)
        if found is None:
            raise TableNotFound(f"there is no table {name!r}; there are {', '.join(sorted(self.tables))}", table=name)
        return found

    def tables_at(self, state: State) -> Mapping[str, Table]:
        """The declared tables in a version, by name.  Raises ``ObjectMissing``, ``ObjectDamaged``, ``LogDamaged``, or
        what the store raises.
        """
        segments = state.segments(KEPT_TABLES.name)
        if not segments or KEPT_TABLES.name not in self._tables:
            return self._tables
        known, tables = self._kept
        if known != segments:
            tables = declared_in(pa.concat_tables(self._reader.stream(KEPT_TABLES, segments)))
            self._kept = segments, tables
        return {**tables, **self._tables}

    # -- reading

    def refresh(self) -> State:
        """Look for commits made since; returns the newest state."""
        state = self._state
        return self._advance(state.after(news(self._store, state.version)))

    def entries(self, *, after: int = 0) -> Iterator[Entry]:
        """The commits after version ``after``, oldest first, up to the newest there is."""
        return entries_after(self._store, after)

    def read(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,
        state: State | None = None,
        segments: Sequence[Segment] | None = None,
    ) -> pa.Table:
        """A table's rows, in the order of its segments.

        ``columns``: only these.  ``filter``: only rows that fit.  ``state``: as of that version, else the newest seen.
        ``segments``: only these, in this order.  Raises ``TableNotFound``, ``ObjectMissing``, ``ObjectDamaged``,
        ``InvalidOption``, or what the store raises.
        """
        if segments is not None:
            found = list(self.batches(table, columns=columns, filter=filter, segments=segments))
        else:
            found = self._at(state, lambda at: list(self.batches(table, columns=columns, filter=filter, state=at)))
        return pa.concat_tables(found) if found else _select(self.table(table).empty(), columns)

    def batches(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,
        state: State | None = None,
        segments: Sequence[Segment] | None = None,
    ) -> Iterator[pa.Table]:
        """As ``read``, one Arrow table per segment, so that memory does not grow with the table."""
        declared = self.table(table)
        unknown = [name for name in columns or () if name not in declared.schema.names]
        if unknown:
            raise InvalidOption(
                f"table {table} has no column {', '.join(unknown)}", table=table, columns=tuple(unknown)
            )
        wanted = (state or self._state).segments(table) if segments is None else segments
        return self._reader.stream(declared, wanted, columns=columns, filter=filter)

    def together(self, table: str, segments: Sequence[Segment]) -> pa.Table:
        """The rows of small ``segments`` as one, in the table's order, each column in one piece; kept for later.

        Raises what ``read`` raises.
        """
        declared = self.table(table)
        return self._together.rows(declared, segments, lambda new: self.batches(table, segments=new))

    def stored(self, segment: Segment) -> Buffer:
        """A segment's bytes as they lie in storage, hashed; raises ``ObjectMissing``, ``ObjectDamaged``, or what the
        store raises.
        """
        return self._reader.verified(segment)

    def paths(self, segments: Sequence[Segment]) -> list[str]:
        """Local files with the bytes of ``segments``, each verified once: the objects' own on a local disk.

        Raises ``ObjectMissing``, ``ObjectDamaged``, ``StorageFull`` for want of a temporary file, or what the store
        raises.
        """
        return self._files.paths(segments)

    def scan(self, table: str, *, state: State | None = None) -> pl.LazyFrame:
        """A table as a lazy Polars frame over its verified segments, in their order.

        Raises ``TableNotFound``, ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
        """
        import polars as pl  # takes half a second, and writing does not need it

        declared = self.table(table)
        empty = pl.DataFrame(declared.empty())
        found = self._at(state, lambda at: self._paths(at.segments(table)))
        parts = [empty.lazy()]
        for mapped, pairs in groupby(found, key=lambda pair: pair[0].mapped):
            paths = [path for _, path in pairs]
            if mapped:  # one by one: a column that was declared later is missing in some
                parts += [pl.scan_ipc(path, glob=False) for path in paths]
            else:
                parts.append(
                    pl.scan_parquet(
                        paths,
                        schema=empty.schema,
                        missing_columns="insert",
                        glob=False,
                        hive_partitioning=False,
                        cache=False,
                    )
                )
        return parts[-1] if len(parts) < 3 and not declared.mapped else pl.concat(parts, how="diagonal")

    def sql(
        self,
        query: str,
        *,
        params: Sequence[object] | Mapping[str, object] | None = None,
        views: Mapping[str, str] | None = None,
        state: State | None = None,
    ) -> duckdb.DuckDBPyRelation:
        """The DuckDB relation of one SELECT over the tables and ``views`` (a name and a SELECT each).

        The relation reads when it is asked for rows (``.pl()``, ``.arrow()``, ``.df()``, ``.fetchall()``), as of the
        version it was made for.  Raises ``InvalidOption`` for what is no single SELECT, ``ObjectMissing``,
        ``ObjectDamaged``, and DuckDB's own errors for what is wrong in the SQL.
        """
        from .sql import query as run  # DuckDB is not needed for writing

        return self._at(state, lambda at: run(query, self.tables_at(at), at, self._files, params=params, views=views))

    def connection(
        self, *, views: Mapping[str, str] | None = None, state: State | None = None
    ) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with one view per table, and ``views``; it has its own memory and reaches no file.

        Every live segment is verified first.  Raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
        """
        from .sql import connect  # DuckDB is not needed for writing

        return self._at(state, lambda at: connect(self.tables_at(at).values(), at, self._files, views=views))

    def mapped(self, segment: Segment) -> pa.Table:
        """The rows of a segment of a mapped table, where they lie: verified, and then only read as they are looked at.

        A store that has no local files gives a private copy.  Raises ``InvalidOption`` for a segment that is not kept
        so, ``ObjectMissing``, ``ObjectDamaged``, or what the store raises.
        """
        if not segment.mapped:
            raise InvalidOption(f"segment {segment.key} is not kept to be mapped into memory", segment=segment.name)
        return open_mapped(self.table(segment.table), segment, self._files.paths([segment])[0])

    def audit(self, *, hashed: bool = True) -> Iterator[Damage]:
        """Every damage to the archive's records: header, log, checkpoints, live segments.

        ``hashed=False`` looks only at the sizes of segments.  Raises what listing the store raises.
        """
        return audit(self._store, self._header, self._state, self._reader, hashed=hashed)

    def _paths(self, segments: Sequence[Segment]) -> list[tuple[Segment, str]]:
        return list(zip(segments, self._files.paths(segments), strict=True))

    def _advance(self, state: State) -> State:
        """Take ``state`` for the newest seen, unless another thread has seen a newer one."""
        with self._looking:
            if state.version > self._state.version:
                self._state = state
            return self._state

    def _at(self, state: State | None, read: Callable[[State], _T]) -> _T:
        """What ``read`` makes of ``state``, or of the newest one; when a collection took its segments, of a newer."""
        while state is None:
            newest = self._state
            try:
                return read(newest)
            except ObjectMissing:
                if self.refresh().version == newest.version:
                    raise
        return read(state)


def _select(rows: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    return rows if columns is None else rows.select(list(columns))
