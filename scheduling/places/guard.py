"""A guard: the process that starts one job, and stays with it until nothing of it is left.

It is below nobody who could take it along: neither who submitted the job, nor the keeper that it was forked from.  All
that the job starts is below the guard, which so knows when it is over, and what it has taken.
"""

from __future__ import annotations

import errno
import json
import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from .adopting import adopt, can_adopt
from .identity import BEAT, Identity
from .killing import memory_kills
from .place import Ended, Job
from .traces import MARK
from .trees import Adopted, Marked, Tree

if TYPE_CHECKING:
    from collections.abc import Callable

    from .place import Cause
    from .traces import Traces

__all__ = ["Guard", "begun", "job_from", "look_after", "prepare", "tell"]

_T = TypeVar("_T")

# Seconds that processes have to end when they are asked, before they are made to.
_GRACE = 5.0
# Seconds between looks at what memory a job has: soon at first, for many are short; later, where it may have only so
# much, and where nobody minds.
_SOON, _LOOK, _LOOK_EASILY = 0.03, 0.5, 2.0
# The part of its time up to now after which a job is looked at again.
_OFTEN = 0.15
# The share of a processor that looking may take: one that has thousands of processes is looked at less often.
_SHARE = 0.02
# Seconds between looks at whether what was asked to end has.
_PAUSE = 0.02
# Seconds for which it tries to write something down, while the disk does not let it; and between two attempts.
_PATIENCE, _AGAIN = 600.0, 0.5
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EAGAIN, errno.ENFILE, errno.ESTALE})
# Signal 9, and how a shell says that of a process it started.
_KILLED = 9


def job_from(said: dict[str, Any]) -> Job:
    """A job that travelled as JSON."""
    return Job(**said)


def prepare(traces: Traces) -> None:
    """Do what every guard would have to do, before they are forked."""
    can_adopt()
    memory_kills()
    _used()
    traces.mark("")
    Identity.of(os.getpid())


def look_after(traces: Traces, job: Job, listener: int | None) -> None:
    """Start a job, unless somebody has, stay with it to its end, and write down how it was.

    ``listener``: the descriptor that it is told to as well.
    """
    awake = _Awake()
    if hasattr(os, "setsid"):
        with suppress(PermissionError):  # it leads its session already
            os.setsid()
    try:
        began = _patiently(lambda: begun(traces, job))
    except OSError as error:
        now, why = time.time(), f"that it begins cannot be written down, so it is not begun: {error}"
        tell(listener, job.id, ended=vars(Ended(began=now, ended=now, cause="start", message=why)))
        return
    if began is None:
        tell(listener, job.id)
        return
    tree: Tree = Adopted() if adopt() else Marked(traces.mark(job.id))
    outcome = Guard(traces, job, tree, awake, began, listener).outcome()
    # Where somebody has removed what was written of it, nobody wants to know.
    with suppress(FileNotFoundError):
        _patiently(lambda: traces.end(job.id, outcome))
        tell(listener, job.id, ended=vars(outcome))


def begun(traces: Traces, job: Job) -> float | None:
    """When this process has begun it; ``None`` when somebody else has."""
    if not traces.stays():  # it may have been cancelled there, which would be forgotten
        raise FileNotFoundError(errno.ENOENT, "what was written of jobs was removed", str(traces.folder))
    now = time.time()
    return now if traces.begin(job.id, now, Identity.of(os.getpid())) else None


