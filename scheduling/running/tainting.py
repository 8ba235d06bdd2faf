"""What was built on results that turned out to be bad, in all runs of a site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from .journal import read_events

if TYPE_CHECKING:
    import os
    from collections.abc import Collection, Iterator

__all__ = ["built_on"]

_SCHEMA = {"run": pl.String(), "task": pl.String(), "time": pl.Float64(), "paths": pl.List(pl.String())}


def built_on(site: str | os.PathLike[str], digests: Collection[str]) -> pl.DataFrame:
    """Every task that took files of these digests, or what was made of them, and so on: ``run``, ``task``, ``time`` in
    seconds since 1970 when it was done, and the ``paths`` of its results; in the order in which they were done.

    Only digests count: whoever took the same bytes from elsewhere is among them.  Raises ``ObjectDamaged`` where a
    journal is not as it was written.
    """
    bad, rows = set(digests), list[dict[str, Any]]()
    # Nothing is made of what is not there yet, so once in the order of time is enough.
    for done in sorted(_done(Path(site)), key=lambda each: each["time"]):
        if done["takes"] & bad:
            bad |= done["makes"]
            rows.append({name: done[name] for name in _SCHEMA})
    return pl.DataFrame(rows, schema=_SCHEMA)


def _done(site: Path) -> Iterator[dict[str, Any]]:
    """What was done in each run, with the digests that it took and made."""
    for journal in sorted((site / "runs").glob("*/journal")):
        takes: dict[str, set[str]] = {}
        for event in read_events(journal):
            if event["what"] in ("begun", "reused"):
                takes[event["task"]] = {each["digest"] for each in event["inputs"]["seen"]}
            if event["what"] in ("done", "reused"):
                files = [each for paths in event["outputs"].values() for each in paths]
                yield {
                    "run": journal.parent.name,
                    "task": event["task"],
                    "time": event["time"],
                    "paths": [each["path"] for each in files],
                    "takes": takes.get(event["task"], set()),
                    "makes": {each["digest"] for each in files},
                }
