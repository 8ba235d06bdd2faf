"""Parquet, cut at its pages.

The bytes of a compressed page look random: one value more, and all of it differs.  Cut by content, a chunk is half of
one page and half of another, and a small change spoils every chunk near it, in every column.  Cut at the pages, what
differs between two versions is the pages that changed; and who reads one column reads no other's chunks::

    PAR1 │ dictionary │ page │ page │ page │ dictionary │ page │ … │ footer PAR1
    ╰────────── chunk ───────╯╰── chunk ──╯╰────────── chunk ──────╯╰─ by content ─╯

A page says itself where it ends, so nothing but the bytes at hand is looked at: a header is parsed where a chunk
begins, and where there is none, as in the footer or in an encrypted file, FastCDC cuts as it would anywhere.

Apache Parquet format 2.x, https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
(PageHeader); Thrift compact protocol,
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from .base import Chunker

if TYPE_CHECKING:
    from typing_extensions import Buffer

    from .fastcdc import FastCDC

__all__ = ["PageCuts", "is_parquet"]

_MAGIC = b"PAR1"
# Page types, each with the field of its own header: data, dictionary, data of version 2.
_DATA, _DICTIONARY, _DATA_V2 = 0, 2, 3
_OWN = {_DATA: 5, _DICTIONARY: 7, _DATA_V2: 8}
_BOOLEANS, _BYTE, _NUMBERS, _DOUBLE, _BINARY, _STRUCT = (1, 2), 3, (4, 5, 6), 7, 8, 12
_I32 = 5
# Bytes at a page's end whose checksum says whether a chunk may end there: one page in four.
_TAIL, _ONE_IN = 64, 4


def is_parquet(head: bytes) -> bool:
    """Whether a file that begins with ``head`` may be Parquet."""
    return head.startswith(_MAGIC)


class PageCuts(Chunker):
    """Cuts Parquet at the ends of pages, and what is no page as ``fallback`` does.

    Small pages are put together: up to a quarter of FastCDC's minimum always, up to its minimum as their content says,
    so that the same pages are put together behind an insertion.  A column's dictionary begins a chunk unless that would
    make the one before it very small.  A page longer than the longest chunk is cut by content.
    """

    def __init__(self, fallback: FastCDC) -> None:
        self._fallback = fallback
        self._least, self._most = fallback.minimum // 4, fallback.minimum

    @property
    def maximum(self) -> int:
        """The longest chunk it makes, in bytes."""
        return self._fallback.maximum

    def cuts(self, data: Buffer, *, final: bool) -> list[int]:
        """Where the chunks end (see ``Chunker.cuts``)."""
        view = memoryview(data).cast("B")
        size, ends, start = len(view), list[int](), 0
        # Whatever is decided looks at most ``maximum`` bytes ahead, so that it does not matter how much was read.
        while start < size and (final or size - start >= self.maximum):
            window = view[start : start + self.maximum]
            if end := self._pages(window):
                ends.append(start + end)
            else:
                ends += [start + end for end in self._content(window, final=final and start + len(window) == size)]
            start = ends[-1]
        return ends

    def _pages(self, window: memoryview) -> int:
        """How long the chunk is that ``window`` begins with, if it begins with a page; else 0."""
        begin = len(_MAGIC) if bytes(window[: len(_MAGIC)]) == _MAGIC else 0
        at = begin
        while (page := _page(window, at)) is not None:
            kind, end = page
            if end > len(window) or (kind == _DICTIONARY and at >= max(self._least // 4, begin + 1)):
                break
            at = end
            if at >= self._most or (at >= self._least and zlib.crc32(window[max(at - _TAIL, 0) : at]) % _ONE_IN == 0):
                break
        return at if at > begin else 0

    def _content(self, window: memoryview, *, final: bool) -> list[int]:
        """Cuts by content, up to where a page begins."""
        ends: list[int] = []
        for end in self._fallback.cuts(window, final=final):
            ends.append(end)
            if _page(window, end) is not None:
                break
        return ends


def _page(view: memoryview, at: int) -> tuple[int, int] | None:
    """The type of the page whose header begins at ``at``, and where it ends; ``None`` if no header is there."""
    numbers: dict[int, int] = {}
    field = 0
    try:
        while head := view[at]:
            at += 1
            kind = head & 15
            if head >> 4:
                field += head >> 4
            else:
                number, at = _varint(view, at)
                field = (number >> 1) ^ -(number & 1)
            if kind == _I32:
                number, at = _varint(view, at)
                numbers[field] = (number >> 1) ^ -(number & 1)
            else:
                numbers[field] = 0
                at = _behind(view, at, kind)
    except (IndexError, ValueError, RecursionError):
        return None
    kind, stored = numbers.get(1, -1), numbers.get(3, 0)
    if kind not in _OWN or _OWN[kind] not in numbers or numbers.get(2, -1) < 0 or stored <= 0:
        return None
    return kind, at + 1 + stored


def _behind(view: memoryview, at: int, kind: int) -> int:
    """Where the value of this wire type ends that begins at ``at``; raises ``ValueError`` or ``IndexError``."""
    if kind in _BOOLEANS:
        return at  # a field's header holds it
    if kind in (_BYTE, _DOUBLE):
        return at + (1 if kind == _BYTE else 8)
    if kind in _NUMBERS:
        return _varint(view, at)[1]
    if kind == _BINARY:
        length, at = _varint(view, at)
        return at + length
    if kind != _STRUCT:
        raise ValueError(f"no page header has a value of wire type {kind}")  # nor a list
    while head := view[at]:
        at += 1
        if not head >> 4:
            at = _varint(view, at)[1]
        at = _behind(view, at, head & 15)
    return at + 1


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = view[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
