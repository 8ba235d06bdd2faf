"""Archives whose storage fails when it is told to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.catalog import Catalog
from holotype.lake import Archive
from holotype.lake.context import Context, now
from holotype.lake.schema import TABLES

if TYPE_CHECKING:
    from holotype.catalog import ObjectStore

__all__ = ["archive_in", "new_archive_in"]

_SMALL = {"min": 256 << 10, "average": 1 << 20, "max": 4 << 20}


def new_archive_in(store: ObjectStore) -> Archive:
    """A new archive in a store."""
    catalog = Catalog.create(store, tables=TABLES, settings={"chunking": _SMALL})
    return Archive(Context(store, catalog, "ada@lab", now))


def archive_in(store: ObjectStore) -> Archive:
    """The archive in a store, as a process that begins now sees it."""
    return Archive(Context(store, Catalog.open(store, tables=TABLES), "ada@lab", now))
