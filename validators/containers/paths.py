"""Paths in archives: whoever unpacks them gets files where he unpacks, and nowhere else."""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from ..findings import Code, Severity

if TYPE_CHECKING:
    from ..found import Found

__all__ = ["PATH_CODES", "Paths"]

ESCAPES = Code(
    "archive.path.escapes",
    Severity.ERROR,
    "A path is relative and stays below the folder that it is unpacked to.",
    "APPNOTE 6.3.10, 4.4.17; POSIX.1-2017, pax",
)
ODD = Code("archive.path.odd", Severity.WARNING, "A path has slashes between its parts and no control characters.")
TWICE = Code("archive.path.twice", Severity.WARNING, "No two members have one path: one would replace the other.")
LINK = Code(
    "archive.link.escapes", Severity.ERROR, "A link leads to something that is below the folder that is unpacked to."
)

PATH_CODES = (ESCAPES, ODD, TWICE, LINK)
"""The rules of paths."""

_DRIVE = re.compile(r"[A-Za-z]:")


class Paths:
    """The paths of one archive."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._seen: set[str] = set()

    def look(self, path: str, *, offset: int) -> None:
        """One more of them, whose header is at ``offset``."""
        if why := _escapes(path):
            self._found.add(ESCAPES, f"a path {why}", member=path, offset=offset, seen=path)
        if "\\" in path or not path or not path.isprintable():
            self._found.add(ODD, "a path is not what every system reads alike", member=path, offset=offset, seen=path)
        plain = path.rstrip("/")
        if plain in self._seen:
            self._found.add(TWICE, "a path is there a second time", member=path, offset=offset)
        self._seen.add(plain)

    def link(self, path: str, target: str, *, offset: int, from_top: bool = False) -> None:
        """A member that is a link: ``target`` counts from the folder that it is in, or ``from_top`` of the archive."""
        whole = target if from_top else posixpath.join(posixpath.dirname(path.rstrip("/")), target)
        normal = posixpath.normpath(whole.replace("\\", "/"))
        if _DRIVE.match(target) or normal.startswith("/") or normal == ".." or normal.startswith("../"):
            self._found.add(LINK, "a link leads out of the archive", member=path, offset=offset, seen=target)


def _escapes(path: str) -> str | None:
    if path.startswith(("/", "\\")):
        return "is absolute"
    if _DRIVE.match(path):
        return "names a drive"
    if ".." in re.split(r"[/\\]", path):
        return "goes up"
    return None
