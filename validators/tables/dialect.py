"""Dialects of delimited text: what stands between fields, whether fields are quoted, and where the header is."""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["BOMS", "SAID", "Dialect", "dialect_of", "encoding_of", "in_utf8", "names_of", "unmarked"]

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
_NUMBER = re.compile(rb"\s*[-+]?[.\d]*\d[.\d]*(?:[eE][-+]?\d+)?\s*")
_TABLE = 3  # lines that make a table: a header and more than one row that is like it

SAID = re.compile(rb'"?sep=([!-~\t ])"?\r?$', re.IGNORECASE | re.MULTILINE)
"""The first line of what Excel is to open: it says what the delimiter is, and is no row."""


@dataclass(frozen=True)
class Dialect:
    """``delimiter``: one byte.  ``quoted``: whether double quotes enclose fields.  ``before``: lines before the header,
    which begin with #, or name the delimiter as Excel does, or are a preamble.  ``names``: what the header says.

    ``preamble``: how many of these lines are of another shape than the table, as those of plate readers.  ``unnamed``:
    whether the header says nothing of the first column, as R writes names of rows; ``names`` begins with "" then.
    """

    delimiter: bytes
    quoted: bool
    before: int
    names: tuple[str, ...]
    preamble: int = 0
    unnamed: bool = False


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
    usual = _USUAL.get(format, _USUAL["csv"])
    before, said = 0, SAID.match(lines[0])
    if said is not None:
        before, usual = 1, said[1]
    while before < len(lines) - 1 and lines[before].startswith(b"#"):
        before += 1
    lines = lines[before:] or [b""]
    delimiter, preamble = _table(lines, usual)
    lines = lines[preamble:]
    # Text of tabs has no quotes by its registration; whoever writes them all the same encloses whole fields.
    quoted = format != "tsv" or delimiter != b"\t" or any(_enclosed(line, delimiter) for line in lines)
    names = names_of(lines, delimiter, quoted=quoted)
    unnamed = _unnamed(lines, delimiter)
    return Dialect(delimiter, quoted, before + preamble, ("", *names) if unnamed else names, preamble, unnamed)


def _table(lines: list[bytes], usual: bytes) -> tuple[bytes, int]:
    """The delimiter, and before which of ``lines`` the table begins."""
    delimiter = _delimiter(lines, usual)
    # A title says nothing of what delimits the table below it.
    others = [bytes([code]) for code in usual] if delimiter not in lines[0] else []
    for each in dict.fromkeys((delimiter, *others)):
        if preamble := _preamble(lines, each):
            return each, preamble
    return delimiter, 0


def _preamble(lines: list[bytes], delimiter: bytes) -> int:
    """How many lines stand before a table that goes on to the last of ``lines``, if the first has another shape.

    A header that is broken is none: before a table are several lines, or one without any delimiter, and it begins with
    names rather than with numbers alone.
    """
    shapes = _shapes(lines, delimiter)
    if len(shapes) < _TABLE or shapes[0][1] == shapes[-1][1] or not shapes[-1][1]:
        return 0
    same = 0
    while shapes[-1 - same][1] == shapes[-1][1]:
        same += 1
    others = shapes[:-same]
    title = len(others) == 1 and not others[0][1] and shapes[-1][1] > 1
    begins = shapes[-same][0]
    if same < _TABLE or not (len(others) > 1 or title) or all(map(_NUMBER.fullmatch, lines[begins].split(delimiter))):
        return 0
    return begins


def _unnamed(lines: list[bytes], delimiter: bytes) -> bool:
    """Whether every row has one more field than the header, and it is not what follows a last delimiter."""
    shapes = _shapes(lines, delimiter)
    if len(shapes) < _TABLE or shapes[0][0]:
        return False
    rows = shapes[1:]
    return all(count == shapes[0][1] + 1 and not lines[at].endswith(delimiter) for at, count in rows)


def _shapes(lines: list[bytes], delimiter: bytes) -> list[tuple[int, int]]:
    """The lines that are not blank and how many delimiters they have; nothing where a field goes on in another line."""
    if any(line.count(b'"') % 2 for line in lines):
        return []
    return [(place, _outside(line).count(delimiter)) for place, line in enumerate(lines) if line]


def names_of(lines: list[bytes], delimiter: bytes, *, quoted: bool) -> tuple[str, ...]:
    """What the header in the first of ``lines`` says."""
    text = [_decoded(line) for line in lines]
    if not quoted:
        return tuple(text[0].split(delimiter.decode()))
    try:
        return tuple(next(csv.reader((line + "\n" for line in text), delimiter=delimiter.decode()), ())) or ("",)
    except csv.Error:  # a field beyond the module's limit, or a NUL: the check of the format tells
        return tuple(text[0].split(delimiter.decode()))


def _decoded(line: bytes) -> str:
    """Names that are no UTF-8 are those of Windows: two of them are not the same because neither can be read."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("cp1252", "replace")


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
