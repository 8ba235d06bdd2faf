"""Where files lie: paths as one name for one file, and the places whose files are no data of anybody's.

Left out are the interpreter and what is installed into it, byte code, devices, what the kernel makes up as it is read,
the system's settings, and holotype itself::

    /usr/lib/python3.12/json/decoder.py     the standard library
    /srv/env/lib/python3.12/site-packages   an environment, with all it holds
    /proc/cpuinfo, /dev/null                nobody's data; /dev/shm is memory that holds real files, and stays
"""

from __future__ import annotations

import os
import site
import stat
import sys
import sysconfig
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Places", "installed"]

_KERNEL = ("/proc/", "/sys/", "/dev/")
_SYSTEM = ("/etc/", "/usr/share/locale/", "/usr/share/zoneinfo/")
_MEMORY = "/dev/shm/"
_BYTECODE = (".pyc", ".pyo")
_CACHE = f"{os.sep}__pycache__{os.sep}"
# Folders of links are looked up once; a program that goes through more folders than this starts over.
_FOLDERS = 10_000


class Places:
    """Paths of files, made out for one block: absolute, without links, and whether they are to be left out.

    ``roots``: folders of data, which stay even where all around them is left out.  ``leave_out``: folders and files
    beside those that always are.
    """

    def __init__(
        self, roots: Iterable[str | os.PathLike[str]] = (), *, leave_out: Iterable[str | os.PathLike[str]] = ()
    ) -> None:
        given = _both(leave_out)
        self._files = frozenset(given)
        self._prefixes = tuple(map(_folder, given))
        self._inner = tuple(root for root in map(_folder, _both(roots)) if root.startswith(_always()))
        self._folders: dict[str, str] = {}

    def left_out(self, path: str) -> bool:
        """Whether an absolute path is in one of the places that are left out."""
        always = _left_out(path)
        if always == "everywhere" or path in self._files:
            return True
        left_out = bool(always) or path.startswith(self._prefixes)
        return left_out and not path.startswith((_MEMORY, *self._inner))

    def resolved(self, path: str) -> tuple[str, os.stat_result | None]:
        """A path without links in it, relative ones from where the process is, and the status of what is there."""
        whole, status = self.named(path)
        if status is None or not stat.S_ISLNK(status.st_mode):
            return whole, status
        whole = os.path.realpath(whole)
        return whole, _lstat(whole)

    def named(self, path: str) -> tuple[str, os.stat_result | None]:
        """The same, but a link that the path itself names stays one: of what is renamed or removed."""
        whole = self._named(path)
        return whole, _lstat(whole)

    def forget(self) -> None:
        """Links or folders changed their places."""
        self._folders.clear()

    def _named(self, path: str) -> str:
        if not os.path.isabs(path):
            path = os.path.join(os.getcwd(), path)
        folder, name = os.path.split(path)
        if name in ("", os.curdir, os.pardir):
            return os.path.realpath(path)
        known = self._folders.get(folder)
        if known is None:
            if len(self._folders) >= _FOLDERS:
                self._folders.clear()
            known = self._folders[folder] = os.path.realpath(folder)
        return os.path.join(known, name)


def _lstat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except (OSError, ValueError):  # nothing there, or nothing that could be a path: what comes next fails by itself
        return None


@lru_cache(maxsize=1 << 14)
def _left_out(path: str) -> Literal["everywhere", "unless a root", ""]:
    """Where a path is left out, whoever asks: a program has thousands of modules, and asks at the end of each block."""
    if path.endswith(_BYTECODE) or _CACHE in path:
        return "everywhere"
    return "unless a root" if path.startswith(_always()) else ""


@cache
def _always() -> tuple[str, ...]:
    return (*installed(), *_KERNEL, *_SYSTEM)


@cache
def installed() -> tuple[str, ...]:
    """The folders of the interpreter, of what is installed into it and of holotype, each with a separator at its end.

    An environment counts whole; the prefix of an interpreter without one does not, for that may be ``/usr``.
    """
    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib", "scripts")}
    if sys.prefix != sys.base_prefix:
        found.add(sys.prefix)
    # What an environment is made from: the standard library still lies there.
    found |= {os.path.dirname(os.__file__), *site.getsitepackages(), site.getusersitepackages()}
    found |= {each for each in sys.path if Path(each).name in ("site-packages", "dist-packages")}
    # In a checkout the rooms lie side by side, outside of any environment.
    found |= {str(Path(__file__).parents[2] / room) for room in ("catalog", "lake", "validators")}
    return tuple(map(_folder, _both(path for path in found if path)))


def _both(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Each path absolute as it stands, and without links."""
    return sorted({each for path in paths for each in (os.path.abspath(path), os.path.realpath(path))})


def _folder(path: str) -> str:
    return f"{path.rstrip(os.sep)}{os.sep}"
