"""Killing a process at any moment, again and again, and proving after each time that nothing suffered."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from holotype import lake
from holotype.catalog import check_prov, open_store, provenance
from holotype.lake.retention.sweep import pack_of

from ..archive.trees import look
from ..recorded import Said, outcomes
from . import victim
from .promise import Broken, check_history, check_snapshots

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from holotype.lake import Archive

    from .promise import Live, Tree

__all__ = ["Killed", "Killer"]

# Seconds that a process may take to start and to open the archive.
_START = 60
# How identifiers of files in datasets begin.
_FILE = "urn:holotype:file:"
# One process of so many has others read for it, who have to go when it is gone.
_HELPED = 3


@dataclass(frozen=True)
class Killed:
    """One death: when, in seconds after the process had begun to work, over what, and what was live then.

    ``committed``: snapshots that were confirmed, and ``recorded``, activities.  ``helpers``: how many there were to
    read for it.
    """

    after: float
    over: str
    committed: int
    recorded: int
    live: int
    helpers: int


class Killer:
    """Kills processes that use one archive, which it makes at ``url``.

    ``options``: the archive's ``storage_options``.  ``folder``: of our own, to work in.  ``seed``: decides when each
    dies, as far as that can be decided.  ``longest``: seconds that one lives from when it begins to work.
    """

    def __init__(
        self,
        url: str,
        folder: Path,
        *,
        seed: int,
        options: Mapping[str, Any] | None = None,
        longest: float = 1.2,
    ) -> None:
        self._url, self._folder, self._options = url, folder, {**(options or {})}
        self._seed, self._longest, self._chance = seed, longest, random.Random(seed)
        self._deaths = 0
        # What has to be live, and what need not be any more, by name; the step of the backup that was begun last.
        self._must: dict[str, str] = {}
        self._may: set[str] = set()
        self._last = 0
        # What has to be recorded; of activities that were begun, what they used and made, by their identifiers, those
        # that had begun to work, and those of them that ended.
        self._told: frozenset[Said] = frozenset()
        self._activities: dict[str, tuple[str, str]] = {}
        self._worked: set[str] = set()
        self._completed: set[str] = set()
        lake.create(url, chunking=victim.CHUNKING, storage_options=self._options)

    def kill(self, *, times: float = 1) -> Killed:
        """Let a process work for a while, kill it, and prove that all is there; raises ``Broken``.

        ``times``: so many times as long as it would live otherwise, where a machine has much else to do.
        """
        self._deaths += 1
        self._last = 0
        journal = self._folder / f"{self._deaths}.journal"
        told: dict[str, object] = {"url": self._url, "options": self._options, "folder": str(self._folder / "sources")}
        told |= {"journal": str(journal), "seed": self._seed * 1000 + self._deaths}
        life = self._chance.uniform(0, self._longest) * times
        if self._deaths % _HELPED == 0:
            told["helped"] = True
            life *= 2  # it takes a while until help comes
        process = subprocess.Popen(
            [sys.executable, victim.__file__, json.dumps(told)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_ready(journal, process)
            time.sleep(life)
        finally:
            early = process.poll()
            process.kill()
            said, _ = process.communicate()
        if early is not None:  # nobody killed it: an error did
            raise Broken(f"it ended by itself, with status {early}: {said.decode(errors='replace')[-2000:]}")
        lines = _lines(journal)
        committed, recorded = self._learn(lines)
        found = self._check()
        helpers = sum(line["event"] == "is helped" for line in lines)
        return Killed(life, str(lines[-1]["event"]), committed, recorded, len(found), helpers)

    def finish(self) -> None:
        """Prove that a collection takes away whatever the dead have left, that no activity of theirs is unheard of, and
        that what is recorded is valid for everybody; raises ``Broken``.
        """
        archive = self._archive()
        archive.provenance.settle()
        # Nobody else is there, so nothing has to be kept for readers.
        for _ in range(2):
            archive.collect(dead_after=timedelta(0))
        self._check()
        if lost := self._worked - {said.id for said in self._told}:
            raise Broken(f"activities had begun to work, and nothing is recorded of them: {lost}")
        exported = self._folder / "history.provn"
        exported.write_text(provenance.write_provn(archive.provenance.document()), encoding="utf-8")
        if violations := check_prov(exported):
            raise Broken(f"what is recorded is not valid: {violations}")
        store = open_store(self._url, storage_options=self._options)
        stored = {pack_of(info.key) for info in store.list("packs/")}
        named = set(archive.read("packs")["pack"].to_pylist())
        if stored != named or list(store.leftovers()):
            raise Broken(f"something stays that nobody needs, or is gone: {stored ^ named}, {[*store.leftovers()]}")

    def _archive(self) -> Archive:
        return lake.open(self._url, storage_options=self._options)

    def _learn(self, lines: list[dict[str, Any]]) -> tuple[int, int]:
        """Learn from a journal what has to be there, and what need not be; returns how many snapshots were committed,
        and how many activities were recorded.
        """
        committed = recorded = 0
        for line in lines:
            if line["event"] == "committed":
                self._must[line["snapshot"]] = line["digest"]
                committed += 1
            elif line["event"] == "records":
                self._activities[line["activity"]] = line["used"], line["made"]
            elif line["event"] == "recorded":
                self._told |= {Said("activity", line["activity"])}
                self._completed.add(line["activity"])
                recorded += 1
            elif line["event"] == "works":
                self._worked.add(line["activity"])
            elif line["event"] == "backs up":
                self._last = line["step"]
            elif line["event"] == "forgets":
                # Whether it came to that, the archive knows.
                self._may |= {name for name in line["snapshots"] if self._must.pop(name, None)}
            elif line["event"] == "forgot":
                self._may -= {*line["snapshots"]}
        return committed, recorded

    def _check(self) -> Live:
        """Prove that all is there; from then on it has to stay."""
        archive = self._archive()
        rows = archive.snapshots().select("dataset", "number", "message").iter_rows()
        steps = {f"{dataset}@{number}": int(message) for dataset, number, message in rows}
        # One that is not in the journal was committed in the moment before the end, as its message shows.
        found = check_snapshots(
            archive,
            must=self._must,
            may=lambda name: name in self._may or steps[name] == self._last,
            tree=lambda name: self._tree(steps[name]),
            scratch=self._folder,
        )
        self._must = {**found}
        self._may.clear()
        self._told = check_history(archive, must=self._told)
        self._check_activities(outcomes(archive.read("prov_elements").to_pylist()))
        return found

    def _check_activities(self, ended: Mapping[str, str]) -> None:
        """Prove that all activities that are there are there whole, confirmed or not, or were interrupted."""
        touched: dict[str, dict[str, set[str]]] = {}
        for term, _, ends in self._told:
            files = [id.rpartition(":")[2].partition("#")[0] for name, id in ends if name == "entity" and _FILE in id]
            if term in ("used", "wasGeneratedBy") and files:
                touched.setdefault(dict(ends)["activity"], {}).setdefault(term, set()).update(files)
        known = {id for term, id, _ in self._told if term == "activity" and id is not None}
        if strange := known - self._activities.keys():
            raise Broken(f"there are activities that nobody began: {strange}")
        interrupted = {id for id in known if ended[id] == "interrupted"}
        if wrong := (interrupted & self._completed) | (interrupted & touched.keys()):
            raise Broken(f"activities that ended, or whose files are known, are said to be interrupted: {wrong}")
        for id in known - interrupted:
            used, made = self._activities[id]
            if touched.get(id) != {"used": {used}, "wasGeneratedBy": {made}}:
                raise Broken(f"{id} used {used} and made {made}, and what is recorded is {touched.get(id)}")

    def _tree(self, step: int) -> Tree:
        folder = self._folder / "expected"
        try:
            victim.make_folder(folder, step)
            return look(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(journal: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START
    while process.poll() is None and not (journal.exists() and journal.stat().st_size):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the process did not begin to work within {_START} s")
        time.sleep(0.02)


def _lines(journal: Path) -> list[dict[str, Any]]:
    # The last line may have been cut by the death; what it would have said then did not go on.
    whole = journal.read_bytes().rpartition(b"\n")[0]
    return [json.loads(line) for line in whole.splitlines()]
