"""Having what was written on disk, so that a power cut takes nothing back that the journal says is there."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["settle", "settle_folder"]


def settle(path: str | os.PathLike[str]) -> None:
    """Return when a file's content is on disk.  Raises ``OSError``."""
    if hasattr(os, "O_DIRECTORY"):
        _synced(os.open(path, os.O_RDONLY))
    else:
        # Windows writes back only for who may write; of others the system does it in its time.
        with suppress(PermissionError), Path(path).open("r+b") as file:
            os.fsync(file.fileno())


def settle_folder(path: str | os.PathLike[str]) -> None:
    """Return when the names in a folder are on disk.  Raises ``OSError``."""
    if hasattr(os, "O_DIRECTORY"):
        _synced(os.open(path, os.O_RDONLY | os.O_DIRECTORY))


def _synced(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
