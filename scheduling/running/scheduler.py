"""Scheduling: of all runs in hand, what is ready is begun as far as there is room, and what is over is looked at.

::

    ready ─▶ prepared ─▶ reused, or chosen ─▶ *begun* is written ─▶ submitted ─▶ … ─▶ inspected ─▶ *over* is written
      ▲        inputs read,     room and          journal            a place            outputs        │
      │        fingerprint      order                                                   validated      ├─▶ moved ─▶ done
      └────────────────────────────────────── what the stage's rules say ◀─────────────────────────────┘

What takes long, reading files and validating them, is done by threads; everything that decides is done by the one that
calls ``work``.  Nothing is done that was not written down before, so that another process can go on from any moment.
"""

from __future__ import annotations

import platform
import random
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from holotype.catalog import Conflict, DataRefused, InvalidOption
from holotype.lake import check_name

from ..analysis.ledger import read_ledger
from ..analysis.usage import usage
from ..archiving.following import PAUSES, Following, refuse_read_only
from ..checking.check import check_order, check_quotas, check_workflow
from ..checking.environments import image_ids
from ..checking.machine import tool_versions
from ..checking.order import Order, this_operator
from ..checking.quotas import quotas_held
from ..graphs.checking import hangs_together
from ..places.local import LocalPlace
from ..records.following import Records
from ..samples.sample import paths_of
from .ahead import Ready
from .cache import Cache
from .digests import Digests
from .hand import Hand
from .lock import waited_for
from .means import Means
from .progress import State
from .reporting import shown_finding
from .resources import Free, has
from .run import OnEvent, Run
from .tainting import built_on

if TYPE_CHECKING:
    from collections.abc import Mapping
    from concurrent.futures import Executor
    from datetime import datetime

    import duckdb
    import polars as pl

    from holotype.lake import Archive
    from holotype.validators import Cost, Report

    from ..analysis.usage import Rates
    from ..places.place import Place
    from ..samples.sample import Files, Sample
    from ..site import Site
    from ..tasks.units import Units
    from ..workflow import Workflow

__all__ = ["Chooses", "Scheduler"]

Chooses = Callable[[Sequence[Ready]], Iterable[Ready]]
"""Puts what is ready into the order in which it is to begin."""

_ANSWERS = ("retry", "skip", "stop_sample", "stop_run")
# Threads that read and validate.
_THREADS = 4
# Findings that an error shows.
_SHOWN = 5
# Seconds between two looks while they do, and while nothing does.
_SOON, _LATER = 0.01, 1.0


