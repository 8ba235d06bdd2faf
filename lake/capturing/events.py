"""The audit hook: what each event of Python's says of files, threads and programs.

The events and their arguments are those of Python's own table of audit events.  A hook that raised would make the
program fail, and one that opened files would hear itself; both are seen to in ``_hook``.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from . import scopes
from .adapters.calls import by
from .files import EXECUTE, FRESH, READ, SURE, WRITE
from .remote import cleaned, scheme_of
from .scopes import busy

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from .recorder import Recorder

__all__ = ["PYTHON", "install"]

PYTHON = "python"  # runs scripts and modules

_ACCESS = os.O_WRONLY | os.O_RDWR
# Where Linux says what a descriptor leads to.
_DESCRIPTORS = "/proc/self/fd"
# What reads source to run it or to show it; looked for in the frame that opens the file.
_READS_CODE = ("<frozen importlib", "<frozen runpy", "<frozen zipimport", "<frozen linecache")
_SHOWS_CODE = (f"{os.sep}linecache.py", f"{os.sep}tokenize.py")
_ACCESS_WRITE = (0, 2)  # of a memory map: the default, and mmap.ACCESS_WRITE


class _Copying(threading.local):
    """What ``shutil`` said that it copies: the files are opened next."""

    paths: tuple[str, ...] = ()


_copying = _Copying()


def _opened(recorder: Recorder, args: tuple[Any, ...]) -> None:
    path, mode, flags = args[:3]
    if isinstance(path, int):
        return  # it was opened before
    path = os.fsdecode(path)
    if path.endswith(".py") and _is_code(inspect.currentframe()):
        return
    access = flags & _ACCESS
    done = READ if access != os.O_WRONLY else 0
    if access:
        done |= WRITE
        if flags & (os.O_TRUNC | os.O_EXCL):
            done = WRITE | FRESH
    name = by("open" if mode is not None else "os.open")
    if path in _copying.paths:
        name = by("shutil.copyfile")
        _copying.paths = tuple(each for each in _copying.paths if each != path)
    recorder.use(path, done, name)


def _is_code(frame: FrameType | None) -> bool:
    """Whether a file is opened to be run or shown as code; ``frame``: that of ``_opened``, called by ``_hook``."""
    for _ in range(2):
        frame = None if frame is None else frame.f_back
    file = "" if frame is None else frame.f_code.co_filename
    return file.startswith(_READS_CODE) or file.endswith(_SHOWS_CODE)


def _ran(recorder: Recorder, args: tuple[Any, ...]) -> None:
    code = args[0]
    file = getattr(code, "co_filename", "<")
    if not file.startswith("<") and getattr(code, "co_name", None) == "<module>":
        recorder.use(file, EXECUTE, PYTHON)


def _renamed(recorder: Recorder, args: tuple[Any, ...]) -> None:
    source, target = _at(args[0], args[2]), _at(args[1], args[3])
    if source is not None and target is not None:
        recorder.rename(source, target, by("os.rename"))


def _removed(recorder: Recorder, args: tuple[Any, ...]) -> None:
    if (path := _at(args[0], args[1])) is not None:
        recorder.remove(path, by("os.remove"))


def _truncated(recorder: Recorder, args: tuple[Any, ...]) -> None:
    if (path := _at(args[0])) is not None:
        recorder.use(path, WRITE, by("os.truncate"))


def _linked(recorder: Recorder, args: tuple[Any, ...]) -> None:
    source, target = _at(args[0], args[2]), _at(args[1], args[3])
    if source is not None and target is not None:
        recorder.use(source, READ, by("os.link"))
        recorder.use(target, WRITE | FRESH, by("os.link"))


def _link_made(recorder: Recorder, args: tuple[Any, ...]) -> None:
    recorder.places.forget()


def _copied(recorder: Recorder, args: tuple[Any, ...]) -> None:
    _copying.paths = tuple(os.fsdecode(path) for path in args[:2])


def _mapped(recorder: Recorder, args: tuple[Any, ...]) -> None:
    descriptor, _, access = args[:3]
    # Writing through a map changes no times on some filesystems.
    if descriptor >= 0 and access in _ACCESS_WRITE and (path := _at(descriptor)) is not None:
        recorder.use(path, WRITE | SURE, by("mmap"))


def _connected(recorder: Recorder, args: tuple[Any, ...]) -> None:
    text = os.fsdecode(args[0])
    if text.startswith("file:"):
        text = unquote(text.removeprefix("file:").partition("?")[0])
        text = text.removeprefix("//localhost").removeprefix("//")
    if text and not text.startswith(":"):
        # A database in WAL mode is written there first.
        for path in (text, f"{text}-wal"):
            recorder.use(path, READ | WRITE, by("sqlite3.connect"))


def _requested(recorder: Recorder, args: tuple[Any, ...]) -> None:
    url, data, _, method = args[:4]
    if scheme_of(url) not in (None, "file"):
        written = data is not None or method in ("PUT", "POST", "DELETE", "PATCH")
        recorder.elsewhere(cleaned(url), WRITE if written else READ, by("urllib.request"))


def _program(recorder: Recorder, args: tuple[Any, ...]) -> None:
    """``subprocess.Popen``, ``os.exec`` and ``os.posix_spawn``: the program, its arguments."""
    words = args[1] if args[1] else (args[0],)
    recorder.command(_words(words))


def _shell(recorder: Recorder, args: tuple[Any, ...]) -> None:
    recorder.command(_words(args[0]))


def _spawned(recorder: Recorder, args: tuple[Any, ...]) -> None:
    recorder.command(_words(args[2]))


def _words(command: Any) -> list[str]:
    one = isinstance(command, (str, bytes, os.PathLike))
    return [os.fsdecode(word) for word in ([command] if one else command)]


def _forked(recorder: Recorder, args: tuple[Any, ...]) -> None:
    recorder.fork()


def _at(path: Any, folder: int | None = None) -> str | None:
    """A path from an event: of a descriptor, or relative to one; ``None`` where the platform does not tell."""
    try:
        if isinstance(path, int):
            return os.readlink(f"{_DESCRIPTORS}/{path}")
        path = os.fsdecode(path)
        if folder is None or folder < 0 or os.path.isabs(path):
            return str(path)
        return os.path.join(os.readlink(f"{_DESCRIPTORS}/{folder}"), path)
    except OSError:
        return None


_ACTS: dict[str, Callable[[Recorder, tuple[Any, ...]], None]] = {
    "exec": _ran,
    "mmap.__new__": _mapped,
    "open": _opened,
    "os.exec": _program,
    "os.fork": _forked,
    "os.forkpty": _forked,
    "os.link": _linked,
    "os.posix_spawn": _program,
    "os.remove": _removed,
    "os.rename": _renamed,
    "os.spawn": _spawned,
    "os.startfile": _shell,
    "os.symlink": _link_made,
    "os.system": _shell,
    "os.truncate": _truncated,
    "pty.spawn": _shell,
    "shutil.copyfile": _copied,
    "sqlite3.connect": _connected,
    "subprocess.Popen": _program,
    "urllib.Request": _requested,
}
_open = scopes.open_scopes()


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _open:
        return
    act = _ACTS.get(event)
    if act is None or busy.on:
        return
    busy.on = True
    recorder = None
    try:
        recorder = scopes.current()
        if recorder is not None:
            act(recorder, args)
        elif event == "open" and not isinstance(args[0], int):
            scopes.overheard(os.fsdecode(args[0]))
    except Exception as error:  # noqa: BLE001 - an exception from a hook would be the program's; the block has a note
        if recorder is not None:
            recorder.note(f"an event was not understood: {event} ({type(error).__name__})")
    finally:
        busy.on = False


_installing = threading.Lock()
_installed = False


def install() -> None:
    """Have the hook in place, once for the process: it cannot be taken away, and does nothing while nobody listens."""
    global _installed
    with _installing:
        if _installed:
            return
        sys.addaudithook(_hook)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_in_child)
        _installed = True


def _in_child() -> None:
    """A fork copies what was on in the thread that made it, and the blocks; what is heard is told to the parent."""
    busy.on = False
    for scope in _open:
        if scope.recorder is not None:
            scope.recorder.in_child()
