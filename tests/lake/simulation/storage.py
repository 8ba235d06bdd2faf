"""The storage that actors share, and the connection that each of them has to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from holotype.catalog import ObjectStore, Patience
from holotype.catalog.stores.patience import create_patiently, patiently

from ...catalog.faults import Crash, timed_out
from ..retention.interleaving import SharedStore
from .scheduler import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from typing_extensions import Buffer

    from holotype.catalog import ObjectInfo

    from .scheduler import Scheduler
    from .witness import Witness

__all__ = ["Connection", "Storage"]

_T = TypeVar("_T")

_PATIENCE = Patience(attempts=4, sleep=lambda seconds: None, random=lambda: 0.0, clock=lambda: 0.0)


class Storage(SharedStore):
    """Objects in a dictionary, under the eyes of a witness."""

    def __init__(self, objects: Mapping[str, bytes], witness: Witness) -> None:
        super().__init__(objects)
        self._witness = witness
        witness.objects = self.objects

    def create(self, key: str, data: bytes) -> bool:
        made = super().create(key, data)
        if made:
            self._witness.created(key)
        return made

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._witness.deletes(key)
            self.objects.pop(key, None)


class Connection(ObjectStore):
    """One actor's way to the storage: it gives way before every call, and calls may meet another fate than they should.

    ``patient``: what passes is tried again, as stores on the other side of a network do.  ``distant``: as those do, it
    tells what follows a key, and keeps a tip.  ``clock``: the actor's;
    what it writes has its time.  ``told_wrong``: how many errors came through.  ``aside``: whether a call neither gives
    way nor fails, as long as nobody else is there.
    """

    waits = False

    def __init__(
        self,
        storage: Storage,
        actor: str,
        scheduler: Scheduler,
        *,
        clock: Callable[[], datetime],
        patient: bool,
        distant: bool = False,
    ) -> None:
        self.distant = distant
        self._storage, self._actor, self._scheduler = storage, actor, scheduler
        self._clock, self._patient = clock, patient
        self._dead = False
        self.told_wrong = 0
        self.aside = False

    @property
    def url(self) -> str:
        return self._storage.url

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        data = b"".join(parts)
        return self._call("put", key, lambda: self._timed(key, self._storage.put(key, [data])))

    def create(self, key: str, data: bytes) -> bool:
        def attempt() -> bool:
            return self._once("create", key, lambda: self._timed(key, self._storage.create(key, data)))

        if not self._patient:
            return attempt()
        return create_patiently(
            attempt, lambda: self._once("get", key, lambda: self._storage.get(key)), data, _PATIENCE
        )

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        return self._call("get", key, lambda: self._storage.get(key, start, length))

    def size(self, key: str) -> int:
        return self._call("size", key, lambda: self._storage.size(key))

    def exists(self, key: str) -> bool:
        return self._call("exists", key, lambda: self._storage.exists(key))

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self._call("list", prefix, lambda: self._storage.list(prefix))

    def following(self, key: str) -> Sequence[str] | None:
        if not self.distant:
            return None
        folder = key[: key.rindex("/") + 1]
        return self._call(
            "following", key, lambda: sorted(info.key for info in self._storage.list(folder) if info.key > key)
        )

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:  # one after the other: no storage deletes many in one step
            self._call("delete", key, lambda key=key: self._storage.delete([key]))  # type: ignore[misc]

    def _timed(self, key: str, result: _T) -> _T:
        if result:
            self._storage.times[key] = self._clock()
        return result

    def _call(self, kind: str, key: str, work: Callable[[], _T]) -> _T:
        return (
            patiently(lambda: self._once(kind, key, work), _PATIENCE) if self._patient else self._once(kind, key, work)
        )

    def _once(self, kind: str, key: str, work: Callable[[], _T]) -> _T:
        if self._dead:
            raise Crash(self._actor)
        if self.aside:
            return work()
        call = Call(kind, key)
        fate = self._scheduler.give_way(self._actor, call)
        if fate.done == "later":
            self._scheduler.later(self._actor, call, work)
        if fate.done == "now":
            result = work()
            if fate.told == "answer":
                return result
        if fate.told == "dies":
            self._dead = True
            raise Crash(self._actor)
        self.told_wrong += 1
        raise timed_out()
