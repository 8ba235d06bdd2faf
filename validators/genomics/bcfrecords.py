"""The records of a BCF file: every value is of a type and a length that its key may have (VCF 4.3, 6.3.3).

A value begins with a byte of its type and its length; a length of 15 is followed by the true one, a typed whole number.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from ..findings import Code, Severity
from .vcfvalues import ALLELE

if TYPE_CHECKING:
    from ..found import Found
    from .vcfheader import Header
    from .vcfspec import Field

__all__ = ["RECORD_CODES", "Records"]

_ERROR = Severity.ERROR
VALUE = Code("bcf.value", _ERROR, "A typed value has a type, a length and its bytes.", "VCF 4.3, 6.3.3")
TRAILING = Code("bcf.record.trailing", _ERROR, "Nothing follows the last value of a record.", "VCF 4.3, 6.3")
CONTIG = Code("bcf.chrom.number", _ERROR, "CHROM is the number of a contig that the header has.", "VCF 4.3, 6.3.1")
PLACE = Code("bcf.pos.value", _ERROR, "POS is within the contig, and rlen is not below 0.", "VCF 4.3, 6.3.1")
UNSORTED = Code("bcf.pos.sorted", _ERROR, "Positions of a contig never decrease.", "VCF 4.3, 1.6.1")
CONTIGUOUS = Code("bcf.chrom.contiguous", _ERROR, "The records of a contig are one block.", "VCF 4.3, 1.6.1")
QUAL = Code("bcf.qual.value", _ERROR, "QUAL is a number from 0, or missing.", "VCF 4.3, 6.3.1")
ALLELES = Code("bcf.alleles", _ERROR, "A record has REF, of bases, and alleles that can be.", "VCF 4.3, 6.3.1")
SAMPLES = Code("bcf.samples", _ERROR, "A record has as many samples as the header.", "VCF 4.3, 6.3.2")
KEY = Code("bcf.key", _ERROR, "A number of a filter or a key is one that the header has.", "VCF 4.3, 6.2.1")
TYPE = Code("bcf.type", _ERROR, "A value is of the Type that its key has in the header.", "VCF 4.3, 6.3.3")
NUMBER = Code("bcf.number", _ERROR, "There are as many values as the key's Number says.", "VCF 4.3, 6.3.3")
RESERVED = Code("bcf.reserved", _ERROR, "Whole numbers that are reserved do not occur.", "VCF 4.3, 6.3.3")
GT = Code("bcf.sample.gt", _ERROR, "A genotype is of alleles that there are.", "VCF 4.3, 6.3.3")

RECORD_CODES = (
    VALUE, TRAILING, CONTIG, PLACE, UNSORTED, CONTIGUOUS, QUAL, ALLELES, SAMPLES, KEY, TYPE, NUMBER, RESERVED, GT
)  # fmt: skip

_BASES = re.compile(rb"[ACGTNacgtn]+")
_ALLELE = re.compile(ALLELE.encode())
_FIXED = struct.Struct("<iiiIHHI")
_INTEGERS = {1: 1, 2: 2, 3: 4}
_FLOAT, _CHARACTER = 5, 7
_SIZES = {0: 0, **_INTEGERS, _FLOAT: 4, _CHARACTER: 1}
_LETTERS = {1: "b", 2: "h", 3: "i", _FLOAT: "I"}
# By type: the value that is missing, the one that ends a vector early, and those that are kept for later.
_MISSING = {1: -128, 2: -32768, 3: -(1 << 31), _FLOAT: 0x7F800001}
_END = {kind: each + 1 for kind, each in _MISSING.items()}
# Below so many values, numpy takes longer to begin than they take one by one.
_FEW = 24


class _Malformed(Exception):
    """What is in the bytes cannot be read on; ``offset``: where in its part of the record."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class _Values:
    """Reads the values of one part of a record, one after the other."""

    def __init__(self, data: bytes, place: int = 0) -> None:
        self.data, self.place = data, place

    @property
    def left(self) -> int:
        """Bytes that have not been read."""
        return len(self.data) - self.place

    def value(self, times: int = 1) -> tuple[int, int, bytes]:
        """A value, or one for each of so many samples: its type, its length and all bytes."""
        data, start = self.data, self.place
        if start >= len(data):
            raise _Malformed("there is no further value", start)
        kind, length = data[start] & 15, data[start] >> 4
        size = _SIZES.get(kind)
        if size is None:
            raise _Malformed(f"there is no type {kind}", start)
        self.place = start + 1
        if length == 15:
            length = self._length()
        begin = self.place
        self.place = begin + size * length * times
        if self.place > len(data):
            raise _Malformed(f"a value has {size * length * times:,} bytes, and {len(data) - begin:,} are left", begin)
        return kind, length, data[begin : self.place]

    def _length(self) -> int:
        start = self.place
        first = self.data[start] if start < len(self.data) else 0
        if first >> 4 != 1 or first & 15 not in _INTEGERS:
            raise _Malformed("a length is no whole number", start)
        length = int.from_bytes(self.value()[2], "little", signed=True)
        if length < 0:
            raise _Malformed(f"a length is {length}", start)
        return length

    def integer(self, what: str) -> int:
        """One whole number, the place of a word in the dictionary."""
        start = self.place
        kind, length, data = self.value()
        if length != 1 or kind not in _INTEGERS:
            raise _Malformed(f"{what} is no whole number", start)
        return int.from_bytes(data, "little", signed=True)

    def text(self, what: str) -> bytes:
        """A string; a missing one is empty."""
        start = self.place
        kind, length, data = self.value()
        if kind != _CHARACTER and (kind or length):
            raise _Malformed(f"{what} is no string", start)
        return data


