"""The tables of a run that is over, kept in its folder, so that nobody has to fold its journal again.

::

    runs/<run>/records/tasks.parquet, attempts.parquet, …

Each file says of which journal it is: of how many bytes, and with which last line.  They count only all together, and
only for that journal; what is half-written, or of an earlier version, is as if there was nothing.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from .tables import RUN_EVENTS, RUN_TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from holotype.catalog import Table

__all__ = ["KEPT", "is_kept", "keep", "kept", "key_of"]

KEPT = tuple(table for table in RUN_TABLES if table is not RUN_EVENTS)
"""The tables that are kept: all but that which is the journal itself."""

# Told anew for every change of what the fold makes of a journal.
_FOLD = "1"
_KEY = b"journal"


def key_of(size: int, line: bytes) -> str:
    """By what one knows a journal: its bytes, and its last line, which begins with its checksum."""
    return f"{_FOLD}-{size}-{line[:8].decode('ascii')}"


def is_kept(folder: Path, key: str) -> bool:
    """Whether all tables of the journal of this key were kept."""
    for table in KEPT:
        try:
            schema = pq.read_schema(folder / "records" / f"{table.name}.parquet")
        except (OSError, pa.ArrowException):
            return False
        if not _is_of(schema, key, table):
            return False
    return True


def kept(folder: Path, key: str, table: Table) -> pa.Table | None:
    """A table that was kept of the journal of this key; ``None`` where there is none."""
    try:
        with pq.ParquetFile(folder / "records" / f"{table.name}.parquet") as file:
            rows = file.read()
    except (OSError, pa.ArrowException):
        return None
    return rows.cast(table.schema) if _is_of(rows.schema, key, table) else None


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
                new.replace(where / f"{table.name}.parquet")
            finally:
                new.unlink(missing_ok=True)


def _is_of(schema: pa.Schema, key: str, table: Table) -> bool:
    return (schema.metadata or {}).get(_KEY) == key.encode() and bool(schema.equals(table.schema))
