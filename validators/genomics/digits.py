"""Whole numbers in text, all of a block at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Numbers = npt.NDArray[np.int64]
    Words = npt.NDArray[np.uint64]

__all__ = ["whole_numbers"]

_EIGHT = np.uint64(8)
_ZEROS, _OVER = np.uint64(0x3030303030303030), np.uint64(0x7676767676767676)
_HIGH = np.uint64(0x8080808080808080)
# Digits become pairs, pairs become fours, and fours eight: by which to multiply, what to keep before, how far to move.
_STEPS = tuple(
    (np.uint64(times), np.uint64(kept), np.uint64(moved))
    for times, kept, moved in (
        (10 * 256 + 1, 0x0F0F0F0F0F0F0F0F, 8),
        (100 * 65536 + 1, 0x00FF00FF00FF00FF, 16),
        (10000 * (1 << 32) + 1, 0x0000FFFF0000FFFF, 32),
    )
)


def whole_numbers(
    data: bytes, starts: Numbers, ends: Numbers, *, digits: int = 18
) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """What stands from ``starts`` to ``ends`` (of any shape) as numbers without a sign, 0 for what is none; and where
    one is, of at least one and at most so many digits, which may be 18.
    """
    length = ends - starts
    good = (length > 0) & (length <= digits)
    values, plain = _eight(data, starts, np.where(good, np.minimum(length, 8), 0))
    good &= plain
    longer = good & (length > 8)
    if longer.any():
        begin, size = starts[longer], length[longer]
        values[longer], good[longer] = _longer(data, begin, size, values[longer])
    values[~good] = 0
    return values, good


def _longer(data: bytes, starts: Numbers, length: Numbers, first: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Numbers of more than eight digits, of which ``first`` are the first eight."""
    middle = np.minimum(length - 8, 8)
    values, good = _eight(data, starts + 8, middle)
    values += first * _POWERS[middle]
    rest = length - 8 - middle
    if rest.any():
        last, plain = _eight(data, starts + 16, rest)
        good &= plain
        values = values * _POWERS[rest] + last
    return values, good


_POWERS = 10 ** np.arange(9, dtype=np.int64)


def _eight(data: bytes, starts: Numbers, length: Numbers) -> tuple[Numbers, npt.NDArray[np.bool_]]:
    """Numbers of at most eight digits, which are looked at as one word; none at all is 0, and sound."""
    if len(data) < 8:
        data = data + bytes(8)
    words: npt.NDArray[Any] = np.ndarray((len(data) - 7,), "<u8", buffer=data, strides=(1,))
    at = np.clip(starts, 0, len(words) - 1)
    found: Words = words[at]
    late = starts - at
    if late.any():  # within the last eight bytes
        found >>= np.minimum(late * 8, 56).astype(np.uint64)
    found ^= _ZEROS
    # What follows the digits goes, and zeros come before them: a shift by 64 is none, hence two.
    shift = (np.uint64(4) * (_EIGHT - length.astype(np.uint64))).astype(np.uint64)
    found <<= shift
    found <<= shift
    good = ((found + _OVER) | found) & _HIGH == 0
    for times, kept, moved in _STEPS:
        found &= kept
        found *= times
        found >>= moved
    return found.view(np.int64), good
