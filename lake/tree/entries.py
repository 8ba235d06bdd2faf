"""Rows of the table ``entries``, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .paths import raw

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Entry", "entries"]


class Entry(NamedTuple):
    """What is needed of a row to make the entry again; the columns of ``entries`` of the same names."""

    path: bytes
    kind: str
    size: int
    mtime_ns: int
    mode: int
    uid: int
    gid: int
    owner: str | None = None
    group: str | None = None
    target: bytes | None = None
    holes: list[int] | None = None
    xattrs: list[tuple[bytes, bytes]] | None = None


def entries(table: pa.Table) -> list[Entry]:
    """The rows of a table that has the columns of ``entries``."""
    columns: list[list[object]] = [raw(table).to_pylist()]
    for name in Entry._fields[1:]:
        column = table.column(name)
        columns.append([None] * len(column) if column.null_count == len(column) else column.to_pylist())
    if table.column("xattrs").null_count < table.num_rows:
        columns[-1] = [
            row and [(one["name"], one["value"]) for one in row] for row in table.column("xattrs").to_pylist()
        ]
    return list(map(Entry._make, zip(*columns, strict=True)))
