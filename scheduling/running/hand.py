"""A run in hand: what has happened to its tasks is seen, and what follows from it is done."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..checking.asking import answer_of
from ..declaring.policies import Failure, Hold, Instead, Reduce, Retry, Skip, StopRun, StopSample
from ..places.place import Ended, Job, Lost
from ..tasks.commands import output_paths, shown_command
from ..tasks.entering import takes_away
from .ahead import Ahead
from .attempts import clear_away, job_name, job_of, move, tidy
from .cache import Kept, brought
from .deciding import Past, decide
from .digests import Seen
from .happened import Happened
from .inspecting import inspect_attempt
from .progress import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from ..declaring.policies import Action
    from ..declaring.resources import Needs
    from .ahead import Ready
    from .inspecting import Inspected
    from .journal import Event
    from .means import Means
    from .preparing import Prepared
    from .progress import TaskState
    from .run import Run

__all__ = ["Hand"]

_SAID: Mapping[type[Any], str] = {
    Retry: "retry",
    Instead: "instead",
    Reduce: "reduce",
    Skip: "skip",
    Hold: "hold",
    StopSample: "stop_sample",
    StopRun: "stop_run",
}
# Tasks of a run that are over and not yet looked at, before no other is begun.
_BEHIND = 64


class Hand:
    """One run in hand."""

    def __init__(self, run: Run, means: Means) -> None:
        self.run, self._means = run, means
        self.ahead = Ahead(run, means, reuse=self._reuse, refuse=self._refuse)
        self._inspecting: dict[str, tuple[Ended | Lost, Future[Inspected]]] = {}
        self._seen: dict[str, tuple[Seen, ...]] = {}
        self._cancelled = set[str]()
        self._forgotten: list[str] = []  # jobs whose end is being written down
        self._clearing: list[Future[None]] = []

    @property
    def busy(self) -> bool:
        """Whether something of it is being read or looked at."""
        self._clearing = [each for each in self._clearing if not each.done()]
        return self.ahead.busy or bool(self._inspecting or self._clearing)

    def take_up(self) -> None:
        """Go on where the journal ends."""
        progress = self.run.progress
        for state in progress.tasks.values():
            self.ahead.remember(state)
        for state in progress.running.values():
            self._means.free.take(state.needs)
            self._seen[state.task.name] = tuple(Seen(**each) for each in state.inputs["seen"])
        for state in progress.each(State.OVER):
            self._follow(state)
        self.run.write()

    def look(self) -> bool:
        """See what has happened to its tasks; whether anything has."""
        run, progress = self.run, self.run.progress
        moved, left = self._collect(), list[Job]()
        running = dict(progress.running)
        self._end_stray(running)
        found = self._means.place.poll(running)
        for job, state in running.items():
            name, over = state.task.name, found.get(job)
            if over is None and state.epoch != self._means.place.epoch():
                over = Lost("its place was started again since, and knows nothing of it")
            if over is None:
                left += self.jobs(state)  # it was written down, and then somebody died
                moved = True
            elif not isinstance(over, Ended | Lost) or name in self._inspecting:
                continue
            elif state.settled or progress.cancelled:
                self._release(state, over)
                self._forgotten.append(job)
                self._clear(state)
                run.say([self._event("ended", state)])
                moved = True
            else:
                self._release(state, over)
                self._inspecting[name] = (over, self._inspect(state, over))
                moved = True
        self._means.place.submit(*left)
        return self.ahead.look() or moved

    def write(self) -> None:
        """Have all of it written down; what is over by that, the place need not know any more."""
        if self.run.progress.over:  # in one: of a run that is over, no journal leaves it open whether it is
            self.run.measure(self._means.clock())
        self.run.write()
        self._means.place.forget(self._forgotten)
        self._forgotten = []

    def ready(self) -> Iterator[Ready]:
        """What could begin."""
        if self.run.progress.ending is not None or len(self._inspecting) >= _BEHIND:
            return iter(())
        return self.ahead.ready()

    def begin(self, ready: Ready) -> None:
        """Write down that a task begins, and what with; its job is submitted after ``run.write``."""
        state, attempt, now = ready.state, ready.state.attempts + 1, self._means.clock()
        name = state.task.name
        it = self.ahead.begin(name, now)
        prepared, needs = it.prepared, it.needs
        self._means.free.take(needs)
        self._seen[name] = prepared.seen
        begun: Event = {"what": "begun", "time": now, "ready": it.since, "task": name, "attempt": attempt}
        begun |= {"job": job_name(self.run.name, name, attempt), "needs": _needs_said(needs)}
        begun |= {"epoch": epoch} if (epoch := self._means.place.epoch()) else {}
        begun |= {"stage": state.way.stage.name, "command": self._command(state, needs, attempt)}
        begun |= {"parameters": dict(state.way.parameters), "waited": it.waited}
        seen = [asdict(each) for each in prepared.seen]
        self.run.say([{**begun, "inputs": {"fingerprint": prepared.fingerprint, "seen": seen}}])

    def _command(self, state: TaskState, needs: Needs, attempt: int) -> str | None:
        """What is run, as one would type it; nothing for a function, or where submitting will tell what is wrong."""
        if state.way.stage.template is None:
            return None
        folder = str(self.run.folders.work(state.task, attempt))
        with suppress(ValueError):
            return shown_command(state.way, state.task, run=self.run.name, needs=needs, folder=folder, attempt=attempt)
        return None

    def jobs(self, state: TaskState) -> tuple[Job, ...]:
        """What is to be started of what was begun; nothing where it cannot be."""
        try:
            job = job_of(self.run, state, state.needs, state.attempts)
        except (ValueError, OSError) as error:
            self._means.free.give_back(state.needs)
            self._refuse(state, Happened(Failure.START, f"it cannot be started: {error}"))
            return ()
        return (job,)

    def _collect(self) -> bool:
        """Take what threads have found out."""
        over = [name for name, (_, promised) in self._inspecting.items() if promised.done()]
        for name in over:
            self._say_over(self.run.progress.tasks[name], *self._inspecting.pop(name))
        # What follows is done before that is on disk: to who comes after a power cut it is lost, as all that ran then,
        # and what was moved already is nobody's.
        self.run.note()
        for state in self.run.progress.each(State.OVER):
            self._follow(state)
        return self.ahead.collect() or bool(over)

    def _end_stray(self, running: Mapping[str, TaskState]) -> None:
        """Have ended what runs for nothing."""
        cancelled = self.run.progress.cancelled
        stray = {job for job, state in running.items() if state.settled or cancelled} - self._cancelled
        if stray:
            self._means.place.cancel(stray)
            self._cancelled |= stray

    def _inspect(self, state: TaskState, over: Ended | Lost) -> Future[Inspected]:
        run, task = self.run, state.task
        return self._means.executor.submit(
            inspect_attempt,
            over,
            scratch=run.folders.scratch(task, state.attempts),
            way=state.way,
            needs=state.needs,
            folder=run.folders.work(task, state.attempts),
            errors=run.folders.errors(task, state.attempts),
            patterns=output_paths(state.way, task, run=run.name),
            inputs=self._seen.get(task.name, ()),
            digests=self._means.digests,
        )

    def _say_over(self, state: TaskState, over: Ended | Lost, promised: Future[Inspected]) -> None:
        """An attempt is over, and has been looked at."""
        assert state.job is not None
        self._forgotten.append(state.job)
        found = promised.result()
        used = {name: value for name, value in vars(over).items() if name not in ("cause", "message", "why")}
        self.run.costs.add(found.recording, (state.task.name,))
        took = {"inspecting": found.inspecting, "recording": self.run.costs.of(state.task.name)}
        event = self._event("over", state, attempt=state.attempts, used=used)
        event |= {name: round(seconds, 6) for name, seconds in took.items()}
        if found.happened is not None:
            event["happened"] = asdict(found.happened)
        else:
            event["outputs"] = {name: list(paths) for name, paths in found.outputs.items()}
            event["digests"] = {path: seen.digest for path, seen in found.seen.items()}
            event["fingerprint"] = state.inputs["fingerprint"]
        if found.report is not None:
            event["metrics"] = found.report.metrics.select(["path", "name", "of", "value"]).to_pylist()
        self.run.say([event])

    def _follow(self, state: TaskState) -> None:
        """Do what follows from an attempt that is over: keep what it made, or what its stage's rules say."""
        over = state.over
        assert over is not None
        if "happened" in over:
            self._decide(state, Happened.read(over["happened"]))
        else:
            self._keep(state, over)

    def _keep(self, state: TaskState, over: Event) -> None:
        """Move what was made into place, in one step; done again after a restart it is seen to be done."""
        run, digests = self.run, over["digests"]
        work, results = run.folders.work(state.task, over["attempt"]), run.folders.results(state.task)
        if work.is_dir():
            tidy(work, set(digests))
            move(work, results)
            run.settle(results.parent)
        try:
            self._done(state, results, over["outputs"], digests, what="done")
        except FileNotFoundError as error:  # somebody has taken it away meanwhile
            self._decide(state, Happened(Failure.MISSING, f"what it made is gone: {error.filename}"))
            return
        began = time.perf_counter()
        if over["fingerprint"]:
            kept = Kept(run.name, state.task.name, str(results), over["outputs"], digests)
            self._means.cache.remember(over["fingerprint"], kept)
        run.costs.add(time.perf_counter() - began)

    def _done(
        self,
        state: TaskState,
        results: Path,
        outputs: Mapping[str, Sequence[str]],
        digests: Mapping[str, str],
        *,
        what: str,
        **also: Any,
    ) -> None:
        began = time.perf_counter()
        files: dict[str, dict[str, Any]] = {}
        for path, digest in digests.items():
            seen = self._means.digests.remember(str(results / path), digest)
            self.run.known[seen.path] = seen
            files[path] = {"path": seen.path, "digest": digest, "size": seen.size}
        self.run.costs.add(time.perf_counter() - began)
        made = {name: [files[path] for path in paths] for name, paths in outputs.items()}
        named = {path for paths in outputs.values() for path in paths}
        beside = [files[path] for path in files if path not in named]
        self.run.say([self._event(what, state, outputs=made, **({"beside": beside} if beside else {}), **also)])

    def _decide(self, state: TaskState, happened: Happened) -> None:
        past = Past(state.in_this_way, state.used)
        decision = decide(state.rules, happened, past, state.needs, chance=self._means.chance())
        event = self._event("decided", state, do=_SAID[type(decision.do)], rule=decision.rule)
        event["why"] = _why(decision.do, happened)
        if decision.pause:
            event["until"] = event["time"] + decision.pause
        if decision.raised:
            event["raised"] = dict(decision.raised)
        self.run.say([event])
        # What the last one leaves behind stays, for a look; but a disk that is full is so for all.
        if state.attempts and (state.state is State.READY or happened.failure is Failure.DISK):
            self._clear(state)

    def _clear(self, state: TaskState) -> None:
        """Have taken away what an attempt leaves behind that comes to nothing."""
        folders, attempt = self.run.folders, state.attempts
        for folder in (folders.work(state.task, attempt), folders.scratch(state.task, attempt)):
            self._clearing.append(self._means.executor.submit(clear_away, folder))

    def _reuse(self, state: TaskState, prepared: Prepared) -> bool:
        """Take what was made of the same before; whether there is any."""
        results, kept = self.run.folders.results(state.task), self._means.cache.find(prepared.fingerprint)
        if kept is None or not brought(kept, results, self._means.digests):
            return False
        for folder in {results, *((results / each).parent for each in kept.digests)}:
            self.run.settle(folder)
        inputs = {"fingerprint": prepared.fingerprint, "seen": [asdict(each) for each in prepared.seen]}
        source = {"from": [kept.run, kept.task], "inputs": inputs}
        self._done(state, results, kept.outputs, kept.digests, what="reused", **source)
        return True

    def _refuse(self, state: TaskState, happened: Happened) -> None:
        """An attempt cannot even begin."""
        self.run.say([self._event("over", state, attempt=state.attempts, happened=asdict(happened))])
        self._decide(state, happened)

    def _release(self, state: TaskState, over: Ended | Lost) -> None:
        """A job is over, and has what it had no more, though what it made is yet to be looked at."""
        self._means.free.give_back(state.needs)
        containers = self._means.site.containers
        if containers is None or state.way.stage.environment.container is None or (isinstance(over, Ended) and over.ok):
            return
        # Who was ended could not tidy up.  Where that fails something lies about, and no more.
        with suppress(ValueError):
            folder = str(self.run.folders.work(state.task, state.attempts))
            if command := takes_away(containers, folder, site=self._means.site):
                self._means.executor.submit(answer_of, command)

    def _event(self, what: str, state: TaskState, **also: Any) -> Event:
        return {"what": what, "time": self._means.clock(), "task": state.task.name, **also}


def _needs_said(needs: Needs) -> dict[str, Any]:
    """What an attempt needs, as the journal has it."""
    return {**vars(needs), "licences": dict(needs.licences), "instruments": dict(needs.instruments)}


def _why(action: Action, happened: Happened) -> str:
    reason = getattr(action, "reason", "")
    return f"{happened.message} ({reason})" if reason else happened.message
