"""What a run has put into storage: its packs, where each chunk in them lies, and the session they lie under.

A pack belongs to nothing until its rows are committed.  The rows are gathered here; those of the chunk index, of which
there are many, go out as segments on the way.  Now and then what there is is committed, without a snapshot that needs
it: after a run that was interrupted the next one finds those chunks stored.  (A collection spares the packs of whoever
still writes, and takes away those of the dead.)
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ..packs import put
from ..schema import PACKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from holotype.catalog import Segment

    from ..context import Context
    from ..packs import Pack

__all__ = ["Ledger", "Packed"]

INDEX_ROWS = 1 << 17  # rows of the chunk index held before they become a segment
# After so many stored bytes, or so many seconds, what there is is committed: an interruption costs no more than that.
CHECKPOINT_BYTES, CHECKPOINT_SECONDS = 1 << 30, 60.0


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

    ``open_session`` is asked when the first pack is begun.  ``checkpoint`` commits segments of packs and of chunks;
    without it they all wait for the end.  ``clock`` counts seconds.
    """

    def __init__(
        self,
        context: Context,
        *,
        open_session: Callable[[], str],
        checkpoint: Callable[[str, Sequence[Segment]], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._context, self._open_session = context, open_session
        self._checkpoint, self._clock = checkpoint, clock
        self._safe_bytes, self._safe_at = 0, clock()  # how much was committed, and when
        self._writing = threading.Lock()
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

    @property
    def distant(self) -> bool:
        """Whether storing is mostly waiting for a network."""
        return self._context.store.distant

    def session(self) -> str:
        """The session that new packs lie under, opened by a commit when it is first asked for."""
        with self._session_lock:
            if self._session is None:
                self._session = self._open_session()
            return self._session

    @property
    def opened(self) -> str | None:
        """The session, if one was needed so far."""
        return self._session

    def store(self, pack: Pack) -> None:
        """Put a finished pack into storage and remember its rows."""
        put(self._context.store, pack)
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
        self._write(INDEX_ROWS)
        if self._checkpoint is not None and self._due():
            self._commit()

    def rely(self, packs: Iterable[str]) -> None:
        """Remember packs of others that hold chunks of this run's files."""
        with self._lock:
            self._relied.update(packs)

    def _due(self) -> bool:
        fresh = self.stored_bytes - self._safe_bytes
        return fresh >= CHECKPOINT_BYTES or (fresh > 0 and self._clock() - self._safe_at >= CHECKPOINT_SECONDS)

    def _commit(self) -> None:
        with self._writing:
            if self._checkpoint is None or not self._due():  # another thread was faster
                return
            with self._lock:
                self._safe_bytes, self._safe_at = self.stored_bytes, self._clock()
            chunks, packs = self._segments_so_far()
            self._checkpoint(self.session(), (*chunks, *packs))

    def _segments_so_far(self) -> tuple[tuple[Segment, ...], tuple[Segment, ...]]:
        """Everything that was not committed yet, written: segments of chunks, and of the packs they lie in."""
        with self._lock:
            index, self._index, self._indexed = self._index, [], 0
            packs, self._packs = self._packs, []
            chunks, self._segments = self._segments, []
        write = self._context.catalog.write
        if index:
            chunks.append(write("chunks", pa.concat_tables(index)))
        return tuple(chunks), (write("packs", PACKS.rows(packs)),) if packs else ()

    def _write(self, beyond: int) -> None:
        """Write the rows of chunks as a segment when there are more than so many."""
        if self._indexed <= beyond:
            return
        with self._writing:
            with self._lock:
                index, self._index, self._indexed = self._index, [], 0
            if index:
                segment = self._context.catalog.write("chunks", pa.concat_tables(index))
                with self._lock:
                    self._segments.append(segment)

    def rows(self) -> tuple[list[dict[str, Any]], pa.Table | None, tuple[Segment, ...]]:
        """The rows of all packs so far, and of their chunks those that did not go out yet and those that did."""
        return self._packs, pa.concat_tables(self._index) if self._index else None, tuple(self._segments)

    def finish(self) -> Packed:
        """Write what is left; then all is ready to be committed."""
        with self._writing:
            chunks, packs = self._segments_so_far()
        return Packed(self._session, chunks, packs, self._new_bytes, self.stored_bytes, frozenset(self._relied))
