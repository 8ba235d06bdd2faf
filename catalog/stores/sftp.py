"""Objects as files on a server that is reached by SSH, over SFTP.

As on a local disk an object is written to a temporary file beside its place, made durable, and only then given its
name: by OpenSSH's ``posix-rename``, which replaces (``put``), or by its ``hardlink``, which refuses to (``create``).
On a server that offers neither, by a rename; whether that refuses is probed when an archive is created.  Temporary
files have a ``~`` in their name, which no key can have: ``leftovers`` finds what a crash left behind.

A server that offers ``fsync@openssh.com``, as OpenSSH does, flushes the file and its folder to its disk before ``put``
and ``create`` return.  Another one may lose what it last confirmed when its power fails.

A connection that is lost is made again, with patience.  A creation whose answer was lost is read back.
"""

from __future__ import annotations

import os
import posixpath
import re
import struct
from dataclasses import fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote
from weakref import finalize

from ..errors import HolotypeError, InvalidOption, StorageFailed
from .base import ObjectInfo, ObjectStore
from .keys import check_content, check_key, check_prefix, check_span, storage_error, views
from .patience import Patience, create_patiently, patiently
from .sftpfiles import Files
from .sftppool import Connections
from .ssh import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from typing_extensions import Buffer

    from .sftpsession import Session
    from .sftpwire import Attributes

__all__ = ["SftpStore"]

_T = TypeVar("_T")

_URL = re.compile(
    r"(?:sftp|ssh)://(?:(?P<username>[^@/:]*)(?::(?P<password>[^@/]*))?@)?"
    r"(?P<host>\[[^\]/]+\]|[^@/:\[\]]+)(?::(?P<port>[0-9]+))?(?P<path>/.*)",
    re.IGNORECASE | re.DOTALL,
)
_OPTIONS = frozenset(field.name for field in fields(Server)) - {"host"}
# Folders that are listed at the same time: a server keeps a handle for each.
_TOGETHER = 32


