"""Alignments against a reference: CRAM 2.1, 3.0 and 3.1, down to its blocks; records are not decoded.

The sections of the sources are those of the specification of CRAM 3.1.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

from ..check import Check, Cost
from ..findings import Code, Severity
from .cramblocks import BLOCK_CODES, judge_block, unpacked_header
from .cramlayout import DEFINITION, ENDS, Container, blocks_of, read_container, read_exactly
from .cramslices import SLICE_CODES, judge_slices
from .samheader import HEADER_CODES, judge_header, text_lines

if TYPE_CHECKING:
    from typing import BinaryIO

    from ..found import Found
    from ..subjects import Subject
    from .samheader import Header

__all__ = ["CHECKS", "Cram"]

ERROR, WARNING = Severity.ERROR, Severity.WARNING

MAGIC = Code("cram.magic", ERROR, "A CRAM file begins with CRAM and its version.", "CRAM 3.1, 6")
VERSION = Code("cram.version", ERROR, "The version is 2.0, 2.1, 3.0 or 3.1.", "CRAM 3.1, 6")
TRUNCATED = Code("cram.truncated", ERROR, "Every container goes on to its end.", "CRAM 3.1, 7")
CONTAINER = Code("cram.container", ERROR, "A container's header has numbers that can be.", "CRAM 3.1, 7")
CONTAINER_CHECKSUM = Code("cram.container.checksum", ERROR, "A container's header has its checksum.", "CRAM 3.1, 7")
BLOCKS = Code("cram.blocks", ERROR, "A container's blocks are as many and as long as it says.", "CRAM 3.1, 7")
HEADER = Code("cram.header", ERROR, "The first container holds the header's text, with its length.", "CRAM 3.1, 8.3")
PADDING = Code("cram.header.padding", ERROR, "Behind the header's text are zeros.", "CRAM 3.1, 8.3")
COUNTER = Code("cram.counter", WARNING, "A container counts the records before it.", "CRAM 3.1, 7")
END = Code("cram.end", ERROR, "The last container is the empty one by which a whole file is known.", "CRAM 3.1, 9")
TRAILING = Code("cram.trailing", ERROR, "Nothing follows the container that ends a file.", "CRAM 3.1, 9")

_VERSIONS = {(2, 0), (2, 1), (3, 0), (3, 1)}


class Cram(Check):
    """Containers, blocks, slices and their checksums, and the header by the rules of SAM."""

    name, version, formats = "cram", "1", frozenset({"cram"})
    codes = (
        MAGIC, VERSION, TRUNCATED, CONTAINER, CONTAINER_CHECKSUM, BLOCKS, HEADER, PADDING, COUNTER, END, TRAILING,
        *BLOCK_CODES, *SLICE_CODES, *HEADER_CODES,
    )  # fmt: skip

    def look(self, subject: Subject, found: Found) -> None:
        """Look at the header, and at the containers for more than that."""
        with io.BufferedReader(cast("io.RawIOBase", subject.open()), 1 << 20) as file:
            _Reading(cast("BinaryIO", file), subject, found).read()


class _Reading:
    """One file while it is read."""

    def __init__(self, file: BinaryIO, subject: Subject, found: Found) -> None:
        self.file, self.subject, self.found = file, subject, found
        self.size = subject.size or 0
        self.minor = self.major = 0
        self.records = 0

    def read(self) -> None:
        """All of it, as far as can be."""
        head = self.file.read(DEFINITION)
        if head[:4] != b"CRAM" or len(head) < DEFINITION:
            self.found.add(MAGIC, "it does not begin as CRAM does", offset=0, seen=head[:8].hex(" "))
            return
        self.major, self.minor = head[4], head[5]
        if (self.major, self.minor) not in _VERSIONS:
            seen = f"{self.major}.{self.minor}"
            self.found.add(VERSION, "there is no such version", offset=4, seen=seen, expected="2.0 to 3.1")
            self.found.partly()
            return
        at, header = self.header()
        if header is None:
            return
        if self.subject.cost is Cost.HEADER:
            self.ends(self.tail())
            return
        self.containers(at, header)

    def container(self, at: int) -> Container | None:
        """The container at a place, if it can be one."""
        try:
            container = read_container(self.file, at, self.major, self.subject.limits.memory)
        except EOFError:
            self.found.add(TRUNCATED, "it ends within a container's header", offset=at)
            return None
        if container is None:
            return None
        if not container.checked:
            self.found.add(CONTAINER_CHECKSUM, "the checksum is wrong", offset=at)
            return None  # where the next one begins nobody knows
        if container.length < 0 or container.blocks < 0 or container.records < 0 or container.reference < -2:
            self.found.add(CONTAINER, "its header has a number that cannot be", offset=at, seen=str(container)[:200])
            return None
        end = at + container.head + container.length
        if end > self.size or container.length > self.subject.limits.memory:
            what = "it goes beyond the end of the file" if end > self.size else "it is longer than the limits allow"
            self.found.add(TRUNCATED, what, offset=at, seen=container.length)
            return None
        return container

    def content(self, container: Container) -> bytes:
        """What is in a container, which the file is long enough for."""
        self.file.seek(container.offset + container.head)
        return read_exactly(self.file, container.length)

    def header(self) -> tuple[int, Header | None]:
        """Where the first container ends, and the header in it."""
        container = self.container(DEFINITION)
        if container is None:
            if not self.found.counts:
                self.found.add(TRUNCATED, "there is no container", offset=DEFINITION)
            return DEFINITION, None
        data, place = self.content(container), DEFINITION + container.head
        end = place + container.length
        try:
            blocks = blocks_of(data, max(container.blocks, 1), self.major)
        except EOFError:
            self.found.add(BLOCKS, "its blocks are longer than it is", offset=DEFINITION)
            return end, None
        for block in blocks:
            judge_block(block, place, (self.major, self.minor), self.subject.limits, self.found)
        text = unpacked_header(blocks[0], self.subject.limits)
        if text is None or len(text) < 4:
            self.found.add(HEADER, "the first block holds no header", offset=place)
            return end, None
        length = int.from_bytes(text[:4], "little")
        if length > len(text) - 4:
            self.found.add(
                HEADER, "the text is shorter than it says", offset=place, seen=length, expected=len(text) - 4
            )
            return end, None
        rest = text[4 + length :] + b"".join(block.data for block in blocks[1:] if block.method == 0)
        if rest.strip(b"\0") or data[blocks[-1].end :].strip(b"\0"):
            self.found.add(PADDING, "something follows the header's text", offset=place)
        said, _, _ = text[4 : 4 + length].partition(b"\0")
        return end, judge_header(text_lines(said, offset=4), self.found)

    def containers(self, at: int, header: Header) -> None:
        """Those with records, and the last."""
        limit = self.subject.limits.sample if self.subject.cost is Cost.SAMPLE else None
        end = ENDS[self.major]
        while at < self.size:
            if limit is not None and at > limit:
                self.found.partly()
                self.ends(self.tail())
                return
            container = self.container(at)
            if container is None:
                return
            size = container.head + container.length
            if size == len(end):
                self.file.seek(at)
                if self.file.read(size) == end:
                    break
            self.data(container, header)
            at += size
        else:
            if (self.major, self.minor) != (2, 0):
                self.ends(b"")
            return
        if at + len(end) < self.size:
            self.found.add(TRAILING, "something follows the last container", offset=at + len(end))

    def data(self, container: Container, header: Header) -> None:
        """One container with records."""
        data = self.content(container)
        place = container.offset + container.head
        if container.counter != self.records:
            self.found.add(
                COUNTER, "it counts other records before it", offset=container.offset, seen=container.counter,
                expected=self.records,
            )  # fmt: skip
        self.records = container.counter + container.records
        try:
            blocks = blocks_of(data, container.blocks, self.major)
        except EOFError:
            self.found.add(BLOCKS, "its blocks are longer than it is", offset=container.offset)
            return
        if (blocks[-1].end if blocks else 0) != len(data):
            self.found.add(BLOCKS, "its blocks are shorter than it is", offset=container.offset)
        for block in blocks:
            judge_block(block, place, (self.major, self.minor), self.subject.limits, self.found)
        judge_slices(container, blocks, self.major, header, self.found)

    def tail(self) -> bytes:
        """The last bytes of the file."""
        self.file.seek(max(0, self.size - len(ENDS[self.major])))
        return self.file.read(len(ENDS[self.major]))

    def ends(self, tail: bytes) -> None:
        """Tell if these are not the bytes that end a file."""
        if tail != ENDS[self.major] and (self.major, self.minor) != (2, 0):
            what = "the empty container at the end is missing: the file may have been cut off"
            self.found.add(END, what, offset=self.size)


CHECKS = (Cram,)
"""What is offered."""
