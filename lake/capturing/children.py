"""What forked children hear, told to the parent through a file: one line for each thing, written at once.

Workers of ``multiprocessing`` and of PyTorch's loaders end without running anything, so each thing is written when it
happens.  The file is opened anew each time: a child may close all that it inherited, and its numbers then mean other
files.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Spool"]


class Spool:
    """The file, in the temporary folder, for one block.  ``telling``: whether this process is a child."""

    def __init__(self) -> None:
        descriptor, self._path = tempfile.mkstemp(prefix="holotype-heard-")
        os.close(descriptor)
        self._read = 0
        self.telling = False

    def begin(self) -> None:
        """This process is a child now."""
        self.telling = True

    def tell(self, what: str, values: list[object]) -> None:
        """Write one line; where the parent's block is over, nobody wants it."""
        line = json.dumps([time.time_ns(), what, values]).encode() + b"\n"
        with contextlib.suppress(FileNotFoundError):
            # Appending is one step for all writers.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)

    def told(self) -> Iterator[tuple[str, int, list[object]]]:
        """What came since the last time: what it is, when, and its values."""
        try:
            if os.stat(self._path).st_size == self._read:
                return
            with open(self._path, "rb") as file:
                file.seek(self._read)
                lines = file.read()
        except FileNotFoundError:  # somebody has cleared the temporary folder
            return
        # A child may be killed as it writes, or be writing now.
        lines = lines[: lines.rfind(b"\n") + 1]
        self._read += len(lines)
        for now_ns, what, values in sorted(map(json.loads, lines.splitlines()), key=lambda line: line[0]):
            yield what, now_ns, values

    def close(self) -> None:
        """The block is over; a child leaves the file to its parent."""
        if not self.telling:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._path)
