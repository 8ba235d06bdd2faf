"""Runs that nobody ran: orders and journals as the scheduler writes them, of as many tasks as are wanted."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from hashlib import sha256
from itertools import islice
from typing import TYPE_CHECKING, Any

from holotype.scheduling import Input, Output, Resources, Sample, Stage, Step, Workflow
from holotype.scheduling.checking.order import Order
from holotype.scheduling.running.digests import Seen
from holotype.scheduling.running.folders import Folders
from holotype.scheduling.running.journal import Journal
from holotype.scheduling.running.orders import write_order
from holotype.scheduling.running.progress import Progress, State
from holotype.scheduling.tasks.units import Units

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from holotype.scheduling.running.journal import Event
    from holotype.scheduling.running.progress import TaskState

__all__ = ["pretend"]

_STEPS = 10
# Events that are written at once.
_AT_ONCE = 10_000


def pretend(folder: Path, tasks: int, *, events: int, name: str = "run") -> Path:
    """Write a run of so many tasks into a site's folder, ten for each sample, each of which took a second.

    Its journal has so many ``events``; in the file that is returned are the others, as lines that come next.
    """
    run = _Pretended(folder, tasks, name)
    written = run.events()
    with closing(Journal(run.folders.journal)) as journal, closing(Journal(run.folders.whole / "rest")) as rest:
        for count, file in ((events, journal), (None, rest)):
            several = islice(written, count)
            while said := [*islice(several, _AT_ONCE)]:
                file.write(said)
    return run.folders.whole / "rest"


class _Pretended:
    def __init__(self, folder: Path, tasks: int, name: str) -> None:
        stages = [
            Stage(
                name=f"step{n}", command="sort {text} > {out}", inputs={"text": Input()},
                outputs={"out": Output("out.txt", checked=False)}, resources=Resources(memory="1 GiB"),
            )
            for n in range(_STEPS)
        ]  # fmt: skip
        steps = {s.name: Step(s, {"text": f"step{n - 1}.out" if n else "text"}) for n, s in enumerate(stages)}
        workflow = Workflow(name="pretended", inputs={"text": Input()}, steps=steps, outputs={"out": "step9.out"})
        samples = tuple(Sample(f"S{n:05}", {"text": f"/data/S{n:05}.txt"}) for n in range(tasks // _STEPS))
        order = Order(workflow, samples, {}, {})
        self.folders, self._name, self._clock = Folders(folder, name), name, 1.8e9
        self.folders.whole.mkdir(parents=True)
        write_order(order, self.folders.order)
        self._progress = Progress(Units(order))

    def events(self) -> Iterator[Event]:
        """All that happens."""
        yield {"what": "ordered", "time": self._clock, "by": "ada@lab", "tools": {}, "odd": []}
        while states := [*self._progress.each(State.READY)]:
            for state in states:
                for event in self._of(state):
                    self._progress.apply(event)
                    yield event

    def _of(self, state: TaskState) -> Iterator[Event]:
        task = state.task
        inputs = [
            asdict(Seen(path, 64, 1234567, 1 << 30, 10**18, 10**18, _digest(path)))
            for paths in state.way.inputs.values()
            for path in paths
        ]
        begun: dict[str, Any] = {"what": "begun", "time": self._clock, "ready": self._clock - 1, "task": task.name}
        begun |= {"attempt": 1, "job": f"{self._name}-{_digest(task.name)[:16]}-1", "stage": state.way.stage.name}
        begun |= {"command": f"sort {' '.join(*state.way.inputs.values())} > {task.folder}/out.txt", "parameters": {}}
        needs: dict[str, Any] = {
            "cpus": 1,
            "memory": 1 << 30,
            "disk": 0,
            "gpus": 0,
            "time": None,
            "licences": {},
            "instruments": {},
        }
        yield {**begun, "needs": needs, "inputs": {"fingerprint": _digest(f"f{task.name}"), "seen": inputs}}
        path = str(self.folders.results(task) / "out.txt")
        used = {"code": 0, "signal": None, "began": self._clock, "ended": self._clock + 1, "cpu": 0.9}
        used |= {"memory": 1 << 28, "read": 1 << 30, "written": 1 << 30}
        self._clock += 1.1
        over = {"what": "over", "time": self._clock, "task": task.name, "attempt": 1, "used": used}
        over |= {"outputs": {"out": ["out.txt"]}, "digests": {"out.txt": _digest(path)}}
        yield {**over, "fingerprint": _digest(f"f{task.name}")}
        made = {"out": [{"path": path, "digest": _digest(path), "size": 1 << 30}]}
        yield {"what": "done", "time": self._clock, "task": task.name, "outputs": made}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
