"""Variants in binary: BCF 2.1 and 2.2, its header, its dictionaries, and each record's values (VCF 4.3, 6)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from ..check import Check, Cost
from ..findings import Code, Severity
from . import vcfcodes
from .bcfrecords import RECORD_CODES, Records
from .vcfcodes import VCF_HEADER_CODES
from .vcfheader import read_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..subjects import Subject
    from .vcfheader import Header

__all__ = ["CHECKS", "Bcf"]

MAGIC = Code("bcf.magic", Severity.ERROR, "A file begins with BCF and the version 2.1 or 2.2.", "VCF 4.3, 6.2")
HEADER = Code("bcf.header", Severity.ERROR, "The header is as long as it says, and ends with a zero.", "VCF 4.3, 6.2")
PACKING = Code("bcf.packing", Severity.ERROR, "A file is packed by bgzip, if at all.", "VCF 4.3, 6.1")
INDEX = Code("bcf.header.idx", Severity.ERROR, "An IDX is a number, and no two words have the same.", "VCF 4.3, 6.2.1")
CUT = Code("bcf.record.cut", Severity.ERROR, "A file ends where a record does.", "VCF 4.3, 6.3")
LENGTH = Code("bcf.record.length", Severity.ERROR, "A record is as long as its fixed fields at least.", "VCF 4.3, 6.3")


class Bcf(Check):
    """Is it a BCF file?"""

    name, version, formats = "bcf", "1", frozenset({"bcf"})
    codes = (MAGIC, PACKING, HEADER, INDEX, CUT, LENGTH, *VCF_HEADER_CODES, *RECORD_CODES)

    def look(self, subject: Subject, found: Found) -> None:
        """Look at the header, and at every record where that is asked for."""
        if subject.packing not in (None, "bgzip"):
            found.add(PACKING, "it is packed otherwise", seen=subject.packing, expected="bgzip")
        stream = _Stream(subject.blocks(found))
        header = _header(stream, found, subject.limits.memory)
        if header is None:
            return
        if subject.cost is Cost.HEADER:
            found.partly()
            return
        contigs, words = _dictionaries(header, found)
        records = Records(header, contigs, words, found)
        while start := stream.take(8):
            if not _record(start, stream, records, found, subject.limits.memory):
                break
        found.metric("bcf.records", records.count)


class _Stream:
    """Takes bytes from blocks; what is said of lengths is never believed before the bytes are there."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._waiting = b""
        self._place = 0
        self.offset = 0

    def take(self, size: int) -> bytes:
        """So many bytes, fewer at the end."""
        if len(self._waiting) - self._place < size:
            parts = [self._waiting[self._place :]]
            have = len(parts[0])
            while have < size and (block := next(self._blocks, b"")):
                parts.append(block)
                have += len(block)
            self._waiting, self._place = b"".join(parts), 0
        taken = self._waiting[self._place : self._place + size]
        self._place += len(taken)
        self.offset += len(taken)
        return taken


def _header(stream: _Stream, found: Found, memory: int) -> Header | None:
    start = stream.take(9)
    if start[:4] != b"BCF\x02" or start[4:5] not in (b"\x01", b"\x02"):
        found.add(
            MAGIC, "it does not begin as BCF 2 does", offset=0, seen=start[:5].hex(" "), expected="42 43 46 02 02"
        )
        return None
    if len(start) < 9:
        found.add(HEADER, "it ends within the header", offset=len(start))
        return None
    (size,) = struct.unpack("<I", start[5:])
    text = stream.take(min(size, memory))
    if len(text) < size:
        found.add(HEADER, "the header ends before it should", offset=5, seen=len(text), expected=size)
        return None
    if not text.endswith(b"\0") or b"\0" in text.rstrip(b"\0"):
        found.add(HEADER, "the header does not end with a zero, or has one before", offset=9 + max(text.find(b"\0"), 0))
    header = read_header(text.rstrip(b"\0").removesuffix(b"\n").split(b"\n"), found.add)
    if not header.width:
        found.add(vcfcodes.COLUMNS, "no line names the columns", expected="#CHROM and so on")
        return None
    return header


def _dictionaries(header: Header, found: Found) -> tuple[dict[int, str], dict[int, str]]:
    """Contigs, and words (filters and keys), by the numbers that records have for them."""
    contigs: dict[int, str] = {}
    words: dict[int, str] = {0: "PASS"}
    numbers = {"PASS": 0}
    for meta in header.metas:
        name = meta.fields.get("ID")
        if name is None or meta.kind not in ("contig", "FILTER", "INFO", "FORMAT"):
            continue
        told = meta.fields.get("IDX")
        if told is not None and not (told.isdigit() and len(told) < 10):
            found.add(INDEX, "an IDX is no number", line=meta.line, column=meta.kind, seen=told)
            told = None
        table = contigs if meta.kind == "contig" else words
        if meta.kind != "contig" and name in numbers and told in (None, str(numbers[name])):
            continue
        number = int(told) if told is not None else max(table, default=-1) + 1
        if table.get(number, name) != name:
            found.add(
                INDEX, f"{table[number]} and {name} have the same IDX", line=meta.line, column=meta.kind, seen=number
            )
        table[number] = name
        if meta.kind != "contig":
            numbers[name] = number
    return contigs, words


def _record(start: bytes, stream: _Stream, records: Records, found: Found, memory: int) -> bool:
    """Look at one record; whether another may follow."""
    offset = stream.offset - len(start)
    if len(start) == 8:
        shared, individual = struct.unpack("<II", start)
        if shared < 24:
            found.add(LENGTH, "its fixed fields have more bytes", offset=offset, seen=shared, expected="24 or more")
            return False
        if shared + individual > memory:
            found.add(LENGTH, f"a record of more than {memory:,} bytes is not looked at, nor are those after it",
                      offset=offset, seen=shared + individual)  # fmt: skip
            found.partly()
            return False
        data = stream.take(shared + individual)
        if len(data) == shared + individual:
            records.look(data[:shared], data[shared:], offset)
            return True
    if found.complete:
        found.add(CUT, "the file ends within a record", offset=offset)
    return False


CHECKS = (Bcf,)
