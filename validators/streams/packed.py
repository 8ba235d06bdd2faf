"""Unpacking: gzip, BGZF, zstd, bzip2 and xz, to the last member and its trailer, in blocks of bounded size.

What is wrong is told where it stands.  What was unpacked until then has been handed out, but for the last megabyte at
most where a library that finds a wrong checksum keeps that.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from .codes import (
    BGZF_BLOCK,
    BGZF_EOF,
    PACKING_BOMB,
    PACKING_DAMAGED,
    PACKING_TRAILING,
    PACKING_TRUNCATED,
)
from .inflating import Inflate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..found import Found
    from ..limits import Limits

__all__ = ["PACKINGS", "Readable", "beginning", "unpacked"]

_BLOCK = 1 << 20
_FIRST = 1 << 12
# Of frames, and of those that are passed over (RFC 8878, 3.1.2).
_ZSTD_MARKS = frozenset([b"\x28\xb5\x2f\xfd", *(bytes([0x50 + each, 0x2A, 0x4D, 0x18]) for each in range(16))])
# The empty BGZF block that ends a file, as the specification spells it.
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def unpacked(raw: Readable, packing: str, found: Found, *, limits: Limits) -> Iterator[bytes]:
    """What ``raw`` holds, unpacked, in blocks of about a megabyte."""
    given = 0
    counted = _Counted(raw)
    for block in PACKINGS[packing](counted, found, limits):
        given += len(block)
        yield block
        if given > limits.unpacked or (given > limits.unpacked_free and given > limits.ratio * counted.taken):
            found.add(
                PACKING_BOMB,
                f"{counted.taken:,} bytes have become more than {given:,}, and no more is unpacked",
                offset=given,
            )
            found.partly()
            return


def beginning(head: bytes, packing: str, size: int) -> bytes:
    """About the first ``size`` bytes of what begins with the packed bytes ``head``; fewer when that is damaged."""
    try:
        match packing:
            case "gzip" | "bgzip":
                return _first_members(head, size)
            case "zstd":
                with pa.CompressedInputStream(pa.BufferReader(head), "zstd") as stream:
                    return _some(stream, size)
            case "bzip2":
                return bz2.BZ2Decompressor().decompress(head, size)
            case "xz":
                return lzma.LZMADecompressor().decompress(head, size)
            case _:
                return head[:size]
    except (zlib.error, OSError, lzma.LZMAError, EOFError, ValueError):
        return b""  # whoever reads all of it says what is wrong


def _first_members(head: bytes, size: int) -> bytes:
    found = b""
    while head and len(found) < size:
        member = zlib.decompressobj(31)
        try:
            found += member.decompress(head, size - len(found))
        except zlib.error:
            break
        head = member.unused_data
    return found


def _some(stream: pa.NativeFile, size: int) -> bytes:
    found = b""
    try:
        while len(found) < size and (block := stream.read(min(size, 1 << 14))):
            found += block
    except OSError:  # the head ends within a frame
        pass
    return found


class Readable(Protocol):
    """What is asked of a file."""

    def read(self, size: int, /) -> bytes:
        """So many bytes, fewer at the end."""
        ...


class _Counted:
    """A file, and how many bytes were taken from it."""

    def __init__(self, raw: Readable) -> None:
        self._raw = raw
        self.taken = 0
        self.first = b""

    def read(self, size: int) -> bytes:
        block = self._raw.read(size)
        self.first = self.first or block[:4]
        self.taken += len(block)
        return block


@dataclass(frozen=True)
class _Kind:
    """A packing of members that follow one another: how each begins, how it is undone, and what may lie between and
    behind them: zeros, so many at a time.
    """

    mark: bytes
    make: Callable[[Limits], Any]
    padding: int


_KINDS = {
    "gzip": _Kind(b"\x1f\x8b", lambda limits: Inflate(31), 1),  # tapes are filled with zeros
    "bzip2": _Kind(b"BZh", lambda limits: bz2.BZ2Decompressor(), 0),
    "xz": _Kind(b"\xfd7zXZ\0", lambda limits: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=limits.memory), 4),
}


class _Feed:
    """Bytes for decompressors.  Pieces are short at first: each decompressor copies what it leaves over for the next,
    and members may be tiny.
    """

    def __init__(self, raw: _Counted) -> None:
        self._raw, self._data, self._next = raw, b"", 0

    @property
    def at(self) -> int:
        """Where in the file the next byte is."""
        return self._raw.taken - len(self._data) + self._next

    def ahead(self, size: int) -> bytes:
        """The next so many bytes, which stay ahead."""
        while len(self._data) - self._next < size and (more := self._raw.read(_BLOCK)):
            self._data, self._next = self._data[self._next :] + more, 0
        return self._data[self._next : self._next + size]

    def take(self, size: int) -> bytes:
        """So many, or fewer."""
        self.ahead(1)
        piece = self._data[self._next : self._next + size]
        self._next += len(piece)
        return piece

    def back(self, size: int) -> None:
        """The last so many of what was taken are ahead again."""
        self._next -= size


def _members(raw: _Counted, found: Found, kind: _Kind, limits: Limits) -> Iterator[bytes]:
    feed, given, members = _Feed(raw), 0, 0
    while ahead := feed.ahead(len(kind.mark)):
        at = feed.at
        if not kind.mark.startswith(ahead):
            if members and kind.padding and _skip_zeros(feed, kind.padding):
                continue
            what = (
                f"{members} members end at byte {at:,}, and something else follows" if members else "no member begins"
            )
            found.add(
                PACKING_TRAILING if members else PACKING_DAMAGED, what, offset=given, seen=feed.ahead(16).hex(" ")
            )
            return
        stream, step = kind.make(limits), _FIRST
        try:
            while not stream.eof:
                piece = feed.take(step) if stream.needs_input else b""
                if stream.needs_input and not piece:
                    what = f"member {members + 1}, which begins at byte {at:,}, has no end"
                    found.add(PACKING_TRUNCATED, what, offset=given, expected="its end, with a checksum")
                    return
                step = min(4 * step, _BLOCK)
                block = stream.decompress(piece, _BLOCK)
                given += len(block)
                if block:
                    yield block
        except (zlib.error, OSError, lzma.LZMAError, EOFError) as error:
            what = f"member {members + 1}, which begins at byte {at:,}, is damaged: {_reason(error)}"
            found.add(PACKING_DAMAGED, what, offset=given)
            return
        feed.back(len(stream.unused_data))
        members += 1


def _skip_zeros(feed: _Feed, each: int) -> bool:
    """Pass over zeros; whether there are some, and as many as may be."""
    begun = feed.at
    while piece := feed.take(_BLOCK):
        rest = piece.lstrip(b"\0")
        if rest:
            feed.back(len(rest))
            break
    passed = feed.at - begun
    return passed > 0 and passed % each == 0


def _reason(error: Exception) -> str:
    return str(error).partition(": ")[2] or str(error)


def _bgzip(raw: _Counted, found: Found) -> Iterator[bytes]:
    last, given, waiting = b"", 0, bytearray()
    while head := raw.read(18):
        at = raw.taken - len(head)
        size = _block_size(head)
        if size is None:
            whole = head.startswith(b"\x1f\x8b") and len(head) == 18
            code = BGZF_BLOCK if whole else PACKING_TRUNCATED if len(head) < 18 else PACKING_DAMAGED
            found.add(code, f"at byte {at:,} no block begins", offset=given + len(waiting), seen=head.hex(" "))
            break
        rest = raw.read(size - 18)
        if len(rest) < size - 18:
            what = f"the block that begins at byte {at:,} is cut off"
            found.add(PACKING_TRUNCATED, what, offset=given + len(waiting), seen=len(rest) + 18, expected=size)
            break
        last = head + rest
        content, wrong = _block(last)
        if wrong is not None:
            what = f"the block that begins at byte {at:,} is damaged: {wrong}"
            found.add(PACKING_DAMAGED, what, offset=given + len(waiting))
            break
        waiting += content
        if len(waiting) >= _BLOCK:
            given += len(waiting)
            yield bytes(waiting)
            waiting.clear()
    else:
        if last != _BGZF_END:
            found.add(BGZF_EOF, "the empty block at the end is missing: the file may have been cut off", offset=given)
    if waiting:
        yield bytes(waiting)


def _block_size(head: bytes) -> int | None:
    """The bytes of a BGZF block, by its first 18; other extra fields may stand before BC, and never do."""
    if len(head) < 18 or head[:4] != b"\x1f\x8b\x08\x04" or head[10:16] != b"\x06\0BC\x02\x00":
        return None
    size = int(struct.unpack_from("<H", head, 16)[0]) + 1
    return size if size >= 26 else None


def _block(data: bytes) -> tuple[bytes, str | None]:
    """What a block holds, and what is wrong with it."""
    try:
        content = zlib.decompress(memoryview(data)[18:-8], -15, 1 << 16)
    except zlib.error as error:
        return b"", _reason(error)
    crc, size = struct.unpack_from("<II", data, len(data) - 8)
    if len(content) != size:
        return b"", f"it has {len(content):,} bytes and says {size:,}"
    return (content, None) if zlib.crc32(content) == crc else (b"", "its checksum is wrong")


def _zstd(raw: _Counted, found: Found) -> Iterator[bytes]:
    given = 0
    try:
        with pa.CompressedInputStream(pa.PythonFile(_ForArrow(raw), mode="r"), "zstd") as stream:
            while block := stream.read(_BLOCK):
                given += len(block)
                yield block
    except OSError as error:
        if "Unknown frame" in str(error) and raw.first in _ZSTD_MARKS:
            found.add(PACKING_TRAILING, "something that is no frame follows a frame", offset=given)
        else:
            code = PACKING_TRUNCATED if "runcated" in str(error) else PACKING_DAMAGED
            found.add(code, f"a frame is damaged or cut off: {error}", offset=given)


class _ForArrow:
    """What pyarrow asks of a file."""

    closed = False

    def __init__(self, raw: _Counted) -> None:
        self._raw = raw

    def read(self, size: int) -> bytes:
        return self._raw.read(size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        pass


PACKINGS: Mapping[str, Callable[[_Counted, Found, Limits], Iterator[bytes]]] = {
    "gzip": lambda raw, found, limits: _members(raw, found, _KINDS["gzip"], limits),
    "bgzip": lambda raw, found, limits: _bgzip(raw, found),
    "zstd": lambda raw, found, limits: _zstd(raw, found),
    "bzip2": lambda raw, found, limits: _members(raw, found, _KINDS["bzip2"], limits),
    "xz": lambda raw, found, limits: _members(raw, found, _KINDS["xz"], limits),
}
"""How each packing is undone, by its name."""
