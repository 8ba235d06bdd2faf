"""Notes of activities that have begun: what is left of one whose process is killed before it is recorded.

While an activity goes on there is a small file for it in a folder of this user on this machine::

    ~/.local/state/holotype/activities/<archive>/<activity>.json     elsewhere than on Linux, where programs keep such
                                                                     things there; HOLOTYPE_STATE says another folder

It appears whole, and is gone when the activity is recorded.  It is not made to outlive a power cut: then it may be
missing, as it always was.  Nothing secret is in it: what it says of parameters and commands is what the archive is told
of them.

Nothing is imported here that a small backup does not need, which looks whether there is a note.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..capturing.identity import Process, still_runs
from ..capturing.scopes import unheard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

__all__ = ["Note", "Noted", "Notes", "state_folder"]

_FORMAT = 1
_STATE = "HOLOTYPE_STATE"


def state_folder() -> Path:
    """The folder for what this user's programs keep on this machine between their runs.

    Raises ``RuntimeError`` where the user has no home.
    """
    if own := os.environ.get(_STATE):
        return Path(own)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "holotype"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "holotype"
    there = os.environ.get("XDG_STATE_HOME", "")
    return (Path(there) if os.path.isabs(there) else Path.home() / ".local" / "state") / "holotype"


@dataclass(frozen=True)
class Note:
    """What is known of an activity when it begins; all of it may be kept, but for ``source``, which stays here.

    ``dataset`` and ``source``: whose files it works on, and where they lie.  ``outcome``, ``ended``, ``error`` and
    ``trouble``: of one that ended, with what it failed, and why it could not be recorded.
    """

    activity: str
    name: str
    kind: str
    began: datetime
    author: str
    process: Process
    parent: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any])
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    command: Mapping[str, Any] | None = None
    dataset: str | None = None
    source: str | None = None
    outcome: str | None = None
    ended: datetime | None = None
    error: str | None = None
    trouble: str | None = None

    def over(self, *, at: datetime, dead_after: timedelta | None = None) -> bool | None:
        """Whether the activity is over; ``None`` where that cannot be told, unless it began ``dead_after`` ago."""
        if self.outcome is not None:
            return True
        runs = still_runs(self.process)
        if runs is None and dead_after is not None and at - self.began >= dead_after:
            return True
        return None if runs is None else not runs

    def encode(self) -> bytes:
        """The bytes of its file."""
        fields = asdict(self) | {"format": _FORMAT}
        return json.dumps(fields, default=_plainly, indent=1).encode()

    @staticmethod
    def decode(data: bytes) -> Note:
        """The note in a file; raises ``ValueError`` for anything else, or one of a later version."""
        fields = json.loads(data)
        try:
            if fields.pop("format") != _FORMAT:
                raise ValueError("it is of another version")
            for name in ("began", "ended"):
                fields[name] = fields[name] and datetime.fromisoformat(fields[name])
            return Note(**fields | {"process": Process(**fields["process"])})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no note: {error!r}") from error


def _plainly(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else str(value)


class Notes:
    """The notes of one archive's activities on this machine.  ``folder``: by default the user's own."""

    def __init__(self, archive: str, *, folder: Path | None = None) -> None:
        self._archive, self._given = archive, folder

    @property
    def folder(self) -> Path:
        """Where they lie.  Raises ``RuntimeError`` where the user has no home."""
        return (self._given or state_folder()) / "activities" / self._archive

    def write(self, note: Note) -> None:
        """Write a note, or write it anew.  Raises ``OSError``, and ``RuntimeError`` as ``folder`` does."""
        with unheard():
            path = self._path(note.activity)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Another process that looks meanwhile takes only what ends with .json for a note.
            new = path.with_suffix(f".{os.getpid()}")
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(note.encode())
            os.replace(new, path)

    def remove(self, activity: str) -> None:
        """Remove a note, if it is there: another process may have done so.  Raises ``OSError``."""
        with unheard():
            self._path(activity).unlink(missing_ok=True)

    def every(self) -> list[Note]:
        """All notes; what is no note, or of a later version, is left alone, and so is a folder that is not read."""
        found: list[Note] = []
        with unheard():
            for path in self._files():
                with suppress(OSError, ValueError):  # gone meanwhile; somebody else's file
                    found.append(Note.decode(path.read_bytes()))
        return sorted(found, key=lambda note: (note.began, note.activity))

    def _files(self) -> list[Path]:
        try:
            with os.scandir(self.folder) as entries:
                return [Path(entry.path) for entry in entries if entry.name.endswith(".json")]
        except (OSError, RuntimeError):  # there are none, or none that this user could have written
            return []

    def _path(self, activity: str) -> Path:
        return self.folder / f"{activity.rpartition(':')[2]}.json"


class Noted:
    """The note of an activity that goes on.  ``trouble``: why there is none."""

    def __init__(self, notes: Notes | None, note: Note) -> None:
        self._notes, self._note = notes, note
        self.trouble: str | None = None
        if notes is not None:
            try:
                notes.write(note)
            except (OSError, RuntimeError) as error:
                self._notes = None
                self.trouble = f"it could not be noted that it began, so that nothing were known had it died: {error}"

    @property
    def note(self) -> Note:
        """What it says."""
        return self._note

    def done(self) -> None:
        """It is recorded, or it never began."""
        if self._notes is not None:
            with suppress(OSError):  # whoever settles it later finds it recorded
                self._notes.remove(self._note.activity)

    def left(self, *, outcome: str, ended: datetime, error: str | None = None, trouble: str | None = None) -> None:
        """It is over, and could not be recorded: it is left to be settled."""
        self._note = replace(self._note, outcome=outcome, ended=ended, error=error, trouble=trouble)
        if self._notes is not None:
            with suppress(OSError):  # then it is settled when this process is gone
                self._notes.write(self._note)
