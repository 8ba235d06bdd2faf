"""Which processors a program may use, and how long it used them; only Linux tells and decides."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["allowed", "confined", "worked"]


def allowed() -> list[int]:
    """The numbers of the processors that this process may be confined to; none where it cannot be."""
    return sorted(os.sched_getaffinity(0)) if sys.platform == "linux" else []


@contextmanager
def confined(to: Collection[int]) -> Iterator[None]:
    """What is started inside stays on these processors; on any, when there are none."""
    before = allowed()
    if sys.platform == "linux" and to:
        os.sched_setaffinity(0, to)
    try:
        yield
    finally:
        if sys.platform == "linux":
            os.sched_setaffinity(0, before)


def worked(process: int) -> float:
    """Seconds of processors that a process took so far, user and system."""
    if sys.platform != "linux":
        return 0.0
    user, system = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
