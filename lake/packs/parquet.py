"""Parquet packs: chunks as the rows of an ordinary Parquet file, each found again with one ranged read.

The file has two required columns, ``chunk_id`` (32 bytes) and ``data``, and a row group for each group of chunks it was
given.  A column of a row group is exactly one data page: a header, then the page's *body*, the values one after the
other, each behind its length in four bytes::

    PAR1 │ header │ id id id │ header │ len chunk len chunk len chunk │ header │ … │ footer PAR1
                                        ╰──────── page body ────────╯

Without compression the bytes of a chunk stand in the file as they are, and its row of ``chunks`` points straight at
them: reading one chunk costs its own length.  With compression the row points at the page body, a Zstandard frame of
its own, and says where in the decoded page the chunk begins.  Neither needs the footer; DuckDB and Arrow do, and find
it.

The pages are laid out here rather than by Arrow's writer because only so is it certain where a chunk lies, whatever
version of Arrow is installed; and it saves two copies of every byte.

Apache Parquet format 2.x, https://parquet.apache.org/docs/file-format/ and its ``parquet.thrift``.
"""

from __future__ import annotations

import zlib
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
from blake3 import blake3

from holotype.catalog import numbers, repeated

from ..schema import CHUNKS
from .base import Pack, PackObject, PackWriter
from .slabs import Slabs
from .thrift import i32, i64, items, struct, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from typing_extensions import Buffer

    from .thrift import Value

__all__ = ["ParquetPackWriter"]

_MAGIC = b"PAR1"
# Of parquet.thrift: Type, Repetition, Encoding, CompressionCodec, PageType.
_BYTE_ARRAY, _FIXED_LEN_BYTE_ARRAY = 6, 7
_REQUIRED = 0
_PLAIN, _RLE = 0, 3
_UNCOMPRESSED, _ZSTD = 0, 6
_DATA_PAGE = 0

_SCHEMA = items(
    [
        struct({4: text("schema"), 5: i32(2)}),
        struct({1: i32(_FIXED_LEN_BYTE_ARRAY), 2: i32(32), 3: i32(_REQUIRED), 4: text("chunk_id")}),
        struct({1: i32(_BYTE_ARRAY), 3: i32(_REQUIRED), 4: text("data")}),
    ]
)


class _Group(NamedTuple):
    """Chunks that share a page: their ids, one behind the other, their lengths, and where the page's body lies.

    Kept as it comes, and made into columns when the pack is finished: each step that lets go of the interpreter's lock
    while a group is added costs the thread that reads files more than it costs this one.
    """

    ids: bytes
    lengths: list[int]
    begin: int
    stored: int


# Above this a copy is worth doing without the GIL, below it one call for all is faster.
_LARGE = 64 << 10


