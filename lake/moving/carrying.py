"""Carrying packs from one archive to another, by threads or by the workers of an executor.

    loads, in batches ─▶ worker: a pack as it is      get → hash: is it what its name says? → put → its size
                                 some of its chunks   get → decode, hash → new packs → put
                      ◀─ rows of packs and of chunks, as they are at the target

What is put lies under the target's session and belongs to nothing until the driver commits it, so a batch may be done
twice, or half.  A pack is in memory whole while it is copied, which it was also when it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from blake3 import blake3

from holotype.catalog import Conflict, DamageError, ObjectDamaged, ObjectMissing, StorageFailed, repeated

from ..executing import Place, in_order
from ..retention.refilling import Refiller
from ..schema import CHUNKS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence

    from typing_extensions import Buffer

    from holotype.catalog import ObjectStore

    from ..executing import Submits
    from ..packs import Pack
    from .cargo import Load

__all__ = ["Carried", "carry"]

# Stored bytes that a worker carries at a time: enough to outweigh handing them over, little enough to be done again.
_BATCH_BYTES = 64 << 20


@dataclass(frozen=True)
class Carried:
    """What became of a batch.

    ``packs`` and ``chunks``: rows of what is at the target now.  ``loads``: how many packs of the source it was, and
    ``bytes``, about how many of their stored bytes.
    """

    packs: list[dict[str, Any]]
    chunks: pa.Table
    loads: int
    bytes: int


@dataclass(frozen=True)
class _Batch:
    """Packs for a worker to carry."""

    source: Place
    target: Place
    session: str
    loads: tuple[Load, ...]


def carry(
    executor: Submits, source: Place, target: Place, session: Callable[[], str], loads: Iterable[Load]
) -> Generator[Carried]:
    """Carry packs; what became of them, batch by batch.  ``session``: the target's, asked for when there is something.

    Raises ``ObjectDamaged`` or ``ObjectMissing`` for a pack of the source that is not what it was, ``InvalidOption``
    for an executor whose workers do not see both storages, ``StorageFailed`` when a pack did not arrive,
    ``Conflict`` when it was swept away again, or what the stores raise.
    """
    batches = (_Batch(source, target, session(), some) for some in _together(loads))
    yield from in_order(executor, _carry, batches)


def _together(loads: Iterable[Load]) -> Iterator[tuple[Load, ...]]:
    batch: list[Load] = []
    size = 0
    for load in loads:
        batch.append(load)
        size += load.bytes
        if size >= _BATCH_BYTES:
            yield tuple(batch)
            batch, size = [], 0
    if batch:
        yield tuple(batch)


def _carry(batch: _Batch) -> Carried:
    """Carry a batch; done by a worker."""
    source, target = batch.source.storage(), batch.target.storage()
    packs: list[dict[str, Any]] = []
    chunks = [CHUNKS.empty()]

    def store(pack: Pack) -> None:
        for item in pack.objects:
            _put(target, item.key, item.parts)
        pack.release()
        packs.append(pack.row)
        chunks.append(pack.chunks)

    refiller = Refiller(source, batch.session, store=store)
    for load in batch.loads:
        try:
            if load.whole:
                packs.append(_copy(source, target, batch.session, load.pack))
                at = load.chunks.schema.get_field_index("pack")
                named = repeated(packs[-1]["pack"], load.chunks.num_rows)
                chunks.append(load.chunks.set_column(at, "pack", named))
            else:
                refiller.copy(load.pack, load.chunks)
        except DamageError as error:
            raise _damaged(source, load.pack, error) from error
    refiller.finish()
    return Carried(
        packs,
        pa.concat_tables([rows.cast(CHUNKS.schema) for rows in chunks]),
        len(batch.loads),
        sum(load.bytes for load in batch.loads),
    )


def _copy(source: ObjectStore, target: ObjectStore, session: str, row: dict[str, Any]) -> dict[str, Any]:
    """Copy a pack as it is, its bytes hashed on the way; its row at the target."""
    name, key = str(row["pack"]), str(row["object"])
    hashed = name.rpartition("/")[2]
    # In the order in which they were hashed and put when the pack was written: the data object last.
    keys = [f"packs/{name}/zarr.json", key] if row["kind"] == "zarr" else [key]
    objects = [(key, source.get(key)) for key in keys]
    hasher = blake3()
    for _, data in objects:
        hasher.update(data)
    if hasher.hexdigest() != hashed:
        raise ObjectDamaged("its bytes are not those its name was made of")
    new = f"{session}/{hashed}"
    moved = [(f"packs/{new}{key.removeprefix(f'packs/{name}')}", data) for key, data in objects]
    for key, data in moved:
        _put(target, key, [data])
    return {**row, "pack": new, "session": session, "object": moved[-1][0]}


def _damaged(source: ObjectStore, row: dict[str, Any], error: DamageError) -> DamageError:
    """The error for a pack that cannot be copied because of damage at its source."""
    kind = ObjectMissing if isinstance(error, ObjectMissing) else ObjectDamaged
    return kind(
        f"pack {row['pack']} in {source.url} cannot be copied: {error.message}; nothing that was there before has"
        " changed, nor is any of it seen: verify the archive, and repair it or forget what is damaged",
        pack=row["pack"],
        object=row["object"],
        backend=source.url,
    )


def _put(target: ObjectStore, key: str, parts: Sequence[Buffer]) -> None:
    """Put an object, and look whether it arrived with its size."""
    size = target.put(key, parts)
    try:
        found = target.size(key)
    except ObjectMissing as error:  # whoever took the session for dead has swept it away
        raise Conflict(f"{key} was removed from {target.url} as soon as it was there: start again", key=key) from error
    if found != size:
        raise StorageFailed(
            f"{key} has {found} bytes in {target.url} instead of {size}: try again", key=key, backend=target.url
        )
