"""Unpacking: gzip, BGZF, zstd, bzip2 and xz, to the last member and its trailer, in blocks of bounded size.

What is wrong is told where it stands, and what was unpacked until then has been handed out.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..found import Found
    from ..limits import Limits

__all__ = ["PACKINGS", "Readable", "beginning", "unpacked"]

_BLOCK = 1 << 20
# The empty BGZF block that ends a file, as the specification spells it.
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def unpacked(raw: Readable, packing: str, found: Found, *, limits: Limits) -> Iterator[bytes]:
    """What ``raw`` holds, unpacked, in blocks of about a megabyte."""
    given = 0
    counted = _Counted(raw)
    for block in PACKINGS[packing](counted, found):
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

    def read(self, size: int) -> bytes:
        block = self._raw.read(size)
        self.taken += len(block)
        return block


def _gzip(raw: _Counted, found: Found) -> Iterator[bytes]:
    data, members, given = raw.read(_BLOCK), 0, 0
    while data:
        if not data.startswith(b"\x1f\x8b"):
            _after_members(data, raw, found, members)
            return
        at = raw.taken - len(data)
        member: Any = zlib.decompressobj(31)
        try:
            while not member.eof:
                block = member.decompress(data, _BLOCK)
                given += len(block)
                if block:
                    yield block
                data = member.unconsumed_tail or (b"" if member.eof else raw.read(_BLOCK))
                if not data and not member.eof and not block:
                    what = f"member {members + 1}, which begins at byte {at:,}, has no end"
                    found.add(PACKING_TRUNCATED, what, offset=given, expected="a checksum and a size")
                    return
        except zlib.error as error:
            what = f"member {members + 1}, which begins at byte {at:,}, is damaged: {_reason(error)}"
            found.add(PACKING_DAMAGED, what, offset=given)
            return
        data = member.unused_data
        if len(data) < 2:
            data += raw.read(_BLOCK)
        members += 1


def _after_members(data: bytes, raw: _Counted, found: Found, members: int) -> None:
    """Zeros may follow, to fill a block of a tape; nothing else."""
    at = raw.taken - len(data)
    while data:
        if data.strip(b"\0"):
            what = f"{members} members end at byte {at:,}, and something else follows" if members else "no gzip member"
            found.add(PACKING_TRAILING if members else PACKING_DAMAGED, what, seen=data[:16].hex(" "))
            return
        data = raw.read(_BLOCK)


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
    """The bytes of a BGZF block, by its first 18; other extra fields may stand beside BC, and never do."""
    if len(head) < 18 or head[:4] != b"\x1f\x8b\x08\x04" or head[10:16] != b"\x06\x00BC\x02\x00":
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


def _stream_of(make: Any, raw: _Counted, found: Found) -> Iterator[bytes]:
    """bzip2 and xz: streams that may follow one another."""
    data, given, streams = raw.read(_BLOCK), 0, 0
    while data:
        stream, at = make(), raw.taken - len(data)
        try:
            while not stream.eof:
                block = stream.decompress(data, _BLOCK)
                given += len(block)
                if block:
                    yield block
                data = b"" if not stream.needs_input or stream.eof else raw.read(_BLOCK)
                if not data and stream.needs_input and not stream.eof:
                    found.add(PACKING_TRUNCATED, f"the stream that begins at byte {at:,} has no end", offset=given)
                    return
        except (OSError, lzma.LZMAError, EOFError) as error:
            code = PACKING_TRAILING if streams and not _understood(stream) else PACKING_DAMAGED
            found.add(code, f"the stream that begins at byte {at:,} is damaged: {error}", offset=given)
            return
        streams += 1
        data = (stream.unused_data or raw.read(_BLOCK)).lstrip(b"\0")


def _understood(stream: Any) -> bool:
    """Whether a decompressor has understood anything."""
    return bool(getattr(stream, "check", 0) not in (0, lzma.CHECK_UNKNOWN))


PACKINGS: Mapping[str, Callable[[_Counted, Found], Iterator[bytes]]] = {
    "gzip": _gzip,
    "bgzip": _bgzip,
    "zstd": _zstd,
    "bzip2": lambda raw, found: _stream_of(bz2.BZ2Decompressor, raw, found),
    "xz": lambda raw, found: _stream_of(lzma.LZMADecompressor, raw, found),
}
"""How each packing is undone, by its name."""
