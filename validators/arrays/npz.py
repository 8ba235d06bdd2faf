"""NumPy's archives of several arrays, ``.npz``: a zip of ``.npy`` members."""

from __future__ import annotations

import io
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from ..check import Cost
from ..findings import Code, Severity
from .base import ArrayCheck
from .held import Held, telling
from .npy import NPY_CODES, OBJECTS, TRAILING, read_header
from .npy import Npy as _Npy
from .values import Fields
from .zips import ZIP_CODES, content, members

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..found import Found
    from ..subjects import Subject

__all__ = ["CHECKS", "Npz"]

TRUNCATED = Code("npz.truncated", Severity.ERROR, "The archive goes on to the end of its directory.", "APPNOTE 6.3.10")
MEMBER = Code("npz.member", Severity.WARNING, "Every member is an array, and is called so: name.npy.", "numpy.savez")

_HEAD = 1 << 19  # more than the longest header


class Npz(ArrayCheck):
    """The zip, its checksums, and each member as an array."""

    name = "npz"
    formats = frozenset({"npz"})
    codes = (*ZIP_CODES, *NPY_CODES, TRUNCATED, MEMBER)
    truncated = TRUNCATED

    def read(self, file: Held, subject: Subject, found: Found) -> None:
        """Read it."""
        left = subject.limits.sample
        for member in members(file, found, subject.limits):
            with telling(found, member=member.name):
                blocks = content(file, member, subject.limits)
                if not member.name.endswith(".npy"):
                    found.add(MEMBER, "it is no array", member=member.name, offset=member.header)
                else:
                    blocks = self._array(member.name, blocks, subject, found)
                if subject.cost is Cost.HEADER or (subject.cost is Cost.SAMPLE and left < 0):
                    next(blocks, None)
                    found.partly()
                    continue
                left -= sum(map(len, blocks))

    def _array(self, name: str, blocks: Iterator[bytes], subject: Subject, found: Found) -> Iterator[bytes]:
        """Look at an array while its bytes go by."""
        head = b""
        while len(head) < _HEAD and (block := next(blocks, None)) is not None:
            head += block
        header = None
        with telling(found, member=name):
            header = read_header(Held(io.BytesIO(head), len(head), _Npy.truncated), found, member=name)
        yield head
        if header is None or header.kind is None or subject.cost is Cost.HEADER:
            if header is not None and header.kind is None:
                what = "it is a pickle of Python objects, which is not loaded"
                found.add(OBJECTS, what, member=name, offset=header.offset)
            yield from blocks
            return
        fields = Fields(header.kind, found, self.values, member=name)
        length = header.values * header.kind.itemsize
        rest, size = b"", 0
        for block in chain([head[header.offset :]], blocks):
            if size:
                yield block
            rest = self._add(fields, rest + block[: max(0, length - size)], header.kind)
            size += len(block)
        if size != length:
            code = _Npy.truncated if size < length else TRAILING
            found.add(
                code,
                "its data are not as many bytes as its shape says",
                member=name,
                offset=header.offset + min(size, length),
                seen=size,
                expected=length,
            )
        fields.tell()

    def _add(self, fields: Fields, data: bytes, kind: np.dtype[Any]) -> bytes:
        """Count whole values; what is left of the last one."""
        count = len(data) // kind.itemsize if kind.itemsize else 0
        if count:
            fields.add(np.frombuffer(data, kind, count))
        return data[count * kind.itemsize :]


CHECKS = (Npz,)
