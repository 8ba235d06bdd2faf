"""A folder in a restore's target for those who help to fill it: there as long as they are wanted.

    target/.holotype-3f9c…/     made before the first batch is handed out, gone when the restore is over
        17                      batch 17 was begun, and is wanted
        5be1…                   a file that is to replace what an earlier worker left half made

**Who sees it sees the target.**  Its name is random, so that a folder of the same path on another machine, which may
well have the same number there, has none.

**A batch knows that it was begun before**, whoever had it done again: the driver, or an executor by itself.  Only then
may a file that is there already be a worker's who died, and be replaced.
"""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import dataclass

from holotype.catalog import TargetRefused, long_path

from ..context import host_here
from ..tree.paths import shown
from .targets import stopped

__all__ = ["Workshop"]

_MARK = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)


@dataclass(frozen=True)
class Workshop:
    """The folder ``name`` in the folder ``target``, an absolute path; ``host``: the machine of whoever made it."""

    target: bytes
    name: bytes
    host: str

    @staticmethod
    def make(target: bytes) -> Workshop:
        """A new one.  Raises ``StorageFull``, ``StorageDenied`` or ``StorageFailed``."""
        made = Workshop(target, b".holotype-" + secrets.token_hex(16).encode(), host_here())
        try:
            os.mkdir(made._path, 0o700)
        except OSError as error:
            raise stopped(target, error) from error
        return made

    @property
    def _path(self) -> bytes:
        return os.path.join(long_path(self.target), self.name)

    def begin(self, batch: int) -> bool:
        """Say that a batch is begun; whether it was before.

        Raises ``TargetRefused`` where the target is not the one that the restore began with, or the restore is over.
        """
        try:
            os.close(os.open(self._mark(batch), _MARK, 0o600))
        except FileExistsError:
            return True
        except (FileNotFoundError, NotADirectoryError) as error:
            raise TargetRefused(
                f"a worker on {host_here()} does not see the folder {shown(self.target)!r} of {self.host}, or too late:"
                " workers need a target that they share",
                path=shown(self.target),
            ) from error
        except OSError as error:
            raise stopped(self.target, error) from error
        return False

    def check(self, batch: int) -> None:
        """Raise ``TargetRefused`` when a batch that was begun is not wanted any more."""
        try:
            os.stat(self._mark(batch))
        except FileNotFoundError:
            where = shown(self.target)
            raise TargetRefused(f"the restore into {where!r} is over, or goes on without this", path=where) from None
        except OSError as error:
            raise stopped(self.target, error) from error

    def spare(self) -> bytes:
        """A path below the target for a new file."""
        return self.name + b"/" + secrets.token_hex(16).encode()

    def end(self, batch: int) -> None:
        """Say that what a batch did was taken over.  Raises ``StorageDenied`` or ``StorageFailed``."""
        try:
            os.unlink(self._mark(batch))
        except OSError as error:
            raise stopped(self.target, error) from error

    def dismiss(self) -> None:
        """Make whoever is still at work stop, and take away what can be taken away; from then on nobody begins."""
        shutil.rmtree(self._path, ignore_errors=True)

    def remove(self) -> None:
        """Take it away when all is done.  Raises ``StorageDenied`` or ``StorageFailed``."""
        try:
            shutil.rmtree(self._path)
        except OSError as error:
            raise stopped(self._path, error) from error

    def _mark(self, batch: int) -> bytes:
        return os.path.join(self._path, b"%d" % batch)
