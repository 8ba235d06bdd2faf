"""Archived arrays as Zarr arrays that read only the blocks they need.

The file stays what it is, a ``.npy`` or another format that says where one array lies in it.  Zarr is shown a store
with one array, whose chunks are runs of the file's bytes, as long as the blocks the file was cut into where it was cut
so::

    zarr.json       made up: shape, data type, chunk grid, and a transpose where the first axis is the fastest
    c/7/0/0         bytes 128 + 7 * 1048576 … of volume.npy: one read, one or two chunks of the archive, each verified

Zarr v3 core specification, https://zarr-specs.readthedocs.io/en/latest/v3/core/index.html; the data types that it does
not define are named as in the package ``zarr``.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from zarr.abc.store import OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.dtype import parse_dtype

from holotype.catalog import InvalidOption

from .manifest import Manifest
from .reading.arrayfiles import block_of, data_type, form_of, grid_of, lacking, zarr_dtype
from .reading.opened import content_of, file_row
from .records.snapshots import resolve
from .reopening import context_of
from .storing.names import ARRAY_NAME

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from zarr.abc.store import ByteRequest
    from zarr.core.buffer import Buffer, BufferPrototype

    from holotype.catalog import ObjectStore

    from .context import Context
    from .reading.arrayfiles import Form
    from .reading.content import Content

__all__ = ["ArchivedArray", "array"]


def array(context: Context, reference: str, path: str | bytes | None = None) -> zarr.Array[Any]:
    """The array in the file at ``path`` of a snapshot, read-only; without a path, the one that ``write_array`` put
    there.

    Its shape and element type are those that ``numpy.load`` would give, and ``[...]`` gives a NumPy array.

    Raises ``EntryNotFound``, and ``InvalidOption`` for a file that is not one array, or one of elements that Zarr does
    not have; then ``numpy.load`` of the opened file does.
    """
    snapshot = resolve(context, reference)
    if path is None and snapshot.kind != "array":
        raise InvalidOption(
            f"{snapshot.name} was not made by write_array: give the path of an array in it", reference=reference
        )
    return zarr.open_array(store=_store(context, snapshot.id, path or ARRAY_NAME), mode="r", zarr_format=3)


class ArchivedArray(Store):
    """A Zarr store, read-only, with one array whose chunks are read from an archived file."""

    def __init__(self, context: Context, snapshot: str, path: str | bytes, content: Content, form: Form) -> None:
        super().__init__(read_only=True)
        self._context, self._snapshot, self._path = context, snapshot, path
        self._content, self._form = content, form
        self._grid = grid_of(form, block_of(content, form.offset))
        self._shown = zarr_dtype(form.dtype)
        self._metadata = json.dumps(self._described()).encode()

    def __reduce__(self) -> tuple[object, ...]:
        return _again, (self._context.store, self._context.author, self._snapshot, self._path)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ArchivedArray):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"<ArchivedArray {self._content.name!r}>"

    @property
    def supports_writes(self) -> bool:
        """No."""
        return False

    @property
    def supports_deletes(self) -> bool:
        """No."""
        return False

    @property
    def supports_listing(self) -> bool:
        """Yes."""
        return True

    @property
    def _key(self) -> tuple[object, ...]:
        return self._context.catalog.id, self._snapshot, self._path

    def with_read_only(self, read_only: bool = False) -> ArchivedArray:  # noqa: FBT001, FBT002 - Zarr's signature
        """Itself, if asked to stay read-only."""
        if not read_only:
            raise InvalidOption(
                "an archived array cannot be written; write_array makes a new version", option="read_only"
            )
        return self

    def close(self) -> None:
        """Let go of the memory that holds what was read last."""
        self._content.close()
        super().close()

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The metadata, or the bytes of a chunk."""
        # Reading waits for storage and for codecs: both in a thread, or chunks would come one after the other.
        data = await asyncio.to_thread(self._value, key)
        return None if data is None else prototype.buffer.from_bytes(_part(data, byte_range))

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Parts of several values."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def exists(self, key: str) -> bool:
        """Whether there is such a key."""
        return key == "zarr.json" or self._grid.run(key) is not None

    async def set(self, key: str, value: Buffer) -> None:
        """Refuses."""
        self._check_writable()

    async def delete(self, key: str) -> None:
        """Refuses."""
        self._check_writable()

    async def list(self) -> AsyncIterator[str]:
        """The array's metadata; chunks are not counted out."""
        yield "zarr.json"

    async def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """The array's metadata, if its key begins so."""
        if "zarr.json".startswith(prefix):
            yield "zarr.json"

    async def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """The array's metadata, at the top."""
        if not prefix.strip("/"):
            yield "zarr.json"

    def _value(self, key: str) -> bytes | None:
        if key == "zarr.json":
            return self._metadata
        run = self._grid.run(key)
        if run is None:
            return None
        data = self._content.read_at(self._form.offset + run[0], run[1])
        # Zarr wants whole chunks, also at the edge, where nothing of what is added shows.
        data = data.ljust(self._grid.chunk_bytes, b"\0")
        if self._form.dtype.names is not None and self._shown != self._form.dtype:
            data = np.frombuffer(data, self._form.dtype).astype(self._shown).tobytes()
        return data

    def _described(self) -> dict[str, Any]:
        """The document ``zarr.json``."""
        form, grid = self._form, self._grid
        order = list(range(len(form.shape)))[::-1]
        transpose = {"name": "transpose", "configuration": {"order": order}}
        endian = "big" if form.dtype.byteorder == ">" and form.dtype.names is None else "little"
        plain = {"name": "bytes", "configuration": {"endian": endian}}
        kind = parse_dtype(self._shown, zarr_format=3)
        return {
            "zarr_format": 3,
            "node_type": "array",
            "shape": list(form.shape),
            "data_type": data_type(self._shown),
            "chunk_grid": {
                "name": "regular",
                "configuration": {"chunk_shape": list(grid.chunk[::-1] if form.fortran else grid.chunk)},
            },
            "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
            "fill_value": kind.to_json_scalar(kind.default_scalar(), zarr_format=3),
            "codecs": [transpose, plain] if form.fortran and len(form.shape) > 1 else [plain],
            "attributes": {},
        }


def _store(context: Context, snapshot: str, path: str | bytes) -> ArchivedArray:
    row = file_row(Manifest.load(context.catalog, snapshot), path)
    content = content_of(context, row)
    form = form_of(content, row)
    name = row["path"]
    for problem in lacking(form.dtype):
        raise InvalidOption(
            f"{name} is an array of {form.dtype}, and Zarr has no {problem}; numpy.load of the opened file reads it",
            path=name,
            dtype=str(form.dtype),
        )
    return ArchivedArray(context, snapshot, path, content, form)


def _again(store: ObjectStore, author: str, snapshot: str, path: str | bytes) -> ArchivedArray:
    return _store(context_of(store, author=author), snapshot, path)


def _part(data: bytes, request: ByteRequest | None) -> bytes:
    if isinstance(request, RangeByteRequest):
        return data[request.start : request.end]
    if isinstance(request, OffsetByteRequest):
        return data[request.offset :]
    if isinstance(request, SuffixByteRequest):
        return data[-request.suffix :]
    return data
