"""Whether something has been there before, in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..limits import Limits

__all__ = ["Once"]

# Bytes that Python takes for a number and the number it leads to.
_EACH = 160


class Once:
    """Names, and the line at which each stood first.

    They are kept as hashes of 64 bits.  When there are more than memory allows, those with the lowest bit zero are kept
    on, then those with the lowest two, and so on; of these all are found, of others none.  ``share`` says how many.
    """

    def __init__(self, limits: Limits) -> None:
        self._most = max(1, limits.memory // _EACH)
        self._lines: dict[int, int] = {}
        self._mask = 0

    @property
    def share(self) -> float:
        """The share of names that are kept."""
        return 1 / (self._mask + 1)

    def before(self, name: bytes, line: int) -> int | None:
        """The line at which the same name stood first, ``None`` when it is this one."""
        number = hash(name)
        if number & self._mask:
            return None
        first = self._lines.setdefault(number, line)
        if len(self._lines) > self._most:
            self._mask = 2 * self._mask + 1
            self._lines = {each: at for each, at in self._lines.items() if not each & self._mask}
        return None if first == line else first
