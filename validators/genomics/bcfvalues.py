"""Typed values of BCF 2: read from bytes that need not be what they say (VCF 4.3, 6.3.3).

A value begins with a byte of its type and its length; a length of 15 is followed by the true one, a typed whole number.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np

__all__ = ["CHARACTER", "FLOAT", "INTEGERS", "Malformed", "Values", "numbers"]

INTEGERS = {1: 1, 2: 2, 3: 4}
FLOAT, CHARACTER = 5, 7
_SIZES = {0: 0, **INTEGERS, FLOAT: 4, CHARACTER: 1}
_DTYPES = {1: "<i1", 2: "<i2", 3: "<i4", FLOAT: "<f4"}


class Malformed(Exception):
    """What is in the bytes cannot be read on; the message says why, ``offset`` where in the record."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass
class Values:
    """Reads the values of one record, or of one part of it, one after the other."""

    data: bytes
    place: int = 0

    @property
    def left(self) -> int:
        """Bytes that have not been read."""
        return len(self.data) - self.place

    def take(self, size: int) -> bytes:
        """So many bytes; raises ``Malformed`` where there are fewer."""
        if size > self.left:
            raise Malformed(f"a value has {size:,} bytes, and {self.left:,} are left", self.place)
        self.place += size
        return self.data[self.place - size : self.place]

    def descriptor(self) -> tuple[int, int]:
        """A type and how many values of it there are."""
        start = self.place
        byte = self.take(1)[0]
        kind, length = byte & 15, byte >> 4
        if kind not in _SIZES:
            raise Malformed(f"there is no type {kind}", start)
        if length == 15:
            inner, count = self.descriptor()
            if inner not in INTEGERS or count != 1:
                raise Malformed("a length is no whole number", start)
            length = int.from_bytes(self.take(INTEGERS[inner]), "little", signed=True)
            if length < 0:
                raise Malformed(f"a length is {length}", start)
        return kind, length

    def value(self) -> tuple[int, int, bytes]:
        """A value: its type, its length and its bytes."""
        kind, length = self.descriptor()
        return kind, length, self.take(length * _SIZES[kind])

    def block(self, samples: int) -> tuple[int, int, bytes]:
        """A value for each sample: the type, how many of it each has, and all bytes."""
        kind, length = self.descriptor()
        return kind, length, self.take(length * _SIZES[kind] * samples)

    def integer(self, what: str) -> int:
        """One whole number, the place of a word in the dictionary."""
        start = self.place
        kind, length, data = self.value()
        if kind not in INTEGERS or length != 1:
            raise Malformed(f"{what} is no whole number", start)
        return int.from_bytes(data, "little", signed=True)

    def text(self, what: str) -> bytes:
        """A string; a missing one is empty."""
        start = self.place
        kind, length, data = self.value()
        if kind != CHARACTER and (kind or length):
            raise Malformed(f"{what} is no string", start)
        return data


def numbers(kind: int, data: bytes) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], int]:
    """Whole numbers, and how many of them are reserved ones that mean nothing; missing ones are -1 below the least
    legal one, ends of vectors -2.
    """
    array = np.frombuffer(data, _DTYPES[kind]).astype(np.int64)
    least = -(1 << (8 * INTEGERS[kind] - 1))
    reserved = int(np.count_nonzero((array > least + 1) & (array < least + 8)))
    return np.where(array == least, MISSING, np.where(array == least + 1, END, array)), reserved


MISSING, END = -(1 << 40), -(1 << 41)
"""What stands for a missing number, and for the end of a vector that is shorter than others."""


def floats(
    data: bytes,
) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.bool_]], np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]:
    """Which numbers are missing, and which stand for the end of a vector."""
    bits = np.frombuffer(data, "<u4")
    return bits == 0x7F800001, bits == 0x7F800002


def header_of(data: bytes) -> tuple[int, ...]:
    """The fixed fields of a record: contig, place, length, quality's bits, keys of INFO, alleles, samples, keys of
    FORMAT.
    """
    chrom, pos, rlen, qual, n_info, n_allele, rest = struct.unpack("<iiiIHHI", data[:24])
    return chrom, pos, rlen, qual, n_info, n_allele, rest & 0xFFFFFF, rest >> 24
