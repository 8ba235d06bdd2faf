"""What a key may be, and the mapping of the operating system's errors to ours; shared by the stores."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING

from ..errors import HolotypeError, InvalidName, InvalidOption, ObjectMissing, StorageDenied, StorageFailed, StorageFull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer

__all__ = ["check_content", "check_key", "check_prefix", "check_span", "storage_error", "views"]

# A part may not end with a dot: that rules out "." and "..", and names that Windows would shorten.
_PART = r"[A-Za-z0-9._=-]{0,199}[A-Za-z0-9_=-]"
_KEY = re.compile(rf"{_PART}(?:/{_PART})*")

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def check_key(key: str) -> str:
    """``key`` itself, or ``InvalidName`` when it cannot be one: nothing outside the store can be named."""
    if not _KEY.fullmatch(key):
        raise InvalidName(f"{key!r} cannot be the key of an object", key=key)
    return key


def check_prefix(prefix: str) -> str:
    """``prefix`` without its last slash, or ``InvalidName`` when it is not a folder."""
    if prefix and not (prefix.endswith("/") and _KEY.fullmatch(prefix[:-1])):
        raise InvalidName(f"{prefix!r} cannot be listed: a prefix is a folder with a slash at its end", key=prefix)
    return prefix[:-1]


def check_span(key: str, start: int, length: int | None) -> None:
    """Raise ``InvalidOption`` for a part of an object that cannot be."""
    if start < 0 or (length is not None and length < 0):
        raise InvalidOption(f"no object has bytes at {start} + {length}", key=key)


def check_content(key: str, data: bytes) -> None:
    """Raise ``InvalidOption`` for what cannot be created."""
    if not data:
        raise InvalidOption("an object cannot be created empty: some backends could not do it exclusively", key=key)


def storage_error(error: OSError, key: str, url: str, doing: str) -> HolotypeError:
    """The error of our tree that says what ``error`` says, with the object and the store it is about."""
    about = {"key": key, "backend": url, "errno": error.errno}
    reason = error.strerror or str(error) or type(error).__name__
    where = f"{key} in {url}" if key else url
    if isinstance(error, FileNotFoundError):
        return ObjectMissing(f"there is no object {where}", **about)
    if error.errno in _FULL:
        return StorageFull(f"no room for {where}: {reason}; make room and try again", **about)
    if isinstance(error, PermissionError) or error.errno in _DENIED:
        return StorageDenied(f"the storage does not allow {doing} {where}: {reason}", **about)
    return StorageFailed(f"{doing} {where} failed: {reason}", **about)


def views(parts: Sequence[Buffer]) -> list[memoryview]:
    """The parts that hold anything, as flat views of their bytes."""
    # A view with no bytes cannot be cast, and one with a negative stride is no run of bytes at all.
    return [view.cast("B") for part in parts if (view := memoryview(part)).nbytes]
