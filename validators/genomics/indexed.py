"""An index and the file beside it: do they belong together?

An index of another file, or of an older one, makes readers miss records without a word.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from ..check import GroupCheck
from ..findings import Code, Severity
from ..found import Found
from ..streams.codes import STREAM_CODES
from .tabix import INDEX_CODES, read_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..subjects import Subject
    from .binindex import Columns, Index

__all__ = ["CHECKS", "Belonging"]

ALONE = Code("tabix.alone", Severity.WARNING, "An index is beside the file it is of.")
OLDER = Code("tabix.older", Severity.WARNING, "An index is not older than its file.")
OUTSIDE = Code("tabix.offset", Severity.ERROR, "What an index points to is a block of its file.", "SAM 1.6, 4.1.1")
OTHER = Code("tabix.other", Severity.ERROR, "What an index points to is of the sequence that it says.", "tabix")
PLAIN = Code("tabix.packing", Severity.ERROR, "A file that has an index is packed by bgzip.", "tabix")

# So many blocks are looked up; an index of a whole genome has some ten thousand.
_BLOCKS = 20_000
_ENDS = (".tbi", ".csi")


class Belonging(GroupCheck):
    """Looks at each index, and at the file beside it."""

    name, version = "tabix.belonging", "2"
    codes = (ALONE, OLDER, OUTSIDE, OTHER, PLAIN)

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        """Look at indexes whose names end with .tbi or .csi."""
        by_name = {subject.name: subject for subject in subjects}
        for subject in subjects:
            if subject.name.endswith(_ENDS) and subject.format in ("tbi", "csi"):
                of = by_name.get(subject.name[:-4])
                if of is None:
                    found.add(ALONE, f"there is no {subject.name[:-4]}", member=subject.name)
                elif of.format != "bam":  # those are held against their header as well, by another check
                    _together(subject, of, found)


def _together(index: Subject, of: Subject, found: Found) -> None:
    if index.path is not None and of.path is not None and index.path.stat().st_mtime < of.path.stat().st_mtime:
        found.add(OLDER, f"{of.name} was changed after it", member=index.name)
    if of.packing != "bgzip":
        found.add(PLAIN, f"{of.name} is not packed by bgzip", member=index.name, seen=of.packing, expected="bgzip")
        return
    # What is wrong with the index itself its own check tells.
    silent = Found("index", (*INDEX_CODES, *STREAM_CODES), limits=index.limits)
    said = read_index(index, silent)
    if not silent.complete:
        found.partly()
    if said is None or silent.counts:
        return
    _blocks(said, index, of, found)
    if said.columns is not None:
        _records(said, said.columns, index, of, found)


def _blocks(said: Index, index: Subject, of: Subject, found: Found) -> None:
    """Hold every offset against the blocks of the file; its very end is no block, and may be pointed to."""
    places, within = said.places >> np.uint64(16), said.places & np.uint64(0xFFFF)
    size = of.size or 0
    beyond = int(np.count_nonzero((places > size) | ((places == size) & (within > 0))))
    if beyond:
        found.add(OUTSIDE, f"{beyond:,} offsets are after the end of {of.name}", member=index.name, expected=size)
        return
    starts = np.unique(places)
    if len(starts) > _BLOCKS:
        starts = starts[np.linspace(0, len(starts) - 1, _BLOCKS).astype(np.int64)]
        found.partly()
    with of.open() as file:
        for start in starts.tolist():
            file.seek(start)
            head = file.read(18)
            if start != size and not (head[:4] == b"\x1f\x8b\x08\x04" and head[12:14] == b"BC"):
                found.add(OUTSIDE, f"no block of {of.name} begins where it points to", member=index.name,
                          offset=start, seen=head.hex(" "))  # fmt: skip
                return


def _records(said: Index, columns: Columns, index: Subject, of: Subject, found: Found) -> None:
    """The first record of each sequence is of that sequence."""
    with of.open() as file:
        for name, first in list(zip(columns.names, said.first, strict=False))[:_BLOCKS]:
            if first is None:
                continue
            file.seek(first >> 16)
            seen = _sequence(_some(file.read(1 << 17))[first & 0xFFFF :], columns)
            if seen not in (name, None):
                told = name.decode("utf-8", "replace")
                found.add(OTHER, f"the record that it points to for {told} is of another", member=index.name,
                          record=told, seen=(seen or b"")[:80], expected=name)  # fmt: skip


def _sequence(text: bytes, columns: Columns) -> bytes | None:
    """The sequence that the first record in a text is of, comments passed over; ``None`` if there is no record, or it
    is longer than the text.
    """
    for line in text.split(b"\n"):
        if line and not line.startswith(columns.comment):
            fields = line.split(b"\t", columns.sequence)
            return fields[columns.sequence - 1] if len(fields) > columns.sequence else None
    return None


def _some(data: bytes) -> bytes:
    """What the first block in these bytes holds, and the next one, which a line may reach into."""
    found = b""
    for _ in range(2):
        if len(data) < 26 or data[12:14] != b"BC":
            break
        size = int(struct.unpack_from("<H", data, 16)[0]) + 1
        try:
            found += zlib.decompressobj(-15).decompress(data[18 : max(size - 8, 18)], 1 << 16)
        except zlib.error:
            break  # the file's own check tells
        data = data[size:]
    return found


CHECKS = (Belonging,)
