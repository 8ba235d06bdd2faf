"""Real processes that use one archive at the same time, and the proof that nothing suffered."""

from __future__ import annotations

import hashlib
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
from ..crashes.promise import Broken, check_history, check_snapshots
from ..recorded import Said
from . import member

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from holotype.lake import Archive

__all__ = ["Crowd", "meet"]

_CHUNKING = {"min": 512, "average": 1024, "max": 4096}
# Who is there beside the writers.
_OTHERS = ("collector", "compactor", "reader", "reader")
# What the log may hold.
_OPERATIONS = {"open-session", "abort-session", "backup", "activity", "forget", "collect", "repack", "compact"}


@dataclass(frozen=True)
class Crowd:
    """What a crowd did: snapshots kept, activities recorded, commits by their operations, and how often each other kind
    came to its end.
    """

    writers: int
    kept: int
    recorded: int
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
    recorded = [line for line in lines if "recorded" in line]
    _check_activities(archive, sources, recorded)
    commits = _account(url, options, kept, recorded)
    times: Counter[str] = Counter()
    for role, text in zip(roles, said, strict=True):
        times[role] += sum(json.loads(line).get("times", 0) for line in text.splitlines())
    del times["writer"]
    return Crowd(writers, len(kept), len(recorded), commits, times, time.perf_counter() - began)


def _check_activities(archive: Archive, sources: Path, recorded: Sequence[Mapping[str, Any]]) -> None:
    """Prove that each activity is there, once, with what it used and made; raises ``Broken``."""
    told = check_history(archive, must=frozenset(Said("activity", line["recorded"]) for line in recorded))
    if len([said for said in told if said.term == "activity"]) != len(recorded):
        raise Broken("there are activities that nobody did")
    files = {(said.term, ends["activity"], ends["entity"].partition("#")[0]) for said, ends in _ends(told)}
    for line in recorded:
        for term, path in (("used", "new"), ("wasGeneratedBy", "all")):
            digest = hashlib.sha256((sources / line["folder"] / path).read_bytes()).hexdigest()
            if (term, line["recorded"], f"urn:holotype:file:{line['dataset']}:{digest}:{path}") not in files:
                raise Broken(f"it is not recorded of {line['folder']} that {path} {term}")


def _ends(told: frozenset[Said]) -> Iterator[tuple[Said, dict[str, str]]]:
    """What was used and made, by the names of the arguments."""
    for said in told:
        if said.term in ("used", "wasGeneratedBy"):
            yield said, dict(said.ends)


def _account(
    url: str,
    options: Mapping[str, Any] | None,
    kept: Sequence[Mapping[str, Any]],
    recorded: Sequence[Mapping[str, Any]],
) -> Mapping[str, int]:
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
    told = Counter(entry.message for entry in entries if entry.operation == "activity")
    if told != Counter(line["folder"] for line in recorded):
        raise Broken(f"the log has activities that nobody did, or lacks some: {told}")
    if strange := commits.keys() - _OPERATIONS:
        raise Broken(f"nobody did {strange}")
    return commits
