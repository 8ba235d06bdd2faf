"""One run: a workflow over samples, with its folders, its journal, and how far it is."""

from __future__ import annotations

import os
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl

from holotype.catalog import InvalidOption, StorageFailed

from ..tasks.expanding import result
from ..tasks.units import Units
from .costs import Costs, Overhead
from .durable import settle_folder
from .folders import Folders
from .journal import Journal
from .lock import Lock
from .orders import read_order, write_order
from .progress import Progress
from .reporting import RunReport, account
from .standing import Outcome, idle, outcome_of, sample_standing, task_standing

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..analysis.analysing import Analysis
    from ..checking.order import Order
    from ..site import Site
    from ..workflow import Workflow
    from .digests import Seen
    from .journal import Event

__all__ = ["OnEvent", "Outcome", "Run"]

# What is a folder everywhere.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-]|[A-Za-z0-9]")
_SAMPLES = {"sample": pl.String(), "state": pl.String(), "grades": pl.List(pl.String()), "why": pl.String()}
_TASKS = {
    "task": pl.String(),
    "node": pl.String(),
    "sample": pl.String(),
    "element": pl.Int64(),
    "state": pl.String(),
    "attempts": pl.Int64(),
    "grades": pl.List(pl.String()),
    "why": pl.String(),
}
_LOGS = {"attempt": pl.Int64(), "output": pl.String(), "errors": pl.String()}

OnEvent = Callable[[str, Mapping[str, Any]], object]
"""Is told the name of a run, and what has happened, as it is in the run's journal."""


