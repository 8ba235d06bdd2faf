"""Which files there are below a folder."""

from __future__ import annotations

import fnmatch
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .findings import Code, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LINK", "UNREADABLE", "Walked", "walk"]

UNREADABLE = Code("file.unreadable", Severity.ERROR, "A file can be read.")
LINK = Code("file.link", Severity.NOTE, "What a link leads to is looked at where it lies.")


@dataclass
class Walked:
    """What is below a folder, by paths with slashes, in order.

    ``names``: files, and folders that are one thing; ``sizes``: their bytes, 0 for a folder and where nobody can tell.
    ``troubles``: what is not looked at, the rule that says so, and why.
    """

    names: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    troubles: list[tuple[str, Code, str]] = field(default_factory=list)


def walk(top: str, patterns: Sequence[str]) -> Walked:
    """Everything below ``top`` whose path below it one of the patterns matches."""
    found: list[tuple[str, int]] = []
    told = Walked()
    waiting = [("", top)]
    while waiting:
        prefix, folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                there = list(entries)
        except OSError as error:
            what = f"the folder cannot be read: {error.strerror or error}"
            told.troubles.append((prefix.rstrip("/") or top, UNREADABLE, what))
            continue
        for entry in there:
            name = prefix + entry.name
            if _is_plain_folder(entry):
                waiting.append((name + "/", entry.path))
            elif not any(fnmatch.fnmatch(name, pattern) for pattern in patterns):
                continue
            elif entry.is_symlink():
                told.troubles.append((name, LINK, "a link is not followed"))
            else:
                found.append((name, _size(entry)))
    found.sort()
    told.troubles.sort(key=lambda trouble: trouble[0])
    told.names, told.sizes = [name for name, _ in found], [size for _, size in found]
    return told


def _is_plain_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder of files, rather than one that is a thing itself."""
    return entry.is_dir(follow_symlinks=False) and not entry.name.lower().endswith(".zarr")


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return 0 if entry.is_dir(follow_symlinks=False) else entry.stat(follow_symlinks=False).st_size
    except OSError:  # it is gone, or hidden: whoever opens it says so
        return 0
