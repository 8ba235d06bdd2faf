"""Which program a command ran: told by its bytes, without ever running it to ask."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from functools import lru_cache

from .packages import conda_owner
from .redacting import OUTSIDE
from .seen import Status

__all__ = ["Tool", "tool"]

# The same for everybody, and where a system's own package manager puts programs.
_COMMON = ("/usr/bin/", "/usr/sbin/", "/bin/", "/sbin/", "/usr/local/bin/", "/usr/lib/", "/usr/libexec/")
# A version in a path: a folder of its own, as in /sw/R/4.3.1/bin/R, or after a name, as in bwa-0.7.17/bwa.
_IN_FOLDER = re.compile(r"(?:^|[-_])v?(\d+(?:\.\d+)+[\w.+-]*)$")
_IN_NAME = re.compile(r"[A-Za-z]-?(\d+\.\d+(?:\.\d+)*)$")


@dataclass(frozen=True)
class Tool:
    """A program.

    ``name``: as it was called.  ``path``: where it is, links followed, if that is where every system has programs, else
    only its name after ``{outside}``.  ``version``: as the conda package that it belongs to has it, or its path says;
    ``None`` where neither does.
    """

    name: str
    path: str
    size: int
    sha256: str
    version: str | None = None


def tool(argv0: str, *, search: str | None = None, folder: str | None = None) -> Tool | None:
    """The program that a command's first argument stands for, or ``None`` when there is none that can be read.

    ``search``: the folders to look in, as ``PATH`` has them, by default this process's; ``folder``: where a path with
    folders goes from.
    """
    found = shutil.which(os.path.join(folder or "", argv0) if os.path.dirname(argv0) else argv0, path=search)
    if found is None:
        return None
    path = os.path.realpath(found)
    try:
        status = Status.of(os.stat(path))
        digest = _digest(path, status)
    except OSError:  # programs may be run that may not be read
        return None
    name = os.path.basename(path)
    shown = path if path.startswith(_COMMON) else f"{{{OUTSIDE}}}/{name}"
    return Tool(os.path.basename(argv0), shown, status.size, digest, _version(os.path.abspath(found), path))


@lru_cache(maxsize=256)
def _digest(path: str, status: Status) -> str:
    del status  # another program by now
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(found: str, path: str) -> str | None:
    for each in dict.fromkeys((found, path)):
        owner = conda_owner(each)
        if owner is not None:
            return owner.version.partition("=")[0]
    folders = os.path.dirname(path).split(os.sep)
    for folder in reversed(folders[-3:]):
        if (match := _IN_FOLDER.search(folder)) is not None:
            return match[1]
    match = _IN_NAME.search(os.path.basename(path))
    return None if match is None else match[1]
