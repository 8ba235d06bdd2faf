"""Segments: the immutable files that tables are made of: Parquet, or Arrow where rows are looked up where they lie.

Bytes are hashed before anything in them is believed: a flipped bit is ``ObjectDamaged`` with the segment's name, never
a wrong value and never an error of the Parquet or Arrow library.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3
from pyarrow import ipc

from .columns import whole
from .errors import InvalidOption, ObjectDamaged
from .log import Segment, segment_key, segment_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import pyarrow.compute as pc
    from typing_extensions import Buffer

    from .stores.base import ObjectStore
    from .tables import Table

__all__ = [
    "HELD",
    "SegmentReader",
    "beginning",
    "decode",
    "decode_mapped",
    "encode",
    "encode_mapped",
    "open_mapped",
    "put_segment",
    "write_segment",
]

# Bytes.  Looking up rows in an Arrow segment below this costs more than taking all of its rows into memory.
HELD = 256 << 10

# Bytes.  Segments below this are kept as rows, so many bytes of them.
_TINY, _TINIES = 16 << 10, 16 << 20

# Random bytes in a segment's name: enough that no two writers ever meet.
_UNIQUE = 10
# Bytes of the values that bound a segment: what tells them apart where they are digests.
_BEGINNING = 8
# Small enough that a lookup by a sorted column reads little, large enough to compress.
_ROW_GROUP = 64 * 1024
# A column whose first values mostly differ gains nothing from a dictionary and pays for building one.
_SAMPLE = 1024


def encode(rows: pa.Table) -> pa.Buffer:
    """``rows`` as one Parquet file."""
    sink = pa.BufferOutputStream()
    # pyarrow's own annotation allows only a flag, its documentation also the names of columns.
    dictionary: Any
    dictionary, encodings = _encodings(rows)
    pq.write_table(
        rows,
        sink,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        use_dictionary=dictionary,
        column_encoding=encodings or None,
        write_statistics=True,
        write_page_checksum=True,
    )
    return sink.getvalue()


def encode_mapped(rows: pa.Table) -> pa.Buffer:
    """``rows`` as one Arrow file of one batch; compressed only when it is too small to be read where it lies."""
    sink = pa.BufferOutputStream()
    options = ipc.IpcWriteOptions(compression="zstd" if rows.nbytes < HELD else None)
    with ipc.new_file(sink, rows.schema, options=options) as writer:
        for batch in rows.combine_chunks().to_batches():
            writer.write_batch(batch)
    return sink.getvalue()


def _encodings(rows: pa.Table) -> tuple[list[str], dict[str, str]]:
    """Which columns get a dictionary, and the encodings of others."""
    dictionary: list[str] = []
    encodings: dict[str, str] = {}
    for name, column in zip(rows.column_names, rows.columns, strict=True):
        kind, sample = column.type, column.slice(0, _SAMPLE)
        if pa.types.is_nested(kind) or pa.types.is_fixed_size_binary(kind):
            continue
        if len(sample.unique()) * 2 <= len(sample) or len(sample) < 2:
            dictionary.append(name)
        elif pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
            encodings[name] = "DELTA_BINARY_PACKED"
        elif pa.types.is_string(kind) or pa.types.is_binary(kind):
            encodings[name] = "DELTA_BYTE_ARRAY"
    return dictionary, encodings


def write_segment(
    store: ObjectStore, table: Table, rows: pa.Table, *, seen: int, entropy: Callable[[int], bytes]
) -> tuple[Segment, Buffer]:
    """Write ``rows`` as a new segment, which belongs to nothing until a commit adds it; returns its bytes as well.

    Its name is new each time, not a hash of its content: a collector may have condemned an object of the same content.
    Raises ``RowsRefused``, or what the store raises.
    """
    rows = table.enforce(rows)
    if table.sort and rows.num_rows > 1:
        rows = rows.sort_by([(name, "ascending") for name in table.sort])
    data = encode_mapped(rows) if table.mapped else encode(rows)
    segment = Segment(table.name, "", blake3(data).hexdigest(), rows.num_rows, 0, *_bounds(table, rows))
    return put_segment(store, segment, data, seen=seen, entropy=entropy, mapped=table.mapped), data


def put_segment(
    store: ObjectStore, segment: Segment, data: Buffer, *, seen: int, entropy: Callable[[int], bytes], mapped: bool
) -> Segment:
    """Write the bytes of a segment under a new name; raises what the store raises."""
    name = segment_name(seen, entropy(_UNIQUE), mapped=mapped)
    size = store.put(segment_key(segment.table, name), [data])
    return replace(segment, name=name, bytes=size)


def _bounds(table: Table, rows: pa.Table) -> tuple[str, str] | tuple[None, None]:
    """How the least and the greatest value of the column begin that the rows are in the order of."""
    if not table.sort or not rows.num_rows:
        return None, None
    values = rows[table.sort[0]]
    kind = values.type
    digests = pa.types.is_fixed_size_binary(kind) and kind.byte_width >= _BEGINNING
    if values.null_count or not (digests or pa.types.is_uint64(kind)):
        return None, None
    return beginning(values[0].as_py()), beginning(values[-1].as_py())


def beginning(value: bytes | int) -> str:
    """How a digest begins, or a key, as the bounds of segments say it: bounds are in the order of the values."""
    return f"{value:016x}" if isinstance(value, int) else value[:_BEGINNING].hex()


class SegmentReader:
    """Reads segments of one store, verified; keeps the bytes of those read last, ``cache`` bytes of them at most, and
    the rows of tiny ones, which take longer to decode than to read.
    """

    def __init__(self, store: ObjectStore, *, cache: int = 32 << 20, threads: int = 4) -> None:
        self._store = store
        self._cache = cache
        self._threads = threads
        self._held: OrderedDict[str, Buffer] = OrderedDict()
        self._size = 0
        self._tiny: OrderedDict[str, pa.Table] = OrderedDict()
        self._tiny_size = 0
        self._lock = threading.Lock()

    def verified(self, segment: Segment) -> Buffer:
        """The segment's bytes, hashed; raises ``ObjectMissing``, ``ObjectDamaged``, or what the store raises."""
        key = segment.key
        data = self._store.get(key)
        size = memoryview(data).nbytes
        if size != segment.bytes or blake3(data).hexdigest() != segment.digest:
            raise self._damaged(segment, size)
        return data

    def verified_path(self, segment: Segment) -> Path | None:
        """The local file that holds the segment, hashed where it lies; ``None`` where the store has no such files.

        Raises what ``verified`` raises.
        """
        path = self._store.path(segment.key)
        if path is None:
            return None
        size = self._store.size(segment.key)
        try:
            if size != segment.bytes or blake3().update_mmap(path).hexdigest() != segment.digest:
                raise self._damaged(segment, size)
        except OSError:
            self.verified(segment)  # the store has the words for what is wrong
        return path

    def _damaged(self, segment: Segment, size: int) -> ObjectDamaged:
        what = f"it has {size} bytes instead of {segment.bytes}" if size != segment.bytes else "its digest is wrong"
        return ObjectDamaged(
            f"segment {segment.key} is damaged: {what}",
            key=segment.key,
            table=segment.table,
            segment=segment.name,
            backend=self._store.url,
        )

    def bytes(self, segment: Segment) -> Buffer:
        """As ``verified``, from the cache when it was read lately."""
        data = self.held(segment)
        if data is None:
            data = self.verified(segment)
            self.keep(segment, data)
        return data

    def held(self, segment: Segment) -> Buffer | None:
        """The segment's bytes, if they are in the cache."""
        with self._lock:
            data = self._held.get(segment.key)
            if data is not None:
                self._held.move_to_end(segment.key)
            return data

    def keep(self, segment: Segment, data: Buffer) -> None:
        """Put the verified bytes of a segment into the cache."""
        if segment.bytes > self._cache // 4:  # a big one would push out all others, and reading it is not what costs
            return
        with self._lock:
            if segment.key not in self._held:
                self._held[segment.key] = data
                self._size += segment.bytes
            while self._size > self._cache:
                _, dropped = self._held.popitem(last=False)
                self._size -= memoryview(dropped).nbytes

    def _keep_rows(self, segment: Segment, rows: pa.Table) -> None:
        """Keep all rows of a tiny segment."""
        with self._lock:
            if segment.key not in self._tiny:
                self._tiny[segment.key] = rows
                self._tiny_size += rows.nbytes
            while self._tiny_size > _TINIES:
                _, dropped = self._tiny.popitem(last=False)
                self._tiny_size -= dropped.nbytes

    def read(
        self,
        table: Table,
        segment: Segment,
        *,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,
    ) -> pa.Table:
        """The segment's rows in the table's declared types, or those ``columns`` of the rows that fit ``filter``.

        Raises what ``verified`` raises, and ``InvalidOption`` for a filter that does not fit the table.
        """
        wanted = None if filter is not None else columns
        rows = self._tiny_rows(table, segment, wanted) if segment.bytes < _TINY else self._rows(table, segment, wanted)
        if filter is None:
            return rows
        try:
            rows = rows.filter(filter)
        except pa.ArrowException as error:
            raise InvalidOption(
                f"the filter {filter} does not fit table {table.name}: {error}", table=table.name
            ) from error
        return rows if columns is None else rows.select(list(columns))

    def _rows(self, table: Table, segment: Segment, columns: Sequence[str] | None) -> pa.Table:
        """The segment's rows, decoded."""
        data = self.bytes(segment)
        try:
            read = decode_mapped if segment.mapped else decode
            return conform(table, read(data, None if columns is None else tuple(columns)), columns)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(segment, error) from error

    def _tiny_rows(self, table: Table, segment: Segment, columns: Sequence[str] | None) -> pa.Table:
        """As ``_rows``, of a tiny segment, whose rows are kept with all columns."""
        with self._lock:
            rows = self._tiny.get(segment.key)
            if rows is not None:
                self._tiny.move_to_end(segment.key)
        if rows is None:
            rows = self._rows(table, segment, None)
            self._keep_rows(segment, rows)
        return rows if columns is None else rows.select(list(columns))

    def _at_hand(self, segment: Segment) -> bool:
        """Whether reading the segment asks nothing of the store."""
        with self._lock:
            return segment.key in self._tiny or segment.key in self._held

    def stream(
        self,
        table: Table,
        segments: Sequence[Segment],
        *,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,
    ) -> Iterator[pa.Table]:
        """The rows of each segment, in order, a few segments read ahead where the store waits."""
        waits = self._store.waits and self._threads > 1
        if not waits or sum(not self._at_hand(segment) for segment in segments) < 3:
            for segment in segments:
                yield self.read(table, segment, columns=columns, filter=filter)
            return
        rest = iter(segments)
        ahead: deque[Future[pa.Table]] = deque()
        pool = ThreadPoolExecutor(self._threads, thread_name_prefix="holotype-segments")
        try:
            while True:
                for segment in islice(rest, self._threads + 1 - len(ahead)):
                    ahead.append(pool.submit(self.read, table, segment, columns=columns, filter=filter))
                if not ahead:
                    return
                yield ahead.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def decode(data: Buffer, columns: tuple[str, ...] | None) -> pa.Table:
    """The rows of a segment's bytes: all columns, or those of ``columns`` that it has; raises Arrow's own errors."""
    file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(data)))
    there = file.schema_arrow.names
    return file.read(
        columns=None if columns is None else [name for name in columns if name in there], use_threads=False
    )


