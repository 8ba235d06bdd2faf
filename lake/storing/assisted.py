"""Reading with helpers: of very many small files each costs Python some steps, which one process does one at a time.

Large files this process reads itself: of them nearly all time goes into hashing and compressing, which its threads do
side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .intake import Reader, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .deputies import Deputies
    from .intake import FileRow, Intake
    from .packing import Unit

__all__ = ["Assisted"]

# After so many small files help pays: it takes half a second until it comes, in which one process reads that many.
MANY = 8192
# Fewer, of a stretch of which little is new, would make packs that are too small.
ENOUGH = 1024
# Files up to this size, in bytes, are small.
_SMALL = 128 << 10


class Assisted(Reader):
    """Has small files read by helpers when there are many, and others by ``intake``."""

    def __init__(self, intake: Intake, deputies: Deputies) -> None:
        self._intake, self._deputies = intake, deputies
        self._seen = 0
        self.ahead = intake.ahead

    def begin(
        self, unit: Unit, paths: Sequence[bytes], rows: Sequence[int], wanted: Sequence[tuple[int, int, int]]
    ) -> Reading:
        """See ``Reader``."""
        small = [at for at, (size, _, _) in enumerate(wanted) if size <= _SMALL]
        self._seen += len(small)
        if self._seen < MANY or len(small) < max(ENOUGH, len(wanted) // 2):
            return self._intake.begin(unit, paths, rows, wanted)
        if len(small) == len(wanted):
            return self._deputies.begin(unit, paths, rows, wanted)
        large = sorted(set(range(len(wanted))) - set(small))
        theirs, ours = (
            ([paths[at] for at in some], [rows[at] for at in some], [wanted[at] for at in some])
            for some in (small, large)
        )
        # Theirs first: they read while we do.
        return _Both((self._deputies.begin(unit, *theirs), self._intake.begin(unit, *ours)))

    def attributes(self, path: bytes, kind: str) -> list[tuple[bytes, bytes]] | None:
        """See ``Reader``."""
        return self._intake.attributes(path, kind)


@dataclass(frozen=True)
class _Both(Reading):
    """Files of one unit, some of them being read by others."""

    parts: tuple[Reading, ...]

    @property
    def done(self) -> bool:
        return all(part.done for part in self.parts)

    def result(self) -> dict[int, FileRow | None]:
        found: dict[int, FileRow | None] = {}
        for part in self.parts:
            found |= part.result()
        return found

    def cancel(self) -> None:
        for part in self.parts:
            part.cancel()
