"""What a run has put into storage: its packs, where each chunk in them lies, and the session they lie under.

A pack belongs to nothing until its rows are committed.  The rows are gathered here; those of the chunk index, of which
there are many, go out as segments on the way.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from .schema import PACKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from holotype.catalog import Segment

    from .context import Context
    from .packs import Pack

__all__ = ["Ledger", "Packed"]

INDEX_ROWS = 1 << 17  # rows of the chunk index held before they become a segment


@dataclass(frozen=True)
class Packed:
    """What packing leaves to commit: index segments and pack rows, the bytes that were new, and packs of others relied
    on.
    """

    session: str | None
    chunks: tuple[Segment, ...]
    packs: tuple[Segment, ...]
    new_bytes: int
    stored_bytes: int
    relied: frozenset[str]


class Ledger:
    """The finished packs of one run; used by any number of threads.

    ``open_session`` is asked when the first pack is begun.
    """

    def __init__(self, context: Context, *, open_session: Callable[[], str]) -> None:
        self._context, self._open_session = context, open_session
        self._session: str | None = None
        self._session_lock = threading.Lock()
        self._lock = threading.Lock()
        self._index: list[pa.Table] = []
        self._indexed = 0
        self._segments: list[Segment] = []
        self._packs: list[dict[str, Any]] = []
        self._relied: set[str] = set()
        self._new_bytes = 0
        self.stored_bytes = 0
        """Bytes put into storage so far."""

    def session(self) -> str:
        """The session that new packs lie under, opened by a commit when it is first asked for."""
        with self._session_lock:
            if self._session is None:
                self._session = self._open_session()
            return self._session

    def store(self, pack: Pack) -> None:
        """Put a finished pack into storage and remember its rows."""
        for item in pack.objects:
            self._context.store.put(item.key, item.parts)
        pack.release()
        # Sorting copies the rows into Arrow's own memory: among the blocks that come and go on the heap they would tear
        # holes.
        self.take([pack.row], pack.chunks.sort_by("chunk"))

    def take(self, packs: list[dict[str, Any]], chunks: pa.Table | None, *, segments: Iterable[Segment] = ()) -> None:
        """Remember packs that are in storage, and their chunks: as rows, and as segments that are written already."""
        with self._lock:
            self._packs += packs
            self._segments += segments
            if chunks is not None:
                self._index.append(chunks)
                self._indexed += chunks.num_rows
            self._new_bytes += sum(row["raw"] for row in packs)
            self.stored_bytes += sum(row["bytes"] for row in packs)
        self._flush(INDEX_ROWS)

    def rely(self, packs: Iterable[str]) -> None:
        """Remember packs of others that hold chunks of this run's files."""
        with self._lock:
            self._relied.update(packs)

    def _flush(self, beyond: int) -> None:
        with self._lock:
            if self._indexed <= beyond:
                return
            rows = pa.concat_tables(self._index)
            self._index, self._indexed = [], 0
        segment = self._context.catalog.write("chunks", rows)
        with self._lock:
            self._segments.append(segment)

    def rows(self) -> tuple[list[dict[str, Any]], pa.Table | None, tuple[Segment, ...]]:
        """The rows of all packs so far, and of their chunks those that did not go out yet and those that did."""
        return self._packs, pa.concat_tables(self._index) if self._index else None, tuple(self._segments)

    def finish(self) -> Packed:
        """Write what is left; then all is ready to be committed."""
        self._flush(0)
        packs = (self._context.catalog.write("packs", PACKS.rows(self._packs)),) if self._packs else ()
        return Packed(
            self._session,
            tuple(self._segments),
            packs,
            self._new_bytes,
            self.stored_bytes,
            frozenset(self._relied),
        )
