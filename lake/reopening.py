"""Archives that are open already, for what travels between processes and for URLs that name one file each."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from holotype.catalog import Catalog

from .context import Context, author_here
from .schema import TABLES

if TYPE_CHECKING:
    from holotype.catalog import ObjectStore

__all__ = ["context_of"]

# Archives kept open: each holds the state of its log and some segments.
_OPEN = 8

_opened: OrderedDict[object, tuple[bytes, Context]] = OrderedDict()
_lock = threading.Lock()


def context_of(store: ObjectStore, *, author: str | None = None) -> Context:
    """The archive in ``store``, open for reading, as it is now.

    Raises ``ArchiveNotFound``, ``FormatTooNew``, ``LogDamaged``, or what the store raises.
    """
    author = author or author_here()
    # A child process must not share its parent's locks.
    name = os.getpid(), store, author
    with _lock:
        header, found = _opened.get(name, (b"", None))
    # Another archive may have been made at the same place.
    if found is not None and store.exists("archive.json") and bytes(store.get("archive.json")) == header:
        found.catalog.refresh()
    else:
        found = Context(store, Catalog.open(store, tables=TABLES, read_only=True), author)
        header = bytes(store.get("archive.json"))
    with _lock:
        _opened[name] = header, found
        _opened.move_to_end(name)
        while len(_opened) > _OPEN:
            _opened.popitem(last=False)
    return found
