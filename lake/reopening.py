"""Opening archives; and those that are open already, for what travels between processes and for URLs that name one
file each.
"""

from __future__ import annotations

import hashlib
import os
import pickle
from typing import TYPE_CHECKING

from holotype.catalog import Catalog, open_store

from .context import Context, author_here, now
from .recent import Recent
from .schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from typing import Any

    from holotype.catalog import ObjectStore

__all__ = ["context_at", "context_of", "fingerprint"]

# Archives kept open: each holds the state of its log and some segments.
_OPEN = 8

_opened = Recent[tuple[object, ...], Context](_OPEN)


def fingerprint(store: ObjectStore) -> bytes:
    """What tells stores at one place apart that come with other options, such as credentials, without saying them."""
    try:
        return hashlib.sha256(pickle.dumps(store)).digest()
    except (pickle.PicklingError, TypeError, AttributeError):  # one that cannot travel, and is like no other
        return b"%d" % id(store)


def context_at(
    url: str | os.PathLike[str],
    *,
    author: str | None = None,
    read_only: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    clock: Callable[[], datetime] = now,
) -> Context:
    """The archive at ``url``, opened.  See ``lake.open``, also for what it raises."""
    store = open_store(url, storage_options=storage_options)
    catalog = Catalog.open(store, tables=TABLES, read_only=read_only, clock=clock)
    return Context(store, catalog, author or author_here(), clock)


def context_of(store: ObjectStore, *, author: str | None = None) -> Context:
    """The archive in ``store``, open for reading, as it is now.

    Raises ``ArchiveNotFound``, ``FormatTooNew``, ``LogDamaged``, or what the store raises.
    """
    author = author or author_here()
    header = bytes(store.get("archive.json")) if store.exists("archive.json") else b""
    # By what the archive says it is: another may have been made at the same place.  By process: a child must not share
    # its parent's locks.  And by who asks: what one user may read, another may not.
    name = os.getpid(), store, fingerprint(store), author, header
    known = _opened.get(name)
    if known is not None:
        known.catalog.refresh()
        return known
    return _opened.put(name, Context(store, Catalog.open(store, tables=TABLES, read_only=True), author))