def _patiently(write: Callable[[], _T]) -> _T:
    """Write something, again and again while a disk is full, or does not answer.  Raises ``OSError``."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return write()
        except OSError as error:
            if error.errno not in _PASSING or time.monotonic() > deadline:
                raise
        time.sleep(_AGAIN)


def tell(listener: int | None, id: str, **said: Any) -> None:
    """Say something of a job to who listens.  It is written down as well, so nobody needs to hear it."""
    line = json.dumps({"id": id, **said}).encode() + b"\n"
    if len(line) > getattr(select, "PIPE_BUF", 512):  # others' words would come between
        line = b"{}\n"
    if listener is not None:
        with suppress(OSError):  # nobody is there, or too much was said to them already
            os.write(listener, line)


class _Awake:
    """Sleep that ends when a child does, or when somebody asks for a look."""

    def __init__(self) -> None:
        self._reading: int | None = None
        if not hasattr(os, "fork"):
            return
        self._reading, writing = os.pipe()
        for each in (self._reading, writing):
            os.set_blocking(each, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        # Handled, and not ignored: what is ignored stays so in the job.
        for each in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(each, lambda number, frame: None)

    def sleep(self, seconds: float) -> None:
        if self._reading is None:
            time.sleep(min(seconds, _PAUSE))
        elif select.select([self._reading], [], [], seconds)[0]:
            os.read(self._reading, 4096)


class Guard:
    """Who stays with one job that is its own to start."""

    def __init__(
        self, traces: Traces, job: Job, tree: Tree, awake: _Awake, began: float, listener: int | None = None
    ) -> None:
        self._traces, self._job, self._tree, self._awake, self._listener = traces, job, tree, awake, listener
        self._began, self._made = began, time.monotonic()
        self._started = self._made
        self._status: int | None = None
        self._cause: Cause | None = None
        self._memory = 0
        self._asked: set[int] = set()
        self._deadline: float | None = None
        self._beat = self._look = self._started

    def outcome(self) -> Ended:
        """Start it, and return when nothing of it is left."""
        kills = memory_kills()
        if self._traces.cancelled(self._job.id):
            return self._ended(cause="cancelled")
        try:
            self._process = self._start()
        except (OSError, ValueError) as error:
            return self._ended(cause="start", message=_why(self._job, error))
        self._started = time.monotonic()
        self._traces.start(self._job.id, Identity.of(self._process.pid))
        tell(self._listener, self._job.id, running={"began": self._began})
        while not self._is_over():
            self._awake.sleep(self._until_next())
        return self._told(kills)

    def _start(self) -> subprocess.Popen[bytes]:
        job = self._job
        with open(job.stdout, "ab") as out, open(job.stderr, "ab") as errors:
            return subprocess.Popen(
                job.command,
                cwd=job.folder,
                env={**job.environment, MARK: self._traces.mark(job.id)},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=errors,
                process_group=0 if hasattr(os, "setpgid") else None,
            )

    def _is_over(self) -> bool:
        self._reap()
        now = time.monotonic()
        if now >= self._beat:
            self._beat = now + BEAT
            with suppress(OSError):
                os.utime(self._traces.sign(self._job.id))
        if self._status is None and self._cause is None:
            self._cause = self._limit(now)
        if self._status is None and self._cause is None:
            return False
        members = self._tree.members()
        if not members and self._status is not None:
            self._reap()
            return True
        self._end(members)
        return False

    def _reap(self) -> None:
        """Take note of what has ended: the job itself, and what it had left behind."""
        if not hasattr(os, "fork"):
            self._status = self._process.poll()
            return
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._process.pid:
                    self._status = self._process.returncode = os.waitstatus_to_exitcode(status)

    def _limit(self, now: float) -> Cause | None:
        """Why it is to be ended, if it is."""
        if self._traces.cancelled(self._job.id):
            return "cancelled"
        if self._job.time is not None and now - self._started >= self._job.time:
            return "time"
        if now >= self._look:
            spent = time.process_time()
            memory = self._tree.memory(beyond=self._memory)
            self._memory = max(self._memory, memory)
            most = _LOOK_EASILY if self._job.memory is None else _LOOK
            pause = min(max(_SOON, _OFTEN * (now - self._started)), most)
            self._look = now + max(pause, (time.process_time() - spent) / _SHARE)
            return "memory" if self._job.memory is not None and memory > self._job.memory else None
        return None

    def _end(self, members: set[int]) -> None:
        """Ask them to end, each once, and after a while make them."""
        now = time.monotonic()
        if self._deadline is None:
            self._deadline = now + _GRACE
        force = now >= self._deadline
        for pid in members if force else members - self._asked:
            self._tree.end(pid, force=force)
        self._asked |= members

    def _until_next(self) -> float:
        if self._deadline is not None:
            return _PAUSE
        next = min(self._look, self._beat)
        if self._job.time is not None:
            next = min(next, self._started + self._job.time)
        return max(0.0, next - time.monotonic())

    def _told(self, kills: int | None) -> Ended:
        assert self._status is not None
        cpu, memory = _used()
        read, written = self._tree.traffic() or (None, None)
        if self._cause is None and kills is not None and self._status in (-_KILLED, 128 + _KILLED):
            self._cause = "memory" if (memory_kills() or 0) > kills else None
        return self._ended(
            code=self._status if self._status >= 0 else None,
            signal=-self._status if self._status < 0 else None,
            cpu=cpu,
            memory=max(memory, self._memory),
            read=read,
            written=written,
            cause=self._cause,
        )

    def _ended(self, **how: Any) -> Ended:
        # Not by the calendar, which may be put forward or back meanwhile.
        return Ended(began=self._began, ended=self._began + time.monotonic() - self._made, **how)


def _used() -> tuple[float, int]:
    """Seconds of processors of all children, and bytes of memory of the largest; 0 where nobody counts them."""
    if not hasattr(os, "fork"):
        return 0.0, 0
    import resource

    used, own = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    # A child counts what its parent had when it was started, so less than that cannot be told.
    most = used.ru_maxrss if used.ru_maxrss > own.ru_maxrss else 0
    # Linux counts kibibytes, macOS bytes.
    return used.ru_utime + used.ru_stime, most * (1 if sys.platform == "darwin" else 1024)


def _why(job: Job, error: OSError | ValueError) -> str:
    """Why a job could not be started, in words."""
    program = job.command[0]
    if isinstance(error, ValueError):
        return f"an argument, a variable or a path is none that a system takes: {error}"
    about = os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""
    if about in (job.stdout, job.stderr):
        return f"its output cannot be written to {about}: {error.strerror}"
    if not os.path.isdir(job.folder):
        return f"its folder {job.folder} is none: {error.strerror}"
    if isinstance(error, FileNotFoundError):
        if os.path.dirname(program) and os.path.exists(os.path.join(job.folder, program)):
            return f"what is to run {program}, by its first line or its format, is not there"
        where = "" if os.path.dirname(program) else f" in PATH, which is {job.environment.get('PATH', os.defpath)!r}"
        return f"there is no program {program}{where}"
    return f"{program} cannot be run: {error.strerror}"
