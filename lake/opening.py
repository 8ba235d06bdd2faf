"""Where an archive begins: made at a URL, or opened there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holotype.catalog import Catalog, InvalidOption, open_store

from .archive import Archive
from .context import Context, author_here, now
from .reopening import context_at
from .schema import TABLES

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Any

__all__ = ["create", "open"]

CHUNKING = {"min": 256 << 10, "average": 1 << 20, "max": 4 << 20}


def create(
    url: str | os.PathLike[str],
    *,
    name: str = "",
    author: str | None = None,
    chunking: Mapping[str, int] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    clock: Callable[[], datetime] = now,
) -> Archive:
    """Make a new archive at ``url``: a path, or a URL such as ``file://``, ``sftp://`` or any other that fsspec knows.

    ``name``: what people call it.  ``author``: who acts through this object, by default ``user@host``.  ``chunking``:
    the least, average and largest chunk in bytes (``min``, ``average``, ``max``), fixed for the archive's life.
    ``storage_options``: for the backend, never stored.

    Warns with ``SingleWriterWarning`` where the storage lets only one write at a time.  Raises ``ArchiveExists`` when
    one is there, ``TargetRefused`` when anything else is, ``InvalidOption``, ``StorageDenied``, ``StorageFull`` or
    ``StorageFailed``.
    """
    sizes = dict(CHUNKING if chunking is None else chunking)
    if set(sizes) != set(CHUNKING) or not 64 <= sizes["min"] <= sizes["average"] <= sizes["max"] <= CHUNKING["max"]:
        raise InvalidOption("chunking needs min ≤ average ≤ max, from 64 bytes to 4 MiB", chunking=sizes)
    store = open_store(url, storage_options=storage_options)
    catalog = Catalog.create(store, tables=TABLES, name=name, settings={"chunking": sizes}, clock=clock)
    return Archive(Context(store, catalog, author or author_here(), clock))


def open(
    url: str | os.PathLike[str],
    *,
    author: str | None = None,
    read_only: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    clock: Callable[[], datetime] = now,
) -> Archive:
    """Open the archive at ``url``.  ``read_only``: refuse every verb that would write.

    Warns with ``SingleWriterWarning`` when it may have one writer only and is opened for writing.  Raises
    ``ArchiveNotFound``, ``FormatTooNew``, ``LogDamaged``, ``StorageDenied`` or ``StorageFailed``.
    """
    return Archive(context_at(url, author=author, read_only=read_only, storage_options=storage_options, clock=clock))
