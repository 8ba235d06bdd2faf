"""The tables of a run that is over, kept in its folder, so that nobody has to fold its journal again.

::

    runs/<run>/records/tasks.parquet, attempts.parquet, …

Each file says of which journal it is: of how many bytes, and with which last line.  They count only all together, and
only for that journal; what is half-written, or of an earlier version, is as if there was nothing.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from .tables import RUN_EVENTS, RUN_TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["KEPT", "keep", "kept", "key_of"]

KEPT = tuple(table for table in RUN_TABLES if table is not RUN_EVENTS)
"""The tables that are kept: all but that which is the journal itself."""

# Told anew for every change of what the fold makes of a journal.
_FOLD = "1"
_KEY = b"journal"


def key_of(size: int, line: bytes) -> str:
    """By what one knows a journal: its bytes, and its last line, which begins with its checksum."""
    return f"{_FOLD}-{size}-{line[:8].decode('ascii')}"


def kept(folder: Path, key: str) -> dict[str, pa.Table] | None:
    """The tables that were kept of the journal of this key; ``None`` where there are none."""
    found: dict[str, pa.Table] = {}
    for table in KEPT:
        try:
            rows = pq.read_table(folder / "records" / f"{table.name}.parquet", partitioning=None)
        except (OSError, pa.ArrowException):
            return None
        if (rows.schema.metadata or {}).get(_KEY) != key.encode() or rows.schema != table.schema:
            return None
        found[table.name] = rows.cast(table.schema)
    return found


def keep(folder: Path, key: str, tables: Mapping[str, pa.Table]) -> None:
    """Keep them; where that cannot be written, the journal is folded again the next time."""
    where = folder / "records"
    with suppress(OSError):
        where.mkdir(exist_ok=True)
        for table in KEPT:
            rows = tables[table.name]
            rows = rows.replace_schema_metadata({**(rows.schema.metadata or {}), _KEY: key.encode()})
            new = where / f"{table.name}.{secrets.token_hex(4)}.new"
            try:
                pq.write_table(rows, new, compression="zstd")
                os.replace(new, where / f"{table.name}.parquet")
            finally:
                new.unlink(missing_ok=True)
