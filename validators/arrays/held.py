"""A file's bytes, asked for by place and never beyond their end, and what is told when they are not there."""

from __future__ import annotations

import io
import os
import struct
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn, cast

from ..check import Cost

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..findings import Code
    from ..found import Found
    from ..subjects import Subject

__all__ = ["BLOCK", "Held", "broken", "held", "held_path", "telling"]

BLOCK = 1 << 20
"""Bytes that are read at once: they stay in a processor's cache while they are looked at."""


class _Broken(Exception):
    """What makes it useless to read on; without a code, that what is needed was not unpacked."""

    def __init__(self, code: Code | None, message: str, place: dict[str, Any]) -> None:
        super().__init__(message)
        self.code, self.message, self.place = code, message, place


def broken(code: Code, message: str, **place: Any) -> NoReturn:
    """Stop reading what is within the nearest ``telling``, which tells of this; ``place`` as ``Found.add`` has it."""
    raise _Broken(code, message, place)


class telling:
    """What is broken within is told to ``found``, at ``place`` where it does not say better, and ends there."""

    def __init__(self, found: Found, **place: Any) -> None:
        self._found, self._place = found, place

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, _Broken):
            return False
        if error.code is None:
            self._found.partly()
        else:
            self._found.add(error.code, error.message, **(self._place | error.place))
        return True


class Held:
    """The bytes of ``file`` from ``start`` on, ``size`` of them.

    ``short``: the rule that is broken when more are needed than there are.  ``whole``: whether these are all; where
    they are not, needing more is no fault.  Places are counted from ``start``.
    """

    def __init__(self, file: BinaryIO, size: int, short: Code, *, start: int = 0, whole: bool = True) -> None:
        self.file, self.size, self.short, self.whole = file, size, short, whole
        self._start = start

    def part(self, offset: int, length: int) -> Held:
        """So many bytes from ``offset`` on, as something of its own."""
        self.need(offset, length, "this part")
        return Held(self.file, length, self.short, start=self._start + offset, whole=self.whole)

    def need(self, offset: int, length: int, what: str, /, **place: Any) -> None:
        """Stop if ``length`` bytes from ``offset`` on are not there; ``what`` says what they would be."""
        if offset < 0 or length < 0 or offset + length > self.size:
            if not self.whole and offset >= 0 and length >= 0:
                raise _Broken(None, what, {})
            message = f"{what} would be {length:,} bytes from byte {offset:,} on, and there are {self.size:,}"
            told: dict[str, Any] = {
                "offset": min(max(offset, 0), self.size),
                "seen": max(0, self.size - offset),
                "expected": length,
            }
            raise _Broken(self.short, message, told | place)

    def take(self, offset: int, length: int, what: str = "what is here", /, **place: Any) -> bytes:
        """``length`` bytes from ``offset`` on."""
        self.need(offset, length, what, **place)
        self.file.seek(self._start + offset)
        data = self.file.read(length)
        if len(data) < length:  # it was cut while it was looked at
            raise _Broken(self.short, f"{what} cannot be read to its end", {"offset": offset, **place})
        return data

    def numbers(self, layout: str, offset: int, what: str = "what is here") -> tuple[Any, ...]:
        """What stands at ``offset``, as ``struct`` reads it."""
        return struct.unpack(layout, self.take(offset, struct.calcsize(layout), what))

    def blocks(self, offset: int, length: int, what: str = "the data", *, size: int = BLOCK) -> Iterator[bytes]:
        """``length`` bytes from ``offset`` on, ``size`` at a time."""
        self.need(offset, length, what)
        for place in range(offset, offset + length, size):
            yield self.take(place, min(size, offset + length - place), what)


@contextmanager
def held(subject: Subject, found: Found, short: Code) -> Iterator[Held]:
    """A subject's bytes.  What is packed is unpacked into a temporary file, as far as limits and cost allow."""
    if subject.packing is None:
        with io.BufferedReader(cast("io.RawIOBase", subject.open()), 1 << 14) as file:
            yield Held(cast("BinaryIO", file), subject.size or 0, short)
        return
    with tempfile.TemporaryFile(prefix="holotype-") as spooled:
        whole = _spool(subject, found, spooled)
        yield Held(cast("BinaryIO", spooled), spooled.tell(), short, whole=whole)


@contextmanager
def held_path(subject: Subject, found: Found) -> Iterator[str | None]:
    """A path to a subject's bytes, for libraries that take nothing else; what has no path is copied for as long.
    ``None`` where cost or limits do not allow to have all of it.
    """
    if subject.packing is None and subject.path is not None:
        yield str(subject.path)
        return
    with tempfile.TemporaryDirectory(prefix="holotype-") as folder:
        path = os.path.join(folder, "file")
        with open(path, "wb") as file:
            whole = _spool(subject, found, file)
        yield path if whole else None


def _spool(subject: Subject, found: Found, file: Any) -> bool:
    """Copy it; whether that was all of it."""
    before = found.complete
    size = 0
    for block in subject.blocks(found):
        file.write(block)
        size += len(block)
    file.flush()
    return subject.cost is Cost.FULL or size < subject.limits.sample or (before and found.complete)
