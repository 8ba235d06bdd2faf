"""Whether the kernel has ended a process because memory ran out: it counts that, for each group of processes.

Of version 2 of control groups, and of version 1; see the kernel's ``cgroup-v2`` and ``cgroup-v1/memory``.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["memory_kills"]


def memory_kills(root: str = "/") -> int | None:
    """How often it has in the group of this process; ``None`` where that cannot be read."""
    file = _counts(root)
    if file is None:
        return None
    try:
        said = file.read_text("ascii")
    except OSError:
        return None
    return next((int(line.split()[1]) for line in said.splitlines() if line.startswith("oom_kill ")), None)


@cache
def _counts(root: str) -> Path | None:
    """The file with the counts.  Jobs do not leave the group that they are started in."""
    try:
        groups = (Path(root) / "proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:
        return None
    found: list[Path] = []
    for line in groups:
        _, controllers, path = line.split(":", 2)
        inside = path.lstrip("/")
        if "memory" in controllers.split(","):
            found.append(Path(root) / "sys/fs/cgroup/memory" / inside / "memory.oom_control")
        elif not controllers:
            found += [Path(root) / "sys/fs/cgroup" / top / inside / "memory.events" for top in ("", "unified")]
    return next((each for each in found if each.is_file()), None)
