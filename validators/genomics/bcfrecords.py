"""The records of a BCF file: every value is of a type and a length that its key may have."""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

import numpy as np

from ..findings import Code, Severity
from .bcfvalues import CHARACTER, END, FLOAT, INTEGERS, MISSING, Malformed, Values, floats, header_of, numbers
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
_NO_QUAL = 0x7F800001


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
        chrom, pos, rlen, qual, n_info, n_allele, n_sample, n_format = header_of(shared)
        self._offset, self._record = offset, f"{self._contigs.get(chrom, chrom)}:{pos + 1}"
        self._place(chrom, pos, rlen)
        quality = struct.unpack("<f", struct.pack("<I", qual))[0]
        if qual != _NO_QUAL and quality < 0:
            self._tell(QUAL, "QUAL is below 0", "QUAL", seen=quality)
        values = Values(shared, 24)
        try:
            self._shared(values, n_info, n_allele)
            if values.left:
                self._tell(TRAILING, f"{values.left:,} bytes follow the last key of INFO", "INFO")
            values = Values(individual)
            if n_format and n_sample != len(self._header.samples):
                self._tell(SAMPLES, "there are more or fewer samples", "FORMAT", seen=n_sample,
                           expected=len(self._header.samples))  # fmt: skip
            for _ in range(n_format):
                self._format(values, n_allele, n_sample)
            if values.left:
                self._tell(TRAILING, f"{values.left:,} bytes follow the last key of FORMAT", "FORMAT")
        except Malformed as error:
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

    def _shared(self, values: Values, n_info: int, n_allele: int) -> None:
        values.text("ID")
        alleles = [values.text("an allele") for _ in range(n_allele)]
        if not alleles or not _BASES.fullmatch(alleles[0]):
            self._tell(ALLELES, "REF is not of the bases A, C, G, T and N", "REF", seen=b"".join(alleles[:1]))
        for allele in alleles[1:]:
            if not _ALLELE.fullmatch(allele) and allele != b".":
                self._tell(ALLELES, "an allele is not bases, *, a symbol or a breakend", "ALT", seen=allele)
        start = values.place
        kind, length, data = values.value()
        if kind not in INTEGERS and length:
            raise Malformed("FILTER is not of whole numbers", start)
        for number in numbers(kind, data)[0].tolist() if length else ():
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
        if field.type == "Flag" or (kind == 0 and not length):
            return
        if not self._fits(name, field, kind, "INFO"):
            return
        expected = _expected(field.number, alleles)
        if kind == CHARACTER:
            length = data.rstrip(b"\0").count(b",") + 1
            missing = data.rstrip(b"\0") in (b".", b"")
        elif kind == FLOAT:
            missing = bool(floats(data)[0].all())
        else:
            every, reserved = numbers(kind, data)
            missing = bool((every == MISSING).all())
            if reserved:
                self._tell(RESERVED, f"a value of {name} is reserved", "INFO")
        if expected is not None and length != expected and not missing:
            self._tell(NUMBER, f"{name} has {length} values", "INFO", seen=length, expected=expected)

    def _fits(self, name: str, field: Field, kind: int, column: str) -> bool:
        right = {"Integer": (*INTEGERS, 0), "Float": (FLOAT, 0), "Character": (CHARACTER,), "String": (CHARACTER,)}
        if kind in right.get(field.type, (kind,)):
            return True
        self._tell(TYPE, f"{name} is of another type", column, seen=f"type {kind}", expected=field.type)
        return False

    def _format(self, values: Values, n_allele: int, n_sample: int) -> None:
        number = values.integer("a key of FORMAT")
        kind, length, data = values.block(n_sample)
        name = self._words.get(number)
        field = self._header.formats.get(name or "")
        if name is None or field is None:
            self._tell(KEY, "there is no such key of FORMAT", "FORMAT", seen=number if name is None else name)
        elif name == "GT":
            self._genotypes(kind, data, n_allele)
        elif self._fits(name, field, kind, "FORMAT") and length and kind in (*INTEGERS, FLOAT):
            self._numbers(name, field, kind, length, data, n_allele)

    def _genotypes(self, kind: int, data: bytes, n_allele: int) -> None:
        if kind not in INTEGERS:
            self._tell(TYPE, "GT is not of whole numbers", "GT", seen=f"type {kind}")
            return
        every = numbers(kind, data)[0]
        called = every[(every != END) & (every != MISSING)]
        if called.size and (int(called.min()) < 0 or (int(called.max()) >> 1) > n_allele):
            self._tell(GT, "a genotype has an allele that there is not", "GT", seen=(int(called.max()) >> 1) - 1,
                       expected=f"at most {n_allele - 1}")  # fmt: skip

    def _numbers(self, name: str, field: Field, kind: int, length: int, data: bytes, n_allele: int) -> None:
        if kind == FLOAT:
            missing, ended = floats(data)
        else:
            every, reserved = numbers(kind, data)
            missing, ended = every == MISSING, every == END
            if reserved:
                self._tell(RESERVED, f"a value of {name} is reserved", name)
        expected = _expected(field.number, n_allele)
        if expected is None:
            return
        counts = length - ended.reshape(-1, length).sum(axis=1)
        lone = (counts <= 1) & missing.reshape(-1, length)[:, 0]
        wrong = np.flatnonzero((counts != expected) & ~lone)
        if wrong.size:
            sample = int(wrong[0])
            names = self._header.samples
            self._tell(NUMBER, f"{name} has {counts[sample]} values", names[sample] if sample < len(names) else name,
                       seen=int(counts[sample]), expected=expected)  # fmt: skip


def _expected(number: str, alleles: int) -> int | None:
    """How many values a key has; ``None`` where any number may be."""
    if number.isdigit():
        return int(number) or None
    # Without alternate alleles what is said of each is met with one value.
    return {"A": alleles - 1 or None, "R": alleles}.get(number)
