"""Delimited text that is no UTF-8: whether it is text of one other encoding throughout, or no text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..streams.lines import Lines

__all__ = ["Encoded", "Wrong"]

# Bytes that stand for nothing in Windows-1252, or that no text has but a form feed.
_NEVER = re.compile(rb"[\0-\x08\x0b\x0e-\x1f\x7f\x81\x8d\x8f\x90\x9d]")
_ASCII = bytes(range(128))
# A letter beyond ASCII in UTF-8; in text of another encoding these bytes hardly ever follow one another.
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_KEPT = 100
# Signs that stand in headers and values of laboratories as often as letters do.
_SIGNS = frozenset("µ°±²³€–—‘’“”…·×÷©®™£§½¼¾\xa0")
_MEANT = bytes(
    byte
    for byte in range(128, 256)
    for each in bytes([byte]).decode("cp1252", "ignore")
    if each.isalpha() or each in _SIGNS
)


@dataclass(frozen=True)
class Wrong:
    """A line that is no UTF-8, where its first such byte stands in it, and what is around that."""

    line: int
    offset: int
    place: int
    seen: bytes
    letter: str


class Encoded:
    """Remembers from block to block which lines are no UTF-8.

    ``first`` and ``wrong``: the first of them, and the first hundred; ``count``: how many there are.
    """

    def __init__(self) -> None:
        self.wrong: list[Wrong] = []
        self.count = 0
        self._utf8 = self._binary = False
        self._high = self._letters = self._words = 0

    def see(self, lines: Lines) -> None:
        """A block with bytes beyond ASCII."""
        try:
            lines.data.decode("utf-8")
        except UnicodeDecodeError:
            pass
        else:
            self._utf8 = True
            return
        beyond = lines.array >= 128
        rows = np.searchsorted(lines.ends, np.flatnonzero(beyond))
        rows = rows[np.diff(rows, prepend=-1) > 0]
        if _UTF8.search(lines.data):  # some of these lines may be UTF-8
            wrong = [row for row in rows.tolist() if _first_wrong(lines[row]) is not None]
            self._utf8 |= len(wrong) < len(rows)
        else:
            wrong = rows.tolist()
        self.count += len(wrong)
        for row in wrong[: _KEPT - len(self.wrong)]:
            self.wrong.append(_wrong(lines, row))
        high = lines.data.translate(None, _ASCII)
        self._high += len(high)
        self._letters += len(high) - len(high.translate(None, _MEANT))
        self._words += int(np.count_nonzero(beyond[2:] & beyond[1:-1] & beyond[:-2]))
        self._binary |= _NEVER.search(lines.data) is not None

    @property
    def first(self) -> Wrong | None:
        """The first line that is no UTF-8."""
        return self.wrong[0] if self.wrong else None

    @property
    def likely(self) -> str | None:
        """The encoding that all of it is likely in; ``None`` where lines are of several, or are no text."""
        if not self.count or self._utf8 or self._binary or self._letters < 0.9 * self._high:
            return None
        return "windows-1251, or of another script" if self._words > self.count / 2 else "windows-1252"


def _first_wrong(text: bytes) -> int | None:
    """The place of the first byte that is no UTF-8."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start
    return None


def _wrong(lines: Lines, row: int) -> Wrong:
    text = lines[row]
    at = _first_wrong(text) or 0
    letter = text[at : at + 1].decode("cp1252", "replace")
    return Wrong(lines.number(row), lines.place(row), at, text[max(0, at - 20) : at + 20], letter)
