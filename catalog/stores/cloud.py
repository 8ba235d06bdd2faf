"""Objects in the bucket or container of a cloud: what all clouds have in common.

A cloud keeps the contract by itself where it matters: an object is there whole or not at all, durable before the answer
is given, and a conditional request creates it exclusively.  What is left to do here is to find out what happened when
the answer says nothing clear, or does not come.

- **Trying again is ours** (``patience``).  The libraries beneath are told to try once, where they can be told: layers
  that each repeat multiply to hours.  One cannot, and a creation that is repeated unseen is refused by its own success:
  so no refusal is believed before the object was read back.
- **Nothing is cached.**  Listings come fresh from the service: the archive's safety rests on seeing what others wrote.
- **Credentials stay in the options.**  They are in no URL, no ``repr`` and no message, wherever they came from; only
  pickling the store carries them, so that workers can use it.
- **Threads and processes.**  The library's requests run on fsspec's own thread, and any number of threads may wait for
  them.  That thread does not survive a fork, so a forked process connects anew.

A subclass says how one attempt at each operation is made.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ..errors import HolotypeError, InvalidOption
from .answers import Place, refusal, silence
from .base import ObjectStore
from .extras import load_extra
from .hiding import secrets_in
from .keys import check_content, check_key, check_prefix, check_span, views
from .patience import Patience, create_patiently, patiently

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence

    from typing_extensions import Buffer

    from .answers import Answer, Kinds
    from .base import ObjectInfo

__all__ = ["CloudStore", "all_done"]

_T = TypeVar("_T")

_URL = re.compile(r"[a-z0-9+.-]+://(?P<bucket>[^/]*)(?P<path>/.*)?", re.IGNORECASE | re.DOTALL)
# Seconds.  The libraries notice a server that stops answering, but some not one that stops listening half way through a
# large object.  So a request that sends data is given up when it is slower than this many bytes per second.
_GRACE, _SLOWEST = 60.0, 64 << 10
# By process, for a child would find its parent's lock as it was at the fork.  fsspec gives stores with the same options
# the same file system; older versions of s3fs lose one of the two connections that two threads make for it at once.
_connecting: dict[int, threading.Lock] = {}


class CloudStore(ObjectStore):
    """A store below ``scheme://bucket/path``; the bucket has to be there, and nothing else is made in advance.

    ``storage_options`` are those of the fsspec file system beneath, which also finds credentials in the environment and
    in its usual files.  ``patience``: how long an outage is ridden out.  Two stores are equal when they name the same
    place, whoever they come as.

    Raises ``InvalidOption``, and ``ExtraMissing`` when the package that speaks to this cloud is not installed.
    """

    distant = True
    scheme: ClassVar[str]
    """How its URLs begin."""
    package: ClassVar[str]
    """The fsspec implementation it needs."""
    extra: ClassVar[str]
    """The extra of holotype that brings this package."""
    most_deleted: ClassVar[int]
    """How many objects are deleted together."""

    def __init__(
        self, url: str, *, storage_options: Mapping[str, object] | None = None, patience: Patience | None = None
    ) -> None:
        self._options = dict(storage_options or {})
        self._patience = patience or Patience()
        found = _URL.fullmatch(url)
        parts = [part for part in ((found and found["path"]) or "").split("/") if part]
        self._bucket = self._bucket_of(found["bucket"] if found else "")
        if found is None or not self._bucket or {".", ".."} & set(parts):
            raise InvalidOption(f"{url} names no bucket, or no folder in it: {self.scheme}://bucket/folder", url=url)
        self._root = "".join(f"{part}/" for part in parts)
        self._package = load_extra(self.package, extra=self.extra)
        # By process, and kept: what a child inherits of its parent's connection must not be used, nor closed.
        self._connected: dict[int, Any] = {}
        shown = f"{self.scheme}://{found['bucket']}/{self._root}".rstrip("/")
        self._place = Place(shown, self._bucket, self._endpoint(), secrets_in(self._options))

    @property
    def url(self) -> str:
        return self._place.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r}, endpoint={self._place.endpoint!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CloudStore) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (type(self), self.url, self._options, self._patience)

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        name, flat = self._name(key), views(parts)
        size = sum(map(len, flat))
        self._patiently(lambda files: self._put(files, name, flat, size), key, "writing", sent=size)
        return size

    def create(self, key: str, data: bytes) -> bool:
        check_content(key, data)
        name = self._name(key)
        return create_patiently(
            lambda: self._once(lambda files: self._create(files, name, data), key, "creating", sent=len(data)),
            lambda: self._once(lambda files: self._get(files, name, 0, None), key, "creating"),
            data,
            self._patience,
            # All of them speak through aiohttp, which repeats a PUT when its connection was closed, and tells nobody.
            repeats=True,
        )

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        check_span(key, start, length)
        name = self._name(key)
        return self._patiently(lambda files: self._get(files, name, start, length), key, "reading")

    def size(self, key: str) -> int:
        name = self._name(key)
        return self._patiently(lambda files: self._size(files, name), key, "looking at")

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        check_prefix(prefix)
        return self._list(prefix)

    def delete(self, keys: Iterable[str]) -> None:
        rest = iter(keys)
        while together := list(islice(rest, self.most_deleted)):
            self._delete_together(together)

    def _delete_together(self, keys: Sequence[str]) -> None:
        names = [self._name(key) for key in keys]
        self._patiently(lambda files: self._delete(files, names), "", "deleting from")

    # -- what a subclass says: one attempt at each, which may raise what the package raises

    @abstractmethod
    def _connect(self) -> Any:
        """A file system of the package, connected."""

    @abstractmethod
    def _endpoint(self) -> str:
        """Where the service is: part of what a store is equal by, and of messages."""

    @abstractmethod
    def _answer(self, error: BaseException) -> Answer | None:
        """What the service said in ``error``; ``None`` when it said nothing."""

    @abstractmethod
    def _kinds(self) -> Kinds:
        """What the package's own errors mean that come without an answer."""

    @abstractmethod
    async def _put(self, files: Any, name: str, parts: Sequence[memoryview], size: int) -> None:
        """Write an object of ``size`` bytes, replacing any."""

    @abstractmethod
    async def _create(self, files: Any, name: str, data: bytes) -> bool:
        """Whether an object was made; ``False`` when there was one."""

    @abstractmethod
    async def _get(self, files: Any, name: str, start: int, length: int | None) -> bytes:
        """The object's bytes from ``start``, ``length`` of them or all; fewer where it ends."""

    @abstractmethod
    async def _size(self, files: Any, name: str) -> int:
        """The object's size in bytes."""

    @abstractmethod
    async def _delete(self, files: Any, names: Sequence[str]) -> None:
        """Remove up to ``most_deleted`` objects; raises when one could not be removed, not when it was not there."""

    @abstractmethod
    def _list(self, prefix: str) -> Iterator[ObjectInfo]:
        """All objects below ``prefix``."""

    def _bucket_of(self, authority: str) -> str:
        """The bucket in what stands between ``://`` and the next slash."""
        if "@" in authority:
            # Not shown: what stands before the @ may be a password.
            raise InvalidOption(f"a {self.scheme}:// URL holds no credentials: give them as storage_options")
        return authority

    # -- requests

    def _name(self, key: str) -> str:
        return self._root + check_key(key)

    def _identity(self) -> tuple[object, ...]:
        return type(self), self.url, self._place.endpoint

    def _patiently(
        self, work: Callable[[Any], Coroutine[Any, Any, _T]], key: str, doing: str, *, sent: int | None = None
    ) -> _T:
        return patiently(lambda: self._once(work, key, doing, sent=sent), self._patience)

    def _once(
        self, work: Callable[[Any], Coroutine[Any, Any, _T]], key: str, doing: str, *, sent: int | None = None
    ) -> _T:
        """What ``work`` returns, given this process's file system, or the error of our tree for what it raised.

        ``sent``: how many bytes it sends, which bounds its time.
        """
        files = self._files()
        seconds = None if sent is None else _GRACE + sent / _SLOWEST
        future = asyncio.run_coroutine_threadsafe(asyncio.wait_for(work(files), seconds), files.loop)
        try:
            with self._translating(key, doing):
                return future.result()
        finally:
            future.cancel()  # only when this thread was interrupted is there anything to cancel

    def _files(self) -> Any:
        process = os.getpid()
        files = self._connected.get(process)
        if files is None:
            # Nothing is asked yet, so what is wrong is what was given.
            given = self._translating("", "connecting to", wrong=(TypeError, ValueError, KeyError))
            with _connecting.setdefault(process, threading.Lock()), given:
                files = self._connected[process] = self._connect()
        return files

    @contextmanager
    def _translating(self, key: str, doing: str, *, wrong: tuple[type[Exception], ...] = ()) -> Iterator[None]:
        """Turn what is raised inside into an error of our tree; ``wrong``: what else than the package's own errors
        means that the call or the options cannot be."""
        try:
            yield
        except HolotypeError:
            raise
        except Exception as error:
            answer, kinds = self._answer(error), self._kinds()
            kinds = replace(kinds, wrong=kinds.wrong + wrong)
            place = self._place
            refused = refusal(answer, place, key, doing) if answer else silence(error, kinds, place, key, doing)
            if place.is_told_by(error):
                raise refused from None
            raise refused from error


def _reopen(kind: type[CloudStore], url: str, options: Mapping[str, object], patience: Patience) -> CloudStore:
    return kind(url, storage_options=options, patience=patience)


async def all_done(work: Iterable[Coroutine[Any, Any, _T]]) -> list[_T]:
    """What all of ``work`` returns, or the first error, raised when none of it goes on any more."""
    done = await asyncio.gather(*work, return_exceptions=True)
    for result in done:
        if isinstance(result, BaseException):
            raise result
    return [result for result in done if not isinstance(result, BaseException)]
