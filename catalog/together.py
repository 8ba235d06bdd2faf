"""Small segments of a table taken together: their rows as one table in the table's order, kept for the next question.

Every commit adds a small segment to the tables it speaks of, and whoever writes many commits asks, before each, what
was said before.  So of the segments that were there already nothing is read again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pyarrow as pa

from .columns import whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .log import Segment
    from .tables import Table

__all__ = ["Together"]

# Bytes of rows that are kept for each table.
_MOST = 32 << 20


class Together:
    """The rows of small segments, by table.  It may be shared between threads."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[frozenset[str], pa.Table]] = {}
        self._lock = threading.Lock()

    def rows(
        self, table: Table, segments: Sequence[Segment], read: Callable[[Sequence[Segment]], Iterable[pa.Table]]
    ) -> pa.Table:
        """The rows of ``segments`` in the order of ``table``, each column in one piece.

        ``read``: gives the rows of segments that are not at hand; what it raises goes through.
        """
        names = frozenset(segment.name for segment in segments)
        with self._lock:
            there, rows = self._kept.get(table.name, (frozenset[str](), table.empty()))
        if there == names:
            return rows
        if not there <= names:  # some were merged, or an older state is looked at
            there, rows = frozenset[str](), table.empty()
        found = pa.concat_tables([rows, *read([segment for segment in segments if segment.name not in there])])
        if table.sort:
            found = found.sort_by([(name, "ascending") for name in table.sort])
        found = pa.Table.from_arrays(list(map(whole, found.columns)), schema=found.schema)
        if found.nbytes <= _MOST:
            with self._lock:
                self._kept[table.name] = names, found
        return found
