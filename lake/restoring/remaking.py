"""The tasks of a restore: which bytes become which files, and how they are made, by a thread or by a worker elsewhere.

Small files are made by where they lie: a task reads some neighbouring chunks once and writes the files that each of
them is.  A large file is a task of its own, chunk after chunk.
"""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.compute as pc

from holotype.catalog import DamageError, ObjectDamaged, SourceProblem, numbers

from ..packs import PackReader
from ..tree.paths import shown
from ..tree.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from holotype.catalog import ObjectStore

    from ..progress import Ticker
    from ..tree.entries import Entry
    from .placing import Placer

__all__ = ["Large", "Remaker", "Small", "Tally"]

_CACHE_BYTES = 8 << 20  # a task reads a block once, in order: no more than the blocks at hand are of use


@dataclass(frozen=True)
class Small:
    """Neighbouring chunks, and the files that are made of one of them each.

    ``places``: where the chunks lie.  ``rows_of``: of the first chunk by the number ``first``, of the next by the one
    after it, the rows of its files in ``entries`` and ``sha256s``, which several tasks share.
    """

    places: pa.Table
    first: int
    rows_of: Mapping[int, Sequence[int]]
    entries: Sequence[Entry]
    sha256s: Sequence[bytes]

    @property
    def size(self) -> int:
        """How many bytes are read for it."""
        return pc.sum(self.places["length"]).as_py() or 0

    def alone(self) -> Small:
        """The same task with nothing but its own rows, for pickling; a slice is pickled with all it was cut from."""
        places = self.places.take(numbers(np.arange(self.places.num_rows)))
        rows_of: dict[int, Sequence[int]] = {}
        rows: list[int] = []
        for place in range(places.num_rows):
            own = self.rows_of[self.first + place]
            rows_of[place] = range(len(rows), len(rows) + len(own))
            rows += own
        return Small(places, 0, rows_of, [self.entries[row] for row in rows], [self.sha256s[row] for row in rows])


@dataclass(frozen=True)
class Large:
    """A file of several chunks, or of one and holes.  ``places``: where its chunks lie, in the file's order."""

    entry: Entry
    sha256: bytes
    places: pa.Table = field(repr=False)

    @property
    def size(self) -> int:
        """How many bytes are read for it."""
        return pc.sum(self.places["length"]).as_py() or 0

    def alone(self) -> Large:
        """The same task, which shares nothing with others."""
        return self


class Tally:
    """What was restored and what was not; from any thread.

    ``strict``: whether the first problem is raised, as ``SourceProblem`` or as the damage that it is.
    """

    def __init__(self, *, strict: bool, ticker: Ticker) -> None:
        self.strict, self._ticker = strict, ticker
        self._lock = threading.Lock()
        self.problems: list[Problem] = []
        self.files = self.bytes = 0

    def report(self, problem: Problem) -> None:
        """Take a problem."""
        if self.strict:
            path = shown(problem.path)
            raise SourceProblem(f"{path}: {problem.problem}: {problem.message}; the target is not complete", path=path)
        with self._lock:
            self.problems.append(problem)

    def lost(self, entry: Entry, error: DamageError) -> None:
        """Take note of a file that is damaged."""
        if self.strict:
            raise error
        self.report(Problem(entry.path, "damaged", error.message))

    def placed(self, entry: Entry) -> None:
        """Count a file that is there."""
        with self._lock:
            self.files += 1
            self.bytes += entry.size
            self._ticker.add(files=1, bytes=entry.size)

    def linked(self, files: int, bytes: int) -> None:
        """Tell of hard links, which count as files in what a snapshot says of itself."""
        with self._lock:
            self._ticker.add(files=files, bytes=bytes)

    def take(self, files: int, bytes: int, problems: Sequence[Problem]) -> None:
        """Take over what somebody else restored."""
        with self._lock:
            self.files += files
            self.bytes += bytes
            self.problems += problems
            self._ticker.add(files=files, bytes=bytes)


class Remaker:
    """Makes files from what is in ``store``, by means of ``placer``; from any thread."""

    def __init__(self, store: ObjectStore, placer: Placer, tally: Tally) -> None:
        self._reader = PackReader(store, cache_bytes=_CACHE_BYTES)
        self._placer, self._tally = placer, tally

    def small(self, task: Small) -> None:
        """Read some neighbouring chunks and write the files that each of them is."""
        placer, tally = self._placer, self._tally
        first, rows_of, every, sha256s = task.first, task.rows_of, task.entries, task.sha256s

        def damaged(place: int, error: DamageError) -> None:
            for row in rows_of[first + place]:
                tally.lost(every[row], error)

        for place, data in self._reader.read_many(task.places, on_damage=damaged):
            digest = hashlib.sha256(data).digest()
            for row in rows_of[first + place]:
                if digest != sha256s[row]:
                    tally.lost(every[row], _not_itself(every[row]))
                else:
                    if placer.place_small(every[row], data):
                        tally.placed(every[row])

    def large(self, task: Large, *, check: Callable[[], object]) -> None:
        """Write a file chunk after chunk; ``check`` raises when that is not wanted any more."""
        hasher = _FileHash(task.entry)
        writer = self._placer.place_file(task.entry)
        if writer is None:
            return
        try:
            with writer:
                for _, data in self._reader.read_many(task.places):
                    check()
                    hasher.update(data)
                    writer.write(data)
                if hasher.digest() != task.sha256:
                    raise _not_itself(task.entry)
        except DamageError as error:
            self._tally.lost(task.entry, error)
        else:
            self._tally.placed(task.entry)


class _FileHash:
    """SHA-256 of a file from its chunks, its holes counted as zeros."""

    _ZEROS = bytes(1 << 20)

    def __init__(self, entry: Entry) -> None:
        self._hasher = hashlib.sha256()
        self._at, self._size = 0, entry.size
        holes = entry.holes or []
        self._holes = list(zip(holes[::2], holes[1::2], strict=True))[::-1]

    def update(self, data: memoryview) -> None:
        """The next bytes that are stored."""
        while len(data):
            self._skip()
            room = self._holes[-1][0] - self._at if self._holes else len(data)
            self._hasher.update(data[:room])
            self._at += min(room, len(data))
            data = data[room:]

    def digest(self) -> bytes:
        """The digest of the whole file."""
        self._skip()
        return self._hasher.digest()

    def _skip(self) -> None:
        while self._holes and self._holes[-1][0] == self._at:
            _, length = self._holes.pop()
            self._at += length
            while length:
                part = min(length, len(self._ZEROS))
                self._hasher.update(self._ZEROS[:part])
                length -= part


def _not_itself(entry: Entry) -> ObjectDamaged:
    return ObjectDamaged(
        f"{shown(entry.path)}: its chunks are sound, but together they are not the file that was backed up",
        path=shown(entry.path),
    )
