"""Commands that are watched, and what was seen in a form that is easily compared."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from holotype.lake.capturing.watching import watch

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from holotype.lake.capturing.seen import Seen
    from holotype.lake.capturing.watching import Watched


def run(folder: Path, script: str, *, how: Literal["strace", "states"] | None = "strace", **more: object) -> Watched:
    """A shell script, watched where it runs."""
    return watch(["sh", "-c", script], cwd=folder, roots=[folder], how=how, **more)  # type: ignore[arg-type]


def marks(seen: Iterable[Seen], folder: Path) -> dict[str, str]:
    """What was done with each file, by its path below a folder: r(ead), w(ritten), d (removed), x (run)."""
    top = os.path.realpath(folder)
    return {
        os.path.relpath(one.path, top): "".join(
            letter
            for letter, is_so in zip("rwdx", (one.read, one.written, one.removed, one.executed), strict=True)
            if is_so
        )
        for one in seen
    }


def one(watched: Watched, path: Path) -> Seen:
    """What was seen of one file, below the roots or elsewhere."""
    (found,) = [each for each in (*watched.seen, *watched.outside) if each.path == os.path.realpath(path)]
    return found
