"""What a library that holotype does not know says when it fails, in holotype's errors.

fsspec's file systems raise what the libraries beneath them raise: errors of the operating system, of HTTP clients, of
FTP.  Two things are taken care of here that the archive's safety rests on.  A failure that passes is marked so, to be
tried again.  And an absence is believed only when it was not made of a failure: fsspec's FTP calls it "not found" when
the server said that it is shutting down.
"""

from __future__ import annotations

import ftplib
from typing import TYPE_CHECKING

from ..errors import HolotypeError, ObjectMissing, StorageDenied, StorageFailed, StorageFull
from .keys import storage_error

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["failure_behind", "translated"]

# What may find out that an object is not there.
_LOOKING = frozenset({"reading", "looking at", "listing"})
# HTTP: Request Timeout, Conflict (with another request), Locked, Too Many Requests, and a server that cannot work now.
_PASSING = frozenset({408, 409, 423, 429, 500, 502, 503, 504})
# FTP (RFC 959): not logged in, no such file or no access, action not allowed; full here, and full for this user.
_FTP_DENIED, _FTP_FULL = frozenset({"530", "532", "550", "553"}), frozenset({"452", "552"})


def failure_behind(error: BaseException) -> BaseException | None:
    """What made ``error``, which says that something is not there, if that was a failure to look."""
    for cause in _causes(error):
        if isinstance(cause, (ConnectionError, TimeoutError, EOFError, ftplib.error_temp, ftplib.error_proto)):
            return cause
    return None


def translated(error: BaseException, key: str, url: str, doing: str) -> HolotypeError:
    """The error of our tree that says what ``error`` says, which came while ``doing`` something with an object."""
    error = failure_behind(error) or error
    about: dict[str, object] = {"key": key, "backend": url}
    where = f"{key} in {url}" if key else url
    reason = str(error) or type(error).__name__
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        if doing not in _LOOKING:
            # What is missing then is the folder, or our temporary file, not the object.
            return StorageFailed(f"{doing} {where} failed: {reason} was removed by someone else; try again", **about)
        return ObjectMissing(f"there is no object {where}", **about)
    if isinstance(error, NotImplementedError):
        return StorageDenied(f"{doing} {where} is not possible: this file system cannot do it ({reason})", **about)
    status = _status(error)
    ftp = reason[:3] if isinstance(error, ftplib.Error) else ""
    if status == 507 or ftp in _FTP_FULL:
        return StorageFull(f"no room for {where}: {reason}; make room and try again", **about)
    if status in (401, 403, 405) or ftp in _FTP_DENIED:
        return StorageDenied(f"the storage does not allow {doing} {where}: {reason}", **about)
    passing = isinstance(error, (ConnectionError, TimeoutError, EOFError, ftplib.error_temp, ftplib.error_proto))
    if isinstance(error, OSError) and error.errno is not None and not passing:
        return storage_error(error, key, url, doing)
    return StorageFailed(f"{doing} {where} failed: {reason}", transient=passing or status in _PASSING, **about)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """``error`` and all that led to it."""
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


def _status(error: BaseException) -> int:
    """The HTTP status in an error of the usual clients (aiohttp, requests, httpx), or 0."""
    for holder in (error, getattr(error, "response", None)):
        for name in ("status", "status_code"):
            if isinstance(status := getattr(holder, name, None), int):
                return status
    return 0
