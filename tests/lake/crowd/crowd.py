"""Real processes that use one archive at the same time, and the proof that nothing suffered."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype import lake
from holotype.catalog import Catalog, open_store
from holotype.lake.schema import TABLES

from ...catalog.racing import race
from ..archive.trees import look
from ..crashes.promise import Broken, check_snapshots
from . import member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Crowd", "meet"]

_CHUNKING = {"min": 512, "average": 1024, "max": 4096}
# Who is there beside the writers.
_OTHERS = ("collector", "compactor", "reader", "reader")
# What the log may hold.
_OPERATIONS = {"open-session", "abort-session", "backup", "forget", "collect", "repack", "compact"}


@dataclass(frozen=True)
class Crowd:
    """What a crowd did: snapshots kept, commits by their operations, and how often each other kind came to its end."""

    writers: int
    kept: int
    commits: Mapping[str, int]
    times: Mapping[str, int]
    seconds: float


def meet(
    url: str, folder: Path, *, options: Mapping[str, Any] | None = None, writers: int = 8, rounds: int = 2
) -> Crowd:
    """Let so many writers, and others beside them, use a new archive at ``url``; raises ``Broken``.

    ``folder``: an empty one.  ``rounds``: folders that each writer keeps.
    """
    began = time.perf_counter()
    roles = [*["writer"] * writers, *_OTHERS]
    sources = folder / "sources"
    sources.mkdir()
    archive = lake.create(url, chunking=_CHUNKING, storage_options=options)
    told = {"url": url, "options": {**(options or {})}, "folder": str(sources), "rounds": rounds, "roles": roles}
    said = race(Path(member.__file__).read_text("utf-8"), json.dumps(told), runners=len(roles))
    lines: list[dict[str, Any]] = [json.loads(line) for text in said for line in text.splitlines()]
    kept = [line for line in lines if "kept" in line]
    forgotten = {line["forgot"] for line in lines if "forgot" in line}
    if len({line["kept"] for line in kept}) != writers * rounds:
        raise Broken(f"{writers * rounds} snapshots were kept, under {len({line['kept'] for line in kept})} names")
    made_of = {line["kept"]: sources / line["folder"] for line in kept}
    check_snapshots(
        archive,
        must={line["kept"]: line["digest"] for line in kept if line["kept"] not in forgotten},
        may=lambda name: False,
        tree=lambda name: look(made_of[name]),
        scratch=folder,
    )
    commits = _account(url, options, kept)
    times: Counter[str] = Counter()
    for role, text in zip(roles, said, strict=True):
        times[role] += sum(json.loads(line).get("times", 0) for line in text.splitlines())
    del times["writer"]
    return Crowd(writers, len(kept), commits, times, time.perf_counter() - began)


def _account(url: str, options: Mapping[str, Any] | None, kept: Sequence[Mapping[str, Any]]) -> Mapping[str, int]:
    """The commits by their operations; raises ``Broken`` unless each is accounted for, once."""
    entries = list(Catalog.open(open_store(url, storage_options=options), tables=TABLES).entries())
    commits = Counter(entry.operation for entry in entries)
    if [entry.version for entry in entries] != [*range(1, len(entries) + 1)]:
        raise Broken("the log has gaps")
    if len({entry.write_id for entry in entries}) != len(entries):
        raise Broken("a commit is in the log twice")
    messages = Counter(entry.message for entry in entries if entry.operation == "backup")
    if messages != Counter(line["folder"] for line in kept):
        raise Broken(f"the log has backups that nobody made, or lacks some: {messages}")
    if strange := commits.keys() - _OPERATIONS:
        raise Broken(f"nobody did {strange}")
    return commits