class ParquetPackWriter(PackWriter):
    """Writes one Parquet pack.

    ``session``: the session it is written in.  ``compress``: whether pages are Zstandard frames, of ``level``, or the
    bytes as they are.
    """

    def __init__(self, session: str, *, compress: bool, level: int = 1) -> None:
        self._session = session
        self._codec = pa.Codec("zstd", compression_level=level) if compress else None
        self._slabs = Slabs()
        self._raw = self._count = 0
        self._groups: list[_Group] = []
        self._pages: list[Value] = []
        self._slabs.write(_MAGIC)

    @property
    def stored(self) -> int:
        """Bytes of the file so far."""
        return self._slabs.size

    @property
    def count(self) -> int:
        """Chunks so far."""
        return self._count

    def add(self, ids: Sequence[bytes], chunks: Sequence[bytes | memoryview]) -> None:
        """One group of chunks: their 32-byte ``ids``, and their bytes in the same order.

        A group is what is compressed together, and decoded to read one of its chunks: about 1 MiB, or one chunk.
        ``chunks`` may be views of a buffer that is used again as soon as this returns.
        """
        if not ids:
            return
        joined = b"".join(ids)
        body = _plain(chunks)
        stored: Buffer = body if self._codec is None else self._codec.compress(body, asbytes=True)
        named = self._column("chunk_id", _FIXED_LEN_BYTE_ARRAY, len(ids), len(joined), joined, None)
        held = self._column("data", _BYTE_ARRAY, len(ids), body.nbytes, stored, self._codec)
        self._pages.append(
            struct({1: items([named, held]), 2: i64(len(joined) + body.nbytes), 3: i64(len(ids))}),
        )
        size = memoryview(stored).nbytes
        self._groups.append(_Group(joined, list(map(len, chunks)), self._slabs.size - size, size))
        self._count += len(ids)
        self._raw += body.nbytes - 4 * len(ids)

    def finish(self) -> Pack:
        """The finished pack; there must be something in it."""
        footer = struct(
            {1: i32(2), 2: _SCHEMA, 3: i64(self._count), 4: items(self._pages), 6: text("holotype version 1")}
        )[1]
        self._slabs.write(footer)
        self._slabs.write(len(footer).to_bytes(4, "little") + _MAGIC)
        parts, hasher = self._slabs.parts(), blake3()
        for part in parts:
            hasher.update(part)
        name = f"{self._session}/{hasher.hexdigest()}"
        key = f"packs/{name}.parquet"
        ids = pa.py_buffer(b"".join([group.ids for group in self._groups]))
        columns = {
            "chunk": pa.Array.from_buffers(pa.binary(32), self._count, [None, ids]),
            "pack": repeated(name, self._count),
            "codec": repeated("raw" if self._codec is None else "zstd", self._count),
            **{place: numbers(values) for place, values in self._places().items()},
        }
        row: dict[str, object] = {
            "pack": name,
            "kind": "parquet",
            "session": self._session,
            "object": key,
            "bytes": self._slabs.size,
            "raw": self._raw,
            "chunks": self._count,
            "described": None,
        }
        chunks = pa.table([columns[column] for column in CHUNKS.schema.names], schema=CHUNKS.schema)
        return Pack(name, (PackObject(key, parts),), chunks, row, self._slabs)

    def _places(self) -> dict[str, npt.NDArray[np.int64]]:
        """Where each chunk lies, as columns of the table ``chunks``."""
        lengths = np.fromiter(chain.from_iterable(group.lengths for group in self._groups), np.int64, self._count)
        counts = [len(group.lengths) for group in self._groups]
        # Of each chunk, where its group's page begins, and how far behind that its bytes begin in the decoded page.
        begin = np.repeat(np.array([group.begin for group in self._groups], np.int64), counts)
        ends = np.cumsum(lengths + 4)
        firsts = np.cumsum([0, *counts[:-1]])
        starts = ends - lengths - np.repeat(ends[firsts] - lengths[firsts] - 4, counts)
        if self._codec is None:
            places = {"offset": begin + starts, "stored": lengths, "block": lengths, "start": np.zeros_like(starts)}
        else:
            stored = np.repeat(np.array([group.stored for group in self._groups], np.int64), counts)
            decoded = np.repeat(np.add.reduceat(lengths + 4, firsts), counts)
            places = {"offset": begin, "stored": stored, "block": decoded, "start": starts}
        return {**places, "length": lengths}

    def _column(self, name: str, kind: int, count: int, decoded: int, body: Buffer, codec: pa.Codec | None) -> Value:
        """Write one column of a row group, a page; returns the footer's ColumnChunk."""
        begin, stored = self._slabs.size, memoryview(body).nbytes
        page = struct({1: i32(count), 2: i32(_PLAIN), 3: i32(_RLE), 4: i32(_RLE)})
        checksum = zlib.crc32(body)
        checksum -= (checksum & 0x8000_0000) << 1  # the field is signed
        header = struct({1: i32(_DATA_PAGE), 2: i32(decoded), 3: i32(stored), 4: i32(checksum), 5: page})[1]
        self._slabs.write(header)
        self._slabs.write(body)
        meta = struct(
            {
                1: i32(kind),
                2: items([i32(_PLAIN), i32(_RLE)]),
                3: items([text(name)]),
                4: i32(_UNCOMPRESSED if codec is None else _ZSTD),
                5: i64(count),
                6: i64(len(header) + decoded),
                7: i64(len(header) + stored),
                9: i64(begin),
            }
        )
        return struct({2: i64(begin), 3: meta})


def _plain(values: Sequence[bytes | memoryview]) -> memoryview:
    """Values in Parquet's PLAIN encoding: each behind its length in four bytes."""
    size = sum(map(len, values))
    if size < _LARGE * len(values):
        parts: list[Any] = [part for value in values for part in (len(value).to_bytes(4, "little"), value)]
        return memoryview(b"".join(parts))
    body: Any = np.empty(size + 4 * len(values), np.uint8)
    at = 0
    for value in values:
        body[at : at + 4] = memoryview(len(value).to_bytes(4, "little"))
        at += 4 + len(value)
        body[at - len(value) : at] = np.frombuffer(value, np.uint8)
    return memoryview(body)
