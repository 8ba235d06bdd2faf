"""A rename that refuses to replace, for file systems without hard links (exFAT, some FUSE and network mounts)."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from functools import cache
from typing import Any

__all__ = ["rename_exclusively"]

# On Windows a plain rename refuses by itself; elsewhere it replaces.
_RENAME_REFUSES = sys.platform == "win32"

_AT_FDCWD = -100
_RENAME_NOREPLACE = 1  # linux/fs.h
_RENAME_EXCL = 4  # sys/stdio.h on macOS
# What a kernel says that lacks the call, and one whose file system lacks the step.
_UNKNOWN = frozenset({errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})


def rename_exclusively(source: str, target: str) -> bool:
    """Rename ``source`` to ``target`` in one step unless ``target`` exists: ``True`` when it was done.

    Raises ``OSError`` with ``ENOTSUP`` where the system has no such step.
    """
    if _RENAME_REFUSES:
        try:
            os.rename(source, target)
        except FileExistsError:
            return False
        return True
    rename = _primitive()
    if rename is not None and rename(os.fsencode(source), os.fsencode(target)) == 0:
        return True
    code = errno.ENOSYS if rename is None else ctypes.get_errno()
    if code == errno.EEXIST:
        return False
    if code in _UNKNOWN:
        raise OSError(errno.ENOTSUP, "this file system has neither hard links nor an exclusive rename")
    raise OSError(code, os.strerror(code), source)


@cache
def _primitive() -> Any:
    """The C library's exclusive rename, as a function of two paths, or ``None``."""
    library = ctypes.CDLL(None, use_errno=True)
    if found := getattr(library, "renameat2", None):
        return lambda source, target: found(_AT_FDCWD, source, _AT_FDCWD, target, _RENAME_NOREPLACE)
    if found := getattr(library, "renamex_np", None):
        return lambda source, target: found(source, target, _RENAME_EXCL)
    return None
