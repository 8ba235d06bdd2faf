"""Whether rows of a key are unique, in bounded memory and without error: 64 bits of each are kept, on disk beyond a
limit, and rows that share them are looked at once more.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    import numpy.typing as npt
    import polars as pl

__all__ = ["Hashes", "hashes_of", "strictly_sorted"]

_PARTS = 256


class Hashes:
    """Collects 64 bits of each row and tells which of them came more than once.  ``memory``: bytes that may be held."""

    def __init__(self, *, memory: int) -> None:
        self._held: list[npt.NDArray[np.uint64]] = []
        self._size, self._memory = 0, memory
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            self._folder.cleanup()

    def add(self, hashes: npt.NDArray[np.uint64]) -> None:
        """Take those of some rows."""
        self._held.append(hashes)
        self._size += hashes.nbytes
        if self._size > self._memory:
            self._spill()

    def repeated(self) -> npt.NDArray[np.uint64]:
        """Those that came more than once, sorted."""
        if self._folder is None:
            return _repeated(self._held)
        self._spill()
        folder = Path(self._folder.name)
        return np.concatenate([_repeated([np.fromfile(folder / f"{part}", np.uint64)]) for part in range(_PARTS)])

    def _spill(self) -> None:
        """Write what is held to a file for each value of the first byte, so that equal ones come together."""
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="holotype-")
        every = np.sort(np.concatenate(self._held)) if self._held else np.empty(0, np.uint64)
        edges = np.searchsorted(every, np.arange(_PARTS, dtype=np.uint64) << np.uint64(56))
        for part, (begin, end) in enumerate(zip(edges, [*edges[1:], len(every)], strict=True)):
            with open(Path(self._folder.name) / f"{part}", "ab") as file:
                file.write(every[begin:end].tobytes())
        self._held, self._size = [], 0


def _repeated(parts: list[npt.NDArray[np.uint64]]) -> npt.NDArray[np.uint64]:
    every = np.sort(np.concatenate(parts)) if parts else np.empty(0, np.uint64)
    return np.unique(every[1:][every[1:] == every[:-1]])


def hashes_of(rows: pl.DataFrame) -> npt.NDArray[np.uint64]:
    """64 bits of each row, equal for equal rows."""
    if rows.width == 1:
        return rows.to_series().hash().to_numpy()
    return rows.hash_rows().to_numpy()


def strictly_sorted(values: pl.Series) -> bool:
    """Whether numbers or times without nulls only rise: then none stands twice."""
    if len(values) < 2:
        return True
    plain = values.to_physical()
    return bool(plain.dtype.is_numeric()) and bool((plain.slice(1) > plain.slice(0, len(plain) - 1)).all())