class Run:
    """A run that a scheduler has in hand.  What it says is what its journal says; of one that was left, what that said
    then.
    """

    def __init__(self, name: str, order: Order, folders: Folders, lock: Lock) -> None:
        self.name, self.order, self.folders = name, order, folders
        self._lock = lock
        self.journal = Journal(folders.journal)
        self.progress = Progress(Units(order))
        self.known: dict[str, Seen] = {}
        self.costs = Costs()
        self.on_event: OnEvent | None = None
        self._unwritten: list[Event] = []
        self._noted: list[Event] = []  # and what was written, and is not known to be on disk
        self._unsettled: set[Path] = set()  # folders whose names are not known to be on disk
        self._known = {folders.whole}  # folders whose own names are, or will be with those
        self._untold: deque[Event] = deque()
        try:
            for event in self.journal.events():
                self.progress.apply(event)
        except BaseException:
            self.journal.close()
            raise

    @classmethod
    def begin(cls, name: str, order: Order, site: Site) -> Run:
        """A new one.  Raises ``InvalidOption`` when there is one of this name, or it cannot be one."""
        if not _NAME.fullmatch(name):
            what = "it begins with a letter or digit, and has at most 100 of them, _, . and -"
            raise InvalidOption(f"{name!r} is no name of a run: {what}", option="name")
        folders = Folders(site.folder, name)
        if folders.order.exists():
            raise InvalidOption(f"there is a run {name} already: resume it, or call this one otherwise")
        # A folder without an order is of somebody who died before there was one.
        folders.whole.mkdir(parents=True, exist_ok=True)
        lock = Lock(folders.lock)
        try:
            write_order(order, folders.order)
            run = cls(name, order, folders, lock)
            for each in (folders.whole, *folders.whole.parents[:2]):
                settle_folder(each)
            return run
        except BaseException:
            lock.release()
            raise

    @classmethod
    def again(cls, name: str, site: Site, *, workflow: Workflow | None = None) -> Run:
        """One that was begun.  Raises ``InvalidOption`` when there is none, ``Conflict`` when somebody has it in
        hand, ``WorkflowInvalid``, or ``ObjectDamaged`` when its journal is not as it was written.
        """
        folders = Folders(site.folder, name)
        if not folders.order.exists():
            raise InvalidOption(f"there is no run {name}")
        lock = Lock(folders.lock)
        try:
            return cls(name, read_order(folders.order, site, workflow=workflow), folders, lock)
        except BaseException:
            lock.release()
            raise

    def say(self, events: Iterable[Event]) -> None:
        """Take note of events; they are written down by ``write``, before anything is done that rests on them.

        Raises ``InvalidOption`` for a run that was left.
        """
        if self.journal.closed:
            raise InvalidOption(f"{self.name} was left: resume it", option="run")
        for event in events:
            self._unwritten.append(event)
            self.progress.apply(event)

    def settle(self, folder: Path) -> None:
        """Something in a folder of it has a new name: have that on disk before more is written down."""
        self._unsettled.add(folder)
        while folder not in self._known:
            self._known.add(folder)
            folder = folder.parent
            self._unsettled.add(folder)

    def note(self) -> None:
        """Have all that was said written down, as far as it is safe from whatever ends this process."""
        if self._unwritten:
            began = time.perf_counter()
            self.journal.write(self._unwritten, lasting=False)
            self.costs.add(time.perf_counter() - began)
            self._noted += self._unwritten
            self._unwritten = []

    def write(self) -> None:
        """Have all that was said on disk, and then tell of it who wants to know."""
        if self._unwritten or self.journal.loose:
            began = time.perf_counter()
            self._write()
            begun = (event["task"] for event in self._unwritten if event["what"] == "begun")
            self.costs.add(time.perf_counter() - began, begun)
            self._noted, self._unwritten = [], []
        self._tell()

    def _settle(self) -> None:
        for folder in sorted(self._unsettled):
            try:
                settle_folder(folder)
            except FileNotFoundError:  # it was taken away meanwhile, as who looks for it will find
                pass
            except OSError as error:
                raise StorageFailed(f"{folder} cannot be written: {error.strerror}", path=str(folder)) from error
            self._unsettled.remove(folder)

    def measure(self, now: float) -> None:
        """Have in its journal what its records have cost, but for what writing this down does; ``now``: what time it
        is.
        """
        if self.costs.recording:
            spent = self.costs.taken()
            self.say([{"what": "measured", "time": now, "recording": round(spent, 6), "over": self.progress.over}])
            self._write()
            self._noted, self._unwritten = [], []
        self._tell()

    def _write(self) -> None:
        self._settle()
        self.journal.write(self._unwritten)
        if self.on_event is not None:
            self._untold.extend(self._noted + self._unwritten)

    def _tell(self) -> None:
        while self._untold and self.on_event is not None:
            self.on_event(self.name, MappingProxyType(self._untold.popleft()))

    def analyse(self) -> Analysis:
        """What there is to say of it: see ``analysis.analysing``.  Raises ``ObjectDamaged``."""
        # What looks back is not needed to go on.
        from ..analysis.analysing import analyse
        from ..records.folding import run_tables

        self.write()
        return analyse(run_tables(self.folders.whole, workflow=self.order.workflow))

    def overhead(self) -> Overhead:
        """What keeping its records has cost so far, beside what its tasks took."""
        progress = self.progress
        return Overhead(progress.recording + self.costs.recording, progress.inspecting, progress.processing)

    def close(self) -> None:
        """Leave it."""
        try:
            self.write()
        finally:
            self.journal.close()
            self._lock.release()

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do unless a person decides something."""
        return idle(self.progress)

    def outcome(self) -> Outcome:
        """How it stands."""
        return outcome_of(self.progress, dict(self.samples()["state"].value_counts().iter_rows()))

    def samples(self) -> pl.DataFrame:
        """Every sample with the one state it is in: ``done``, ``degraded``, ``stopped``, ``held``, ``cancelled``,
        ``unfinished`` or ``running``; ``grades``, and ``why``.
        """
        rows = [
            {"sample": each.name, **asdict(sample_standing(self.progress, each.name))} for each in self.order.samples
        ]
        return pl.DataFrame(rows, schema=_SAMPLES)

    def tasks(self) -> pl.DataFrame:
        """Every task that there is so far: ``task``, ``node``, ``sample``, ``element``, ``state``, ``attempts``,
        ``grades`` and ``why`` it is held, skipped or stopped.
        """
        rows = [task_standing(state) for state in self.progress.tasks.values()]
        return pl.DataFrame(rows, schema=_TASKS)

    def outputs(self, name: str, sample: str | None = None) -> tuple[str, ...]:
        """The files of one of the workflow's outputs, of one sample or of all together; none where there are none.

        Raises ``InvalidOption`` for an output, or a sample, that there is not, and where they were cleared away.
        """
        self._refuse_cleared()
        units = self.progress.units
        bound = units.graph.outputs.get(name)
        chosen = next((each for each in self.order.samples if each.name == sample), None)
        if bound is None or (sample is not None and chosen is None):
            there = ", ".join(units.graph.outputs) or "none"
            what = f"there is no output {name}: there is {there}" if bound is None else f"there is no sample {sample}"
            raise InvalidOption(what)
        every = {unit.name: self.progress.made.get(unit.name) for unit in units}
        made = {name: each for name, each in every.items() if each is not None}
        needed = (unit for source in bound.sources() if source.node for unit in units.of(source.node, chosen))
        if any(unit.name not in made for unit in needed):
            return ()
        return result(bound, chosen, units, made) or ()

    def logs(self, task: str) -> pl.DataFrame:
        """What a task has printed, each ``attempt``: the paths of the files with its standard ``output`` and
        ``errors``; none where what was made before was taken.

        Raises ``InvalidOption`` for a task that there is not, and where they were cleared away.
        """
        self._refuse_cleared()
        state = self.progress.tasks.get(task)
        if state is None:
            raise InvalidOption(f"there is no task {task}", option="task")
        each = range(1, state.attempts + 1)
        output = [os.fspath(self.folders.output(state.task, number)) for number in each]
        errors = [os.fspath(self.folders.errors(state.task, number)) for number in each]
        return pl.DataFrame({"attempt": [*each], "output": output, "errors": errors}, schema=_LOGS)

    def _refuse_cleared(self) -> None:
        if snapshot := self.progress.cleared:
            raise InvalidOption(f"what {self.name} made is not here any more: {snapshot} has it")

    @property
    def archived(self) -> str | None:
        """The snapshot that has its results, as ``runs/germline-7@1``; nothing before they are in an archive."""
        return self.progress.snapshot

    def report(self) -> RunReport:
        """The account of it: what became of every sample and task, what failed and what was done about it.

        Raises ``ObjectDamaged`` where it does not add up; ``problems`` says what.
        """
        self.write()
        if not self.journal.closed:
            return account(self.name, self.progress, self.journal.events())
        # Somebody else may have gone on with it since.
        progress, events = Progress(Units(self.order)), list(self.journal.events())
        for event in events:
            progress.apply(event)
        return account(self.name, progress, events)

    def folder(self) -> str:
        """Where it is."""
        return os.fspath(self.folders.whole)
