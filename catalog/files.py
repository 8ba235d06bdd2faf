"""Segments as local files for readers that want paths (DuckDB, Polars), each verified once before its path is given
out.

On a local store the object's own file is used; from any other the verified bytes are spooled to a private folder, which
is removed when the process ends: frames and relations made from it may outlive the catalog.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from .errors import StorageFull

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .log import Segment
    from .segments import SegmentReader
    from .stores.base import ObjectStore

__all__ = ["SegmentFiles", "scratch"]

_THREADS = 4


@cache
def scratch() -> Path:
    """This process's private folder for temporary files.  Raises ``OSError``."""
    folder = tempfile.mkdtemp(prefix="holotype-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


class SegmentFiles:
    """Paths of verified segments."""

    def __init__(self, store: ObjectStore, reader: SegmentReader) -> None:
        self._store = store
        self._reader = reader
        self._paths: dict[str, str] = {}
        self._lock = threading.Lock()

    def paths(self, segments: Sequence[Segment]) -> list[str]:
        """The files of ``segments``.

        Raises ``ObjectMissing``, ``ObjectDamaged``, ``StorageFull`` for want of a temporary file, or what the store
        raises.
        """
        new = [segment for segment in segments if segment.key not in self._paths]
        if len(new) > 2 and self._store.waits:
            with ThreadPoolExecutor(_THREADS) as pool:
                found = list(pool.map(self._file, new))
        else:
            found = [self._file(segment) for segment in new]
        with self._lock:
            self._paths.update(zip((segment.key for segment in new), found, strict=True))
        return [self._paths[segment.key] for segment in segments]

    def _file(self, segment: Segment) -> str:
        if (own := self._reader.verified_path(segment)) is not None:
            return str(own)
        data = self._reader.bytes(segment)
        try:
            with tempfile.NamedTemporaryFile(
                "wb", dir=scratch(), prefix=f"{segment.seen}-", suffix=PurePosixPath(segment.key).suffix, delete=False
            ) as file:
                file.write(data)
                return file.name
        except OSError as error:
            raise StorageFull(
                f"the segment {segment.key} is read by way of a temporary file, and none can be written:"
                f" {error.strerror}; make room, or set TMPDIR to where there is some",
                key=segment.key,
            ) from error
