"""Traces: what was written down of jobs on this machine, each in a folder of its own.

::

    place.d/name            by which processes of this place's jobs are known
    <job>/begun.json        {"id": "…", "began": 1700000000.0, "guard": {…}}   by who starts it: nobody else does
    <job>/room              {"pid": …}: its first process; it becomes ended.json, so that what became of a job can be
                            said though the disk is full
    <job>/cancel            somebody wants it to end
    <job>/ended.json        {"code": 0, …} or {"lost": "…"}: what became of it

A job's folder comes to be in one step, by renaming one that has ``begun.json`` in it: whoever comes second finds it
there.  That a job was begun is on the disk before it is started, so that it is not started again when power was cut;
that it ended may be forgotten then, and it is lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import time
from dataclasses import fields
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .identity import Identity
from .place import Ended, Lost

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MARK", "Begun", "Traces"]

MARK = "HOLOTYPE_JOB"
"""The variable by which what a job has started is known to be its own."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_=+,-]{0,119}")
# Seconds after which what somebody was about to make, and did not, is cleared away.
_STALE = 3600.0
# Bytes that nearly every outcome can be said in.
_ROOM = 1024
_KNOWN = frozenset(each.name for each in fields(Ended))


class Begun:
    """That a job was begun: when, in seconds since 1970, and who looks after it; ``None`` where that cannot be read,
    as after power was cut.
    """

    def __init__(self, began: float, guard: Identity | None) -> None:
        self.began, self.guard = began, guard


class Traces:
    """What was written down of a place's jobs, in ``folder``."""

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).absolute()
        self._name: str | None = None

    # -- beginning

    def begin(self, id: str, began: float, guard: Identity, *, ended: Ended | None = None) -> bool:
        """Whether it is ours to start; then it is nobody else's ever.  ``ended``: it is over as well, by that."""
        place = self.of(id)
        if os.path.exists(place):  # an empty folder may be left when power was cut, and a rename would replace it
            return False
        files = {"begun.json": json.dumps({"id": id, "began": began, "guard": vars(guard)})}
        files |= {"room": " " * _ROOM} if ended is None else {"ended.json": json.dumps(vars(ended))}
        if not self._placed(place, files):
            return False
        _sync(self.folder)
        return True

    def make(self) -> None:
        """Make the place, unless it is there."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = f"{self.folder}/place.d"
        if not os.path.exists(place):
            self._placed(place, {"name": secrets.token_hex(8)})

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

    def _placed(self, place: str, files: Mapping[str, str]) -> bool:
        """Make a folder with files, whole or not at all; whether there was none."""
        new = f"{self.folder}/new.{secrets.token_hex(8)}"
        os.mkdir(new)
        try:
            for name, said in files.items():
                with open(f"{new}/{name}", "x", encoding="utf-8") as file:
                    file.write(said)
            os.rename(new, place)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            if not os.path.exists(place):
                raise
            return False
        return True

    # -- what became of it

    def of(self, id: str) -> str:
        """The folder of a job."""
        return f"{self.folder}/{_key(id)}"

    def sign(self, id: str) -> str:
        """The file that whoever looks after a job touches now and then."""
        return f"{self.of(id)}/begun.json"

    def begun(self, id: str) -> Begun | None:
        """Whether somebody has started it, or was about to, and who."""
        place = self.of(id)
        if (said := _read(f"{place}/begun.json")) is not None:
            return Begun(said["began"], Identity(**said["guard"]))
        try:
            return Begun(os.stat(place).st_mtime, None)
        except FileNotFoundError:
            return None

    def start(self, id: str, first: Identity) -> None:
        """Say which process was started."""
        with contextlib.suppress(OSError), open(f"{self.of(id)}/room", "r+", encoding="utf-8") as file:
            file.write(json.dumps(vars(first)).ljust(_ROOM))

    def first(self, id: str) -> Identity | None:
        """The process that was started, if it was."""
        said = _read(f"{self.of(id)}/room")
        return None if said is None else Identity(**said)

    def end(self, id: str, outcome: Ended | Lost) -> None:
        """Write down what became of it, unless that was said.  Raises ``OSError``."""
        place = self.of(id)
        if os.path.exists(f"{place}/ended.json"):
            return
        if isinstance(outcome, Lost):
            said, room, mode = json.dumps({"lost": outcome.why}), f"{place}/lost.{secrets.token_hex(4)}", "x"
        else:
            # Not a new file: what has a place on the disk already can be written.
            said, room, mode = json.dumps(vars(outcome)), f"{place}/room", "r+"
        with open(room, mode, encoding="utf-8") as file:
            file.write(said.ljust(_ROOM))
        os.replace(room, f"{place}/ended.json")

    def ended(self, id: str) -> Ended | Lost | None:
        """What became of it, if that is known."""
        said = _read(f"{self.of(id)}/ended.json")
        if said is None:
            return None
        # One that a later version wrote may say more.
        return Lost(said["lost"]) if "lost" in said else Ended(**{name: said[name] for name in said.keys() & _KNOWN})

    # -- ending it

    def cancel(self, id: str) -> None:
        """Say that it is to end, to who looks after it."""
        with contextlib.suppress(FileNotFoundError):  # it was over, and forgotten
            open(f"{self.of(id)}/cancel", "ab").close()

    def cancelled(self, id: str) -> bool:
        """Whether somebody wants it to end."""
        return os.path.exists(f"{self.of(id)}/cancel")

    def forget(self, id: str) -> None:
        """Let go of it, in one step."""
        old = f"{self.folder}/old.{secrets.token_hex(8)}"
        try:
            os.rename(self.of(id), old)
        except FileNotFoundError:
            return
        shutil.rmtree(old, ignore_errors=True)

    def tidy(self) -> None:
        """Clear away what was half made, or half let go of, when somebody was ended."""
        for each in [*self.folder.glob("new.*"), *self.folder.glob("old.*")]:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - each.stat().st_mtime > _STALE:
                    shutil.rmtree(each, ignore_errors=True)


def _key(id: str) -> str:
    """A name for a folder: the identifier, or where not every file system has such names, what stands for it."""
    if _PLAIN.fullmatch(id) and id == id.lower():
        return id
    return f"job.{blake2b(id.encode('utf-8', 'surrogatepass'), digest_size=20).hexdigest()}"


def _read(path: str) -> dict[str, Any] | None:
    """What a file says; ``None`` when there is none, or only a part, as after power was cut."""
    try:
        with open(path, "rb") as file:
            said = json.loads(file.read())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return said if isinstance(said, dict) else None


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
