"""Which of many names are most like a given one, quickly: pairs of letters are counted for all names at once, and only
the few that share most of them are compared letter by letter.
"""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Near"]

_BUCKETS = 128
_COMPARED = 40
_LONGEST = 200  # letters of a name that are looked at
_LEAST = 0.6  # below this likeness two words look alike to nobody


class Near:
    """``names``: to choose from."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names: list[str] = list(names)
        self._pairs = _pairs_of([_plain(name) for name in self._names])
        self._totals = self._pairs.sum(axis=1, dtype=np.int32)

    def to(self, written: str, *, most: int) -> list[str]:
        """The names most like what is written, the most like first; none where none is."""
        if not self._names:
            return []
        plain = _plain(written)
        mine = _pairs_of([plain])[0]
        shared = np.minimum(self._pairs, mine).sum(axis=1, dtype=np.int32)
        likeness = 2.0 * shared / np.maximum(self._totals + int(mine.sum()), 1)
        few = np.argpartition(-likeness, min(_COMPARED, len(likeness) - 1))[:_COMPARED]
        matcher = SequenceMatcher(autojunk=False)
        matcher.set_seq2(plain)
        found: list[tuple[float, str]] = []
        for index in few.tolist():
            matcher.set_seq1(_plain(self._names[index]))
            if matcher.real_quick_ratio() >= _LEAST and (ratio := matcher.ratio()) >= _LEAST:
                found.append((-ratio, self._names[index]))
        return [name for _, name in sorted(found)[:most]]


def _plain(written: str) -> str:
    return written.casefold()[:_LONGEST]


def _pairs_of(names: Sequence[str]) -> npt.NDArray[np.uint8]:
    """How often each pair of letters is in each name, pairs that share a bucket together; shape (names, buckets)."""
    counts = np.zeros(len(names) * _BUCKETS, np.uint8)
    for begin in range(0, len(names), 1 << 14):
        encoded = [f" {name} ".encode("utf-8", "replace") for name in names[begin : begin + (1 << 14)]]
        text = np.frombuffer(b"".join(encoded), np.uint8).astype(np.int64)
        rows = np.repeat(np.arange(len(encoded)), [len(each) for each in encoded])
        buckets = (text[:-1] * 31 + text[1:] * 17) % _BUCKETS
        within = rows[:-1] == rows[1:]
        cells = rows[:-1][within] * _BUCKETS + buckets[within]
        part = np.bincount(cells, minlength=len(encoded) * _BUCKETS)
        counts[begin * _BUCKETS : begin * _BUCKETS + len(part)] = np.minimum(part, 255)
    return counts.reshape(len(names), _BUCKETS)
