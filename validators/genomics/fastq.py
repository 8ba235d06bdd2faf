"""FASTQ: reads, each letter with a quality.

The format has no specification of its own; what is asked is what Cock et al. 2010 describe, which is what tools read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..check import Check, Cost
from ..findings import Code, Severity
from .fastqnames import DUPLICATE, Names, illumina
from .fastqqualities import ENCODING, MIXED, RANGE, Qualities
from .fastqrecords import RECORD_CODES, records_of

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject
    from .fastqrecords import Batch

__all__ = ["CHECKS", "FastqRecords"]

_SOURCE = "Cock et al. 2010, doi:10.1093/nar/gkp1137"

REPEAT = Code("fastq.name.repeat", Severity.ERROR, "What follows the + is nothing, or the title once more.", _SOURCE)
CONTROL = Code("fastq.name.control", Severity.ERROR, "A title has no control characters but tabs.", _SOURCE)
ASCII = Code("fastq.name.ascii", Severity.WARNING, "A title is of ASCII letters.", _SOURCE)
MISSING = Code("fastq.name.missing", Severity.WARNING, "A title begins with the name of the read.", _SOURCE)
ALPHABET = Code(
    "fastq.sequence.alphabet", Severity.ERROR, "A sequence is of the letters of IUPAC, upper or lower case, or dots.",
    _SOURCE,
)  # fmt: skip
GAP = Code("fastq.sequence.gap", Severity.WARNING, "A read has no gaps or stops.", _SOURCE)
EMPTY = Code("fastq.sequence.empty", Severity.WARNING, "A read has a letter or more.", _SOURCE)

# NC-IUB 1984: what stands for one base, or for several; X is an older N, and a dot what Sanger's tools write for it.
_IUPAC = b"ACGTUNRYSWKMBDHVXacgtunryswkmbdhvx."
_GAPS = b"-*"


class FastqRecords(Check):
    """Whether a file is FASTQ: every record whole, its letters letters, its qualities qualities, its name its own.

    Names are told apart by hashes, of which a bounded number is kept: of files with more reads than that a sample of
    the names, of every part of the file, is looked at.  The share of names that was is the figure ``fastq.names.seen``.
    """

    name, version, formats, cost = "fastq.records", "1", frozenset({"fastq"}), Cost.HEADER
    codes = (
        *RECORD_CODES, REPEAT, CONTROL, ASCII, MISSING, ALPHABET, GAP, EMPTY, RANGE, ENCODING, MIXED, DUPLICATE,
    )  # fmt: skip

    def look(self, subject: Subject, found: Found) -> None:
        """Look at every record, or at those at the beginning."""
        names, qualities = Names(subject.limits), Qualities()
        styled, titles = 0, 0
        for batch in records_of(subject.lines(found), found, limits=subject.limits):
            if not titles:
                titles = min(len(batch), 1000)
                styled = sum(illumina(title) for title in batch.titles[:titles])
            _titles(batch, found)
            _sequences(batch, found)
            qualities.take(batch, found)
            names.take(batch)
            if subject.cost is Cost.HEADER:
                found.partly()
                break
        qualities.tell(found)
        names.tell(subject, found)
        if titles:
            found.metric("fastq.names.illumina", styled / titles)


def _titles(batch: Batch, found: Found) -> None:
    if any(batch.repeats):
        for index, (title, repeat) in enumerate(zip(batch.titles, batch.repeats, strict=True)):
            if repeat and repeat != title:
                found.add(
                    REPEAT, "the line that begins with + repeats another title", record=name_of(title),
                    line=int(batch.quality_lines[index]) - 1, seen=repeat, expected=title,
                    offset=int(batch.quality_offsets[index]) - len(repeat) - 2,
                )  # fmt: skip
    together = b"\n".join(batch.titles)
    if not together.isascii() or together.translate(None, _PRINTABLE):
        for index, title in enumerate(batch.titles):
            if not title.isascii():
                _tell(found, ASCII, "its title has letters beyond ASCII", batch, index, seen=title)
            if any((byte < 32 and byte != 9) or byte == 127 for byte in title):
                _tell(found, CONTROL, "its title has a control character", batch, index, seen=title)
    if (
        together[:1] in b" \t\n"
        or b"\n " in together
        or b"\n\t" in together
        or b"\n\n" in together
        or not batch.titles[-1]
    ):
        for index, title in enumerate(batch.titles):
            if not title[:1].strip():
                _tell(found, MISSING, "it has no name", batch, index, seen=title)


_PRINTABLE = bytes(range(32, 127)) + b"\t\n"
_NAMELESS = re.compile(rb"\n[ \t\n]")


def _sequences(batch: Batch, found: Found) -> None:
    if b"".join(batch.sequences).translate(None, _IUPAC):
        for index, sequence in enumerate(batch.sequences):
            if other := sequence.translate(None, _IUPAC):
                _letters(batch, index, sequence, other, found)
    if not all(batch.sequences):
        for index, sequence in enumerate(batch.sequences):
            if not sequence:
                _tell(found, EMPTY, "it has no letters", batch, index)


def _letters(batch: Batch, index: int, sequence: bytes, other: bytes, found: Found) -> None:
    wrong = other.translate(None, _GAPS)
    place = sequence.find(wrong[:1] or other[:1])
    offset = int(batch.offsets[index]) + len(batch.titles[index]) + 2 + place
    line, name = int(batch.lines[index]) + 1, name_of(batch.titles[index])
    if wrong:
        colours = not sequence[1:].translate(None, b"0123.")
        hint = ": it looks like colours of SOLiD, which are another format" if colours else ""
        many = f"{len(wrong)} bytes of its sequence are" if len(wrong) > 1 else "a byte of its sequence is"
        found.add(
            ALPHABET, f"{many} no letters of IUPAC, the first at position {place + 1}{hint}", line=line, offset=offset,
            record=name, seen=wrong, expected="A, C, G, T, U, N, another letter of IUPAC, or a dot",
        )  # fmt: skip
    else:
        found.add(GAP, "its sequence has a gap or a stop", line=line, offset=offset, record=name, seen=other)


def name_of(title: bytes) -> str:
    """What names a read: its title up to the first space."""
    return (title.split(None, 1) or [b""])[0].decode("utf-8", "backslashreplace")


def _tell(found: Found, code: Code, message: str, batch: Batch, index: int, *, seen: object = None) -> None:
    found.add(
        code, message, line=int(batch.lines[index]), offset=int(batch.offsets[index]),
        record=name_of(batch.titles[index]), seen=seen,
    )  # fmt: skip


CHECKS = (FastqRecords,)