class Scheduler:
    """Runs of a ``site``, at a ``place``: by default processes of this machine.

    ``chooses``: puts what is ready into order; by default as it became so.  ``clock``, ``chance`` and ``executor``: of
    what time it is, in seconds since 1970, of random numbers from 0 to 1, and of who reads and validates.
    ``operator``: who has it done, by default who this process belongs to.  ``archive``: who has the results and records
    of runs when they are over (see ``archiving/keeping.py``); ``patience``: seconds until one is asked again that could
    not be reached, longer each time.  ``on_event``: told of each event, once it is written down, in the order of the
    run's journal: the run, and a view of the event that cannot be changed.  What it raises comes out of ``work``, or
    whatever made the event; nothing is lost by that, and ``work`` goes on when it is called again.  It belongs to one
    thread.  Raises ``ArchiveReadOnly`` for an archive that was opened so.
    """

    def __init__(
        self,
        site: Site,
        place: Place | None = None,
        *,
        chooses: Chooses = tuple,
        clock: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
        executor: Executor | None = None,
        operator: str | None = None,
        archive: Archive | None = None,
        patience: tuple[float, ...] = PAUSES,
        on_event: OnEvent | None = None,
    ) -> None:
        refuse_read_only(archive)
        self._chooses, self._operator = chooses, operator or this_operator()
        self._own = None
        if executor is None:
            executor = self._own = ThreadPoolExecutor(_THREADS, "holotype-run")
        folder = Path(str(site.folder))
        self._local = None
        if place is None:
            place = self._local = LocalPlace(folder / "jobs")
        self._means = Means(
            site=site,
            place=place,
            free=Free(site),
            digests=Digests(folder / "digests.sqlite"),
            cache=Cache(folder / "cache.sqlite"),
            executor=executor,
            clock=clock,
            chance=chance,
            versions={},
            images={},
        )
        self._hands: dict[str, Hand] = {}
        self._following = Following(folder, archive, clock=clock, pauses=patience)
        self._on_event = on_event
        self._records: Records | None = None
        self._closed = False

    def __enter__(self) -> Scheduler:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def start(
        self,
        workflow: Workflow,
        samples: Iterable[Sample],
        *,
        shared: Mapping[str, Files] | None = None,
        parameters: Mapping[str, Any] | None = None,
        name: str | None = None,
        project: str = "",
        check: bool = True,
        cost: Cost | str = "sample",
        archive: Archive | None = None,
        dataset: str | None = None,
    ) -> Run:
        """Begin a run; nothing is done before ``work``.  ``name``: by default the workflow's, and something of its own.
        ``project``: what it is done for, by which usage is told and quotas are held.  ``check``: look at everything
        first, ``cost`` saying how much of each file, and refuse what cannot be well; what is only odd is kept with the
        run.  ``archive``: who has its results and records when it is over, by default the scheduler's; ``dataset``:
        whose next snapshot the results are there, by default ``runs/`` and its name.

        Raises ``DataRefused`` with the ``findings`` of the check, whatever ``check`` says where the workflow's steps do
        not hang together, or more would be used than a quota of the site allows; ``InvalidOption`` when there is a run
        of this name already, or it is none, or there are two samples of one name, ``InvalidName`` where no dataset can
        be called so, and ``ArchiveReadOnly`` or ``StorageDenied`` where the archive cannot be written to: that it
        cannot be reached is no reason.  ``InvalidOption`` as well when this scheduler was closed.
        """
        also = {} if dataset is None else {"dataset": check_name(dataset)}
        self._refuse_closed()
        self._following.check(archive)
        given = {each: paths_of(paths) for each, paths in (shared or {}).items()}
        site, now = self._means.site, self._means.clock()
        order = Order(workflow, tuple(samples), given, dict(parameters or {}), site, project, self._operator)
        # Where steps do not hang together there is nothing to begin, whoever says so.
        odd = _odd(order, check_order(order, cost=cost, now=now)) if check else []
        if not check and not hangs_together(workflow):
            _odd(order, check_workflow(workflow))
        if twice := [name for name, count in Counter(each.name for each in order.samples).items() if count > 1]:
            raise InvalidOption(f"there are two samples {twice[0]}", option="samples")
        if not site.quotas:
            return self._order(order, name, odd, archive, **also)
        # Two that begin at once would each find what the other is going to use still free.
        with waited_for(Path(str(site.folder)) / "quotas.lock"):
            _odd(order, check_quotas(order, now=now))
            estimate, held = quotas_held(order, site, now=now)
            reckoned = {"estimate": estimate.hours(), "quotas": [each.said() for each in held]}
            return self._order(order, name, odd, archive, **reckoned, **also)

    def resume(self, name: str, *, workflow: Workflow | None = None) -> Run:
        """Go on with a run that was left, however that came.  Raises what ``Run.again`` does, and ``Conflict`` for one
        that this scheduler has in hand.
        """
        self._refuse_closed()
        if name in self._hands:
            raise Conflict(f"{name} is in the hands of this scheduler already: it was begun or resumed before")
        run = Run.again(name, self._means.site, workflow=workflow)
        run.on_event = self._on_event
        hand = self._hands[name] = Hand(run, self._means)
        run.say([{"what": "resumed", "time": self._means.clock(), "tools": self._ask(run)}])
        hand.take_up()
        self._following.take_up(run)
        return run

    def work(self, *, until: Callable[[], bool] = lambda: False, timeout: float | None = None) -> None:
        """Do what there is to do, until every run is over or waits for a person, ``until`` says so, or so many seconds
        have gone by.  What an archive that cannot be reached was not told is told by the next call, or by ``resume``
        and that; ``owed`` has it.
        """
        self._refuse_closed()
        self._following.begin(self._hands)
        deadline = None if timeout is None else time.monotonic() + timeout
        while not until():
            moved = False
            for hand in self._hands.values():
                moved |= hand.look()
            moved |= self._begin()
            runs = {name: hand.run for name, hand in self._hands.items()}
            moved |= self._following.look(runs)
            pause = self._following.pause(runs)
            if pause is None and all(hand.run.idle and not hand.busy for hand in self._hands.values()):
                return
            if deadline is not None and time.monotonic() >= deadline:
                return
            if not moved:
                self._means.place.wait(self._patience(pause))

    def owed(self) -> pl.DataFrame:
        """What archives were not told yet: ``run``, ``archive`` (its id), ``tries`` in vain, ``why`` the last was."""
        return self._following.owed()

    def cancel(self, run: Run, *, why: str) -> None:
        """Begin nothing more of a run, and end what runs; ``work`` then sees it through.

        Raises ``InvalidOption`` when it is over, or was left.
        """
        if run.progress.over:
            raise InvalidOption(f"{run.name} is over: there is nothing to cancel", option="run")
        run.say([{"what": "cancelled", "time": self._means.clock(), "why": why}])
        run.write()

    def answer(self, run: Run, task: str, do: str, *, who: str, why: str) -> None:
        """Decide about a task that is held: ``"retry"``, ``"skip"``, ``"stop_sample"`` or ``"stop_run"``.

        Raises ``InvalidOption`` when it is not held, or for something else.
        """
        state = run.progress.tasks.get(task)
        if state is None or state.state is not State.HELD:
            raise InvalidOption(f"{task} is not held", option="task")
        if do not in _ANSWERS:
            raise InvalidOption(f"what is done is {', '.join(_ANSWERS)}, not {do!r}", option="do")
        answer = {"what": "answered", "task": task, "do": do, "who": who, "why": why}
        run.say([{**answer, "time": self._means.clock()}])
        run.write()

    def mark_bad(self, run: Run, task: str, *, why: str) -> pl.DataFrame:
        """Have what a task made never taken again, in no run; returns what was built on it (see ``tainting``).

        Raises ``InvalidOption`` when it has made nothing, or without a reason.
        """
        state = run.progress.tasks.get(task)
        if state is None or state.state is not State.DONE:
            raise InvalidOption(f"{task} has made nothing", option="task")
        if not why.strip():
            raise InvalidOption("a result is marked bad for a reason: give why=", option="why")
        now = self._means.clock()
        run.say([{"what": "bad", "time": now, "task": task, "why": why, "by": self._operator}])
        run.write()
        self._means.cache.never(state.inputs["fingerprint"], why, now)
        self._following.owe(run)
        return built_on(self._means.site.folder, state.digests)

    def leave(self, run: Run) -> None:
        """Have a run no more in hand, which is over or waits for a person; ``resume`` takes it up again.  What an
        archive was not told of it yet is told by the next ``work``.

        Raises ``InvalidOption`` where it is not in hand, or something of it goes on.
        """
        hand = self._hands.get(run.name)
        if hand is None or hand.run is not run:
            raise InvalidOption(f"{run.name} is not in the hands of this scheduler", option="run")
        if not run.idle or hand.busy:
            raise InvalidOption(f"{run.name} goes on: cancel it, or work until it is over", option="run")
        self._following.leave(run)
        run.measure(self._means.clock())
        run.close()
        del self._hands[run.name]

    def sql(
        self, query: str, *, parameters: Sequence[object] | Mapping[str, object] | None = None
    ) -> duckdb.DuckDBPyRelation:
        """Ask what is known of the runs of its site with DuckDB's SQL, also of those that others have in hand; the
        tables are those of ``Records``, and runs that cannot be read are left out.

        Raises ``InvalidOption`` when ``query`` is no single SELECT, or wrong.
        """
        for hand in self._hands.values():
            hand.run.write()
        if self._records is None:
            self._records = Records(self._means.site, strict=False, in_hand=self._units)
        return self._records.sql(query, parameters=parameters)

    def usage(
        self,
        *,
        by: Iterable[str] = ("project",),
        rates: Rates | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> pl.DataFrame:
        """What all runs of the site have used so far, also of those that are not over: see ``analysis.usage``.

        Raises ``ObjectDamaged`` where a journal is not as it was written, and ``InvalidOption``.
        """
        first = 0.0 if since is None else since.timestamp()
        ledger = read_ledger(self._means.site.folder, since=first, now=self._means.clock())
        return usage(ledger.tables, by=by, rates=rates, since=since, until=until)

    def close(self) -> None:
        """Leave all runs; what runs goes on, and is found again by ``resume``."""
        with ExitStack() as left:
            if self._records is not None:
                left.callback(self._records.close)
            if self._local is not None:
                left.callback(self._local.close)
            left.callback(self._means.digests.close)
            left.callback(self._means.cache.close)
            for hand in self._hands.values():
                left.callback(hand.run.close)
                left.callback(hand.run.measure, self._means.clock())
            if self._own is not None:
                left.callback(self._own.shutdown, wait=True, cancel_futures=True)
            left.callback(self._following.close, {name: hand.run for name, hand in self._hands.items()})
        self._hands, self._closed = {}, True

    def _refuse_closed(self) -> None:
        if self._closed:
            raise InvalidOption("this scheduler was closed: make another one of the same site")

    def _units(self, name: str) -> Units | None:
        """What there is to do in a run, where it is in hand."""
        hand = self._hands.get(name)
        return None if hand is None else hand.run.progress.units

    def _order(
        self, order: Order, name: str | None, odd: list[dict[str, Any]], archive: Archive | None, **also: Any
    ) -> Run:
        """Have a run begun, and on record."""
        workflow, site = order.workflow, self._means.site
        run = Run.begin(name or f"{workflow.name}-{secrets.token_hex(4)}", order, site)
        run.on_event = self._on_event
        self._hands[run.name] = Hand(run, self._means)
        about = {"workflow": workflow.name, "version": workflow.version, "tools": self._ask(run), "odd": odd, **also}
        about |= {"project": order.project, "machine": platform.node(), "site": has(site)}
        run.say([{"what": "ordered", "time": self._means.clock(), "by": self._operator, **about}])
        run.write()
        self._following.owe(run, archive)
        return run

    def _ask(self, run: Run) -> dict[str, str]:
        """What the programs of a run say that they are, by their names, and the identifiers of images."""
        graph, versions = run.progress.units.graph, self._means.versions
        versions |= tool_versions(graph, self._means.site, known=versions)
        tools = [tool for node in graph.nodes.values() for tool in node.stage.environment.tools]
        images = image_ids(graph, self._means.site)
        self._means.images.update(images)
        return {tool.name: versions[tool] for tool in tools if tool in versions} | images

    def _begin(self) -> bool:
        """Begin what is ready, in order, as far as there is room; whether anything was."""
        begun: list[Ready] = []
        every = [ready for hand in self._hands.values() for ready in hand.ready()]
        left, now = {id(ready): ready for ready in every}, self._means.clock()
        for ready in self._chooses(every):
            hand, lacking = self._hands[ready.run.name], self._means.free.lacks(ready.needs)
            left.pop(id(ready), None)
            if lacking:
                hand.ahead.leave(ready.state.task.name, now, lacking)
            else:
                hand.begin(ready)
                begun.append(ready)
        for ready in left.values():
            self._hands[ready.run.name].ahead.leave(ready.state.task.name, now, ())
        for hand in self._hands.values():
            hand.write()
        self._means.place.submit(*(job for ready in begun for job in self._hands[ready.run.name].jobs(ready.state)))
        return bool(begun)

    def _patience(self, pause: float | None) -> float:
        """Seconds to wait where nothing has changed: until the next pause is over, at most, or that of what follows."""
        if any(hand.busy for hand in self._hands.values()) or pause == 0.0:
            return _SOON
        pauses = (pause for hand in self._hands.values() for pause in hand.ahead.pauses())
        return max(0.0, min([_LATER, *pauses, *([] if pause is None else [pause])]))


def _odd(order: Order, report: Report) -> list[dict[str, Any]]:
    """What is odd about an order.  Raises ``DataRefused`` where something is wrong."""
    found = [row for row in report.findings.to_pylist() if row["severity"] != "note"]
    wrong = [row for row in found if row["severity"] == "error"]
    if wrong:
        first = "; ".join(map(shown_finding, wrong[:_SHOWN]))
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise DataRefused(f"{order.workflow.name} is not begun: {first}{more}", findings=report.findings)
    return [{name: row[name] for name in ("path", "code", "message", "record", "column")} for row in found]
