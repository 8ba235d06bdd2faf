"""A keeper: a process that has a guard for each job it is told of.

It is there because a process that is small, and has one thread, is forked in a moment; a guard that was started on its
own would first have to load Python.  It is told of jobs in lines of JSON on its standard input, and ends when nobody
tells it anything any more; its guards end when their jobs are over.  They, not the keeper, answer on its standard
output::

    {"id": …, "command": […], …}        {"id": …, "running": {"began": …}}     when it has run for a moment
                                        {"id": …, "ended": {"code": 0, …}}
                                        {"id": …}    somebody else has started it
                                        {}           look at what was written down
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from .guard import Guard, job_from, prepare
from .pool import Guards
from .traces import Traces

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["READY", "alone", "main", "starting"]

READY = b'{"ready": true}\n'
"""What it says first."""

_TELLER, _LISTENER = 0, 1
_AT_ONCE = 1 << 16
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
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    traces = Traces(folder)
    traces.tidy()
    prepare(traces)
    gc.freeze()  # guards share what is there now as long as nobody touches it
    os.write(_LISTENER, READY)
    if hasattr(os, "fork"):
        _keep(Guards(traces, _LISTENER))
        return
    for line in sys.stdin:
        if not line.endswith("\n"):
            return  # who was telling it was ended
        _start_alone(folder, line)


def alone(folder: str) -> None:
    """Be a guard that was not forked, told of its job in a line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    guard = Guard(Traces(folder), _LISTENER)
    guard.look_after(job_from(json.loads(sys.stdin.readline())))
    guard.leave()


def _keep(guards: Guards) -> None:
    """Give jobs to guards, as long as somebody tells of any."""
    rest = b""
    while True:
        poll = select.poll()
        for each in (_TELLER, *guards.sockets()):
            poll.register(each, select.POLLIN)
        # Guards first: one that is free need not be forked.
        for descriptor, _ in sorted(poll.poll(), reverse=True):
            if descriptor != _TELLER:
                guards.hear(descriptor)
                continue
            said = os.read(_TELLER, _AT_ONCE)
            if not said:  # what came last and is no whole line was said by somebody who was ended
                guards.leave()
                return
            *lines, rest = (rest + said).split(b"\n")
            for line in lines:
                guards.look_after(line + b"\n")


def _start_alone(folder: str, line: str) -> None:
    command, first = starting(sys.executable, "alone", folder)
    guard = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert guard.stdin is not None
    guard.stdin.write(first + line.encode())
    guard.stdin.close()
    guard.returncode = 0  # waited for by nobody
