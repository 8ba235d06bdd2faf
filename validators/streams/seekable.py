"""Files for checks that go back and forth in them, whatever they are packed in."""

from __future__ import annotations

import io
import os
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from ..check import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..subjects import Subject

__all__ = ["read_at", "seekable", "size_of"]

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
