"""How blocks are stored: the codecs a row of ``chunks`` may name, and their inverse.

=====================  ========================================================================================
``raw``                the bytes themselves
``zstd``               a Zstandard frame (RFC 8878) holding a Parquet page of PLAIN byte arrays: each value behind
                       its length, four bytes, little-endian
``blosc``              a Blosc 1 frame, which says itself how its elements were shuffled and compressed
``delta:<i4+blosc``    a Blosc frame of differences between neighbouring integers of that type, the first one kept
=====================  ========================================================================================

The last two are what ``numcodecs.Blosc`` and ``numcodecs.Delta`` write, byte for byte, and what any Zarr reader undoes.
Floats are differenced as the integers that share their bits: neighbours that are close have close bits, the arithmetic
wraps and loses nothing, and a NaN keeps its payload.

Everything here works on one block, releases the GIL while it does, and may be called from any thread.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from holotype.catalog import InvalidOption, ObjectDamaged

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["FILTERS", "MAXIMUM_BLOCK", "TypedCodec", "decode"]

# No writer of ours makes blocks this long; a row that says so is damaged, and must not make us ask for the memory.
MAXIMUM_BLOCK = 1 << 30

FILTERS = ("bitshuffle", "delta+bitshuffle", "delta+none", "delta+shuffle", "none", "shuffle")
_SHUFFLES = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}
_BLOSC_HEADER = 16
_DELTA = re.compile(r"delta:([<>]i[248]|\|i1)\+blosc")


@cache
def _blosc() -> Any:
    # numcodecs takes longer to import than an unchanged folder to back up.
    return import_module("numcodecs.blosc")


@dataclass(frozen=True, slots=True)
class TypedCodec:
    """How blocks of numbers are stored in a Zarr pack.

    ``dtype``: the element type in NumPy's notation, such as ``<f4``.  ``filter``: what is done to the elements before
    Zstandard sees them, one of ``FILTERS``: group their bytes by weight (``shuffle``), or their bits (``bitshuffle``),
    or do neither (``none``), and perhaps replace each by its difference to the one before (``delta+…``).
    """

    dtype: str
    filter: str = "bitshuffle"
    level: int = 1

    def __post_init__(self) -> None:
        if self.filter not in FILTERS:
            raise InvalidOption(f"{self.filter!r} is none of the filters {', '.join(FILTERS)}", option="filter")
        if self.delta and self.itemsize not in (1, 2, 4, 8):
            raise InvalidOption(f"elements of {self.itemsize} bytes cannot be subtracted", option="filter")

    @property
    def itemsize(self) -> int:
        """The size of an element in bytes."""
        return np.dtype(self.dtype).itemsize

    @property
    def delta(self) -> bool:
        """Whether neighbours are subtracted first, as integers."""
        return self.filter.startswith("delta+")

    @property
    def shuffle(self) -> str:
        """What Blosc does to the elements, in Zarr's words."""
        shuffle = self.filter.removeprefix("delta+")
        return "noshuffle" if shuffle == "none" else shuffle

    @property
    def integer(self) -> str:
        """The integer type, in NumPy's notation, that shares the elements' width and byte order."""
        return f"{'>' if self.dtype.startswith('>') else '<'}i{self.itemsize}" if self.itemsize > 1 else "|i1"

    @property
    def name(self) -> str:
        """The codec as ``chunks`` names it."""
        return f"delta:{self.integer}+blosc" if self.delta else "blosc"

    def encode(self, block: Buffer) -> bytes:
        """``block``, whole elements, as it is stored."""
        source: Any = _difference(block, self.integer) if self.delta else block
        # Blosc's own choice of inner block suits caches of its day; one stream over all of it is smaller and faster.
        encoded: bytes = _blosc().compress(
            source, b"zstd", self.level, _SHUFFLES[self.shuffle], memoryview(block).nbytes, typesize=self.itemsize
        )
        return encoded


def decode(codec: str, stored: Buffer, block: int) -> memoryview:
    """The ``block`` bytes that ``stored`` holds, as ``codec`` says.

    Raises ``ObjectDamaged`` when ``stored`` is not that, whatever is wrong with it.
    """
    view = memoryview(stored).cast("B")
    if not 0 <= block <= MAXIMUM_BLOCK:
        raise ObjectDamaged(f"a block of {block} bytes is longer than any that is written", codec=codec)
    if codec == "raw":
        decoded = view
    elif codec == "zstd":
        decoded = _decode_zstd(view, block)
    elif codec == "blosc":
        decoded = _decode_blosc(view, block)
    elif delta := _DELTA.fullmatch(codec):
        decoded = _sum(_decode_blosc(view, block), np.dtype(delta[1]))
    else:
        raise ObjectDamaged(f"there is no codec {codec!r}", codec=codec)
    if decoded.nbytes != block:
        raise ObjectDamaged(f"a block holds {decoded.nbytes} bytes, not {block}", codec=codec)
    return decoded


def _decode_zstd(stored: memoryview, block: int) -> memoryview:
    try:
        return memoryview(pa.decompress(stored, block, "zstd", memory_pool=pa.system_memory_pool())).cast("B")
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ObjectDamaged(f"a block is no longer valid Zstandard data: {error}", codec="zstd") from error


def _decode_blosc(stored: memoryview, block: int) -> memoryview:
    size = stored.nbytes
    declared = [int.from_bytes(stored[at : at + 4], "little") for at in (4, 12)] if size >= _BLOSC_HEADER else None
    if declared != [block, size]:
        raise ObjectDamaged("a block no longer begins with the Blosc header that was written", codec="blosc")
    decoded: Any = np.empty(block, np.uint8)
    try:
        _blosc().decompress(stored, decoded)
    except (RuntimeError, ValueError) as error:
        raise ObjectDamaged(f"a block is no longer valid Blosc data: {error}", codec="blosc") from error
    return memoryview(decoded)


def _difference(block: Buffer, integer: str) -> np.ndarray[Any, Any]:
    values: np.ndarray[Any, Any] = np.frombuffer(memoryview(block), integer)
    result = np.empty_like(values)
    result[:1] = values[:1]
    np.subtract(values[1:], values[:-1], out=result[1:])
    return result


def _sum(decoded: memoryview, dtype: np.dtype[Any]) -> memoryview:
    if decoded.nbytes % dtype.itemsize:
        raise ObjectDamaged(f"a block of {decoded.nbytes} bytes does not hold {dtype.str}", codec=f"delta:{dtype.str}")
    values: np.ndarray[Any, Any] = np.frombuffer(decoded, dtype)
    if dtype.itemsize < 4:
        # NumPy adds up short integers several times slower than these, which wrap to the same.
        wide = values.astype(np.int32)
        values[:] = np.add.accumulate(wide, out=wide)
    else:
        np.add.accumulate(values, out=values)
    return decoded
