"""Files of formats that are not open, or not known: nothing in them can be checked, and what they are is kept.

Their size, their digest and how random their bytes are make a history: a file that changed, shrank or filled with
zeros shows it there.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ..check import Check, Cost
from ..findings import Code, Severity
from ..formats.identify import HEAD
from ..formats.instruments import INSTRUMENTS
from ..formats.known import FORMATS

if TYPE_CHECKING:
    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Opaque"]

CONTENT = Code("opaque.content", Severity.NOTE, "What is in a file can be checked, and not its digest alone kept.")
SIGNATURE = Code("opaque.signature", Severity.ERROR, "A file begins as all of its format do.")
BLANK = Code("opaque.blank", Severity.WARNING, "A file has more than one byte, again and again.")
TAIL = Code("opaque.tail", Severity.WARNING, "A file does not end with a long run of zeros, as a full disk leaves it.")

_BLOCK = 1 << 20
# Less than that may well be a number: an index of nothing is a zero of eight bytes.
_FEW = 16
# Zeros at the end that are no filling: so many, and such a share of the file.
_ZEROS, _SHARE = 1 << 16, 0.1


class Opaque(Check):
    """Reads all of a file and tells its SHA-256.

    The figures are its size, the entropy of its bytes in bits for each, of 8, and the share of zeros at its end.
    """

    name = "opaque"
    version = "1"
    formats = frozenset({*(each.name for each in INSTRUMENTS), "unknown"})
    codes = (CONTENT, SIGNATURE, BLANK, TAIL)
    cost: ClassVar[Cost] = Cost.FULL

    def look(self, subject: Subject, found: Found) -> None:
        """Look."""
        digest, counts, zeros, size = hashlib.sha256(), np.zeros(256, np.int64), 0, 0
        with subject.open() as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                counts += np.bincount(np.frombuffer(block, np.uint8), minlength=256)
                size += len(block)
                kept = block.rstrip(b"\0")
                zeros = zeros + len(block) if not kept else len(block) - len(kept)
        if not size:
            return
        _signature(subject, found)
        shares = counts[counts > 0] / size
        found.metric("opaque.size", size, unit="By")
        found.metric("opaque.entropy", max(0.0, -float((shares * np.log2(shares)).sum())), unit="bit/By")
        found.metric("opaque.zeros", zeros / size)
        what = "its content cannot be checked: this is what it is"
        found.add(CONTENT, what, seen=f"sha256:{digest.hexdigest()}", record=subject.format)
        if len(shares) == 1 and size > _FEW:
            value = int(counts.argmax())
            found.add(BLANK, f"all of its {size:,} bytes are {value:#04x}", offset=0, seen=f"{value:#04x}")
        elif zeros >= _ZEROS and zeros >= _SHARE * size:
            found.add(TAIL, f"its last {zeros:,} bytes are zeros", offset=size - zeros, seen=zeros)


def _signature(subject: Subject, found: Found) -> None:
    known = FORMATS.get(subject.format or "")
    marked = None if known is None else FORMATS.get(known.within or known.name)
    if marked is None or not (marked.signatures or marked.sniff):
        return
    head = next(subject.blocks(found), b"")
    if not marked.fits(head[:HEAD]):
        what = f"it does not begin as files of the format {subject.format} do"
        found.add(SIGNATURE, what, offset=0, seen=head[:16].hex(" "))


CHECKS = (Opaque,)
