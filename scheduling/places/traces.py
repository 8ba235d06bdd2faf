"""Traces: what was written down of jobs on this machine, each in a file of its own.

::

    place.d/name     by which processes of this place's jobs are known
    <job>            what became of a job, in three lines
    <job>.cancel     somebody wants it to end
    new.…            a file that somebody has for the next job that it begins

    {"id": "…", "began": 1700000000.0, "guard": {…}}      by who starts it: nobody else does
    {"pid": …}                                            its first process, in 512 bytes
    {"code": 0, …} or {"lost": "…"}                       how it ended, in 1024 bytes, or more

A job's file comes to be in one step, as a second name of one that has its first line, and room for the others, so
that what becomes of a job can be said though the disk is full; whoever comes second finds it there.  When the job is
forgotten the file is there for another one under its first name: to make files and take them away, hundreds in a
second, is what file systems are slowest at.  So a file that speaks of another job is of one that was forgotten.

Nothing waits for a disk: when power is cut what was begun may be forgotten.  That no job is started again then is seen
to by who has submitted it, to whom the machine that was started again is another ``epoch`` of the place.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import secrets
import shutil
import time
from dataclasses import dataclass, fields
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .identity import Identity
from .place import Ended, Lost

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MARK", "Page", "Traces", "Written"]

MARK = "HOLOTYPE_JOB"
"""The variable by which what a job has started is known to be its own."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_=+,-]{0,119}")
# Seconds after which what somebody was about to make, and did not, is cleared away.
_STALE = 3600.0
# Bytes that who the first process is, and nearly every outcome, can be said in.
_FIRST, _ROOM = 512, 1024
# Files that are had for other jobs.
_SPARES = 8
# What systems say that have no second names for files.
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_KNOWN = frozenset(each.name for each in fields(Ended))


@dataclass(frozen=True)
class Written:
    """What was written down of a job: when it ``began``, in seconds since 1970, who looks after it, its first process,
    and its end; ``guard`` is ``None`` where that cannot be read: not yet, or not any more, as after power was cut.
    """

    began: float
    guard: Identity | None
    first: Identity | None
    over: Ended | Lost | None


