"""Taking rows out of tables: the segments that hold some are written anew without them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

    from holotype.catalog import Catalog, Segment

__all__ = ["Changes"]


class Changes:
    """Gathers what a commit adds and removes; one segment at a time is in memory."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.add: list[Segment] = []
        self.remove: list[Segment] = []

    def put(self, table: str, rows: pa.Table) -> None:
        """Add rows, if there are any."""
        if rows.num_rows:
            self.add.append(self._catalog.write(table, rows))

    def drop(self, table: str, segments: Iterable[Segment], column: str, values: pa.Array) -> None:
        """Take the rows with one of ``values`` in ``column`` out of these segments."""
        for segment in segments:
            for rows in self._catalog.batches(table, segments=[segment]):
                rest = rows.filter(pc.invert(pc.is_in(rows[column], value_set=values)))
                if rest.num_rows < rows.num_rows:
                    self.remove.append(segment)
                    self.put(table, rest)

    def abandon(self) -> None:
        """Delete what was written and will never be committed."""
        self._catalog.store.delete([segment.key for segment in self.add])
