"""Numbers that stand for pieces of a block's text, all worked out at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.int64]

__all__ = ["HASHED", "hashes"]

HASHED = 256
"""So many bytes of a piece count."""

_KEPT = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
_TIMES, _MOVED = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)


def hashes(data: bytes, starts: Numbers, ends: Numbers) -> npt.NDArray[np.uint64]:
    """Numbers that are equal where pieces are: their first ``HASHED`` bytes, and their length."""
    length = ends - starts
    found: npt.NDArray[np.uint64] = length.astype(np.uint64)
    if len(data) < 8:
        data = data + bytes(8)
    words: npt.NDArray[Any] = np.ndarray((len(data) - 7,), "<u8", buffer=data, strides=(1,))
    for place in range(0, min(int(length.max(initial=0)), HASHED), 8):
        at = starts + place
        late = np.maximum(at - (len(words) - 1), 0)
        word = words[at - late]
        if late.any():  # within the last eight bytes
            word >>= np.minimum(late * 8, 56).astype(np.uint64)
        word &= _KEPT[np.clip(length - place, 0, 8)]
        found = (found ^ word) * _TIMES
        found ^= found >> _MOVED
    return found
