"""What comes next of a run: the inputs of tasks are looked at before there is room for them."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..declaring.policies import Failure
from ..tasks.commands import reads_of
from .attempts import needs_of
from .digests import untouched
from .happened import Happened
from .preparing import prepare
from .progress import State
from .resources import lacking
from .waiting import INPUTS, PAUSE, TURN, Line, Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..declaring.resources import Needs
    from .means import Means
    from .preparing import Prepared
    from .progress import TaskState
    from .run import Run

__all__ = ["Ahead", "Beginning", "Ready"]

# Tasks of a run that are prepared before there is room for them.
_MOST = 64
# Inputs that one looks at in passing, where none has to be read.
_FEW = 32


@dataclass(frozen=True)
class Ready:
    """A task that could begin.  ``since``: seconds since 1970."""

    run: Run
    state: TaskState
    needs: Needs
    since: float


@dataclass(frozen=True)
class Beginning:
    """What a task begins with.  ``waited``: seconds, by what it waited for."""

    prepared: Prepared
    needs: Needs
    since: float
    waited: dict[str, float]


class Ahead:
    """The tasks of one run that are ready, until they begin.

    ``reuse``: takes what was made of the same before, and says whether there was any.
    ``refuse``: is told of a task that cannot even begin, and what happened.
    """

    def __init__(
        self,
        run: Run,
        means: Means,
        *,
        reuse: Callable[[TaskState, Prepared], bool],
        refuse: Callable[[TaskState, Happened], None],
    ) -> None:
        self._run, self._means, self._reuse, self._refuse = run, means, reuse, refuse
        self._line, self._waits = Line(means.clock()), dict[str, Wait]()
        self._looking: dict[str, Future[Prepared]] = {}
        self._prepared: dict[str, tuple[Prepared, Needs, float]] = {}
        self._first: dict[str, str] = {}  # digests of the files that were given, as they were first seen

    @property
    def busy(self) -> bool:
        """Whether inputs are being read."""
        return bool(self._looking)

    def pauses(self) -> Iterator[float]:
        """Seconds until those may begin that wait for a time."""
        now = self._means.clock()
        return (state.since - now for state in self._run.progress.each(State.READY) if state.since > now)

    def remember(self, state: TaskState) -> None:
        """Know again what a task began with, before somebody died."""
        for each in state.inputs.get("seen", ()):
            self._first.setdefault(each["path"], each["digest"])

    def collect(self) -> bool:
        """Take what threads have found out; whether they have."""
        over = [name for name, promised in self._looking.items() if promised.done()]
        for name in over:
            self._take(self._run.progress.tasks[name], self._looking.pop(name))
        return bool(over)

    def look(self) -> bool:
        """Have the inputs of what is ready looked at, for some tasks at a time; whether some were, in passing."""
        run, now, means = self._run, self._means.clock(), self._means
        if run.progress.ending is not None:
            return False
        room, passing = _MOST - len(self._looking) - len(self._prepared), False

        def new(state: TaskState) -> bool:
            name = state.task.name
            return name not in self._prepared and name not in self._looking and state.since <= now

        for state in run.progress.first(max(0, room), State.READY, new):
            self._waits[state.task.name] = self._waited(state, now)
            look = partial(prepare, state.way, state.task, means.digests, known=run.known)
            look = partial(look, versions=means.versions, images=means.images)
            if self._is_at_hand(state):
                self._take(state, _at_once(look))
                passing = True
            else:
                self._looking[state.task.name] = means.executor.submit(look)
        first = next(iter(self._prepared), None)
        self._line.seen(now, (TURN,) if first is None else self._waits[first].reasons)
        return passing

    def ready(self) -> Iterator[Ready]:
        """What could begin."""
        for name, (_, needs, since) in list(self._prepared.items()):
            state = self._run.progress.tasks[name]
            if state.state is State.READY:
                yield Ready(self._run, state, needs, since)
            else:
                del self._prepared[name]  # its sample was stopped
                del self._waits[name]

    def leave(self, name: str, now: float, lacking: tuple[str, ...]) -> None:
        """Take note of what keeps a task from being begun now; nothing may be lacking, and others come first."""
        self._waits[name].seen(now, lacking or (TURN,))

    def begin(self, name: str, now: float) -> Beginning:
        """It begins, and is ready no more."""
        prepared, needs, since = self._prepared.pop(name)
        return Beginning(prepared, needs, since, self._waits.pop(name).over(now))

    def _is_at_hand(self, state: TaskState) -> bool:
        """Whether nothing has to be read to know what its inputs are."""
        every = [self._run.known.get(path) for path in reads_of(state.way)]
        try:
            return len(every) <= _FEW and all(seen is not None and untouched(seen) for seen in every)
        except OSError:
            return False

    def _waited(self, state: TaskState, now: float) -> Wait:
        """What it has waited until its inputs are read."""
        after = max(state.opened, min(now, state.since))
        return Wait(now, INPUTS, {**self._line.between(after, now), PAUSE: after - state.opened})

    def _take(self, state: TaskState, promised: Future[Prepared]) -> None:
        """Its inputs have been looked at."""
        name, wait = state.task.name, self._waits.pop(state.task.name)
        if state.state is not State.READY:
            return
        try:
            prepared, needs = promised.result(), needs_of(state)
            self._run.costs.add(prepared.seconds, (name,))
        except OSError as error:
            self._refuse(state, Happened(Failure.INPUT, f"an input cannot be read: {error}"))
            return
        except ValueError as error:
            self._refuse(state, Happened(Failure.START, str(error)))
            return
        other = [each.path for each in prepared.seen if self._first.setdefault(each.path, each.digest) != each.digest]
        if other:
            self._refuse(state, Happened(Failure.INPUT, f"{other[0]} is not what it was when this run first took it"))
            return
        if self._reuse(state, prepared):
            return
        if wrong := lacking(self._means.site, needs):
            self._refuse(state, Happened(Failure.START, wrong))
            return
        wait.seen(self._means.clock(), (TURN,))
        self._waits[name] = wait
        self._prepared[name] = (prepared, needs, max(state.opened, state.since))


def _at_once(look: Callable[[], Prepared]) -> Future[Prepared]:
    """What a thread would have found out."""
    promised: Future[Prepared] = Future()
    try:
        promised.set_result(look())
    except (OSError, ValueError) as error:
        promised.set_exception(error)
    return promised
