"""Zarr packs: blocks of numbers as one sharded Zarr array, which any Zarr reader opens.

The array has a row for each block, and one shard that holds them all, so that a pack is two objects::

    zarr.json       shape (blocks, elements per block), the element type, and how blocks are encoded
    c/0/0           block block block … │ offset, length of each │ CRC-32C of those

Blocks are compressed as numbers: their bits or bytes grouped by weight, often as differences, by Blosc with Zstandard.
Each row of ``chunks`` points at its block, so reading one never needs the shard's index.

Zarr v3, https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html; the codecs ``sharding_indexed``, ``bytes``,
``blosc`` and ``crc32c`` are specified there, ``numcodecs.delta`` is the one zarr-python registers under that name.
"""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from blake3 import blake3

from holotype.catalog import column, numbers, repeated

from ..schema import CHUNKS
from .base import Pack, PackObject, PackWriter
from .codecs import TypedCodec
from .slabs import Slabs

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["ZarrPackWriter"]

# Types that a reader shows as what they are; the rest are shown as bytes.  No bool: a reader may take any byte for
# true.
_NAMED = {
    "i1": "int8",
    "i2": "int16",
    "i4": "int32",
    "i8": "int64",
    "u1": "uint8",
    "u2": "uint16",
    "u4": "uint32",
    "u8": "uint64",
    "f2": "float16",
    "f4": "float32",
    "f8": "float64",
    "c8": "complex64",
    "c16": "complex128",
}


class ZarrPackWriter(PackWriter):
    """Writes one Zarr pack of blocks of ``block_bytes`` each, elements of ``dtype``, stored with ``filter``.

    ``encode`` may run on any number of threads; ``append`` on one.
    """

    def __init__(self, session: str, *, dtype: str, block_bytes: int, filter: str) -> None:
        self._session = session
        self._codec = TypedCodec(dtype, filter)
        self._block = block_bytes
        self._ids: list[bytes] = []
        self._slabs = Slabs()
        self._sizes: list[int] = []

    @property
    def stored(self) -> int:
        """Bytes of the shard so far, without its index."""
        return self._slabs.size

    @property
    def count(self) -> int:
        """Chunks so far."""
        return len(self._ids)

    def encode(self, block: Buffer) -> bytes:
        """A block of ``block_bytes`` as it is to be stored."""
        return self._codec.encode(block)

    def append(self, chunk: bytes, encoded: Buffer) -> None:
        """The next block: its chunk's id, and what ``encode`` made of it."""
        self._ids.append(chunk)
        self._slabs.write(encoded)
        self._sizes.append(memoryview(encoded).nbytes)

    def finish(self) -> Pack:
        """The finished pack; there must be something in it."""
        count = len(self._ids)
        sizes = np.array(self._sizes, np.int64)
        offsets = np.cumsum(sizes) - sizes
        index = np.stack([offsets, sizes], axis=1).astype("<u8").tobytes()
        document = json.dumps(self._metadata(count), indent=2).encode()
        self._slabs.write(index + _crc32c(index).to_bytes(4, "little"))
        shard = self._slabs.parts()
        hasher = blake3(document)
        for part in shard:
            hasher.update(part)
        name = f"{self._session}/{hasher.hexdigest()}"
        key = f"packs/{name}/c/0/0"
        whole = repeated(self._block, count)
        columns = {
            "chunk": column(self._ids, pa.binary(32)),
            "pack": repeated(name, count),
            "offset": numbers(offsets),
            "stored": numbers(sizes),
            "codec": repeated(self._codec.name, count),
            "block": whole,
            "start": repeated(0, count),
            "length": whole,
        }
        row: dict[str, object] = {
            "pack": name,
            "kind": "zarr",
            "session": self._session,
            "object": key,
            "bytes": self._slabs.size,
            "raw": self._block * count,
            "chunks": count,
            "described": len(document),
        }
        objects = (PackObject(f"packs/{name}/zarr.json", (document,)), PackObject(key, shard))
        chunks = pa.table([columns[column] for column in CHUNKS.schema.names], schema=CHUNKS.schema)
        return Pack(name, objects, chunks, row, self._slabs)

    def _metadata(self, count: int) -> dict[str, Any]:
        codec = self._codec
        kind, itemsize = _kind(codec)
        shape = (count, self._block // itemsize)
        endian = "big" if codec.dtype.startswith(">") else "little"
        order = {"configuration": {"endian": endian}} if itemsize > 1 else {}
        blosc = {
            "cname": "zstd",
            "clevel": codec.level,
            "shuffle": codec.shuffle,
            "typesize": codec.itemsize,
            "blocksize": self._block,
        }
        inner: list[dict[str, Any]] = [{"name": "bytes", **order}, {"name": "blosc", "configuration": blosc}]
        if codec.delta:
            inner.insert(0, {"name": "numcodecs.delta", "configuration": {"dtype": codec.integer}})
        sharding = {
            "chunk_shape": [1, shape[1]],
            "codecs": inner,
            "index_codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}],
            "index_location": "end",
        }
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(shape),
            "data_type": kind,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(shape)}},
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": [0, 0] if kind.startswith("complex") else 0,
            "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
            "dimension_names": ["block", "element"],
            "attributes": {"holotype": "pack", "dtype": codec.dtype},
        }


def _kind(codec: TypedCodec) -> tuple[str, int]:
    """The Zarr data type that a reader is to see, and the size of its elements in bytes."""
    if codec.delta:
        return f"int{8 * codec.itemsize}", codec.itemsize
    kind = _NAMED.get(codec.dtype[1:])
    return (kind, codec.itemsize) if kind else ("uint8", 1)


@cache
def _crc32c_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return tuple(table)


def _crc32c(data: bytes) -> int:
    """CRC-32C (Castagnoli), RFC 3720; for a shard's index, which is short."""
    table, register = _crc32c_table(), 0xFFFF_FFFF
    for byte in data:
        register = register >> 8 ^ table[(register ^ byte) & 0xFF]
    return register ^ 0xFFFF_FFFF