def _numbers(kind: int, data: bytes) -> Any:
    """Numbers, a float as its bits: a tuple of few, an array of many."""
    size = _SIZES[kind]
    if len(data) <= _FEW * size:
        return struct.unpack(f"<{len(data) // size}{_LETTERS[kind]}", data)
    return np.frombuffer(data, f"<{'u' if kind == _FLOAT else 'i'}{size}")


def _lengths(kind: int, data: bytes, length: int) -> tuple[set[int], bool]:
    """How many values vectors of ``length`` have, but those that are missing as a whole; and whether any value is one
    of those kept for later.
    """
    every = _numbers(kind, data)
    missing, end = _MISSING[kind], _END[kind]
    if isinstance(every, tuple):
        kept = kind != _FLOAT and any(end < each < missing + 8 for each in every)
        parts = [every[at : at + length] for at in range(0, len(every), length)]
        return {length - part.count(end) for part in parts if part.count(missing) + part.count(end) < length}, kept
    table = every.reshape(-1, length)
    ended, gone = (table == end).sum(axis=1), (table == missing).sum(axis=1)
    kept = kind != _FLOAT and bool(((every > end) & (every < missing + 8)).any())
    return set((length - ended)[ended + gone < length].tolist()), kept


_RIGHT = {"Integer": (*_INTEGERS, 0), "Float": (_FLOAT, 0), "Character": (_CHARACTER,), "String": (_CHARACTER,)}


