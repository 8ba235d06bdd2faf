"""What was made before, by what it was made of, so that it is not made again."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holotype.catalog import StorageFailed

from .durable import settle
from .remembering import Memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .digests import Digests, Seen

__all__ = ["Cache", "Kept"]


@dataclass(frozen=True)
class Kept:
    """``folder``: where it is.  ``outputs``: by their names, paths within it.  ``digests``: of every file, also of
    those that lie beside.
    """

    run: str
    task: str
    folder: str
    outputs: Mapping[str, Sequence[str]]
    digests: Mapping[str, str]


class Cache:
    """Remembers results in a file; shared by threads and processes."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._memory = Memory(
            path,
            "results (fingerprint TEXT PRIMARY KEY, run TEXT, task TEXT, folder TEXT, outputs TEXT, digests TEXT)",
            "bad (fingerprint TEXT PRIMARY KEY, why TEXT, time REAL)",
        )

    def remember(self, fingerprint: str, kept: Kept) -> None:
        """Keep where a result is; the one that was there before is forgotten."""
        row = (
            fingerprint,
            kept.run,
            kept.task,
            kept.folder,
            json.dumps({name: list(paths) for name, paths in kept.outputs.items()}),
            json.dumps(dict(kept.digests)),
        )
        with suppress(StorageFailed):  # then it is made again
            self._memory.tell("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?)", *row)

    def find(self, fingerprint: str) -> Kept | None:
        """What was made of the same, if it is known."""
        row = None
        with suppress(StorageFailed):  # then it is made again
            row = self._memory.ask(
                "SELECT run, task, folder, outputs, digests FROM results "
                "WHERE fingerprint=? AND fingerprint NOT IN (SELECT fingerprint FROM bad)",
                fingerprint,
            )
        if row is None:
            return None
        run, task, folder, outputs, digests = row
        return Kept(run, task, folder, json.loads(outputs), json.loads(digests))

    def never(self, fingerprint: str, why: str, time: float) -> None:
        """Have what was made of this never taken again.  Raises ``StorageFailed``."""
        self._memory.tell("INSERT OR REPLACE INTO bad VALUES (?, ?, ?)", fingerprint, why, time, lasting=True)

    def close(self) -> None:
        """Leave it."""
        self._memory.close()


def brought(kept: Kept, to: Path, digests: Digests) -> dict[str, Seen] | None:
    """Have what was kept in another folder too, all or nothing; ``None`` where it is not what it was, or not there any
    more, or there is no room for it.

    The names of its folders are not on disk for that.
    """
    for name, digest in kept.digests.items():
        try:
            if digests.of(os.path.join(kept.folder, name)).digest != digest:
                return None
        except OSError:
            return None
    new = to.with_name(f"{to.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        for name in kept.digests:
            target = new / name
            target.parent.mkdir(parents=True, exist_ok=True)
            _bring(os.path.join(kept.folder, name), target)
    except OSError:  # somebody clears it away just now, or the disk is full: then it is made again
        shutil.rmtree(new, ignore_errors=True)
        return None
    shutil.rmtree(to, ignore_errors=True)  # of somebody who died before he said so
    seen = {name: digests.remember(str(new / name), digest) for name, digest in kept.digests.items()}
    new.rename(to)
    return seen


def _bring(source: str, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one that has no links
        shutil.copy2(source, target)
        settle(target)
