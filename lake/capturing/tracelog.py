r"""What strace writes, understood: one line for each call, by any process, as it happened.

::

    812 1716.20 openat(AT_FDCWD</data>, "out", O_WRONLY|O_CREAT|O_TRUNC, 0666) = 3</data/out>
    812 1716.21 vfork( <unfinished ...>
    813 1716.22 execve("/usr/bin/sort", ["sort", "a\nb"], 0x7ffe /* 39 vars */ <unfinished ...>
    812 1716.22 <... vfork resumed>) = 813
    813 1716.23 <... execve resumed>) = 0
    813 1716.25 +++ killed by SIGTERM +++

A child may speak before its parent says whose child it is; until then its lines wait.  Where the call has no descriptor
to go from, a relative path goes from the process's working directory, which is followed through ``chdir`` and ``fork``.
"""

from __future__ import annotations

import os
import re
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .processes import Process, script_of

if TYPE_CHECKING:
    from .ledger import Ledger

__all__ = ["CALLS", "SIGNALS", "TraceLog"]

# Every call that makes, opens, moves or removes a name, or a process.  Not every machine has all of them.
CALLS = ",".join(
    f"?{name}"
    for name in (
        *("open", "openat", "openat2", "creat", "truncate", "truncate64", "link", "linkat", "unlink", "unlinkat"),
        *("rename", "renameat", "renameat2", "symlink", "symlinkat", "mknod", "mknodat", "chdir", "fchdir"),
        *("fork", "vfork", "clone", "clone3", "execve", "execveat"),
    )
)
# Signals that programs send themselves by the thousand, and that seldom end one.
SIGNALS = "!SIGCHLD,SIGURG,SIGPROF,SIGALRM,SIGVTALRM,SIGWINCH"

_WAITING = 10_000  # lines kept for a process of which no parent speaks, before it is taken for an orphan

_LINE = re.compile(r"(\d+) +(\d+\.\d+) (.*)", re.DOTALL)
_UNFINISHED = re.compile(r" ?<(?:unfinished|pid changed to \d+) \.\.\.>$")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed> ?")
_EXIT = re.compile(r"\+\+\+ (?:exited with (\d+)|killed by (\w+)|superseded by execve in pid (\d+))")
_FAILED = re.compile(r"\) += (?:-1 E\w+ \([^()]*\)|-1 \(errno \d+\)|\?.*)(?: \(INJECTED\))?$")
_STRING = r'"((?:[^"\\]|\\.)*)"'
# A descriptor with its path, or a name, going from a descriptor where there is one before it.
_HANDLE = r"(?:AT_FDCWD|-?\d+)(?:<(.*?)>)?(?: ?\(deleted\))?"
_NAME = re.compile(rf"(?:{_HANDLE}, )?{_STRING}(?:, )?")
_ARGUMENT = re.compile(rf"{_STRING}(\.\.\.)?(?:, )?")
_OPENED = re.compile(r"\) += \d+<(/.*)>( ?\(deleted\))?$")
_FLAGS = re.compile(r"(?:\{flags=)?([A-Z_|\dx]+)")
_SIZE = re.compile(r"(\d+)\)")
_FOLDER = re.compile(rf"{_HANDLE}\)")
_FORKED = re.compile(r"\) += (\d+)(?:<.*>)?(?: /\*.*\*/)?$")
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-f]{2})|(.))")
_LETTERS = {"n": "\n", "t": "\t", "v": "\v", "f": "\f", "r": "\r", "a": "\a", "b": "\b", "e": "\x1b"}


def _plain(text: str) -> str:
    """A string as it was, from the way strace writes it."""
    if "\\" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        octal, hexadecimal, letter = match.groups()
        if letter is not None:
            return _LETTERS.get(letter, letter)
        return chr(int(octal, 8) if octal is not None else int(hexadecimal, 16))

    return os.fsdecode(_ESCAPE.sub(one, text).encode("latin-1", "replace"))


@dataclass
class _Running:
    """A process as far as it was followed."""

    pid: int
    parent: int | None
    folder: str
    argv: tuple[str, ...]
    name: str
    began: float
    script: str | None = None
    ended: float | None = None
    returncode: int | None = None


