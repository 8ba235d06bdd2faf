"""Files for checks that go back and forth in them, whatever they are packed in."""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from ..check import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..subjects import Subject

__all__ = ["part_of", "read_at", "seekable", "size_of"]

# What is unpacked is held in memory up to here, and lies in a temporary file beyond.
_HELD = 32 << 20


@contextmanager
def seekable(subject: Subject, found: Found) -> Iterator[BinaryIO | None]:
    """Its bytes, unpacked, as a file that can seek; ``None`` where only a part of what is packed may be looked at, for
    which what stands at the end of a file is out of reach.  Raises ``OSError``.
    """
    if subject.packing is None:
        with subject.open() as raw, io.BufferedReader(cast("io.RawIOBase", raw), 1 << 16) as file:
            yield file
    elif subject.cost is not Cost.FULL:
        found.partly()
        yield None
    else:
        with tempfile.SpooledTemporaryFile(_HELD) as unpacked:
            for block in subject.blocks(found):
                unpacked.write(block)
            unpacked.seek(0)
            yield cast("BinaryIO", unpacked)


def size_of(file: BinaryIO) -> int:
    """Its bytes."""
    return file.seek(0, os.SEEK_END)


def read_at(file: BinaryIO, place: int, size: int) -> bytes:
    """So many bytes from a place on, fewer where the file ends; none from a place that no file has."""
    if not 0 <= place < 1 << 62 or size <= 0:
        return b""
    file.seek(place)
    return file.read(size)


def part_of(file: BinaryIO, start: int, size: int) -> BinaryIO:
    """So many bytes of a file from a place on, as a file of its own, which moves the place of the other."""
    return cast("BinaryIO", _Part(file, start, size))


class _Part(io.RawIOBase):
    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        super().__init__()
        self._file, self._start, self._size, self._at = file, start, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(len(buffer), self._size - self._at)
        data = read_at(self._file, self._start + self._at, size)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence])
        return self._at

    def tell(self) -> int:
        return self._at
