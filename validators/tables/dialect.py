"""Dialects of delimited text: what stands between fields, whether fields are quoted, and where the header is."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BOMS", "Dialect", "dialect_of", "encoding_of", "in_utf8", "names_of", "unmarked"]

BOMS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}
"""Byte order marks, the longer before those they begin with, and what they say."""

_USUAL = {"csv": b",;\t|", "tsv": b"\t,;|"}
_LOOKED_AT = 200  # lines


@dataclass(frozen=True)
class Dialect:
    """``delimiter``: one byte.  ``quoted``: whether double quotes enclose fields.  ``comments``: lines that begin with
    # before the header.  ``names``: what the header says.
    """

    delimiter: bytes
    quoted: bool
    comments: int
    names: tuple[str, ...]


def encoding_of(head: bytes) -> str | None:
    """The encoding that a file's first bytes mark, or that every second byte shows; ``None`` where there is no mark."""
    marked = next((name for mark, name in BOMS.items() if head.startswith(mark)), None)
    if marked is not None or len(head) < 16:
        return marked
    even, odd = head[: len(head) & ~1 : 2].count(0), head[1::2].count(0)
    half = len(head) // 2
    if odd > half * 0.7 and not even:
        return "utf-16-le"
    return "utf-16-be" if even > half * 0.7 and not odd else None


def in_utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """Blocks of another encoding, in UTF-8, what cannot be read replaced, without a mark."""
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    first = True
    for block in blocks:
        text = decoder.decode(block)
        if text:
            yield (text.removeprefix("\ufeff") if first else text).encode("utf-8", "replace")
            first = False
    if rest := decoder.decode(b"", final=True):
        yield rest.encode("utf-8", "replace")


def unmarked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks of UTF-8 without the mark at their beginning."""
    first = True
    for block in blocks:
        yield block.removeprefix(codecs.BOM_UTF8) if first else block
        first = False


def dialect_of(head: bytes, format: str) -> Dialect:
    """The dialect of a file of the format ``csv`` or ``tsv`` that begins with ``head``, in UTF-8 without a mark."""
    lines = head.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[: _LOOKED_AT + 1]
    if len(lines) > 1 and (lines[-1] == b"" or len(lines) > _LOOKED_AT or len(head) >= 1 << 15):
        lines.pop()  # it may be cut off
    comments = 0
    while comments < len(lines) - 1 and lines[comments].startswith(b"#"):
        comments += 1
    lines = lines[comments:] or [b""]
    delimiter = _delimiter(lines, _USUAL.get(format, _USUAL["csv"]))
    # Text of tabs has no quotes by its registration; whoever writes them all the same encloses whole fields.
    quoted = format != "tsv" or delimiter != b"\t" or any(_enclosed(line, delimiter) for line in lines)
    return Dialect(delimiter, quoted, comments, names_of(lines, delimiter, quoted=quoted))


def names_of(lines: list[bytes], delimiter: bytes, *, quoted: bool) -> tuple[str, ...]:
    """What the header in the first of ``lines`` says."""
    text = [line.decode("utf-8", "replace") for line in lines]
    if not quoted:
        return tuple(text[0].split(delimiter.decode()))
    try:
        return tuple(next(csv.reader((line + "\n" for line in text), delimiter=delimiter.decode()), ())) or ("",)
    except csv.Error:  # a field beyond the module's limit, or a NUL: the check of the format tells
        return tuple(text[0].split(delimiter.decode()))


def _delimiter(lines: list[bytes], usual: bytes) -> bytes:
    """The first of ``usual`` that cuts every line into as many fields as the header; else the most frequent in it."""
    outside = [_outside(line) for line in lines if line]
    best: tuple[float, int, bytes] = (0.0, 0, usual[:1])
    for place, code in enumerate(usual):
        each = bytes([code])
        counts = [line.count(each) for line in outside]
        if counts and counts[0]:
            alike = sum(count == counts[0] for count in counts) / len(counts)
            best = max(best, (alike, -place, each), key=lambda one: one[:2])
    return best[2]


def _outside(line: bytes) -> bytes:
    """A line without what stands in quotes."""
    return b"".join(line.split(b'"')[::2]) if b'"' in line else line


def _enclosed(line: bytes, delimiter: bytes) -> bool:
    mark = re.escape(delimiter)
    return b'"' in line and re.search(b'(?:^|%s)"[^"]*"(?:%s|$)' % (mark, mark), line) is not None
