"""Corruptions of what is stored, each decided by a seed, and what reading makes of them.

A specimen is a real archive of files of several kinds.  In a trial one object is damaged where one chunk lies, and the
chunk, or the whole file that it is in, is read: it has to be refused, or come back as it was.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from holotype import lake
from holotype.catalog import Catalog, DamageError, MemoryStore, ObjectMissing
from holotype.lake.context import Context
from holotype.lake.packs import PackReader
from holotype.lake.schema import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from typing_extensions import Buffer

__all__ = ["KINDS", "Outcomes", "Specimen", "seeds_of"]

KINDS = ("one bit", "several bits", "swapped blocks", "truncated", "zeroed", "other bytes")


@dataclass
class Outcomes:
    """What came of trials, by the kind of corruption.

    ``refused``: the reader was told.  ``right``: the bytes came back as they were, because what was damaged does not
    say anything, as the padding of a bit stream.  ``missed``: seeds at which wrong bytes were handed out.  ``accused``:
    seeds at which sound bytes were refused.  ``clean``: sound reads.
    """

    refused: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    missed: list[int] = field(default_factory=list)
    accused: list[int] = field(default_factory=list)
    clean: int = 0

    @property
    def trials(self) -> int:
        """How many corruptions there were."""
        return sum(self.refused.values()) + sum(self.right.values()) + len(self.missed)

    def add(self, other: Outcomes) -> None:
        """Count those of another one as well."""
        self.refused.update(other.refused)
        self.right.update(other.right)
        self.missed += other.missed
        self.accused += other.accused
        self.clean += other.clean


class _Damaged(MemoryStore):
    """Another archive's objects, of which one may be damaged."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        super().__init__("damaged")
        self._objects = objects
        self.damaged: tuple[str, bytes] = ("", b"")

    def get(self, key: str, start: int = 0, length: int | None = None) -> Buffer:
        data = self.damaged[1] if key == self.damaged[0] else self._objects.get(key)
        if data is None:
            raise ObjectMissing(f"there is no {key}", key=key)
        return data[start : None if length is None else start + length]

    def size(self, key: str) -> int:
        return len(self.damaged[1] if key == self.damaged[0] else self._objects[key])


class Specimen:
    """An archive in memory, all of its chunks, and what each and each file has to be."""

    def __init__(self, folder: Path) -> None:
        store = MemoryStore(f"specimen-{uuid4()}")
        small = {"min": 512, "average": 2048, "max": 8192}
        catalog = Catalog.create(store, tables=TABLES, settings={"chunking": small})
        archive = lake.Archive(Context(store, catalog, "ada@lab"))
        self._files = _fill(folder)
        archive.backup(folder, dataset="specimen", workers=0)
        objects = {info.key: bytes(store.get(info.key)) for info in store.list("")}
        self._store = _Damaged(objects)
        self._objects = objects
        packs = {row["pack"]: row["object"] for row in archive.read("packs").to_pylist()}
        self.chunks = [{**row, "object": packs[row["pack"]]} for row in archive.read("chunks").to_pylist()]
        reader = PackReader(store)
        self._whole = [bytes(reader.read_one(chunk)) for chunk in self.chunks]
        again = Catalog.open(self._store, tables=TABLES, read_only=True)
        self._archive = lake.Archive(Context(self._store, again, "ada@lab"))
        self._holders = self._in_files(archive)
        store.delete(objects)  # a process has one memory, and many specimens may follow

    def _in_files(self, archive: Any) -> dict[bytes, str]:
        """A file for each chunk."""
        rows = archive.sql("SELECT path, chunks FROM files WHERE chunks IS NOT NULL").fetchall()
        return {bytes(chunk): path for path, chunks in rows for chunk in chunks}

    def play(self, seeds: Iterable[int]) -> Outcomes:
        """One trial for each seed, and a sound read beside it."""
        outcomes = Outcomes()
        for seed in seeds:
            self._play(seed, outcomes)
        return outcomes

    def _play(self, seed: int, outcomes: Outcomes) -> None:
        chance = random.Random(seed)
        number = chance.randrange(len(self.chunks))
        chunk = self.chunks[number]
        kind = chance.choice(KINDS)
        sound = self._objects[chunk["object"]]
        damaged = corrupted(sound, kind, chunk["offset"], chunk["stored"], chance)
        # Files are read once in a hundred: that takes a hundred times as long.
        file = self._holders.get(chunk["chunk"]) if seed % 100 == 0 else None
        for content in (sound, damaged):
            self._store.damaged = (chunk["object"], content)
            try:
                if file is None:
                    right = bytes(PackReader(self._store, cache_bytes=1).read_one(chunk)) == self._whole[number]
                else:
                    with self._archive.open("specimen", file) as opened:
                        right = opened.read() == self._files[file]
            except DamageError:
                if content is sound:
                    outcomes.accused.append(seed)
                else:
                    outcomes.refused[kind] += 1
            else:
                if content is sound:
                    outcomes.clean += 1
                    outcomes.accused += [] if right else [seed]
                elif right:
                    outcomes.right[kind] += 1
                else:
                    outcomes.missed.append(seed)


def corrupted(data: bytes, kind: str, offset: int, size: int, chance: random.Random) -> bytes:
    """``data`` otherwise between ``offset`` and ``size`` bytes later."""
    found = bytearray(data)
    while bytes(found) == data:
        match kind:
            case "one bit":
                found[offset + chance.randrange(size)] ^= 1 << chance.randrange(8)
            case "several bits":
                for _ in range(chance.randint(2, 40)):
                    found[offset + chance.randrange(size)] ^= 1 << chance.randrange(8)
            case "swapped blocks":
                _swap(found, offset, size, chance)
            case "truncated":
                return data[: offset + chance.randrange(size)]
            case "zeroed":
                begin, length = _range(size, chance)
                found[offset + begin : offset + begin + length] = bytes(length)
                kind = "other bytes"  # where there is nothing but zeros
            case _:
                begin, length = _range(size, chance)
                found[offset + begin : offset + begin + length] = chance.randbytes(length)
    return bytes(found)


def _range(size: int, chance: random.Random) -> tuple[int, int]:
    begin = chance.randrange(size)
    return begin, chance.randint(1, size - begin)


def _swap(data: bytearray, offset: int, size: int, chance: random.Random) -> None:
    length = min(size, chance.choice((16, 64, 512, 4096)))
    one = offset + chance.randrange(size - length + 1)
    other = chance.randrange(max(1, len(data) - length))
    data[one : one + length], data[other : other + length] = data[other : other + length], data[one : one + length]


def _fill(folder: Path) -> dict[str, bytes]:
    """Files of all kinds of content and of pack."""
    chance = random.Random(7)
    words = [chance.randbytes(3).hex() for _ in range(300)]
    files = {
        "noise.bin": chance.randbytes(40_000),
        "text.csv": ",".join(chance.choice(words) for _ in range(9000)).encode(),
        "zeros.bin": bytes(20_000),
        **{f"small/{number}.txt": chance.randbytes(chance.randint(1, 900)) for number in range(40)},
    }
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    signal = np.cumsum(np.random.default_rng(3).normal(size=(50, 400)), axis=1).astype("<f4")
    np.save(folder / "signal.npy", signal)
    return {**files, "signal.npy": (folder / "signal.npy").read_bytes()}


def seeds_of(first: int, count: int, parts: int) -> Iterator[range]:
    """Some seeds, in parts of about the same size."""
    for part in range(parts):
        yield range(first + part, first + count, parts)
