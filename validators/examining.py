"""An examination: one thing after another is looked at, and there is one report of all."""

from __future__ import annotations

from collections import deque
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .check import Check, Cost, GroupCheck
from .errors import InvalidChoice
from .limits import Limits
from .looking import (
    CRASHED,
    FRAME,
    UNAVAILABLE,
    frame_version,
    look_at,
    look_together,
    only_the_frame,
    unheld,
)
from .metrics import Threshold
from .registry import REGISTRY
from .report import Report
from .subjects import Subject

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    import pyarrow as pa

    from .findings import Code

__all__ = ["Examination"]

# Files that an executor has at a time: enough for every worker, while what waits does not grow with the folder.
_AHEAD = 256
# Reports that are put together at a time: an Arrow table of two rows takes kilobytes, one of a thousand little more.
_TOGETHER = 512


class Examination:
    """Looks at one thing after another, and makes one report of all; for those who come upon files one by one.

    The options are those of ``validate``.  It belongs to one thread.  Raises ``CheckRefused`` for a check that there is
    not, or ``InvalidChoice``.
    """

    def __init__(
        self,
        *,
        checks: Iterable[Check | GroupCheck | str] | None = None,
        also: Iterable[Check | GroupCheck | str] = (),
        cost: Cost | str = Cost.FULL,
        thresholds: Iterable[Threshold] = (),
        limits: Limits | None = None,
    ) -> None:
        every = (*(REGISTRY.every() if checks is None else _chosen(checks)), *_chosen(also))
        self.limits, self.cost = limits or Limits(), _cost(cost)
        alone = tuple(each for each in every if isinstance(each, Check))
        self._together = tuple(each for each in every if isinstance(each, GroupCheck))
        self._look = _Look(alone, _thresholds(thresholds))
        self._usual = checks is None
        self._whole: list[Report] = []
        self._last: list[Report] = []

    def settled(self, report: Report) -> pa.Array:
        """The paths of the files of which a report says all that would be found out here: none of them need be looked
        at again, if it is the same.
        """
        from .merging import settled  # polars takes half a second

        checks = [each for each in self._look.checks if not each.last and each.cost.rank <= self.cost.rank]
        return settled(report, checks, (FRAME, frame_version(self._look.thresholds)), self.cost)

    def subject(self, what: Any, *, name: str | None = None, format: str | None = None) -> Subject:
        """Something to look at, with the limits of this examination.  Raises ``SubjectNotFound``, ``InvalidChoice``."""
        return Subject(what, name=name, format=format, cost=self.cost, limits=self.limits)

    def look(self, subject: Subject) -> Report:
        """Look at one thing; returns what was found in it, which is part of the whole."""
        return self._take(self._look(subject))

    def look_at_all(self, subjects: Sequence[Subject], executor: Executor | None = None) -> Iterator[Report]:
        """Look at many, by an executor's workers if there is one; what is found in each, in order.

        When a worker dies, what it had not looked at is a finding.
        """
        yield from map(self._take, map(self._look, subjects) if executor is None else self._by(executor, subjects))

    def look_together(self, subjects: Sequence[Subject], *, name: str) -> None:
        """Look at what belongs together: pairs, indexes, references.  ``name``: what the report calls all of them, and
        by which it tells of checks that could not be loaded.
        """
        self.tell_troubles(name)
        for check in self._together if subjects else ():
            self._take(look_together(subjects, check, name, self.limits))

    def ask(self, check: GroupCheck, *, name: str) -> Report:
        """Let a check look that knows itself at what: what is no file and no table, as the plan of an analysis."""
        return self._take(look_together((), check, name, self.limits))

    def tell(self, name: str, code: Code, why: str, *, column: str | None = None, record: str | None = None) -> None:
        """Tell of one of the rules of the frame itself."""
        self._take(only_the_frame(name, [(code, why, record)], limits=self.limits, column=column))

    def tell_troubles(self, name: str) -> None:
        """Tell of checks of installed packages that could not be loaded, where no others were named."""
        for point, why in REGISTRY.troubles.items() if self._usual else ():
            what = f"a package offers the check {point}, which cannot be loaded: {why}"
            self.tell(name, UNAVAILABLE, what, record=point)

    def hold(self, name: str, *, known: Report | None = None) -> None:
        """Tell of thresholds that nothing was held against, for nobody who could tell their figures looked at anything.

        ``name``: what the report calls all that was looked at.  ``known``: what is known of it from elsewhere.
        """
        if not self._look.thresholds:
            return
        report = self.report() if known is None else Report.together([self.report(), known])
        for rule in unheld(report, self._look.thresholds):
            self.tell(name, rule.code, f"there is no figure {rule.metric}", column=rule.metric, record=rule.of)

    def report(self) -> Report:
        """All that was found."""
        return Report.together([*self._whole, *self._last])

    def _take(self, one: Report) -> Report:
        self._last.append(one)
        if len(self._last) >= _TOGETHER:
            self._whole.append(Report.together(self._last))
            self._last = []
        return one

    def _by(self, executor: Executor, subjects: Sequence[Subject]) -> Iterator[Report]:
        """What an executor's workers find, in the order of the subjects."""
        waiting: deque[tuple[Subject, Future[Report] | BrokenExecutor]] = deque()
        for subject in subjects:
            waiting.append((subject, _submitted(executor, self._look, subject)))
            if len(waiting) >= _AHEAD:
                yield _result(*waiting.popleft())
        while waiting:
            yield _result(*waiting.popleft())


