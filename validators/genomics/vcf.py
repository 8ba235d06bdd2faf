"""Variants in text: VCF 4.1 to 4.5, held against the specification, header and every record.

Text of a whole file is looked at block by block; a line may be as long as the limits allow, and takes a few times its
size in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..check import Check, Cost
from . import vcfcodes as codes
from .vcfbody import Body
from .vcfcodes import VCF_CODES, mild
from .vcfheader import read_header
from .vcflines import joined

if TYPE_CHECKING:
    from ..findings import Code
    from ..found import Found
    from ..streams.lines import Lines
    from ..subjects import Subject
    from .vcfheader import Header

__all__ = ["CHECKS", "Vcf"]

# Each block costs a fixed time whatever is in it, as much as a tenth of a megabyte takes.
_BLOCK = 4 << 20


class Vcf(Check):
    """Is it a VCF file, as its version of the specification has it?"""

    name, version, formats = "vcf", "1", frozenset({"vcf"})
    codes = VCF_CODES

    def look(self, subject: Subject, found: Found) -> None:
        """Look at the header, and at records where more than the header is asked for."""
        reading = _Reading(found, subject.limits.memory, alone=subject.cost is Cost.HEADER)
        for lines in joined(subject.lines(found), least=_BLOCK):
            if not reading.block(lines):
                break
        reading.finish()


class _Reading:
    """One file as it is read: first the header's lines are gathered, then its records are looked at."""

    def __init__(self, found: Found, memory: int, *, alone: bool) -> None:
        self._found, self._memory, self._alone = found, memory, alone
        self._lines: list[bytes] = []
        self._size = 0
        self._header: Header | None = None
        self._body: Body | None = None
        self._last: tuple[int, bool] = (0, True)

    def block(self, lines: Lines) -> bool:
        """Look at a block; whether to go on with the next one."""
        first = 0
        if self._header is None:
            first = self._gather(lines)
            if self._size > self._memory and not self._body:
                self._found.add(codes.COLUMNS, "the columns' names do not come within what is looked at of a header")
                self._found.partly()
                return False
        self._last = (lines.number(len(lines) - 1) if len(lines) else lines.first, lines.terminated)
        if self._header is not None and self._alone:
            self._found.partly()
            return False
        _check_text(lines, self._found, self._header)
        if self._header is not None:
            if self._body is None:
                self._found.partly()
                return False
            self._body.look(lines, first)
        return True

    def _gather(self, lines: Lines) -> int:
        """Take the header's lines; the index of the first line after them."""
        for index in range(len(lines)):
            line = lines[index]
            record = not line.startswith(b"#") and line.count(b"\t") >= 7
            if not record:
                self._lines.append(line)
                self._size += len(line)
            if record or (line.startswith(b"#") and not line.startswith(b"##")):
                self._begin()
                return index + (not record)
        return len(lines)

    def _begin(self) -> None:
        self._header = read_header(self._lines, self._found.add)
        if self._header.width == 0 and not any(line.startswith(b"#C") for line in self._lines):
            self._found.add(codes.COLUMNS, "no line names the columns", expected="#CHROM and so on")
        if self._header.width:
            self._body = Body(self._header, self._found)

    def finish(self) -> None:
        """Look at what can only be known at the end."""
        if self._header is None and self._found.complete:
            self._begin()
        if self._body is not None and not self._alone:
            self._body.finish()
        number, terminated = self._last
        if not terminated and self._found.complete:
            new = self._header is None or self._header.version >= (4, 3)
            self._found.add(codes.NEWLINE if new else mild(codes.NEWLINE), "the last line has no end", line=number)


def _check_text(lines: Lines, found: Found, header: Header | None) -> None:
    """Tell of control characters, of carriage returns within lines, and of what is no UTF-8."""
    array = lines.array
    returns, newlines = int(np.count_nonzero(array == 13)), len(lines) - (not lines.terminated)
    if int(np.count_nonzero(array < 32)) - int(np.count_nonzero(array == 9)) - returns - newlines > 0:
        wrong = np.flatnonzero((array < 32) & (array != 9) & (array != 10) & (array != 13))
        for place in wrong.tolist():
            _tell_place(codes.CONTROL, "there is a control character", lines, place, found)
    if returns and returns != int(np.count_nonzero(array[np.maximum(lines.ends - 1, 0)] == 13)):
        alone = np.setdiff1d(np.flatnonzero(array == 13), lines.ends - 1)
        for place in alone.tolist():
            _tell_place(codes.CONTROL, "there is a carriage return within a line", lines, place, found)
    if not lines.data.isascii():
        try:
            lines.data.decode("utf-8")
        except UnicodeDecodeError as error:
            new = header is not None and header.version >= (4, 3)
            if header is not None:  # the header's own lines are told of one by one
                code = codes.ENCODING if new else mild(codes.ENCODING)
                _tell_place(code, "there is a byte that is no UTF-8", lines, error.start, found)


def _tell_place(code: Code, message: str, lines: Lines, place: int, found: Found) -> None:
    index = int(np.searchsorted(lines.ends, place))
    found.add(code, message, line=lines.number(min(index, len(lines) - 1)), offset=lines.offset + place,
              seen=lines.data[place : place + 1].hex())  # fmt: skip


CHECKS = (Vcf,)
