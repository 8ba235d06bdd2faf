"""The files of a Zarr store."""

from __future__ import annotations

import os
from bisect import bisect_left
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ..limits import Limits

__all__ = ["Folder", "trouble_with"]


class Folder:
    """The files below a folder, by their paths with slashes, with their sizes; links apart, which are not followed.

    ``cut``: whether there are more than the limits allow.
    """

    def __init__(self, top: Path, *, limits: Limits) -> None:
        self.top = top
        self.files: dict[str, int] = {}
        self.links: list[str] = []
        self.cut = False
        waiting = [""]
        while waiting and not self.cut:
            prefix = waiting.pop()
            with os.scandir(top / prefix) as entries:
                for entry in entries:
                    name = prefix + entry.name
                    if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
                        self.links.append(name)
                    elif entry.is_dir(follow_symlinks=False):
                        waiting.append(name + "/")
                    else:
                        self.files[name] = entry.stat(follow_symlinks=False).st_size
                    if len(self.files) + len(waiting) > limits.members:
                        self.cut = True
                        break
        self.links.sort()
        self._sorted = sorted(self.files)

    def read(self, name: str) -> bytes:
        """A file's content."""
        return (self.top / name).read_bytes()

    def below(self, prefix: str) -> Iterator[str]:
        """The files whose path begins so."""
        for at in range(bisect_left(self._sorted, prefix), len(self._sorted)):
            if not self._sorted[at].startswith(prefix):
                return
            yield self._sorted[at]


def trouble_with(read: Callable[[Any], Any], what: Any) -> tuple[str | None, Any]:
    """What is wrong with reading something, or what was read."""
    try:
        return None, read(what)
    except Exception as error:  # noqa: BLE001 - codecs raise of every kind at what they cannot decode
        return f"{type(error).__name__}: {error}", None
