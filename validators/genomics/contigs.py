"""What files of one analysis say of the sequences they speak of: names, lengths, digests, and how far they reach.

Headers are read here without a library, and no further than is needed: SAM, BAM, dictionaries, VCF, FASTA and its
index declare sequences; lines of VCF, BED, GFF3 and GTF use them.
"""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..check import Cost
from .columns import first_columns, heads_of
from .faidx import rows_of as index_rows
from .sequences import Block, Walker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..found import Found
    from ..subjects import Subject
    from .columns import Rows

__all__ = ["Contig", "Contigs", "KINDS", "contigs_of"]

_UPPER = bytes.maketrans(bytes(range(97, 123)), bytes(range(65, 91)))
_CONTIG = re.compile(rb"##contig=<(.*)>")
_FIELD = re.compile(rb'(\w+)=("(?:[^"\\]|\\.)*"|[^,]*)')
_REGION = re.compile(rb"##sequence-region\s+(\S+)\s+\d+\s+(\d{1,18})\s*")
_HASH = ord("#")
# Bytes that Python takes for a name with what is known of it.
_EACH = 500


@dataclass(frozen=True, slots=True)
class Contig:
    """What a file says of a sequence: its length and its MD5, ``None`` where it says nothing."""

    length: int | None = None
    m5: str | None = None


@dataclass(eq=False)
class Contigs:
    """The sequences that one file speaks of.

    ``kind``: the format of the file, or ``dict``.  ``declared``: in the file's order.  ``used``: how far the lines
    reach on each, and the line that reaches so far.
    """

    file: str
    kind: str
    most: int
    declared: dict[bytes, Contig] = field(default_factory=dict)
    used: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether there are more sequences than memory allows; such a file is no reference."""
        return len(self.declared) + len(self.used) > self.most

    @property
    def names(self) -> set[bytes]:
        """All names."""
        return {*self.declared, *self.used}


def contigs_of(subject: Subject, quiet: Found, *, digests: bool) -> Contigs | None:
    """What a file says of sequences, ``None`` for one of which nothing of the kind is known; ``digests``: whether to
    compute those of the letters of FASTA.
    """
    kind = subject.format
    if kind == "sam" and subject.name.lower().removesuffix(".gz").endswith(".dict"):
        kind = "dict"
    if kind is None or kind not in KINDS:
        return None
    found = Contigs(subject.name, kind, max(1, subject.limits.memory // _EACH))
    if kind == "fasta" and digests:
        _digested(subject, quiet, found)
    else:
        KINDS[kind](subject, quiet, found)
    return found


def _sam(subject: Subject, quiet: Found, found: Contigs) -> None:
    for lines in subject.lines(quiet):
        for index in range(len(lines)):
            if not lines[index].startswith(b"@"):
                return
            _header_line(lines[index], found)


def _header_line(line: bytes, found: Contigs) -> None:
    if line.startswith(b"@SQ\t") and not found.full:
        fields = dict(each.split(b":", 1) for each in line.rstrip(b"\r").split(b"\t")[1:] if b":" in each)
        length = fields.get(b"LN", b"")
        name = fields.get(b"SN")
        if name:
            found.declared.setdefault(name, Contig(_number(length), _digest(fields.get(b"M5"))))


def _bam(subject: Subject, quiet: Found, found: Contigs) -> None:
    stream = _Bytes(subject.blocks(quiet))
    magic, size = stream.take(4), stream.number()
    if magic != b"BAM\x01" or size is None or not 0 <= size <= subject.limits.memory:
        return
    said = Contigs(found.file, found.kind, found.most)
    for line in stream.take(size).rstrip(b"\0").split(b"\n"):
        _header_line(line, said)
    count = stream.number()
    for _ in range(count or 0):
        length = stream.number()
        if length is None or not 1 <= length <= subject.limits.line or found.full:
            return
        name, bases = stream.take(length).rstrip(b"\0"), stream.number()
        if bases is None:
            return
        found.declared.setdefault(name, Contig(bases, said.declared.get(name, Contig()).m5))


class _Bytes:
    """Some blocks of bytes, taken as many at a time as are asked for."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._held = bytearray()

    def take(self, size: int) -> bytes:
        """So many bytes, fewer at the end."""
        while len(self._held) < size and (block := next(self._blocks, None)) is not None:
            self._held += block
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    def number(self) -> int | None:
        """A number of 32 bits, ``None`` at the end."""
        taken = self.take(4)
        return int(struct.unpack("<i", taken)[0]) if len(taken) == 4 else None


def _index(subject: Subject, quiet: Found, found: Contigs) -> None:
    for _, _, entry in index_rows(subject, quiet):
        if entry is not None and not found.full:
            found.declared.setdefault(entry.name, Contig(entry.length))


