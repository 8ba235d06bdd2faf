"""What a member of a zip holds, unpacked a block at a time, with its size and its checksum on the way."""

from __future__ import annotations

import bz2
import zlib
from typing import TYPE_CHECKING, Any, BinaryIO

from ..streams.inflating import Inflate
from ..streams.seekable import read_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .zipreading import Central, Local

__all__ = ["Content"]

_BLOCK = 1 << 18


class Content:
    """The content of one member of ``file``.

    ``size`` and ``crc``: of what has gone by.  ``wrong``: what is wrong with it, known when it has been read to its
    end; whoever stops before is told nothing.  ``block``: bytes that are read, and given, at a time.
    """

    def __init__(self, file: BinaryIO, entry: Central, local: Local, *, block: int = _BLOCK) -> None:
        self._file, self._entry, self._place, self._block = file, entry, local.data, block
        self._unpack = _unpacker(entry.method)
        self.size = self.crc = 0
        self.wrong: str | None = None

    @property
    def known(self) -> bool:
        """Whether it can be unpacked here."""
        return self._unpack is not None

    def blocks(self) -> Iterator[bytes]:
        """All of it, and no more than about a block beyond the size that the directory says."""
        unpack, place, left = self._unpack, self._place, self._entry.packed
        try:
            while not unpack.eof:
                piece = b""
                if unpack.needs_input:
                    piece = read_at(self._file, place, min(self._block, left))
                    if not piece:
                        break
                    place, left = place + len(piece), left - len(piece)
                block = unpack.decompress(piece, self._block)
                self.crc, self.size = zlib.crc32(block, self.crc), self.size + len(block)
                if self.size > self._entry.unpacked:
                    self.wrong = "it becomes more than it says"
                    return
                if block:
                    yield block
        except (zlib.error, OSError, EOFError, ValueError) as error:
            self.wrong = f"it does not unpack: {error}"
            return
        self.wrong = self._ended(left)

    def _ended(self, left: int) -> str | None:
        entry, unpack = self._entry, self._unpack
        if entry.method != 0 and not unpack.eof:
            return "it is cut off"
        if left or unpack.unused_data:
            return "not all of its bytes belong to it"
        if self.size != entry.unpacked:
            return "it has another size than it says"
        return "its checksum is another one than it says" if self.crc != entry.crc else None

    @property
    def seen(self) -> str:
        """What it is, in words."""
        return f"{self.size:,} bytes, {self.crc:08x}"

    @property
    def expected(self) -> str:
        """What it should be."""
        return f"{self._entry.unpacked:,} bytes, {self._entry.crc:08x}"


class _Stored:
    """What is not packed, as a decompressor has it."""

    eof, needs_input, unused_data = False, True, b""

    def decompress(self, data: bytes, size: int) -> bytes:
        del size
        return data


def _unpacker(method: int) -> Any:
    """What undoes a method (4.4.5), ``None`` for those that are not known here."""
    match method:
        case 0:
            return _Stored()
        case 8:
            return Inflate(-15)
        case 12:
            return bz2.BZ2Decompressor()
        case _:
            return None
