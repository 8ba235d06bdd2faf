"""Processes that begin at the same moment."""

from __future__ import annotations

import subprocess
import sys


def race(program: str, *arguments: str, runners: int) -> list[str]:
    """What each of several Python processes printed after all of them were told to go, in the order of their numbers.

    ``program`` gets ``arguments`` and its number, says ``ready``, waits for a line, and does its work.
    """
    children = [
        subprocess.Popen(
            [sys.executable, "-c", program, *arguments, str(me)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for me in range(runners)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    printed: list[str] = []
    for child in children:
        said, complained = child.communicate()
        assert child.returncode == 0, complained
        printed.append(said)
    return printed
