"""A keeper: a process that starts a guard for each job it is told of.

It is there because a process that is small, and has one thread, is forked in a moment; a guard that was started on its
own would first have to load Python.  It is told of jobs in lines of JSON on its standard input, and ends when nobody
tells it anything any more; its guards do not.  They, not the keeper, answer on its standard output::

    {"id": …, "command": […], …}        {"id": …, "running": {"began": …}}
                                        {"id": …, "ended": {"code": 0, …}}
                                        {"id": …}    somebody else has started it
                                        {}           look at what was written down
"""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from .guard import job_from, look_after, prepare, tell
from .identity import Identity
from .place import Ended
from .traces import Traces

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["READY", "alone", "main", "starting"]

READY = b'{"ready": true}\n'
"""What it says first."""

_LISTENER = 1
# What runs a module's function in a process of its own; it is told first where the modules are.
_BEGIN = """
import json, sys
sys.path[:] = json.loads(sys.stdin.readline())
from holotype.scheduling.places.keeper import {function}
{function}(json.loads(sys.stdin.readline()))
"""


def starting(interpreter: str, function: str, folder: str) -> tuple[Sequence[str], bytes]:
    """How a process with ``main`` or ``alone`` is started, and what it is told first."""
    # Never from the current folder, which may be one of data; and with names of files read as here.
    options = ["-I" if sys.flags.isolated else "-P", "-X", f"utf8={sys.flags.utf8_mode}"]
    # Not all are paths of files: some are names that import hooks know.
    paths = [os.path.abspath(each) if os.path.exists(each) else each for each in sys.path if each]
    return [interpreter, *options, "-c", _BEGIN.format(function=function)], (
        json.dumps(paths) + "\n" + json.dumps(folder) + "\n"
    ).encode()


def main(folder: str) -> None:
    """Be a keeper."""
    if hasattr(os, "fork"):
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guards are waited for by nobody
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    traces = Traces(folder)
    traces.tidy()
    prepare(traces)
    gc.freeze()  # guards share what is there now as long as nobody touches it
    os.write(_LISTENER, READY)
    for line in sys.stdin:
        if not line.endswith("\n"):
            return  # who was telling it was ended
        if hasattr(os, "fork"):
            _fork(traces, line)
        else:
            _start_alone(folder, line)


def alone(folder: str) -> None:
    """Be a guard that was not forked, told of its job in a line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    look_after(Traces(folder), job_from(json.loads(sys.stdin.readline())), _LISTENER)


def _fork(traces: Traces, line: str) -> None:
    """Have a guard look after a job."""
    job = job_from(json.loads(line))
    try:
        if os.fork():
            return
    except OSError as error:  # no more processes, or no memory for one
        now = time.time()
        ended = Ended(began=now, ended=now, cause="start", message=f"no process can be started: {error.strerror}")
        with suppress(OSError):
            traces.begin(job.id, now, Identity.of(os.getpid()), ended=ended)
        tell(_LISTENER, job.id)
        return
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)  # else who tells the keeper would tell its guards too
    os.close(nothing)
    look_after(traces, job, _LISTENER)
    # At once: to take down what was taken over from the keeper costs more than the rest of a guard's life.
    os._exit(0)


def _start_alone(folder: str, line: str) -> None:
    command, first = starting(sys.executable, "alone", folder)
    guard = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert guard.stdin is not None
    guard.stdin.write(first + line.encode())
    guard.stdin.close()
    guard.returncode = 0  # waited for by nobody
