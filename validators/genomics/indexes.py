"""Whether an index belongs to the alignments beside it: ``a.bam`` with ``a.bam.bai``, ``a.bai``, ``a.bam.csi``, or
``a.cram`` with ``a.cram.crai`` or ``a.crai``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from ..check import GroupCheck
from ..findings import Code, Severity
from ..found import Found
from ..streams.codes import STREAM_CODES
from .bamindex import INDEX_CODES, read_index
from .bamlayout import LAYOUT_CODES, Stream, read_header
from .crai import Crai, read_crai
from .cramlayout import DEFINITION, read_container
from .samheader import HEADER_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    import numpy.typing as npt

    from ..subjects import Subject

__all__ = ["CHECKS", "Indexes"]

ERROR, WARNING, SOURCE = Severity.ERROR, Severity.WARNING, "SAM 1.6, 5"

REFERENCES = Code("index.references", ERROR, "An index has as many references as its file.", SOURCE)
PLACE = Code("index.place", ERROR, "An index points to where blocks of its file begin, and into them.", SOURCE)
SLICE = Code("index.slice", ERROR, "An index of CRAM points to containers and slices of its file.", "CRAM 3.1, 12")
OLDER = Code("index.older", WARNING, "An index is not older than its file.")

_OF = {"bai": "bam", "csi": "bam", "crai": "cram"}
_ALONE = (*INDEX_CODES, *LAYOUT_CODES, *HEADER_CODES, *Crai.codes, *STREAM_CODES)
_BLOCK_HEAD = bytes.fromhex("1f8b0804")


class Indexes(GroupCheck):
    """Holds each index against the file of its name."""

    name, version = "index.alignments", "1"
    codes = (REFERENCES, PLACE, SLICE, OLDER)

    def look(self, subjects: Sequence[Subject], found: Found) -> None:
        """Look at every index whose file is there as well."""
        by_name = {subject.name: subject for subject in subjects}
        for subject in subjects:
            stem, _, ending = subject.name.rpartition(".")
            of = _OF.get(ending.lower())
            if of is None:
                continue
            names = [stem] if stem.lower().endswith(f".{of}") else [f"{stem}.{of}", f"{stem}.{of.upper()}"]
            file = next((by_name[name] for name in names if name in by_name), None)
            try:
                # What an index says of a file that is none, or cannot be read, is not asked: that is told elsewhere.
                if file is not None and (subject.format, file.format) == (ending.lower(), of):
                    _older(subject, file, found)
                    (_cram if of == "cram" else _bam)(subject, file, found)
            except OSError:
                found.partly()


def _aside(subject: Subject) -> Found:
    """For what is wrong with one file alone, which its own check tells."""
    return Found("index.alignments", _ALONE, limits=subject.limits)


def _older(index: Subject, file: Subject, found: Found) -> None:
    if index.path is None or file.path is None:
        return
    if index.path.stat().st_mtime_ns < file.path.stat().st_mtime_ns:
        found.add(OLDER, f"the index is older than {file.name}", member=index.name)


def _bam(index: Subject, file: Subject, found: Found) -> None:
    told = read_index(index, _aside(index))
    header = read_header(Stream(file.blocks(_aside(file))), _aside(file), file.limits)
    if told is None or header is None:
        return
    if told.references != len(header.lengths):
        found.add(
            REFERENCES, f"{file.name} has another number of references", member=index.name, seen=told.references,
            expected=len(header.lengths),
        )  # fmt: skip
    with file.open() as raw:
        _places(raw, index, file, told.places, found)


def _places(raw: BinaryIO, index: Subject, file: Subject, places: npt.NDArray[np.uint64], found: Found) -> None:
    """Each block that the index names is looked at once."""
    size = file.size or 0
    offsets = (places >> np.uint64(16)).astype(np.int64)
    within = (places & np.uint64(0xFFFF)).astype(np.int64)
    named, first = np.unique(offsets, return_index=True)
    # Sorted as they are, the last of each block is the farthest into it.
    farthest = within[np.append(first[1:], len(within)) - 1] if len(named) else within
    for offset, reach in zip(named.tolist(), farthest.tolist(), strict=True):
        if offset == size and not reach:
            continue  # the end of a file without its last block
        wrong = "it points behind the end" if offset >= size else _block(raw, offset, reach)
        if wrong is not None:
            found.add(PLACE, f"{wrong} of {file.name}", member=index.name, offset=offset, seen=f"{offset}:{reach}")


def _block(raw: BinaryIO, offset: int, reach: int) -> str | None:
    """What is wrong with pointing so far into the block at a place."""
    raw.seek(offset)
    head = raw.read(18)
    if len(head) < 18 or head[:4] != _BLOCK_HEAD or head[12:16] != b"BC\x02\x00":
        return "it points to where no block begins"
    raw.seek(offset + struct.unpack_from("<H", head, 16)[0] - 3)
    tail = raw.read(4)
    if len(tail) < 4 or reach > int.from_bytes(tail, "little"):
        return "it points beyond the end of a block"
    return None


def _cram(index: Subject, file: Subject, found: Found) -> None:
    with file.open() as raw:
        head = raw.read(DEFINITION)
        if len(head) < DEFINITION or head[4] not in (2, 3):
            return
        for number, entry in read_crai(index, _aside(index)):
            wrong = _slice(raw, head[4], file.size or 0, entry)
            if wrong is not None:
                found.add(SLICE, f"{wrong} of {file.name}", member=index.name, line=number, seen=entry)


def _slice(raw: BinaryIO, major: int, size: int, entry: tuple[int, ...]) -> str | None:
    reference, _, _, offset, landmark, length = entry
    try:
        container = read_container(raw, offset, major, 1 << 20) if DEFINITION <= offset < size else None
    except EOFError:
        container = None
    if container is None or not container.checked or offset + container.head + container.length > size:
        return "it points to where no container begins"
    if landmark not in container.landmarks:
        return "it points to where no slice begins"
    if landmark + length > container.length:
        return "it points to a slice that goes beyond its container"
    if container.reference not in (reference, -2):
        return "it has another reference than its container"
    return None


CHECKS = (Indexes,)
"""What is offered."""
