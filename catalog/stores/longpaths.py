r"""Paths as Windows takes them when they are long: ``\\?\C:\…``, beyond the 260 characters of its older programs."""

from __future__ import annotations

import ntpath
import os
import sys
from typing import AnyStr

__all__ = ["long_path"]

# What begins like this is handed to the file system as it is; ``\\.\`` are devices.
_AS_IT_IS = ("\\\\?\\", "\\\\.\\")


def long_path(path: AnyStr, *, windows: bool = sys.platform == "win32") -> AnyStr:
    r"""An absolute path to hand to the operating system, also when it, or what is joined to it, is long::

        C:\data\run            \\?\C:\data\run
        \\server\share\run     \\?\UNC\server\share\run

    Elsewhere, and for a path that is not absolute, it is the path itself.  With the prefix Windows changes nothing any
    more, neither slashes nor ``..``, which is why they are settled here.
    """
    if not windows:
        return path
    if isinstance(path, bytes):
        return os.fsencode(_prefixed(os.fsdecode(path)))
    return _prefixed(path)


def _prefixed(path: str) -> str:
    text = ntpath.normpath(path)
    if text.startswith(_AS_IT_IS):
        return path
    if text.startswith("\\\\"):
        return f"\\\\?\\UNC{text[1:]}"
    return f"\\\\?\\{text}" if ntpath.splitdrive(text)[0] and text[2:3] == "\\" else path
