"""A keeper as seen by who has it: started when it is needed, and again when it was ended; told of jobs, listened to."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import time
import weakref
from typing import TYPE_CHECKING, Any

from holotype.catalog import ProgramNotFound

from .adopting import can_adopt
from .identity import processes
from .keeper import starting

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import IO

    from .traces import Traces

__all__ = ["Keeping"]

# Seconds for an interpreter that has to be started on a machine with other work.
_PATIENCE = 120.0
# Seconds for one that is told nothing any more to end.
_LEAVING = 10.0
# Seconds that a system can be told to wait.
_LONGEST = 86400.0
_AT_ONCE = 1 << 16


class Keeping:
    """The keeper of a place.

    No thread listens to it: what it says waits in a pipe.  Where a pipe cannot be waited for nothing is heard, and one
    has to look at what was written down.
    """

    def __init__(self, traces: Traces) -> None:
        self._traces = traces
        self._process: subprocess.Popen[bytes] | None = None
        # Done when this is gone, too: nobody has to close it.
        self._leave: weakref.finalize[..., Keeping] | None = None
        self._shut: weakref.finalize[..., Keeping] | None = None
        self._reading = self._writing = -1
        self._rest = b""
        self._said: list[dict[str, Any]] = []

    @property
    def lives(self) -> bool:
        """Whether there is one."""
        return self._process is not None and self._process.poll() is None

    @property
    def listens(self) -> bool:
        """Whether something can be heard."""
        return hasattr(os, "fork")

    def tell(self, jobs: Iterable[dict[str, Any]]) -> None:
        """Have jobs looked after.  Raises ``OSError`` where no keeper can be started."""
        lines = b"".join(json.dumps(job).encode() + b"\n" for job in jobs)
        for _ in range(2):
            process = self._process if self.lives else self._start()
            assert process is not None
            assert process.stdin is not None
            try:
                process.stdin.write(lines)
                process.stdin.flush()
            except BrokenPipeError:  # it was ended just now
                process.wait()
            else:
                return
        raise self._none("it was ended at once, two times")

    def heard(self) -> list[dict[str, Any]]:
        """What was said since."""
        while self._reading >= 0:
            try:
                said = os.read(self._reading, _AT_ONCE)
            except BlockingIOError:
                break
            *lines, self._rest = (self._rest + said).split(b"\n")
            self._said += [json.loads(line) for line in lines]
        said_now, self._said = self._said, []
        return said_now

    def sleep(self, seconds: float) -> bool:
        """Return when something was said, or after so many seconds; whether something was."""
        if self._said:
            return True
        if self._reading < 0:
            time.sleep(min(seconds, _LONGEST))
            return False
        ready = select.poll()  # unlike select it takes any descriptor
        ready.register(self._reading, select.POLLIN)
        return bool(ready.poll(min(seconds, _LONGEST) * 1000))

    def close(self) -> None:
        """Leave it; it goes when it has started what it was told of."""
        for leave in (self._leave, self._shut):
            if leave is not None:
                leave()
        self._leave = self._shut = self._process = None
        self._reading = self._writing = -1
        self._rest, self._said = b"", []

    def _start(self) -> subprocess.Popen[bytes]:
        if self._leave is not None:
            self._leave()
        if not can_adopt():
            processes()  # guards will need it
        self._traces.make()
        if self.listens and self._reading < 0:
            self._reading, self._writing = os.pipe()
            for each in (self._reading, self._writing):
                os.set_blocking(each, False)  # no guard waits for us to listen
            self._shut = weakref.finalize(self, _shut, self._reading, self._writing)
        command, first = starting(_interpreter(), "main", str(self._traces.folder))
        errors = self._traces.folder / "keeper.log"
        with open(errors, "ab") as log:
            try:
                process = subprocess.Popen(
                    command,
                    cwd=os.path.abspath(os.sep),  # it may be there for long, and holds no folder
                    stdin=subprocess.PIPE,
                    stdout=self._writing if self.listens else subprocess.DEVNULL,
                    stderr=log,  # who waits for the end of ours shall not wait for its guards
                    start_new_session=True,
                    creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
                )
            except OSError as error:
                raise self._none(str(error)) from error
        assert process.stdin is not None
        self._process, self._leave = process, weakref.finalize(self, _leave, process, process.stdin)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(first)
            process.stdin.flush()
        if self.listens:
            self._await_ready(process, errors)
        return process

    def _await_ready(self, process: subprocess.Popen[bytes], errors: Path) -> None:
        deadline = time.monotonic() + _PATIENCE
        kept: list[dict[str, Any]] = []
        while True:
            said = self.heard()
            kept += [each for each in said if "ready" not in each]  # guards of the one before speak too
            if any("ready" in each for each in said):
                break
            if process.poll() is not None:
                raise self._none(f"it ended with status {process.returncode}, and {errors} may say why")
            if time.monotonic() > deadline:
                process.kill()
                raise self._none(f"it was not ready after {_PATIENCE:g} seconds")
            self.sleep(0.1)
        self._said = kept

    def _none(self, why: str) -> ProgramNotFound:
        return ProgramNotFound(
            f"jobs are looked after by a process of their own, and there is none: {why}", program=sys.executable
        )


def _leave(process: subprocess.Popen[bytes], telling: IO[bytes]) -> None:
    with contextlib.suppress(OSError):  # of what could not be written any more
        telling.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_LEAVING)


def _shut(*descriptors: int) -> None:
    for each in descriptors:
        os.close(each)


def _interpreter() -> str:
    """What runs Python here.  A program that has Python inside may call itself the interpreter, and would be begun a
    second time.
    """
    name = os.path.basename(sys.executable or "")
    if not name.lower().startswith(("python", "pypy", "graalpy")):
        what = f"{name or 'nothing'} is no interpreter of Python, which jobs are looked after by"
        raise ProgramNotFound(what, program=sys.executable)
    return sys.executable
