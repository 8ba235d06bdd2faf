"""Validating: one thing, or all files of a folder, looked at by every check that is for it."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import BrokenExecutor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .check import Check, Cost, GroupCheck
from .errors import InvalidChoice, SubjectNotFound
from .limits import Limits
from .looking import CRASHED, UNAVAILABLE, look_at, look_together, only_the_frame
from .registry import REGISTRY
from .report import Report
from .subjects import Subject
from .walking import walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Executor

    from .metrics import Threshold

__all__ = ["Looked", "validate", "validate_folder"]

# Files that an executor has at a time: enough for every worker, while what waits does not grow with the folder.
_AHEAD = 256
# Reports that are put together at a time: an Arrow table of two rows takes kilobytes, one of a thousand little more.
_TOGETHER = 512


@dataclass(frozen=True)
class Looked:
    """How far a folder has been looked at: files and bytes done, of how many, and the last one."""

    files: int
    bytes: int
    total_files: int
    total_bytes: int
    path: str


def validate(
    what: Any,
    *,
    checks: Iterable[Check | str] | None = None,
    also: Iterable[Check | str] = (),
    format: str | None = None,
    cost: Cost | str = Cost.FULL,
    name: str | None = None,
    thresholds: Iterable[Threshold] = (),
    limits: Limits | None = None,
) -> Report:
    """Look at a file (a path, or a binary file object that can seek), a folder that is one thing (a Zarr group), or a
    dataframe of polars, pandas or pyarrow.

    ``checks``: these and no others, by default all that are for its format; ``also``: these too.  ``format``: what it
    is, where the caller knows better than its content.  ``cost``: how much to look at: ``header``, ``sample``, or
    ``full``.  ``name``: what the report calls it.  ``thresholds``: what figures have to be.

    What is wrong with it is in the report, unreadable files included.  Raises ``SubjectNotFound``, ``InvalidChoice``,
    or ``CheckRefused`` for a check that there is not.
    """
    subject = Subject(what, name=name, format=format, cost=_cost(cost), limits=limits)
    if subject.folder and subject.format is None:
        raise InvalidChoice(f"{subject.name} is a folder of files: validate_folder looks at each", path=subject.name)
    asked = _chosen(checks)
    # A check that the caller names looks at what it is given, whatever that seems to be.
    look = _Look(asked + _chosen(also), tuple(thresholds), all_formats=checks is not None)
    told = [] if checks is not None else _troubles(subject.name, subject.limits)
    return Report.together([look(subject), *told])


def validate_folder(
    folder: str | os.PathLike[str],
    *,
    patterns: Iterable[str] = ("*",),
    checks: Iterable[Check | GroupCheck | str] | None = None,
    cost: Cost | str = Cost.FULL,
    thresholds: Iterable[Threshold] = (),
    limits: Limits | None = None,
    executor: Executor | None = None,
    progress: Callable[[Looked], object] | None = None,
) -> Report:
    """Look at every file below a folder whose path below it one of ``patterns`` matches, and at what belongs together:
    pairs, indexes, references.  The report calls each file by its path below the folder, with slashes.

    ``executor``: looks at several at once; when one of its workers dies, what it had not looked at is a finding.  Links
    are noted and not followed.  Folders that cannot be read are findings.  Otherwise as ``validate``.
    """
    top = os.fspath(folder)
    if not os.path.isdir(top):
        raise SubjectNotFound(f"there is no folder {top}", path=top)
    if isinstance(patterns, str):
        raise InvalidChoice(f"patterns are several: [{patterns!r}]", patterns=patterns)
    limits = limits or Limits()
    level, every = _cost(cost), _chosen(checks)
    walked = walk(top, tuple(patterns))
    subjects = [Subject(os.path.join(top, name), name=name, cost=level, limits=limits) for name in walked.names]
    look = _Look(every, tuple(thresholds))
    report = _Gathered([] if checks is not None else _troubles(top, limits))
    for name, code, why in walked.troubles:
        report.add(only_the_frame(name, [(code, why, None)], limits=limits))
    total = sum(walked.sizes)
    done = 0
    results = map(look, subjects) if executor is None else _by(executor, look, subjects)
    for number, (subject, size, one) in enumerate(zip(subjects, walked.sizes, results, strict=True), 1):
        report.add(one)
        done += size
        if progress is not None:
            progress(Looked(number, done, len(subjects), total, subject.name))
    together = [each for each in every if isinstance(each, GroupCheck)]
    for each in together if subjects else ():
        report.add(look_together(subjects, each, top, limits))
    return report.all()


class _Gathered:
    """Reports that are put together as they come."""

    def __init__(self, first: list[Report]) -> None:
        self._whole: list[Report] = []
        self._last = first

    def add(self, one: Report) -> None:
        """One more."""
        self._last.append(one)
        if len(self._last) >= _TOGETHER:
            self._whole.append(Report.together(self._last))
            self._last = []

    def all(self) -> Report:
        """All of them."""
        return Report.together([*self._whole, *self._last])


@dataclass(frozen=True)
class _Look:
    """Looks at one subject; it goes to where an executor's work is done."""

    checks: Sequence[Check | GroupCheck]
    thresholds: Sequence[Threshold]
    all_formats: bool = False

    def __call__(self, subject: Subject) -> Report:
        alone = [each for each in self.checks if isinstance(each, Check)]
        try:
            return look_at(subject, alone, self.thresholds, all_formats=self.all_formats)
        finally:
            subject.forget()


def _by(executor: Executor, look: _Look, subjects: Sequence[Subject]) -> Iterator[Report]:
    """What an executor's workers find, in the order of the subjects."""
    waiting: deque[tuple[Subject, Future[Report] | BrokenExecutor]] = deque()
    for subject in subjects:
        waiting.append((subject, _submitted(executor, look, subject)))
        if len(waiting) >= _AHEAD:
            yield _result(*waiting.popleft())
    while waiting:
        yield _result(*waiting.popleft())


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


def _chosen(given: Iterable[Check | GroupCheck | str] | None) -> tuple[Check | GroupCheck, ...]:
    if given is None:
        return REGISTRY.every()
    return tuple(REGISTRY.named(each) if isinstance(each, str) else each for each in given)


def _troubles(name: str, limits: Limits) -> list[Report]:
    """What there is to say of checks of installed packages that could not be loaded."""
    if not REGISTRY.troubles:
        return []
    told = [
        (UNAVAILABLE, f"a package offers the check {point}, which cannot be loaded: {why}", point)
        for point, why in REGISTRY.troubles.items()
    ]
    return [only_the_frame(name, told, limits=limits)]
