"""Refilling: chunks that lie in packs, written into new packs of the kinds they lay in.

Each chunk is read, hashed and encoded again; numbers stay in Zarr packs of their type and filter, bytes in Parquet
packs, compressed where they were.  What few chunks of many packs are left come together in one.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from holotype.catalog import repeated

from ..packs import PackReader, ParquetPackWriter, ZarrPackWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa

    from holotype.catalog import ObjectStore

    from ..packs import Pack

__all__ = ["Refiller"]

# As a writer's: stored bytes of packs that are being filled, and what is compressed together.
_OPEN, _GROUP = 24 << 20, 1 << 20


class Refiller:
    """Copies chunks into packs of ``session``, each of which is given to ``store`` when it is full; used by one thread.

    A chunk is written once, however often it comes: what was copied is remembered, so that a refiller is for a few
    packs at a time.
    """

    def __init__(self, source: ObjectStore, session: str, *, store: Callable[[Pack], object]) -> None:
        self._source, self._session, self._put = source, session, store
        self._reader = PackReader(source)
        self._open: dict[object, ParquetPackWriter | ZarrPackWriter] = {}
        self._groups: dict[bool, list[tuple[bytes, bytes]]] = {True: [], False: []}
        self._copied: set[bytes] = set()

    def copy(self, pack: dict[str, Any], chunks: pa.Table) -> None:
        """Copy some chunks of one pack: its row of ``packs``, and theirs of ``chunks``.

        Raises ``ObjectDamaged`` or ``ObjectMissing`` when one of them cannot be read, or what the stores raise.
        """
        own = chunks.sort_by([("offset", "ascending"), ("start", "ascending")])
        own = own.append_column("object", repeated(pack["object"], own.num_rows))
        kind = self._numbers(pack["object"]) if pack["kind"] == "zarr" else None
        for number, data in self._reader.read_many(own):
            self._take(own["chunk"][number].as_py(), bytes(data), own["codec"][number].as_py(), kind)

    def finish(self) -> None:
        """Store what is left."""
        for compress in (True, False):
            self._write(compress=compress)
        for kind in list(self._open):
            self._store(kind)

    def _numbers(self, key: str) -> tuple[str, str]:
        """The element type of a Zarr pack, and the filter it was stored with."""
        described: dict[str, Any] = json.loads(bytes(self._source.get(f"{key.removesuffix('/c/0/0')}/zarr.json")))
        (sharding,) = (codec for codec in described["codecs"] if codec["name"] == "sharding_indexed")
        inner = {codec["name"]: codec.get("configuration", {}) for codec in sharding["configuration"]["codecs"]}
        shuffle = inner["blosc"]["shuffle"].replace("noshuffle", "none")
        return described["attributes"]["dtype"], f"delta+{shuffle}" if "numcodecs.delta" in inner else shuffle

    def _take(self, chunk: bytes, data: bytes, codec: str, numbers: tuple[str, str] | None) -> None:
        if chunk in self._copied:
            return
        self._copied.add(chunk)
        if numbers is None:
            group = self._groups[codec == "zstd"]
            group.append((chunk, data))
            if sum(len(one) for _, one in group) >= _GROUP:
                self._write(compress=codec == "zstd")
            return
        kind = (*numbers, len(data))
        writer = self._open.get(kind)
        if not isinstance(writer, ZarrPackWriter):
            writer = ZarrPackWriter(self._session, dtype=numbers[0], filter=numbers[1], block_bytes=len(data))
            self._open[kind] = writer
        writer.append(chunk, writer.encode(data))
        self._limit()

    def _write(self, *, compress: bool) -> None:
        group, self._groups[compress] = self._groups[compress], []
        if not group:
            return
        writer = self._open.get(compress)
        if not isinstance(writer, ParquetPackWriter):
            writer = self._open[compress] = ParquetPackWriter(self._session, compress=compress)
        writer.add([chunk for chunk, _ in group], [data for _, data in group])
        self._limit()

    def _limit(self) -> None:
        while sum(writer.stored for writer in self._open.values()) > _OPEN:
            self._store(max(self._open, key=lambda kind: self._open[kind].stored))
        for kind in [kind for kind, writer in self._open.items() if writer.full]:
            self._store(kind)

    def _store(self, kind: object) -> None:
        self._put(self._open.pop(kind).finish())
