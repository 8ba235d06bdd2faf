"""The contract of packs: how chunks become storage objects, and how one comes back.

A *pack* is one immutable object (a Zarr pack has a small ``zarr.json`` beside it) holding many chunks as *blocks*.  A
block is what one ranged read fetches and one codec decodes: a single chunk, or a run of small ones compressed together.
Where each chunk lies is a row of the table ``chunks``; nothing has to open a pack's own index to read from it, yet each
pack is also a complete file of an open format that other programs read without us.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from typing_extensions import Buffer

    from holotype.catalog import ObjectStore

    from .slabs import Slabs

__all__ = ["Pack", "PackObject", "PackWriter", "put"]

_CHUNKS = 1 << 16  # of one pack, however small they are: what is known of each stays in memory until the pack is stored


@dataclass(frozen=True)
class PackObject:
    """One object to put: its key in the store and its bytes, in parts."""

    key: str
    parts: Sequence[Buffer]


@dataclass(frozen=True)
class Pack:
    """A finished pack, ready to be stored.

    ``name``: session, slash, BLAKE3-256 (hex) of its content.  ``objects``: what to put, the data object last, so that
    a pack whose data is there is whole.  ``chunks``: rows of the table ``chunks``; ``row``: its row of the table
    ``packs``.
    """

    name: str
    objects: tuple[PackObject, ...]
    chunks: pa.Table
    row: dict[str, object]
    slabs: Slabs

    def release(self) -> None:
        """Give back the memory that the data object lies in, once it is stored."""
        self.slabs.release()


def put(store: ObjectStore, pack: Pack) -> None:
    """Put a finished pack into storage, and give back its memory.  Raises what ``ObjectStore.put`` raises."""
    for item in pack.objects:
        store.put(item.key, item.parts)
    pack.release()


class PackWriter(ABC):
    """Gathers chunks into one pack; used by one thread, once."""

    @property
    @abstractmethod
    def stored(self) -> int:
        """Bytes of the data object so far."""

    @property
    @abstractmethod
    def count(self) -> int:
        """Chunks so far."""

    @property
    def full(self) -> bool:
        """Whether it has as many chunks as one pack should."""
        return self.count >= _CHUNKS

    @abstractmethod
    def finish(self) -> Pack:
        """The finished pack.  The writer is of no further use."""
