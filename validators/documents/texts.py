"""Plain text: one encoding, one kind of line ends, and nothing that is no text."""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, ClassVar

from ..check import Check, Cost
from ..findings import Code, Severity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Text"]

ENCODING = Code("text.encoding", Severity.WARNING, "Text is UTF-8.", "Unicode 16, D92")
NUL = Code("text.nul", Severity.ERROR, "No text has a NUL: a run of them is what a crash or a full disk leaves.")
CONTROL = Code("text.control", Severity.WARNING, "Text has no control characters but tabs and ends of lines and pages.")
MARK = Code("text.bom", Severity.NOTE, "No byte order mark stands before UTF-8.", "Unicode 16, 2.6")
WIDE = Code("text.utf16", Severity.NOTE, "Text is UTF-8, and not UTF-16.", "Unicode 16, D95")
ENDS = Code("text.line_ends", Severity.NOTE, "All lines of a file end alike.")

_CONTROLS = re.compile(rb"[\x01-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")  # an escape colours a log
_NULS = re.compile(rb"\0+")


class Text(Check):
    """Text in UTF-8, or in UTF-16 with its mark, which is noted and whose letters are not looked at."""

    name = "text"
    version = "1"
    formats = frozenset({"sample-sheet", "text"})
    codes = (ENCODING, NUL, CONTROL, MARK, WIDE, ENDS)
    cost: ClassVar[Cost] = Cost.HEADER

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        at, line = 0, 1
        decoder: codecs.IncrementalDecoder | None = codecs.getincrementaldecoder("utf-8")()
        ends: dict[bytes, int] = {}
        for block in _whole(subject.blocks(found)):
            if not at and block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                found.add(WIDE, "it is UTF-16", offset=0, line=1)
                for _ in subject.blocks(found):  # what it is packed in is read to its end
                    pass
                return
            if not at and block.startswith(codecs.BOM_UTF8):
                found.add(MARK, "it begins with a byte order mark", offset=0, line=1)
            _bytes(block, at, line, found)
            if decoder is not None and not _decodes(decoder, block, at, line, found):
                decoder = None  # one finding says that it is another encoding; each letter of that would be one more
            _ends(block, ends, line)
            at, line = at + len(block), line + block.count(b"\n")
        if decoder is not None and found.complete:
            _last(decoder, at, line, found)
        if len(ends) > 1:
            said = ", ".join(f"{_NAMES[end]} at line {where:,}" for end, where in ends.items())
            found.add(ENDS, f"lines end in several ways: {said}", line=max(ends.values()))


_NAMES = {b"\n": "LF", b"\r\n": "CRLF", b"\r": "CR"}


def _whole(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Blocks, no CR parted from its LF."""
    rest = b""
    for block in blocks:
        block = rest + block
        rest = b"\r" if block.endswith(b"\r") else b""
        yield block.removesuffix(b"\r") if rest else block
    if rest:
        yield rest


def _bytes(block: bytes, at: int, line: int, found: Found) -> None:
    if b"\0" in block:
        for run in _NULS.finditer(block):
            where = line + block.count(b"\n", 0, run.start())
            found.add(NUL, f"{len(run[0]):,} NULs", line=where, offset=at + run.start(), seen=len(run[0]))
            if not found.room(NUL):
                break
    control = _CONTROLS.search(block)
    if control is not None and found.room(CONTROL):
        where = line + block.count(b"\n", 0, control.start())
        found.add(CONTROL, "a control character", line=where, offset=at + control.start(), seen=control[0])


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, at: int, line: int, found: Found) -> bool:
    waiting = len(decoder.getstate()[0])
    if not waiting and block.isascii():
        return True
    try:
        decoder.decode(block)
    except UnicodeDecodeError as error:
        place = error.start - waiting  # where it was begun in the block before, that is below nothing
        where = line + block.count(b"\n", 0, max(0, place))
        seen = error.object[error.start : error.start + 4]
        found.add(ENCODING, "these bytes are no UTF-8", line=where, offset=at + place, seen=bytes(seen).hex(" "))
        return False
    return True


def _last(decoder: codecs.IncrementalDecoder, at: int, line: int, found: Found) -> None:
    waiting = bytes(decoder.getstate()[0])
    if waiting:
        what = "it ends within a character: it was cut off"
        found.add(ENCODING, what, line=line, offset=at - len(waiting), seen=waiting.hex(" "))


def _ends(block: bytes, ends: dict[bytes, int], line: int) -> None:
    """Note the first line that ends in each way."""
    if b"\r" not in block:
        if b"\n" not in ends and b"\n" in block:
            ends[b"\n"] = line
        return
    for end, pattern in ((b"\r\n", rb"\r\n"), (b"\n", rb"(?<!\r)\n"), (b"\r", rb"\r(?!\n)")):
        if end not in ends and (found := re.search(pattern, block)):
            ends[end] = line + block.count(b"\n", 0, found.start())


CHECKS = (Text,)
