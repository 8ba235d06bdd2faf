"""What lies already where an archive is to be made, and is no archive's: somebody's data, most likely.

Objects of an archive among somebody's files would be taken for rubbish, and cleared away with them.  What an
interrupted ``create`` left there, the objects of its probe and temporary files, is no stranger: it can be repeated.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .errors import ArchiveExists, TargetRefused
from .header import HEADER
from .stores.probing import PROBES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .stores.base import ObjectStore

__all__ = ["exists", "refuse_strangers"]

# What file browsers leave in any folder that somebody looks at.
_BROWSERS = frozenset({".DS_Store", "desktop.ini", "Thumbs.db"})


def refuse_strangers(store: ObjectStore) -> None:
    """Raise ``TargetRefused`` when something lies in ``store`` that no interrupted ``create`` left there, or
    ``ArchiveExists`` when that is an archive which was made meanwhile; and what the store raises.
    """
    there = store.path(HEADER)
    names = (info.key for info in store.list("")) if there is None else _files(there.parent)
    stranger = next((name for name in names if not _is_ours(name)), None)
    if stranger is None:
        return
    if store.exists(HEADER):
        raise exists(store)
    raise TargetRefused(
        f"{store.url} is not empty, there is {stranger}: an archive is made in an empty folder, or one that is not"
        " there yet",
        url=store.url,
        found=stranger,
    )


def exists(store: ObjectStore) -> ArchiveExists:
    """The error for making an archive where one is."""
    return ArchiveExists(f"there is an archive at {store.url} already: open it", url=store.url)


def _files(top: Path) -> Iterator[str]:
    """The files below a local folder.  Folders that may not be looked into are passed over: at the top of a disk lies
    ``lost+found``, which is root's.
    """
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(files):
            yield os.path.relpath(os.path.join(folder, name), top).replace(os.sep, "/")


def _is_ours(name: str) -> bool:
    # An object is written as a temporary file with a "~" first, which no key has.
    return name.startswith((PROBES, f"{HEADER}~")) or name in _BROWSERS