@dataclass(frozen=True)
class _Look:
    """Looks at one subject; it goes to where an executor's work is done."""

    checks: tuple[Check, ...]
    thresholds: tuple[Threshold, ...]

    def __call__(self, subject: Subject) -> Report:
        try:
            return look_at(subject, self.checks, self.thresholds)
        finally:
            subject.forget()


def _submitted(executor: Executor, look: _Look, subject: Subject) -> Future[Report] | BrokenExecutor:
    try:
        return executor.submit(look, subject)
    except BrokenExecutor as error:
        return error


def _result(subject: Subject, promised: Future[Report] | BrokenExecutor) -> Report:
    try:
        if not isinstance(promised, BrokenExecutor):
            return promised.result()
        error = promised
    except BrokenExecutor as broken:
        error = broken
    why = f"it was not looked at: the process that would have, or was at another file, has died: {error}"
    return only_the_frame(subject.name, [(CRASHED, why, None)], limits=subject.limits, complete=False)


def _cost(given: Cost | str) -> Cost:
    try:
        return Cost(given)
    except ValueError:
        raise InvalidChoice(f"there is no cost {given!r}; there are {', '.join(Cost)}", cost=given) from None


def _chosen(given: Iterable[Check | GroupCheck | str]) -> tuple[Check | GroupCheck, ...]:
    return tuple(map(_check, _several(given, "checks", (Check, GroupCheck, str))))


def _check(given: object) -> Check | GroupCheck:
    if isinstance(given, str):
        return REGISTRY.named(given)
    if not isinstance(given, (Check, GroupCheck)):
        # One that is passed over would be taken for one that found nothing.
        kind = "the class" if isinstance(given, type) else "a"
        name = given.__name__ if isinstance(given, type) else type(given).__name__
        hint = "; SchemaCheck(schema) is one" if name == "TableSchema" else ""
        raise InvalidChoice(f"a check is an instance of Check or GroupCheck, or a name, and not {kind} {name}{hint}")
    return given


def _thresholds(given: Iterable[Threshold]) -> tuple[Threshold, ...]:
    told = tuple(_several(given, "thresholds", (Threshold,)))
    for each in told:
        if not isinstance(each, Threshold):
            raise InvalidChoice(f"a threshold is a Threshold, and not {each!r}")
    return told


def _several(given: Any, what: str, kinds: tuple[type, ...]) -> Iterable[Any]:
    if isinstance(given, kinds):
        raise InvalidChoice(f"{what} are several: [{given!r}]")
    return tuple(given)
