"""What a site remembers between runs, in files of SQLite that threads and processes share."""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype.catalog import StorageFailed

if TYPE_CHECKING:
    import os

__all__ = ["Memory"]

# Seconds to wait for another process that writes, and between two attempts.
_PATIENCE, _AGAIN = 60, 0.01
_TAKEN = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


class Memory:
    """One file, with the ``tables`` that are made when it is new.  All raise ``StorageFailed``.

    What is lost in a power cut is only worked out again, unless it is told to be ``lasting``.
    """

    def __init__(self, path: str | os.PathLike[str], *tables: str) -> None:
        self._path, self._lock = Path(path), threading.Lock()
        folder = self._path.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageFailed(f"{folder} cannot be made: {error.strerror}", path=str(folder)) from error
        try:
            self._base = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False, isolation_level=None)
            self._patiently("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=OFF")
            for table in tables:
                self._patiently(f"CREATE TABLE IF NOT EXISTS {table}")
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def _patiently(self, said: str) -> None:
        """Have something done that waits for nobody by itself: where several make the file anew at once."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._base.execute(said)
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in _TAKEN or time.monotonic() > deadline:
                    raise
            time.sleep(_AGAIN)

    def ask(self, question: str, *values: Any) -> Any:
        """The first row of an answer, or nothing."""
        with self._lock:
            try:
                return self._base.execute(question, values).fetchone()
            except sqlite3.Error as error:
                raise self._failed(error) from error

    def tell(self, said: str, *values: Any, lasting: bool = False) -> None:
        """Have something written down."""
        with self._lock:
            try:
                if lasting:
                    self._base.execute("PRAGMA synchronous=FULL")
                self._base.execute(said, values)
                if lasting:
                    self._base.execute("PRAGMA synchronous=OFF")
            except sqlite3.Error as error:
                raise self._failed(error) from error

    def close(self) -> None:
        """Leave it."""
        with self._lock:
            self._base.close()

    def _failed(self, error: sqlite3.Error) -> StorageFailed:
        return StorageFailed(f"{self._path}: {error}", path=str(self._path))