def decode_mapped(data: Buffer, columns: tuple[str, ...] | None) -> pa.Table:
    """As ``decode``, of an Arrow file; the rows share the memory of ``data``."""
    return _read_arrow(pa.BufferReader(pa.py_buffer(data)), columns)


def open_mapped(table: Table, segment: Segment, path: str) -> pa.Table:
    """The rows of a verified Arrow segment, each column in one piece, mapped into memory where they lie.

    What is looked at is read, nothing else.  Raises ``ObjectDamaged`` for what is no such file.
    """
    try:
        rows = conform(table, _read_arrow(pa.memory_map(path), None), None)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(segment, error) from error
    return pa.Table.from_arrays([whole(values) for values in rows.columns], schema=rows.schema)


def _read_arrow(source: pa.NativeFile, columns: tuple[str, ...] | None) -> pa.Table:
    rows = ipc.open_file(source).read_all()
    return rows if columns is None else rows.select([name for name in columns if name in rows.schema.names])


def _unreadable(segment: Segment, error: Exception) -> ObjectDamaged:
    """Its bytes are what was written, so whoever wrote it wrote something that cannot be read."""
    return ObjectDamaged(
        f"segment {segment.key} cannot be read: {error}",
        key=segment.key,
        table=segment.table,
        segment=segment.name,
    )


def conform(table: Table, rows: pa.Table, columns: Sequence[str] | None) -> pa.Table:
    """``rows`` with exactly the declared columns: one that was declared later is missing in old segments, and null
    there."""
    schema = table.schema if columns is None else pa.schema([table.schema.field(name) for name in columns])
    if rows.schema.equals(schema):
        return rows
    arrays = [
        rows[field.name].cast(field.type) if field.name in rows.schema.names else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