class TraceLog:
    """Follows the processes of one command, and tells the ``ledger`` what they do with files."""

    def __init__(self, ledger: Ledger, *, folder: str) -> None:
        self._ledger = ledger
        self._folder = folder
        self._first: int | None = None
        self._running: dict[int, _Running] = {}  # by the number of each thread
        self._unknown: dict[int, list[tuple[float, str]]] = {}
        self._processes: list[_Running] = []
        self._partial: dict[int, str] = {}
        self._rest = b""
        self._real: dict[str, str] = {}
        self.executed = False

    def feed(self, data: bytes) -> None:
        """More of the log, cut anywhere."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            match = _LINE.match(os.fsdecode(line))
            if match is not None:
                self._line(int(match[1]), float(match[2]), match[3])

    def finish(self) -> None:
        """No more will come: what waited for a parent did so in vain."""
        while self._unknown:
            self._adopt(next(iter(self._unknown)), None)

    @property
    def processes(self) -> tuple[Process, ...]:
        """The processes so far, in the order in which they began."""
        return tuple(
            Process(
                one.pid,
                one.parent,
                one.argv,
                datetime.fromtimestamp(one.began, UTC),
                None if one.ended is None else datetime.fromtimestamp(one.ended, UTC),
                one.returncode,
            )
            for one in self._processes
        )

    def left(self) -> tuple[int, ...]:
        """The processes that are not known to have ended."""
        return tuple(one.pid for one in list(self._processes) if one.ended is None) + tuple(self._unknown)

    def _line(self, pid: int, time: float, body: str) -> None:
        if body.startswith("--- "):
            return
        process = self._running.get(pid)
        if process is None:
            if self._first is not None:
                waiting = self._unknown.setdefault(pid, [])
                waiting.append((time, body))
                if len(waiting) > _WAITING:
                    self._adopt(pid, None)
                return
            self._first = pid
            process = self._begin(pid, None, time, self._folder, (), "")
        if body.startswith("+++ "):
            self._ended(pid, process, time, body)
            return
        if (cut := _UNFINISHED.search(body)) is not None:
            self._partial[pid] = body[: cut.start()]
            return
        if body.startswith("<... "):
            start = self._partial.pop(pid, None)
            if start is None:
                return
            body = start + _RESUMED.sub("", body, count=1)
        if _FAILED.search(body) is None:
            self._call(process, time, body)

    def _begin(
        self, pid: int, parent: int | None, time: float, folder: str, argv: tuple[str, ...], name: str
    ) -> _Running:
        process = self._running[pid] = _Running(pid, parent, folder, argv, name, time)
        self._processes.append(process)
        return process

    def _adopt(self, pid: int, parent: _Running | None, *, thread: bool = False, time: float | None = None) -> None:
        """Take up a process, or a thread of its parent's, and what it did before it was known."""
        waiting = self._unknown.pop(pid, [])
        if parent is not None and thread:
            self._running[pid] = parent
        else:
            began = time if time is not None else waiting[0][0] if waiting else 0.0
            folder, argv, name = (
                (parent.folder, parent.argv, parent.name) if parent is not None else (self._folder, (), "")
            )
            child = self._begin(pid, None if parent is None else parent.pid, began, folder, argv, name)
            child.script = None if parent is None else parent.script
        for each in waiting:
            self._line(pid, *each)

    def _ended(self, pid: int, process: _Running, time: float, body: str) -> None:
        match = _EXIT.match(body)
        if match is None:
            return
        if match[3] is not None:
            # A thread ran another program, and became the process: what it had begun to say is finished.
            body = self._partial.pop(int(match[3]), "")
            self._running.pop(int(match[3]), None)
            if body.startswith("execve"):
                self._call(process, time, f"{body}) = 0")
            return
        self._running.pop(pid, None)
        self._partial.pop(pid, None)
        if pid == process.pid:
            process.ended = time
            process.returncode = int(match[1]) if match[1] is not None else -_number(match[2])

    def _call(self, process: _Running, time: float, body: str) -> None:
        name, _, rest = body.partition("(")
        match name:
            case "open" | "openat" | "openat2" | "creat":
                self._opened(process, name, rest)
            case "fork" | "vfork" | "clone" | "clone3":
                if (forked := _FORKED.search(rest)) is not None:
                    self._adopt(int(forked[1]), process, thread="CLONE_THREAD" in rest, time=time)
            case "execve" | "execveat":
                self._executed(process, rest)
            case "rename" | "renameat" | "renameat2":
                self._renamed(process, rest)
            case "unlink" | "unlinkat":
                self._removed(process, rest)
            case "link" | "linkat":
                self._linked(process, rest)
            case "symlink" | "symlinkat":
                self._symlink(process, rest)
            case "mknod" | "mknodat":
                self._node(process, rest)
            case "truncate" | "truncate64":
                self._truncated(process, rest)
            case "chdir":
                self._chdir(process, rest)
            case "fchdir":
                self._fchdir(process, rest)
            case _:
                return

    def _opened(self, process: _Running, name: str, rest: str) -> None:
        argument = _NAME.match(rest)
        if argument is None:
            return
        result = _OPENED.search(rest, argument.end() - 2)
        if argument[1] is not None and rest.startswith("AT_FDCWD"):
            process.folder = _plain(argument[1])
        if result is None or result[2] is not None:
            return
        found = _FLAGS.match(rest, argument.end()) if name != "creat" else None
        flags = frozenset(found[1].split("|")) if found is not None else frozenset({"O_WRONLY", "O_CREAT", "O_TRUNC"})
        if not flags & {"O_PATH", "O_DIRECTORY", "O_TMPFILE"}:
            path = _plain(result[1])
            self._ledger.opened(path, flags, process.name, script=path == process.script)

    def _names(self, process: _Running, rest: str, count: int) -> tuple[list[str], int]:
        """The paths that a call begins with, whole and real but for their last names, and where they end."""
        found: list[str] = []
        place = 0
        for _ in range(count):
            match = _NAME.match(rest, place)
            if match is None:
                break
            start = process.folder if match[1] is None else _plain(match[1])
            found.append(self._whole(start, _plain(match[2])))
            place = match.end()
        return found, place

    def _whole(self, start: str, name: str) -> str:
        if not name:
            return ""
        folder, last = os.path.split(os.path.join(start, name).rstrip("/") or "/")
        if last in ("", ".", ".."):
            return os.path.realpath(os.path.join(folder, last))
        real = self._real.get(folder)
        if real is None:
            if len(self._real) > 10_000:
                self._real.clear()
            real = self._real[folder] = os.path.realpath(folder)
        return os.path.join(real, last)

    def _executed(self, process: _Running, rest: str) -> None:
        names, place = self._names(process, rest, 1)
        handle = re.match(_HANDLE, rest)
        path = names[0] if names and names[0] else _plain(handle[1]) if handle is not None and handle[1] else ""
        arguments: list[str] = []
        if rest.startswith("[", place):
            place += 1
            while (match := _ARGUMENT.match(rest, place)) is not None:
                arguments.append(_plain(match[1]) + ("…" if match[2] is not None else ""))
                place = match.end()
            if rest.startswith("...", place):
                arguments.append("…")
        process.argv = tuple(arguments) or (path,)
        process.name = os.path.basename(process.argv[0]).lstrip("-") or os.path.basename(path)
        script = script_of(process.argv)
        process.script = None if script is None else os.path.realpath(os.path.join(process.folder, script))
        self.executed = True
        if path:
            self._ledger.executed(os.path.realpath(path), process.name)

    def _renamed(self, process: _Running, rest: str) -> None:
        names, place = self._names(process, rest, 2)
        if len(names) == 2:
            self._real.clear()  # it may have been a folder, or a link to one
            self._ledger.renamed(names[0], names[1], process.name, exchanged="RENAME_EXCHANGE" in rest[place:])

    def _removed(self, process: _Running, rest: str) -> None:
        names, place = self._names(process, rest, 1)
        if names and "AT_REMOVEDIR" not in rest[place:]:
            self._ledger.removed(names[0], process.name)

    def _linked(self, process: _Running, rest: str) -> None:
        names, _ = self._names(process, rest, 2)
        if len(names) == 2:
            # A file that had no name yet is called by its descriptor.
            nameless = not names[0] or rest.partition('"')[2].startswith("/proc/") or "(deleted)" in rest
            self._ledger.linked("" if nameless else names[0], names[1], process.name)

    def _node(self, process: _Running, rest: str) -> None:
        self._real.clear()
        names, _ = self._names(process, rest, 1)
        if names:
            self._ledger.made(names[0], process.name)

    def _symlink(self, process: _Running, rest: str) -> None:
        target = _ARGUMENT.match(rest)
        if target is not None:
            self._node(process, rest[target.end() :])

    def _truncated(self, process: _Running, rest: str) -> None:
        names, place = self._names(process, rest, 1)
        size = _SIZE.match(rest, place)
        if names and size is not None:
            self._ledger.truncated(os.path.realpath(names[0]), int(size[1]), process.name)

    def _chdir(self, process: _Running, rest: str) -> None:
        names, _ = self._names(process, rest, 1)
        if names:
            process.folder = os.path.realpath(names[0])

    def _fchdir(self, process: _Running, rest: str) -> None:
        handle = _FOLDER.match(rest)
        if handle is not None and handle[1] is not None:
            process.folder = _plain(handle[1])


def _number(name: str) -> int:
    try:
        return signal.Signals[name].value
    except KeyError:  # SIGRT_3 and the like
        return 0