def _fasta(subject: Subject, quiet: Found, found: Contigs) -> None:
    walker = Walker()
    for lines in subject.lines(quiet):
        for entry in walker.take(Block.of(lines)):
            found.declared.setdefault(entry.name, Contig(entry.length))
        if subject.cost is Cost.HEADER:
            quiet.partly()
        if found.full or not quiet.complete:
            return
    last = walker.finish()
    if last is not None:
        found.declared.setdefault(last.name, Contig(last.length))


def _digested(subject: Subject, quiet: Found, found: Contigs) -> None:
    """FASTA with the digest of each sequence: the MD5 of its letters as capitals (SAM 1.6, 1.3.2)."""
    name: bytes | None = None
    digest: Any = None
    length = 0

    def close() -> None:
        if name is not None:
            found.declared.setdefault(name, Contig(length, digest.hexdigest()))

    for lines in subject.lines(quiet):
        block = Block.of(lines)
        at = 0
        for place in [*np.flatnonzero(block.headers).tolist(), len(lines)]:
            if place > at and digest is not None:
                letters = lines.data[lines.starts[at] : lines.ends[place - 1]].translate(_UPPER, b"\r\n\t ")
                digest.update(letters)
                length += len(letters)
            if place == len(lines):
                break
            if lines.data[lines.starts[place]] == ord(">"):
                close()
                title = lines.data[lines.starts[place] + 1 : block.ends[place]]
                name, length = (title.split(None, 1) or [b""])[0], 0
                digest = hashlib.md5(usedforsecurity=False)
            at = place + 1
        if found.full or not quiet.complete:
            return
    close()


def _vcf(subject: Subject, quiet: Found, found: Contigs) -> None:
    for lines in subject.lines(quiet):
        heads = heads_of(lines, lines.ends)
        for index in np.flatnonzero(heads == _HASH).tolist():
            said = _CONTIG.match(lines[index])
            fields = {key: value.strip(b'"') for key, value in _FIELD.findall(said[1])} if said else {}
            if fields.get(b"ID") and not found.full:
                length = _number(fields.get(b"length", b""))
                found.declared.setdefault(fields[b"ID"], Contig(length, _digest(fields.get(b"md5"))))
        _use(first_columns(lines, lines.ends, (heads != _HASH) & (heads != 0), 2), 1, found)
        if _enough(subject, quiet, found):
            return


def _features(column: int) -> Callable[[Subject, Found, Contigs], None]:
    """Lines whose columns, with tabs between, begin with a name; ``column`` says how far each reaches."""

    def read(subject: Subject, quiet: Found, found: Contigs) -> None:
        for lines in subject.lines(quiet):
            heads = heads_of(lines, lines.ends)
            for index in np.flatnonzero(heads == _HASH).tolist():
                line = lines[index]
                if (said := _REGION.fullmatch(line)) is not None:
                    found.declared.setdefault(said[1], Contig(int(said[2])))
                elif line.startswith(b"##FASTA"):
                    return
            _use(first_columns(lines, lines.ends, (heads != _HASH) & (heads != 0), column + 1), column, found)
            if _enough(subject, quiet, found):
                return

    return read


def _use(rows: Rows, column: int, found: Contigs) -> None:
    """Take how far some lines reach."""
    if not len(rows):
        return
    reach, good = rows.integers(column)
    reach = np.where(good, reach, 0)
    changes = rows.changes(0)
    furthest = np.maximum.reduceat(reach, changes)
    for change, end, most in zip(changes.tolist(), [*changes[1:].tolist(), len(rows)], furthest.tolist(), strict=True):
        name = rows.cell(change, 0)
        if most > found.used.get(name, (-1, 0))[0]:
            row = change + int(reach[change:end].argmax())
            found.used[name] = most, rows.lines.number(int(rows.indexes[row]))
        if found.full:
            return


def _enough(subject: Subject, quiet: Found, found: Contigs) -> bool:
    if subject.cost is Cost.HEADER:
        quiet.partly()
    return found.full or subject.cost is Cost.HEADER


def _number(text: bytes) -> int | None:
    return int(text) if text.isdigit() and len(text) <= 18 else None


def _digest(text: bytes | None) -> str | None:
    return text.decode("ascii", "replace").lower() if text and text != b"*" else None


KINDS: Mapping[str, Callable[[Subject, Found, Contigs], None]] = {
    "dict": _sam,
    "fai": _index,
    "fasta": _fasta,
    "bam": _bam,
    "sam": _sam,
    "vcf": _vcf,
    "gff3": _features(4),
    "gtf": _features(4),
    "bed": _features(2),
    "bedgraph": _features(2),
}
"""How each kind of file is read, those first by which the others are judged."""