class Traces:
    """What was written down of a place's jobs, in ``folder``."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).absolute()
        self._name: str | None = None
        self._spares: list[str] = []

    # -- beginning

    def begin(self, id: str, began: float, guard: Identity, *, ended: Ended | None = None) -> Page | None:
        """Where to write how it goes on, if it is ours to start; then it is nobody else's ever.  ``ended``: it is over
        as well, by that.  Raises ``OSError``.
        """
        said = _line({"id": id, "began": began, "guard": vars(guard)})
        end = b"" if ended is None else _line(vars(ended))
        place = self.of(id)
        if os.path.exists(place):
            return None
        spare = self._spare(said + b" " * (_FIRST - 1) + b"\n" + end.ljust(_ROOM))
        try:
            os.link(spare, place)
        except FileExistsError:
            return None
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            # Whoever looks between this and the next step finds one that somebody is about to say something of.
            try:
                os.close(os.open(place, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            except FileExistsError:
                return None
            self._spares.remove(spare)
            os.replace(spare, place)
        return Page(place, len(said), os.stat(place).st_ino)

    def leave(self) -> None:
        """Take away what was had for other jobs."""
        while self._spares:
            with contextlib.suppress(OSError):
                os.unlink(self._spares.pop())

    def _spare(self, said: bytes) -> str:
        """A file that says this, and is no job's."""
        for spare in self._spares[:_SPARES]:
            with contextlib.suppress(OSError):  # somebody has tidied up
                file = os.open(spare, os.O_WRONLY | getattr(os, "O_BINARY", 0))
                try:
                    if os.fstat(file).st_nlink == 1:
                        _write(file, said)
                        os.ftruncate(file, len(said))
                        return spare
                finally:
                    os.close(file)
        if len(self._spares) >= _SPARES:
            self.leave()  # jobs of which nobody lets go keep them
        spare = self._new()
        self._spares.append(spare)
        with open(spare, "xb", buffering=0) as new:
            _write(new.fileno(), said)
        return spare

    def make(self) -> None:
        """Make the place, unless it is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = f"{self.folder}/place.d"
        if os.path.exists(place):
            return
        new = self._new()
        os.mkdir(new)
        try:
            with open(f"{new}/name", "x", encoding="utf-8") as file:
                file.write(secrets.token_hex(8))
            os.rename(new, place)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            if not os.path.exists(place):
                raise

    def mark(self, id: str) -> str:
        """What ``MARK`` says in the processes of a job; the same job of another place has another."""
        if self._name is None:
            self._name = self._named()
        return f"{self._name}:{_key(id)}"

    def stays(self) -> bool:
        """Whether the place is still the one that was there first: not removed, nor another one in its stead."""
        try:
            return self._named() == self.mark("").partition(":")[0]
        except FileNotFoundError:
            return False

    def _named(self) -> str:
        with open(f"{self.folder}/place.d/name", encoding="utf-8") as file:
            return file.read()

    def _new(self) -> str:
        """A name for what nobody shall see yet; no job is called so."""
        return f"{self.folder}/new.{secrets.token_hex(8)}"

    # -- what became of it

    def of(self, id: str) -> str:
        """The file of a job; whoever looks after it touches it now and then."""
        return f"{self.folder}/{_key(id)}"

    def read(self, id: str) -> Written | None:
        """What was written down of a job; ``None`` when nobody has begun it."""
        try:
            with open(self.of(id), "rb") as file:
                begun, first, over = (file.read() + b"\n\n").split(b"\n", 2)
                touched = os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:
            return None
        said, process = _read(begun), _read(first)
        if said is not None and said["id"] != id:  # it was forgotten, and the file is another's by now
            return None
        began, guard = (touched, None) if said is None else (said["began"], Identity(**said["guard"]))
        return Written(began, guard, None if process is None else Identity(**process), _end(_read(over)))

    def lose(self, id: str, lost: Lost) -> None:
        """Say that nobody knows what became of one whose guard is gone, unless something was said.  Raises
        ``OSError``.
        """
        found = self.read(id)
        if found is None or found.over is not None:
            return
        guard = None if found.guard is None else vars(found.guard)
        begun = b"\n" if guard is None else _line({"id": id, "began": found.began, "guard": guard})
        new = self._new()
        with open(new, "xb") as file:
            file.write(begun + b"\n" + _line({"lost": lost.why}))
        os.replace(new, self.of(id))

    # -- ending it

    def cancel(self, id: str) -> None:
        """Say that it is to end, to who looks after it."""
        if os.path.exists(self.of(id)):  # else it was over, and forgotten
            open(f"{self.of(id)}.cancel", "ab").close()

    def cancelled(self, id: str) -> bool:
        """Whether somebody wants it to end."""
        return os.path.exists(f"{self.of(id)}.cancel")

    def forget(self, id: str) -> None:
        """Let go of it."""
        for name in (f"{self.of(id)}.cancel", self.of(id)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)

    def tidy(self) -> None:
        """Clear away what was half made when somebody was ended."""
        for each in self.folder.glob("new.*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - each.stat().st_mtime > _STALE:
                    shutil.rmtree(each) if each.is_dir() else each.unlink()


class Page:
    """The file of a job, as who looks after it writes on; nothing is written where another one is in its stead, by
    which somebody has said that the job is lost.
    """

    def __init__(self, path: str, first: int, number: int) -> None:
        self._path, self._first, self._number = path, first, number

    def start(self, first: Identity) -> None:
        """Say which process was started."""
        with contextlib.suppress(OSError):
            self._say(self._first, _line(vars(first)))

    def end(self, ended: Ended) -> None:
        """Write down what became of it.  Raises ``OSError``, and ``FileNotFoundError`` where nobody wants to know."""
        self._say(self._first + _FIRST, _line(vars(ended)))

    def beat(self) -> None:
        """Give a sign of life."""
        with contextlib.suppress(OSError):
            os.utime(self._path)

    def _say(self, where: int, line: bytes) -> None:
        # Not held open meanwhile: on some systems nobody could take it away then.
        descriptor = os.open(self._path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        try:
            if os.fstat(descriptor).st_ino != self._number:
                raise FileNotFoundError(errno.ENOENT, "what was written of a job is another's", self._path)
            os.lseek(descriptor, where, os.SEEK_SET)
            _write(descriptor, line)
        finally:
            os.close(descriptor)


def _key(id: str) -> str:
    """A name for a file: the identifier, or where not every file system has such names, what stands for it."""
    if _PLAIN.fullmatch(id) and id == id.lower():
        return id
    return f"job.{blake2b(id.encode('utf-8', 'surrogatepass'), digest_size=20).hexdigest()}"


def _line(said: Mapping[str, Any]) -> bytes:
    return json.dumps(said).encode() + b"\n"


def _write(descriptor: int, said: bytes) -> None:
    """Write all of it: a disk that is nearly full takes a part first, and says so with the next."""
    while said:
        said = said[os.write(descriptor, said) :]


def _read(line: bytes) -> dict[str, Any] | None:
    """What a line says; ``None`` when that is nothing, or a part: while it is written, or after power was cut."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def _end(said: Mapping[str, Any] | None) -> Ended | Lost | None:
    if said is None:
        return None
    # One that a later version wrote may say more.
    return Lost(said["lost"]) if "lost" in said else Ended(**{name: said[name] for name in said.keys() & _KNOWN})