class SftpStore(ObjectStore):
    """A store at ``sftp://user@host:port/path``; the folder is made when the first object is written.

    The path is absolute; ``/~/path`` lies in the home of who logs in.  ``storage_options`` are those of ``Server``
    (``username``, ``password``, ``key_filename``, ``host_key``…) unless the URL says them.  ``patience``: how long a
    lost connection is tried again.  Two stores are equal when they name the same place.  Pickled, a store takes its
    options along, also a password.

    Raises ``InvalidOption``; nothing is connected yet.
    """

    distant = True

    def __init__(
        self, url: str, *, storage_options: Mapping[str, object] | None = None, patience: Patience | None = None
    ) -> None:
        self._server, path = _parsed(url, storage_options or {})
        self._url = f"{self._server.url}{path}"
        self._root = path.removeprefix("/~/")
        self._patience = patience or Patience()
        self._files = Files(self._root.encode())
        self._connections = Connections(self._server)
        # paramiko's threads would keep open a connection that nobody can use any more.
        finalize(self, self._connections.close)

    @property
    def url(self) -> str:
        return self._url

    def __repr__(self) -> str:
        return f"SftpStore({self._url!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SftpStore) and self._url == other._url

    def __hash__(self) -> int:
        return hash((SftpStore, self._url))

    def __reduce__(self) -> tuple[object, ...]:
        said = {"host", "port", "username"}  # by the URL
        options = {f.name: getattr(self._server, f.name) for f in fields(Server) if f.name not in said}
        return _reopen, (self._url, options, self._patience)

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        path, flat = self._file(key), views(parts)
        return self._patiently(lambda session: self._files.put(session, path, flat), key, "writing")

    def create(self, key: str, data: bytes) -> bool:
        check_content(key, data)
        path = self._file(key)
        return create_patiently(
            lambda: self._once(lambda session: self._files.create(session, path, data), key, "creating"),
            lambda: self._once(lambda session: self._files.read(session, path, 0, None), key, "reading"),
            data,
            self._patience,
        )

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        check_span(key, start, length)
        path = self._file(key)
        return self._patiently(lambda session: self._files.read(session, path, start, length), key, "reading")

    def size(self, key: str) -> int:
        path = self._file(key)
        return self._patiently(lambda session: self._files.size(session, path), key, "looking at")

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self._walk(check_prefix(prefix), leftover=False)

    def leftovers(self) -> Iterator[ObjectInfo]:
        return self._walk("", leftover=True)

    def delete(self, keys: Iterable[str]) -> None:
        paths = {key: self._file(key, leftover=True) for key in keys}
        refusals = self._patiently(
            lambda session: self._files.remove(session, list(paths.values())), "", "deleting from"
        )
        for key, refused in zip(paths, refusals, strict=True):
            if refused is not None and not isinstance(refused, FileNotFoundError):
                raise self._failed(refused, key, "deleting") from refused

    # -- names and errors

    def _file(self, key: str, *, leftover: bool = False) -> bytes:
        check_key(key.replace("~", "") if leftover else key)
        return self._below(key)

    def _below(self, key: str) -> bytes:
        return posixpath.join(self._root, key).encode()

    def _failed(self, error: OSError, key: str, doing: str) -> HolotypeError:
        if doing in ("writing", "creating") and isinstance(error, FileNotFoundError):
            # What is missing then is our temporary file or its folder, not the object.
            return StorageFailed(
                f"{doing} {key} in {self._url} failed: its temporary file was removed by someone else; try again",
                key=key,
                backend=self._url,
                errno=error.errno,
                transient=True,
            )
        return storage_error(error, key, self._url, doing)

    def _patiently(self, work: Callable[[Session], _T], key: str, doing: str) -> _T:
        return patiently(lambda: self._once(work, key, doing), self._patience)

    def _once(self, work: Callable[[Session], _T], key: str, doing: str) -> _T:
        """What ``work`` returns, given a session, or the error of our tree for what it raised."""
        try:
            with self._connections.session() as session:
                return work(session)
        except HolotypeError:
            raise
        except OSError as error:
            raise self._failed(error, key, doing) from error
        except struct.error as error:
            said = f"{doing} {key} in {self._url} failed: the server's answer makes no sense"
            raise StorageFailed(said, key=key, backend=self._url) from error

    # -- listing

    def _entries(self, folders: Sequence[str]) -> Sequence[Sequence[tuple[bytes, Attributes]] | OSError]:
        paths = [self._below(folder) if folder else self._root.encode() for folder in folders]
        return self._patiently(lambda session: self._files.entries(session, paths), "", "listing")

    def _walk(self, prefix: str, *, leftover: bool) -> Iterator[ObjectInfo]:
        folders = [prefix]
        while folders:
            some = folders[-_TOGETHER:]
            del folders[-_TOGETHER:]
            for folder, found in zip(some, self._entries(some), strict=True):
                if isinstance(found, FileNotFoundError):
                    continue  # removed since it was seen, or never there: it holds no object
                if isinstance(found, OSError):
                    raise self._failed(found, folder, "listing") from found
                for name, attributes in found:
                    key = posixpath.join(folder, name.decode("utf-8", "surrogateescape"))
                    if attributes.is_folder:
                        folders.append(key)
                    elif attributes.is_file and (b"~" in name) is leftover:
                        yield ObjectInfo(key, attributes.size, datetime.fromtimestamp(attributes.modified, UTC))


def _reopen(url: str, options: Mapping[str, object], patience: Patience) -> SftpStore:
    return SftpStore(url, storage_options=options, patience=patience)


def _parsed(url: str, options: Mapping[str, object]) -> tuple[Server, str]:
    """The server that ``url`` and ``options`` describe, and the path on it, without a slash at its end."""
    found = _URL.fullmatch(url)
    parts = [part for part in found["path"].split("/") if part] if found else []
    if found is None or {".", ".."} & set(parts) or parts == ["~"]:
        # The URL is not shown: what could not be understood may hold a password.
        raise InvalidOption("an sftp:// URL has a host and a path: sftp://user@host:port/path")
    said = {name: unquote(value) for name in ("username", "password", "port") if (value := found[name])}
    host = found["host"].strip("[]")
    if unknown := sorted(options.keys() - _OPTIONS):
        raise InvalidOption(f"sftp://{host} does not know {', '.join(unknown)}", options=tuple(unknown))
    if twice := sorted(name for name in said.keys() & options.keys() if str(options[name]) != said[name]):
        raise InvalidOption(
            f"sftp://{host}: the URL and the options differ in {', '.join(twice)}", options=tuple(twice)
        )
    given: dict[str, Any] = {**options, **said}
    for name, convert in (("port", int), ("key_filename", _paths), ("known_hosts", os.fspath)):
        if given.get(name) is not None:
            try:
                given[name] = convert(given[name])
            except (TypeError, ValueError) as error:
                raise InvalidOption(f"sftp://{host}: {name} cannot be {given[name]!r}", option=name) from error
    return Server(host=host, **given), "/" + "/".join(parts)


def _paths(value: Any) -> str | tuple[str, ...]:
    return tuple(map(os.fspath, value)) if isinstance(value, (list, tuple)) else os.fspath(value)
