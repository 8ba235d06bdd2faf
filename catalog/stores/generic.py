"""Objects on any other file system that fsspec knows: ``ftp://``, ``smb://``, ``webdav://``, ``hdfs://``…

Of a file system that nothing is known of, nothing is taken for granted:

- **Whole or absent.**  Where it can move a file by itself, an object is written under a temporary name (with a ``~``,
  which no key can have), its size is looked at, and it is moved to its place.  Where it cannot, it is written in place:
  most such file systems are services to which a whole object is sent, but a crash may leave half of one where they are
  not; then the archive finds by its hash that it is damaged.
- **Durable** when the file system says so.
- **Exclusive creation** only where the file system has a ``pipe_file`` with ``mode`` of its own, and passes the probe;
  fsspec's default looks first and writes later.  All others hold archives of one writer.
- **One instance per thread**, for few of them may be shared; one that failed is replaced.

What can only be read (``http://``, ``zip://``) holds archives that are opened with ``read_only=True``.  It has to list
folders, as a web server does that shows an index.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import threading
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from fsspec.core import get_filesystem_class, strip_protocol

from ..errors import ExtraMissing, HolotypeError, InvalidOption, ObjectMissing, StorageFailed
from . import genericfiles
from .base import ObjectInfo, ObjectStore
from .foreign import translated
from .hiding import hidden, secrets_in
from .keys import check_content, check_key, check_prefix, check_span, views
from .patience import Patience, create_patiently, patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from typing_extensions import Buffer

__all__ = ["GenericStore"]

_T = TypeVar("_T")

# Who logs in, and a password, in a URL.
_USER = re.compile(r"(?<=//)([^/:@]*)(?::([^/]*))?@")


class GenericStore(ObjectStore):
    """A store at a URL of which fsspec knows the protocol; ``storage_options`` are those of its file system.

    Raises ``InvalidOption`` for a protocol that fsspec does not know, and ``ExtraMissing`` for one whose package is not
    installed; nothing is connected yet.
    """

    distant = True

    def __init__(
        self, url: str, *, storage_options: Mapping[str, object] | None = None, patience: Patience | None = None
    ) -> None:
        self._given = url
        self._options = dict(storage_options or {})
        self._patience = patience or Patience()
        self._kind = _kind(url)
        self._root = str(strip_protocol(url))
        self._url = _USER.sub(r"\1@", url).rstrip("/")
        password = found[2] if (found := _USER.search(url)) else None
        said = (password, unquote(password)) if password else ()
        self._secrets = sorted({*secrets_in(self._options), *said}, key=len, reverse=True)
        self._made: set[str] = set()  # folders that are there
        self._mine = threading.local()

    @property
    def url(self) -> str:
        return self._url

    def __repr__(self) -> str:
        return f"GenericStore({self._url!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GenericStore) and (self._url, self._options) == (other._url, other._options)

    def __hash__(self) -> int:
        return hash((GenericStore, self._url))

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (self._given, self._options, self._patience)

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        path, data = self._path(key), b"".join(views(parts))
        self._patiently(lambda files: self._put(files, path, data), key, "writing")
        return len(data)

    def create(self, key: str, data: bytes) -> bool:
        check_content(key, data)
        path = self._path(key)
        if not genericfiles.makes_exclusively(self._kind):
            raise StorageFailed(
                f"creating {key} in {self._url} failed: this file system has no exclusive creation, so only an archive "
                "that was created for one writer can be written there",
                key=key,
                backend=self._url,
                errno=errno.ENOTSUP,
            )
        return create_patiently(
            lambda: self._once(lambda files: self._create(files, path, data), key, "creating"),
            lambda: self._once(lambda files: genericfiles.read(files, path, 0, None), key, "reading"),
            data,
            self._patience,
            repeats=True,  # for all that is known
        )

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        check_span(key, start, length)
        path = self._path(key)
        return self._patiently(lambda files: genericfiles.read(files, path, start, length), key, "reading")

    def size(self, key: str) -> int:
        path = self._path(key)
        size = self._patiently(lambda files: genericfiles.size(files, path), key, "looking at")
        if size is None:
            raise ObjectMissing(f"there is no object {key} in {self._url}", key=key, backend=self._url)
        return size

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self._walk(check_prefix(prefix), leftover=False)

    def leftovers(self) -> Iterator[ObjectInfo]:
        return self._walk("", leftover=True)

    def delete(self, keys: Iterable[str]) -> None:
        # Folders that became empty stay: there are file systems whose rmdir takes along what is in a folder.
        for key in keys:
            self._delete(key, self._path(key, leftover=True))

    def _delete(self, key: str, path: str) -> None:
        self._patiently(lambda files: genericfiles.remove(files, path), key, "deleting")

    # -- names, connections and errors

    def _path(self, key: str, *, leftover: bool = False) -> str:
        check_key(key.replace("~", "") if leftover else key)
        return self._below(key)

    def _below(self, key: str) -> str:
        separator = "" if not self._root or not key or self._root.endswith("/") else "/"
        return f"{self._root}{separator}{key}"

    def _patiently(self, work: Callable[[Any], _T], key: str, doing: str) -> _T:
        return patiently(lambda: self._once(work, key, doing), self._patience)

    def _once(self, work: Callable[[Any], _T], key: str, doing: str) -> _T:
        """What ``work`` returns, given this thread's file system, or the error of our tree for what it raised."""
        sound = False
        try:
            files = self._files()
            files.invalidate_cache()  # what others wrote must be seen
            found = work(files)
            sound = True
            return found
        except HolotypeError:
            raise
        except Exception as error:
            said = self._hidden(translated(error, key, self._url, doing))
            sound = isinstance(said, ObjectMissing)
            if self._hide(str(error)) != str(error):
                raise said from None
            raise said from error
        finally:
            if not sound:
                # It may have lost its connection, or its place in what the server says.
                self._mine.files = None
                self._made.clear()

    def _files(self) -> Any:
        mine = self._mine
        if getattr(mine, "files", None) is None or mine.process != os.getpid():
            mine.files, mine.process = self._connect(), os.getpid()
        return mine.files

    def _connect(self) -> Any:
        # What the URL says, such as the host, as the file system itself takes it apart.
        options = {**self._kind._get_kwargs_from_urls(self._given), **self._options}
        try:
            return self._kind(**options, skip_instance_cache=True)
        except (TypeError, ValueError) as error:
            raise InvalidOption(f"{self._url} cannot be opened with these options: {self._hide(str(error))}") from None
        except ImportError as error:
            raise _not_installed(self._url.partition(":")[0], error) from error

    def _hide(self, text: str) -> str:
        return hidden(text, self._secrets)

    def _hidden(self, error: HolotypeError) -> HolotypeError:
        return type(error)(self._hide(error.message), **error.about)

    # -- one attempt

    def _put(self, files: Any, path: str, data: bytes) -> None:
        self._make_folder(files, path)
        if genericfiles.moves(self._kind):
            genericfiles.write_moved(files, f"{path}~{secrets.token_hex(8)}", path, data)
        else:
            genericfiles.write(files, path, data)

    def _create(self, files: Any, path: str, data: bytes) -> bool:
        self._make_folder(files, path)
        return genericfiles.create(files, path, data)

    def _make_folder(self, files: Any, path: str) -> None:
        folder = path.rpartition("/")[0]
        if folder and folder not in self._made:
            genericfiles.make_folder(files, folder)
            self._made.add(folder)

    def _walk(self, prefix: str, *, leftover: bool) -> Iterator[ObjectInfo]:
        folders = [prefix]
        while folders:
            folder = folders.pop()
            for entry in self._entries(folder):
                name = entry["name"].rstrip("/").rpartition("/")[2]
                key = f"{folder}/{name}" if folder else name
                if entry["type"] == "directory":
                    folders.append(key)
                elif entry["type"] == "file" and ("~" in name) is leftover:
                    size = entry["size"] if entry["size"] is not None else self.size(key)
                    yield ObjectInfo(key, size, genericfiles.time_of(entry))

    def _entries(self, folder: str) -> Sequence[Mapping[str, Any]]:
        path = self._below(folder)
        return self._patiently(lambda files: genericfiles.entries(files, path), folder, "listing")


def _reopen(url: str, options: Mapping[str, object], patience: Patience) -> GenericStore:
    return GenericStore(url, storage_options=options, patience=patience)


def _kind(url: str) -> type[Any]:
    """fsspec's file system for a URL."""
    protocol = url.partition(":")[0].lower()
    try:
        kind: type[Any] = get_filesystem_class(protocol)
    except ValueError as error:
        shown = _USER.sub("", url)
        said = f"{shown}: holotype has no store for {protocol}://"
        raise InvalidOption(said, url=shown, protocol=protocol) from error
    except ImportError as error:
        raise _not_installed(protocol, error) from error
    return kind


def _not_installed(protocol: str, error: ImportError) -> ExtraMissing:
    return ExtraMissing(f"{protocol}:// needs a package that is not installed: {error}", protocol=protocol)
