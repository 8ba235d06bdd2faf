"""Actors that share an archive, each in a thread, of which exactly one runs at a time: which, a seed decides.

An actor gives way before every call that others can notice: before it looks at the log, lists, uploads a pack,
deletes or commits.  So one seed is one interleaving, the same each time.
"""

from __future__ import annotations

import random
import threading
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, ClassVar

from holotype.catalog import Catalog, ObjectInfo, ObjectMissing, ObjectStore, Segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa
    import pyarrow.compute as pc
    from typing_extensions import Buffer

    from holotype.catalog import State

__all__ = ["Died", "QuickCatalog", "Scheduler", "SharedStore"]


class Died(BaseException):
    """The actor's process is gone: nothing that handles errors may see it."""


class SharedStore(ObjectStore):
    """Objects in a dictionary; ``give_way`` is called before what others can notice.

    ``written``: when they were written, as listings say, but for those in ``times``, by key.
    """

    waits = False

    def __init__(self, objects: Mapping[str, bytes] | None = None) -> None:
        self.objects = dict(objects or {})
        self.give_way: Callable[[str], object] = lambda call: None
        self.written = datetime.now(UTC)
        self.times: dict[str, datetime] = {}

    @property
    def url(self) -> str:
        return "memory://interleaving"

    def put(self, key: str, parts: Sequence[Buffer]) -> int:
        data = b"".join(parts)
        if key.startswith("packs/"):
            self.give_way(f"put {key}")
        self.objects[key] = data
        return len(data)

    def create(self, key: str, data: bytes) -> bool:
        self.give_way(f"create {key}")
        if key in self.objects:
            return False
        self.objects[key] = bytes(data)
        return True

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        if key.startswith("log/"):
            self.give_way(f"get {key}")
        try:
            data = self.objects[key]
        except KeyError:
            raise ObjectMissing(f"there is no object {key}", key=key) from None
        return data[start : None if length is None else start + length]

    def size(self, key: str) -> int:
        return len(bytes(self.get(key)))

    def exists(self, key: str) -> bool:
        return key in self.objects

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        self.give_way(f"list {prefix}")
        found = [
            ObjectInfo(key, len(data), self.times.get(key, self.written))
            for key, data in self.objects.items()
            if key.startswith(prefix)
        ]
        return iter(found)

    def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.give_way(f"delete {key}")
            self.objects.pop(key, None)


class QuickCatalog(Catalog):
    """A catalog whose segments stay tables in memory: commits are real, Parquet is not what is tested."""

    tables_of_segments: ClassVar[dict[str, pa.Table]] = {}
    _named: ClassVar[Iterator[int]] = count()

    def write(self, table: str, rows: pa.Table) -> Segment:
        declared = self.table(table)
        rows = declared.enforce(rows)
        return self._put(table, rows, f"{next(self._named):064x}")

    def stored(self, segment: Segment) -> Buffer:
        return self.store.get(segment.key)

    def adopt(self, segment: Segment, data: Buffer) -> Segment:
        return self._put(segment.table, self.tables_of_segments[segment.key], segment.digest)

    def _put(self, table: str, rows: pa.Table, digest: str) -> Segment:
        name = f"{self.state.version:012d}-{next(self._named):020x}"
        segment = Segment(
            table, name, digest, rows.num_rows, self.store.put(f"tables/{table}/{name}.parquet", [b"rows"])
        )
        self.tables_of_segments[segment.key] = rows
        return segment

    def batches(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        filter: pc.Expression | None = None,
        state: State | None = None,
        segments: Sequence[Segment] | None = None,
    ) -> Iterator[pa.Table]:
        for segment in (state or self.state).segments(table) if segments is None else segments:
            self.store.get(segment.key)
            rows = self.tables_of_segments[segment.key]
            rows = rows if filter is None else rows.filter(filter)
            yield rows if columns is None else rows.select(list(columns))


class Scheduler:
    """Runs actors one step at a time, in the order that ``seed`` says.

    ``patience``: how probable it is that the actor that ran last goes on; ``deadly``: how probable that one dies at a
    step. ``steps``: what was done, by whom.
    """

    def __init__(self, seed: int, *, patience: float = 0.75, deadly: float = 0.0) -> None:
        self._random = random.Random(seed)
        self._patience, self._deadly = patience, deadly
        self._turns: dict[str, threading.Semaphore] = {}
        self._back = threading.Semaphore(0)
        self._names = threading.local()
        self._waiting: set[str] = set()
        self.steps: list[str] = []
        self.errors: dict[str, BaseException] = {}

    def give_way(self, call: str) -> None:
        """Wait for the next turn; helper threads of an actor, which only read, never wait."""
        name: str | None = getattr(self._names, "name", None)
        if name is None:
            return
        self._waiting.add(name)
        self._back.release()
        self._turns[name].acquire()
        self.steps.append(f"{name}: {call}")
        if self._random.random() < self._deadly:
            self.steps.append(f"{name}: dies")
            raise Died(name)

    def run(self, actors: Mapping[str, Callable[[], object]]) -> None:
        """Run all actors to their ends; what they raise is in ``errors``."""
        threads = []
        for name, actor in actors.items():
            self._turns[name] = threading.Semaphore(0)
            threads.append(threading.Thread(target=self._act, args=(name, actor), daemon=True))
        for thread in threads:
            thread.start()
        for _ in threads:
            self._back.acquire()
        last = ""
        while self._waiting:
            able = sorted(self._waiting)
            if last not in self._waiting or self._random.random() >= self._patience:
                last = self._random.choice(able)
            self._waiting.remove(last)
            self._turns[last].release()
            self._back.acquire()
        for thread in threads:
            thread.join()

    def _act(self, name: str, actor: Callable[[], object]) -> None:
        self._names.name = name
        try:
            self.give_way("begins")
            actor()
        except BaseException as error:  # noqa: BLE001 - it belongs to the test, which looks at it
            self.errors[name] = error
        finally:
            self._names.name = None
            self._back.release()
