"""What is looked at: a file, something that reads like one, a folder that is one thing, or a dataframe."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from .check import Cost
from .errors import InvalidChoice, SubjectNotFound
from .formats.identify import HEAD, Identified, identify, named
from .formats.known import FORMATS, PACKED
from .lazily import once
from .limits import Limits
from .streams.lines import lines_of
from .streams.packed import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .found import Found
    from .streams.lines import Lines

__all__ = ["Subject"]

_BLOCK = 1 << 20
_KEPT = 31 << 20
_MARKS = {"zarr.json": "zarr", ".zarray": "zarr", ".zgroup": "zarr"}


class Subject:
    """One thing to look at.

    ``what``: a path, a binary file object that can seek, or a dataframe (polars, pandas, pyarrow).  ``name``: what the
    report calls it.  ``format``: of a file, where the caller knows better.  ``cost``: how much may be looked at.
    """

    def __init__(
        self,
        what: Any,
        *,
        name: str | None = None,
        format: str | None = None,
        cost: Cost = Cost.FULL,
        limits: Limits | None = None,
    ) -> None:
        self.cost, self.limits = cost, limits or Limits()
        self.path: Path | None = None
        self.table: Any = None
        self._file: BinaryIO | None = None
        if isinstance(what, (str, os.PathLike)):
            self.path = Path(os.fsdecode(what))
            if not _is_there(self.path):
                raise SubjectNotFound(f"there is nothing at {self.path}", path=str(self.path))
        elif hasattr(what, "read") and hasattr(what, "seek"):
            self._file = _binary(what)
        elif hasattr(type(what), "columns"):  # asking a lazy frame itself would have it work them out
            self.table = what
        else:
            raise InvalidChoice(f"{type(what).__name__} is no path, no file that can seek, and no dataframe")
        self.name = name or self._own_name()
        if format is not None and format not in FORMATS:
            raise InvalidChoice(f"there is no format {format!r}; there are {', '.join(FORMATS)}", format=format)
        self._format = format
        self.read_through = False
        """Whether somebody has read it to its end, or as far as that can be done: what its packing says of itself was
        then judged."""

    def _own_name(self) -> str:
        if self.table is not None:
            return "table"
        return str(self.path) if self.path is not None else str(getattr(self._file, "name", ""))

    def forget(self) -> None:
        """Let go of what was read: whoever looks at a million files keeps one beginning at most."""
        self.__dict__.pop("head", None)

    @property
    def folder(self) -> bool:
        """Whether it is a folder."""
        return self.path is not None and os.path.isdir(self.path)

    @once
    def size(self) -> int | None:
        """Its bytes, ``None`` for a folder or a dataframe."""
        if self.path is not None:
            return None if self.folder else self.path.stat().st_size
        if self._file is not None:
            return self._file.seek(0, os.SEEK_END)
        return None

    def open(self) -> BinaryIO:
        """Its bytes as they lie, from the beginning; to be closed, which leaves a file object of the caller's open.

        Raises ``OSError``, also for what is no file: to open a pipe is to wait for who writes to it.
        """
        if self.path is not None:
            mode = os.stat(self.path).st_mode
            if not stat.S_ISREG(mode):
                kind = errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL
                raise OSError(kind, "it is no file that has bytes of its own", str(self.path))
            return open(self.path, "rb", buffering=0)
        if self._file is None:
            raise InvalidChoice(f"{self.name} has no bytes")
        self._file.seek(0)
        return cast("BinaryIO", _Borrowed(self._file))

    @once
    def head(self) -> bytes:
        """Its first ``HEAD`` bytes as they lie.  Raises ``OSError``."""
        with self.open() as file:
            return _read(file, HEAD)

    @once
    def identified(self) -> Identified:
        """What it is; raises ``OSError``."""
        if self.table is not None:
            return Identified("table", by="content")
        if self.folder:
            assert self.path is not None
            found = next((kind for mark, kind in _MARKS.items() if (self.path / mark).is_file()), None)
            claimed = named(self.name)
            return Identified(
                found or self._format or (claimed if claimed == "zarr" else None), None, claimed, "content"
            )
        told = identify(self.head, self.name)
        if self._format is None:
            return told
        # Where nobody but the caller knows what is inside, the packing is all that was found.
        packing = told.packing or (told.format if told.format in PACKED else None)
        return Identified(self._format, None if self._format in PACKED else packing, told.claimed, "name")

    @property
    def format(self) -> str | None:
        """The name of its format."""
        return self.identified.format

    @property
    def packing(self) -> str | None:
        """What it is packed in."""
        return self.identified.packing

    def blocks(self, found: Found) -> Iterator[bytes]:
        """Its bytes, unpacked, about a megabyte at a time: all of them, or a sample of the beginning where no more is
        asked for, which of text ends with a line (``found.complete`` is then false, so that a record which goes on
        after it is not taken for cut off).  What is wrong with the packing is told to ``found``.
        """
        left = self.limits.sample if self.cost is not Cost.FULL else None
        _keep_memory()
        with self.open() as file:
            packing = self.packing
            parts = _plain(file) if packing is None else unpacked(file, packing, found, limits=self.limits)
            for block in parts:
                if left is not None and len(block) >= left:
                    found.partly()
                    yield block[: block.rfind(b"\n", 0, left) + 1 or left] if self._is_text else block[:left]
                    return
                left = None if left is None else left - len(block)
                yield block
        self.read_through = True

    @property
    def _is_text(self) -> bool:
        known = FORMATS.get(self.format or "")
        return known is not None and known.text

    def lines(self, found: Found) -> Iterator[Lines]:
        """The same, as whole lines."""
        return lines_of(self.blocks(found), found, limits=self.limits)


def _is_there(path: Path) -> bool:
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # no path has a NUL
        return False
    except OSError:
        return True  # whoever opens it is told why that cannot be
    return True


def _binary(file: Any) -> BinaryIO:
    if getattr(file, "closed", False):
        raise InvalidChoice(f"{file!r} is closed")
    if isinstance(file, io.TextIOBase):
        raise InvalidChoice(f"{file!r} was opened as text; bytes are looked at")
    return cast("BinaryIO", file)


def _plain(file: BinaryIO) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _keep_memory() -> None:
    """Have the C library keep what is given back, up to some tens of megabytes, for what is asked for next.

    Arrays of a block's size come and go with each block; Linux's C library would return them to the system each time
    and have every page made again, a fifth of the time there is.  It learns from the largest piece given back, of
    32 MiB at most, that such pieces come and go.  This one is never touched, and takes no memory.
    """
    np.empty(_KEPT, np.uint8)


def _read(file: BinaryIO, size: int) -> bytes:
    parts: list[bytes] = []
    while size and (part := file.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class _Borrowed(io.RawIOBase):
    """Somebody's file, which stays open."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
