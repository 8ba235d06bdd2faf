"""What lies in the members of an archive, one level deeper: archives and packed files, which are looked at as well.

A delivery is often a zip of zips, or a tar of ``.fastq.gz``.  What is in the inner archive is not looked into further.
All that is unpacked from inner ones counts together, against the size of the outermost file: a bomb of many layers
becomes no larger than one of a single layer may.
"""

from __future__ import annotations

import io
import tempfile
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, cast

from ..check import Cost
from ..findings import Code, Severity
from ..formats.identify import HEAD, identify
from ..formats.known import CONTAINERS, FORMATS, PACKED
from ..streams.packed import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..found import Found
    from ..limits import Limits
    from ..subjects import Subject

__all__ = ["INSIDE", "Allowance", "Inside"]

INSIDE = Code(
    "archive.bomb",
    Severity.ERROR,
    "Archives in an archive do not become more than the limits allow; raise them if they may.",
)

# A zip is read from its end: one that was packed itself is held in memory up to here, and in a file beyond.
_HELD = 32 << 20
_MARKS = tuple(sign for name in (*PACKED, "zip") for place, sign in FORMATS[name].signatures if place == 0)
_TAR = slice(257, 262)
_ENDINGS = tuple(end for name in CONTAINERS for end in FORMATS[name].extensions)


class Allowance:
    """What may still be taken from all inner archives together."""

    def __init__(self, limits: Limits, size: int) -> None:
        self._limits, self._size = limits, size
        self._members = self._bytes = 0

    @property
    def spent(self) -> bool:
        """Whether that was more than there may be."""
        limits, given = self._limits, self._bytes
        return self._members > limits.members or given > limits.unpacked or (
            given > limits.unpacked_free and given > limits.ratio * self._size
        )  # fmt: skip

    def member(self) -> bool:
        """One member more; whether it may be."""
        self._members += 1
        return not self.spent

    def block(self, block: bytes) -> bool:
        """So many bytes more; whether they may be."""
        self._bytes += len(block)
        return not self.spent

    def blocks(self, blocks: Iterator[bytes], found: Found) -> Iterator[bytes]:
        """Blocks up to what may be."""
        for block in blocks:
            if not self.block(block):
                found.partly()
                return
            yield block


class Inside:
    """Looks into the members of one archive that are archives, or packed.

    ``zip`` and ``tar`` look at an inner archive, of which they are given the bytes.
    """

    def __init__(
        self,
        subject: Subject,
        found: Found,
        *,
        zip: Callable[[BinaryIO, Found, Allowance], None],
        tar: Callable[[Iterator[bytes], Found, Allowance], None],
    ) -> None:
        self._found, self._limits = found, subject.limits
        self._zip, self._tar = zip, tar
        self._allowance = Allowance(subject.limits, subject.size or 0)
        self._looks = subject.cost is Cost.FULL
        self._told = False

    def member(self) -> None:
        """Count a member of the outer archive: those of inner ones come on top."""
        self._allowance.member()

    def look(self, name: str, blocks: Iterator[bytes], *, part: BinaryIO | None = None) -> None:
        """Look into a member while its content goes by, which is read to its end.  ``part``: the same as a file, where
        it lies in the outer one as it is.
        """
        if self._looks and not self._allowance.spent:
            head = b""
            while len(head) < HEAD and (block := next(blocks, None)) is not None:
                head += block
            blocks = chain([head] if head else [], blocks)
            self._known(name, head, blocks, part)
        for _ in blocks:
            pass

    def _known(self, name: str, head: bytes, blocks: Iterator[bytes], part: BinaryIO | None) -> None:
        marked = head.startswith(_MARKS) or head[_TAR] == b"ustar"
        if not head or not (marked or name.lower().endswith(_ENDINGS)):
            return
        told = identify(head[:HEAD], name)
        found = self._found.within(name)
        if told.packing is not None or told.format in PACKED:
            packing = told.packing or told.format or ""
            inner = self._allowance.blocks(unpacked(_Passing(blocks), packing, found, limits=self._limits), found)
            if told.format == "tar":
                self._tar(inner, found, self._allowance)
            for _ in inner:
                pass
        elif told.format == "tar":
            self._tar(blocks, found, self._allowance)
        elif told.format in CONTAINERS:
            self._whole(blocks, found, part)
        if self._allowance.spent and not self._told:
            self._told = True
            self._found.add(INSIDE, "with it, what lies in inner archives has become too much", member=name)
            self._found.partly()

    def _whole(self, blocks: Iterator[bytes], found: Found, part: BinaryIO | None) -> None:
        if part is not None:
            self._zip(part, found, self._allowance)
            return
        with tempfile.SpooledTemporaryFile(_HELD) as file:
            for block in blocks:
                file.write(block)
            self._zip(cast("BinaryIO", file), found, self._allowance)


class _Passing:
    """Blocks that go by, as a file that can only be read on."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, io.BytesIO()

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size:
            piece = self._rest.read(size)
            if not piece:
                block = next(self._blocks, None)
                if block is None:
                    break
                self._rest = io.BytesIO(block)
                continue
            parts.append(piece)
            size -= len(piece)
        return b"".join(parts)
