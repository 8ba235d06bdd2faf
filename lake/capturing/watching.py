"""A command run, and what it read and wrote found out by watching, so that nobody has to declare it.

::

    watched = watch(["sh", "-c", "sort reads.txt > sorted.txt"], cwd="/data/run42", roots=["/data/run42"])
    watched.returncode                                     0
    [seen.path for seen in watched.seen if seen.read]      ["/data/run42/reads.txt"]
    [seen.path for seen in watched.seen if seen.written]   ["/data/run42/sorted.txt"]
    [seen.path for seen in watched.outside]                ["/usr/bin/sh", "/usr/bin/sort"]

There are two ways.  ``strace`` (Linux) sees every file that any of the command's processes opens, makes, moves or
removes.  It costs some 8 ms of a processor for each command, 0.3 ms for each process and 40 µs for each file that is
opened, and nothing for reading and computing.  ``states`` works everywhere and compares what lies below the roots
before and after: it sees what was written, not what was read.

Neither sees what a server does for the command (a container engine, a database), nor files opened through io_uring.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from holotype.catalog import InvalidOption, ProgramNotFound

from ..context import now
from .ledger import Ledger
from .processes import Process, alive, script_of, signal_name
from .running import Running
from .states import difference, look
from .strace import Tracing, refusal
from .tracelog import TraceLog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from .running import Ended, Passing
    from .seen import Seen
    from .states import Look

    Path = str | os.PathLike[str]

__all__ = ["LIMIT", "Watched", "watch"]

# Files below the roots that are looked at before a command that strace watches: 10 ms.  With more, the earlier status
# of a file that is overwritten without being read first is not known.
LIMIT = 2_500
_TICK_NS = 12_000_000  # how long ago, at most, the time was that file systems give to what happens now
_PAUSE = 0.01
_PATIENCE = 10.0  # seconds for strace to end when nothing is left to be watched


@dataclass(frozen=True)
class Watched:
    """What a command did.

    ``returncode``: negative when ``signal`` ended it.  ``timed_out``: whether it was ended because it took too long.
    ``seen``: files below the roots, ``outside``: elsewhere, without what belongs to the system and to installed
    packages, but with the programs that ran.  Both are sorted by path.  ``processes``: all that were seen, in the order
    in which they began; ``survivors``: those that outlived the command, and went on when watching ended; what they had
    done until then counts as the command's.  ``how``: which way it was watched; with ``states`` nothing says what was
    read.  ``note``: why not the better way, or what could not be looked at.  ``user_seconds`` and ``system_seconds`` of
    processor time, ``max_rss`` in bytes of its largest process: of the command and the children it waited for; all 0
    where the platform does not count them, the last also where it was less than this process itself ever had.
    ``stdout`` and ``stderr``: the last 64 KiB of each that went to no file.
    """

    command: tuple[str, ...]
    cwd: str
    returncode: int
    signal: str | None
    timed_out: bool
    began: datetime
    ended: datetime
    seen: tuple[Seen, ...]
    outside: tuple[Seen, ...]
    processes: tuple[Process, ...]
    survivors: tuple[Process, ...]
    how: Literal["strace", "states"]
    note: str | None
    user_seconds: float
    system_seconds: float
    max_rss: int
    stdout: bytes = b""
    stderr: bytes = b""


def watch(
    command: Sequence[Path],
    *,
    cwd: Path,
    roots: Iterable[Path],
    declared: Iterable[Path] = (),
    env: Mapping[str, str] | None = None,
    how: Literal["strace", "states"] | None = None,
    stdin: Path | None = None,
    stdout: Path | None = None,
    stderr: Path | None = None,
    passing: Passing | None = None,
    timeout: float | None = None,
    grace: float = 5.0,
    linger: float = 1.0,
    limit: int = LIMIT,
    strace: str = "strace",
    clock: Callable[[], datetime] = now,
) -> Watched:
    """Run ``command`` in ``cwd`` and say what it did with files, above all those below ``roots``.

    ``declared``: files (from ``cwd``) whose earlier status is found out however many there are.  ``env``: the whole
    environment, by default this process's.  ``how``: the way to watch, by default strace where it works.  ``stdin``: a
    file to read from, by default nothing; ``stdout``, ``stderr``: files to write to, which count as written; otherwise
    what it says goes to ``passing(stream, data)``, called from threads, as it comes.  ``timeout``: seconds until the
    command and all that it started are asked to end, and ``grace`` seconds later forced to; so they are, at once, when
    the waiting is interrupted.  ``linger``: seconds to wait for processes that outlive the command, which then go on.
    ``limit``: see ``LIMIT``.  ``strace``: the program.

    A command that fails is no error.  Raises ``ProgramNotFound``, ``InvalidOption`` also when ``how`` is not possible
    here, ``OSError`` for ``stdin``, ``stdout`` and ``stderr``, and whatever ``passing`` raises, when the command has
    ended.
    """
    folder = os.path.realpath(cwd)
    argv = tuple(os.fsdecode(each) for each in command)
    program = _program(argv, folder, env)
    if how not in ("strace", "states", None):
        raise InvalidOption(f"how is 'strace' or 'states', not {how!r}", option="how")
    refused = None if how == "states" else refusal(strace) or _privileged(program)
    if how == "strace" and refused is not None:
        raise InvalidOption(f"how is 'strace', but {refused}; leave it out to compare states instead", option="how")
    by_states = how == "states" or refused is not None
    before = look(
        _outermost(os.path.realpath(root) for root in roots),
        declared=[os.path.realpath(os.path.join(folder, path)) for path in declared],
        limit=None if by_states else limit,
        settle=by_states,
    )
    job = _Job(argv, program, folder, before, timeout, grace, linger)
    ledger = Ledger(before, began_ns=time.time_ns() - _TICK_NS)
    files = {
        stream: None if path is None else os.path.realpath(os.path.join(folder, path))
        for stream, path in (("stdin", stdin), ("stdout", stdout), ("stderr", stderr))
    }
    job.say(ledger, files)

    def start(line: Sequence[str]) -> Running:
        return Running(
            line,
            program=argv[0],
            cwd=folder,
            env=env,
            stdin=files["stdin"],
            stdout=files["stdout"],
            stderr=files["stderr"],
            passing=passing,
            clock=clock,
        )

    watched = job.states(ledger, start) if by_states else job.strace(ledger, start, strace)
    return replace(watched, note="; ".join(filter(None, (refused, job.note()))) or None)


@dataclass(frozen=True)
class _Job:
    """A command that is to be watched."""

    argv: tuple[str, ...]
    program: str
    folder: str
    before: Look
    timeout: float | None
    grace: float
    linger: float

    def say(self, ledger: Ledger, files: Mapping[str, str | None]) -> None:
        """Tell the ledger what is known without looking: the files that this process opens for the command."""
        name = os.path.basename(self.argv[0])
        if (path := files["stdin"]) is not None:
            ledger.opened(path, frozenset({"O_RDONLY"}), name)
        for stream in ("stdout", "stderr"):
            if (path := files[stream]) is not None:
                ledger.opened(path, frozenset({"O_WRONLY", "O_CREAT", "O_TRUNC"}), name)

    def note(self) -> str | None:
        """What could not be looked at, in words."""
        lost = [repr(folder) for folder in self.before.unreadable]
        if len(lost) > 1:
            lost[1:] = [f"{len(lost) - 1} more"]
        return f"{' and '.join(lost)} could not be listed, so what changed there is not known" if lost else None

    def strace(self, ledger: Ledger, start: Callable[[Sequence[str]], Running], program: str) -> Watched:
        """Run it under strace."""
        log = TraceLog(ledger, folder=self.folder)
        tracing = Tracing(program, log)
        try:
            running = start(tracing.command(self.argv))
            with running.looked_after(self.grace):
                running.others = lambda: [pid for pid in tracing.left() if alive(pid)]
                tracing.start()
                ended = running.wait(self.timeout, self.grace)
            if running.timed_out:
                running.end(self.grace)
            self._linger(tracing.wait, running.others)
        finally:
            tracing.leave()
        if not log.executed:
            said = running.tails(self.linger)[1].decode("utf-8", "replace").strip() or f"{program} gave no reason"
            raise ProgramNotFound(f"{self.argv[0]} cannot be run: {said}", program=self.argv[0])
        seen, outside = ledger.seen()
        processes = log.processes
        survivors = tuple(one for one in processes if one.ended is None and alive(one.pid))
        return self._watched(running, ended, "strace", seen, outside, processes, survivors)

    def states(self, ledger: Ledger, start: Callable[[Sequence[str]], Running]) -> Watched:
        """Run it, and compare what lay below the roots before with what does after."""
        running = start(self.argv)
        with running.looked_after(self.grace):
            ended = running.wait(self.timeout, self.grace)
        if running.timed_out:
            running.end(self.grace)
        self._linger(lambda timeout: not _still(running, timeout), running.left)
        name = os.path.basename(self.argv[0])
        ledger.executed(os.path.realpath(self.program), name)
        if (script := script_of(self.argv)) is not None:
            path = os.path.realpath(os.path.join(self.folder, script))
            ledger.opened(path, frozenset({"O_RDONLY"}), name, script=True)
        seen, outside = ledger.seen()
        changed = difference(self.before, look(self.before.roots))
        survivors = tuple(Process(pid, parent, argv, running.began) for pid, parent, argv in running.left())
        process = Process(running.pid, os.getpid(), self.argv, ended.began, ended.ended, ended.returncode)
        together = _together(seen, changed)
        return self._watched(running, ended, "states", together, outside, (process, *survivors), survivors)

    def _linger(self, wait: Callable[[float], bool], left: Callable[[], Iterable[object]]) -> None:
        """Give what is left of the command some time to end, and strace some time to say so."""
        began = time.monotonic()
        while not wait(_PAUSE):
            passed = time.monotonic() - began
            if passed > self.linger and (passed > self.linger + _PATIENCE or any(True for _ in left())):
                return

    def _watched(
        self,
        running: Running,
        ended: Ended,
        how: Literal["strace", "states"],
        seen: tuple[Seen, ...],
        outside: tuple[Seen, ...],
        processes: tuple[Process, ...],
        survivors: tuple[Process, ...],
    ) -> Watched:
        # What outlives the command may hold its streams for ever.
        stdout, stderr = running.tails(0.0 if survivors else _PATIENCE)
        return Watched(
            self.argv,
            self.folder,
            ended.returncode,
            signal_name(ended.returncode),
            running.timed_out,
            ended.began,
            ended.ended,
            seen,
            outside,
            processes,
            survivors,
            how,
            None,
            ended.user_seconds,
            ended.system_seconds,
            ended.max_rss,
            stdout,
            stderr,
        )


def _still(running: Running, timeout: float) -> bool:
    """Whether anything is left of a command, and after a while, too."""
    if not running.left():
        return False
    time.sleep(timeout)
    return bool(running.left())


def _program(argv: tuple[str, ...], folder: str, env: Mapping[str, str] | None) -> str:
    """The file that would be run."""
    if not argv:
        raise InvalidOption("the command is empty", option="command")
    if not os.path.isdir(folder):
        raise InvalidOption(f"cwd is {folder!r}, which is no folder", option="cwd")
    if os.path.dirname(argv[0]):
        found = shutil.which(os.path.join(folder, argv[0]))
    else:
        found = shutil.which(argv[0], path=None if env is None else env.get("PATH", os.defpath))
    if found is None:
        raise ProgramNotFound(
            f"there is no program {argv[0]!r} that could be run; check its name, its permissions and PATH",
            program=argv[0],
        )
    return found


def _privileged(program: str) -> str | None:
    """Why a program would be hindered by being watched: the kernel gives its owner's rights to none that is traced."""
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        return None
    if os.stat(program).st_mode & (stat.S_ISUID | stat.S_ISGID):
        return f"{program} runs with its owner's rights, which it would not have under strace"
    return None


def _outermost(roots: Iterable[str]) -> tuple[str, ...]:
    """The roots that lie below no other."""
    kept: list[str] = []
    for root in sorted(set(roots)):
        if not any(root.startswith(above.rstrip(os.sep) + os.sep) for above in kept):
            kept.append(root)
    return tuple(kept)


def _together(told: tuple[Seen, ...], changed: tuple[Seen, ...]) -> tuple[Seen, ...]:
    """What was known without looking and what was found by it, as one."""
    found = {seen.path: seen for seen in changed}
    for seen in told:
        other = found.get(seen.path)
        found[seen.path] = seen if other is None else replace(other, read=seen.read, executed=seen.executed, by=seen.by)
    return tuple(found[path] for path in sorted(found))