class Records:
    """Looks at the records of one file; ``count``: how many there were."""

    def __init__(self, header: Header, contigs: dict[int, str], words: dict[int, str], found: Found) -> None:
        self._header, self._contigs, self._words, self._found = header, contigs, words, found
        self.count = 0
        self._contig, self._last = -1, -1
        self._met: set[int] = set()
        self._offset, self._record = 0, ""

    def _tell(self, code: Code, message: str, column: str, *, seen: object = None, expected: object = None) -> None:
        self._found.add(code, message, offset=self._offset, record=self._record, column=column, seen=seen,
                        expected=expected)  # fmt: skip

    def look(self, shared: bytes, individual: bytes, offset: int) -> None:
        """Look at a record that begins at ``offset``: what its samples share, and what they have of their own."""
        self.count += 1
        chrom, pos, rlen, qual, n_info, n_allele, rest = _FIXED.unpack_from(shared)
        n_sample, n_format = rest & 0xFFFFFF, rest >> 24
        self._offset, self._record = offset, f"{self._contigs.get(chrom, chrom)}:{pos + 1}"
        self._place(chrom, pos, rlen)
        if qual > 1 << 31:  # the sign's bit, and more than -0
            self._tell(QUAL, "QUAL is below 0", "QUAL", seen=struct.unpack("<f", struct.pack("<I", qual))[0])
        values = _Values(shared, 24)
        try:
            self._shared(values, n_info, n_allele)
            if values.left:
                self._tell(TRAILING, f"{values.left:,} bytes follow the last key of INFO", "INFO")
            values = _Values(individual)
            if n_format and n_sample != len(self._header.samples):
                self._tell(SAMPLES, "there are more or fewer samples", "FORMAT", seen=n_sample,
                           expected=len(self._header.samples))  # fmt: skip
            for _ in range(n_format):
                self._format(values, n_allele, n_sample)
            if values.left:
                self._tell(TRAILING, f"{values.left:,} bytes follow the last key of FORMAT", "FORMAT")
        except _Malformed as error:
            self._tell(
                VALUE,
                f"at byte {error.offset:,} of its part: {error}",
                "FORMAT" if values.data is individual else "INFO",
            )

    def _place(self, chrom: int, pos: int, rlen: int) -> None:
        name = self._contigs.get(chrom)
        if name is None:
            self._tell(CONTIG, "there is no such contig", "CHROM", seen=chrom, expected=f"one of {len(self._contigs)}")
        if chrom != self._contig:
            if chrom in self._met:
                self._tell(CONTIGUOUS, f"there were records of {name} before others", "CHROM", seen=chrom)
            self._met.add(chrom)
            self._contig, self._last = chrom, -1
        if pos < self._last:
            self._tell(UNSORTED, f"position {pos + 1} follows {self._last + 1}", "POS", seen=pos + 1)
        self._last = pos
        length = self._header.contigs.get(name or "")
        if pos < -1 or rlen < 0 or (length is not None and pos > length):
            self._tell(PLACE, "it is not within the contig", "POS", seen=f"{pos + 1}, rlen {rlen}", expected=length)

    def _shared(self, values: _Values, n_info: int, n_allele: int) -> None:
        values.text("ID")
        alleles = [values.text("an allele") for _ in range(n_allele)]
        if not alleles or not _BASES.fullmatch(alleles[0]):
            self._tell(ALLELES, "REF is not of the bases A, C, G, T and N", "REF", seen=b"".join(alleles[:1]))
        for allele in alleles[1:]:
            if not _ALLELE.fullmatch(allele) and allele != b".":
                self._tell(ALLELES, "an allele is not bases, *, a symbol or a breakend", "ALT", seen=allele)
        start = values.place
        kind, length, data = values.value()
        if kind not in _INTEGERS and length:
            raise _Malformed("FILTER is not of whole numbers", start)
        for number in map(int, _numbers(kind, data)) if length else ():
            if self._words.get(number) not in self._header.filters:
                self._tell(KEY, "there is no such filter", "FILTER", seen=number)
        for _ in range(n_info):
            number = values.integer("a key of INFO")
            kind, length, data = values.value()
            name = self._words.get(number)
            field = self._header.infos.get(name or "")
            if name is None or field is None:
                self._tell(KEY, "there is no such key of INFO", "INFO", seen=number if name is None else name)
            else:
                self._info(name, field, kind, length, data, n_allele)

    def _info(self, name: str, field: Field, kind: int, length: int, data: bytes, alleles: int) -> None:
        if field.type == "Flag" or not length or not self._fits(name, field, kind, "INFO"):
            return
        if kind == _CHARACTER:
            text = data.rstrip(b"\0")
            lengths = set() if text in (b".", b"") else {text.count(b",") + 1}
        else:
            lengths, kept = _lengths(kind, data, length)
            if kept:
                self._tell(RESERVED, f"a value of {name} is reserved", "INFO")
        self._count(name, field, lengths, alleles, "INFO")

    def _count(self, name: str, field: Field, lengths: set[int], alleles: int, column: str) -> None:
        expected = _expected(field.number, alleles)
        if expected is not None and not lengths <= {expected}:
            seen = min(lengths - {expected})
            self._tell(NUMBER, f"{name} has {seen} values", column, seen=seen, expected=expected)

    def _fits(self, name: str, field: Field, kind: int, column: str) -> bool:
        right = _RIGHT.get(field.type)
        if right is None or kind in right:
            return True
        self._tell(TYPE, f"{name} is of another type", column, seen=f"type {kind}", expected=field.type)
        return False

    def _format(self, values: _Values, n_allele: int, n_sample: int) -> None:
        number = values.integer("a key of FORMAT")
        kind, length, data = values.value(n_sample)
        name = self._words.get(number)
        field = self._header.formats.get(name or "")
        if name is None or field is None:
            self._tell(KEY, "there is no such key of FORMAT", "FORMAT", seen=number if name is None else name)
        elif name == "GT":
            self._genotypes(kind, data, n_allele)
        elif self._fits(name, field, kind, "FORMAT") and length and kind != _CHARACTER:
            lengths, kept = _lengths(kind, data, length)
            if kept:
                self._tell(RESERVED, f"a value of {name} is reserved", name)
            self._count(name, field, lengths, n_allele, name)

    def _genotypes(self, kind: int, data: bytes, n_allele: int) -> None:
        if kind not in _INTEGERS:
            self._tell(TYPE, "GT is not of whole numbers", "GT", seen=f"type {kind}")
            return
        every = _numbers(kind, data)
        most = int(max(every, default=0)) if isinstance(every, tuple) else int(every.max())
        least = int(min(every, default=0)) if isinstance(every, tuple) else int(every.min())
        # An allele's number is one more than it is, and twice that; below 0 is only what is missing, or an end.
        if most >> 1 > n_allele or (least < 0 and least not in (_MISSING[kind], _END[kind])):
            self._tell(GT, "a genotype has an allele that there is not", "GT", seen=(most >> 1) - 1,
                       expected=f"at most {n_allele - 1}")  # fmt: skip


def _expected(number: str, alleles: int) -> int | None:
    """How many values a key has; ``None`` where any number may be."""
    if number.isdigit():
        return int(number) or None
    # Without alternate alleles what is said of each is met with one value.
    return {"A": alleles - 1 or None, "R": alleles}.get(number)
