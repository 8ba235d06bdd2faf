"""A guard: a process that starts a job, and stays with it until nothing of it is left; then perhaps another.

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
from .trees import Adopted, Marked

if TYPE_CHECKING:
    from collections.abc import Callable

    from .place import Cause
    from .traces import Page, Traces
    from .trees import Tree

__all__ = ["Guard", "begin", "job_from", "prepare", "tell"]

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
    _beyond_own(1)
    traces.mark("")
    Identity.of(os.getpid())


class Guard:
    """This process as a guard, of one job after the other.

    ``listener``: the descriptor that what becomes of jobs is told to as well.
    """

    def __init__(self, traces: Traces, listener: int | None) -> None:
        self._traces, self._listener = traces, listener
        if hasattr(os, "setsid"):
            with suppress(PermissionError):  # it leads its session already
                os.setsid()
        self._awake = _Awake()
        self._below = Adopted() if adopt() else None
        self._own = Identity.of(os.getpid())

    def leave(self) -> None:
        """Look after nothing any more."""
        self._traces.leave()

    def look_after(self, job: Job, *, free: Callable[[], None] = lambda: None) -> bool:
        """Start a job, unless somebody has, stay with it to its end, and write down how it was.

        ``free``: called when that is written down, before it is told, if another job may come; whether it may: who had
        to be ended, and what was not to be known, is not to be mixed up with what comes next.
        """
        id = job.id
        try:
            begun = _patiently(lambda: begin(self._traces, id, self._own))
        except OSError as error:
            now, why = time.time(), f"that it begins cannot be written down, so it is not begun: {error}"
            tell(self._listener, id, ended=vars(Ended(began=now, ended=now, cause="start", message=why)))
            return False
        if begun is None:
            free()
            tell(self._listener, id)
            return True
        page, began = begun
        tree: Tree = self._below or Marked(self._traces.mark(id))
        watch = _Watch(self._traces, page, job, tree, self._awake, began, self._listener)
        outcome = watch.outcome()
        try:
            _patiently(lambda: page.end(outcome))
        except FileNotFoundError:  # somebody has removed what was written of it: nobody wants to know
            return False
        if watch.clean:
            free()
        tell(self._listener, id, ended=vars(outcome))
        return watch.clean


def begin(traces: Traces, id: str, guard: Identity) -> tuple[Page, float] | None:
    """Begin a job: where it is written down, and when that was; ``None`` when somebody else has."""
    if not traces.stays():  # it may have been cancelled there, which would be forgotten
        raise FileNotFoundError(errno.ENOENT, "what was written of jobs was removed", str(traces.folder))
    now = time.time()
    page = traces.begin(id, now, guard)
    return None if page is None else (page, now)


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
        for descriptor in (self._reading, writing):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        # Handled, and not ignored: what is ignored stays so in the job, and of what it begins in the background a shell
        # has some ignored.  What Python itself ignores it gives back.
        handled = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        ignored = {each for each in signal.valid_signals() if signal.getsignal(each) is signal.SIG_IGN}
        for each in handled | ignored - {signal.SIGPIPE, signal.SIGXFSZ}:
            signal.signal(each, lambda number, frame: None)

    def sleep(self, seconds: float) -> None:
        if self._reading is None:
            time.sleep(min(seconds, _PAUSE))
        elif select.select([self._reading], [], [], seconds)[0]:
            os.read(self._reading, 4096)


class _Watch:
    """Who stays with one job that is its own to start; ``clean``: nothing had to be ended, and all is known of it."""

    def __init__(
        self, traces: Traces, page: Page, job: Job, tree: Tree, awake: _Awake, began: float, listener: int | None
    ) -> None:
        self._traces, self._page, self._job, self._tree = traces, page, job, tree
        self._awake, self._listener = awake, listener
        self._began, self._made = began, time.monotonic()
        self._started = self._look = self._beat = self._made
        self._status: int | None = None
        self._cause: Cause | None = None
        self._memory = 0
        self._cpu, self._most = 0.0, 0
        self._told = False
        self._asked: set[int] = set()
        self._deadline: float | None = None

    @property
    def clean(self) -> bool:
        return self._status is not None and self._deadline is None

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
        self._page.start(Identity.of(self._process.pid))
        # What is over before anybody could want to know that it runs, and what memory it has, is over.
        self._look, self._beat = self._started + _SOON, self._started + BEAT
        self._awake.sleep(self._until_next())
        while not self._is_over():
            self._awake.sleep(self._until_next())
        return self._summed(kills)

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
            self._page.beat()
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
                pid, status, used = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                # With that of its own children that it has waited for.
                self._cpu, self._most = self._cpu + used.ru_utime + used.ru_stime, max(self._most, used.ru_maxrss)
                if pid == self._process.pid:
                    self._status = self._process.returncode = os.waitstatus_to_exitcode(status)

    def _limit(self, now: float) -> Cause | None:
        """Why it is to be ended, if it is."""
        if self._traces.cancelled(self._job.id):
            return "cancelled"
        if self._job.time is not None and now - self._started >= self._job.time:
            return "time"
        if now >= self._look:
            if not self._told:
                self._told = True
                tell(self._listener, self._job.id, running={"began": self._began})
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

    def _summed(self, kills: int | None) -> Ended:
        assert self._status is not None
        read, written = self._tree.traffic() or (None, None)
        if self._cause is None and kills is not None and self._status in (-_KILLED, 128 + _KILLED):
            self._cause = "memory" if (memory_kills() or 0) > kills else None
        return self._ended(
            code=self._status if self._status >= 0 else None,
            signal=-self._status if self._status < 0 else None,
            cpu=self._cpu,
            memory=max(_beyond_own(self._most), self._memory),
            read=read,
            written=written,
            cause=self._cause,
        )

    def _ended(self, **how: Any) -> Ended:
        # Not by the calendar, which may be put forward or back meanwhile.
        return Ended(began=self._began, ended=self._began + time.monotonic() - self._made, **how)


def _beyond_own(most: int) -> int:
    """Bytes, of what the system says of the memory of children; 0 where that is nothing of theirs."""
    if not most:
        return 0
    import resource

    # A child counts what its parent had when it was started, so less than that cannot be told.
    if most <= resource.getrusage(resource.RUSAGE_SELF).ru_maxrss:
        return 0
    # Linux counts kibibytes, macOS bytes.
    return most * (1 if sys.platform == "darwin" else 1024)


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
