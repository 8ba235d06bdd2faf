"""Delimited text that is no UTF-8: whether it is text of one other encoding throughout, or no text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..streams.lines import Lines

__all__ = ["Encoded", "Wrong"]

# Bytes that stand for nothing in Windows-1252, or that no text has but a form feed.
_NEVER = re.compile(rb"[\0-\x08\x0b\x0e-\x1f\x7f\x81\x8d\x8f\x90\x9d]")
_HIGH = re.compile(rb"[\x80-\xff]")
_WORD = re.compile(rb"[\x80-\xff]{3}")
_KEPT = 100
# Signs that stand in headers and values of laboratories as often as letters do.
_SIGNS = frozenset("µ°±²³€–—‘’“”…·×÷©®™£§½¼¾\xa0")


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
            for index in range(len(lines)):
                if not (text := lines[index]).isascii():
                    self._line(lines, index, text)
        else:
            self._utf8 = True

    def _line(self, lines: Lines, index: int, text: bytes) -> None:
        try:
            text.decode("utf-8")
        except UnicodeDecodeError as error:
            self.count += 1
            at = error.start
        else:
            self._utf8 = True
            return
        if len(self.wrong) < _KEPT:
            letter = text[at : at + 1].decode("cp1252", "replace")
            self.wrong.append(
                Wrong(lines.number(index), lines.place(index), at, text[max(0, at - 20) : at + 20], letter)
            )
        if self._utf8 or self._binary:
            return
        self._binary = _NEVER.search(text.rstrip(b"\r")) is not None
        high = b"".join(_HIGH.findall(text)).decode("cp1252", "replace")
        self._high += len(high)
        self._letters += sum(each.isalpha() or each in _SIGNS for each in high)
        self._words += _WORD.search(text) is not None

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
