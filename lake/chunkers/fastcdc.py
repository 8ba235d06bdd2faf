"""Content-defined chunking with FastCDC.

A rolling *gear* hash looks at the last bytes before each position; where its masked bits are all zero a chunk ends.  So
cuts follow content: bytes inserted into a file move the cuts behind them along, and all chunks but those they touch are
found again.  *Normalised* chunking (a stricter mask before the average size, a looser one behind it) narrows the spread
of sizes.  W. Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication Based Storage Systems",
IEEE TPDS 31(9), 2020; the gear table and masks are those of ``pyfastcdc`` 0.3, and of the Rust crate ``fastcdc``
(2020 variant), which makes the same cuts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyfastcdc import FastCDC as _FastCDC

from holotype.catalog import InvalidOption

from .base import Chunker

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = ["AVERAGE", "MAXIMUM", "MINIMUM", "FastCDC"]

# About 1 MiB: an edit costs about one chunk, and a terabyte stays at a million rows in the catalog.
MINIMUM, AVERAGE, MAXIMUM = 256 << 10, 1 << 20, 4 << 20

# What pyfastcdc accepts.
_LIMITS = {"min_bytes": (64, 1 << 20), "average_bytes": (256, 4 << 20), "max_bytes": (1024, 16 << 20)}


class FastCDC(Chunker):
    """FastCDC with chunk sizes in bytes; a stretch of at most ``min_bytes`` is one chunk.

    The sizes are part of what an archive is: with others, the same bytes are other chunks.
    Raises ``InvalidOption`` for sizes that are out of range or out of order.
    """

    def __init__(self, *, min_bytes: int = MINIMUM, average_bytes: int = AVERAGE, max_bytes: int = MAXIMUM) -> None:
        sizes = {"min_bytes": min_bytes, "average_bytes": average_bytes, "max_bytes": max_bytes}
        for name, (least, most) in _LIMITS.items():
            if not least <= sizes[name] <= most:
                raise InvalidOption(f"{name} is {sizes[name]}; it must be from {least} to {most}", option=name)
        if not min_bytes <= average_bytes <= max_bytes:
            raise InvalidOption(
                f"average_bytes is {average_bytes}; it must be from {min_bytes} to {max_bytes}, the other sizes",
                option="average_bytes",
            )
        self._sizes = min_bytes, average_bytes, max_bytes
        self._cutter = _FastCDC(average_bytes, min_size=min_bytes, max_size=max_bytes)

    def __reduce__(self) -> tuple[object, ...]:
        return _again, self._sizes

    @property
    def minimum(self) -> int:
        """No chunk but the last of a stretch is shorter, in bytes."""
        return self._sizes[0]

    @property
    def average(self) -> int:
        """The size that chunks are drawn towards, in bytes."""
        return self._sizes[1]

    @property
    def maximum(self) -> int:
        """The longest chunk it makes, in bytes."""
        return self._sizes[2]

    def cuts(self, data: Buffer, *, final: bool) -> list[int]:
        """Where the chunks end (see ``Chunker.cuts``).

        Give it buffers of several times ``maximum``: what follows the last cut is looked at again in the next call.
        """
        view = memoryview(data)
        size = view.nbytes
        if size <= self.minimum:
            return [size] if size and (final or size == self.maximum) else []
        ends = [chunk.offset + chunk.length for chunk in self._cutter.cut_buf(view)]
        # A chunk that ends with the buffer ends there for want of bytes, unless it is as long as a chunk may be:
        # a cut that content asks for lies before at least one more byte.
        if not final and size - (ends[-2] if len(ends) > 1 else 0) < self.maximum:
            ends.pop()
        return ends


def _again(min_bytes: int, average_bytes: int, max_bytes: int) -> FastCDC:
    return FastCDC(min_bytes=min_bytes, average_bytes=average_bytes, max_bytes=max_bytes)
